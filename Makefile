# Every target sets up what it needs in .venv; PYTHON may name any Python from 3.11 on.
PYTHON ?= python3
BIN := .venv/bin
LOCK = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-strip-extras --no-annotate --custom-compile-command 'make lock'
INSTALL := python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test check check-lowest docs lock proofs wide-proofs bench bench-check screenshots recording bundle guidance dist clean

demo: .venv/package
	@$(BIN)/mcp-handoff demo

# What is told in minutes here is measured on two cores.
test: .venv/development
	@echo 'Under 4 minutes.'
	$(BIN)/python -m pytest -n auto -m 'not proof'

check: .venv/development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	@$(MAKE) --no-print-directory test

# The tests that take longer, for they kill, wait out deadlines, fill stores or drive browsers.
proofs: .venv/development
	@echo 'Some 20 minutes.'
	$(BIN)/python -m pytest -n auto -m proof

# The tests of faults, all that they have, with dice of their own; the seed repeats a run.
wide-proofs: .venv/development
	@seed=$${HANDOFF_SEED:-$$($(BIN)/python -c 'import secrets; print(secrets.randbelow(10**6))')}; \
		echo "HANDOFF_SEED=$$seed"; HANDOFF_PROOFS=wide HANDOFF_SEED=$$seed \
		$(BIN)/python -m pytest -n auto tests/faults tests/backends tests/dispatch

# The tests with the oldest versions that pyproject.toml admits.
check-lowest: .venv-lowest/development
	.venv-lowest/bin/python -m pytest -n auto

# The docs site, into build/site: as a page that MkDocs warns of fails, so does a link that leads
# nowhere.
docs: .venv/development
	NO_COLOR=1 NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo 'The docs are in build/site/index.html.'

# What the targets above and the Dockerfile install, to the byte, for every Python and system that is supported.
lock: .venv/development
	$(BIN)/$(INSTALL) --group lock
	$(LOCK) --group build --output-file requirements/package.txt pyproject.toml
	$(LOCK) --group build --output-file requirements/build.txt
	$(LOCK) --extra postgres --output-file requirements/container.txt pyproject.toml
	$(LOCK) --group build --group dev --output-file requirements/development.txt pyproject.toml
	$(LOCK) --group build --group dev --output-file requirements/lowest.txt --resolution lowest-direct \
		pyproject.toml
	$(LOCK) --group release --output-file requirements/release.txt
	for client in sdk_v1 fastmcp; do \
		$(LOCK) --output-file tests/foreign/python/$$client.txt tests/foreign/python/$$client.in || exit 1; done

# All tables; installs two other servers beside which ours is measured (benchmarks/peers.py).
bench: .venv/development
	$(BIN)/python -m benchmarks

# Fails when a call costs a server more processor than benchmarks/ratios.json says; `make bench-check
# ARGS=--write` writes it anew.
bench-check: .venv/development
	$(BIN)/python -m benchmarks.processor $(ARGS)

# The pictures of the portal in docs/pictures, with the system's Chromium.
screenshots: .venv/development
	$(BIN)/python -m tests.portal.screenshots

# The demo as an animated picture in docs/pictures; again when what it says has changed.
recording: .venv/development
	$(BIN)/python -m tests.demo.picture

# dist/mcp-handoff-*.mcpb, for hosts that install MCP bundles.
bundle: .venv/development
	$(BIN)/python -m bundle

# What agents are told of the desk (guidance/handoff.md), into the form of each client.
guidance: .venv/python
	$(BIN)/python -m guidance

# What is published: sdist, wheel, and a list of all that the wheel brings with it (CycloneDX).
dist: .venv/package .venv-release/tools
	rm -rf dist .venv-release/installed
	$(BIN)/hatchling build --directory dist
	$(PYTHON) -m venv --without-pip .venv-release/installed
	sed -n '/^[a-z]/{s/\[[^]]*\]//; s/ *\\$$//; p}' requirements/package.txt > .venv-release/versions.txt
	$(BIN)/python -m pip --python .venv-release/installed install --quiet --disable-pip-version-check \
		--constraint .venv-release/versions.txt dist/*.whl
	version=$$($(BIN)/hatchling version) && \
	sed "s/^dynamic = .*/version = \"$$version\"/" pyproject.toml > .venv-release/pyproject.toml && \
	.venv-release/bin/cyclonedx-py environment --pyproject .venv-release/pyproject.toml \
		--output-reproducible --output-file dist/mcp-handoff-$$version.cdx.json .venv-release/installed

clean:
	rm -rf dist .venv .venv-lowest .venv-release .benchmarks .pytest_cache .ruff_cache .hypothesis

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'mcp-handoff needs Python 3.11 or newer: make PYTHON=python3.12 ...' >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/package: .venv/python pyproject.toml requirements/package.txt
	$(BIN)/$(INSTALL) --require-hashes --requirement requirements/package.txt
	$(BIN)/$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/development: .venv/package requirements/development.txt
	$(BIN)/$(INSTALL) --require-hashes --requirement requirements/development.txt
	@touch $@

.venv-lowest/development: pyproject.toml requirements/lowest.txt
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/$(INSTALL) --require-hashes --requirement requirements/lowest.txt
	.venv-lowest/bin/$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv-release/tools: requirements/release.txt
	$(PYTHON) -m venv .venv-release
	.venv-release/bin/$(INSTALL) --require-hashes --requirement requirements/release.txt
	@touch $@
