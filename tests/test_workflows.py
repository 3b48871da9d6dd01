"""What GitHub runs and shows: workflows, the action, issue forms."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_handoff import __version__
from tests.mcp.wire import TIMEOUT

CHECKOUT = Path(__file__).parent.parent
GITHUB = CHECKOUT / ".github"
FORMS = GITHUB / "ISSUE_TEMPLATE"


def run(
    *command: str | Path, folder: Path = CHECKOUT, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("github-workflows", sorted((GITHUB / "workflows").iterdir())),
        ("github-actions", [CHECKOUT / "action.yml"]),
        ("github-issue-forms", sorted({*FORMS.iterdir()} - {FORMS / "config.yml"})),
        ("github-issue-config", [FORMS / "config.yml"]),
    ],
)
def test_files_are_what_github_takes(schema: str, files: list[Path]) -> None:
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}")
    checked = run(*command, *files)
    assert checked.returncode == 0, checked.stdout


def test_workflows_and_the_action_give_nobody_more_than_they_need() -> None:
    audited = run(Path(sys.executable).parent / "zizmor", "--offline", "--strict-collection", ".")
    assert audited.returncode == 0, audited.stdout + audited.stderr


def test_each_job_of_a_release_has_the_rights_that_it_needs_and_no_more() -> None:
    jobs = _release()["jobs"]
    rights = {
        name: {right for right, kind in job["permissions"].items() if kind == "write"}
        for name, job in jobs.items()
    }
    assert rights == {
        "check": set(),
        "build": set(),
        "attest": {"id-token", "attestations"},
        "pypi": {"id-token"},
        "github": {"contents"},
        "registry": {"id-token"},
    }
    assert [name for name, job in jobs.items() if "environment" in job] == ["pypi"]


def test_a_tag_that_is_not_the_version_or_has_no_changes_is_not_released(tmp_path: Path) -> None:
    steps: list[dict[str, Any]] = _release()["jobs"]["build"]["steps"]
    [script] = [step["run"] for step in steps if "changelog" in step.get("name", "")]
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / f"mcp_handoff-{__version__}-py3-none-any.whl").touch()
    changes = (CHECKOUT / "CHANGELOG.md").read_text()
    (tmp_path / "CHANGELOG.md").write_text(changes)

    def release(tag: str) -> int:
        return run("bash", "-e", "-c", script, folder=tmp_path, GITHUB_REF_NAME=tag).returncode

    assert release(f"v{__version__}") == 0
    told = (tmp_path / "dist" / "changes.md").read_text()
    assert told in changes
    assert "### Added" in told
    assert "\n## " not in told
    assert release("v9.9.9") != 0
    (tmp_path / "CHANGELOG.md").write_text(changes.replace(f"[{__version__}] - ", "[0.0.1] - "))
    assert release(f"v{__version__}") != 0


def _release() -> dict[str, Any]:
    return yaml.safe_load((GITHUB / "workflows" / "release.yml").read_text())
