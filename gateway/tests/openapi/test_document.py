from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from rotunda_gateway.openapi.comments import read_comments
from rotunda_gateway.openapi.document import build_document
from rotunda_gateway.transcoding.routes import Route, discover_routes


class Credentials(BaseModel):
    username: str


class Account(BaseModel):
    """Has the name of a message."""

    own: int


@pytest.fixture(scope="module")
def routes() -> list[Route]:
    return discover_routes()


@pytest.fixture(scope="module")
def document(routes: list[Route]) -> dict[str, Any]:
    app = FastAPI(title="Rotunda", version="1.2.3", openapi_tags=[{"name": "Access", "description": "Who may."}])

    @app.post("/v1/auth/token", tags=["Access"], openapi_extra={"security": []})
    async def token(credentials: Credentials) -> Account:
        return Account(own=len(credentials.username))

    @app.get("/v1/accounts/{id}/360")
    async def overview(id: str) -> None:  # noqa: A002
        raise AssertionError(id)

    return build_document(app, routes)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def schema(document: dict[str, Any], name: str) -> Any:
    return document["components"]["schemas"][name]


def parameter_names(operation: dict[str, Any]) -> list[str]:
    return [parameter.get("name") or parameter["$ref"].rpartition("/")[2] for parameter in operation["parameters"]]


class TestDocument:
    def test_it_is_valid_openapi_3_1(self, document: dict[str, Any]) -> None:
        assert document["openapi"].startswith("3.1.")
        OpenAPIV31SpecValidator(document).validate()

    def test_every_route_of_the_protos_is_in_it(self, document: dict[str, Any], routes: list[Route]) -> None:
        described = {
            (method.upper(), path): operation
            for path, item in document["paths"].items()
            for method, operation in item.items()
        }
        for route in routes:
            path = route.path.fill(f"{{{name}}}" for name in route.path.parameters())
            assert described[route.http_method, path]["operationId"] == route.method.name

    def test_no_reference_dangles(self, document: dict[str, Any]) -> None:
        for reference in set(references(document)):
            node: Any = document
            for step in reference.removeprefix("#/").split("/"):
                node = node[step]

    def test_operation_ids_are_unique(self, document: dict[str, Any]) -> None:
        found = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
        assert len(found) == len(set(found))

    def test_everything_of_the_protos_is_described(self, document: dict[str, Any], routes: list[Route]) -> None:
        names = {route.method.name for route in routes}
        for item in document["paths"].values():
            for operation in item.values():
                if operation["operationId"] in names:
                    assert operation["description"]
                    assert operation["summary"]
        assert all(tag["description"] for tag in document["tags"])

    def test_it_needs_a_token_unless_a_route_says_otherwise(self, document: dict[str, Any]) -> None:
        assert document["security"] == [{"bearer": []}, {"password": []}]
        schemes = document["components"]["securitySchemes"]
        assert schemes["password"]["flows"]["password"]["tokenUrl"] == "/v1/auth/token"
        assert document["paths"]["/v1/auth/token"]["post"]["security"] == []
        assert "security" not in document["paths"]["/v1/accounts/{id}"]["get"]


class TestHandWrittenRoutes:
    def test_they_stand_beside_the_others(self, document: dict[str, Any]) -> None:
        assert document["info"] == {"title": "Rotunda", "version": "1.2.3"}
        assert "/v1/accounts/{id}/360" in document["paths"]
        assert {"name": "Access", "description": "Who may."} in document["tags"]

    def test_their_errors_are_problems_too(self, document: dict[str, Any]) -> None:
        responses = document["paths"]["/v1/auth/token"]["post"]["responses"]
        assert "422" not in responses
        assert responses["400"] == {"$ref": "#/components/responses/InvalidArgument"}
        assert "HTTPValidationError" not in document["components"]["schemas"]

    def test_a_name_that_is_taken_gets_its_package(self, document: dict[str, Any]) -> None:
        assert schema(document, "Account")["description"] == "Has the name of a message."
        assert schema(document, "CustomersAccount")["description"] == "A company or an individual."


class TestOperations:
    def test_an_update(self, document: dict[str, Any]) -> None:
        update = document["paths"]["/v1/accounts/{id}"]["patch"]
        assert parameter_names(update) == ["id", "updateMask", "IdempotencyKey", "IfMatch"]
        assert update["requestBody"]["content"]["application/json"]["schema"] == {
            "$ref": "#/components/schemas/AccountPatch"
        }
        assert set(update["responses"]) == {
            "200", "400", "401", "403", "404", "409", "412", "413", "415", "422", "default",
        }  # fmt: skip
        assert "ETag" in update["responses"]["200"]["headers"]

    def test_a_create(self, document: dict[str, Any]) -> None:
        create = document["paths"]["/v1/opportunities"]["post"]
        assert parameter_names(create) == ["stageId", "IdempotencyKey"]
        assert set(create["responses"]) == {"201", "400", "401", "403", "409", "413", "415", "422", "default"}
        assert set(create["responses"]["201"]["headers"]) == {"ETag", "Location"}

    def test_a_read(self, document: dict[str, Any]) -> None:
        listing = document["paths"]["/v1/accounts"]["get"]
        assert parameter_names(listing) == ["filter", "orderBy", "pageSize", "pageToken", "showDeleted"]
        assert set(listing["responses"]) == {"200", "400", "401", "403", "default"}
        assert listing["description"].endswith("Needs `customers.accounts.read`.")
        assert "requestBody" not in listing
        assert listing["tags"] == ["Account"]

    def test_a_verb_leaves_out_of_the_body_what_stands_in_the_path(self, document: dict[str, Any]) -> None:
        win = document["paths"]["/v1/opportunities/{id}:win"]["post"]
        assert win["requestBody"]["required"]
        body = schema(document, "WinOpportunityBody")
        assert set(body["properties"]) == {"reason", "closeDate", "etag", "requestId"}
        assert body["required"] == ["reason"]
        assert "id" in schema(document, "WinOpportunityRequest")["properties"]
        assert not document["paths"]["/v1/opportunities/{id}:reopen"]["post"]["requestBody"]["required"]

    def test_nested_path_variables_have_the_name_of_the_field(self, document: dict[str, Any]) -> None:
        member = document["paths"]["/v1/campaigns/{campaignId}/members/{id}"]
        assert set(member) == {"get", "patch", "delete"}
        assert "campaignId" not in schema(document, "CampaignMemberPatch")["properties"]


class TestSchemas:
    def test_fields_say_what_holds_for_them(self, document: dict[str, Any]) -> None:
        fields = schema(document, "CustomersAccount")["properties"]
        assert fields["id"] == {
            "type": "string", "format": "uuid", "readOnly": True, "description": "Given by the server.",
        }  # fmt: skip
        assert fields["displayName"]["maxLength"] == 255
        assert fields["foundedYear"] == {
            "type": "integer", "format": "int32", "minimum": 1, "maximum": 9999,
            "description": "The year in which a company was founded.",
        }  # fmt: skip
        assert fields["ownerId"]["x-refers-to"] == "access.user"
        assert fields["website"]["format"] == "uri"
        assert fields["createTime"]["format"] == "date-time"
        assert fields["phones"]["maxItems"] == 100
        assert fields["type"]["x-immutable"]
        assert schema(document, "CustomersAccount")["required"] == ["displayName"]
        assert schema(document, "Phone")["properties"]["number"]["format"] == "phone"
        assert schema(document, "Email")["properties"]["address"]["format"] == "email"
        assert schema(document, "Message")["properties"]["source"]["writeOnly"]
        assert schema(document, "Message")["properties"]["sizeBytes"]["type"] == "string"
        assert schema(document, "Money")["properties"]["units"] == {
            "type": "string", "format": "int64", "description": fields_description(document, "Money", "units"),
        }  # fmt: skip

    def test_what_only_answers_hold_has_no_bounds(self, document: dict[str, Any]) -> None:
        assert "maxItems" not in schema(document, "ListAccountsResponse")["properties"]["accounts"]
        assert "maxLength" not in schema(document, "ListAccountsResponse")["properties"]["nextPageToken"]

    def test_enums_stand_without_their_prefix(self, document: dict[str, Any]) -> None:
        assert schema(document, "AccountType")["enum"] == ["COMPANY", "INDIVIDUAL", "UNSPECIFIED"]
        assert "- `FAILED`: See `error`" in schema(document, "BatchOutcome")["description"]

    def test_a_patch_requires_nothing_and_clears_by_null(self, document: dict[str, Any]) -> None:
        patch = schema(document, "AccountPatch")
        assert "required" not in patch
        assert patch["properties"]["industry"]["type"] == ["string", "null"]
        assert patch["properties"]["annualRevenue"]["anyOf"][1] == {"type": "null"}
        assert patch["properties"]["displayName"]["type"] == "string"
        assert "id" not in patch["properties"]


def fields_description(document: dict[str, Any], name: str, field: str) -> str:
    text = schema(document, name)["properties"][field]["description"]
    assert isinstance(text, str)
    return text


class TestComments:
    def test_they_are_found_by_name_and_read_as_paragraphs(self) -> None:
        comments = read_comments()
        assert comments["rotunda.customers.v1.AccountService.GetAccount"] == "Gets one account."
        assert comments["rotunda.customers.v1.Account.id"] == "Given by the server."
        assert comments["rotunda.kit.v1.BatchOutcome.BATCH_OUTCOME_FAILED"].startswith("See `error`")
        assert "\n" not in comments["rotunda.customers.v1.AccountService.UpdateAccount"]
        assert "][" not in comments["google.type.Date"]
