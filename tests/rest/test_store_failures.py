"""What both APIs answer when the store fails, each time with a cause that can really occur."""

import os
import resource
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.rest.conftest import BODY
from tests.web.served import Served

SHOP, BUILDS = "/api/projects/shop", "/api/v1/org/default/builds"
TICKETS = f"{SHOP}/tickets"


@dataclass(frozen=True)
class Desk:
    """A running server that has one project, one ticket and one build, and its store."""

    served: Served
    store: Path
    build: str

    @property
    def http(self) -> httpx2.Client:
        return self.served.http

    def alter(self, statement: str) -> None:
        with closing(sqlite3.connect(self.store)) as connection, connection:
            connection.execute(statement)


@pytest.fixture
def desk(store: Path) -> Iterator[Desk]:
    with Served(store) as served:
        served.http.post("/api/projects", json={"name": "Shop"})
        served.http.post(TICKETS, json={**BODY, "evidence": {"a": 1}})
        body = {"build_ref": "1", "display_name": "Nightly", "provider": "e2b"}
        build = served.http.post(BUILDS, json=body).json()["id"]
        yield Desk(served, store, f"{BUILDS}/{build}")


def test_500_for_a_row_that_makes_no_sense(desk: Desk) -> None:
    desk.alter("UPDATE tickets SET evidence = '{'")
    desk.alter("UPDATE builds SET metadata = '{'")
    assert_ticket_error(desk.http.get(f"{TICKETS}/1"), 500, "INTERNAL")
    assert_build_error(desk.http.get(desk.build), 500, "server_error")
    assert desk.http.get("/api/projects").status_code == 200


def test_502_for_a_store_that_was_overwritten(desk: Desk) -> None:
    desk.alter("PRAGMA wal_checkpoint(TRUNCATE)")
    with desk.store.open("r+b") as file:
        file.write(os.urandom(desk.store.stat().st_size))
    assert_ticket_error(desk.http.get(TICKETS), 502, "BACKEND_UNAVAILABLE")
    assert_build_error(desk.http.get(BUILDS), 502, "bad_gateway_error")


def test_504_for_a_disk_that_fails_inside_the_commit(desk: Desk) -> None:
    with no_growth(desk):
        filed = desk.http.post(TICKETS, json={**BODY, "title": "Filed or not"})
        updated = desk.http.patch(desk.build, json={"description": "d"})
        assert desk.http.get(TICKETS).status_code == 200
    assert_ticket_error(filed, 504, "OUTCOME_UNKNOWN")
    assert_build_error(updated, 504, "gateway_timeout_error")
    assert desk.http.post(TICKETS, json={**BODY, "title": "Filed"}).status_code == 201


@contextmanager
def no_growth(desk: Desk) -> Generator[None]:
    """Let no file of the server grow: the frames that COMMIT adds to the log are refused."""
    log = desk.store.with_name(desk.store.name + "-wal")
    pid = desk.served.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (log.stat().st_size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def assert_ticket_error(answered: httpx2.Response, status: int, code: str) -> None:
    error: dict[str, Any] = answered.json()
    assert (answered.status_code, error["code"]) == (status, code)
    assert error.keys() == {"error", "code"}


def assert_build_error(answered: httpx2.Response, status: int, kind: str) -> None:
    error: dict[str, Any] = answered.json()
    assert (answered.status_code, error["code"], error["type"]) == (status, status, kind)
    assert error.keys() == {"code", "detail", "type"}
