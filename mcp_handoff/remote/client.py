"""The one place where a request to an API is made, its answer read and a retry decided."""

import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

import anyio
import httpx2
import stamina

from mcp_handoff.errors import BackendUnavailable, OutcomeUnknown, RateLimited
from mcp_handoff.remote.refusals import Answer, lost, refusal
from mcp_handoff.retry_after import seconds_of
from mcp_handoff.tracing import span

OURS = "Handoff-Version"
"""The header by which another mcp-handoff is known: it honours idempotency keys."""

ANSWER_BYTES = 16 * 2**20

# Its own hooks would warn of each retry; those that matter end in an error.
stamina.instrumentation.set_on_retry_hooks([])

_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_PASSING = (RateLimited, BackendUnavailable, OutcomeUnknown)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an API is waited for, in seconds.

    `connect` and `read` are for an attempt, `call` for all attempts together; `wait` is the longest
    pause that an API may ask for and get, a longer one is the caller's; `pause` is the first one
    that we take ourselves.
    """

    connect: float = 5.0
    read: float = 20.0
    call: float = 45.0
    wait: float = 5.0
    pause: float = 0.1
    attempts: int = 4


class RetryBudget:
    """Keeps retries few among calls, so that they don't hold down an API that is coming up.

    Each failure that may be retried costs one, each call that succeeds gives a tenth back.
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

    def __init__(self, address: str, token: str | None, patience: Patience | None = None) -> None:
        self.address = address.rstrip("/")
        self.is_ours = False
        self._token = token
        self._patience = patience or Patience()
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
        request = self._connected().build_request(
            method, f"{self.address}{path}", params=query, json=body, headers=_keyed(key)
        )
        try:
            with anyio.fail_after(self._patience.call), span(f"api {method}"):
                answer = await self._persist(request, wrote=wrote, keyed=key is not None)
        except TimeoutError:
            raise lost(f"gave no answer in {self._patience.call:g} s", wrote=wrote) from None
        if answer.status >= 300:
            raise lost("answered with a redirect, and none is followed", wrote=wrote)
        if answer.body is None:
            raise lost("answered with what is no JSON object", wrote=wrote)
        return answer.body

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    def _connected(self) -> httpx2.AsyncClient:
        if self._http is None:
            headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
            self._http = httpx2.AsyncClient(
                timeout=httpx2.Timeout(self._patience.read, connect=self._patience.connect),
                headers=headers,
                follow_redirects=False,
                # A proxy could read what is sent over http://, the token too.
                trust_env=self.address.startswith("https://"),
            )
        return self._http

    async def _persist(self, request: httpx2.Request, *, wrote: bool, keyed: bool) -> Answer:
        def pause(error: Exception) -> bool | float:
            return self._pause(error, keyed=keyed)

        async for attempt in stamina.retry_context(
            pause,
            attempts=self._patience.attempts,
            timeout=None,
            wait_initial=self._patience.pause,
            wait_jitter=self._patience.pause,
            wait_max=2.0,
        ):
            with attempt:
                return await self._attempt(request, wrote=wrote)
        raise AssertionError("the last attempt returns or raises")

    def _pause(self, error: Exception, *, keyed: bool) -> bool | float:
        """Return whether to try again, or after how many seconds."""
        if not isinstance(error, _PASSING):
            return False
        if isinstance(error, OutcomeUnknown) and not (keyed and self.is_ours):
            return False
        asked = error.retry_after or 0.0
        return asked <= self._patience.wait and self._budget.take() and (asked or True)

    async def _attempt(self, request: httpx2.Request, *, wrote: bool) -> Answer:
        try:
            response, content = await self._exchange(request)
        except _NOT_SENT:
            raise BackendUnavailable("The API can't be reached; nothing was sent.") from None
        except httpx2.HTTPError:
            raise lost("broke off before its answer was there", wrote=wrote) from None
        answer = _answer(response, content, wrote=wrote)
        self.is_ours = self.is_ours or answer.is_ours
        if answer.status >= 400:
            raise refusal(answer)
        self._budget.give_back()
        return answer

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


def _keyed(key: str | None) -> dict[str, str]:
    """Return the header of an idempotency key; what no header can hold is percent-encoded."""
    return {"Idempotency-Key": quote(key, safe=string.punctuation + " ")} if key else {}


def _answer(response: httpx2.Response, content: bytes | None, *, wrote: bool) -> Answer:
    return Answer(
        status=response.status_code,
        body=_object(response, content),
        retry_after=seconds_of(response.headers.get("Retry-After")),
        is_ours=OURS in response.headers,
        wrote=wrote,
    )


def _object(response: httpx2.Response, content: bytes | None) -> dict[str, Any] | None:
    if content is None or "json" not in response.headers.get("Content-Type", ""):
        return None
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return cast(dict[str, Any], value) if isinstance(value, dict) else None
