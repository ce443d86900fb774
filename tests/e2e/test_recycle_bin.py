"""What is deleted can be brought back as it was, of every noun: does it keep the conventions of the API?"""

import pytest

from rotunda_kit.testing.waiting import eventually

from .nouns import new_uuid
from .problems import assert_problem
from .records import Fields, Records
from .reflection import Catalogue, Kind, Method, built
from .rest import Rest
from .walk import at_once, each, path_of, records_in, stranger

# What is taken away from who had it; it is made anew, never brought back.
REVOKED = {"access.api_key"}
DELETED = {"showDeleted": "true"}
NEWEST = {"orderBy": "deleteTime desc"}


def of(catalogue: Catalogue, method: Method, kind: Kind) -> Method:
    return catalogue.of(method.noun, kind)


def delete(method: Method, record: Fields, rest: Rest, catalogue: Catalogue) -> None:
    deleting = of(catalogue, method, Kind.DELETE)
    rest.ok(deleting, path_of(deleting, record))


def living(record: Fields) -> Fields:
    """A record without what a delete and an undelete change."""
    return {name: value for name, value in record.items() if name not in ("etag", "updateTime", "deleteTime")}


@pytest.fixture
def record(method: Method, records: Records) -> Fields:
    return records.create(method.noun, **records.body(method.noun, full=True))


@pytest.fixture
def deleted(method: Method, record: Fields, rest: Rest, catalogue: Catalogue) -> Fields:
    """A record as it was before it was deleted."""
    delete(method, record, rest, catalogue)
    return record


def test_every_noun_that_can_be_deleted_can_be_brought_back() -> None:
    by_kind = {
        kind: {method.noun for method in built().methods.values() if method.kind is kind}
        for kind in (Kind.DELETE, Kind.UNDELETE)
    }
    assert by_kind[Kind.UNDELETE] == by_kind[Kind.DELETE] - REVOKED


class TestRecycleBin:
    @each(Kind.UNDELETE)
    def test_shows_what_is_in_it_to_who_asks(
        self, method: Method, rest: Rest, catalogue: Catalogue, deleted: Fields
    ) -> None:
        get = of(catalogue, method, Kind.GET)
        assert_problem(rest.send(get, path_of(get, deleted)), 404, method.not_found)
        shown = rest.ok(get, path_of(get, deleted), query=DELETED)
        assert shown["deleteTime"] > deleted["createTime"]
        assert living(shown) == living(deleted)

    @each(Kind.UNDELETE)
    def test_lists_what_is_in_it_to_who_asks(
        self, method: Method, rest: Rest, catalogue: Catalogue, records: Records, deleted: Fields
    ) -> None:
        listing, parent = of(catalogue, method, Kind.LIST), records.parent(method.noun)
        (found,) = records_in(rest.ok(listing, parent, query={"filter": "deleteTime:*", **NEWEST, **DELETED}))[:1]
        assert found["id"] == deleted["id"]
        newest = records_in(rest.ok(listing, parent, query={**NEWEST, "filter": f'id = "{deleted["id"]}"'}))
        assert not newest

    @each(Kind.UNDELETE)
    def test_a_page_token_is_of_a_list_with_or_without_it(
        self, method: Method, rest: Rest, catalogue: Catalogue, records: Records
    ) -> None:
        listing, parent = of(catalogue, method, Kind.LIST), records.parent(method.noun)
        records.crowd(method.noun, 3)
        token = rest.ok(listing, parent, query={"pageSize": 1})["nextPageToken"]
        response = rest.send(listing, parent, query={"pageSize": 1, "pageToken": token, **DELETED})
        assert_problem(response, 400, "INVALID_PAGE_TOKEN")

    @each(Kind.UNDELETE)
    def test_what_is_in_it_takes_no_changes(
        self, method: Method, rest: Rest, catalogue: Catalogue, records: Records, deleted: Fields
    ) -> None:
        updating, deleting = of(catalogue, method, Kind.UPDATE), of(catalogue, method, Kind.DELETE)
        name, value = records.changes(method.noun, deleted)[0]
        assert_problem(rest.send(updating, path_of(updating, deleted), {name: value}), 404, method.not_found)
        assert_problem(rest.send(deleting, path_of(deleting, deleted)), 404, method.not_found)


class TestUndelete:
    @each(Kind.UNDELETE)
    def test_brings_the_record_back_as_it_was(
        self, method: Method, rest: Rest, catalogue: Catalogue, deleted: Fields
    ) -> None:
        back = rest.ok(method, path_of(method, deleted), {})
        assert "deleteTime" not in back
        assert living(back) == living(deleted)
        get = of(catalogue, method, Kind.GET)
        assert rest.ok(get, path_of(get, deleted)) == back

    @each(Kind.UNDELETE)
    def test_who_lives_is_not_brought_back(self, method: Method, rest: Rest, record: Fields) -> None:
        assert_problem(rest.send(method, path_of(method, record), {}), 409, "NOT_DELETED")

    @each(Kind.UNDELETE)
    def test_an_unknown_id_is_not_found(self, method: Method, rest: Rest, records: Records) -> None:
        assert_problem(rest.send(method, stranger(method, records), {}), 404, method.not_found)

    @each(Kind.UNDELETE)
    def test_a_stale_etag_is_refused(self, method: Method, rest: Rest, deleted: Fields) -> None:
        assert_problem(rest.send(method, path_of(method, deleted), {}, etag=deleted["etag"]), 412)

    @each(Kind.UNDELETE)
    def test_the_same_key_replays_the_answer(self, method: Method, rest: Rest, deleted: Fields) -> None:
        key = new_uuid()
        first, second = (rest.ok(method, path_of(method, deleted), {}, key=key) for _ in range(2))
        assert first == second

    @each(Kind.UNDELETE)
    def test_of_many_at_once_one_brings_it_back(
        self, method: Method, rest: Rest, catalogue: Catalogue, deleted: Fields
    ) -> None:
        answers = at_once(4, lambda: rest.send(method, path_of(method, deleted), {}))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]

    @each(Kind.UNDELETE)
    def test_an_external_id_that_another_has_now_keeps_it_there(
        self, method: Method, rest: Rest, catalogue: Catalogue, records: Records
    ) -> None:
        names = {"externalIds": [{"system": "erp", "id": new_uuid()}]}
        record = records.create(method.noun, **names)
        delete(method, record, rest, catalogue)
        other = records.create(method.noun, **names)
        assert_problem(rest.send(method, path_of(method, record), {}), 409, "EXTERNAL_ID_TAKEN", ["externalIds"])
        delete(method, other, rest, catalogue)
        assert rest.ok(method, path_of(method, record), {})["externalIds"] == record["externalIds"]


class TestWhatBelongsTogether:
    @pytest.mark.parametrize(
        ("noun", "parent"),
        [
            ("customers.account", "parentAccountId"),
            ("access.team", "parentTeamId"),
            ("access.territory", "parentTerritoryId"),
        ],
    )
    def test_nothing_comes_back_below_what_is_deleted(
        self, noun: str, parent: str, rest: Rest, catalogue: Catalogue, records: Records
    ) -> None:
        above = records.create(noun)
        below = records.create(noun, **{parent: above["id"]})
        deleting, undeleting = catalogue.of(noun, Kind.DELETE), catalogue.of(noun, Kind.UNDELETE)
        rest.ok(deleting, {"id": below["id"]})
        rest.ok(deleting, {"id": above["id"]})
        assert_problem(rest.send(undeleting, {"id": below["id"]}, {}), 409, "PARENT_DELETED", [parent])
        rest.ok(undeleting, {"id": above["id"]}, {})
        assert rest.ok(undeleting, {"id": below["id"]}, {})[parent] == above["id"]

    @pytest.mark.parametrize(
        ("noun", "within", "field", "reason"),
        [
            ("sales.opportunity", "sales.pipeline", "pipelineId", "PIPELINE_DELETED"),
            ("sync.message", "sync.mailbox", "mailboxId", "MAILBOX_DELETED"),
        ],
    )
    def test_nothing_comes_back_into_what_is_deleted(
        self, noun: str, within: str, field: str, reason: str, rest: Rest, catalogue: Catalogue, records: Records
    ) -> None:
        container = records.create(within)
        record = records.create(noun, **{field: container["id"]})
        rest.ok(catalogue.of(noun, Kind.DELETE), {"id": record["id"]})
        rest.ok(catalogue.of(within, Kind.DELETE), {"id": container["id"]})
        undeleting = catalogue.of(noun, Kind.UNDELETE)
        assert_problem(rest.send(undeleting, {"id": record["id"]}, {}), 409, reason)
        rest.ok(catalogue.of(within, Kind.UNDELETE), {"id": container["id"]}, {})
        rest.ok(undeleting, {"id": record["id"]}, {})

    def test_a_campaign_comes_back_with_the_members_that_went_with_it(
        self, rest: Rest, catalogue: Catalogue, records: Records
    ) -> None:
        campaign = records.create("marketing.campaign")
        path = {"campaign_id": campaign["id"]}
        creating = catalogue.of("marketing.campaign_member", Kind.CREATE)
        external = {"externalIds": [{"system": "erp", "id": new_uuid()}]}
        stays, goes = (
            rest.ok(creating, path, records.body("marketing.campaign_member") | more) for more in (external, {})
        )
        rest.ok(catalogue.of("marketing.campaign_member", Kind.DELETE), path | {"id": goes["id"]})
        rest.ok(catalogue.of("marketing.campaign", Kind.DELETE), {"id": campaign["id"]})
        listing = catalogue.of("marketing.campaign_member", Kind.LIST)
        assert_problem(rest.send(listing, path), 404, "CAMPAIGN_NOT_FOUND")
        both = records_in(rest.ok(listing, path, query=DELETED))
        assert {member["id"] for member in both} == {stays["id"], goes["id"]}
        back = rest.ok(catalogue.of("marketing.campaign", Kind.UNDELETE), {"id": campaign["id"]}, {})
        assert back["memberCount"] == 1
        (member,) = records_in(rest.ok(listing, path))
        assert living(member) == living(stays)
        again = records.body("marketing.campaign_member") | external
        assert_problem(rest.send(creating, path, again), 409, "EXTERNAL_ID_TAKEN")

    def test_a_user_who_is_back_signs_in_with_his_password(
        self, rest: Rest, catalogue: Catalogue, records: Records
    ) -> None:
        password = "correct horse battery"
        user = records.create("access.user", password=password)
        form = {"username": user["username"], "password": password}
        rest.ok(catalogue.of("access.user", Kind.DELETE), {"id": user["id"]})
        assert rest.client.post("/v1/auth/token", data=form).status_code == 401
        rest.ok(catalogue.of("access.user", Kind.UNDELETE), {"id": user["id"]}, {})
        assert rest.client.post("/v1/auth/token", data=form).status_code == 200

    async def test_others_know_again_what_is_back(self, rest: Rest, catalogue: Catalogue, records: Records) -> None:
        account = records.create("customers.account")
        creating = catalogue.of("sales.opportunity", Kind.CREATE)

        def referred() -> int:
            body = records.body("sales.opportunity") | {"accountId": account["id"]}
            return rest.send(creating, {}, body).status_code

        async def is_unknown() -> bool:
            return referred() == 400

        async def is_known() -> bool:
            return referred() == 201

        assert referred() == 201
        rest.ok(catalogue.of("customers.account", Kind.DELETE), {"id": account["id"]})
        await eventually(is_unknown, 10)
        rest.ok(catalogue.of("customers.account", Kind.UNDELETE), {"id": account["id"]}, {})
        await eventually(is_known, 10)
