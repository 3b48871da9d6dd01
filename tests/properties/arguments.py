"""Strategies for the arguments of every tool: right ones, wrong ones and anything at all."""

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from mcp_handoff.text.masking import find_secrets

Values = SearchStrategy[Any]
Arguments = dict[str, Any]

PROJECT = "shop"
BUILD, SUGGESTION, FRESH_TICKET = "(the build)", "(a pending suggestion)", "(a fresh ticket)"
"""Stand for names that only a test knows."""

ROLES = ("frontend", "backend", "design", "devops", "qa", "other")
WORK_ROLES = ("frontend", "backend", "design", "devops", "qa", "test", "other")
REQUEST_TYPES = ("bug", "clarification_needed", "decision_needed", "feature_request")
STAGES = ("backlog", "up_next", "in_progress", "validation", "live")
STATUSES = ("pending", "processing", "executed", "declined", "expired", "skipped")

INSTANTS = ("2026-11-02", "2026-11-02T09:30:00Z", "2026-11-02 10:30+01:00")

JSON_BYTES = 65_536
JSON_DEPTH = 32

INVISIBLE = "\u00ad\u034f\u061c\u200b\u200d\u202e\u2066\u2069\u3164\ufe0f\ufeff\U000e0041\x07\x1b"
"""Characters that are kept but never shown: fillers, joiners, bidirectional, tags, controls."""

VISIBLE = st.characters(
    categories=("L", "N", "P", "S", "Zs"), exclude_characters="\u115f\u1160\u3164\uffa0"
)
LETTERS = string.ascii_letters
UNKNOWN = ("actor_role", "actor_id", "source", "colour", "Title", "idempotencyKey")


def shown(value: Any) -> Any:
    """Return a JSON value as it comes back: its texts without what can't be seen."""
    match value:
        case str():
            return "".join(character for character in value if character not in INVISIBLE)
        case dict():
            members = cast(dict[str, Any], value)
            return {name: shown(member) for name, member in members.items()}
        case list():
            return [shown(item) for item in cast(list[Any], value)]
        case _:
            return value


_NOTHING: Values = st.nothing()


@dataclass(frozen=True, slots=True)
class Field:
    """An argument: what it may be and what it may not; the listed schema does not tell `unlisted`
    from right ones."""

    valid: Values
    wrong: Values
    unlisted: Values = _NOTHING
    required: bool = False

    @property
    def given(self) -> Values:
        """What may be sent: null stands for what may be left out."""
        return self.valid if self.required else self.valid | st.none()

    @property
    def refused(self) -> Values:
        return self.wrong | self.unlisted


def texts(low: int, high: int) -> Values:
    """Texts of `low` to `high` characters, often of exactly so many, between white space."""
    alphabet = st.one_of(VISIBLE, VISIBLE, VISIBLE, st.sampled_from("\n" + INVISIBLE))
    short = st.text(alphabet, min_size=low, max_size=min(high, low + 40)).map(str.strip)
    exact = st.builds(_repeated, st.text(LETTERS, min_size=1, max_size=5), st.just(high))
    core = short.filter(lambda text: len(text) >= low) | exact
    core = core.filter(lambda text: not find_secrets(text))  # those have tests of their own
    return st.builds("{}{}{}".format, _BLANKS, core, _BLANKS)


def _repeated(text: str, length: int) -> str:
    return (text * length)[:length]


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


_BLANKS = st.sampled_from(("", "", "", " ", "\n\t", "\u3000"))
_KEYS = st.text(VISIBLE, max_size=8) | st.sampled_from(("", " ", " key", "key "))
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(VISIBLE | st.sampled_from("\n" + INVISIBLE), max_size=20)
)
JSON: Values = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=8,
)
HOSTILE: Values = st.sampled_from(
    (
        "\x00",
        "\ud800",
        "x" * 200_000,
        10**400,
        2**63,
        _nested(250),
        {"a": _nested(33)},
        {"a\x00": 1},
        "[" * 50_000,
        '{"a":' * 2_000 + "1" + "}" * 2_000,
        '{"a":NaN}',
        '{"a":' + "1" * 5_000 + "}",
        "null",
        '"*"* AND NOT (',
    )
)


def _other_than(*kinds: type) -> Values:
    """JSON values of other kinds, that is none which may stand for one of these: null, blanks,
    whole floats and lists of one are for their own tests."""

    def is_other(value: Any) -> bool:
        match value:
            case None:
                return False
            case float():
                return float not in kinds and not value.is_integer()
            case str():
                return str not in kinds and bool(value.strip())
            case list():
                return list not in kinds and len(cast(list[Any], value)) != 1
            case _:
                return type(value) not in kinds

    return JSON.filter(is_other)


def _longer(length: int) -> Values:
    return st.integers(length + 1, length + 30).map(lambda size: "x" * size)


def _text(low: int, high: int, *, required: bool = False) -> Field:
    """A text, whose lengths are listed where it has a least one. Where it is not required, one of
    nothing or of blanks alone is not given."""
    kinds = _other_than(str, int)
    unstorable = st.sampled_from(("good text\x00", "\ud800 good text"))
    if not low:
        return Field(valid=texts(low, high), wrong=kinds, unlisted=unstorable | _longer(high))
    least = 0 if required else 1
    shorter = st.text(LETTERS, min_size=least, max_size=low - 1) if least < low else st.nothing()
    return Field(
        valid=texts(low, high),
        wrong=kinds | _longer(high) | shorter,
        unlisted=unstorable | st.just(" " * low) if required else unstorable,
        required=required,
    )


def _enum(*values: str, required: bool = False) -> Field:
    return Field(
        valid=st.sampled_from(
            [
                *values,
                *(value.upper() for value in values),
                *(f" {value.title()}\n" for value in values),
                *(value.replace("_", "-") for value in values),
            ]
        ),
        wrong=_other_than(str) | st.text(LETTERS, min_size=1).map("no {}".format),
        required=required,
    )


def _shaped(valid: Values, *wrong: Any, required: bool = False) -> Field:
    """A text whose shape is not listed."""
    return Field(
        valid=valid,
        wrong=_other_than(str, int),
        unlisted=st.sampled_from((*wrong, "a\x00", "\ud800")),
        required=required,
    )


def _name(valid: Values, high: int = 200) -> Field:
    return _shaped(valid, "x" * (high + 1))


LARGEST = ({"k": "x" * (JSON_BYTES - 8)}, {"k": _nested(JSON_DEPTH - 1)})
TOO_LARGE = ({"k": "x" * (JSON_BYTES - 7)}, {"k": _nested(JSON_DEPTH)})
_SMALL_OBJECTS = st.dictionaries(_KEYS, JSON, max_size=4)
_OBJECTS = _SMALL_OBJECTS | _SMALL_OBJECTS.map(json.dumps) | st.sampled_from(LARGEST)


def _object() -> Field:
    return Field(
        valid=_OBJECTS,
        wrong=_other_than(dict, str)
        | st.sampled_from(("text", "{", "[1]", "7", '{"a":NaN}', '{"a":1e999}')),
        unlisted=st.sampled_from(
            (
                *TOO_LARGE,
                {"k": "\x00"},
                {"\x00": 1},
                {"k": ["\ud800"]},
                {"k": 2**63},
            )
        ),
    )


def _evidence(*, required: bool = False) -> Field:
    """An object in whose place a text is taken too, unless that reads like another JSON value."""
    kept = texts(1, 200).filter(lambda text: not text.strip().startswith(("{", "[")))
    return replace(
        _object(),
        valid=_OBJECTS | kept,
        wrong=_other_than(dict, str),
        unlisted=_object().unlisted | st.sampled_from(("{", "{a: 1}", "[1]", '{"a":NaN}')),
        required=required,
    )


_EVIDENCE = _evidence(required=True)
_EMPTY: Sequence[Any] = ({}, "{}")
_FILLED = replace(
    _EVIDENCE,
    valid=_EVIDENCE.valid.filter(lambda value: value not in _EMPTY),
    unlisted=_EVIDENCE.unlisted | st.sampled_from(_EMPTY),
)
_MANY_ROLES = st.lists(st.sampled_from(ROLES), min_size=1, max_size=12)
_NO_ROLES = _other_than(list) | st.tuples(st.sampled_from(ROLES), _other_than(list)).map(list[Any])
_SOME_ROLES = Field(
    valid=_MANY_ROLES | _MANY_ROLES.map(json.dumps),
    wrong=_NO_ROLES | st.just([]),
    required=True,
)
_BLOCKERS = Field(
    valid=st.lists(st.sampled_from((1, "1", "#1", "HO-1-shop")), max_size=3)
    | st.sampled_from((1, "HO-1-shop", "[1]")),
    wrong=st.sampled_from(({}, {"ticket": 1}, 1.5, True, [1.5], [True], [None], [[1, 2]])),
    unlisted=st.sampled_from((["one"], ["HO-0-shop"], 0, ["1"] * 21)),
)
_CLEAR = Field(valid=st.just([]), wrong=_other_than(list) | st.just(["display_name"]))
_FLAG = Field(
    valid=st.booleans() | st.sampled_from(("true", "False", " yes", "NO")),
    wrong=_other_than(bool, str) | st.sampled_from(("maybe", "1", "t")),
)
_NO_NUMBERS = st.sampled_from(("many", "1e3", "--1", "0x1"))


def _limit(high: int) -> Field:
    return Field(
        valid=st.integers(1, high) | st.integers(high, 10**30) | st.sampled_from((1.0, "1", "1.0")),
        wrong=_other_than(int, float, str) | _NO_NUMBERS | st.just(1.5),
        unlisted=st.integers(-5, 0),
    )


# What waits is for tests of its own.
_WAIT = Field(
    valid=st.sampled_from((0, 0.0, "0", " 0 ")),
    wrong=_other_than(int, float, str) | _NO_NUMBERS | st.just(1.5) | st.integers(51, 10**30),
    unlisted=st.integers(max_value=-1),
)
_CURSOR = _shaped(_NOTHING, "x" * 201)
_TICKET = Field(
    valid=st.sampled_from(
        (1, 1.0, "1", " #1 ", "HO-1-shop", "ho-1-SHOP", "HO-1", "1.0", "handoff://tickets/1")
    ),
    wrong=_other_than(str, int) | st.just(1.5),
    unlisted=st.integers(max_value=0)
    | st.integers(min_value=10**15)
    | st.sampled_from(("0", "HO-0-shop", "HO-1-", "1.5", "one", "HO-1-shop\x00", "\ud800")),
)
_REQUIRED_TICKET = replace(_TICKET, required=True)
_PROJECT = _name(st.sampled_from((PROJECT, " shop ")))
_ORGANIZATION = _name(st.just("default"))
_KEY = _name(texts(1, 255), 255)
_REPO = _shaped(
    st.sampled_from(("owner/name", " a.b/c-d_e ", "https://git.example/owner/name.git")),
    *("owner", "owner/", "a/b/c", "a b/c", "https://git.example/owner"),
)
_NO_UUIDS = ("7", "2489e9ad-2ee2-8e00-8ec9-32d5f69181c")
_CONFIDENCE = Field(
    valid=st.floats(0, 1) | st.integers(0, 1) | st.sampled_from(("0.9", "90%", ".5", "1")),
    wrong=_other_than(int, float, str)
    | _NO_NUMBERS
    | st.floats(min_value=1, exclude_min=True, allow_infinity=False)
    | st.floats(max_value=0, exclude_max=True, allow_infinity=False),
)
_PULL_REQUEST = Field(
    valid=st.integers(1, 2**31 - 1) | st.sampled_from((7.0, "7", "#7", "PR 7", "a/b#7")),
    wrong=_other_than(int, float, str) | _NO_NUMBERS | st.just(1.5),
    unlisted=st.integers(max_value=0) | st.integers(min_value=2**31),
)
_SHA = _shaped(
    st.text("0123456789abcdefABCDEF", min_size=7, max_size=64), "abc123", "f" * 65, "g" * 40
)

FIELDS: Mapping[str, Mapping[str, Field]] = {
    "create_ticket": {
        "title": _text(5, 140, required=True),
        "description": _text(10, 5000, required=True),
        "request_type": _enum(*REQUEST_TYPES, required=True),
        "roles": _SOME_ROLES,
        "priority": _enum("low", "medium", "high"),
        "blocking": _FLAG,
        "evidence": _evidence(),
        "suggested_resolution": _text(0, 2000),
        "implementation_notes": _text(0, 5000),
        "blocked_by": _BLOCKERS,
        "project": _PROJECT,
        "idempotency_key": _KEY,
    },
    "find_tickets": {
        "query": _shaped(texts(0, 200), "x" * 201),
        "status": _enum("open", "closed", "any"),
        "stage": _enum(*STAGES),
        "role": _enum(*ROLES),
        "request_type": _enum(*REQUEST_TYPES),
        "priority": _enum("low", "medium", "high"),
        "blocking": _FLAG,
        "ready": _FLAG,
        "taken_by": _name(texts(1, 200)),
        "author": _name(texts(1, 200)),
        "updated_since": _shaped(st.sampled_from(INSTANTS), "yesterday", "2026-13-01", "x" * 41),
        "limit": _limit(100),
        "cursor": _CURSOR,
        "project": _PROJECT,
    },
    "get_ticket": {"ticket": _REQUIRED_TICKET, "wait_s": _WAIT, "project": _PROJECT},
    "take_ticket": {
        "role": replace(_enum(*WORK_ROLES, required=True), valid=st.just("backend")),
        "ticket": replace(_TICKET, valid=_NOTHING),
        "note": _text(0, 5000),
        "take_over": _FLAG,
        "project": _PROJECT,
        "idempotency_key": _KEY,
    },
    # What goes together with something else is tried in tests of its own.
    "update_ticket": {
        "ticket": _REQUIRED_TICKET,
        "role_status": replace(_enum("pending", "done"), valid=_NOTHING),
        "role": replace(_enum(*WORK_ROLES, "merged"), valid=_NOTHING),
        "park": replace(_text(1, 500), valid=_NOTHING),
        "stage": _enum(*STAGES[:-1]),
        "close_as": replace(_enum("completed", "duplicate"), valid=_NOTHING),
        "note": _text(0, 5000),
        "priority": _enum("low", "medium", "high"),
        "blocking": _FLAG,
        "title": _text(5, 140),
        "description": _text(10, 5000),
        "add_roles": replace(_SOME_ROLES, wrong=_NO_ROLES, required=False),
        "blocked_by": replace(_BLOCKERS, valid=st.sampled_from(([], "[]"))),
        "fence": Field(
            valid=_NOTHING,
            wrong=_other_than(int, float, str) | _NO_NUMBERS,
            unlisted=st.integers(-5, 0),
        ),
        "project": _PROJECT,
        "idempotency_key": _KEY,
    },
    "get_overview": {"role": _enum(*WORK_ROLES), "project": _PROJECT},
    "add_message": {
        "ticket": _REQUIRED_TICKET,
        "body": _text(1, 25_000, required=True),
        "to_role": _enum(*WORK_ROLES),
        "answers": _shaped(_NOTHING, *_NO_UUIDS),
        "project": _PROJECT,
        "idempotency_key": _KEY,
    },
    "trigger_bot_build": {
        "ticket": _REQUIRED_TICKET,
        "provider": _name(texts(1, 200)),
        "repo": _REPO,
        "replaces": _shaped(st.just(BUILD), *_NO_UUIDS),
        "project": _PROJECT,
        "idempotency_key": _KEY,
    },
    "list_suggestions": {
        "ticket": _TICKET,
        "status": _enum(*STATUSES, "any"),
        "limit": _limit(200),
        "cursor": _CURSOR,
        "project": _PROJECT,
    },
    "suggest_close": {
        "ticket": _REQUIRED_TICKET,
        "evidence": _FILLED,
        "confidence": _CONFIDENCE,
        "merge_sha": _SHA,
        "pr_number": _PULL_REQUEST,
        "repo": _REPO,
        "project": _PROJECT,
        "idempotency_key": _KEY,
    },
    "act_on_suggestion": {
        "suggestion_id": _shaped(st.just(SUGGESTION), *_NO_UUIDS, required=True),
        # To decline takes a reason.
        "action": replace(_enum("execute", "decline", required=True), valid=st.just("execute")),
        "reason": _text(0, 2000),
        "project": _PROJECT,
        "idempotency_key": _KEY,
    },
    "find_builds": {
        "org": _ORGANIZATION,
        "build_id": _shaped(_NOTHING, *_NO_UUIDS),
        "ticket": _TICKET,
        "status": _enum("queued", "building", "ready", "failed"),
        "wait_s": _WAIT,
        "limit": _limit(100),
        "cursor": _CURSOR,
    },
    # The build is named by its id; by its ticket it is named in tests of its own.
    "report_build": {
        "build_id": _shaped(_NOTHING, *_NO_UUIDS),
        "ticket": replace(_TICKET, valid=_NOTHING),
        "build_ref": _name(texts(1, 200)),
        "provider": _name(_NOTHING),
        # An error goes with a failure alone.
        "status": replace(
            _enum("running", "succeeded", "failed", required=True), valid=st.just("failed")
        ),
        "error_message": _text(0, 2000),
        "url": _shaped(
            st.sampled_from(("https://ci.example/7", " http://ci.example/7 ")),
            *("ci.example/7", "ftp://ci.example/7"),
        ),
        "org": _ORGANIZATION,
        "project": _PROJECT,
        "idempotency_key": _KEY,
    },
    "update_build": {
        "build_id": _shaped(st.just(BUILD), *_NO_UUIDS, required=True),
        "org": _ORGANIZATION,
        "description": _text(0, 2000),
        "display_name": _name(texts(1, 200)),
        "is_active": _FLAG,
        "metadata": _object(),
        "idempotency_key": _KEY,
        "clear": _CLEAR,
    },
}
"""By tool and argument, from the pages of the API and not from the code."""

ALWAYS: Mapping[str, Arguments] = {
    "report_build": {"build_id": BUILD},
    "take_ticket": {"ticket": FRESH_TICKET},
    "update_ticket": {"priority": "high"},
}
"""By tool: what a call has unless it says otherwise, for one of several arguments is required."""


def right(tool: str, *, without: Sequence[str] = ()) -> SearchStrategy[Arguments]:
    """Arguments that `tool` takes."""
    fields = {name: field for name, field in FIELDS[tool].items() if name not in without}
    return st.fixed_dictionaries(
        {name: field.given for name, field in fields.items() if field.required},
        optional={name: field.given for name, field in fields.items() if not field.required},
    ).map(lambda drawn: {**drawn, **ALWAYS.get(tool, {})})


@st.composite
def broken(draw: DrawFn, tool: str) -> tuple[Arguments, set[str], bool]:
    """Arguments of which some are wrong, the names of those, and whether the listed schema tells
    that they are."""
    arguments, listed = draw(right(tool)), draw(st.booleans())
    names = draw(st.sets(st.sampled_from((*FIELDS[tool], *UNKNOWN)), min_size=1, max_size=6))
    for name in sorted(names):
        field = FIELDS[tool].get(name)
        if field is None:
            arguments[name] = draw(JSON)
        elif field.required and draw(st.booleans()):
            arguments.pop(name, None)
        else:
            arguments[name] = draw(field.wrong if listed else field.refused)
    return arguments, names, listed


ABSENT = st.sampled_from((99, "HO-99-shop", "nowhere", "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0"))


def anything(tool: str) -> SearchStrategy[Arguments]:
    """Whatever a client may send: any JSON at all, and arguments partly right."""
    value = JSON | HOSTILE
    either = value | ABSENT
    parts = {name: field.given | field.refused | either for name, field in FIELDS[tool].items()}
    partly = st.fixed_dictionaries({}, optional=parts)
    stray = st.dictionaries(st.text(max_size=12) | st.just("x" * 500), value, max_size=3)
    return stray | st.tuples(right(tool), partly | stray).map(_overwritten)


def _overwritten(arguments: tuple[Arguments, Arguments]) -> Arguments:
    return {**arguments[0], **arguments[1]}


_TOKEN = LETTERS + string.digits


def _secret(begin: str, size: int, end: str = "", *, alphabet: str = _TOKEN) -> Values:
    # Nobody is given a key of one letter 48 times, which is how a placeholder reads.
    core = st.text(alphabet, min_size=size - 2, max_size=size - 2).map("K{}7".format)
    return core.map(lambda text: (f"{begin}{text}{end}", text))


SECRETS: Mapping[str, Values] = {
    "private key": _secret(
        "-----BEGIN RSA PRIVATE KEY-----\n", 30, "\n-----END RSA PRIVATE KEY-----"
    ),
    "GitHub token": _secret("ghp_", 36) | _secret("github_pat_", 60) | _secret("ghs_", 36),
    "GitLab token": _secret("glpat-", 20),
    "Slack token": _secret("xoxb-", 40) | _secret("xoxp-", 40),
    "AWS access key": _secret("AKIA", 16, alphabet=string.ascii_uppercase + string.digits),
    "Google key": _secret("AIza", 35),
    "Stripe key": _secret("sk_live_", 24) | _secret("rk_test_", 24),
    "npm token": _secret("npm_", 36),
    "PyPI token": _secret("pypi-", 60),
    "Anthropic key": _secret("sk-ant-", 40),
    "OpenAI key": _secret("sk-proj-", 40) | _secret("sk-", 48),
    "webhook secret": _secret("whsec_", 32),
    "JSON web token": _secret("eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.", 43),
    "bearer token": _secret("Authorization: Bearer ", 32) | _secret("bearer  ", 32),
    "password in a URL": _secret("postgresql://app:", 24, "@db.example/app"),
}
"""By what it is: what someone pastes, and the part of it that must never be seen again."""
