"""Batches and verbs of every noun: do they keep the conventions of the API? See `test_conventions.py`."""

import pytest

from .nouns import new_uuid
from .problems import assert_problem
from .records import Fields, Records
from .reflection import Kind, Method, required_fields
from .rest import Rest
from .walk import each, kept


class TestBatchCreate:
    @each(Kind.BATCH_CREATE)
    def test_a_wrong_item_does_not_stop_the_others(self, method: Method, rest: Rest, records: Records) -> None:
        taken = {"externalIds": [{"system": "erp", "id": new_uuid()}]}
        records.create(method.noun, **taken)
        name = records.resource_name(method.noun)
        requests = [
            records.item(method.noun),
            {name: records.body(method.noun) | {"externalIds": [{"system": "erp"}]}},
            records.item(method.noun, **taken),
            records.item(method.noun),
        ]
        results = rest.ok(method, records.parent(method.noun), {"requests": requests})["results"]
        assert [result["outcome"] for result in results] == ["CREATED", "FAILED", "FAILED", "CREATED"]
        assert all(records.get(method.noun, results[at][name]["id"]) for at in (0, 3))
        malformed, conflict = results[1]["error"], results[2]["error"]
        assert (malformed["status"], malformed["code"]) == (400, "INVALID_ARGUMENT")
        assert [error["field"] for error in malformed["errors"]] == ["externalIds[0].id"]
        assert (conflict["status"], conflict["reason"]) == (409, "EXTERNAL_ID_TAKEN")
        assert name not in results[1]

    @each(Kind.BATCH_CREATE)
    def test_upserts_by_external_ids(self, method: Method, rest: Rest, records: Records) -> None:
        item = records.item(method.noun, externalIds=[{"system": "erp", "id": new_uuid()}])
        name = records.resource_name(method.noun)

        def upsert(sent: Fields, outcome: str) -> Fields:
            body = {"requests": [sent], "upsertBy": "externalIds"}
            (result,) = rest.ok(method, records.parent(method.noun), body)["results"]
            assert result["outcome"] == outcome, result
            record: Fields = result[name]
            return record

        created = upsert(item, "CREATED")
        assert upsert(item, "UNCHANGED")["etag"] == created["etag"]
        field, value = records.changes(method.noun, created)[0]
        changed = {name: item[name] | {field: value}}
        updated = upsert(changed, "UPDATED")
        assert updated["id"] == created["id"]
        assert kept(value, updated[field])
        assert upsert(changed, "UNCHANGED")["etag"] == updated["etag"]

    @each(Kind.BATCH_CREATE)
    def test_takes_no_more_than_a_thousand(self, method: Method, rest: Rest, records: Records) -> None:
        body = {"requests": [records.item(method.noun)] * 1001}
        assert_problem(rest.send(method, records.parent(method.noun), body), 400, naming=["requests"])

    @each(Kind.BATCH_CREATE)
    def test_an_empty_batch_is_refused(self, method: Method, rest: Rest, records: Records) -> None:
        response = rest.send(method, records.parent(method.noun), {"requests": []})
        assert_problem(response, 400, naming=["requests"])

    @each(Kind.BATCH_CREATE)
    def test_an_unknown_upsert_is_refused(self, method: Method, rest: Rest, records: Records) -> None:
        body = {"requests": [records.item(method.noun)], "upsertBy": "displayName"}
        assert_problem(rest.send(method, records.parent(method.noun), body), 400, naming=["upsertBy"])

    @each(Kind.BATCH_CREATE)
    def test_the_same_key_replays_the_answer(self, method: Method, rest: Rest, records: Records) -> None:
        key, body = new_uuid(), {"requests": [records.item(method.noun), records.item(method.noun)]}
        first, second = (rest.ok(method, records.parent(method.noun), body, key=key) for _ in range(2))
        assert first == second
        other = {"requests": [records.item(method.noun)]}
        response = rest.send(method, records.parent(method.noun), other, key=key)
        assert_problem(response, 422, "IDEMPOTENCY_KEY_REUSED")


class TestBatchUpdate:
    def change(self, noun: str, record: Fields, records: Records, **more: object) -> Fields:
        """An item that changes a record, and one more field of the item."""
        name, value = records.changes(noun, record)[0]
        return {"id": record["id"], records.resource_name(noun): {name: value}, **more}

    @each(Kind.BATCH_UPDATE)
    def test_a_wrong_item_does_not_stop_the_others(self, method: Method, rest: Rest, records: Records) -> None:
        first, second, third = (records.create(method.noun) for _ in range(3))
        name = records.resource_name(method.noun)
        requests = [
            self.change(method.noun, first, records),
            self.change(method.noun, {"id": new_uuid()}, records),
            self.change(method.noun, {"id": "x"}, records),
            {"id": second["id"], name: {"etag": "0", "externalIds": []}},
            {"id": second["id"], name: {"externalIds": [{"system": "erp"}]}},
            self.change(method.noun, third, records),
        ]
        results = rest.ok(method, records.parent(method.noun), {"requests": requests})["results"]
        outcomes = [result["outcome"] for result in results]
        assert outcomes == ["UPDATED", "FAILED", "FAILED", "FAILED", "FAILED", "UPDATED"]
        for at, record in ((0, first), (5, third)):
            field, value = next(iter(requests[at][name].items()))
            now = records.get(method.noun, record["id"])
            assert kept(value, now[field])
            assert results[at][name] == now
        unknown, malformed, stale, wrong = (result["error"] for result in results[1:5])
        assert (unknown["status"], unknown["reason"]) == (404, method.not_found)
        assert (malformed["status"], [error["field"] for error in malformed["errors"]]) == (400, ["id"])
        assert (stale["status"], stale["reason"]) == (412, "ETAG_MISMATCH")
        assert [error["field"] for error in wrong["errors"]] == ["externalIds[0].id"]
        assert records.get(method.noun, second["id"]) == second

    @each(Kind.BATCH_UPDATE)
    def test_what_is_so_already_is_left_alone(self, method: Method, rest: Rest, records: Records) -> None:
        record = records.create(method.noun)
        body = {"requests": [self.change(method.noun, record, records)]}
        (changed,) = rest.ok(method, records.parent(method.noun), body)["results"]
        (same,) = rest.ok(method, records.parent(method.noun), body)["results"]
        assert (changed["outcome"], same["outcome"]) == ("UPDATED", "UNCHANGED")
        name = records.resource_name(method.noun)
        assert changed[name] == same[name]

    @each(Kind.BATCH_UPDATE)
    def test_the_mask_says_what_is_changed_and_cleared(self, method: Method, rest: Rest, records: Records) -> None:
        record = records.create(method.noun, externalIds=[{"system": "erp", "id": new_uuid()}])
        item = self.change(method.noun, record, records, updateMask="externalIds")
        (result,) = rest.ok(method, records.parent(method.noun), {"requests": [item]})["results"]
        shown = result[records.resource_name(method.noun)]
        assert shown["externalIds"] == []
        name, _ = records.changes(method.noun, record)[0]
        assert shown.get(name) == record.get(name)

    @each(Kind.BATCH_UPDATE)
    def test_a_record_that_stands_there_twice_is_changed_twice(
        self, method: Method, rest: Rest, records: Records
    ) -> None:
        record = records.create(method.noun)
        name = records.resource_name(method.noun)
        ids = [new_uuid(), new_uuid()]
        items = [{"id": record["id"], name: {"externalIds": [{"system": "erp", "id": each_id}]}} for each_id in ids]
        results = rest.ok(method, records.parent(method.noun), {"requests": items})["results"]
        assert [result["outcome"] for result in results] == ["UPDATED", "UPDATED"]
        assert records.get(method.noun, record["id"])["externalIds"] == [{"system": "erp", "id": ids[1]}]

    @each(Kind.BATCH_UPDATE)
    def test_the_same_key_replays_the_answer(self, method: Method, rest: Rest, records: Records) -> None:
        key, record = new_uuid(), records.create(method.noun)
        body = {"requests": [self.change(method.noun, record, records)]}
        first, second = (rest.ok(method, records.parent(method.noun), body, key=key) for _ in range(2))
        assert first == second

    @each(Kind.BATCH_UPDATE)
    def test_takes_from_one_to_a_thousand(self, method: Method, rest: Rest, records: Records) -> None:
        item = {"id": new_uuid(), records.resource_name(method.noun): {}}
        for items in ([], [item] * 1001):
            response = rest.send(method, records.parent(method.noun), {"requests": items})
            assert_problem(response, 400, naming=["requests"])


class TestVerb:
    @each(Kind.VERB)
    def test_an_unknown_id_is_not_found(self, method: Method, rest: Rest, records: Records) -> None:
        body = records.verb_body(method, records.for_verb(method))
        assert_problem(rest.send(method, {"id": new_uuid()}, body), 404, method.not_found)

    @each(Kind.VERB)
    def test_a_malformed_id_is_named(self, method: Method, rest: Rest) -> None:
        assert_problem(rest.send(method, {"id": "x"}, {}), 400, naming=["id"])

    @each(Kind.VERB, where=lambda method: required_fields(method.request, "id"))
    def test_names_all_missing_fields_at_once(self, method: Method, rest: Rest) -> None:
        response = rest.send(method, {"id": new_uuid()}, {})
        assert_problem(response, 400, naming=[field.json_name for field in required_fields(method.request, "id")])

    @each(Kind.VERB)
    def test_refuses_an_unknown_field(self, method: Method, rest: Rest) -> None:
        assert_problem(rest.send(method, {"id": new_uuid()}, {"noSuchField": 1}), 400, naming=["noSuchField"])

    @each(Kind.VERB)
    def test_changes_the_record(self, method: Method, rest: Rest, records: Records) -> None:
        record = records.for_verb(method)
        response = rest.send(method, {"id": record["id"]}, records.verb_body(method, record), etag=record["etag"])
        assert response.status_code == 200, response.text
        assert response.json()["etag"] != record["etag"]
        assert response.headers["etag"] == f'"{response.json()["etag"]}"'
        assert records.get(method.noun, record["id"])["etag"] == response.json()["etag"]

    @each(Kind.VERB)
    def test_a_stale_etag_is_refused(self, method: Method, rest: Rest, records: Records) -> None:
        record = records.for_verb(method)
        body = records.verb_body(method, record)
        assert_problem(rest.send(method, {"id": record["id"]}, body, etag="stale"), 412, "ETAG_MISMATCH")
        assert records.get(method.noun, record["id"])["etag"] == record["etag"]

    @each(Kind.VERB)
    def test_the_same_key_replays_the_answer(self, method: Method, rest: Rest, records: Records) -> None:
        record, key = records.for_verb(method), new_uuid()
        body = records.verb_body(method, record)
        first, second = (rest.ok(method, {"id": record["id"]}, body, key=key) for _ in range(2))
        assert first == second
        response = rest.send(method, {"id": record["id"]}, body | {"etag": "other"}, key=key)
        assert_problem(response, 422, "IDEMPOTENCY_KEY_REUSED")


class TestBatchVerb:
    @pytest.fixture
    def items(self, method: Method, records: Records) -> list[Fields]:
        """Two that are right."""
        verb = records.verb_of(method)
        ready = [records.for_verb(verb) for _ in range(2)]
        return [{"id": record["id"]} | records.verb_body(verb, record) for record in ready]

    @each(Kind.BATCH_VERB)
    def test_a_wrong_item_does_not_stop_the_others(
        self, method: Method, rest: Rest, records: Records, items: list[Fields]
    ) -> None:
        first, second = items
        wrong = [first | {"id": new_uuid()}, first | {"id": "x"}, second | {"etag": "stale"}]
        results = rest.ok(method, body={"requests": [first, *wrong, second, second]})["results"]
        assert [result["outcome"] for result in results] == ["UPDATED", *["FAILED"] * 3, "UPDATED", "FAILED"]
        failures = [(result["error"]["status"], result["error"]["reason"]) for result in results if "error" in result]
        assert failures[:3] == [(404, method.not_found), (400, "INVALID_FIELDS"), (412, "ETAG_MISMATCH")]
        assert failures[3][0] == 409

    @each(Kind.BATCH_VERB)
    def test_takes_no_more_than_a_thousand(self, method: Method, rest: Rest, items: list[Fields]) -> None:
        response = rest.send(method, body={"requests": items * 501})
        assert_problem(response, 400, naming=["requests"])

    @each(Kind.BATCH_VERB)
    def test_the_same_key_replays_the_answer(self, method: Method, rest: Rest, items: list[Fields]) -> None:
        key = new_uuid()
        first, second = (rest.ok(method, body={"requests": items}, key=key) for _ in range(2))
        assert first == second
        response = rest.send(method, body={"requests": items[:1]}, key=key)
        assert_problem(response, 422, "IDEMPOTENCY_KEY_REUSED")
