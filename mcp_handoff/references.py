"""How a ticket is named: by uuid, by reference (HO-12-shop) or by number."""

import re
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from mcp_handoff.schema import STORABLE, WHOLE

PATTERN = (
    "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    "|[Hh][Oo]-[1-9][0-9]{0,14}-[A-Za-z0-9-]{1,60}"
    "|[1-9][0-9]{0,14})$"
)
"""A ticket's uuid, reference or number, for those who describe it to others."""

IN_TEXT = (
    r"(?<![\w@-])[Hh][Oo]-(?P<number>[1-9][0-9]{0,14})"
    r"(?:-(?P<project>[A-Za-z0-9]++(?:-[A-Za-z0-9]++)*+))?+(?![\w@]|[.-]\w)"
)
"""A reference within a text, as a word of its own: not in XHO-12, HO-12a, HO-12.5 or HO-12.md."""

_IN_TEXT = re.compile(IN_TEXT)
_REFERENCE = re.compile(r"HO-([1-9][0-9]{0,14})-([a-z0-9-]{1,60})", re.IGNORECASE)
_NUMBER = re.compile(r"#?([1-9][0-9]{0,14})")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TicketKey:
    """A name taken apart: a uuid or a number, and the project's slug where a reference has it."""

    id: str | None = None
    number: int | None = None
    project: str | None = None


def reference(number: int, slug: str) -> str:
    """Return a ticket's reference: HO-{number}-{project slug}."""
    return f"HO-{number}-{slug}"


def ticket_address(desk: str | None, reference: str) -> str | None:
    """Return where people read a ticket at the desk that is reached under an address, None where
    none is known."""
    return f"{desk.rstrip('/')}{ticket_path(reference)}" if desk else None


def ticket_path(name: str) -> str:
    """Return the path of a ticket's page at any desk."""
    return f"/tickets/{quote(name)}"


def project_of(reference: str) -> str | None:
    """Return the slug of the project in a ticket's reference, None when it is none of ours."""
    found = _REFERENCE.fullmatch(reference)
    return found[2].lower() if found else None


def mentioned(text: str) -> list[str]:
    """Return the references of tickets that a text mentions, in their order."""
    return [found[0] for found in _IN_TEXT.finditer(text) if found["project"]]


def parse_name(name: str) -> TicketKey:
    """Take a ticket's name apart; ValueError when it is none."""
    if found := _REFERENCE.fullmatch(name):
        return TicketKey(number=int(found[1]), project=found[2].lower())
    if found := _NUMBER.fullmatch(name):
        return TicketKey(number=int(found[1]))
    if _UUID.fullmatch(name):
        return TicketKey(id=name.lower())
    raise ValueError("must be a uuid, a reference like HO-12-shop, or a number")


def _number_as_text(value: Any) -> Any:
    return str(value) if type(value) is int and abs(value) < 2**63 else value


def _check_name(name: str) -> str:
    try:
        parse_name(name)
    except ValueError as error:
        raise PydanticCustomError("reference", "{why}", {"why": str(error)}) from None
    return name


TicketName = Annotated[
    str,
    STORABLE,
    BeforeValidator(_number_as_text),
    WHOLE,
    AfterValidator(_check_name),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": PATTERN},
                {"type": "integer", "minimum": 1, "maximum": 10**15 - 1},
            ]
        }
    ),
]
"""A ticket's uuid, reference or number."""
