"""Views that are in flight together share one call a service.

While a call is under way, what is asked meanwhile gathers, and goes out together with the next one (AIP-231). Each
item carries the token of
its own caller, and a wrong one fails alone.
"""

import asyncio
import time
from dataclasses import dataclass

from rotunda.kit.v1 import overview_service_pb2 as pb
from rotunda_kit.client import Clients
from rotunda_kit.errors import DeadlineExceeded, RotundaError
from rotunda_kit.status import from_status

MAX_ITEMS = 100

_METHOD = pb.DESCRIPTOR.services_by_name["OverviewService"].methods_by_name["BatchGetOverviews"]


@dataclass(slots=True)
class _Waiting:
    item: pb.OverviewItem
    deadline: float
    answer: asyncio.Future[pb.Overview]


class OverviewBatches:
    """Asks one service for overviews, one call at a time.

    Args:
        service: as in the proto package.
        clients: to reach it.
    """

    def __init__(self, service: str, clients: Clients) -> None:
        self.service = service
        self._clients = clients
        self._waiting: list[_Waiting] = []
        self._sender: asyncio.Task[None] | None = None

    async def get(self, account_id: str, token: str, timeout: float) -> pb.Overview:  # noqa: ASYNC109 - it travels with the call
        """The service's overview of an account.

        Raises:
            RotundaError: what the service said of this item; Unavailable or DeadlineExceeded.
        """
        waiting = _Waiting(
            pb.OverviewItem(account_id=account_id, token=token),
            time.monotonic() + timeout,
            asyncio.get_running_loop().create_future(),
        )
        self._waiting.append(waiting)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send())
        try:
            async with asyncio.timeout(timeout):
                overview = await waiting.answer
        except TimeoutError:
            raise DeadlineExceeded("DEADLINE_EXCEEDED", f"The service {self.service} did not answer in time.") from None
        if overview.HasField("status"):
            raise from_status(overview.status)
        return overview

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_ITEMS], self._waiting[MAX_ITEMS:]
            batch = [waiting for waiting in batch if not waiting.answer.done()]
            if batch:
                await self._ask(batch)

    async def _ask(self, batch: list[_Waiting]) -> None:
        timeout = max(0.001, max(waiting.deadline for waiting in batch) - time.monotonic())
        request = pb.BatchGetOverviewsRequest(items=[waiting.item for waiting in batch])
        try:
            # The call itself goes in the first caller's name; what each may see is decided by the item's own token.
            answer = await self._clients.call(
                _METHOD, request, token=batch[0].item.token, timeout=timeout, service=self.service
            )
        except RotundaError as error:
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        for waiting, overview in zip(batch, answer.overviews, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(overview)
