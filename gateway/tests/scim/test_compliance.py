"""What scim2-tester, which others have written, says of the service."""

import asyncio
from typing import Any

import httpx
from scim2_client import BaseSyncSCIMClient
from scim2_tester import CheckResult, Status, check_server

from .conftest import Api

# What it finds fault with, and is meant so: nothing is searched for in users and groups at once; a user always has a
# name, and may sign in or not; the one address of a user is the primary one, that at work; members come with names.
MEANT = (
    "Nothing lives at this path.",
    "PATCH modify() did not remove attribute 'name'",
    "PATCH modify() did not remove attribute 'displayName'",
    "PATCH modify() did not remove attribute 'active'",
    "PATCH modify() returned unexpected value for 'emails'.",
    "Attribute 'members' was not added or has unexpected value",
    "Attribute 'members' was not replaced or has unexpected value",
)


class Client(BaseSyncSCIMClient):
    """Calls the gateway, which lives in the test's own loop, from another thread."""

    def __init__(self, client: httpx.AsyncClient, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._client = client
        self._loop = loop

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        answer = self._client.request(method, f"/scim/v2/{url.lstrip('/')}", **options)
        return asyncio.run_coroutine_threadsafe(answer, self._loop).result(60)

    def _parse_json(self, response: Any) -> Any:
        return response.json()


class TestCompliance:
    async def test_scim2_tester_finds_nothing(self, scim: Api) -> None:
        client = Client(scim.client, asyncio.get_running_loop())
        results = await asyncio.to_thread(check_server, client)
        assert len(results) > 50
        wrong = [each for each in results if each.status in (Status.ERROR, Status.CRITICAL, Status.DEVIATION)]
        assert [(each.resource_type, each.title, each.reason) for each in wrong if not _meant(each)] == []


def _meant(result: CheckResult) -> bool:
    return (result.reason or "").startswith(MEANT)
