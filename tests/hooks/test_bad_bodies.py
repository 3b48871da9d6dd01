"""Bodies that mean harm, and payloads that lack what their event holds."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from mcp_handoff.errors import Malformed, ValidationFailed
from mcp_handoff.hooks.forges import FORGES
from mcp_handoff.merges import Commit, ForgeName, PullRequest, Push
from tests.hooks.deliveries import HEADERS, headers_of, read, recorded

FORGE_NAMES: list[ForgeName] = ["github", "gitlab", "forgejo"]

REPOSITORIES: dict[ForgeName, bytes] = {
    "github": b'"repository": {"full_name": "o/r", "default_branch": "main"}',
    "gitlab": b'"project": {"path_with_namespace": "o/r", "default_branch": "main"}',
    "forgejo": b'"repository": {"full_name": "o/r", "default_branch": "main"}',
}

NO_JSON = [
    b"",
    b" ",
    b"{",
    b"payload=%7B%22zen%22%3A%22Keep+it+simple%22%7D",
    b"\xef\xbb\xbf{}",
    "{}".encode("utf-16"),
    b'{"a": NaN}',
    b'{"a": -Infinity}',
    b'{"a": 01}',
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"a": "\n"}',
]

NO_OBJECT = [b"[]", b"null", b"1", b'"text"', b"true", b"[" * 100_000, b'[{"a": 1}]']

EVENTS: dict[ForgeName, dict[str, str]] = {
    "github": {
        "pull_request": "github/pull_request_opened",
        "push": "github/push",
        "check_suite": "github/check_suite_completed",
        "status": "github/status",
        "deployment_status": "github/deployment_status",
    },
    "gitlab": {
        "Merge Request Hook": "gitlab/merge_request",
        "Push Hook": "gitlab/push",
        "Pipeline Hook": "gitlab/pipeline",
        "Deployment Hook": "gitlab/deployment",
    },
    "forgejo": {
        "pull_request": "forgejo/pull_request",
        "push": "forgejo/push",
        "status": "forgejo/status",
        "workflow_run": "forgejo/workflow_run",
        "action_run_success": "forgejo/action_run",
    },
}

RECORDED = [(forge, event, name) for forge in FORGE_NAMES for event, name in EVENTS[forge].items()]

WRONG: list[Any] = [None, 5, -1, 1.5, True, "", "\x00", "x" * 2_000, [], {}, [[]], [{}], {"id": 5}]

PUSHED = {"id": "a" * 40, "message": "", "timestamp": "2026-03-01T09:00:00Z"}


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value within a JSON value."""
    items: Iterable[tuple[Any, object]] = ()
    if isinstance(value, dict):
        items = cast(dict[str, object], value).items()
    elif isinstance(value, list):
        items = enumerate(cast(list[object], value))
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def refusal_of(forge: ForgeName, event: str, payload: object) -> ValidationFailed | None:
    try:
        read(forge, event, payload)
    except ValidationFailed as refused:
        return refused
    return None


@pytest.mark.parametrize("forge", FORGE_NAMES)
@pytest.mark.parametrize("body", NO_JSON + NO_OBJECT, ids=lambda body: repr(body[:20]))
def test_what_is_no_json_object_is_refused_in_our_words(forge: ForgeName, body: bytes) -> None:
    event = next(iter(EVENTS[forge]))
    with pytest.raises(Malformed, match="The body is "):
        FORGES[forge].repository_of(body)
    with pytest.raises(Malformed, match="The body is "):
        FORGES[forge].read(headers_of(forge, event), body)


@pytest.mark.parametrize("forge", FORGE_NAMES)
@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"repository":'])
def test_a_body_that_is_nested_deep_is_refused(forge: ForgeName, opening: bytes) -> None:
    body = b'{%s, "junk": %s' % (REPOSITORIES[forge], opening * 1_000_000)
    with pytest.raises(Malformed, match="nested"):
        FORGES[forge].repository_of(body)


@pytest.mark.parametrize("forge", FORGE_NAMES)
@pytest.mark.parametrize("junk", [b"1" * 1_000_000, b"1e999999999", b'"\xff"', b"[[], {}, null]"])
def test_what_nobody_reads_may_be_anything(forge: ForgeName, junk: bytes) -> None:
    body = b'{%s, "junk": %s}' % (REPOSITORIES[forge], junk)
    assert FORGES[forge].repository_of(body) == "o/r"


@pytest.mark.parametrize("forge", FORGE_NAMES)
def test_nothing_follows_the_object(forge: ForgeName) -> None:
    with pytest.raises(Malformed, match="not JSON"):
        FORGES[forge].repository_of(b"{%s} {}" % REPOSITORIES[forge])


@pytest.mark.parametrize("forge", FORGE_NAMES)
def test_of_a_repository_that_is_told_twice_the_last_counts_everywhere(forge: ForgeName) -> None:
    other = REPOSITORIES[forge].replace(b"o/r", b"else/where")
    body = b"{%s, %s}" % (other, REPOSITORIES[forge])
    assert FORGES[forge].repository_of(body) == "o/r"
    assert FORGES[forge].read(headers_of(forge, "other"), body).repository == "o/r"


@pytest.mark.parametrize(("forge", "event", "name"), RECORDED)
def test_a_payload_without_a_field_or_with_another_kind_of_it_is_read_or_refused_by_its_name(
    forge: ForgeName, event: str, name: str
) -> None:
    for path in places(recorded(name)):
        for wrong in [..., *WRONG]:
            payload: Any = recorded(name)
            holder = payload
            for key in path[:-1]:
                holder = holder[key]
            if wrong is ...:
                del holder[path[-1]]
            else:
                holder[path[-1]] = wrong
            if refused := refusal_of(forge, event, payload):
                assert "`" not in refused.message
                assert "not valid" not in refused.message
                (field,) = refused.fields
                changed = ".".join(map(str, path))
                assert field.startswith(changed) or changed.startswith(field.rpartition(".")[0])


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"number": 0}, {"pull_request.number": "must be at least 1"}),
        ({"number": 2**31}, {"pull_request.number": "must be at most 2147483647"}),
        ({"number": 10**4_000}, {"pull_request.number": "must be at most 2147483647"}),
        ({"number": 1.0}, {"pull_request.number": "must be an integer"}),
        ({"title": None}, {"pull_request.title": "must be a string"}),
        ({"merged": "false"}, {"pull_request.merged": "must be true or false"}),
        (
            {"html_url": "javascript:alert(1)"},
            {"pull_request.html_url": "must be an http or https address"},
        ),
        ({"head": []}, {"pull_request.head": "must be an object"}),
        (
            {"head": {"sha": "main"}},
            {"pull_request.head.sha": "must be a commit's hash, 40 or 64 hexadecimal digits"},
        ),
        (
            {"base": {"ref": "a\nb"}},
            {"pull_request.base.ref": "must have characters, and no control characters"},
        ),
        (
            {"base": {"ref": "x" * 1_001}},
            {"pull_request.base.ref": "must have at most 1000 characters"},
        ),
    ],
)
def test_a_wrong_field_is_named_with_what_it_must_be(
    changes: dict[str, Any], fields: dict[str, str]
) -> None:
    payload = recorded("github/pull_request_opened", {"pull_request": changes})
    with pytest.raises(ValidationFailed) as refused:
        read("github", "pull_request", payload)
    assert refused.value.fields == fields


@pytest.mark.parametrize("number", [b"1" * 1_000_000, b"-" + b"9" * 30, b"1e400", b"1e99"])
def test_a_number_of_any_length_is_refused(number: bytes) -> None:
    body = json.dumps(recorded("github/pull_request_opened", {"pull_request": {"number": "HERE"}}))
    with pytest.raises(ValidationFailed) as refused:
        FORGES["github"].read(
            headers_of("github", "pull_request"), body.encode().replace(b'"HERE"', number)
        )
    assert list(refused.value.fields) == ["pull_request.number"]


def test_a_missing_field_is_named() -> None:
    payload = recorded("github/pull_request_opened")
    del payload["pull_request"]["head"]["sha"]
    with pytest.raises(ValidationFailed) as refused:
        read("github", "pull_request", payload)
    assert refused.value.fields == {"pull_request.head.sha": "is required"}
    assert refused.value.message == "pull_request.head.sha is required; nothing was stored."


@pytest.mark.parametrize(
    ("commits", "fields"),
    [
        ([PUSHED] * 10_001, {"commits": "must have at most 10000 items"}),
        ({}, {"commits": "must be an array"}),
        ([PUSHED, {"id": "b" * 40}], {"commits.1.message": "is required"}),
    ],
)
def test_a_push_names_commits_and_not_too_many(commits: Any, fields: dict[str, str]) -> None:
    with pytest.raises(ValidationFailed) as refused:
        read("github", "push", recorded("github/push", {"commits": commits}))
    assert refused.value.fields == fields


@pytest.mark.parametrize(
    "escaped", [b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\\udc00x", b"\\ud800x"]
)
def test_text_that_is_no_unicode_is_refused(escaped: bytes) -> None:
    body = json.dumps(recorded("github/pull_request_opened", {"pull_request": {"body": "HERE"}}))
    with pytest.raises(Malformed):
        FORGES["github"].read(
            headers_of("github", "pull_request"), body.encode().replace(b"HERE", escaped)
        )


def test_what_people_wrote_keeps_every_character_but_nul() -> None:
    written = "Ä\r\n\t\u202e\U0001f600\x07"
    changes = {"pull_request": {"title": f"{written}\x00", "body": f"\x00{written}"}}
    (told,) = read("github", "pull_request", recorded("github/pull_request_opened", changes)).facts
    assert isinstance(told, PullRequest)
    assert (told.title, told.body) == (f"{written}\ufffd", f"\ufffd{written}")
    commits = [{**PUSHED, "message": f"{written}\x00"}]
    (pushed,) = read("github", "push", recorded("github/push", {"commits": commits})).facts
    assert isinstance(pushed, Push)
    assert pushed.commits == [Commit("a" * 40, f"{written}\ufffd")]


@pytest.mark.parametrize("forge", FORGE_NAMES)
@pytest.mark.parametrize("value", [None, "", "x" * 201, "a\nb", "\udce9"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_delivery_says_its_event_and_its_id(
    forge: ForgeName, value: str | None, which: int
) -> None:
    event, name = next(iter(EVENTS[forge].items()))
    headers = headers_of(forge, event)
    header = HEADERS[forge][which]
    del headers[header]
    if value is not None:
        headers[header] = value
    with pytest.raises(ValidationFailed) as refused:
        FORGES[forge].read(headers, json.dumps(recorded(name)).encode())
    assert list(refused.value.fields) == [header]


START = b"{%s, " % REPOSITORIES["github"]
SHA = b"a" * 40
PUSH = START + b'"ref": "refs/heads/main", "after": "%s", "commits": [' % SHA
COMMIT = b'{"id": "%s", "message": "%s", "timestamp": "2026-03-01T09:00:00Z", "modified": [%s]}'
PULL_REQUEST = START + (
    b'"pull_request": {"number": 1, "title": "", "html_url": "https://u", "state": "open", '
    b'"merged": false, "updated_at": "2026-03-01T09:30:00Z", "head": {"ref": "b", "sha": "%s"}, '
    b'"base": {"ref": "main"}, "body": "' % SHA
)

MEASURED = pytest.mark.skipif(
    not Path("/proc/self/status").exists(),
    reason="Linux tells the peak of a process",
)

LONG: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a long body": ("pull_request", lambda: PULL_REQUEST + b"line\\n" * 4_000_000 + b'"}}'),
    "long messages": (
        "push",
        lambda: PUSH + b",".join([COMMIT % (SHA, b"\\n" * 6_000, b"")] * 2_048) + b"]}",
    ),
    "many commits": (
        "push",
        lambda: PUSH + b",".join([COMMIT % (SHA, b"", b"")] * 210_000) + b"]}",
    ),
    "many files": (
        "push",
        lambda: PUSH + COMMIT % (SHA, b"", b'"a",' * 6_000_000 + b'"a"') + b"]}",
    ),
    "many numbers": ("push", lambda: PUSH + b'], "junk": [' + b"0," * 12_500_000 + b"0]}"),
    "many objects": ("push", lambda: PUSH + b'], "junk": [' + b'{"a":{}},' * 2_700_000 + b"{}]}"),
}
"""Bodies of 25 MB, by what they are full of, each with its event."""

MEASURE = """
import json, re, sys
from pathlib import Path
from mcp_handoff.errors import ValidationFailed
from mcp_handoff.hooks.forges import FORGES

def peak():
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1_024

def read(event, body):
    if event == "control":
        return json.loads(body)
    try:
        return FORGES["github"].read({"x-github-event": event, "x-github-delivery": "1"}, body)
    except ValidationFailed as refused:
        assert refused.fields == {"commits": "must have at most 10000 items"}

event, path = sys.argv[1:]
body = Path(path).read_bytes()
before = peak()
FORGES["github"].repository_of(body)
unsigned = peak()
read(event, body)
print(unsigned - before, peak() - before)
"""


def memory_taken(event: str, path: Path) -> tuple[int, int]:
    """Return how many bytes a process takes beside a body until its repository is known, and
    until it is read."""
    command = [sys.executable, "-c", MEASURE, event, str(path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    unsigned, taken = map(int, done.stdout.split())
    return unsigned, taken


@MEASURED
@pytest.mark.parametrize("name", LONG)
def test_a_body_of_25_megabytes_takes_little_memory_beside_itself(
    name: str, tmp_path: Path
) -> None:
    event, made = LONG[name]
    path = tmp_path / "body"
    length = path.write_bytes(made())
    assert length > 23_000_000
    unsigned, taken = memory_taken(event, path)
    assert unsigned < length / 10, "much was built before the signature could be checked"
    assert taken < 2.5 * length


@MEASURED
def test_a_reader_that_builds_the_whole_document_takes_more(tmp_path: Path) -> None:
    path = tmp_path / "body"
    length = path.write_bytes(LONG["many numbers"][1]())
    assert memory_taken("control", path)[1] > 4 * length
