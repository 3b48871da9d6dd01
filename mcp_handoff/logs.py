"""What the program writes on stderr about itself: never a secret."""

import logging
import sys
from contextvars import ContextVar
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from mcp_handoff.text.masking import masked_json

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the HTTP request that is served here and now."""


def write_logs_as_json(level: str) -> None:
    """Write each record on stderr as one JSON object: time, level, logger, message, the request's
    id and what the record adds."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Formatter(
            "%(levelname)s %(name)s %(message)s",
            timestamp="time",
            rename_fields={"levelname": "level", "name": "logger"},
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)


class _Formatter(JsonFormatter):
    """Masks every text that a record holds."""

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        if request := request_id.get():
            log_data["request"] = request
        return masked_json(log_data)
