"""What a redaction leaves of a text in a store: nothing, in any column, index or page."""

from pathlib import Path

import anyio
import apsw
import pytest

from mcp_handoff.builds import GetBuild
from mcp_handoff.errors import NotFound, Outdated
from mcp_handoff.redactions import MARK, NAMES, RedactedTicket, RedactTicket
from mcp_handoff.redactions import TEXTS as TEXT_FIELDS
from mcp_handoff.sqlite.transaction import SqliteTransaction
from mcp_handoff.store.redactions import JSON_COLUMNS, PLACES
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from tests import requests
from tests.backends.interleaving import interleaved
from tests.backends.planting import ADMIN, CI, found, plant
from tests.clock import SteppedClock
from tests.databases import open_database
from tests.replays import replay_of

pytestmark = pytest.mark.proof

PLAIN = "Zwiebelkuchen"
AWKWARD = 'Zwiebel "Kuchen"\\Ölrübe'
LINES = "-----BEGIN RECIPE-----\nZwiebelkuchen/Speck\n-----END RECIPE-----"
TEXTS = (PLAIN, AWKWARD, LINES)

SIGNS = ("zwiebel", "speck", "rübe")
"""What is left of one of them when any of it is, in lower case."""

OTHERS = {
    *("organizations", "projects", "ticket_roles", "tokens", "receiver", "project_words", "links"),
    *("repositories", "deliveries", "commits", "mentions", "reverts", "checks", "deployments"),
    "webhooks",
}
"""The tables that hold nothing that was written in a ticket, and the words of all of them, which
have a test of their own."""


PLANTED = {
    *("tickets.title", "tickets.description", "tickets.evidence", "tickets.suggested_resolution"),
    *("tickets.implementation_notes", "tickets.resolution_note"),
    *("takes.note", "takes.actor_id", "messages.body", "messages.actor_id"),
    *("suggestions.evidence", "suggestions.reason", "suggestions.actor_id"),
    *("builds.display_name", "builds.description", "builds.metadata", "builds.error_message"),
    *("build_runs.requested_by", "build_runs.last_error", "events.actor_id", "events.before"),
    *("events.after", "idempotency.result", "outbox.payload", "pull_requests.title"),
}
"""Where a text is found before it is redacted, and more."""


@pytest.mark.parametrize("text", TEXTS)
async def test_no_column_of_any_table_holds_a_text_that_was_redacted(
    desk: StoreBackend, text: str
) -> None:
    await plant(desk, text)
    assert await found(desk, *SIGNS) >= PLANTED
    line = " ".join(text.split())[:60]
    redacted = await desk.redact_ticket(ADMIN, RedactTicket(ticket="1", text=text))
    assert redacted.places > 50
    if line != text:
        await desk.redact_ticket(ADMIN, RedactTicket(ticket="1", text=line))
    assert await found(desk, *SIGNS) == set()
    shown = await desk.get_ticket(CI, requests.get_ticket(1))
    assert shown.ticket.title == f"Ovens and {MARK}"


async def test_no_file_of_sqlite_holds_what_was_redacted(
    desk: StoreBackend, place: str, tmp_path: Path
) -> None:
    await plant(desk, PLAIN)
    redacted = await desk.redact_ticket(ADMIN, RedactTicket(ticket="1", text=PLAIN))
    assert redacted.erased is not place.startswith("postgresql://")
    # By another process: to close a file gives up the locks that this one has on it.
    files = [str(file) async for file in anyio.Path(tmp_path).glob("handoff.db*")]
    pages = (await anyio.run_process(["cat", *files, "/dev/null"])).stdout
    assert b"iebelkuch" not in pages.lower()


async def redact(
    store: StoreBackend, text: str, ticket: str = "1", **fields: str
) -> RedactedTicket:
    return await store.redact_ticket(ADMIN, RedactTicket(ticket=ticket, text=text, **fields))


async def numbers(store: StoreBackend, query: str) -> list[int | None]:
    """Return the numbers of the tickets that a search finds."""
    page = await store.find_tickets(CI, requests.find_tickets(query=query))
    return [ticket.number for ticket in page.tickets]


async def test_words_are_found_no_more_but_where_other_tickets_have_them(
    desk: StoreBackend,
) -> None:
    for description in (f"{PLAIN} and Pfannkuchen.", "Only Pfannkuchen."):
        await desk.create_ticket(CI, requests.create_ticket(description=description))
    assert await numbers(desk, "zwiebelkuche") == [1]
    await redact(desk, f"{PLAIN} and Pfannkuchen")
    for query in (PLAIN, "zwiebelkuche", "zwiebel*"):
        assert await numbers(desk, query) == []
    assert await numbers(desk, "pfannkuchem") == [2]


async def test_a_word_of_a_text_that_was_changed_before_is_forgotten_too(
    desk: StoreBackend,
) -> None:
    await desk.create_ticket(CI, requests.create_ticket(description=f"Und{PLAIN}brot backen."))
    await desk.update_ticket(CI, requests.update_ticket(1, description="Something else."))
    await redact(desk, PLAIN)
    assert await found(desk, *SIGNS) == set()


async def test_another_ticket_and_what_was_kept_of_it_stay(desk: StoreBackend) -> None:
    keyed = requests.create_ticket(title=f"Another {PLAIN}", idempotency_key="k")
    await desk.create_ticket(CI, requests.create_ticket(title=f"One {PLAIN}", roles=["qa"]))
    second = await desk.create_ticket(CI, keyed.model_copy(update={"title": "Nothing alike"}))
    await desk.add_message(CI, requests.add_message(2, PLAIN))
    await redact(desk, PLAIN)
    assert (await desk.list_messages(CI, requests.list_messages(2))).messages[0].body == PLAIN
    assert second.ticket.title == "Nothing alike"


async def test_a_text_that_stands_nowhere_or_in_names_alone_changes_nothing(
    desk: StoreBackend,
) -> None:
    await desk.create_ticket(CI, requests.create_ticket())
    built = {"ticket": 1, "build_ref": PLAIN, "provider": "docker"}
    await desk.report_build(CI, requests.report_build("succeeded", **built))
    before = await desk.get_ticket(CI, requests.get_ticket(1))
    for text, why in ((AWKWARD, "does not occur in HO-1"), (PLAIN, "occurs in build_ref alone")):
        with pytest.raises(NotFound, match=why):
            await redact(desk, text)
    assert await desk.get_ticket(CI, requests.get_ticket(1)) == before


async def test_what_others_write_into_a_build_meanwhile_is_redacted_and_not_lost(
    postgres: str,
) -> None:
    store = StoreBackend(open_database(postgres))
    await store.create_ticket(CI, requests.create_ticket())
    triggered = await store.trigger_bot_build(CI, requests.trigger_bot_build(1))
    run = triggered.ticket.ai_output["build_run"]
    build = run["build_id"]
    await store.update_build(CI, requests.update_build(build, description=f"First {PLAIN}"))

    def write(tx: Transaction) -> None:
        for change in (
            f"UPDATE builds SET description = 'Then {PLAIN}' WHERE id = '{build}'",
            f"UPDATE build_runs SET last_error = 'Then {PLAIN}' WHERE id = '{run['id']}'",
        ):
            tx.fetch_one(f"{change} RETURNING id")

    await interleaved(
        store,
        lambda pause: store.database.write(lambda tx: (write(tx), pause())),
        lambda: redact(store, PLAIN),
    )
    assert await found(store, PLAIN.lower()) == set()
    assert (await store.get_build(CI, GetBuild(build_id=build))).description == f"Then {MARK}"
    await store.close()


async def test_history_says_who_took_a_text_out_and_keeps_no_digest_of_it(
    desk: StoreBackend, clock: SteppedClock
) -> None:
    await desk.create_ticket(CI, requests.create_ticket())
    for text in (f"{PLAIN} {'so ' * 900}", "Something else."):
        await desk.update_ticket(CI, requests.update_ticket(1, description=text))
    await desk.add_message(CI, requests.add_message(1, PLAIN))
    assert "sha256" in (await desk.get_ticket(CI, requests.get_ticket(1))).model_dump_json()
    clock.advance(minutes=1)
    redacted = await redact(desk, PLAIN)
    detail = await desk.get_ticket(CI, requests.get_ticket(1))
    event = detail.events[0]
    assert (event.kind, event.actor_id, event.after) == ("ticket.redacted", "root", {"places": 1})
    assert (redacted.places, event.created_at) == (1, detail.ticket.updated_at)
    assert "sha256" not in detail.model_dump_json()


async def test_whoever_read_the_text_before_does_not_write_it_back(
    desk: StoreBackend, clock: SteppedClock
) -> None:
    described = requests.create_ticket(description=f"{PLAIN} is what it says.", idempotency_key="k")
    await desk.create_ticket(CI, described)
    read = await desk.get_ticket(CI, requests.get_ticket(1))
    clock.advance(minutes=1)
    await redact(desk, PLAIN)
    back = {"description": read.ticket.description, "updated_at": read.ticket.updated_at}
    with pytest.raises(Outdated):
        await desk.update_ticket(CI, requests.update_ticket(1, **back))
    assert (await desk.create_ticket(CI, described)).replayed
    without_key = described.model_copy(update={"idempotency_key": None})
    assert not (await desk.create_ticket(CI, without_key)).deduplicated


async def test_a_redaction_leaves_takes_and_suggestions_as_they_are(desk: StoreBackend) -> None:
    await desk.create_ticket(CI, requests.create_ticket())
    await desk.take_ticket(CI, requests.take_ticket("backend", ticket=1, note=PLAIN))
    made = await desk.suggest_close(CI, requests.suggest_close(1, evidence={"found": PLAIN}))
    await redact(desk, PLAIN)
    done = requests.update_ticket(1, role="backend", role_status="done", note="Done.")
    assert "backend" in (await desk.update_ticket(CI, done)).changed
    acted = await desk.act_on_suggestion(ADMIN, requests.execute(made.suggestion.id))
    assert (acted.suggestion.status, acted.suggestion.evidence) == ("executed", {"found": MARK})


async def test_a_redaction_under_a_key_is_done_once(desk: StoreBackend) -> None:
    await desk.create_ticket(CI, requests.create_ticket(title=f"A {PLAIN}"))
    first = await redact(desk, PLAIN, idempotency_key="k")
    assert await redact(desk, PLAIN, idempotency_key="k") == replay_of(first)


async def test_who_hears_of_changes_hears_of_a_redaction(desk: StoreBackend) -> None:
    await desk.create_ticket(CI, requests.create_ticket(title=f"A {PLAIN}"))
    with anyio.fail_after(30):
        async with desk.changes() as changes:
            await redact(desk, PLAIN)
            while (heard := await anext(changes)).kind != "ticket.redacted":
                pass
    assert heard.reference == "HO-1-shop"


async def test_a_redaction_stands_when_the_file_can_not_be_written_anew(
    store: Path, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: apsw.Connection) -> bool:
        raise apsw.FullError

    monkeypatch.setattr("mcp_handoff.sqlite.database.erase_deleted", fail)
    desk = StoreBackend(open_database(str(store), clock=clock))
    await desk.create_ticket(CI, requests.create_ticket(title=f"A {PLAIN}"))
    redacted = await redact(desk, PLAIN)
    assert (redacted.places, redacted.erased) == (1, False)
    assert (await desk.get_ticket(CI, requests.get_ticket(1))).ticket.title == f"A {MARK}"
    await desk.close()


async def test_another_server_goes_on_in_a_file_that_was_written_anew(
    desk: StoreBackend, place: str, clock: SteppedClock
) -> None:
    await desk.create_ticket(CI, requests.create_ticket(title=f"A {PLAIN}"))
    other = StoreBackend(open_database(place, clock=clock))
    await redact(desk, PLAIN)
    await other.create_ticket(CI, requests.create_ticket(title="Written by another server"))
    assert await numbers(desk, "server") == [2]
    await other.close()


KEPT = {
    *("id", "project_id", "ticket_id", "run_id", "build_id", "organization_id", "subject_id"),
    *("source_id", "webhook_id", "principal_id", "session", "former_session", "lease"),
    *("waits_for", "answers", "change", "repository_id", "principal", "key", "operation"),
    *("status", "stage", "priority", "request_type", "resolution_type", "suggestion_type"),
    *("suggested_action", "source", "source_type", "role", "to_role", "actor_role", "kind"),
    *("state", "given_up", "fingerprint", "head_sha", "actor_key", "principal_key"),
    *(f"{name}_at" for name in ("created", "updated", "resolved", "deployed", "deploy_failed")),
    *(f"{name}_at" for name in ("taken", "expires", "requested", "dispatched", "next_attempt")),
    *("changed_at", "landed_at", "until", "leased_until"),
}
"""Which columns hold what is ours: ids, words of ours, instants; and keys that are made anew with
what they are made of, or belong to a credential."""


async def test_of_every_column_beside_a_ticket_it_is_said_whether_it_is_redacted(
    desk: StoreBackend,
) -> None:
    await desk.create_ticket(CI, requests.create_ticket())
    known = TEXT_FIELDS | JSON_COLUMNS | NAMES | KEPT
    columns = await desk.database.read(text_columns)
    tables = {place.table for place in PLACES}
    unknown = {(table, name) for table, name in columns if table in tables and name not in known}
    assert unknown == set()
    assert {table for table, _ in columns} - tables - {"ticket_terms"} == OTHERS


def text_columns(tx: Transaction) -> set[tuple[str, str]]:
    if isinstance(tx, SqliteTransaction):
        listing = (
            "SELECT l.name AS of, c.name FROM pragma_table_list l, pragma_table_info(l.name) c"
            " WHERE l.strict AND c.type = 'TEXT'"
        )
    else:
        listing = (
            "SELECT table_name AS of, column_name AS name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND data_type = 'text'"
        )
    return {(row["of"], row["name"]) for row in tx.fetch_all(listing)}
