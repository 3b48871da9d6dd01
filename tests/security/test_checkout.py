"""A checkout that came from anywhere, asked for a commit: nothing of it is run or believed."""

import os
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from mcp_handoff import checkout
from tests.repositories import MISSING, OWN_SETTINGS, Repository, seen_by_git, started


async def test_what_is_no_repository_is_not_looked_for_further_up(shop: Repository) -> None:
    (shop.path / "broken" / ".git").mkdir(parents=True)
    seen = await Repository(shop.path / "broken").proof_of(shop.git("rev-parse", "HEAD"))
    assert seen.state == "unproven"
    assert "git does not read this checkout" in seen.why


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives a folder away")
async def test_another_users_checkout_is_not_read(shop: Repository) -> None:
    sha = shop.git("rev-parse", "HEAD")
    for path in (shop.path, shop.path / ".git"):
        os.chown(path, 12_345, -1)
    seen = await shop.proof_of(sha)
    assert seen.state == "unproven"
    assert "another user" in seen.why


@pytest.mark.parametrize("name", ["", "HEAD", "main", "--all", "abc123", "main^{commit}", "g" * 40])
async def test_only_a_sha_is_looked_for(shop: Repository, name: str) -> None:
    assert await shop.proof_of(name) == seen_by_git("unproven", "this is no commit's SHA")


async def test_a_branch_that_is_called_like_a_sha_is_not_taken_for_it(shop: Repository) -> None:
    shop.git("branch", MISSING[:7])
    shop.git("tag", MISSING[:12])
    assert await shop.state_of(MISSING[:7]) == "contradicted"
    assert await shop.state_of(MISSING[:12]) == "contradicted"


async def test_no_pretended_parents_are_believed(shop: Repository) -> None:
    work = shop.commit_on("cart", "Add the cart")
    tip = shop.commit("Meanwhile")
    (shop.path / ".git" / "info" / "grafts").write_text(f"{tip} {work}\n")
    assert await shop.state_of(work) == "contradicted"
    (shop.path / ".git" / "info" / "grafts").unlink()
    shop.git("replace", "--graft", tip, work)
    assert await shop.state_of(work) == "contradicted"


async def test_the_servers_environment_leads_git_nowhere(
    shop: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = started(shop.path.parent / "other")
    foreign = other.commit("Elsewhere")
    for name, value in {
        "GIT_DIR": str(other.path / ".git"),
        "GIT_OBJECT_DIRECTORY": str(other.path / ".git" / "objects"),
        "GIT_NAMESPACE": "other",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "remote.origin.url",
        "GIT_CONFIG_VALUE_0": "https://other.example",
        "GIT_TRACE": str(shop.path / "trace"),
    }.items():
        monkeypatch.setenv(name, value)
    assert await shop.state_of(foreign) == "contradicted"
    assert await shop.state_of(shop.git("rev-parse", "HEAD")) == "proven"
    assert not (shop.path / "trace").exists()


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that leaves a file beside itself when it is run."""
    return program(tmp_path / "trap", 'touch "$0.sprung"')


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def sprung(trap: Path) -> bool:
    """Tell whether a trap was run, and set it again."""
    mark = trap.with_name(f"{trap.name}.sprung")
    was_run = mark.exists()
    mark.unlink(missing_ok=True)
    return was_run


def set_traps(shop: Repository, trap: Path) -> None:
    """Let all that a checkout may have git run be a trap."""
    included = shop.path / "included"
    included.write_text(f'[core]\n\tpager = "{trap}"\n\tfsmonitor = "{trap}"\n')
    for name, value in {
        **{f"alias.{name}": f"!{trap}" for name in ("rev-parse", "rev-list", "cat-file", "config")},
        **dict.fromkeys(("core.fsmonitor", "core.sshCommand", "core.askPass", "core.pager"), trap),
        **dict.fromkeys(("core.editor", "core.gitProxy", "core.alternateRefsCommand"), trap),
        **dict.fromkeys(("diff.external", "diff.trap.textconv", "diff.trap.command"), trap),
        **dict.fromkeys(("filter.trap.clean", "filter.trap.smudge", "filter.trap.process"), trap),
        **dict.fromkeys(("gpg.program", "gpg.ssh.program", "credential.helper"), trap),
        **dict.fromkeys(("pager.rev-list", "pager.config", "merge.trap.driver"), trap),
        **dict.fromkeys(("remote.origin.uploadpack", "uploadpack.packObjectsHook"), trap),
        "core.hooksPath": str(trap.parent / "hooks"),
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::{trap}",
        "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
        "protocol.allow": "always",
        "protocol.ext.allow": "always",
        "log.showSignature": "true",
        "safe.directory": "*",
        "includeIf.gitdir:/.path": str(included),
    }.items():
        shop.git("config", name, str(value))
    (shop.path / ".gitattributes").write_text("* diff=trap filter=trap merge=trap\n")
    for hook in ("reference-transaction", "post-index-change", "fsmonitor-watchman"):
        program(trap.parent / "hooks" / hook, f'"{trap}"')
        program(shop.path / ".git" / "hooks" / hook, f'"{trap}"')


async def test_nothing_that_a_checkout_configures_is_run(shop: Repository, trap: Path) -> None:
    begun = shop.git("rev-parse", "HEAD")
    lost = shop.commit("Add the cart")
    tip = shop.commit("Add the till")
    apart = shop.commit_on("apart", "Try something")
    shop.git("update-ref", "refs/remotes/origin/main", tip)
    set_traps(shop, trap)
    assert not sprung(trap)

    assert await shop.state_of(tip) == "proven"
    assert await shop.state_of(begun) == "proven"
    assert await shop.state_of(apart) == "unproven"
    assert await shop.state_of(MISSING) == "unproven"
    (shop.path / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    assert await shop.state_of(begun) == "unproven"
    assert await shop.state_of(lost) == "unproven"
    assert not sprung(trap)

    # The traps are real: git as one calls it springs them.
    shop.git("status", check=False)
    assert sprung(trap)
    shop.git("cat-file", "-t", lost, check=False)
    assert sprung(trap)


async def test_no_git_of_the_checkouts_own_is_run(
    shop: Repository, trap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(shop.path / "git", f'"{trap}"')
    program(shop.path / "bin" / "git", f'"{trap}"')
    monkeypatch.chdir(shop.path)
    for first in ("", ".", "bin", str(shop.path), str(shop.path / "bin")):
        monkeypatch.setenv("PATH", f"{first}:{OWN_SETTINGS['PATH']}")
        assert await shop.state_of(shop.git("rev-parse", "HEAD")) == "proven"
    assert not sprung(trap)


async def test_without_git_nothing_is_proven(
    shop: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await shop.proof_of(MISSING) == seen_by_git("unproven", "there is no git on the PATH")


async def test_a_git_that_hangs_is_given_up(
    shop: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin" / "git", "exec sleep 600")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{OWN_SETTINGS['PATH']}")
    monkeypatch.setattr(checkout, "SECONDS", 0.05)
    seen = await shop.proof_of(MISSING)
    assert seen == seen_by_git("unproven", "git did not answer within 0.05 seconds")


async def test_a_git_that_is_given_up_is_ended_and_has_no_hold_on_the_servers_input(
    shop: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    script = "test /dev/stdin -ef /dev/null && echo no input >&3; exec sleep 600"
    program(tmp_path / "bin" / "git", f'exec 3> "{tmp_path}/pipe"; {script}')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{OWN_SETTINGS['PATH']}")
    monkeypatch.setattr(checkout, "SECONDS", 60)
    giving_up = anyio.CancelScope()

    async def ask() -> None:
        with giving_up:
            await shop.proof_of(MISSING)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        with await anyio.to_thread.run_sync((tmp_path / "pipe").open) as pipe:
            assert await anyio.to_thread.run_sync(pipe.readline) == "no input\n"
            giving_up.cancel()
            with anyio.fail_after(60):
                left = await anyio.to_thread.run_sync(pipe.read, abandon_on_cancel=True)
            assert left == "", "the pipe is closed when its writer has ended"
