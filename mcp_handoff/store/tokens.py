"""Tokens: made, listed, revoked and recognised."""

import json
from datetime import timedelta

from mcp_handoff.errors import AlreadyExists, NotFound
from mcp_handoff.store import projects
from mcp_handoff.store.transaction import Row, Transaction, insert, timestamp
from mcp_handoff.tokens import (
    CreatedToken,
    CreateToken,
    Principal,
    RevokeToken,
    Token,
    digest,
    is_valid,
    matches,
    new_secret,
    principal_of,
    token_id_of,
)


def create_token(tx: Transaction, request: CreateToken) -> CreatedToken:
    """Make a token for projects that there are; AlreadyExists when its name is in use."""
    _require_free(tx, request.name)
    for slug in request.projects:
        projects.require(tx, slug)
    token_id, secret = new_secret()
    lifetime = request.expires_days and timedelta(days=request.expires_days)
    row = {
        "id": token_id,
        "name": request.name,
        "role": request.role,
        "digest": digest(secret),
        "projects": json.dumps(sorted(set(request.projects))) if request.projects else None,
        "created_at": timestamp(tx.now),
        "expires_at": timestamp(tx.now + lifetime) if lifetime else None,
    }
    insert(tx, "tokens", row)
    return CreatedToken(token=_token(row), secret=secret)


def list_tokens(tx: Transaction) -> list[Token]:
    """Return all tokens, oldest first, those that were revoked too."""
    return [_token(row) for row in tx.all("SELECT * FROM tokens ORDER BY id")]


def revoke_token(tx: Transaction, request: RevokeToken) -> Token:
    """End a token; NotFound when none of that name or id is in force."""
    row = tx.one(
        "SELECT * FROM tokens WHERE (id = :name OR name = :name) AND revoked_at IS NULL",
        name=request.token,
    )
    if row is None:
        message = "names no token that is in force"
        raise NotFound(f"token {message}; `token list` shows them.", fields={"token": message})
    tx.run(
        "UPDATE tokens SET revoked_at = :now WHERE id = :id", now=timestamp(tx.now), id=row["id"]
    )
    return _token({**row, "revoked_at": timestamp(tx.now)})


def recognise(tx: Transaction, secret: str) -> Principal | None:
    """Return whom a secret belongs to, None when it is unknown, revoked or expired."""
    row = tx.one("SELECT * FROM tokens WHERE id = :id", id=token_id_of(secret))
    if row is None or not matches(secret, row["digest"]):
        return None
    token = _token(row)
    return principal_of(token) if is_valid(token, timestamp(tx.now)) else None


def _require_free(tx: Transaction, name: str) -> None:
    if tx.one("SELECT 1 FROM tokens WHERE name = :name AND revoked_at IS NULL", name=name):
        message = f"{name!r} is in use"
        raise AlreadyExists(f"name {message}; revoke that token first.", fields={"name": message})


def _token(row: Row) -> Token:
    listed = json.loads(row["projects"]) if row["projects"] else None
    return Token.model_validate({**row, "projects": listed})
