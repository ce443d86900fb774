"""REST to a real gRPC server, through the kit's own client."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import httpx
import pytest

from rotunda.customers.v1 import account_service_pb2 as accounts
from rotunda_gateway.http.boundary import RequestBoundary
from rotunda_gateway.transcoding.routes import Route
from rotunda_gateway.transcoding.transcoder import Transcoder
from rotunda_kit.client import Clients
from rotunda_kit.errors import AlreadyExists, FieldViolation, RotundaError
from rotunda_kit.status import STATUS_METADATA, to_status

ID = "0198b4c0-0000-7000-8000-000000000001"

Handle = Callable[[Any], Any]


class AccountServer:
    """A gRPC server of accounts, built from the descriptor as the kit builds its own."""

    def __init__(self) -> None:
        self.handle: dict[str, Handle] = {}
        self.metadata: dict[str, Any] = {}
        self._server = grpc.aio.server()
        service = accounts.DESCRIPTOR.services_by_name["AccountService"]
        handlers = {
            method.name: grpc.unary_unary_rpc_method_handler(
                self._serve(method.name),
                request_deserializer=getattr(accounts, method.input_type.name).FromString,
                response_serializer=getattr(accounts, method.output_type.name).SerializeToString,
            )
            for method in service.methods
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def _serve(self, name: str) -> Callable[[Any, Any], Awaitable[Any]]:
        async def serve(request: Any, context: Any) -> Any:
            self.metadata = dict(context.invocation_metadata())
            try:
                return self.handle[name](request)
            except RotundaError as error:
                context.set_trailing_metadata(((STATUS_METADATA, to_status(error).SerializeToString()),))
                await context.abort(getattr(grpc.StatusCode, error.code), error.detail)

        return serve

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)


@pytest.fixture
async def server() -> AsyncIterator[AccountServer]:
    server = AccountServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def rest(server: AccountServer, routes: list[Route]) -> AsyncIterator[httpx.AsyncClient]:
    async def authenticate(_headers: Any) -> str:
        return "internal"

    async def answer_unexpected(error: Exception, _send: Any) -> None:
        raise error

    clients = Clients(lambda _service: f"127.0.0.1:{server.port}")
    app = RequestBoundary(Transcoder(clients.call, authenticate, routes, deadline=2.0), answer_unexpected)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        yield client
    await clients.close()


class TestRoundTrip:
    async def test_a_resource_goes_there_and_back(self, rest: httpx.AsyncClient, server: AccountServer) -> None:
        def create(request: accounts.CreateAccountRequest) -> accounts.CreateAccountResponse:
            request.account.id = ID
            return accounts.CreateAccountResponse(account=request.account)

        server.handle["CreateAccount"] = create
        response = await rest.post(
            "/v1/accounts",
            json={"displayName": "Müller", "annualRevenue": {"currencyCode": "EUR", "units": "9007199254740993"}},
        )
        assert response.status_code == 201, response.text
        assert response.json()["displayName"] == "Müller"
        assert response.json()["annualRevenue"]["units"] == "9007199254740993"
        assert response.headers["location"] == f"/v1/accounts/{ID}"

    async def test_identity_and_trace_are_handed_on(self, rest: httpx.AsyncClient, server: AccountServer) -> None:
        server.handle["GetAccount"] = lambda _: accounts.GetAccountResponse()
        response = await rest.get(f"/v1/accounts/{ID}")
        assert server.metadata["authorization"] == "Bearer internal"
        assert server.metadata["traceparent"][3:35] == response.headers["x-request-id"]


class TestErrors:
    async def test_an_error_of_the_service_is_the_callers(self, rest: httpx.AsyncClient, server: AccountServer) -> None:
        def create(_request: Any) -> Any:
            raise AlreadyExists("EXTERNAL_ID_TAKEN", "Another account has it.", {"system": "erp"}).at(
                FieldViolation("account.external_ids[0]", "is taken")
            )

        server.handle["CreateAccount"] = create
        response = await rest.post("/v1/accounts", json={"displayName": "A"})
        problem = response.json()
        assert (response.status_code, problem["code"], problem["reason"]) == (
            409,
            "ALREADY_EXISTS",
            "EXTERNAL_ID_TAKEN",
        )
        assert problem["metadata"] == {"system": "erp"}
        assert problem["errors"] == [{"field": "externalIds[0]", "description": "is taken"}]

    async def test_a_service_that_is_down_is_unavailable(self, rest: httpx.AsyncClient, server: AccountServer) -> None:
        await server.stop()
        response = await rest.get(f"/v1/accounts/{ID}")
        assert response.status_code in (503, 504)
        assert response.json()["metadata"]["service"] == "customers"
