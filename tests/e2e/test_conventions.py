"""Every method of every service, called over REST: does it keep the conventions of the API?

The methods come from the reflection of the running servers, the bodies from the descriptors: a method that is added is
checked without a word here. `nouns.py` has what no descriptor says.
"""

import re
from datetime import datetime

import pytest
from joserfc.jwk import OKPKey

from rotunda_kit.descriptors import behaviours
from rotunda_kit.errors import InvalidArgument, Unauthenticated
from rotunda_kit.identity import ADMINISTRATOR, Principal, TokenIssuer
from rotunda_local.platform import Platform

from . import direct
from .ledger import Ledger
from .nouns import new_uuid
from .problems import assert_problem, described
from .records import Fields, Records
from .reflection import INNER, Catalogue, Kind, Method
from .rest import Rest
from .walk import each, path_of, records_in, stranger

# More than a list shows unless it is asked for more.
CROWD = 55
POSITION = re.compile(r"at character [1-9][0-9]*: .")


def serving(method: Method, servers: dict[str, Catalogue]) -> list[str]:
    """The servers that have a method."""
    return [name for name, catalogue in servers.items() if method.name in catalogue.methods]


def ids(page: Fields) -> list[str]:
    """The ids of the records of a page."""
    return [record["id"] for record in records_in(page)]


def comparable(method: Method) -> list[str]:
    """The fields that a list can be filtered and ordered by: single values that are shown."""
    values = {"google.protobuf.Timestamp", "google.type.Date", "google.type.Money"}
    return [
        field.json_name
        for field in method.resource.fields
        if field.name != "etag" and not field.is_repeated and "INPUT_ONLY" not in behaviours(field)
        if field.message_type is None or field.message_type.full_name in values
    ]


class TestEveryMethod:
    @each(*Kind)
    def test_is_refused_over_grpc_without_a_token(
        self, method: Method, platform: Platform, servers: dict[str, Catalogue]
    ) -> None:
        for server in serving(method, servers):
            with pytest.raises(Unauthenticated, match="no internal token"):
                direct.send(method, platform.ports[server], "")

    @each(*set(Kind) - INNER)
    def test_is_refused_without_a_token(self, method: Method, rest: Rest) -> None:
        response = rest.send(method, dict.fromkeys(method.variables, new_uuid()), token="")
        assert_problem(response, 401, "TOKEN_MISSING")
        assert response.headers["www-authenticate"] == "Bearer"

    @each(*set(Kind) - INNER)
    def test_is_refused_with_a_forged_token(self, method: Method, rest: Rest) -> None:
        forger = TokenIssuer(OKPKey.generate_key("Ed25519", auto_kid=True))
        token = forger.mint("rotunda-api", 60, {"sub": new_uuid()})
        response = rest.send(method, dict.fromkeys(method.variables, new_uuid()), token=token)
        assert_problem(response, 401, "TOKEN_INVALID")

    @each(*set(Kind) - INNER)
    def test_refuses_a_query_parameter_that_it_does_not_know(self, method: Method, rest: Rest) -> None:
        response = rest.send(method, dict.fromkeys(method.variables, new_uuid()), query={"noSuchParameter": "1"})
        assert_problem(response, 400, naming=["noSuchParameter"])


class TestGet:
    @each(Kind.GET)
    def test_an_unknown_id_is_not_found(self, method: Method, rest: Rest, records: Records) -> None:
        assert_problem(rest.send(method, stranger(method, records)), 404, method.not_found)

    @each(Kind.GET)
    def test_a_malformed_id_is_named(self, method: Method, rest: Rest, records: Records) -> None:
        assert_problem(rest.send(method, stranger(method, records) | {"id": "x"}), 400, naming=["id"])

    @each(Kind.GET)
    def test_answers_with_the_record(self, method: Method, rest: Rest, records: Records) -> None:
        record = records.shared(method.noun)
        response = rest.send(method, path_of(method, record))
        assert response.status_code == 200
        assert not method.answers_resource or response.json()["createTime"] == record["createTime"]

    @each(Kind.GET, where=lambda method: method.answers_resource)
    def test_the_header_has_the_etag(self, method: Method, rest: Rest, records: Records) -> None:
        response = rest.send(method, path_of(method, records.shared(method.noun)))
        assert response.headers["etag"] == f'"{response.json()["etag"]}"'

    @each(Kind.GET, where=lambda method: len(method.variables) > 1)
    def test_a_record_of_another_parent_is_not_found(self, method: Method, rest: Rest, records: Records) -> None:
        (parent,) = (variable for variable in method.variables if variable != "id")
        other = records.create(f"{method.noun.partition('.')[0]}.{parent.removesuffix('_id')}")
        variables = path_of(method, records.shared(method.noun)) | {parent: other["id"]}
        assert_problem(rest.send(method, variables), 404, method.not_found)


class TestList:
    @pytest.fixture(autouse=True)
    def crowd(self, method: Method, records: Records) -> None:
        records.crowd(method.noun, CROWD)

    @each(Kind.LIST)
    def test_a_page_size_of_zero_means_fifty(self, method: Method, rest: Rest, records: Records) -> None:
        for query in ({}, {"pageSize": 0}):
            page = rest.ok(method, records.parent(method.noun), query=query)
            assert len(records_in(page)) == 50
            assert page["nextPageToken"]

    @each(Kind.LIST)
    def test_a_negative_page_size_is_refused(self, method: Method, rest: Rest, records: Records) -> None:
        response = rest.send(method, records.parent(method.noun), query={"pageSize": -1})
        assert_problem(response, 400, naming=["pageSize"])

    @each(Kind.LIST)
    def test_a_page_size_that_is_too_large_is_cut(self, method: Method, rest: Rest, records: Records) -> None:
        page = rest.ok(method, records.parent(method.noun), query={"pageSize": 2_000_000_000})
        assert CROWD <= len(records_in(page)) <= 1000

    @each(Kind.LIST)
    def test_the_pages_have_each_record_once(self, method: Method, rest: Rest, records: Records) -> None:
        parent = records.parent(method.noun)
        at_once = ids(rest.ok(method, parent, query={"pageSize": 1000}))
        walked: list[str] = []
        query: dict[str, str | int] = {"pageSize": len(at_once) // 5}
        for _ in range(10):
            page = rest.ok(method, parent, query=query)
            walked += ids(page)
            query["pageToken"] = page["nextPageToken"]
            if not page["nextPageToken"]:
                break
        assert walked == at_once
        assert len(set(walked)) == len(walked)

    @each(Kind.LIST)
    def test_a_garbled_page_token_is_refused(self, method: Method, rest: Rest, records: Records) -> None:
        parent = records.parent(method.noun)
        token = rest.ok(method, parent, query={"pageSize": 1})["nextPageToken"]
        for garbled in ("x", "~", token[:-2], token[::-1]):
            response = rest.send(method, parent, query={"pageToken": garbled})
            assert_problem(response, 400, "INVALID_PAGE_TOKEN", ["pageToken"])

    @each(Kind.LIST)
    def test_a_page_token_of_another_query_is_refused(self, method: Method, rest: Rest, records: Records) -> None:
        parent = records.parent(method.noun)
        token = rest.ok(method, parent, query={"pageSize": 1})["nextPageToken"]
        for other in ({"filter": f'id != "{new_uuid()}"'}, {"orderBy": "createTime"}):
            response = rest.send(method, parent, query={"pageToken": token, **other})
            assert_problem(response, 400, "INVALID_PAGE_TOKEN", ["pageToken"])

    @each(Kind.LIST)
    def test_a_wrong_filter_is_refused_with_its_position(self, method: Method, rest: Rest, records: Records) -> None:
        for wrong in ("id = ", "id = x", 'createTime > "2026-01-01" AND AND', "(id:*", 'createTime > "soon"'):
            response = rest.send(method, records.parent(method.noun), query={"filter": wrong})
            problem = assert_problem(response, 400, "INVALID_FILTER", ["filter"])
            assert POSITION.match(described(problem, "filter")), problem

    @each(Kind.LIST)
    def test_an_unknown_field_is_refused_with_the_one_that_was_meant(
        self, method: Method, rest: Rest, records: Records
    ) -> None:
        for parameter, text, reason in (
            ("filter", 'creatTime > "2026-01-01"', "INVALID_FILTER"),
            ("orderBy", "creatTime desc", "INVALID_ORDER_BY"),
        ):
            response = rest.send(method, records.parent(method.noun), query={parameter: text})
            problem = assert_problem(response, 400, reason, [parameter])
            assert 'did you mean "createTime"?' in described(problem, parameter)

    @each(Kind.LIST)
    def test_a_filter_by_id_finds_that_one(
        self, method: Method, rest: Rest, catalogue: Catalogue, records: Records
    ) -> None:
        record, get = records.shared(method.noun), catalogue.of(method.noun, Kind.GET)
        page = rest.ok(method, records.parent(method.noun), query={"filter": f'id = "{record["id"]}"'})
        assert records_in(page) == [rest.ok(get, path_of(get, record))]
        assert page["nextPageToken"] == ""

    @each(Kind.LIST)
    def test_orders_in_either_direction(self, method: Method, rest: Rest, records: Records) -> None:
        up, down = (
            [
                (datetime.fromisoformat(record["createTime"]), record["id"])
                for record in records_in(
                    rest.ok(method, records.parent(method.noun), query={"orderBy": order, "pageSize": 1000})
                )
            ]
            for order in ("createTime, id", "create_time desc, id desc")
        )
        assert up == down[::-1]
        assert up == sorted(up)

    @each(Kind.LIST)
    def test_the_pages_of_any_order_have_each_record_once(self, method: Method, rest: Rest, records: Records) -> None:
        parent = records.parent(method.noun)
        everything = ids(rest.ok(method, parent, query={"pageSize": 1000}))
        for name in comparable(method):
            query: dict[str, str | int] = {"orderBy": f"{name} desc", "pageSize": len(everything) // 2 - 1}
            walked: list[str] = []
            for _ in range(3):
                page = rest.ok(method, parent, query=query)
                walked += ids(page)
                query["pageToken"] = page["nextPageToken"]
            assert page["nextPageToken"] == ""
            assert sorted(walked) == sorted(everything), name

    @each(Kind.LIST)
    def test_a_field_is_set_or_not(self, method: Method, rest: Rest, records: Records) -> None:
        parent = records.parent(method.noun)
        everything = ids(rest.ok(method, parent, query={"pageSize": 1000}))
        for name in comparable(method):
            with_it, without = (
                ids(rest.ok(method, parent, query={"filter": text, "pageSize": 1000}))
                for text in (f"{name}:*", f"NOT {name}:*")
            )
            assert sorted(with_it + without) == sorted(everything), name

    @each(Kind.LIST, where=lambda method: method.variables)
    def test_an_unknown_parent_is_not_found(self, method: Method, rest: Rest) -> None:
        (parent,) = method.variables
        response = rest.send(method, {parent: new_uuid()})
        assert_problem(response, 404, f"{parent.removesuffix('_id').upper()}_NOT_FOUND")


class TestOverview:
    @each(Kind.OVERVIEW)
    def test_is_visited_through_the_view(self, method: Method, rest: Rest, records: Records, ledger: Ledger) -> None:
        account = records.shared("customers.account")
        view = rest.client.get(f"/v1/accounts/{account['id']}/360")
        ledger.visit(method.name)
        assert view.status_code == 200
        assert {section["status"] for section in view.json()["sections"]} == {"OK"}

    @each(Kind.OVERVIEW)
    def test_a_wrong_item_fails_alone(
        self, method: Method, platform: Platform, servers: dict[str, Catalogue], records: Records
    ) -> None:
        account_id = records.shared("customers.account")["id"]
        issuer = TokenIssuer.from_file(platform.home.signing_key_file)
        token = issuer.mint_internal(Principal(new_uuid(), roles=frozenset({ADMINISTRATOR})))
        items = [{"account_id": account_id, "token": text} for text in (token, "forged", token)]
        for server in serving(method, servers):
            answer = direct.call(method, platform.ports[server], token, items=items)
            assert [overview.status.code for overview in answer.overviews] == [0, 16, 0]
            assert answer.overviews[0].sections
            assert not answer.overviews[1].sections

    @each(Kind.OVERVIEW)
    def test_every_service_has_it(self, method: Method, servers: dict[str, Catalogue]) -> None:
        assert serving(method, servers) == ["customers", "sales", "service-desk", "marketing", "sync"]

    @each(Kind.OVERVIEW)
    def test_takes_no_more_than_a_hundred(self, method: Method, platform: Platform) -> None:
        token = TokenIssuer.from_file(platform.home.signing_key_file).mint_internal(Principal(new_uuid()))
        items = [{"account_id": new_uuid(), "token": token}] * 101
        with pytest.raises(InvalidArgument) as refusal:
            direct.call(method, platform.ports["customers"], token, items=items)
        assert [violation.field for violation in refusal.value.violations] == ["items"]
