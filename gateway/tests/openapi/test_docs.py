import re
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from fastapi import FastAPI

from rotunda.kit.v1 import custom_field_service_pb2 as pb
from rotunda_gateway.openapi.docs import install_docs
from rotunda_gateway.transcoding.routes import discover_routes


async def custom_fields(headers: Mapping[str, str]) -> list[pb.CustomField]:
    """What somebody who is signed in is told of."""
    assert headers["authorization"] == "Bearer one"
    return [
        pb.CustomField(record_type="customers.account", name="riskClass", type=pb.CUSTOM_FIELD_TYPE_INTEGER),
        pb.CustomField(
            record_type="customers.account",
            name="areas",
            type=pb.CUSTOM_FIELD_TYPE_CHOICES,
            choices=["A"],
            required=True,
        ),
    ]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(title="Rotunda", openapi_url=None, docs_url=None, redoc_url=None)
    install_docs(app, discover_routes(), custom_fields)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        yield client


class TestDocument:
    async def test_it_is_served_and_stays_the_same(self, client: httpx.AsyncClient) -> None:
        first = await client.get("/openapi.json")
        assert first.headers["content-type"] == "application/json"
        assert "/v1/accounts/{id}" in first.json()["paths"]
        assert (await client.get("/openapi.json")).content == first.content

    async def test_it_has_the_custom_fields_of_who_is_signed_in(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/openapi.json", headers={"authorization": "Bearer one"})
        assert answer.headers["vary"] == "authorization"
        schemas = answer.json()["components"]["schemas"]
        account, patch = (schemas[name]["properties"]["customFields"] for name in ("Account", "AccountPatch"))
        assert account["properties"]["riskClass"]["type"] == "integer"
        assert account["required"] == ["areas"]
        assert account["properties"]["areas"]["items"] == {"type": "string", "enum": ["A"]}
        assert patch["properties"]["riskClass"]["type"] == ["integer", "null"]
        assert "required" not in patch
        assert "properties" not in schemas["Contact"]["properties"]["customFields"]

    async def test_the_pages_themselves_are_not_in_it(self, client: httpx.AsyncClient) -> None:
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert all(path.startswith("/v1/") for path in paths)


class TestPage:
    async def test_all_that_it_loads_is_served_here(self, client: httpx.AsyncClient) -> None:
        page = await client.get("/docs")
        assert page.status_code == 200
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(loaded) == 4
        for address in loaded:
            assert "//" not in address
            assert (await client.get(f"/{address}")).status_code == 200

    async def test_it_may_load_nothing_from_elsewhere(self, client: httpx.AsyncClient) -> None:
        page = await client.get("/docs")
        policy = page.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "script-src" not in policy
        assert "<script>" not in page.text

    async def test_swagger_ui_knows_openapi_3_1(self, client: httpx.AsyncClient) -> None:
        bundle = (await client.get("/docs/assets/swagger-ui-bundle.js")).text
        version = re.search(r'PACKAGE_VERSION:"(\d+)\.', bundle)
        assert version
        assert int(version[1]) >= 5
