"""What a test can't do without, where it is not to be had."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip a test for what is missing; in CI that is a failure."""
    told = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
    told(what)
