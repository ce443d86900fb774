"""A small client of the platform's REST API: signs in, keeps to few calls at once, and tries again what may pass."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

import httpx

from crm_sales_loader.wire import Json

AT_ONCE = 4
ATTEMPTS = 8
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0
TIMEOUT = httpx.Timeout(60, connect=5)
PAGE = 1_000
# Codes of problems that pass: the same request may succeed a moment later.
PASSING = frozenset({"UNAVAILABLE", "ABORTED", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"})


class ApiError(Exception):
    """The platform refused, or could not be reached."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where the platform is and who signs in."""

    url: str
    username: str
    password: str

    @classmethod
    def read(cls, path: Path) -> "Access":
        """From the file that `make up` leaves.

        Raises:
            ApiError: there is none, or it holds something else.
        """
        try:
            content = json.loads(path.read_text())
            return cls(content["url"], content["username"], content["password"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ApiError(f"{path} does not say how to sign in: {error!r}") from error


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item of a batch: the record as it is now, or the problem."""

    outcome: str
    record: Json | None
    problem: Json | None


class Client:
    """The API, signed in; an asynchronous context manager. At most `AT_ONCE` calls are under way."""

    def __init__(self, access: Access, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport` stands in for the network."""
        self._access = access
        self._http = httpx.AsyncClient(base_url=access.url, timeout=TIMEOUT, transport=transport)
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def __aenter__(self) -> Self:
        try:
            await self._sign_in()
        except BaseException:
            await self._http.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, path: str, parameters: Mapping[str, str | int] | None = None) -> Json:
        """One GET.

        Raises:
            ApiError: refused, or not reached in `ATTEMPTS` tries.
        """
        return await self._send(lambda: self._http.build_request("GET", path, params=parameters))

    async def post(self, path: str, body: Json) -> Json:
        """One POST. All its tries carry one idempotency key, so that it takes effect once.

        Raises:
            ApiError: refused, or not reached in `ATTEMPTS` tries.
        """
        headers = {"Idempotency-Key": str(uuid4())}
        return await self._send(lambda: self._http.build_request("POST", path, json=body, headers=headers))

    async def batch(self, path: str, resource: str, items: Sequence[Json], **more: str) -> list[Outcome]:
        """One batch. Items that failed for a passing reason are sent again.

        Args:
            path: of the batch method, for example `/v1/accounts:batchCreate`.
            resource: the field of a result that holds the record, for example `account`.
            items: at most 1,000.
            more: other fields of the request.

        Returns:
            what became of each item, in their order.
        """
        outcomes: list[Outcome | None] = [None] * len(items)
        waiting = list(range(len(items)))
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(_pause(attempt))
            answer = await self.post(path, {"requests": [items[at] for at in waiting], **more})
            for at, result in zip(waiting, answer["results"], strict=True):
                outcomes[at] = Outcome(result["outcome"], result.get(resource), result.get("error"))
            waiting = [at for at in waiting if _passing(outcomes[at])]
            if not waiting:
                break
        return [outcome for outcome in outcomes if outcome is not None]

    async def pages(self, path: str, field: str, parameters: Mapping[str, str]) -> AsyncIterator[list[Json]]:
        """All pages of a list, as long as there is one more."""
        token = ""
        while True:
            page = await self.get(path, {**parameters, "pageSize": PAGE, "pageToken": token})
            yield page[field]
            token = page.get("nextPageToken", "")
            if not token:
                return

    async def _sign_in(self) -> None:
        credentials = {"username": self._access.username, "password": self._access.password, "grant_type": "password"}
        answer = await self._send(lambda: self._http.build_request("POST", "/v1/auth/token", data=credentials))
        self._http.headers["Authorization"] = f"Bearer {answer['access_token']}"

    async def _send(self, build: Callable[[], httpx.Request]) -> Json:
        for attempt in range(1, ATTEMPTS + 1):
            request = build()
            try:
                async with self._slots:
                    response = await self._http.send(request)
            except httpx.TransportError as error:
                failure, pause = f"{error!r}", _pause(attempt)
            else:
                if response.is_success:
                    answer: Json = response.json()
                    return answer
                failure, pause = _failure(response), _retry_after(response, attempt)
                if not _may_pass(response):
                    break
            if attempt < ATTEMPTS:
                await asyncio.sleep(pause)
        raise ApiError(f"{request.method} {request.url.copy_with(query=None)}: {failure}")


def _pause(attempt: int) -> float:
    return min(FIRST_PAUSE * 2.0 ** (attempt - 1), LONGEST_PAUSE)


def _retry_after(response: httpx.Response, attempt: int) -> float:
    told = response.headers.get("Retry-After", "")
    return min(float(told), LONGEST_PAUSE) if told.isdecimal() else _pause(attempt)


def _may_pass(response: httpx.Response) -> bool:
    return _problem(response).get("code") in PASSING or response.status_code in (429, 502, 503, 504)


def _passing(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.problem is not None and outcome.problem.get("code") in PASSING


def _problem(response: httpx.Response) -> Json:
    try:
        content = response.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _failure(response: httpx.Response) -> str:
    problem = _problem(response)
    return f"{response.status_code} {describe(problem)}" if problem else f"{response.status_code} {response.text[:200]}"


def describe(problem: Json) -> str:
    """A problem in a line."""
    fields = "; ".join(f"{error['field']}: {error['description']}" for error in problem.get("errors", ()))
    return f"{problem.get('reason') or problem.get('code')}: {problem.get('detail')}" + (
        f" ({fields})" if fields else ""
    )
