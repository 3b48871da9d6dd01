"""The git checkout around the server, and what it knows of a commit.

Git is only asked to read, and with what a checkout can make it run switched off, for a checkout may
have come from anywhere: hooks, aliases, monitors, pagers, filters and every way to a remote. Of the
configuration only the checkout's own is read, so one that belongs to another user is refused by git
even where that user is trusted elsewhere (`safe.directory`).
"""

import os
import re
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL

import anyio

from mcp_handoff.proofs import Proof, ProofState
from mcp_handoff.suggestions import SHA_PATTERN

SECONDS = 2.0
"""How long git may take to answer, all in all."""

_SAFELY = (
    "--no-pager",
    "--no-replace-objects",
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "protocol.allow=never"),
    *("-c", "safe.bareRepository=explicit"),
)
_ENVIRONMENT = {
    "HOME": os.devnull,
    "LC_ALL": "C",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}

_USUAL_NAMES = ("main", "master")
_HARMLESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,79}")


@dataclass(frozen=True, slots=True)
class _History:
    """The default branch as a checkout has it. It is `complete` where there is no more to know: no
    remote that may be ahead of it, and nothing that was not cloned."""

    branch: str
    tip: str
    complete: bool


class _Unknown(Exception):
    """What was asked can't be said; the reason why."""


class Checkout:
    """A git checkout."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @classmethod
    def at(cls, directory: Path) -> "Checkout | None":
        """Return the checkout that a directory is in, None where there is none."""
        directory = directory.resolve()
        for folder in (directory, *directory.parents):
            if (folder / ".git").exists():
                return cls(folder)
        return None

    async def proof_of(self, sha: str) -> Proof:
        """Tell whether a commit is on the default branch, within SECONDS.

        The default branch is the remote's, as it was last fetched: origin's, or that of the only
        remote; the one that its HEAD names, else main or master where it has one of the two. What
        is committed here and was not pushed is not merged. Without a remote it is the local main
        or master, else the only branch.

        - proven: the commit is that branch's tip or an ancestor of it, and was not reverted.
        - contradicted: a later commit of that branch says that it reverts it, or the merge that
          brought it; or there is no remote, the repository is whole, and it is not on that branch
          or not there at all.
        - unproven: everything else. With a remote, a commit that is missing here or not on the
          branch may have been merged since the last fetch. So may one that a shallow or partial
          clone does not reach. An abbreviation that fits several objects, a checkout without a
          default branch, one that git refuses to read, and a git that is missing or slow prove
          nothing either.

        A squashed or rebased commit is another one on the default branch: only that one is proven.
        """
        if not re.fullmatch(SHA_PATTERN, sha):
            return _seen("unproven", "this is no commit's SHA")
        try:
            with anyio.fail_after(SECONDS):
                return await self._look_for(sha.lower())
        except TimeoutError:
            return _seen("unproven", f"git did not answer within {SECONDS:g} seconds")
        except _Unknown as why:
            return _seen("unproven", str(why))

    async def _look_for(self, sha: str) -> Proof:
        history = await self._history()
        commit = await self._commit(sha)
        not_there = "contradicted" if history.complete else "unproven"
        if commit is None:
            hint = "which has no remote" if history.complete else "git fetch may bring it"
            return _seen(not_there, f"{sha[:12]} is no commit of this repository, {hint}")
        if not await self._contains(history.tip, commit):
            fetched = "" if history.complete else " as it was last fetched"
            return _seen(
                not_there,
                f"{sha[:12]} is not on {history.branch}{fetched}; if it was squashed or rebased,"
                " name the commit that came of it",
            )
        if reverting := await self._reverting(commit, history.tip):
            return _seen("contradicted", f"{reverting[:12]} on {history.branch} reverts {sha[:12]}")
        return _seen("proven", f"{sha[:12]} is on {history.branch}")

    async def _history(self) -> _History:
        """Return the default branch's history."""
        shallow = await self._read("rev-parse", "--is-shallow-repository")
        keys = await self._read(
            *("config", "--name-only", "--get-regexp", r"^remote\..*\.|^extensions\.partialclone$"),
            nothing=1,
        )
        listing = "--format=%(refname) %(objectname) %(symref)"
        refs = await self._read("for-each-ref", listing, "refs/heads", "refs/remotes")
        tips: dict[str, str] = {}
        targets: dict[str, str] = {}
        for line in refs.splitlines():
            name, tips[name], targets[name] = line.split(" ")
        remotes = {
            key[len("remote.") : key.rindex(".")]
            for key in keys.splitlines()
            if key.startswith("remote.")
        }
        branch = _default_branch(targets, remotes)
        label = branch.split("/", maxsplit=2)[2]
        return _History(
            branch=label if _HARMLESS.fullmatch(label) else "the default branch",
            tip=tips[branch],
            complete=not keys and shallow.strip() == "false",
        )

    async def _commit(self, sha: str) -> str | None:
        """Return the whole SHA of a commit, None where it is not here or no commit.

        A branch or tag that is called like the beginning of a SHA is not looked at.
        """
        found = (await self._read("rev-parse", f"--disambiguate={sha}")).split()
        if len(found) > 1:
            raise _Unknown(f"{sha} fits several objects of this repository; give the whole SHA")
        if found and (await self._read("cat-file", "-t", found[0])).strip() == "commit":
            return found[0]
        return None

    async def _contains(self, tip: str, commit: str) -> bool:
        """Tell whether a commit is another one or an ancestor of it."""
        code, _ = await self._run("merge-base", "--is-ancestor", commit, tip)
        if code > 1 or code < 0:
            raise _Unknown("this checkout lacks a part of its history")
        return code == 0

    async def _reverting(self, commit: str, tip: str) -> str | None:
        """Return the commit of a branch that reverts another, or the merge that brought it there,
        None where there is none or it was reverted itself."""
        from mcp_handoff.mentions import reverted_commits  # what it compiles is seldom asked for

        newer = f"{commit}..{tip}"
        log = await self._read(
            *("rev-list", "--topo-order", "--fixed-strings", "--grep=This reverts commit"),
            *("--encoding=UTF-8", "--format=%x00%H%x00%B%x00", newer),
        )
        parts = log.split("\0")
        reverted: dict[str, str] = {}
        for reverting, message in zip(parts[1::3], parts[2::3], strict=True):
            if not any(reverting.startswith(sha) for sha in reverted):
                reverted |= dict.fromkeys(reverted_commits(message), reverting)
        if not reverted:
            return None
        names = (commit, await self._merge_of(commit, tip) or commit)
        return next(
            (by for sha, by in reverted.items() for name in names if name.startswith(sha)), None
        )

    async def _merge_of(self, commit: str, tip: str) -> str | None:
        """Return the merge that brought a commit to a branch, None where it was made on it."""
        newer = f"{commit}..{tip}"
        descendants = set((await self._read("rev-list", "--ancestry-path", newer)).split())
        trunk = (await self._read("rev-list", "--first-parent", newer)).split()
        merges = [one for one in trunk if one in descendants]
        if not merges or await self._contains(f"{merges[-1]}^1", commit):
            return None
        return merges[-1]

    async def _read(self, *arguments: str, nothing: int = 0) -> str:
        """Return what git writes; `nothing` is its exit code when there is none of it."""
        code, output = await self._run(*arguments)
        if code not in (0, nothing):
            raise _Unknown(
                "git does not read this checkout: it is damaged, not all there, or belongs to"
                " another user"
            )
        return output

    async def _run(self, *arguments: str) -> tuple[int, str]:
        """Run git in the checkout; return its exit code and what it writes."""
        places = os.environ.get("PATH", os.defpath).split(os.pathsep)
        outside = [place for place in places if self._is_outside(place)]
        path = os.pathsep.join(outside)
        git = shutil.which("git", path=path)
        if git is None:
            raise _Unknown("there is no git on the PATH")
        ceiling = {"GIT_CEILING_DIRECTORIES": str(self._root.parent), "PATH": path}
        done = await anyio.run_process(
            [git, *_SAFELY, "-C", str(self._root), *arguments],
            stdin=DEVNULL,  # the server's own is where MCP comes in
            stderr=DEVNULL,
            check=False,
            env=_ENVIRONMENT | ceiling,
        )
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def _is_outside(self, place: str) -> bool:
        """Tell whether programs that lie in a place are not the checkout's own."""
        return not Path(place).resolve().is_relative_to(self._root)


def _default_branch(refs: Mapping[str, str], remotes: Collection[str]) -> str:
    """Return the default branch among refs, each with the one that it stands for ("" if none)."""
    remote = "origin" if "origin" in remotes or not remotes else min(remotes)
    if len(remotes) > 1 and remote != "origin":
        raise _Unknown("this checkout has several remotes, and none is called origin")
    folder = f"refs/remotes/{remote}/" if remotes else "refs/heads/"
    head = refs.get(f"{folder}HEAD", "")
    if remotes and head.startswith(folder) and head in refs:
        return head
    usual = [f"{folder}{name}" for name in _USUAL_NAMES if f"{folder}{name}" in refs]
    only = [] if remotes else [name for name in refs if name.startswith(folder)]
    candidates = usual or only
    if len(candidates) != 1:
        raise _Unknown("this checkout does not say which branch is the default one")
    return candidates[0]


def _seen(state: ProofState, why: str) -> Proof:
    return Proof(state=state, by="git", why=why)
