"""A line for Slack: whatever others wrote in it, it is one line and no markup."""

from typing import Any, get_args

import pytest

from mcp_handoff.dispatch.slack import TITLE_LENGTH, line
from mcp_handoff.events import WorkKind

KINDS: tuple[WorkKind, ...] = get_args(WorkKind)

ADDRESS = "https://desk.example/tickets/HO-7-shop"


def message(kind: str, **data: Any) -> dict[str, Any]:
    """Return a message about a ticket, as it waits for its webhook."""
    told = {
        "project": "shop",
        "ticket": "HO-7-shop",
        "title": "Checkout fails",
        "actor_role": "user",
        "actor_id": "mia",
        "source": "portal",
        "principal_id": "01a22419-638c-7d06-a5b8-2f4f44a9ae2d",
        "principal_name": "mia",
        "subject_id": "01a22419-64d9-7d06-a5b8-2f4f44a9ae2d",
        **data,
    }
    return {"type": kind, "timestamp": "2026-11-02T09:30:00.000Z", "data": told}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("ticket.created", "filed by mia (user)"),
        ("ticket.closed", "closed by mia (user)"),
        ("message.added", "a message from mia (user)"),
        ("build.failed", "its build failed"),
    ],
)
def test_a_line_names_the_ticket_and_says_what_happened(kind: str, words: str) -> None:
    assert line(message(kind), ADDRESS) == f"<{ADDRESS}|HO-7-shop> Checkout fails: {words}"
    assert line(message(kind), None) == f"HO-7-shop Checkout fails: {words}"


def test_every_kind_has_words_of_its_own() -> None:
    lines = {line(message(kind), None) for kind in KINDS}
    assert len(lines) == len(KINDS)
    assert not [one for one in lines if "{" in one or "\n" in one]


def test_what_is_about_no_ticket_is_named_by_its_id() -> None:
    told = message("build.created")
    for name in ("ticket", "title", "project"):
        del told["data"][name]
    assert line(told, None) == (
        "01a22419-64d9-7d06-a5b8-2f4f44a9ae2d: a build registered by mia (user)"
    )


def test_a_test_says_what_it_is() -> None:
    told = {"type": "webhook.test", "timestamp": "", "data": {"webhook_id": "01a2"}}
    assert line(told, None) == "mcp-handoff reaches this channel."


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<!channel> look", "&lt;!channel&gt; look"),
        ("<https://evil.example|Checkout>", "&lt;https://evil.example|Checkout&gt;"),
        ("Tom & Jerry", "Tom &amp; Jerry"),
        ("&lt;!here&gt;", "&amp;lt;!here&amp;gt;"),
        ("one\ntwo\r\nthree\u2028four five\ttwo  spaces", "one two three four five two spaces"),
        ("abc\u202edef\u2066ghi\u200b", "abcdefghi"),
        ("\x1b[31mred\x07", "[31mred"),
        ("{who} {0} %s", "{who} {0} %s"),
    ],
)
def test_what_others_wrote_is_neither_markup_nor_hidden(written: str, shown: str) -> None:
    assert line(message("ticket.created", title=written), None) == (
        f"HO-7-shop {shown}: filed by mia (user)"
    )
    told = message("ticket.created", actor_id=written, principal_name=written)
    assert line(told, None) == f"HO-7-shop Checkout fails: filed by {shown} (user)"


def test_a_token_of_another_name_is_told_and_is_no_markup_either() -> None:
    told = message("ticket.created", principal_name="<!channel>")
    assert line(told, None).endswith("filed by mia (user), with token &lt;!channel&gt;")


def test_a_long_title_is_cut() -> None:
    told = line(message("ticket.created", title="<&>" * 200), None)
    title = told.removeprefix("HO-7-shop ").removesuffix(": filed by mia (user)")
    cut = title.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert (len(cut), cut[-1]) == (TITLE_LENGTH, "…")
