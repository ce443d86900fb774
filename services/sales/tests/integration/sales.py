"""How the tests of this folder call the service, and look at what it kept and told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import event, text

from rotunda.sales.events.v1 import opportunity_event_pb2 as events_pb
from rotunda.sales.v1 import opportunity_service_pb2 as opportunities_pb
from rotunda.sales.v1 import pipeline_service_pb2 as pipelines_pb
from rotunda_kit.db.engine import Database
from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.model import new_id
from rotunda_kit.testing.platform import TestPlatform

# As the first migration ships them.
PIPELINE = "0192f7c0-0000-7000-8000-000000000001"
QUALIFICATION = "0192f7c0-0000-7000-8000-000000000011"
NEEDS_ANALYSIS = "0192f7c0-0000-7000-8000-000000000012"
NOT_RECORDED = {"reason_code": "NOT_RECORDED"}


class Sales:
    """The sales service of a platform."""

    def __init__(self, platform: TestPlatform) -> None:
        self.platform = platform

    @property
    def database(self) -> Database:
        return self.platform.runtimes["sales"].database

    async def call(self, method: str, token: str | None = None, **fields: Any) -> Any:
        """Call a method such as `OpportunityService.WinOpportunity`; an administrator does, unless a token is given."""
        return await self.platform.call(f"rotunda.sales.v1.{method}", token, **fields)

    async def opportunity(self, **fields: Any) -> opportunities_pb.Opportunity:
        """A new opportunity."""
        return await self.do("Create", opportunity={"display_name": "Big deal", **fields})

    async def do(self, verb: str, token: str | None = None, **fields: Any) -> opportunities_pb.Opportunity:
        """Do something with one opportunity: `Get`, `Update`, `Win` and so on."""
        answer = await self.call(f"OpportunityService.{verb}Opportunity", token, **fields)
        found: opportunities_pb.Opportunity = answer.opportunity
        return found

    async def move(self, opportunity_id: str, stage_id: str, **fields: Any) -> opportunities_pb.Opportunity:
        """Move an opportunity to another stage."""
        method = "OpportunityService.MoveOpportunityToStage"
        answer = await self.call(method, id=opportunity_id, stage_id=stage_id, **fields)
        found: opportunities_pb.Opportunity = answer.opportunity
        return found

    async def closed(self, verb: str = "Win", **fields: Any) -> opportunities_pb.Opportunity:
        """An opportunity that was closed."""
        return await self.do(verb, id=(await self.opportunity(**fields)).id, reason=NOT_RECORDED)

    async def pipeline(self, *stages: str, **fields: Any) -> pipelines_pb.Pipeline:
        """A new pipeline with stages of these names."""
        given = {"display_name": "Renewals", "stages": [{"display_name": name} for name in stages], **fields}
        answer = await self.call("PipelineService.CreatePipeline", pipeline=given)
        found: pipelines_pb.Pipeline = answer.pipeline
        return found

    async def account(self, display_name: str = "Acme") -> str:
        """Id of a new account."""
        method = "rotunda.customers.v1.AccountService.CreateAccount"
        return str((await self.platform.call(method, account={"display_name": display_name})).account.id)

    async def user(self, display_name: str) -> str:
        """Id of a new user."""
        given = {"username": new_id().hex, "display_name": display_name, "role_ids": [ADMINISTRATOR]}
        return str((await self.platform.call("rotunda.access.v1.UserService.CreateUser", user=given)).user.id)

    async def product(self, **fields: Any) -> str:
        """Id of a new product."""
        answer = await self.call("ProductService.CreateProduct", product={"display_name": "Hinge", **fields})
        return str(answer.product.id)

    async def verbs(self, record_id: str) -> list[str]:
        """What was told about a record, in order."""
        return [row.verb for row in await self._outbox(record_id)]

    async def told(self, opportunity_id: str) -> list[events_pb.OpportunityEvent]:
        """Payloads of the events about an opportunity."""
        return [events_pb.OpportunityEvent.FromString(row.payload) for row in await self._outbox(opportunity_id)]

    async def _outbox(self, record_id: str) -> list[Any]:
        statement = text("SELECT verb, payload FROM outbox WHERE aggregate_id = :id ORDER BY id")
        async with self.database.reading() as connection:
            return list(await connection.execute(statement, {"id": UUID(record_id)}))

    async def moves(self, opportunity_id: str) -> list[tuple[str | None, str, str]]:
        """From, to and who of the stage history of an opportunity."""
        statement = text("SELECT * FROM stage_move WHERE opportunity_id = :id ORDER BY time, id")
        async with self.database.reading() as connection:
            rows = await connection.execute(statement, {"id": UUID(opportunity_id)})
            return [(row.from_stage_id and str(row.from_stage_id), str(row.to_stage_id), row.actor) for row in rows]

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """The SQL that the service's transactions run meanwhile."""
        seen: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            seen.append(" ".join(statement.split()))

        engine = self.database._commands.plain.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(engine, "before_cursor_execute", note)
