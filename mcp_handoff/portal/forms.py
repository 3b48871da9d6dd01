"""What a form of ours holds when it comes back."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.requests import Request

from mcp_handoff.errors import Forbidden, Malformed
from mcp_handoff.portal.rendering import guard_key, guard_of

MOST_FIELDS = 100
"""How many fields a form has at most."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields that were filled in, each with all its values."""

    fields: Mapping[str, list[str]]

    def one(self, name: str) -> str | None:
        """Return a field's value, None for one that was left empty."""
        return self.fields[name][0] if name in self.fields else None

    def given(self, *names: str) -> dict[str, str]:
        """Return those of these fields that were filled in."""
        return {name: self.fields[name][0] for name in names if name in self.fields}

    def all(self, name: str) -> list[str]:
        """Return the values that were chosen for a field."""
        return self.fields.get(name, [])


async def read_form(request: Request) -> Form:
    """Return what was filled in on a page of ours.

    Raises Malformed for what is no form, Forbidden for one that another site made this browser
    send.
    """
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind != "application/x-www-form-urlencoded":
        raise Malformed("This page takes what its own form sends.")
    try:
        text = (await request.body()).decode("utf-8")
        fields = parse_qs(text, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise Malformed("The form can't be read.") from None
    key, sent = guard_key(request), fields.pop("guard", [""])[0]
    salt = sent.partition(".")[0]
    if key is None or not hmac.compare_digest(sent.encode(), guard_of(key, salt).encode()):
        raise Forbidden("This form is none of this browser's session. Load the page again.")
    return Form({name: [value.replace("\r\n", "\n") for value in fields[name]] for name in fields})
