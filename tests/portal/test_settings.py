"""What admins change on the page of settings, and nobody else sees."""

from collections.abc import Iterator

import pytest

from tests.http.served import Served, bearer
from tests.portal.browser import Browser
from tests.portal.scene import People

pytestmark = pytest.mark.proof


@pytest.fixture
def root(desk: Served) -> Iterator[Browser]:
    """An admin who looks at the settings."""
    with Browser(desk) as browser:
        browser.sign_in(desk.token, "/settings")
        yield browser


def secret_on(browser: Browser) -> str:
    """Return the secret that the page shows."""
    kinds = ("mho_", "mhh_", "whsec_")
    [secret] = [word for word in browser.page.text.split() if word.startswith(kinds)]
    return secret


def test_a_token_is_made_shown_once_used_and_revoked(desk: Served, root: Browser) -> None:
    root.submit("Make a token", name="ci", role="bot", projects="shop")
    secret = secret_on(root)
    assert desk.http.get("/api/me", headers=bearer(secret)).json()["name"] == "ci"
    page = root.visit("/settings")
    assert secret not in page.text
    form = next(
        form for form in page.forms if "revoke" in form.action and ("ci" in str(form.buttons))
    )
    root.http.post(form.action, data=form.fields)
    assert desk.http.get("/api/me", headers=bearer(secret)).status_code == 401


def test_a_token_is_rotated_and_its_old_secret_has_ended(desk: Served, root: Browser) -> None:
    root.submit("Make a token", name="ci", role="bot", projects="shop")
    old = secret_on(root)
    root.visit("/settings")
    form = next(form for form in root.page.forms if "rotate" in form.action and "ci" in str(form))
    root.send(form)
    new = secret_on(root)
    assert desk.http.get("/api/me", headers=bearer(old)).status_code == 401
    assert desk.http.get("/api/me", headers=bearer(new)).json()["name"] == "ci"


def test_a_projects_policies_are_what_is_ticked(desk: Served, root: Browser) -> None:
    root.submit("Save", "/shop", four_eyes="on")
    [shop] = desk.http.get("/api/projects").json()["projects"]
    assert (shop["four_eyes"], shop["auto_close"]) == (True, False)
    root.visit("/settings")
    root.submit("Save", "/shop", four_eyes=[])
    [shop] = desk.http.get("/api/projects").json()["projects"]
    assert shop["four_eyes"] is False


def test_a_repository_is_linked_with_a_secret_that_is_shown_once(
    desk: Served, root: Browser
) -> None:
    root.submit("Link", name="acme/shop", forge="gitlab", project="shop")
    secret = secret_on(root)
    page = root.visit("/settings")
    assert ("acme/shop" in page.text, secret in page.text) == (True, False)
    root.submit("Unlink")
    assert desk.http.get("/api/repositories").json()["repositories"] == []


def test_a_webhook_is_added_shown_without_its_path_and_removed(desk: Served, root: Browser) -> None:
    root.submit("Add", url="https://hooks.example/secret-path", events=["ticket", "build"])
    assert secret_on(root).startswith("whsec_")
    page = root.visit("/settings")
    assert ("https://hooks.example" in page.text, "secret-path" in page.text) == (True, False)
    assert "ticket, build" in page.text
    root.submit("Remove")
    assert desk.http.get("/api/webhooks").json()["webhooks"] == []


def test_a_wrong_value_is_named_and_nothing_is_stored(desk: Served, root: Browser) -> None:
    page = root.submit("Add", url="http://hooks.example/")
    assert (page.response.status_code, "https:// address" in page.text) == (400, True)
    assert desk.http.get("/api/webhooks").json()["webhooks"] == []


def test_nobody_else_sees_the_settings(mia: Browser) -> None:
    assert "Settings" not in mia.visit("/").links
    assert mia.visit("/settings").response.status_code == 403


def test_the_builds_are_shown_with_what_became_of_them(people: People, mia: Browser) -> None:
    for status in ("ready", "failed"):
        body = {"build_ref": status, "display_name": f"Build {status}", "provider": "docker"}
        made = people.desk.http.post("/api/v1/org/default/builds", json=body).json()
        report = {"status": {"ready": "succeeded"}.get(status, "failed")}
        people.desk.http.post(f"/api/v1/org/default/builds/{made['id']}/report", json=report)
    shown = mia.visit("/builds").text
    assert ("Build ready" in shown, "Build failed" in shown) == (True, True)
    assert "Build ready" not in mia.visit("/builds?status=failed").text
