"""The one place where a request to an API is made and its response read."""

import json
import string
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from typing import Any, cast
from urllib.parse import quote

import anyio

from mcp_handoff.errors import BackendUnavailable, HandoffError, Unsupported
from mcp_handoff.http_client import Deadlines, HttpClient, HttpError, NotSent
from mcp_handoff.ids import new_id
from mcp_handoff.remote.refusals import refusal
from mcp_handoff.remote.responses import ApiResponse, lost
from mcp_handoff.remote.retries import Retries, RetryPolicy
from mcp_handoff.retry_after import seconds_of
from mcp_handoff.schema import CALL_KEY, TOLD_IN_HEADERS
from mcp_handoff.tracing import span

OURS = "Handoff-Version"
"""The header by which another mcp-handoff is known: it honours idempotency keys."""

RESPONSE_BYTES = 16 * 2**20


class ApiClient:
    """One API at one address, with the token that was given for it and for nothing else.

    `is_ours` tells whether another mcp-handoff has responded; before the first write it is found
    out, and before the first wait.
    """

    def __init__(self, address: str, token: str | None, policy: RetryPolicy | None = None) -> None:
        self.address = address.rstrip("/")
        self.is_ours = self._is_known = False
        self._credentials = {"Authorization": f"Bearer {token}"} if token else {}
        self._policy = policy or RetryPolicy()
        self._retries = Retries(self._policy)
        deadlines = Deadlines(connect=self._policy.connect, read=self._policy.read)
        self._http = HttpClient(deadlines, body_limit=RESPONSE_BYTES)

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
        wait_s: int = 0,
    ) -> dict[str, Any]:
        """Return the JSON object that a request is responded to with, and in it what the headers of
        another mcp-handoff tell.

        Parameters of `query` that are None are left out; `key` is the caller's idempotency key; for
        `wait_s` the API may wait before it responds, over all attempts.
        Reads are repeated, and what was surely not done; a write whose outcome is not known only
        under a key that the API honours: another mcp-handoff gets one for each call. Raises what
        the API refused, BackendUnavailable, or OutcomeUnknown for a write that may have been done.
        """
        wrote = method != "GET"
        given = {name: value for name, value in (query or {}).items() if value is not None}
        numbers = count(1)
        try:
            with anyio.fail_after(self._policy.call + wait_s), span(f"api {method}"):
                if wrote and not self._is_known:
                    await self._find_out_whose()
                if wrote and key is None and self.is_ours:
                    key = f"{CALL_KEY}{new_id()}"
                headers = dict(self._credentials)
                if key is not None:
                    # What no header can hold is percent-encoded.
                    headers["Idempotency-Key"] = quote(key, safe=string.punctuation + " ")

                end = anyio.current_time() + wait_s

                async def attempt() -> tuple[int, ApiResponse]:
                    left = max(0, round(end - anyio.current_time()))
                    asked = given | ({"wait_s": left} if left else {})
                    made = self._attempt(method, path, headers, asked or None, body, left)
                    return next(numbers), await made

                number, response = await self._retries.run(
                    attempt, honours_key=lambda: key is not None and self.is_ours
                )
        except TimeoutError:
            seconds = self._policy.call + wait_s
            raise lost(f"gave no response in {seconds:g} s", wrote=wrote) from None
        if response.status >= 300:
            raise lost("responded with a redirect, and none is followed", wrote=wrote)
        if response.body is None:
            raise lost("responded with what is no JSON object", wrote=wrote)
        # What a later attempt finds done may have been done by an earlier one of this call.
        replayed = response.told["replayed"] and number == 1
        return {**response.body, **response.told, "replayed": replayed}

    async def require_ours(self, argument: str) -> None:
        """Raise Unsupported for an argument that only another mcp-handoff takes, unless this is
        one; BackendUnavailable where that can't be found out."""
        if not self._is_known:
            await self._find_out_whose()
        if not self._is_known:
            raise lost("gives no response", wrote=False)
        if not self.is_ours:
            raise Unsupported(
                f"The API at {self.address} does not know {argument}; leave it out, and ask again"
                " later."
            )

    async def close(self) -> None:
        await self._http.aclose()

    async def _find_out_whose(self) -> None:
        """Make a read that costs little; whatever is responded shows whose API it is. Where nothing
        is, the write goes without a key of ours."""
        with suppress(HandoffError), anyio.move_on_after(self._policy.connect):
            await self._retries.run(
                lambda: self._attempt("GET", "/me", self._credentials, None, None),
                honours_key=lambda: False,
            )

    async def _attempt(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        query: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
        patience: int = 0,
    ) -> ApiResponse:
        """Make a request once; raise what the API refused, or what became of the connection."""
        wrote = method != "GET"
        try:
            received = await self._http.request(
                method,
                f"{self.address}{path}",
                headers=headers,
                query=query,
                json=body,
                patience=patience,
            )
        except NotSent:
            raise BackendUnavailable("The API can't be reached; nothing was sent.") from None
        except HttpError:
            raise lost("broke off before its response was whole", wrote=wrote) from None
        content: Any = None
        if received.body is not None and "json" in received.headers.get("Content-Type", ""):
            with suppress(ValueError, RecursionError):
                content = json.loads(received.body)
        response = ApiResponse(
            status=received.status,
            body=cast(dict[str, Any], content) if isinstance(content, dict) else None,
            told={name: header in received.headers for name, header in TOLD_IN_HEADERS.items()},
            retry_after=seconds_of(received.headers.get("Retry-After")),
            is_ours=OURS in received.headers,
        )
        self.is_ours = self.is_ours or response.is_ours
        # A gateway may respond in an API's place while that is away.
        self._is_known = self.is_ours or self._is_known or response.status < 500
        if response.status >= 400:
            raise refusal(response, wrote=wrote)
        return response
