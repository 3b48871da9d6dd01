"""The settings: what admins alone see and change."""

from typing import Any, get_args

from starlette.responses import Response

from mcp_handoff.merges import ForgeName
from mcp_handoff.portal.addresses import SETTINGS
from mcp_handoff.portal.forms import read_form
from mcp_handoff.portal.visits import Visit
from mcp_handoff.principals import ROLES
from mcp_handoff.projects import ChangeProject
from mcp_handoff.repositories import (
    LinkRepository,
    ListRepositories,
    UnlinkRepository,
)
from mcp_handoff.tokens import CreateToken, ListTokens, RevokeToken, RotateToken
from mcp_handoff.validation import Arguments
from mcp_handoff.webhooks import (
    EVERYTHING,
    AddWebhook,
    ListWebhooks,
    RemoveWebhook,
    WebhookFormat,
    WebhookTest,
)

POLICIES = ("auto_close", "require_proof", "four_eyes")


async def show_settings(visit: Visit) -> Response:
    """Show the projects and their policies, the tokens, the linked repositories, the webhooks."""
    return await _shown(visit)


async def change_project(visit: Visit) -> Response:
    """Change a project's policies to what is ticked."""
    form = await read_form(visit.request)
    sent = {name: form.one(name) is not None for name in POLICIES}
    sent |= {"project": visit.request.path_params["project"]}
    await visit.desk.change_project(visit.visitor, Arguments(ChangeProject, sent))
    return visit.back_to(f"{SETTINGS}#projects")


async def create_token(visit: Visit) -> Response:
    """Make a token, and show its secret this once."""
    form = await read_form(visit.request)
    sent: dict[str, Any] = {**form.given("name", "role"), "projects": form.all("projects")}
    if days := form.one("expires_days"):
        sent["expires_days"] = int(days) if days.isdecimal() and len(days) < 9 else days
    created = await visit.desk.create_token(visit.visitor, Arguments(CreateToken, sent))
    return await _shown(visit, f"The token {created.token.name}", created.secret)


async def rotate_token(visit: Visit) -> Response:
    """Give a token another secret, and show it this once."""
    await read_form(visit.request)
    sent = {"token": visit.request.path_params["token"]}
    rotated = await visit.desk.rotate_token(visit.visitor, Arguments(RotateToken, sent))
    return await _shown(visit, f"The new secret of {rotated.token.name}", rotated.secret)


async def revoke_token(visit: Visit) -> Response:
    """End a token."""
    await read_form(visit.request)
    sent = {"token": visit.request.path_params["token"]}
    await visit.desk.revoke_token(visit.visitor, Arguments(RevokeToken, sent))
    return visit.back_to(f"{SETTINGS}#tokens")


async def link_repository(visit: Visit) -> Response:
    """Link a repository, and show what its forge signs with this once."""
    form = await read_form(visit.request)
    sent = form.given("name", "forge", "project")
    linked = await visit.desk.link_repository(visit.visitor, Arguments(LinkRepository, sent))
    about = f"The secret of {linked.repository.name}'s webhook, to /api/hooks/{sent.get('forge')}"
    return await _shown(visit, about, linked.secret)


async def unlink_repository(visit: Visit) -> Response:
    """Take no more deliveries of a repository."""
    await read_form(visit.request)
    sent = {"repository_id": visit.request.path_params["repository"]}
    await visit.desk.unlink_repository(visit.visitor, Arguments(UnlinkRepository, sent))
    return visit.back_to(f"{SETTINGS}#repositories")


async def add_webhook(visit: Visit) -> Response:
    """Add a webhook, and show what signs its messages this once."""
    form = await read_form(visit.request)
    sent: dict[str, Any] = form.given("url", "format", "project")
    if topics := form.all("events"):
        sent["events"] = topics
    added = await visit.desk.add_webhook(visit.visitor, Arguments(AddWebhook, sent))
    if added.secret is None:
        return visit.back_to(f"{SETTINGS}#webhooks")
    about = f"The secret that signs what {added.webhook.origin} is told"
    return await _shown(visit, about, added.secret)


async def change_webhook(visit: Visit) -> Response:
    """Test a webhook, or remove it."""
    form = await read_form(visit.request)
    sent = {"webhook_id": visit.request.path_params["webhook"]}
    if form.one("action") == "test":
        await visit.desk.test_webhook(visit.visitor, Arguments(WebhookTest, sent))
    else:
        await visit.desk.remove_webhook(visit.visitor, Arguments(RemoveWebhook, sent))
    return visit.back_to(f"{SETTINGS}#webhooks")


async def _shown(visit: Visit, about: str | None = None, secret: str | None = None) -> Response:
    """Show the settings, with a secret that was just made."""
    desk, visitor = visit.desk, visit.visitor
    tokens = await desk.list_tokens(visitor, Arguments(ListTokens))
    repositories = await desk.list_repositories(visitor, Arguments(ListRepositories))
    webhooks = await desk.list_webhooks(visitor, Arguments(ListWebhooks))
    return visit.render(
        "settings.html",
        about=about,
        secret=secret,
        projects=await visit.projects(),
        policies=POLICIES,
        tokens=tokens.tokens,
        repositories=repositories.repositories,
        webhooks=webhooks.webhooks,
        principal_roles=ROLES,
        forges=get_args(ForgeName),
        formats=get_args(WebhookFormat),
        topics=EVERYTHING,
    )
