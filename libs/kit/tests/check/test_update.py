from types import SimpleNamespace
from typing import Any

import pytest

from rotunda_kit.check import check_and_normalise
from rotunda_kit.errors import FieldViolation

UUID = "01906f2e-7f1c-7b1c-8a1c-0123456789ab"
SKIP = frozenset({"requests"})


def wrong(message: Any) -> dict[str, str]:
    return {violation.field: violation.description for violation in check_and_normalise(message)}


def update(pb: SimpleNamespace, *paths: str, id: str = UUID, **fields: Any) -> Any:  # noqa: A002
    request = pb.UpdateGadgetRequest(gadget=pb.Gadget(id=id, **fields))
    request.update_mask.paths.extend(paths)
    return request


class TestUpdate:
    def test_needs_the_id_of_the_resource(self, pb: SimpleNamespace) -> None:
        assert wrong(pb.UpdateGadgetRequest()) == {"gadget": "must be set"}
        assert wrong(update(pb, "note", id=" ")) == {"gadget.id": "must be set"}
        assert wrong(update(pb, "note", id="4711")) == {"gadget.id": "is not a UUID"}

    def test_gives_the_id_its_one_spelling(self, pb: SimpleNamespace) -> None:
        request = update(pb, "note", id=UUID.upper())

        assert wrong(request) == {}
        assert request.gadget.id == UUID

    def test_requires_only_what_it_names(self, pb: SimpleNamespace) -> None:
        assert wrong(update(pb, "note")) == {}
        assert wrong(update(pb, "display_name")) == {"gadget.display_name": "must be set"}

    def test_checks_and_normalises_only_what_it_names(self, pb: SimpleNamespace) -> None:
        request = update(pb, "country_code", country_code="de", year=0, language="DE-at")

        assert wrong(request) == {}
        assert request.gadget.country_code == "DE"
        assert request.gadget.language == "DE-at"
        assert wrong(update(pb, "year", year=0)) == {"gadget.year": "must be at least 1"}

    def test_always_checks_the_etag(self, pb: SimpleNamespace) -> None:
        assert wrong(update(pb, "note", etag="\0")) == {"gadget.etag": "contains a NUL character"}

    def test_without_a_mask_names_the_fields_that_are_set(self, pb: SimpleNamespace) -> None:
        assert wrong(update(pb, year=0)) == {"gadget.year": "must be at least 1"}
        assert wrong(update(pb, display_name=" ")) == {"gadget.display_name": "must be set"}

    def test_of_everything_requires_everything(self, pb: SimpleNamespace) -> None:
        request = update(pb, "*", year=0)

        assert wrong(request) == {"gadget.display_name": "must be set", "gadget.year": "must be at least 1"}
        assert list(request.update_mask.paths) == ["*"]

    def test_checks_the_rest_of_the_request_too(self, pb: SimpleNamespace) -> None:
        request = update(pb, "note")
        request.request_id = "\0"

        assert wrong(request) == {"request_id": "contains a NUL character"}


class TestMask:
    def test_is_brought_into_snake_case_without_what_stands_twice(self, pb: SimpleNamespace) -> None:
        request = update(pb, "displayName", "ownerId", "display_name", display_name="A")

        assert wrong(request) == {}
        assert list(request.update_mask.paths) == ["display_name", "owner_id"]

    def test_loses_what_only_the_server_writes(self, pb: SimpleNamespace) -> None:
        request = update(pb, "createTime", "note", "id")

        assert wrong(request) == {}
        assert list(request.update_mask.paths) == ["note"]

    def test_of_nothing_else_keeps_it_since_empty_would_mean_all_that_is_set(self, pb: SimpleNamespace) -> None:
        request = update(pb, "createTime", note="unchanged", year=0)

        assert wrong(request) == {}
        assert list(request.update_mask.paths) == ["create_time"]

    @pytest.mark.parametrize(
        ("path", "description"),
        [
            ("displayNam", 'has the path "displayNam", which is no field of Gadget; did you mean "displayName"?'),
            ("display_nam", 'has the path "display_nam", which is no field of Gadget; did you mean "display_name"?'),
            ("nothing like it", 'has the path "nothing like it", which is no field of Gadget'),
            ("price.units", 'has the path "price.units", a part of a field; name "price" as a whole'),
            ("", 'has the path "", which is no field of Gadget'),
        ],
    )
    def test_names_whole_fields_of_the_resource(self, pb: SimpleNamespace, path: str, description: str) -> None:
        assert check_and_normalise(update(pb, "note", path)) == [FieldViolation("update_mask", description)]

    def test_names_all_or_some(self, pb: SimpleNamespace) -> None:
        assert wrong(update(pb, "*", "note")) == {"update_mask": 'has other paths beside "*"'}

    def test_is_bounded(self, pb: SimpleNamespace) -> None:
        assert wrong(update(pb, *["note"] * 1001)) == {"update_mask": "has more than 1000 paths (has 1001)"}


class TestBatch:
    def test_items_are_checked_as_the_updates_that_they_are(self, pb: SimpleNamespace) -> None:
        batch = pb.BatchUpdateGadgetsRequest(requests=[update(pb, "note"), update(pb, "displayNam", id="")])

        assert wrong(batch) == {
            "requests[1].gadget.id": "must be set",
            "requests[1].update_mask": (
                'has the path "displayNam", which is no field of Gadget; did you mean "displayName"?'
            ),
        }

    def test_items_that_are_checked_apart_are_left_alone(self, pb: SimpleNamespace) -> None:
        batch = pb.BatchUpdateGadgetsRequest(requests=[update(pb, "createTime", "nonsense", id="")])

        assert check_and_normalise(batch, skip=SKIP) == []
        assert list(batch.requests[0].update_mask.paths) == ["createTime", "nonsense"]

    def test_lists_of_items_are_bounded_all_the_same(self, pb: SimpleNamespace) -> None:
        assert check_and_normalise(pb.BatchUpdateGadgetsRequest(), skip=SKIP) == [
            FieldViolation("requests", "must be set")
        ]
        batch = pb.BatchUpdateGadgetsRequest(requests=[update(pb, "note")] * 3, request_id="\0")
        assert check_and_normalise(batch, skip=SKIP) == [
            FieldViolation("requests", "has more than 2 entries (has 3)"),
            FieldViolation("request_id", "contains a NUL character"),
        ]
