"""Whatever a client sends, the answer says what is wrong with it, and is never an error of ours."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from joserfc.jwk import OKPKey

from rotunda_kit.errors import InvalidArgument, Unauthenticated
from rotunda_kit.identity import ADMINISTRATOR, INTERNAL, TokenIssuer
from rotunda_local.platform import Platform

from . import direct
from .nouns import new_uuid
from .problems import assert_problem, described
from .records import Fields, Records
from .reflection import Catalogue, Kind
from .walk import at_once

ACCOUNTS = "/v1/accounts"
UNKNOWN = "/v1/accounts/0192f7c0-0000-7000-8000-000000000000"
JSON = {"content-type": "application/json"}
BODY_LIMIT = 8 * 1024 * 1024
NAME = {"displayName": "Acme"}


@dataclass(frozen=True)
class Bad:
    """A request, and what must be said of it."""

    name: str
    http_method: str
    path: str
    status: int
    reason: str = ""
    naming: tuple[str, ...] = ()
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    says: str = ""


def post(name: str, content: bytes, *naming: str, reason: str = "", status: int = 400, says: str = "") -> Bad:
    """A body that no account has."""
    return Bad(name, "POST", ACCOUNTS, status, reason, naming, content, JSON, says)


def account(name: str, body: dict[str, Any], *naming: str, says: str = "") -> Bad:
    """Fields that no account has."""
    return post(name, json.dumps(body).encode(), *naming, reason="INVALID_FIELDS", says=says)


def listing(name: str, query: str, *naming: str, reason: str = "INVALID_FIELDS", says: str = "") -> Bad:
    """A list that can't be."""
    return Bad(name, "GET", f"{ACCOUNTS}?{query}", 400, reason, naming, says=says)


def nested(depth: int) -> bytes:
    """JSON objects inside of objects."""
    return b'{"a":' * depth + b"1" + b"}" * depth


BODIES = [
    post("broken JSON", b'{"displayName": "A', reason="INVALID_JSON"),
    post("JSON and more", b'{"displayName": "A"} x', reason="INVALID_JSON"),
    post("NaN", b'{"displayName": "A", "employeeCount": NaN}', reason="INVALID_JSON"),
    post("no UTF-8", b'{"displayName": "\xff\xfe"}', reason="INVALID_JSON"),
    post("a lone surrogate", b'{"displayName": "\\ud800"}', reason="INVALID_JSON"),
    post("a list", b"[]", reason="INVALID_JSON"),
    post("a text", b'"Acme"', reason="INVALID_JSON"),
    post("null", b"null", reason="INVALID_JSON"),
    post("lists 100,000 deep", b"[" * 100_000, reason="INVALID_JSON"),
    post("objects 100,000 deep", nested(100_000), reason="INVALID_JSON"),
    post("objects 500 deep", nested(500), "a"),
    post("nothing", b"", "displayName"),
    post("zeros", b"\0" * 1000, reason="INVALID_JSON"),
    post("a byte order mark", b'\xef\xbb\xbf{"displayName": "A"}', reason="INVALID_JSON"),
    post("a number of 10,000 digits", b'{"displayName": "A", "employeeCount": ' + b"9" * 10_000 + b"}"),
    account("an unknown field", NAME | {"nonsense": 1}, "nonsense"),
    account("a misspelled field", {"dispalyName": "A"}, "dispalyName", says='did you mean "displayName"?'),
    account("a number for a text", {"displayName": 17}, "displayName"),
    account("a text for a number", NAME | {"employeeCount": "many"}, "employeeCount"),
    account("half a number", NAME | {"employeeCount": 1.5}, "employeeCount"),
    account("a number beyond 32 bits", NAME | {"employeeCount": 2**40}, "employeeCount"),
    account("a number too small", NAME | {"foundedYear": 0, "employeeCount": -1}, "foundedYear", "employeeCount"),
    account("an object for a list", NAME | {"phones": {}}, "phones"),
    account("a number in a list of objects", NAME | {"addresses": [1]}, "addresses[0]"),
    account("a text for an object", NAME | {"annualRevenue": "100 EUR"}, "annualRevenue"),
    account("a wrong enum", NAME | {"type": "FIRM"}, "type"),
    account("an enum in lower case", NAME | {"type": "company"}, "type"),
    account("a wrong enum in a list", NAME | {"addresses": [{"kind": "CASTLE"}]}, "addresses[0].kind"),
    account("an empty text", {"displayName": ""}, "displayName"),
    account("white space", {"displayName": " \t\n"}, "displayName"),
    account("a long text", {"displayName": "x" * 256}, "displayName"),
    account("a long description", NAME | {"description": "x" * 10_001}, "description"),
    account("NUL", {"displayName": "A\0B", "description": "\0"}, "displayName", "description"),
    account("101 phones", NAME | {"phones": [{"number": "+493012345"}] * 101}, "phones"),
    account("a phone without a number", NAME | {"phones": [{"kind": "WORK"}]}, "phones[0].number"),
    account("no currency", NAME | {"annualRevenue": {"units": "1"}}, "annualRevenue.currencyCode"),
    account(
        "an amount of two signs",
        NAME | {"annualRevenue": {"currencyCode": "EUR", "units": "1", "nanos": -1}},
        "annualRevenue.nanos",
    ),
    account("no UUID", NAME | {"ownerId": "me", "parentAccountId": 7}, "ownerId", "parentAccountId"),
    account("someone who does not exist", NAME | {"ownerId": new_uuid(), "parentAccountId": new_uuid()}, "ownerId"),
    account("half an external id", NAME | {"externalIds": [{"system": "erp"}]}, "externalIds[0].id"),
    account(
        "many at once",
        {
            "website": "acme",
            "phones": [{"number": "12"}],
            "emails": [{"address": "acme"}],
            "addresses": [{"countryCode": "Germany"}],
        },
        *("displayName", "website", "phones[0].number", "emails[0].address", "addresses[0].countryCode"),
    ),
    Bad(
        *("a day that no month has", "POST", "/v1/opportunities", 400, "INVALID_FIELDS", ("expectedCloseDate",)),
        b'{"displayName": "A", "expectedCloseDate": {"year": 2026, "month": 2, "day": 30}}',
        JSON,
    ),
    Bad(
        *("a time that is none", "POST", "/v1/activities", 400, "INVALID_FIELDS", ("dueTime", "kind")),
        b'{"displayName": "A", "kind": "DANCE", "dueTime": "tomorrow"}',
        JSON,
    ),
]
CONTENT = [
    Bad("plain text", "POST", ACCOUNTS, 415, "UNSUPPORTED_MEDIA_TYPE", (), b"{}", {"content-type": "text/plain"}),
    Bad("a form", "POST", ACCOUNTS, 415, "", (), b"a=b", {"content-type": "application/x-www-form-urlencoded"}),
    Bad("Latin-1", "POST", ACCOUNTS, 415, "", (), b"{}", {"content-type": "application/json; charset=latin-1"}),
    Bad("compressed", "POST", ACCOUNTS, 415, "", (), b"{}", JSON | {"content-encoding": "gzip"}),
    Bad("a body to a GET", "GET", ACCOUNTS, 400, "BODY_NOT_ALLOWED", (), b"{}", JSON),
    Bad("a body to a DELETE", "DELETE", UNKNOWN, 400, "BODY_NOT_ALLOWED", (), b"{}", JSON),
    post("a body over the limit", b" " * (BODY_LIMIT + 1), reason="BODY_TOO_LARGE", status=413),
    Bad("an empty key", "POST", ACCOUNTS, 400, "", ("Idempotency-Key",), b"{}", JSON | {"idempotency-key": ""}),
    Bad("a key with spaces", "POST", ACCOUNTS, 400, "", ("Idempotency-Key",), b"{}", {"idempotency-key": "a b"}),
    Bad("a long key", "POST", ACCOUNTS, 400, "", ("Idempotency-Key",), b"{}", {"idempotency-key": "x" * 256}),
    Bad("an etag on create", "POST", ACCOUNTS, 400, "", ("If-Match",), b"{}", {"if-match": '"1"'}),
    Bad("two etags", "PATCH", UNKNOWN, 400, "", ("If-Match",), b"{}", {"if-match": '"1", "2"'}),
    Bad("a long etag", "DELETE", UNKNOWN, 400, "", ("If-Match",), headers={"if-match": "x" * 256}),
]
PATHS = [
    Bad("no such route", "GET", "/v1/nothing", 404, "ROUTE_NOT_FOUND"),
    Bad("no such verb", "POST", f"{UNKNOWN}:dance", 404),
    Bad("a slash too many", "GET", f"{ACCOUNTS}/", 404),
    Bad("another method", "PUT", ACCOUNTS, 405, "METHOD_NOT_ALLOWED"),
    Bad("no UTF-8 in the path", "GET", f"{ACCOUNTS}/%ff", 400, "INVALID_PATH"),
    Bad("a NUL in the path", "GET", f"{ACCOUNTS}/%00", 400, "INVALID_FIELDS", ("id",)),
    Bad("an id that is none", "GET", f"{ACCOUNTS}/4711", 400, "INVALID_FIELDS", ("id",)),
    Bad("a slash in an id", "GET", f"{ACCOUNTS}/..%2f..%2fetc", 400, "INVALID_FIELDS", ("id",)),
    Bad("an id of a megabyte's tenth", "GET", f"{ACCOUNTS}/{'9' * 10_000}", 400, "INVALID_FIELDS", ("id",)),
    Bad("an unknown id", "GET", UNKNOWN, 404, "ACCOUNT_NOT_FOUND"),
    Bad("an unknown id to change", "PATCH", UNKNOWN, 404, "ACCOUNT_NOT_FOUND", (), b'{"displayName": "A"}', JSON),
    Bad("an unknown id to delete", "DELETE", UNKNOWN, 404, "ACCOUNT_NOT_FOUND"),
    Bad("an unknown field to change", "PATCH", f"{UNKNOWN}?updateMask=industri", 400, "", ("updateMask",), b"{}", JSON),
    Bad("part of a field to change", "PATCH", f"{UNKNOWN}?updateMask=phones.kind", 400, "", ("updateMask",), b"{}"),
]
LISTS = [
    listing("a negative page size", "pageSize=-1", "pageSize"),
    listing("a page size that is no number", "pageSize=many", "pageSize"),
    listing("a page size beyond 32 bits", "pageSize=99999999999", "pageSize"),
    listing("a garbled page token", "pageToken=garbled", "pageToken", reason="INVALID_PAGE_TOKEN"),
    listing("a long page token", f"pageToken={'a' * 4001}", "pageToken"),
    listing("a parameter twice", "pageSize=1&pageSize=2", "pageSize"),
    listing("an unknown parameter", "pagesize=1", "pagesize", says='did you mean "pageSize"?'),
    listing("no UTF-8", "filter=%ff", reason="INVALID_QUERY"),
    listing("501 parameters", "a=1&" * 501, reason="INVALID_QUERY"),
    listing("a filter that ends early", "filter=industry%20=", "filter", reason="INVALID_FILTER", says="at character "),
    listing(
        "an unknown field", "filter=industri=a", "filter", reason="INVALID_FILTER", says='did you mean "industry"?'
    ),
    listing(
        "a wrong enum", "filter=industry:*%20AND%20type=FIRM", "filter", reason="INVALID_FILTER", says="character 21"
    ),
    listing("no number", "filter=employeeCount>many", "filter", reason="INVALID_FILTER", says="at character 15"),
    listing("an open quote", 'filter=industry="a', "filter", reason="INVALID_FILTER", says="at character 10"),
    listing("51 parentheses", f"filter={'(' * 51}", "filter", reason="INVALID_FILTER", says="at character 51"),
    listing("a NUL in a filter", "filter=industry=%22%00%22", "filter"),
    listing("a long filter", f"filter={'a' * 10_001}", "filter"),
    listing("an unknown order", "orderBy=industri", "orderBy", reason="INVALID_ORDER_BY", says='"industry"?'),
    listing("a strange direction", "orderBy=industry%20down", "orderBy", reason="INVALID_ORDER_BY"),
    listing("an order by a list", "orderBy=phones.number", "orderBy", reason="INVALID_ORDER_BY"),
    listing("an order of six", "orderBy=a,b,c,d,e,f", "orderBy", reason="INVALID_ORDER_BY"),
    listing("three at once", "pageSize=-1&filter=x%20y&orderBy=z", "pageSize", "filter", "orderBy"),
]


class TestBadRequest:
    @pytest.mark.parametrize("bad", [*BODIES, *CONTENT, *PATHS, *LISTS], ids=lambda bad: bad.name)
    def test_is_answered_with_what_is_wrong(self, bad: Bad, client: httpx.Client) -> None:
        response = client.request(bad.http_method, bad.path, content=bad.content, headers=bad.headers)
        problem = assert_problem(response, bad.status, bad.reason, bad.naming)
        if bad.says:
            assert bad.says in described(problem, bad.naming[0])
        assert ("allow" in response.headers) == (bad.status == 405)

    def test_a_body_of_unknown_length_is_bounded_too(self, client: httpx.Client) -> None:
        def endless() -> Iterator[bytes]:
            for _ in range(BODY_LIMIT // 65536 + 1):
                yield b" " * 65536

        response = client.post(ACCOUNTS, content=endless(), headers=JSON)
        assert_problem(response, 413, "BODY_TOO_LARGE")

    def test_an_answer_stays_small(self, client: httpx.Client) -> None:
        response = client.post(ACCOUNTS, json={f"field{number}": number for number in range(5000)})
        assert len(assert_problem(response, 400)["errors"]) == 100

    def test_a_trace_is_gone_on_with(self, client: httpx.Client) -> None:
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        response = client.get("/v1/nothing", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
        assert assert_problem(response, 404)["traceId"] == trace
        response = client.get("/v1/nothing", headers={"traceparent": "nonsense"})
        assert len(assert_problem(response, 404)["traceId"]) == 32


class TestBadOrder:
    """Requests that are wrong only because of what was before them."""

    def test_nobody_stands_below_himself(self, client: httpx.Client, records: Records) -> None:
        upper = records.create("customers.account")
        lower = records.create("customers.account", parentAccountId=upper["id"])
        lowest = records.create("customers.account", parentAccountId=lower["id"])
        for below in (lower, lowest):
            response = client.patch(f"{ACCOUNTS}/{upper['id']}", json={"parentAccountId": below["id"]})
            assert_problem(response, 409, "HIERARCHY_CYCLE", ["parentAccountId"])
        response = client.patch(f"{ACCOUNTS}/{upper['id']}", json={"parentAccountId": upper["id"]})
        assert_problem(response, 400, naming=["parentAccountId"])

    def test_two_at_once_close_no_circle(self, client: httpx.Client, records: Records) -> None:
        for _ in range(10):
            one, other = (records.create("customers.account")["id"] for _ in range(2))
            ways = iter([(one, other), (other, one)])

            def stand_below(ways: Iterator[tuple[str, str]] = ways) -> httpx.Response:
                account_id, parent_id = next(ways)
                return client.patch(f"{ACCOUNTS}/{account_id}", json={"parentAccountId": parent_id})

            answers = sorted(at_once(2, stand_below), key=lambda answer: answer.status_code)
            assert answers[0].status_code == 200
            assert_problem(answers[1], 409)

    def test_a_stale_etag_is_refused(self, client: httpx.Client, records: Records) -> None:
        record = records.create("customers.account")
        path = f"{ACCOUNTS}/{record['id']}"
        now = client.patch(path, json={"industry": "retail"}).raise_for_status().json()["etag"]
        for response in (
            client.patch(path, json={"industry": "toys"}, headers={"if-match": record["etag"]}),
            client.patch(path, json={"industry": "toys", "etag": record["etag"]}),
            client.delete(path, headers={"if-match": f'W/"{record["etag"]}"'}),
        ):
            assert assert_problem(response, 412, "ETAG_MISMATCH")["metadata"]["etag"] == now

    def test_a_key_is_used_once(self, client: httpx.Client) -> None:
        headers = {"idempotency-key": new_uuid()}
        client.post(ACCOUNTS, json=NAME, headers=headers).raise_for_status()
        response = client.post(ACCOUNTS, json={"displayName": "Other"}, headers=headers)
        assert_problem(response, 422, "IDEMPOTENCY_KEY_REUSED")


def unsigned(claims: Fields) -> str:
    """A token that says of itself that it needs no signature."""
    header, payload = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "none", "typ": "JWT"}, claims)
    )
    return f"{header}.{payload}."


def bad_tokens(platform: Platform, subject: str, audience: str, other_audience: str) -> dict[str, tuple[str, str]]:
    """Tokens that nobody may accept, and the reasons."""
    issuer = TokenIssuer.from_file(platform.home.signing_key_file)
    forger = TokenIssuer(OKPKey.generate_key("Ed25519", auto_kid=True))
    # With the name of the right key.
    known = json.loads(platform.home.token_keys_file.read_text())["keys"][0]["kid"]
    impostor = TokenIssuer(OKPKey.generate_key("Ed25519", parameters={"kid": known}))
    claims = {"sub": subject, "roles": [ADMINISTRATOR]}
    good = issuer.mint(audience, 60, claims)
    header, payload, signature = good.split(".")
    other_payload = issuer.mint(audience, 60, {"sub": new_uuid()}).split(".")[1]
    return {
        "forged": (forger.mint(audience, 60, claims), "TOKEN_INVALID"),
        "of an impostor": (impostor.mint(audience, 60, claims), "TOKEN_INVALID"),
        "expired": (issuer.mint(audience, -1, claims), "TOKEN_EXPIRED"),
        "for someone else": (issuer.mint(other_audience, 60, claims), "TOKEN_INVALID"),
        "without a subject": (issuer.mint(audience, 60, {}), "TOKEN_INVALID"),
        "unsigned": (unsigned({"iss": "rotunda-gateway", "aud": audience, "exp": 2**33, **claims}), "TOKEN_INVALID"),
        "without its signature": (f"{header}.{payload}.", "TOKEN_INVALID"),
        "with other claims": (f"{header}.{other_payload}.{signature}", "TOKEN_INVALID"),
        "garbage": ("garbage", "TOKEN_INVALID"),
        "long": ("x" * 6000, "TOKEN_INVALID"),
    }


class TestBadToken:
    def test_is_refused_by_the_gateway(self, client: httpx.Client, platform: Platform) -> None:
        me = client.get("/v1/me").raise_for_status().json()["id"]
        good = str(client.headers["authorization"]).partition(" ")[2]
        assert client.get(ACCOUNTS, headers={"authorization": f"bearer {good}"}).status_code == 200
        for name, (token, reason) in bad_tokens(platform, me, "rotunda-api", INTERNAL).items():
            response = client.get(ACCOUNTS, headers={"authorization": f"Bearer {token}"})
            assert response.status_code == 401, name
            assert_problem(response, 401, reason)
            assert response.headers["www-authenticate"] == "Bearer"

    def test_is_refused_where_it_is_no_bearer_token(self, anonymous: httpx.Client) -> None:
        for authorization in ("", "Bearer", "Basic YWRtaW46YWRtaW4=", "token"):
            response = anonymous.get(ACCOUNTS, headers={"authorization": authorization})
            assert_problem(response, 401, "TOKEN_MISSING")

    def test_of_a_session_that_is_not_there_is_refused(self, anonymous: httpx.Client, platform: Platform) -> None:
        issuer = TokenIssuer.from_file(platform.home.signing_key_file)
        token = issuer.mint("rotunda-api", 60, {"sub": new_uuid(), "sid": new_uuid()})
        response = anonymous.get(ACCOUNTS, headers={"authorization": f"Bearer {token}"})
        assert_problem(response, 401, "SESSION_ENDED")

    def test_is_refused_by_every_service(self, platform: Platform, servers: dict[str, Catalogue]) -> None:
        for server, catalogue in servers.items():
            method = next(method for method in catalogue.methods.values() if method.kind is Kind.LIST)
            for name, (token, reason) in bad_tokens(platform, new_uuid(), INTERNAL, "rotunda-api").items():
                with pytest.raises(Unauthenticated) as refusal:
                    direct.call(method, platform.ports[server], token)
                assert refusal.value.reason == reason, (server, name)
            with pytest.raises(Unauthenticated):
                direct.send(method, platform.ports[server], "Basic YWRtaW46YWRtaW4=")


class TestBadCall:
    def test_bytes_that_are_no_message_are_refused(self, platform: Platform, servers: dict[str, Catalogue]) -> None:
        token = TokenIssuer.from_file(platform.home.signing_key_file).mint(
            INTERNAL, 60, {"sub": new_uuid(), "roles": [ADMINISTRATOR]}
        )
        for server, catalogue in servers.items():
            for method in catalogue.methods.values():
                with pytest.raises(InvalidArgument) as refusal:
                    direct.send(method, platform.ports[server], f"Bearer {token}", b"\xff\xff\xff")
                assert refusal.value.reason == "INVALID_MESSAGE"

    def test_a_service_checks_again_what_the_gateway_checks(self, platform: Platform, catalogue: Catalogue) -> None:
        token = TokenIssuer.from_file(platform.home.signing_key_file).mint(
            INTERNAL, 60, {"sub": new_uuid(), "roles": [ADMINISTRATOR]}
        )
        create = catalogue.of("customers.account", Kind.CREATE)
        body = {"type": 99, "industry": "x" * 256, "website": "acme", "annual_revenue": {"units": 1}}
        with pytest.raises(InvalidArgument) as refusal:
            direct.call(create, platform.ports["customers"], token, account=body)
        named = {violation.field.removeprefix("account.") for violation in refusal.value.violations}
        assert named == {"display_name", "type", "industry", "website", "annual_revenue.currency_code"}
