"""Every library that comes with the package has its reason in CONTRIBUTING.md."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAD = "| library | why |\n|---|---|\n"


def test_every_library_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = (name for names in project["optional-dependencies"].values() for name in names)
    libraries = {re.split(r"[\[><=,]", name)[0] for name in (*project["dependencies"], *extras)}
    _, table, _ = (ROOT / "CONTRIBUTING.md").read_text().split(HEAD)
    rows = (row.split("|")[1] for row in table.partition("\n\n")[0].splitlines())
    assert libraries <= {name.strip() for row in rows for name in row.split(",")}
