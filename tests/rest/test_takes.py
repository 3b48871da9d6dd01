"""Who holds what in a project, over REST."""

import httpx2

from tests.http.served import Served, bearer, make_token
from tests.rest.conftest import BODY, NOWHERE


def held(http: httpx2.Client, project: str) -> list[tuple[str, str, str]]:
    """Return which roles are held, of which tickets and by whom."""
    listed = http.get(f"{project}/takes").json()
    assert listed["more"] is False
    return [
        (one["title"], one["take"]["role"], one["take"]["principal_name"])
        for one in listed["takes"]
    ]


def test_what_is_held_is_listed_by_urgency_until_it_is_given_back(
    served: Served, http: httpx2.Client, project: str
) -> None:
    ci = bearer(make_token(served.store, f"ci-{project[-8:]}", "bot"))
    for title, priority in (("Totals are wrong", "low"), ("Checkout fails", "high")):
        body = {**BODY, "title": title, "priority": priority, "roles": ["backend", "design"]}
        filed = http.post(f"{project}/tickets", json=body).json()["ticket"]["number"]
        http.post(f"{project}/tickets/{filed}/take", json={"role": "backend"}, headers=ci)
    http.post(f"{project}/tickets/2/take", json={"role": "design"})
    [first, second, third] = held(http, project)
    assert {first[:2], second[:2]} == {
        ("Checkout fails", "backend"),
        ("Checkout fails", "design"),
    }
    assert third == ("Totals are wrong", "backend", f"ci-{project[-8:]}")
    finish = {"role_status": {"role": "backend", "status": "done"}}
    http.patch(f"{project}/tickets/1", json=finish, headers=ci)
    assert len(held(http, project)) == 2


def test_a_project_without_takes_has_none_and_one_that_is_not_there_is_not_found(
    http: httpx2.Client, project: str
) -> None:
    assert held(http, project) == []
    assert http.get(f"/api/projects/{NOWHERE}/takes").status_code == 404
