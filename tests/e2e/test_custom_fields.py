"""Fields that an administrator adds while the platform runs."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from .nouns import new_uuid
from .patience import seconds_until
from .problems import assert_problem, described
from .records import Fields, Records

Define = Callable[..., Fields]

_numbers = itertools.count(1)


@pytest.fixture
def define(client: httpx.Client) -> Iterator[Define]:
    """Adds a custom field, of accounts and of TEXT unless said otherwise; it goes after the test."""
    made: list[str] = []

    def new(**fields: Any) -> Fields:
        body = {"recordType": "customers.account", "name": f"field{next(_numbers)}", "type": "TEXT"} | fields
        answer = client.post("/v1/customFields", json={"displayName": "A field", **body})
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["id"])
        return answer.json()  # type: ignore[no-any-return]

    yield new
    for field_id in made:
        client.delete(f"/v1/customFields/{field_id}")


def create(client: httpx.Client, **custom: Any) -> httpx.Response:
    """Make an account with these custom fields."""
    return client.post("/v1/accounts", json={"displayName": f"Canarysson {new_uuid()}", "customFields": custom})


def made(client: httpx.Client, **custom: Any) -> Fields:
    answer = create(client, **custom)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def listed(client: httpx.Client, **query: str) -> list[str]:
    answer = client.get("/v1/accounts", params=query)
    assert answer.status_code == 200, answer.text
    return [account["id"] for account in answer.json()["accounts"]]


# Type and definition beside it, a value as it is given, as it is shown, and what is no value.
TYPES: list[tuple[str, Fields, Any, Any, list[Any]]] = [
    ("TEXT", {}, " as it is", " as it is", [1, True, ["a"], {"a": "b"}]),
    ("INTEGER", {}, 9007199254740991, 9007199254740991, [1.5, 9007199254740992, "1", True, [1]]),
    ("DECIMAL", {}, -0.125, -0.125, ["1", False, {}]),
    ("BOOLEAN", {}, False, False, ["true", 0, [True]]),
    ("DATE", {}, "2024-02-29", "2024-02-29", ["2023-02-29", "29.02.2024", 20240229, "2024-02-29T00:00:00Z"]),
    ("TIME", {}, "2026-01-31T09:00:00.5+01:00", "2026-01-31T08:00:00.5Z", ["2026-01-31T09:00:00", "soon", 1]),
    ("CHOICE", {"choices": ["Gold", "Silver"]}, "Gold", "Gold", ["gold", ["Gold"], 1]),
    ("CHOICES", {"choices": ["A", "B"]}, ["B", "A"], ["B", "A"], ["A", ["C"], ["A", "A"], [1]]),
    ("URL", {}, "https://example.com/a", "https://example.com/a", ["example.com", 1]),
    ("EMAIL", {}, "Me@EXAMPLE.com", "Me@example.com", ["me", "@example.com", 1]),
    ("PHONE", {}, "+49 30 98712", "+493098712", ["030 98712", "+49", 1]),
]


@pytest.mark.parametrize(("kind", "more", "given", "shown", "wrong"), TYPES, ids=[each[0] for each in TYPES])
class TestEveryType:
    def test_keeps_what_fits_and_names_what_does_not(
        self,
        client: httpx.Client,
        define: Define,
        kind: str,
        more: Fields,
        given: Any,
        shown: Any,
        wrong: list[Any],
    ) -> None:
        name = define(type=kind, **more)["name"]
        account = made(client, **{name: given})
        assert account["customFields"] == {name: shown}
        assert client.get(f"/v1/accounts/{account['id']}").json() == account
        for value in wrong:
            assert_problem(create(client, **{name: value}), 400, naming=[f"customFields.{name}"])
        changed = client.patch(f"/v1/accounts/{account['id']}", json={"customFields": {name: wrong[0]}})
        assert_problem(changed, 400, naming=[f"customFields.{name}"])
        assert client.get(f"/v1/accounts/{account['id']}").json() == account

    def test_is_found_by_its_value(
        self,
        client: httpx.Client,
        define: Define,
        kind: str,
        more: Fields,
        given: Any,
        shown: Any,
        wrong: list[Any],
    ) -> None:
        name = define(type=kind, **more)["name"]
        account, other = made(client, **{name: given}), made(client)
        one = shown[0] if isinstance(shown, list) else shown
        value = str(one).lower() if isinstance(one, bool) else f'"{one}"'
        assert listed(client, filter=f"customFields.{name} = {value}") == [account["id"]]
        assert listed(client, filter=f"customFields.{name}:*") == [account["id"]]
        without = listed(client, filter=f'customFields.{name} = null AND createTime >= "{account["createTime"]}"')
        assert without == [other["id"]]
        different = f'customFields.{name} != {value} AND createTime >= "{account["createTime"]}"'
        assert listed(client, filter=different) == [other["id"]]
        assert wrong


class TestOrder:
    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            ("INTEGER", [-3, 2, 10]),
            ("DECIMAL", [-0.5, 0, 10.25]),
            ("DATE", ["1999-12-31", "2024-02-29", "2024-03-01"]),
            ("TIME", ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000001Z", "2024-01-01T00:00:01Z"]),
            ("TEXT", ["a", "b", "c"]),
            ("BOOLEAN", [False, True]),
        ],
    )
    def test_is_that_of_the_values_over_pages(
        self, client: httpx.Client, define: Define, kind: str, values: list[Any]
    ) -> None:
        name = define(type=kind)["name"]
        ids = {value: made(client, **{name: value})["id"] for value in reversed(values)}
        for direction, expected in (("", values), (" desc", values[::-1])):
            query = {"filter": f"customFields.{name}:*", "orderBy": f"customFields.{name}{direction}", "pageSize": "1"}
            found, token = [], ""
            for _ in values:
                page = client.get("/v1/accounts", params=query | {"pageToken": token}).json()
                found += [account["id"] for account in page["accounts"]]
                token = page.get("nextPageToken", "")
            assert found == [ids[value] for value in expected]
            assert token == ""

    def test_is_not_by_lists(self, client: httpx.Client, define: Define) -> None:
        name = define(type="CHOICES", choices=["A"])["name"]
        answer = client.get("/v1/accounts", params={"orderBy": f"customFields.{name}"})
        assert_problem(answer, 400, "INVALID_ORDER_BY", ["orderBy"])

    def test_compares_sizes(self, client: httpx.Client, define: Define) -> None:
        name = define(type="DATE")["name"]
        early, late = made(client, **{name: "2024-02-29"}), made(client, **{name: "2024-03-01"})
        assert listed(client, filter=f"customFields.{name} < 2024-03-01") == [early["id"]]
        assert listed(client, filter=f"customFields.{name} > 2024-02-29") == [late["id"]]
        answer = client.get("/v1/accounts", params={"filter": f"customFields.{name} > soon"})
        assert_problem(answer, 400, "INVALID_FILTER", ["filter"])

    def test_finds_texts_by_a_part(self, client: httpx.Client, define: Define) -> None:
        name = define()["name"]
        account = made(client, **{name: "Übergabe an der Rampe"})
        assert listed(client, filter=f'customFields.{name}:"übergabe"') == [account["id"]]
        assert listed(client, filter=f'customFields.{name} = "Über*"') == [account["id"]]


class TestChange:
    def test_merges_what_it_names(self, client: httpx.Client, define: Define) -> None:
        a, b, c = (define()["name"] for _ in range(3))
        account = made(client, **{a: "1", b: "2"})
        changed = client.patch(f"/v1/accounts/{account['id']}", json={"customFields": {b: None, c: "3"}})
        assert changed.json()["customFields"] == {a: "1", c: "3"}
        assert int(changed.json()["etag"]) == int(account["etag"]) + 1

    def test_of_nothing_changes_nothing(self, client: httpx.Client, define: Define) -> None:
        name = define()["name"]
        account = made(client, **{name: "1"})
        for values in ({name: "1"}, {}):
            answer = client.patch(f"/v1/accounts/{account['id']}", json={"customFields": values})
            assert answer.json() == account

    def test_to_null_clears_all(self, client: httpx.Client, define: Define) -> None:
        account = made(client, **{define()["name"]: "1", define()["name"]: "2"})
        answer = client.patch(f"/v1/accounts/{account['id']}", json={"customFields": None})
        assert answer.json().get("customFields") in (None, {})

    def test_names_each_wrong_one(self, client: httpx.Client, define: Define) -> None:
        text, number = define()["name"], define(type="INTEGER")["name"]
        answer = create(client, **{text: 1, number: "x", "nothing": "y", text + "x": "z"})
        fields = [f"customFields.{name}" for name in (text, number, "nothing", text + "x")]
        problem = assert_problem(answer, 400, naming=fields)
        assert f'"{text}"' in described(problem, f"customFields.{text}x")

    def test_is_of_so_much_and_no_more(self, client: httpx.Client, define: Define) -> None:
        names = [define()["name"] for _ in range(17)]
        account = made(client, **dict.fromkeys(names[:15], "x" * 4000))
        path = f"/v1/accounts/{account['id']}"
        answer = client.patch(path, json={"customFields": dict.fromkeys(names[15:], "ü" * 4000)})
        assert_problem(answer, 400, naming=["customFields"])
        assert_problem(create(client, **{names[0]: "x" * 4001}), 400)
        assert client.get(path).json() == account

    def test_of_many_at_once_loses_none(self, client: httpx.Client, define: Define) -> None:
        names = [define(type="INTEGER")["name"] for _ in range(8)]
        account = made(client)
        with ThreadPoolExecutor(8) as pool:
            answers = list(
                pool.map(
                    lambda at: client.patch(f"/v1/accounts/{account['id']}", json={"customFields": {names[at]: at}}),
                    range(8),
                )
            )
        assert {answer.status_code for answer in answers} == {200}
        now = client.get(f"/v1/accounts/{account['id']}").json()["customFields"]
        assert now == {name: at for at, name in enumerate(names)}

    def test_in_batches_is_each_for_itself(self, client: httpx.Client, define: Define) -> None:
        name = define(recordType="customers.contact", type="INTEGER")["name"]
        items = [{"contact": {"lastName": "Canarysson", "customFields": {name: value}}} for value in (1, "x", 2)]
        results = client.post("/v1/contacts:batchCreate", json={"requests": items}).json()["results"]
        assert [result["outcome"] for result in results] == ["CREATED", "FAILED", "CREATED"]
        assert results[2]["contact"]["customFields"] == {name: 2}
        assert f"customFields.{name}" in str(results[1]["error"])


class TestRequired:
    def test_of_new_records_and_of_what_is_cleared(self, client: httpx.Client, define: Define) -> None:
        older = made(client)
        field = define(required=True)
        path = f"customFields.{field['name']}"
        assert_problem(create(client), 400, naming=[path])
        assert_problem(create(client, **{field["name"]: ""}), 400, naming=[path])
        account = made(client, **{field["name"]: "x"})
        for body in ({"customFields": {field["name"]: None}}, {"customFields": None}):
            assert_problem(client.patch(f"/v1/accounts/{account['id']}", json=body), 400, naming=[path])
        # What was there before goes on as it is.
        assert client.patch(f"/v1/accounts/{older['id']}", json={"industry": "Rail"}).status_code == 200
        client.patch(f"/v1/customFields/{field['id']}", json={"required": False})
        assert client.post("/v1/accounts", json={"displayName": "Canarysson"}).status_code == 201


class TestDefinitions:
    @pytest.mark.parametrize(
        ("wrong", "named"),
        [
            ({"name": "Begins"}, "name"),
            ({"name": "with_underscore"}, "name"),
            ({"name": "x" * 64}, "name"),
            ({"type": "MUCH"}, "type"),
            ({"type": None}, "type"),
            ({"recordType": "customers.activity"}, "recordType"),
            ({"recordType": "sales.product"}, "recordType"),
            ({"recordType": "nothing"}, "recordType"),
            ({"displayName": " "}, "displayName"),
            ({"choices": ["A"]}, "choices"),
            ({"type": "CHOICE"}, "choices"),
            ({"type": "CHOICES", "choices": ["A", "B", "A"]}, "choices[2]"),
        ],
    )
    def test_name_what_is_wrong(self, client: httpx.Client, wrong: Fields, named: str) -> None:
        body = {"recordType": "customers.account", "name": "wrong", "type": "TEXT", "displayName": "Wrong"} | wrong
        assert_problem(client.post("/v1/customFields", json=body), 400, naming=[named])

    def test_have_names_of_their_own_in_each_noun(self, client: httpx.Client, define: Define) -> None:
        field = define()
        define(name=field["name"], recordType="customers.contact")
        body = {key: field[key] for key in ("recordType", "name", "type", "displayName")}
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: client.post("/v1/customFields", json=body), range(4)))
        for answer in answers:
            assert_problem(answer, 409, "CUSTOM_FIELD_EXISTS", ["name"])

    def test_keep_their_name_and_type(self, client: httpx.Client, define: Define) -> None:
        field = define()
        for change in ({"name": "other"}, {"type": "URL"}, {"recordType": "customers.contact"}):
            answer = client.patch(f"/v1/customFields/{field['id']}", json=change)
            assert_problem(answer, 400, naming=list(change))

    def test_are_listed_for_whoever_is_signed_in(self, client: httpx.Client, define: Define) -> None:
        field = define()
        query = {"filter": f'recordType = "customers.account" AND name = "{field["name"]}"'}
        assert client.get("/v1/customFields", params=query).json()["customFields"] == [field]

    def test_leave_old_choices_where_they_are(self, client: httpx.Client, define: Define) -> None:
        field = define(type="CHOICES", choices=["A", "B"])
        account = made(client, **{field["name"]: ["A"]})
        client.patch(f"/v1/customFields/{field['id']}", json={"choices": ["B", "C"]})
        kept = client.patch(f"/v1/accounts/{account['id']}", json={"customFields": {field["name"]: ["A", "C"]}})
        assert kept.json()["customFields"] == {field["name"]: ["A", "C"]}
        assert_problem(create(client, **{field["name"]: ["A"]}), 400, naming=[f"customFields.{field['name']}"])

    def test_come_back_from_the_recycle_bin_with_their_values(self, client: httpx.Client, define: Define) -> None:
        field = define()
        account = made(client, **{field["name"]: "kept"})
        assert client.delete(f"/v1/customFields/{field['id']}").status_code == 200
        seconds_until(lambda: "customFields" not in client.get(f"/v1/accounts/{account['id']}").json(), 5)
        assert_problem(create(client, **{field["name"]: "x"}), 400, naming=[f"customFields.{field['name']}"])
        # Meanwhile another may have the name; its values are its own.
        other = define(name=field["name"], type="INTEGER")
        assert client.get(f"/v1/accounts/{account['id']}").json().get("customFields") is None
        assert_problem(client.post(f"/v1/customFields/{field['id']}:undelete", json={}), 409, "CUSTOM_FIELD_EXISTS")
        client.delete(f"/v1/customFields/{other['id']}")
        assert client.post(f"/v1/customFields/{field['id']}:undelete", json={}).status_code == 200
        account_url = f"/v1/accounts/{account['id']}"
        seconds_until(lambda: client.get(account_url).json().get("customFields") == {field["name"]: "kept"}, 5)


class TestOtherNouns:
    @pytest.mark.parametrize("noun", ["customers.contact", "sales.opportunity", "service_desk.ticket"])
    def test_have_some_too(self, client: httpx.Client, records: Records, define: Define, noun: str) -> None:
        field = define(recordType=noun, type="INTEGER")
        name, other = field["name"], define(recordType=noun, type="BOOLEAN")["name"]
        record = records.create(noun, customFields={name: 7, other: True})
        assert records.get(noun, record["id"])["customFields"] == {name: 7, other: True}
        plural = {"opportunity": "opportunities"}.get(noun.split(".")[1], f"{noun.split('.')[1]}s")
        answer = client.get(f"/v1/{plural}", params={"filter": f"customFields.{name} = 7"})
        assert [each["id"] for each in answer.json()[plural]] == [record["id"]]
        changed = client.patch(f"/v1/{plural}/{record['id']}", json={"customFields": {name: None}})
        assert changed.json()["customFields"] == {other: True}
        assert client.get(f"/v1/customFields/{field['id']}").json() == field

    def test_stand_in_one_list_with_all(self, client: httpx.Client, define: Define) -> None:
        nouns = ["customers.account", "sales.opportunity", "service_desk.ticket"]
        made = [define(recordType=noun) for _ in range(2) for noun in nouns]
        found: list[Fields] = []
        token = ""
        while len(found) < len(made):
            page = client.get("/v1/customFields", params={"pageSize": 4, "pageToken": token}).json()
            found += page["customFields"]
            token = page.get("nextPageToken", "")
        assert found[: len(made)] == made[::-1]


class TestElsewhere:
    def test_stand_in_the_view(self, client: httpx.Client, define: Define) -> None:
        name = define()["name"]
        account = made(client, **{name: "seen"})
        view = client.get(f"/v1/accounts/{account['id']}/360").json()
        assert view["account"]["customFields"] == {name: "seen"}

    def test_are_digests_in_the_audit_trail(self, client: httpx.Client, define: Define) -> None:
        account = made(client, **{define()["name"]: "canarysson"})
        query = {"filter": f'record.id = "{account["id"]}"'}
        (entry,) = client.get("/v1/auditEntries", params=query).json()["auditEntries"]
        (change,) = [change for change in entry["changes"] if change["field"] == "customFields"]
        assert "canarysson" not in str(change)

    def test_stand_in_the_document_of_who_is_signed_in(
        self, client: httpx.Client, anonymous: httpx.Client, define: Define
    ) -> None:
        field = define(type="CHOICE", choices=["Gold", "Silver"], description="How dear they are.")
        for schema, choices in (("Account", ["Gold", "Silver"]), ("AccountPatch", ["Gold", "Silver", None])):
            document = client.get("/openapi.json").json()["components"]["schemas"][schema]["properties"]
            shown = document["customFields"]["properties"][field["name"]]
            assert shown["title"] == "A field"
            assert shown["description"] == "How dear they are."
            assert shown["enum"] == choices
        assert field["name"] not in anonymous.get("/openapi.json").text
