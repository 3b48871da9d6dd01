"""Tokens: made, listed, revoked and authenticated."""

from collections.abc import Callable, Collection
from datetime import timedelta

from mcp_handoff.actors import Caller
from mcp_handoff.errors import AlreadyExists, NotFound
from mcp_handoff.ids import new_id
from mcp_handoff.principals import Principal
from mcp_handoff.schema import timestamp
from mcp_handoff.store import history, projects
from mcp_handoff.store.transaction import (
    Row,
    Transaction,
    decode_json,
    encode_json,
    insert,
    placeholders,
)
from mcp_handoff.tokens import (
    CreatedToken,
    CreateToken,
    ListTokens,
    RevokedToken,
    RevokeToken,
    RotateToken,
    Session,
    Token,
    TokenList,
    digest,
    is_valid,
    matches,
    new_secret,
    principal_of,
    token_id_of,
)


def create_token(tx: Transaction, caller: Caller, request: CreateToken) -> CreatedToken:
    """Make a token for projects that there are; AlreadyExists when its name is in use."""
    used = "SELECT 1 FROM tokens WHERE name = :name AND revoked_at IS NULL"
    if tx.fetch_one(used, name=request.name):
        raise AlreadyExists.at("name", f"{request.name!r} is in use", "revoke that token first")
    for slug in request.projects:
        projects.require(tx, caller, slug)
    token_id = new_id()
    secret = new_secret(token_id)
    lifetime = request.expires_days and timedelta(days=request.expires_days)
    row = {
        "id": token_id,
        "name": request.name,
        "role": request.role,
        "digest": digest(secret),
        "projects": encode_json(sorted(set(request.projects)) or None),
        "created_at": timestamp(tx.now),
        "expires_at": timestamp(tx.now + lifetime) if lifetime else None,
    }
    insert(tx, "tokens", row)
    token = _token(row)
    after = token.model_dump(include={"name", "role", "projects", "expires_at"})
    history.add_event(tx, caller, "token.created", subject_id=token_id, after=after)
    return CreatedToken(token=token, secret=secret)


def list_tokens(tx: Transaction, caller: Caller, request: ListTokens) -> TokenList:
    """Return all tokens, oldest first, those that were revoked too."""
    rows = tx.fetch_all("SELECT * FROM tokens ORDER BY id")
    events = history.of_tokens(tx)
    return TokenList(tokens=[_token({**row, "events": events.get(row["id"], [])}) for row in rows])


def rotate_token(tx: Transaction, caller: Caller, request: RotateToken) -> CreatedToken:
    """Give a token another secret; NotFound when none of that name or id is in force."""
    row = _require_in_force(tx, request.token)
    secret = new_secret(row["id"])
    grace = timedelta(minutes=request.grace_minutes)
    old = {
        "old_digest": row["digest"] if grace else None,
        "old_secret_until": timestamp(tx.now + grace) if grace else None,
    }
    tx.execute(
        "UPDATE tokens SET digest = :digest, old_digest = :old_digest,"
        " old_secret_until = :old_secret_until WHERE id = :id",
        id=row["id"],
        digest=digest(secret),
        **old,
    )
    told = {"old_secret_until": old["old_secret_until"]} if grace else {}
    after = {"name": row["name"], **told}
    history.add_event(tx, caller, "token.rotated", subject_id=row["id"], after=after)
    return CreatedToken(token=_token({**row, **old}), secret=secret)


def revoke_token(tx: Transaction, caller: Caller, request: RevokeToken) -> RevokedToken:
    """End a token; NotFound when none of that name or id is in force."""
    row = _require_in_force(tx, request.token)
    now = timestamp(tx.now)
    tx.execute("UPDATE tokens SET revoked_at = :now WHERE id = :id", now=now, id=row["id"])
    after = {"name": row["name"], "revoked_at": now}
    history.add_event(tx, caller, "token.revoked", subject_id=row["id"], after=after)
    return RevokedToken(token=_token({**row, "revoked_at": now}))


def authenticate(tx: Transaction, secret: str) -> Principal | None:
    """Return whom a secret belongs to, None when it is unknown, revoked or expired."""
    row = tx.fetch_one("SELECT * FROM tokens WHERE id = :id", id=token_id_of(secret))
    return _let_in(tx, row, lambda kept: matches(secret, kept))


def authenticate_session(tx: Transaction, text: str) -> Principal | None:
    """Return whose session a text is, None when it is none, is over, or its token is."""
    session = Session.parse(text)
    if session is None:
        return None
    row = tx.fetch_one("SELECT * FROM tokens WHERE id = :id", id=session.token_id)
    return _let_in(tx, row, lambda kept: session.is_valid(kept, tx.now))


def _let_in(tx: Transaction, row: Row | None, fits: Callable[[str], bool]) -> Principal | None:
    """Return whom a token stands for that holds, where what is kept of one of its secrets fits."""
    shown = next(filter(fits, _digests(tx, row)), None) if row else None
    if row is None or shown is None:
        return None
    token = _token(row)
    return principal_of(token, shown) if is_valid(token, timestamp(tx.now)) else None


def _digests(tx: Transaction, row: Row) -> list[str]:
    """Return what is kept of the secrets of a token that work: the newest, and in its grace the one
    before."""
    until = row["old_secret_until"]
    in_grace = until is not None and timestamp(tx.now) < until
    return [row["digest"], row["old_digest"]] if in_grace else [row["digest"]]


def has_had_tokens(tx: Transaction) -> bool:
    """Tell whether a token was ever made: those that ended stay in the table."""
    return tx.fetch_one("SELECT 1 FROM tokens LIMIT 1") is not None


def still_let_in(tx: Transaction, principals: Collection[Principal]) -> frozenset[Principal]:
    """Return those of these whose tokens are neither unknown nor revoked nor expired, and whose
    secrets were not rotated away."""
    names, values = placeholders("id", {principal.id for principal in principals})
    rows = tx.fetch_all(
        f"SELECT * FROM tokens WHERE id IN ({names}) AND revoked_at IS NULL"
        " AND (expires_at IS NULL OR expires_at > :now)",
        now=timestamp(tx.now),
        **values,
    )
    valid = {(row["id"], kept) for row in rows for kept in _digests(tx, row)}
    return frozenset(one for one in principals if (one.id, one.digest) in valid)


def _require_in_force(tx: Transaction, name: str) -> Row:
    row = tx.fetch_one(
        "SELECT * FROM tokens WHERE (id = :name OR name = :name) AND revoked_at IS NULL", name=name
    )
    if row is None:
        raise NotFound.at("token", "names no valid token", "`token list` shows all")
    return row


def _token(row: Row) -> Token:
    return Token.model_validate({**row, "projects": decode_json(row["projects"])})
