"""A fresh store on each database, and a file for what another tracker exported."""

from pathlib import Path

import pytest

from tests.databases import EVERY_DATABASE


@pytest.fixture(params=EVERY_DATABASE)
def database_name(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "exported"
