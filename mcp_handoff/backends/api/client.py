"""The one place where a request to an API is made, its answer read and a retry decided."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

import anyio
import httpx2
import stamina

from mcp_handoff.backends.api.refusals import Answer, lost, refusal
from mcp_handoff.errors import BackendUnavailable, HandoffError, OutcomeUnknown, RateLimited
from mcp_handoff.tracing import span

OURS = "Handoff-Version"
"""The header by which another mcp-handoff is known: it honours idempotency keys."""

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
CALL_SECONDS = 45.0
"""How long a call may take in all, its retries included."""

PATIENCE_SECONDS = 5.0
"""The longest wait that an API may ask for and get; a longer one is the caller's to wait."""

ATTEMPTS = 4
ANSWER_BYTES = 16 * 2**20

# Its own hooks would warn of each retry; those that matter end in an error.
stamina.instrumentation.set_on_retry_hooks([])

_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_TIMEOUT = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)


class RetryBudget:
    """Keeps retries few among calls, so that they don't hold down an API that is coming up.

    Each retry costs one, each call that succeeds gives a tenth back.
    """

    MOST = 10.0

    def __init__(self) -> None:
        self._left = self.MOST

    def take(self) -> bool:
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def give_back(self) -> None:
        self._left = min(self.MOST, self._left + 0.1)


class ApiClient:
    """One API at one address, with the token that was given for it and for nothing else.

    `is_ours` tells whether another mcp-handoff has answered.
    """

    def __init__(self, address: str, token: str | None) -> None:
        self.address = address.rstrip("/")
        self.is_ours = False
        self._token = token
        self._budget = RetryBudget()
        self._http: httpx2.AsyncClient | None = None

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Return the JSON object that answers a request.

        `key` is an idempotency key. Reads are repeated, and what was surely not done; a write
        whose outcome is not known only under a key that the API honours. Raises what the API
        refused, BackendUnavailable, or OutcomeUnknown for a write that may have been done.
        """
        wrote = method != "GET"
        headers = {"Idempotency-Key": key} if key else {}
        request = self._connected().build_request(
            method, f"{self.address}{path}", params=query, json=body, headers=headers
        )
        try:
            with anyio.fail_after(CALL_SECONDS), span(f"api {method}"):
                return await self._persist(request, wrote=wrote, keyed=key is not None)
        except TimeoutError:
            raise lost(f"gave no answer within {CALL_SECONDS:.0f} s", wrote=wrote) from None

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    def _connected(self) -> httpx2.AsyncClient:
        if self._http is None:
            headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
            self._http = httpx2.AsyncClient(
                timeout=_TIMEOUT, headers=headers, follow_redirects=False
            )
        return self._http

    async def _persist(
        self, request: httpx2.Request, *, wrote: bool, keyed: bool
    ) -> dict[str, Any]:
        def pause(error: Exception) -> bool | float:
            return self._pause(error, keyed=keyed)

        async for attempt in stamina.retry_context(
            pause, attempts=ATTEMPTS, timeout=None, wait_max=2.0, wait_jitter=0.2
        ):
            with attempt:
                return await self._attempt(request, wrote=wrote)
        raise AssertionError("the last attempt returns or raises")

    def _pause(self, error: Exception, *, keyed: bool) -> bool | float:
        """Return whether to try again, or after how many seconds."""
        match error:
            case RateLimited(retry_after=float(seconds)) if seconds <= PATIENCE_SECONDS:
                return self._budget.take() and seconds
            case BackendUnavailable():
                return self._budget.take()
            case OutcomeUnknown() if keyed and self.is_ours:
                return self._budget.take()
            case _:
                return False

    async def _attempt(self, request: httpx2.Request, *, wrote: bool) -> dict[str, Any]:
        try:
            response, content = await self._exchange(request)
        except _NOT_SENT:
            raise BackendUnavailable("The API can't be reached; nothing was sent.") from None
        except httpx2.HTTPError:
            raise lost("broke off before its answer was there", wrote=wrote) from None
        self.is_ours = self.is_ours or OURS in response.headers
        answered = _object(response, content)
        if not response.is_success:
            raise self._refusal(response, answered, wrote=wrote)
        if answered is None:
            raise lost("answered with what is no whole JSON object", wrote=wrote)
        self._budget.give_back()
        return answered

    async def _exchange(self, request: httpx2.Request) -> tuple[httpx2.Response, bytes | None]:
        """Return the answer and what it holds, None when that is too much."""
        response = await self._connected().send(request, stream=True)
        try:
            content = bytearray()
            async for part in response.aiter_bytes():
                content += part
                if len(content) > ANSWER_BYTES:
                    return response, None
            return response, bytes(content)
        finally:
            await response.aclose()

    def _refusal(
        self, response: httpx2.Response, body: dict[str, Any] | None, *, wrote: bool
    ) -> HandoffError:
        if response.is_redirect:
            return lost("answered with a redirect, and none is followed", wrote=wrote)
        retry_after = _seconds(response.headers.get("Retry-After"))
        is_ours = OURS in response.headers
        return refusal(Answer(response.status_code, body, retry_after, is_ours, wrote))


def _object(response: httpx2.Response, content: bytes | None) -> dict[str, Any] | None:
    if content is None or "json" not in response.headers.get("Content-Type", ""):
        return None
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


def _seconds(retry_after: str | None) -> float | None:
    """Return the seconds of a Retry-After (RFC 9110, section 10.2.3), None when it is neither."""
    if retry_after is None:
        return None
    if retry_after.isdecimal():
        return float(retry_after[:9])
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (until - datetime.now(UTC)).total_seconds()) if until.tzinfo else None
