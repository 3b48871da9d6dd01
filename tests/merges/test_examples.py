"""The action, the GitLab job and the git hook of docs/merges.md, as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_handoff.actors import Caller
from tests.mcp.wire import environment
from tests.merges.desk import pending
from tests.repositories import OWN_SETTINGS, Repository

SECONDS = 60
ROOT = Path(__file__).parents[2]
ACTION: Any = yaml.safe_load((ROOT / "action.yml").read_text())
DOCUMENT = (ROOT / "docs/merges.md").read_text()
SHA = "9f2c1e7d5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder of programs: mcp-handoff, and a pip and a python that install nothing else."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, does in (
        ("mcp-handoff", f'exec "{sys.executable}" -m mcp_handoff "$@"'),
        ("pip", "exit 0"),
        ("python", f'mkdir -p "$3" && cp -r "{folder}" "$3/bin"'),
    ):
        program = folder / name
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    return folder


def run(script: str, shop: Repository, programs: Path, store: Path, **values: str) -> None:
    """Run a script in the checkout, with these values in its environment."""
    settings = {**environment(store), **OWN_SETTINGS, **values, "PYTHONPATH": str(ROOT)}
    settings["PATH"] = f"{programs}{os.pathsep}{OWN_SETTINGS['PATH']}"
    command = ["bash", "-c", script]
    subprocess.run(command, env=settings, cwd=shop.path, timeout=SECONDS, check=True)


def example(language: str, telling: str) -> str:
    """Return the document's block of a language that has these words."""
    blocks = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    [found] = [block for block in blocks if telling in block]
    return found


def evaluated(expression: str, github: Any) -> str:
    """Return what an expression of the action is: of paths in `github` the first that is there."""
    found = re.fullmatch(r"\$\{\{ (github\.[\w.| ]+) \}\}", expression)
    assert found, f"{expression} is more than this test evaluates"
    for path in found[1].split(" || "):
        value: Any = github
        for name in path.split(".")[1:]:
            value = value[name] if value and name in value else None
        if value:
            return str(value)
    return ""


PULL_REQUEST = {
    "number": 50,
    "merge_commit_sha": SHA,
    "title": "Lift the limit",
    "body": "Closes HO-1\r\nFixes HO-2",
}


@pytest.mark.parametrize(
    ("event", "subject", "number"),
    [
        ({"pull_request": PULL_REQUEST}, "Lift the limit", 50),
        ({"head_commit": {"message": "Closes HO-1\n\nFixes HO-2"}}, "Closes HO-1", None),
    ],
    ids=["a pull request", "a push"],
)
def test_the_action_tells_of_all_that_a_merge_declares_to_close(
    programs: Path,
    filed: Path,
    shop: Repository,
    caller: Caller,
    event: Any,
    subject: str,
    number: int | None,
) -> None:
    [step] = ACTION["runs"]["steps"]
    github = {"event": event, "sha": SHA, "repository": "acme/shop"}
    told = {
        name: evaluated(value, github)
        for name, value in step["env"].items()
        if "inputs." not in value
    }
    told |= {"RUNNER_TEMP": str(programs.parent), "VERSION": ACTION["inputs"]["version"]["default"]}
    run(step["run"], shop, programs, filed, **told)
    made = pending(filed, caller)
    assert {one.ticket_number for one in made} == {1, 2}
    assert {(one.merge_sha, one.pr_number, one.repo) for one in made} == {
        (SHA, number, "acme/shop")
    }
    assert made[0].evidence["subject"] == subject


def test_the_job_of_gitlab_tells_of_a_commits_message(
    programs: Path, filed: Path, shop: Repository, caller: Caller
) -> None:
    job = yaml.safe_load(example("yaml", "CI_COMMIT_MESSAGE"))["merged"]
    told = {"CI_COMMIT_MESSAGE": "Lift it\n\nCloses HO-1", "CI_COMMIT_SHA": SHA}
    run("\n".join(job["script"]), shop, programs, filed, CI_PROJECT_PATH="acme/shop", **told)
    [made] = pending(filed, caller)
    assert (made.ticket_number, made.merge_sha, made.repo) == (1, SHA, "acme/shop")


def test_the_hook_of_git_tells_of_a_merge(
    programs: Path, filed: Path, shop: Repository, caller: Caller
) -> None:
    hook = shop.path / ".git/hooks/post-merge"
    hook.write_text(example("sh", "git log -1"))
    hook.chmod(0o755)
    shop.commit_on("lift", "Lift it")
    run("git merge --quiet --no-ff -m 'Fixes HO-2' lift", shop, programs, filed)
    [made] = pending(filed, caller)
    assert (made.ticket_number, made.merge_sha) == (2, shop.git("rev-parse", "HEAD"))
    assert made.proof is not None
    assert made.proof.state == "proven"
