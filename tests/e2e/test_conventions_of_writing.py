"""Create, update and delete of every noun: do they keep the conventions of the API? See `test_conventions.py`."""

from rotunda_kit.descriptors import behaviours, enum_name, rules

from .nouns import NEVER_NULL, SHOWN_ONCE, new_uuid
from .problems import assert_problem, described
from .records import Records
from .reflection import Catalogue, Kind, Method, input_fields, required_fields
from .rest import Rest
from .walk import at_once, each, immutable, is_text, kept, newest, path_of, references, stranger, wrong_enums


class TestCreate:
    @each(Kind.CREATE)
    def test_answers_with_where_it_is(self, method: Method, rest: Rest, records: Records) -> None:
        response = rest.send(method, records.parent(method.noun), records.body(method.noun))
        assert response.status_code == 201, response.text
        assert response.headers["etag"] == f'"{response.json()["etag"]}"'
        got = rest.client.get(response.headers["location"])
        assert (got.status_code, got.json()["id"], got.json()["etag"]) == (
            200,
            response.json()["id"],
            response.json()["etag"],
        )

    @each(Kind.CREATE)
    def test_keeps_every_field_that_it_is_given(self, method: Method, rest: Rest, records: Records) -> None:
        body = records.body(method.noun, full=True)
        created = rest.ok(method, records.parent(method.noun), body)
        hidden = {field.json_name for field in method.resource.fields if "INPUT_ONLY" in behaviours(field)}
        lost = [name for name, value in body.items() if name not in hidden and not kept(value, created.get(name))]
        assert not lost, created

    @each(Kind.CREATE, where=lambda method: required_fields(method.resource))
    def test_names_all_missing_fields_at_once(self, method: Method, rest: Rest, records: Records) -> None:
        response = rest.send(method, records.parent(method.noun), {})
        assert_problem(response, 400, naming=[field.json_name for field in required_fields(method.resource)])

    @each(Kind.CREATE)
    def test_refuses_an_unknown_field(self, method: Method, rest: Rest, records: Records) -> None:
        body = records.body(method.noun) | {"noSuchField": 1, "externalId": []}
        problem = assert_problem(
            rest.send(method, records.parent(method.noun), body), 400, naming=["noSuchField", "externalId"]
        )
        assert 'did you mean "externalIds"?' in described(problem, "externalId")

    @each(Kind.CREATE)
    def test_ignores_what_the_server_gives(self, method: Method, rest: Rest, records: Records) -> None:
        given = {
            field.json_name: records.value(field, unlike=field.enum_type and enum_name(field.enum_type.values[1]))
            for field in method.resource.fields
            if "OUTPUT_ONLY" in behaviours(field)
        }
        created = rest.ok(method, records.parent(method.noun), given | records.body(method.noun))
        assert not [name for name, value in given.items() if created.get(name) == value]

    @each(Kind.CREATE)
    def test_refuses_a_value_that_an_enum_does_not_have(self, method: Method, rest: Rest, records: Records) -> None:
        body = records.body(method.noun)
        for wrong in ("NO_SUCH_VALUE", 999, "", True):
            for name, value in wrong_enums(method, wrong):
                problem = assert_problem(rest.send(method, records.parent(method.noun), body | {name: value}), 400)
                assert all(error["field"].startswith(name) for error in problem["errors"]), problem

    @each(Kind.CREATE)
    def test_refuses_a_text_that_is_too_long(self, method: Method, rest: Rest, records: Records) -> None:
        texts = [f for f in input_fields(method.resource, *method.variables) if is_text(f) and not f.is_repeated]
        long = {field.json_name: "x" * (rules(field).max_length + 1) for field in texts}
        response = rest.send(method, records.parent(method.noun), records.body(method.noun) | long)
        assert_problem(response, 400, naming=long)

    @each(Kind.CREATE)
    def test_refuses_values_of_another_type(self, method: Method, rest: Rest, records: Records) -> None:
        wrong = {
            field.json_name: 17 if is_text(field) or field.is_repeated or field.message_type else "seventeen"
            for field in input_fields(method.resource, *method.variables)
        }
        response = rest.send(method, records.parent(method.noun), wrong)
        assert_problem(response, 400, naming=wrong)

    @each(Kind.CREATE, where=references)
    def test_refuses_what_refers_to_nothing(self, method: Method, rest: Rest, records: Records) -> None:
        nowhere = {f.json_name: [new_uuid()] if f.is_repeated else new_uuid() for f in references(method)}
        response = rest.send(method, records.parent(method.noun), records.body(method.noun) | nowhere)
        problem = assert_problem(response, 400)
        assert {error["field"].partition("[")[0] for error in problem["errors"]} == set(nowhere)

    @each(Kind.CREATE)
    def test_the_same_key_replays_the_answer(self, method: Method, rest: Rest, records: Records) -> None:
        key, parent, body = new_uuid(), records.parent(method.noun), records.body(method.noun)
        first, second = (rest.send(method, parent, body, key=key) for _ in range(2))
        assert (first.status_code, second.status_code) == (201, 201)
        once = SHOWN_ONCE.get(method.noun, frozenset())
        assert {name: value for name, value in first.json().items() if name not in once} == second.json()

    @each(Kind.CREATE)
    def test_the_same_key_with_another_body_is_refused(self, method: Method, rest: Rest, records: Records) -> None:
        key, parent = new_uuid(), records.parent(method.noun)
        rest.ok(method, parent, records.body(method.noun), key=key)
        other = records.body(method.noun) | {"externalIds": [{"system": "erp", "id": key}]}
        assert_problem(rest.send(method, parent, other, key=key), 422, "IDEMPOTENCY_KEY_REUSED")

    @each(Kind.CREATE)
    def test_twins_never_create_two(self, method: Method, rest: Rest, catalogue: Catalogue, records: Records) -> None:
        key, parent, body = new_uuid(), records.parent(method.noun), records.body(method.noun)
        before = set(newest(method, rest, catalogue, records))
        answers = at_once(4, lambda: rest.send(method, parent, body, key=key))
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
        for answer in (answer for answer in answers if answer.status_code == 409):
            assert_problem(answer, 409)
        assert len(set(newest(method, rest, catalogue, records)) - before) == 1

    @each(Kind.CREATE)
    def test_an_external_id_is_taken_once(self, method: Method, rest: Rest, records: Records) -> None:
        names = {"externalIds": [{"system": "erp", "id": new_uuid()}]}
        records.create(method.noun, **names)
        response = rest.send(method, records.parent(method.noun), records.body(method.noun) | names)
        assert_problem(response, 409, "EXTERNAL_ID_TAKEN", ["externalIds"])


class TestUpdate:
    @each(Kind.UPDATE)
    def test_an_unknown_id_is_not_found(self, method: Method, rest: Rest, records: Records) -> None:
        assert_problem(rest.send(method, stranger(method, records), {}), 404, method.not_found)

    @each(Kind.UPDATE)
    def test_a_malformed_id_is_named(self, method: Method, rest: Rest, records: Records) -> None:
        assert_problem(rest.send(method, stranger(method, records) | {"id": "x"}, {}), 400, naming=["id"])

    @each(Kind.UPDATE)
    def test_a_mask_says_what_changes(self, method: Method, rest: Rest, records: Records) -> None:
        record = records.create(method.noun)
        (name, value), (other, other_value) = records.changes(method.noun, record)
        updated = rest.ok(
            method, path_of(method, record), {name: value, other: other_value}, query={"updateMask": name}
        )
        assert kept(value, updated[name])
        assert updated.get(other) == record.get(other)

    @each(Kind.UPDATE)
    def test_without_a_mask_the_keys_of_the_body_change(self, method: Method, rest: Rest, records: Records) -> None:
        record = records.create(method.noun)
        settable = {field.json_name for field in records.changeable(method.noun)}
        for name, value in records.changes(method.noun, record):
            updated = rest.ok(method, path_of(method, record), {name: value})
            assert kept(value, updated[name])
            differing = {key for key in record.keys() | updated.keys() if updated.get(key) != record.get(key)}
            assert differing & settable == {name}
            assert differing >= {"etag", "updateTime"}
            record = updated

    @each(Kind.UPDATE)
    def test_null_clears_what_may_be_unset(self, method: Method, rest: Rest, records: Records) -> None:
        record = records.create(method.noun, **records.body(method.noun, full=True))
        for field in records.optional(method.noun):
            response = rest.send(method, path_of(method, record), {field.json_name: None})
            if field.name in NEVER_NULL.get(method.noun, ()):
                assert assert_problem(response, 400, "INVALID_FIELDS")["errors"]
            else:
                assert response.status_code == 200, (field.name, response.text)
                assert field.json_name not in response.json()

    @each(Kind.UPDATE, where=immutable)
    def test_an_immutable_field_can_not_change(self, method: Method, rest: Rest, records: Records) -> None:
        record = records.create(method.noun)
        for field in immutable(method):
            name = field.json_name
            other = records.value(field, unlike=record.get(name, "nothing"))
            assert_problem(rest.send(method, path_of(method, record), {name: other}), 400, naming=[name])
            if name in record:
                rest.ok(method, path_of(method, record), {name: record[name]})
        assert records.get(method.noun, record["id"])["etag"] == record["etag"]

    @each(Kind.UPDATE)
    def test_a_stale_etag_is_refused(self, method: Method, rest: Rest, records: Records) -> None:
        record = records.create(method.noun)
        name, value = records.changes(method.noun, record)[0]
        updated = rest.ok(method, path_of(method, record), {name: value})
        response = rest.send(method, path_of(method, record), {name: record.get(name)}, etag=record["etag"])
        assert assert_problem(response, 412, "ETAG_MISMATCH")["metadata"] == {"etag": updated["etag"]}
        response = rest.send(method, path_of(method, record), {name: record.get(name), "etag": record["etag"]})
        assert_problem(response, 412, "ETAG_MISMATCH")
        assert records.get(method.noun, record["id"])["etag"] == updated["etag"]

    @each(Kind.UPDATE)
    def test_the_right_etag_lets_it_change_and_changes(self, method: Method, rest: Rest, records: Records) -> None:
        record = records.create(method.noun)
        name, value = records.changes(method.noun, record)[0]
        response = rest.send(method, path_of(method, record), {name: value}, etag=f'"{record["etag"]}"')
        assert response.status_code == 200
        assert response.headers["etag"] == f'"{response.json()["etag"]}"'
        assert response.json()["etag"] != record["etag"]

    @each(Kind.UPDATE)
    def test_of_two_with_the_same_etag_one_succeeds(self, method: Method, rest: Rest, records: Records) -> None:
        record = records.create(method.noun)
        bodies = iter([{name: value} for name, value in records.changes(method.noun, record)])
        answers = at_once(2, lambda: rest.send(method, path_of(method, record), next(bodies), etag=record["etag"]))
        good, refused = sorted(answers, key=lambda answer: answer.status_code)
        assert good.status_code == 200
        assert_problem(refused, 412, "ETAG_MISMATCH")

    @each(Kind.UPDATE)
    def test_an_update_that_changes_nothing_keeps_the_etag(self, method: Method, rest: Rest, records: Records) -> None:
        record = records.create(method.noun)
        same = {f.json_name: record[f.json_name] for f in records.changeable(method.noun) if f.json_name in record}
        for body in (same, {}, record):
            updated = rest.ok(method, path_of(method, record), body)
            assert (updated["etag"], updated["updateTime"]) == (record["etag"], record["updateTime"])

    @each(Kind.UPDATE)
    def test_refuses_fields_that_are_not_there(self, method: Method, rest: Rest, records: Records) -> None:
        variables = path_of(method, records.shared(method.noun))
        assert_problem(rest.send(method, variables, {"noSuchField": 1}), 400, naming=["noSuchField"])
        response = rest.send(method, variables, {}, query={"updateMask": "externalIds,noSuchField"})
        assert_problem(response, 400, naming=["updateMask"])

    @each(Kind.UPDATE)
    def test_the_same_key_replays_the_answer(self, method: Method, rest: Rest, records: Records) -> None:
        record, key = records.create(method.noun), new_uuid()
        (name, value), (other, other_value) = records.changes(method.noun, record)
        first, second = (rest.ok(method, path_of(method, record), {name: value}, key=key) for _ in range(2))
        assert first == second
        response = rest.send(method, path_of(method, record), {other: other_value}, key=key)
        assert_problem(response, 422, "IDEMPOTENCY_KEY_REUSED")

    @each(Kind.UPDATE)
    def test_an_external_id_is_taken_once(self, method: Method, rest: Rest, records: Records) -> None:
        names = {"externalIds": [{"system": "erp", "id": new_uuid()}]}
        records.create(method.noun, **names)
        response = rest.send(method, path_of(method, records.create(method.noun)), names)
        assert_problem(response, 409, "EXTERNAL_ID_TAKEN", ["externalIds"])


class TestDelete:
    @each(Kind.DELETE)
    def test_an_unknown_id_is_not_found(self, method: Method, rest: Rest, records: Records) -> None:
        assert_problem(rest.send(method, stranger(method, records)), 404, method.not_found)

    @each(Kind.DELETE)
    def test_a_malformed_id_is_named(self, method: Method, rest: Rest, records: Records) -> None:
        assert_problem(rest.send(method, stranger(method, records) | {"id": "x"}), 400, naming=["id"])

    @each(Kind.DELETE)
    def test_a_deleted_record_is_gone(self, method: Method, rest: Rest, catalogue: Catalogue, records: Records) -> None:
        record = records.create(method.noun)
        variables = path_of(method, record)
        response = rest.send(method, variables)
        assert (response.status_code, response.json()) == (200, {})
        assert_problem(rest.send(catalogue.of(method.noun, Kind.GET), variables), 404, method.not_found)
        assert_problem(rest.send(method, variables), 404, method.not_found)
        assert record["id"] not in newest(method, rest, catalogue, records)

    @each(Kind.DELETE)
    def test_a_stale_etag_is_refused(self, method: Method, rest: Rest, records: Records) -> None:
        record = records.create(method.noun)
        response = rest.send(method, path_of(method, record), etag="stale")
        assert_problem(response, 412, "ETAG_MISMATCH")
        assert records.get(method.noun, record["id"])["etag"] == record["etag"]
        rest.ok(method, path_of(method, record), etag=record["etag"])

    @each(Kind.DELETE)
    def test_the_same_key_replays_the_answer(self, method: Method, rest: Rest, records: Records) -> None:
        record, key = records.create(method.noun), new_uuid()
        for _ in range(2):
            rest.ok(method, path_of(method, record), key=key)

    @each(Kind.DELETE)
    def test_its_external_id_is_free_again(self, method: Method, rest: Rest, records: Records) -> None:
        names = {"externalIds": [{"system": "erp", "id": new_uuid()}]}
        rest.ok(method, path_of(method, records.create(method.noun, **names)))
        assert records.create(method.noun, **names)["externalIds"] == names["externalIds"]
