"""Git repositories that tests make."""

import hashlib
import os
import subprocess
from pathlib import Path

from mcp_handoff.checkout import Checkout
from mcp_handoff.proofs import Proof, ProofState

OWN_SETTINGS = {
    "PATH": os.environ["PATH"],
    "HOME": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@shop.example",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@shop.example",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "protocol.file.allow",
    "GIT_CONFIG_VALUE_0": "always",
}
MISSING = "0123456789abcdef0123456789abcdef01234567"


def seen_by_git(state: ProofState, why: str) -> Proof:
    return Proof(state=state, by="git", why=why)


class Repository:
    """A git repository, apart from the configuration of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(self, *arguments: str, check: bool = True) -> str:
        command = ["git", "-C", str(self.path), *arguments]
        done = subprocess.run(
            command, env=OWN_SETTINGS, stdout=subprocess.PIPE, check=check, text=True
        )
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        """Commit a new file; return the commit's SHA."""
        (self.path / hashlib.sha1(message.encode()).hexdigest()).write_text(message)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def commit_on(self, branch: str, message: str) -> str:
        """Commit a new file on a new branch and return to the one before; return the SHA."""
        self.git("switch", "--quiet", "--create", branch)
        sha = self.commit(message)
        self.git("switch", "--quiet", "-")
        return sha

    def merge(self, branch: str) -> str:
        """Merge a branch with a merge commit; return the SHA."""
        self.git("merge", "--quiet", "--no-ff", "--no-edit", branch)
        return self.git("rev-parse", "HEAD")

    def clone(self, name: str, *options: str) -> "Repository":
        """Clone the repository beside itself."""
        path = self.path.parent / name
        self.git("clone", "--quiet", *options, self.path.as_uri(), str(path))
        return Repository(path)

    async def proof_of(self, sha: str) -> Proof:
        found = Checkout.at(self.path)
        assert found
        return await found.proof_of(sha)

    async def state_of(self, sha: str) -> str:
        return (await self.proof_of(sha)).state


def started(path: Path, branch: str = "main") -> Repository:
    """Start a repository without a commit."""
    path.mkdir()
    repository = Repository(path)
    repository.git("init", "--quiet", f"--initial-branch={branch}")
    return repository
