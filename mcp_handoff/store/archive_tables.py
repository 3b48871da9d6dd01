"""Which rows of which tables make an archive, and which of their columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Final

from mcp_handoff.store.transaction import Row, decode_json, encode_json
from mcp_handoff.text.free_json import check_json
from mcp_handoff.tickets import PRIORITIES
from mcp_handoff.workflow import STAGES

Column = type | UnionType | Sequence[str]
"""What a column holds: values of a type, or one of these words."""

JSON: Final = dict | list  # pyright: ignore[reportMissingTypeArgument] - to be looked for alone
"""A JSON object or list, which is stored as text."""

ANY_TEXT, ANY_NUMBER, ANY_JSON = str | None, int | None, JSON | None


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the kind of its rows in an archive, its columns there, by which of them it is
    ordered, which is its key, and those that no two rows share beside it unless one is null; of
    those with `unique_where` that has to be null for it.

    `left_out` are columns that are found again from others, or mean nothing elsewhere; `parents`
    the tables that columns refer to, by the columns.
    """

    kind: str
    name: str
    columns: Mapping[str, Column]
    key: Sequence[str] = ("id",)
    order: Sequence[str] = ()
    unique: Sequence[Sequence[str]] = ()
    unique_where: str = ""
    left_out: Sequence[str] = ()
    parents: Mapping[str, str] = field(default_factory=dict[str, str])

    def fields_of(self, row: Row) -> dict[str, Any]:
        """Return the fields of a row that are not null, as an archive has them."""
        return {
            name: decode_json(row[name]) if is_json(column) else row[name]
            for name, column in self.columns.items()
            if row[name] is not None
        }

    def row_of(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return fields as they are stored."""
        return {
            name: encode_json(fields.get(name)) if is_json(column) else fields.get(name)
            for name, column in self.columns.items()
        }

    def problems_of(self, fields: Mapping[str, Any]) -> Iterator[str]:
        """Yield what is wrong with fields that are to become a row."""
        for name in sorted(fields.keys() - self.columns.keys()):
            yield f"{name!r} is no field of a {self.kind} that this version knows"
        for name, column in self.columns.items():
            if why := _problem_of(fields.get(name), column):
                yield f"{name} {why}"


def is_json(column: Column) -> bool:
    """Tell whether a column holds JSON."""
    return column in (JSON, ANY_JSON)


def _problem_of(value: object, column: Column) -> str | None:
    if isinstance(column, type | UnionType):
        if not isinstance(value, column) or isinstance(value, bool):
            return "is missing" if value is None else "is of the wrong type"
    elif value not in column:
        return "is missing" if value is None else f"must be one of {', '.join(column)}"
    try:
        check_json(value)
    except ValueError as error:
        return str(error)
    return None


def _columns(column: Column, names: str) -> dict[str, Column]:
    return dict.fromkeys(names.split(), column)


_PRINCIPAL = _columns(ANY_TEXT, "principal_id principal_name")
_TICKET = {"ticket_id": "tickets"}
_REPOSITORY = {"repository_id": "repositories"}
_OF_FORGES = ("repository_id", "change")

TABLES: Sequence[Table] = (
    Table(
        "organization",
        "organizations",
        _columns(str, "id slug created_at") | {"sole": ANY_NUMBER},
        unique=(("slug",), ("sole",)),
    ),
    Table(
        "project",
        "projects",
        _columns(str, "id organization_id slug name created_at")
        | _columns(int, "last_number auto_close require_proof four_eyes"),
        unique=(("slug",),),
        parents={"organization_id": "organizations"},
    ),
    Table(
        "token",
        "tokens",
        _columns(str, "id name role digest created_at")
        | {"projects": ANY_JSON}
        | _columns(ANY_TEXT, "expires_at revoked_at old_digest old_secret_until"),
        unique=(("name",),),
        unique_where="revoked_at",
    ),
    Table(
        "repository",
        "repositories",
        _columns(str, "id project_id forge name key secret created_at")
        | {"last_delivery_at": ANY_TEXT},
        unique=(("forge", "key"),),
        parents={"project_id": "projects"},
    ),
    Table(
        "ticket",
        "tickets",
        _columns(str, "id project_id")
        | {"number": int}
        | _columns(str, "title description request_type")
        | {"priority": PRIORITIES, "blocking": int, "status": ("open", "closed"), "stage": STAGES}
        | {"evidence": ANY_JSON}
        | _columns(ANY_TEXT, "suggested_resolution implementation_notes")
        | {"ai_output": ANY_JSON}
        | _columns(ANY_TEXT, "merge_sha resolution_type resolution_note resolved_at")
        | _columns(ANY_TEXT, "deployed_at deploy_failed_at")
        | {"actor_role": str, "actor_id": ANY_TEXT, "source": str, **_PRINCIPAL}
        | _columns(int, "version fingerprint")
        | _columns(str, "created_at updated_at"),
        order=("project_id", "number"),
        unique=(("project_id", "number"),),
        left_out=("seq", "urgency", "actor_key", "principal_key", "blockers"),
        parents={"project_id": "projects"},
    ),
    Table(
        "link",
        "links",
        _columns(str, "ticket_id blocker_id"),
        key=("ticket_id", "blocker_id"),
        parents={**_TICKET, "blocker_id": "tickets"},
    ),
    Table(
        "role",
        "ticket_roles",
        _columns(str, "ticket_id role")
        | {"position": int, "status": ("pending", "in_progress", "done", "skipped")}
        | {"updated_at": str},
        key=("ticket_id", "role"),
        left_out=(*("project_id", "number", "stage", "request_type", "urgency", "waits", "ready"),),
        parents=_TICKET,
    ),
    Table(
        "take",
        "takes",
        _columns(str, "ticket_id role")
        | _columns(int, "fence held")
        | _columns(str, "owner session actor_role")
        | {"actor_id": ANY_TEXT}
        | _columns(str, "principal_id principal_name taken_at")
        | _columns(ANY_TEXT, "until parked waits_for note former_owner former_session"),
        key=("ticket_id", "role"),
        left_out=("project_id", "number", "urgency", "actor_key", "principal_key"),
        parents=_TICKET,
    ),
    Table(
        "message",
        "messages",
        _columns(str, "id project_id ticket_id kind body actor_role")
        | {"actor_id": ANY_TEXT}
        | _columns(str, "source principal_id principal_name")
        | _columns(ANY_TEXT, "to_role answers")
        | {"waits": int, "created_at": str},
        order=("seq",),
        left_out=("seq",),
        parents=_TICKET,
    ),
    Table(
        "suggestion",
        "suggestions",
        _columns(str, "id run_id project_id ticket_id")
        | {"ticket_version": int, "suggestion_type": str, "confidence": float | None}
        | {"evidence": str, "suggested_action": ANY_TEXT}
        | _columns(str, "status source")
        | {"merge_sha": ANY_TEXT, "pr_number": ANY_NUMBER}
        | _columns(ANY_TEXT, "repo reason actor_role actor_id")
        | _PRINCIPAL
        | {"proof": ANY_JSON}
        | _columns(str, "created_at expires_at"),
        order=("seq",),
        left_out=("seq",),
        parents={**_TICKET, "project_id": "projects"},
    ),
    Table(
        "build",
        "builds",
        _columns(str, "id organization_id build_ref display_name")
        | {"description": ANY_TEXT}
        | _columns(str, "provider status source_type")
        | {"source_id": ANY_TEXT, "is_active": int, "metadata": ANY_JSON}
        | _columns(ANY_TEXT, "error_message created_by url")
        | _PRINCIPAL
        | _columns(str, "created_at updated_at"),
        order=("seq",),
        left_out=("seq",),
        parents={"organization_id": "organizations"},
    ),
    Table(
        "run",
        "build_runs",
        _columns(str, "id ticket_id build_id status")
        | _columns(ANY_TEXT, "provider repo requested_by")
        | {"requested_at": str, "dispatched_at": ANY_TEXT, "attempts": int}
        | _columns(ANY_TEXT, "last_error next_attempt_at url changed_at given_up")
        | _PRINCIPAL,
        order=("seq",),
        left_out=("seq",),
        parents={**_TICKET, "build_id": "builds"},
    ),
    Table(
        "pull_request",
        "pull_requests",
        _columns(str, "repository_id change")
        | {"number": int}
        | _columns(str, "title url state")
        | _columns(int, "draft lands")
        | {"head_sha": str, "merge_sha": ANY_TEXT, "changed_at": str, "landed_at": ANY_TEXT},
        key=_OF_FORGES,
        parents=_REPOSITORY,
    ),
    Table(
        "commit",
        "commits",
        _columns(str, "repository_id change push") | {"place": int, "landed_at": str},
        key=_OF_FORGES,
        parents=_REPOSITORY,
    ),
    Table(
        "mention",
        "mentions",
        _columns(str, "ticket_id repository_id change") | {"closes": int},
        key=("ticket_id", "repository_id", "change"),
        parents=_TICKET | _REPOSITORY,
    ),
    Table(
        "revert",
        "reverts",
        _columns(str, "repository_id reverted change"),
        key=("repository_id", "reverted", "change"),
        parents=_REPOSITORY,
    ),
    Table(
        "check",
        "checks",
        _columns(str, "repository_id sha name state changed_at"),
        key=("repository_id", "sha", "name"),
        parents=_REPOSITORY,
    ),
    Table(
        "deployment",
        "deployments",
        _columns(str, "repository_id sha environment state changed_at"),
        key=("repository_id", "sha", "environment", "state"),
        parents=_REPOSITORY,
    ),
    Table(
        "delivery",
        "deliveries",
        _columns(str, "repository_id id taken_at"),
        key=("repository_id", "id"),
        parents=_REPOSITORY,
    ),
    Table(
        "event",
        "events",
        {"seq": int}
        | _columns(str, "kind")
        | _columns(ANY_TEXT, "project_id ticket_id")
        | _columns(str, "subject_id actor_role")
        | {"actor_id": ANY_TEXT, "source": str, **_PRINCIPAL}
        | _columns(ANY_JSON, "before after")
        | {"created_at": str},
        key=("seq",),
    ),
    Table(
        "webhook",
        "webhooks",
        {"id": str, "project_id": ANY_TEXT, "url": str, "secret": ANY_TEXT, "format": str}
        | {"events": JSON, "position": int, "created_at": str}
        | _columns(ANY_TEXT, "off_since off_reason last_taken_at last_attempt_at last_error"),
        parents={"project_id": "projects"},
    ),
    Table(
        "dispatch",
        "outbox",
        {"id": str, "webhook_id": ANY_TEXT, "event_seq": ANY_NUMBER, "ticket_id": ANY_TEXT}
        | {"payload": JSON, "attempts": int, "next_attempt_at": str},
        left_out=("lease", "leased_until"),
        parents={"webhook_id": "webhooks"},
    ),
    Table(
        "receiver",
        "receiver",
        {"id": int} | _columns(str, "origin url_digest secret_digest set_at"),
    ),
    Table(
        "kept_result",
        "idempotency",
        _columns(str, "principal operation key fingerprint") | {"result": JSON, "created_at": str},
        key=("principal", "operation", "key"),
    ),
)
"""In the order in which they are written and read: what others refer to comes first."""

DERIVED = ("ticket_terms", "project_words", "schema_versions")
"""Tables that are found again from the others, the index of terms, or are the schema's own."""
