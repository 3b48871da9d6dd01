"""The unit of systemd, as systemd reads it and beside what the program does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_handoff.http.capacity import CONNECTIONS, RESERVED_FILES
from mcp_handoff.http.serving import GRACE_SECONDS
from tests.deploy.programs import DEPLOY, installed, replaced
from tests.mcp.wire import TIMEOUT

UNIT = DEPLOY / "mcp-handoff.service"

EXPOSURE = 15
"""At most 1.5 of the 10 that systemd gives a service that may do everything."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit where the program is Python, which lies on this machine."""
    written = tmp_path / UNIT.name
    program = {"/opt/mcp-handoff/bin/mcp-handoff": sys.executable}
    written.write_text(replaced(UNIT.read_text(), program))
    return written


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [installed("systemd-analyze"), *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def setting(name: str) -> str:
    [value] = re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)
    return value


def test_systemd_has_nothing_to_say_against_it(unit: Path) -> None:
    told = analyze("verify", "--man=no", unit)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_little_of_the_machine_is_left_to_it(unit: Path) -> None:
    told = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", unit)
    assert told.returncode == 0, told.stdout


def test_it_has_time_to_end_and_files_for_all_connections() -> None:
    assert int(setting("TimeoutStopSec")) > GRACE_SECONDS
    assert int(setting("LimitNOFILE")) == CONNECTIONS + RESERVED_FILES


def test_wrong_settings_do_not_have_it_restarted(store: Path) -> None:
    serve = [sys.executable, "-m", "mcp_handoff", "serve", "--host", "0.0.0.0"]
    environment = {"HANDOFF_BACKEND": f"sqlite:///{store}"}
    stopped = subprocess.run(
        serve, env=environment, capture_output=True, timeout=TIMEOUT, check=False
    )
    assert setting("RestartPreventExitStatus") == str(stopped.returncode)
