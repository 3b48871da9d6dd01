"""The headers that requests may carry."""

from typing import Annotated

from fastapi import Header

Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255)]
"""Makes a retry safe: the same key and body give the first answer again."""
