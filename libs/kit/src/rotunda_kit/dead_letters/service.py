"""The servicer of `rotunda.kit.v1.DeadLetterService`: every service answers for its own dead letters."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, false, func, select, update

from rotunda.kit.v1 import dead_letter_service_pb2 as pb
from rotunda_kit.audit.entries import Entry
from rotunda_kit.db.tables import dead_letter
from rotunda_kit.dead_letters.listing import NEWEST_FIRST, list_fields, message_of
from rotunda_kit.errors import FailedPrecondition, InvalidArgument, NotFound, RotundaError
from rotunda_kit.events.envelope import event_of
from rotunda_kit.events.intake import Intake, durable_of
from rotunda_kit.events.reactions import Reaction
from rotunda_kit.filter import compile_filter
from rotunda_kit.listing.page import Page
from rotunda_kit.server.call import Call, Command
from rotunda_kit.server.method import Servicer, command, query
from rotunda_kit.status import problem
from rotunda_kit.telemetry.logs import raised_at

MAX_BATCH = 100
# Of a number in an id: no BIGINT has more for sure.
MAX_DIGITS = 18

_table = dead_letter.c


class DeadLetters:
    """The dead letters of one service.

    Args:
        service: as in the proto package.
        reactions: by the services that it hears, to replay with.
    """

    def __init__(self, service: str, reactions: Mapping[str, Sequence[Reaction]]) -> None:
        self.service = service
        self.fields = list_fields(service)
        intakes = [Intake(durable_of(service, source), of) for source, of in reactions.items()]
        self._intakes = {intake.consumer: intake for intake in intakes}

    def condition(self, record_id: str) -> ColumnElement[bool]:
        """Which row an id names."""
        prefix, _, number = record_id.partition("-")
        its_own = prefix == self.service and number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS
        return _table.id == int(number) if its_own else false()

    async def locked(self, call: Command, record_id: str) -> Row[Any]:
        """The letter, until the end of the transaction.

        Raises:
            NotFound: DEAD_LETTER_NOT_FOUND.
            FailedPrecondition: DEAD_LETTER_SETTLED.
        """
        statement = select(dead_letter).where(self.condition(record_id)).with_for_update()
        row = (await call.session.execute(statement)).one_or_none()
        if row is None:
            raise _not_found()
        if row.state != "WAITING":
            raise FailedPrecondition(
                "DEAD_LETTER_SETTLED", "The dead letter was replayed or discarded before.", {"state": row.state}
            )
        return row

    async def settle(self, call: Command, row: Row[Any], state: str) -> pb.DeadLetter:
        """Note what became of a letter."""
        statement = (
            update(dead_letter)
            .where(_table.id == row.id)
            .values(state=state, settle_time=func.now())
            .returning(dead_letter)
        )
        settled = (await call.session.execute(statement)).one()
        change = {"field": "state", "before": row.state, "after": state}
        letter = {"field": "id", "after": f"{self.service}-{row.id}"}
        call.work.note(Entry(f"{self.service}.dead_letter", None, None, state.lower(), [letter, change], b""))
        return message_of(settled, self.service, payload=True)

    async def replay(self, call: Command, row: Row[Any]) -> pb.DeadLetter:
        """Take the event in, and settle the letter.

        Raises:
            FailedPrecondition: REPLAY_FAILED; nothing was done.
        """
        intake = self._intakes.get(row.consumer)
        if intake is None:
            raise FailedPrecondition("REPLAY_FAILED", f"The service hears nobody as {row.consumer} any more.")
        try:
            async with call.work.savepoint():
                await intake.apply(call.session, [event_of(row.headers, row.payload)])
        except Exception as error:  # whatever it was, the letter stays
            name, place = type(error).__name__, " < ".join(reversed(raised_at(error)))
            raise FailedPrecondition(
                "REPLAY_FAILED", f"The event failed again: {name}.", {"error": name, "where": place}
            ) from error
        return await self.settle(call, row, "REPLAYED")

    async def replay_each(self, call: Command, ids: Sequence[str], text: str) -> list[pb.BatchReplayDeadLettersResult]:
        """Replay many, each for itself.

        Args:
            call: the command.
            ids: of the letters; those of other services are left to them.
            text: a filter, where there are no ids.

        Raises:
            InvalidArgument: there are neither ids nor a filter, or both.
        """
        if bool(ids) == bool(text.strip()):
            raise InvalidArgument.of("ids", "either these or a filter must be given")
        results = []
        for record_id in ids or await self.chosen(call, text):
            if record_id.partition("-")[0] == self.service:
                result = pb.BatchReplayDeadLettersResult(id=record_id)
                try:
                    await self.replay(call, await self.locked(call, record_id))
                except RotundaError as error:
                    result.error.CopyFrom(problem(error, ""))
                results.append(result)
        return results

    async def chosen(self, call: Command, text: str) -> list[str]:
        """The ids of those that wait and that a filter chooses, the oldest first."""
        wanted = compile_filter(text, self.fields)
        statement = select(_table.id).where(_table.state == "WAITING").order_by(_table.id).limit(MAX_BATCH)
        if wanted is not None:
            statement = statement.where(wanted)
        return [f"{self.service}-{number}" for number in await call.session.scalars(statement)]


def dead_letter_servicer(service: str, reactions: Mapping[str, Sequence[Reaction]]) -> type[Servicer]:
    """The servicer for a service.

    Args:
        service: as in the proto package.
        reactions: by the services that it hears, to replay with.
    """
    letters = DeadLetters(service, reactions)

    class DeadLetterServicer(Servicer, service="rotunda.kit.v1.DeadLetterService"):
        @query
        async def GetDeadLetter(self, request: pb.GetDeadLetterRequest, call: Call) -> pb.GetDeadLetterResponse:
            rows = await call.rows(select(dead_letter).where(letters.condition(request.id)))
            if not rows:
                raise _not_found()
            return pb.GetDeadLetterResponse(dead_letter=message_of(rows[0], service, payload=True))

        @query
        async def ListDeadLetters(self, request: pb.ListDeadLettersRequest, call: Call) -> pb.ListDeadLettersResponse:
            page = Page(
                letters.fields,
                filter=request.filter,
                order_by=request.order_by,
                page_size=request.page_size,
                page_token=request.page_token,
                binding=request.DESCRIPTOR.full_name,
                default_order=NEWEST_FIRST,
            )
            rows, token = page.cut(await call.rows(page.apply(select(dead_letter))))
            shown = [message_of(row, service, payload=False) for row in rows]
            return pb.ListDeadLettersResponse(dead_letters=shown, next_page_token=token)

        @command
        async def ReplayDeadLetter(
            self, request: pb.ReplayDeadLetterRequest, call: Command
        ) -> pb.ReplayDeadLetterResponse:
            row = await letters.locked(call, request.id)
            return pb.ReplayDeadLetterResponse(dead_letter=await letters.replay(call, row))

        @command
        async def DiscardDeadLetter(
            self, request: pb.DiscardDeadLetterRequest, call: Command
        ) -> pb.DiscardDeadLetterResponse:
            row = await letters.locked(call, request.id)
            return pb.DiscardDeadLetterResponse(dead_letter=await letters.settle(call, row, "DISCARDED"))

        @command
        async def BatchReplayDeadLetters(
            self, request: pb.BatchReplayDeadLettersRequest, call: Command
        ) -> pb.BatchReplayDeadLettersResponse:
            return pb.BatchReplayDeadLettersResponse(
                results=await letters.replay_each(call, request.ids, request.filter)
            )

    return DeadLetterServicer


def _not_found() -> NotFound:
    return NotFound("DEAD_LETTER_NOT_FOUND", "There is no such dead letter.")
