"""Free JSON: what an object that a caller makes up may hold."""

from collections.abc import Mapping
from typing import cast

from mcp_handoff.text.characters import storable

JSON_BYTES = 65_536
"""The most that a free JSON object (evidence, metadata) may take, as compact JSON."""

JSON_DEPTH = 32
"""How deep such an object may be nested."""

_INTEGER_LIMIT = 2**63


def check_json(value: object, *, depth: int = 1) -> None:
    """Refuse with ValueError what not every JSON reader takes: NUL, NaN, huge integers, depth."""
    match value:
        case Mapping() | list() if depth > JSON_DEPTH:
            raise ValueError(f"must not be nested deeper than {JSON_DEPTH} levels")
        case str():
            storable(value)
        case bool() | None:
            pass
        case int() if not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
            raise ValueError("integers in it must fit 64 bits")
        case float() if value != value or value in (float("inf"), float("-inf")):
            raise ValueError("numbers in it must be finite")
        case Mapping():
            for key, item in cast(Mapping[str, object], value).items():
                storable(key)
                check_json(item, depth=depth + 1)
        case list():
            for item in cast(list[object], value):
                check_json(item, depth=depth + 1)
        case _:
            pass
