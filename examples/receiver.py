"""A receiver of dispatches: verifies each, runs a command as the build, and reports back.

    BUILD_DISPATCH_SECRET=whsec_... python receiver.py PORT COMMAND [ARGUMENT ...]

The command finds the run in RUN_ID, HANDOFF_REFERENCE, PROVIDER and REPO; its exit status decides.
"""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

MAX_BYTES = 100_000
SECONDS = 30


class Builds:
    """The command, run once for each run however often its dispatch comes."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._begun: set[str] = set()
        self._lock = Lock()

    def begin(self, run: dict[str, Any]) -> None:
        with self._lock:
            if run["run_id"] in self._begun:
                return
            self._begun.add(run["run_id"])
        Thread(target=self._build, args=(run,)).start()

    def _build(self, run: dict[str, Any]) -> None:
        report(run, status="running")
        told = {
            "RUN_ID": run["run_id"],
            "HANDOFF_REFERENCE": run["reference"],
            "PROVIDER": run["provider"] or "",
            "REPO": run["repo"] or "",
        }
        done = subprocess.run(self._command, env={**os.environ, **told}, check=False)
        if done.returncode == 0:
            report(run, status="succeeded", build_ref=f"local/{run['run_id']}")
        else:
            why = f"The command ended with status {done.returncode}."
            report(run, status="failed", error_message=why)


def report(run: dict[str, Any], **progress: str) -> None:
    """Tell the desk how far a run is."""
    headers = {
        "Authorization": f"Bearer {run['report_token']}",
        "Content-Type": "application/json",
    }
    body = json.dumps(progress).encode()
    request = urllib.request.Request(run["report_url"], body, headers)
    urllib.request.urlopen(request, timeout=SECONDS).close()


class Handler(BaseHTTPRequestHandler):
    webhook: Webhook
    builds: Builds

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if length > MAX_BYTES:
            return self.send_error(413)
        body = self.rfile.read(length).decode()
        try:
            message = self.webhook.verify(body, dict(self.headers))
        except WebhookVerificationError:
            return self.send_error(401)
        self.builds.begin(message["data"])
        self.send_response(202)
        self.end_headers()
        return None


def main() -> None:
    port, *command = sys.argv[1:]
    Handler.webhook = Webhook(os.environ["BUILD_DISPATCH_SECRET"])
    Handler.builds = Builds(command)
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
