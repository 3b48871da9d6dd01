"""Live pages: who hears what, how much of it, and until when."""

import re
import signal
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from mcp_handoff.portal.live import MOST_CARDS
from mcp_handoff.tokens import RevokeToken
from tests.clusters import Cluster, cluster
from tests.databases import in_store
from tests.http.served import OPERATOR, Served, make_project, make_token
from tests.mcp.wire import TIMEOUT, Wire, call, environment
from tests.portal.browser import Browser
from tests.portal.hearing import CHANGED, Told, hearing
from tests.portal.scene import TICKET, Scene
from tests.postgres import require_binaries
from tests.requests import TICKET as CONTENT

pytestmark = pytest.mark.proof

MEGABYTE = 1 << 20
READS = 'handoff_calls_total{door="portal",operation="get_ticket",outcome="OK"} '


@pytest.fixture
def heard(scene: Scene, mia: Browser) -> Iterator[Iterator[Told]]:
    """What somebody's open page of the project is told."""
    with hearing(mia, scene.project) as events:
        yield events


def file_ticket(served: Served, project: str, title: str = "Checkout fails") -> str:
    """File a ticket with the server's own token; return its reference."""
    ticket = {**TICKET, "title": title}
    filed = served.http.post(f"/api/projects/{project}/tickets", json=ticket)
    assert filed.status_code == 201, filed.text
    return filed.json()["ticket"]["reference"]


@contextmanager
def signed_in(served: Served, token: str) -> Generator[Browser]:
    """Somebody who signed in."""
    with Browser(served) as browser:
        browser.sign_in(token)
        yield browser


# Who hears what.


def test_what_a_bot_files_and_takes_is_heard_as_the_tickets_card(
    scene: Scene, heard: Iterator[Told]
) -> None:
    name = scene.file(title="Invoices fail")
    filed = next(heard)
    assert (filed.kind, filed.ticket) == ("card", name)
    assert "Invoices fail" in filed.text
    scene.take("claude", name, "backend")
    assert "claude" in next(heard).text


def test_what_another_process_changes_in_the_file_is_heard(
    scene: Scene, heard: Iterator[Told]
) -> None:
    settings = environment(scene.people.desk.store, HANDOFF_PROJECT=scene.project)
    with Wire(settings) as agent:
        filed = agent.ask(call(1, "create_ticket", **CONTENT))
        assert not filed["result"]["isError"], filed
    assert next(heard).ticket == f"HO-1-{scene.project}"


def test_what_is_changed_at_another_replica_is_heard(postgres: str, tmp_path: Path) -> None:
    token = make_token(postgres, "root", "admin")
    make_project(postgres, "shop")
    settings = {"HANDOFF_BACKEND": postgres}
    with (
        Served(tmp_path / "unused.db", token=token, **settings) as here,
        Served(tmp_path / "unused.db", token=token, **settings) as there,
        signed_in(here, token) as root,
        hearing(root, "shop") as events,
    ):
        name = file_ticket(there, "shop")
        assert next(event for event in events if event != CHANGED).ticket == name


def test_nobody_hears_of_another_project(scene: Scene, mia: Browser, heard: Iterator[Told]) -> None:
    other = scene.people.project()  # that there is one more is told to whoever sees them all
    assert next(heard) == CHANGED
    other.file()
    name = scene.file()
    assert next(heard).ticket == name


def test_whoever_sees_one_project_hears_of_nothing_beside_it(scene: Scene) -> None:
    desk = scene.people.desk
    token = make_token(desk.store, f"tim of {scene.project}", "user", scene.project)
    with signed_in(desk, token) as tim, hearing(tim, scene.project) as events:
        scene.people.project().file()
        name = scene.file()
        assert next(events).ticket == name


def test_of_anothers_project_there_is_no_stream(scene: Scene) -> None:
    desk, other = scene.people.desk, scene.people.project()
    token = make_token(desk.store, f"tom of {other.project}", "user", other.project)
    [theirs, own] = [
        project["id"]
        for project in desk.http.get("/api/projects").json()["projects"]
        if project["slug"] in (scene.project, other.project)
    ]
    with signed_in(desk, token) as tom:
        for named in (scene.project, theirs):
            assert tom.visit(f"/changes?project={named}").response.status_code == 404
        with hearing(tom, own):
            pass


def test_a_project_that_is_named_by_its_id_or_in_capitals_is_heard(
    scene: Scene, mia: Browser
) -> None:
    listed = scene.people.desk.http.get("/api/projects").json()["projects"]
    [id_] = [project["id"] for project in listed if project["slug"] == scene.project]
    with hearing(mia, id_) as by_id, hearing(mia, scene.project.upper()) as in_capitals:
        name = scene.file()
        assert next(by_id).ticket == next(in_capitals).ticket == name


def test_whoever_is_not_signed_in_is_led_to_where_one_does(scene: Scene) -> None:
    address = f"/changes?project={scene.project}"
    with Browser(scene.people.desk) as nobody:
        assert nobody.visit(address).response.url.path == "/sign-in"
        assert "bot" in nobody.submit("Sign in", token=scene.tokens["claude"]).text
        nobody.http.headers["Authorization"] = f"Bearer {scene.tokens['claude']}"
        assert nobody.visit(address).response.url.path == "/sign-in"


# How much is told.


def test_tickets_that_change_together_are_told_one_by_one_or_are_too_many(
    scene: Scene, mia: Browser
) -> None:
    """A write that closes a ticket changes all that it blocked."""
    for many in (3, MOST_CARDS + 1):
        blocker = scene.file(title=f"Stands before {many}")
        blocked = [
            scene.file(title=f"{number} of {many}", blocked_by=[blocker]) for number in range(many)
        ]
        with hearing(mia, scene.project) as events:
            close(scene, blocker)
            if many > MOST_CARDS:
                assert next(events) == CHANGED
            else:
                assert {next(events).ticket for _ in range(many + 1)} == {blocker, *blocked}
            name = scene.file(title=f"After {many}")
            assert next(events).ticket == name


def test_a_change_is_read_once_however_many_pages_are_open(scene: Scene, mia: Browser) -> None:
    desk = scene.people.desk
    with ExitStack() as stack:
        pages = [stack.enter_context(hearing(mia, scene.project)) for _ in range(20)]
        before = reads(desk)
        name = scene.file()
        assert {next(events).ticket for events in pages} == {name}
        assert reads(desk) == before + 1
    scene.file(title="Nobody looks any more")
    with hearing(mia, scene.project) as events:
        name = scene.file(title="Somebody looks again")
        assert next(events).ticket == name
        assert reads(desk) == before + 2


def close(scene: Scene, ticket: str) -> None:
    closing = {"status": "closed", "resolution_type": "wont_fix", "resolution_note": "No."}
    scene.send("bob", "PATCH", f"/tickets/{ticket}", **closing)


def reads(served: Served) -> int:
    """Return how often the portal has read a ticket."""
    text = served.http.get("/metrics").text
    return round(float(text.partition(READS)[2].partition("\n")[0] or 0))


# Until when.


def test_a_stream_ends_with_its_token_and_the_others_go_on(scene: Scene, mia: Browser) -> None:
    desk = scene.people.desk
    name = f"eve of {scene.project}"
    token = make_token(desk.store, name, "user")
    with (
        hearing(mia, scene.project) as goes_on,
        signed_in(desk, token) as eve,
        hearing(eve, scene.project) as ends,
    ):
        in_store(desk.store, lambda opened: opened.revoke_token(OPERATOR, RevokeToken(token=name)))
        assert [event for event in ends if event != CHANGED] == []
        assert eve.visit(f"/changes?project={scene.project}").response.url.path == "/sign-in"
        filed = scene.file()
        assert next(event for event in goes_on if event != CHANGED).ticket == filed


def test_a_token_has_its_share_of_the_streams_and_no_more(store: Path) -> None:
    root, *tokens = [make_token(store, name, "admin") for name in ("root", "mia", "bob")]
    make_project(store, "shop")
    with (
        # 256 connections, of which a token has 24 streams
        Served(store, token=root, files="448") as desk,
        ExitStack() as stack,
        signed_in(desk, tokens[0]) as mia,
        signed_in(desk, tokens[1]) as bob,
    ):
        pages = [stack.enter_context(hearing(mia, "shop")) for _ in range(24)]
        assert mia.visit("/changes?project=shop").response.status_code == 429
        with hearing(bob, "shop") as others:
            name = file_ticket(desk, "shop")
            assert {next(events).ticket for events in [*pages, others]} == {name}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_ends_ends_the_streams_and_a_page_hears_its_successor(
    store: Path, number: signal.Signals
) -> None:
    token = make_token(store, "root", "admin")
    make_project(store, "shop")
    with Served(store, token=token) as desk, signed_in(desk, token) as root, ExitStack() as stack:
        pages = [stack.enter_context(hearing(root, "shop")) for _ in range(10)]
        desk.process.send_signal(number)
        assert [list(events) for events in pages] == [[]] * 10
        _, errors = desk.process.communicate(timeout=TIMEOUT)
        assert (desk.process.returncode, errors) == (0, b"")
        cookies = root.http.cookies
    with Served(store, token=token) as desk, Browser(desk) as root:
        root.http.cookies.update(cookies)
        with hearing(root, "shop") as events:
            name = file_ticket(desk, "shop")
            assert next(events).ticket == name


# PostgreSQL of a test's own: what it runs, and what becomes of pages when it is away.


@pytest.fixture
def server() -> Iterator[Cluster]:
    require_binaries()
    with cluster() as started:
        yield started


def test_pages_that_are_open_over_an_outage_read_themselves_again_and_hear_on(
    server: Cluster, tmp_path: Path
) -> None:
    token = make_token(server.url, "root", "admin")
    make_project(server.url, "shop")
    with (
        Served(tmp_path / "unused.db", token=token, HANDOFF_BACKEND=server.url) as desk,
        signed_in(desk, token) as root,
        hearing(root, "shop") as events,
    ):
        file_ticket(desk, "shop")
        assert next(event for event in events if event != CHANGED).ticket == "HO-1-shop"
        server.stop()
        assert root.visit("/changes?project=shop").response.status_code == 502
        server.start()
        assert next(events) == CHANGED
        with hearing(root, "shop") as come_again:
            name = file_ticket(desk, "shop", "After the outage")
            for open_page in (events, come_again):
                assert next(event for event in open_page if event != CHANGED).ticket == name


LOOKS = 5
"""How often the server looks at the tokens of open streams, a second apart, while it is watched."""

LOOK = "FROM tokens WHERE id IN"
OWN = re.compile(
    rf"{LOOK}|FROM webhooks|pg_notify|BEGIN|COMMIT|SELECT now\(\) AT TIME ZONE"
    r"|FROM events\b|FROM pg_locks|<unnamed>: $"
)
"""What a server runs, however many pages are open: its beat and a look at the events with it,
whether the tokens still hold, and now and then whether a webhook has something to be told."""


@pytest.mark.timeout(300)
def test_200_open_pages_cost_little_memory_and_no_statement_while_nothing_changes(
    server: Cluster, tmp_path: Path
) -> None:
    token = make_token(server.url, "root", "admin")
    make_project(server.url, "shop")
    tokens = [make_token(server.url, f"user {number}", "user") for number in range(8)]
    with (
        Served(tmp_path / "unused.db", token=token, HANDOFF_BACKEND=server.url) as desk,
        ExitStack() as stack,
    ):
        people = [stack.enter_context(signed_in(desk, one)) for one in tokens]
        file_ticket(desk, "shop")
        process = psutil.Process(desk.process.pid)
        with hearing(people[0], "shop"):
            before = process.memory_info().rss
        pages = [
            stack.enter_context(hearing(person, "shop")) for person in people for _ in range(25)
        ]
        name = file_ticket(desk, "shop", "Heard by 200")
        told = {next(one for one in events if one != CHANGED).ticket for events in pages}
        assert told == {name}
        grown = process.memory_info().rss - before
        assert grown < 100 * MEGABYTE, f"{grown / MEGABYTE:.0f} MB"
        with server.statements() as statements:
            looks, run = 0, list[str]()
            while looks < LOOKS:
                run.append(next(statements))
                looks += LOOK in run[-1]
        assert [one for one in run if not OWN.search(one)] == []
