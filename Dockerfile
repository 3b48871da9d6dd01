# The desk as an image: `docker build --tag mcp-handoff .`, then docs/deployment.md. Tags move on; for
# builds that come out the same for years, name the base by the digest that
# `docker buildx imagetools inspect python:3.13-slim` tells.

FROM python:3.13-slim AS build
WORKDIR /source
COPY requirements/build.txt requirements/container.txt requirements/
RUN python -m venv /build \
    && /build/bin/pip install --no-cache-dir --require-hashes --requirement requirements/build.txt
RUN python -m venv --without-pip /opt/mcp-handoff \
    && /build/bin/pip --python /opt/mcp-handoff install --no-cache-dir --require-hashes \
        --requirement requirements/container.txt
COPY pyproject.toml README.md LICENSE ./
COPY mcp_handoff mcp_handoff
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . \
    && /build/bin/pip --python /opt/mcp-handoff install --no-cache-dir --no-deps dist/*.whl

FROM python:3.13-slim
COPY --from=build /opt/mcp-handoff /opt/mcp-handoff
RUN install --directory --owner=10001 --group=10001 --mode=700 /data
ENV PATH=/opt/mcp-handoff/bin:/usr/local/bin:/usr/bin:/bin \
    HANDOFF_BACKEND=sqlite:////data/handoff.db
USER 10001:10001
VOLUME /data
EXPOSE 8484
STOPSIGNAL SIGTERM
# Whether the process lives: a new one would not mend a database that is away, of which /readyz tells.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["python", "-Ic", "\
from http.client import HTTPConnection; \
desk = HTTPConnection('127.0.0.1', 8484, timeout=4); \
desk.request('GET', '/healthz'); \
raise SystemExit(desk.getresponse().status != 200)"]
ENTRYPOINT ["mcp-handoff"]
CMD ["serve", "--host", "0.0.0.0"]
