from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rotunda_gateway.transcoding.transcoder import Transcoder

ID = "0198b4c0-0000-7000-8000-000000000001"
JSON = {"content-type": "application/json"}
FUZZ = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def anyone(_headers: Any) -> str:
    return "token"


def fields(response: httpx.Response) -> list[str]:
    assert response.status_code == 400, response.text
    problem = response.json()
    assert problem["code"] == "INVALID_ARGUMENT"
    assert all(error["description"] for error in problem["errors"])
    return [error["field"] for error in problem["errors"]]


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "line"),
        [
            (b"{", "1"),
            (b"nonsense", "1"),
            (b'{"displayName": "A",}', "1"),
            (b'{\n"displayName":\n }', "3"),
            (b"{'displayName': 'A'}", "1"),
            (b'{"displayName": "A"} {}', "1"),
            (b'{"displayName": NaN}', "1"),
            (b'{"displayName": "\xff\xfe"}', "1"),
            (b'{"displayName": "\xed\xa0\x80"}', "1"),
            (b"\xef\xbb\xbf{}", "1"),
            (b" ", "1"),
            (b'{"a":' * 5000, "1"),
        ],
        ids=range(12),
    )
    async def test_what_is_no_json_is_refused_with_its_place(
        self, client: httpx.AsyncClient, services: Any, body: bytes, line: str
    ) -> None:
        response = await client.post("/v1/accounts", content=body, headers=JSON)
        assert response.status_code == 400
        problem = response.json()
        assert problem["reason"] == "INVALID_JSON"
        assert problem["metadata"]["line"] == line
        assert int(problem["metadata"]["column"]) >= 0
        assert services.requests == []

    @pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"null", b"true"])
    async def test_a_body_is_an_object(self, client: httpx.AsyncClient, body: bytes) -> None:
        for path in ("/v1/accounts", "/v1/accounts:batchCreate"):
            response = await client.post(path, content=body, headers=JSON)
            assert response.status_code == 400
            assert response.json()["reason"] == "INVALID_JSON"

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"displayNam": "A", "displayName": "A"}, ["displayNam"]),
            ({"displayName": "A", "phones": [{"number": "+493012345", "kid": "WORK"}]}, ["phones[0].kid"]),
            ({"displayName": 7}, ["displayName"]),
            ({"displayName": ["A"]}, ["displayName"]),
            ({"displayName": "A", "phones": {}}, ["phones"]),
            ({"displayName": "A", "phones": ["+493012345"]}, ["phones[0]"]),
            ({"displayName": "A", "foundedYear": "x"}, ["foundedYear"]),
            ({"displayName": "A", "foundedYear": 1.5}, ["foundedYear"]),
            ({"displayName": "A", "foundedYear": 2**70}, ["foundedYear"]),
            ({"displayName": "A", "foundedYear": 0}, ["foundedYear"]),
            ({"displayName": "A", "foundedYear": 10_000}, ["foundedYear"]),
            ({"displayName": "A", "type": "GHOST"}, ["type"]),
            ({"displayName": "A", "type": 77}, ["type"]),
            ({"displayName": "A", "annualRevenue": {"currencyCode": "EUR", "units": 1, "nanos": 2**40}}, None),
            ({"displayName": "A" * 256}, ["displayName"]),
            ({"displayName": "A\0B"}, ["displayName"]),
            ({"displayName": ""}, ["displayName"]),
            ({"displayName": "   "}, ["displayName"]),
            ({}, ["displayName"]),
            ({"displayName": "A", "ownerId": "not-a-uuid"}, ["ownerId"]),
            ({"displayName": "A", "website": "javascript:alert(1)"}, ["website"]),
            ({"displayName": "A", "emails": [{"address": "nobody"}]}, ["emails[0].address"]),
            ({"displayName": "A", "phones": [{}] * 2}, ["phones[0].number", "phones[1].number"]),
            ({"displayName": "A", "phones": [{"number": "+493012345"}] * 101}, ["phones"]),
            ({"displayName": "A", "description": "A" * 10_001}, ["description"]),
        ],
    )
    async def test_wrong_fields_are_named(
        self, client: httpx.AsyncClient, services: Any, body: dict[str, Any], expected: list[str] | None
    ) -> None:
        found = fields(await client.post("/v1/accounts", json=body))
        assert expected is None or found == expected
        assert services.requests == []

    async def test_all_wrong_fields_are_named_at_once_and_each_once(self, client: httpx.AsyncClient) -> None:
        response = await client.patch(
            "/v1/accounts/nonsense?updateMsk=x&requestId=a",
            json={"displayNam": "A", "displayName": 7, "foundedYear": 0, "phones": [{"number": "1"}]},
            headers={"if-match": '"a", "b"', "idempotency-key": "b"},
        )
        assert sorted(fields(response)) == sorted(
            [
                "displayNam", "displayName", "foundedYear", "phones[0].number", "id", "updateMsk", "If-Match",
                "Idempotency-Key",
            ]
        )  # fmt: skip

    async def test_a_misspelled_field_is_met_with_a_suggestion(self, client: httpx.AsyncClient) -> None:
        response = await client.post("/v1/accounts", json={"displayNam": "A", "displayName": "A"})
        assert "displayName" in response.json()["errors"][0]["description"]

    async def test_half_a_surrogate_pair_is_refused(self, client: httpx.AsyncClient) -> None:
        response = await client.post("/v1/accounts", content=b'{"displayName": "\\ud800"}', headers=JSON)
        assert response.status_code == 400

    @pytest.mark.parametrize("depth", [40, 1000])
    async def test_nesting_is_bounded(self, client: httpx.AsyncClient, depth: int) -> None:
        body = b'{"displayName": "A", "annualRevenue": ' + b'{"units":' * depth + b"1" + b"}" * depth + b"}"
        assert (await client.post("/v1/accounts", content=body, headers=JSON)).status_code == 400

    async def test_an_endless_number_of_wrong_fields_is_told_in_part(self, client: httpx.AsyncClient) -> None:
        response = await client.post("/v1/accounts", json={f"field{i}": 1 for i in range(5000)})
        assert len(fields(response)) == 100

    @pytest.mark.parametrize("http_method", ["GET", "DELETE", "HEAD"])
    async def test_some_methods_take_no_body(self, client: httpx.AsyncClient, http_method: str) -> None:
        response = await client.request(http_method, f"/v1/accounts/{ID}", content=b"{}")
        assert response.status_code == 400
        if http_method != "HEAD":
            assert response.json()["reason"] == "BODY_NOT_ALLOWED"

    @pytest.mark.parametrize(
        "headers",
        [
            {"content-type": "text/plain"},
            {"content-type": "application/x-www-form-urlencoded"},
            {"content-type": "application/json; charset=utf-16"},
            {"content-type": "application/json", "content-encoding": "gzip"},
        ],
    )
    async def test_only_json_is_taken(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        response = await client.post("/v1/accounts", content=b'{"displayName": "A"}', headers=headers)
        assert response.status_code == 415
        assert response.json()["reason"] == "UNSUPPORTED_MEDIA_TYPE"


class TestSize:
    async def test_a_body_over_the_limit_is_refused(self, client: httpx.AsyncClient) -> None:
        response = await client.post("/v1/accounts", content=b" " * 100_001, headers=JSON)
        assert response.status_code == 413
        assert response.json()["reason"] == "BODY_TOO_LARGE"

    async def test_at_the_limit_it_is_not(self, client: httpx.AsyncClient) -> None:
        body = orjson.dumps({"displayName": "A"})
        response = await client.post("/v1/accounts", content=body + b" " * (100_000 - len(body)), headers=JSON)
        assert response.status_code == 201

    async def test_without_a_length_the_bytes_count(self, client: httpx.AsyncClient) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            while True:  # The gateway has to stop this.
                yield b" " * 10_000

        response = await client.post("/v1/accounts", content=chunks())
        assert response.status_code == 413

    async def test_a_length_that_lies_changes_nothing(self, client: httpx.AsyncClient) -> None:
        for length in ("7", "99999999999999999999999999", "-1", "x"):
            response = await client.post(
                "/v1/accounts", content=b" " * 100_001, headers={**JSON, "content-length": length}
            )
            assert response.status_code == 413


class TestQueries:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("pageSiz=10", ["pageSiz"]),
            ("page_siz=10", ["page_siz"]),
            ("PAGESIZE=10", ["PAGESIZE"]),
            ("pageSize=ten", ["pageSize"]),
            ("pageSize=", ["pageSize"]),
            ("pageSize=1.5", ["pageSize"]),
            ("pageSize=99999999999", ["pageSize"]),
            ("pageSize=1&pageSize=2", ["pageSize"]),
            ("pageSize=1&page_size=2", ["page_size"]),
            ("filter=%00", ["filter"]),
            ("filter=" + "x" * 10_001, ["filter"]),
            ("pageToken=" + "x" * 4_001, ["pageToken"]),
            ("id=7", ["id"]),
            ("=", [""]),
            ("x" * 300 + "=1", ["x" * 64]),
        ],
    )
    async def test_wrong_parameters_are_named(
        self, client: httpx.AsyncClient, services: Any, query: str, expected: list[str]
    ) -> None:
        assert fields(await client.get(f"/v1/accounts?{query}")) == expected
        assert services.requests == []

    async def test_a_misspelled_one_is_met_with_a_suggestion(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/v1/accounts?pageSiz=10")
        assert '"pageSize"' in response.json()["errors"][0]["description"]

    async def test_what_stands_in_the_path_cannot_come_again(self, client: httpx.AsyncClient) -> None:
        response = await client.get(f"/v1/accounts/{ID}?id={ID}")
        assert response.json()["errors"] == [{"field": "id", "description": "stands in the path already"}]

    async def test_what_belongs_to_the_body_cannot_come_by_query(self, client: httpx.AsyncClient) -> None:
        for path in ("/v1/accounts?account.displayName=A", f"/v1/opportunities/{ID}:reopen?etag=e"):
            response = await client.post(path, json={"displayName": "A"} if path.startswith("/v1/acc") else {})
            assert "from the body" in response.json()["errors"][0]["description"]

    @pytest.mark.parametrize("query", ["filter=%ff", "%ff=1", "&".join(["pageSize=1"] * 501)])
    async def test_what_is_no_query_is_refused_as_a_whole(self, client: httpx.AsyncClient, query: str) -> None:
        response = await client.get(f"/v1/accounts?{query}")
        assert response.status_code == 400
        assert response.json()["reason"] == "INVALID_QUERY"


class TestPaths:
    @pytest.mark.parametrize("segment", ["nonsense", "%00", "%20", "a%2Fb", "0" * 300, "%F0%9F%A6%84"])
    async def test_a_wrong_id_is_named(self, client: httpx.AsyncClient, services: Any, segment: str) -> None:
        assert fields(await client.get(f"/v1/accounts/{segment}")) == ["id"]
        assert services.requests == []

    @pytest.mark.parametrize("segment", ["%ff", "%ed%a0%80", "%c3"])
    async def test_a_path_is_utf_8(self, client: httpx.AsyncClient, segment: str) -> None:
        response = await client.get(f"/v1/accounts/{segment}")
        assert response.status_code == 400
        assert response.json()["reason"] == "INVALID_PATH"


class TestHeaders:
    @pytest.mark.parametrize("key", [b"x" * 256, b"x" * 50_000, b"", b" ", b"a b", b"\xff", b"\xc3\xa9", b"a\x00b"])
    async def test_a_wrong_idempotency_key_is_named(self, client: httpx.AsyncClient, services: Any, key: bytes) -> None:
        response = await client.post("/v1/accounts", json={"displayName": "A"}, headers={b"Idempotency-Key": key})
        assert fields(response) == ["Idempotency-Key"]
        assert services.requests == []

    @pytest.mark.parametrize("etag", [b'"a", "b"', b"x" * 300, b"", b"\xff"])
    async def test_a_wrong_etag_is_named(self, client: httpx.AsyncClient, etag: bytes) -> None:
        response = await client.delete(f"/v1/accounts/{ID}", headers={b"If-Match": etag})
        assert fields(response) == ["If-Match"]

    @pytest.mark.parametrize("trace", [b"", b"nonsense", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00", b"\xff" * 100])
    async def test_a_wrong_trace_is_replaced(self, client: httpx.AsyncClient, trace: bytes) -> None:
        response = await client.get("/v1/accounts", headers={b"traceparent": trace})
        assert response.status_code == 200
        assert len(response.headers["x-request-id"]) == 32


class TestClientsThatLeave:
    async def test_a_request_without_its_end_gets_no_answer(self, services: Any, routes: Any) -> None:
        sent: list[Any] = []
        messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

        async def receive() -> Any:
            return next(messages)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "raw_path": b"/v1/accounts", "query_string": b"",
            "headers": [(b"content-length", b"10")],
        }  # fmt: skip
        await Transcoder(services.call, anyone, routes)(scope, receive, send)
        assert sent == []
        assert services.requests == []


class TestFuzz:
    @FUZZ
    @given(body=st.binary(max_size=300))
    async def test_no_bytes_break_the_gateway(self, client: httpx.AsyncClient, body: bytes) -> None:
        for path in ("/v1/accounts", "/v1/accounts:batchCreate", f"/v1/opportunities/{ID}:win"):
            assert (await client.post(path, content=body, headers=JSON)).status_code < 500

    @FUZZ
    @given(
        body=st.dictionaries(
            st.sampled_from(
                ["displayName", "type", "annualRevenue", "phones", "externalIds", "createTime", "etag", "x"]
            ),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["number", "kind", "units", "nanos", "id", "system"]), inner)
                ),
                max_leaves=8,
            ),
        )
    )
    async def test_no_json_breaks_the_gateway(self, client: httpx.AsyncClient, body: dict[str, Any]) -> None:
        try:
            content = orjson.dumps(body)
        except TypeError:  # Integers of more than 64 bits, and half surrogate pairs.
            return
        assert (await client.post("/v1/accounts", content=content, headers=JSON)).status_code in (201, 400)
        assert (await client.patch(f"/v1/accounts/{ID}", content=content, headers=JSON)).status_code in (200, 400)

    @FUZZ
    @given(path=st.binary(max_size=40), query=st.binary(max_size=60))
    async def test_no_address_breaks_the_gateway(self, services: Any, routes: Any, path: bytes, query: bytes) -> None:
        statuses: list[int] = []

        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            statuses.extend([message["status"]] if "status" in message else [])

        transcoder = Transcoder(services.call, anyone, routes)
        for raw_path in (path, b"/v1/accounts/" + path):
            scope = {"type": "http", "method": "GET", "raw_path": raw_path, "query_string": query, "headers": []}
            await transcoder(scope, receive, send)
        assert len(statuses) == 2
        assert all(status < 500 for status in statuses)
