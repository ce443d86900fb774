"""Shares: five services have their own, and the gateway makes one list of them."""

from collections.abc import Iterator

import httpx
import pytest

from rotunda_local.platform import Platform

from .faults import kill
from .nouns import new_uuid
from .patience import seconds_until
from .problems import assert_problem
from .records import Fields, Records
from .reflection import Catalogue, Kind, Method
from .rest import Rest

RECORDS = ("customers.account", "sales.opportunity", "service_desk.ticket", "marketing.campaign", "sync.mailbox")


class Shares:
    """Calls the methods of shares."""

    def __init__(self, rest: Rest, records: Records, catalogue: Catalogue) -> None:
        self.rest = rest
        self.records = records
        self.catalogue = catalogue

    def method(self, verb: str) -> Method:
        return self.catalogue.called(f"{verb}Share" if verb != "List" else "ListShares")

    def new(self, noun: str = "customers.account", **fields: object) -> Fields:
        """A share of a new record, with a new user."""
        return self.rest.ok(self.method("Create"), {}, self.body(noun) | fields)  # type: ignore[no-any-return]

    def body(self, noun: str = "customers.account") -> Fields:
        record = {"type": noun, "id": self.records.create(noun)["id"]}
        return {"record": record, "userId": self.records.create("access.user")["id"], "level": "READ"}


@pytest.fixture
def shares(rest: Rest, records: Records, catalogue: Catalogue) -> Shares:
    return Shares(rest, records, catalogue)


@pytest.fixture(scope="module")
def user(records: Records) -> str:
    return str(records.create("access.user")["id"])


@pytest.fixture(scope="module")
def made(rest: Rest, records: Records, catalogue: Catalogue, user: str) -> list[str]:
    """Shares in all services with one user, the oldest first."""
    shares = Shares(rest, records, catalogue)
    return [shares.new(noun, userId=user)["id"] for _ in range(4) for noun in RECORDS]


class TestCreate:
    @pytest.mark.parametrize("noun", RECORDS)
    def test_goes_to_the_service_of_the_record(self, shares: Shares, noun: str) -> None:
        body = shares.body(noun)
        share = shares.rest.ok(shares.method("Create"), {}, body)
        assert share.items() >= body.items()
        assert shares.rest.ok(shares.method("Get"), {"id": share["id"]}) == share

    def test_with_a_team_or_a_group(self, shares: Shares) -> None:
        for name in ("team", "group"):
            body = shares.body() | {f"{name}Id": shares.records.create(f"access.{name}")["id"]}
            del body["userId"]
            assert shares.rest.ok(shares.method("Create"), {}, body)[f"{name}Id"] == body[f"{name}Id"]

    def test_the_same_key_replays_the_answer(self, shares: Shares) -> None:
        body, key = shares.body(), new_uuid()
        first, second = (shares.rest.send(shares.method("Create"), {}, body, key=key) for _ in range(2))
        assert (first.status_code, first.json()) == (second.status_code, second.json())
        assert first.status_code == 201

    def test_a_record_is_shared_with_someone_once(self, shares: Shares) -> None:
        share = shares.new()
        body = {"record": share["record"], "userId": share["userId"]}
        assert_problem(shares.rest.send(shares.method("Create"), {}, body), 409, "SHARE_EXISTS", ["record"])

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"record": {"type": "customers.account", "id": new_uuid()}}, "record.id"),
            ({"record": {"type": "sales.product", "id": new_uuid()}}, "record.type"),
            ({"record": {"type": "nothing", "id": new_uuid()}}, "record.type"),
            ({"userId": new_uuid()}, "userId"),
            ({"userId": None}, "userId"),
            ({"teamId": new_uuid()}, "teamId"),
            ({"level": "MUCH"}, "level"),
        ],
    )
    def test_names_what_is_wrong(self, shares: Shares, changes: Fields, named: str) -> None:
        response = shares.rest.send(shares.method("Create"), {}, shares.body() | changes)
        assert_problem(response, 400, naming=[named])

    def test_is_with_exactly_one(self, shares: Shares) -> None:
        body = shares.body() | {"groupId": shares.records.create("access.group")["id"]}
        assert_problem(shares.rest.send(shares.method("Create"), {}, body), 400, naming=["groupId"])


class TestGet:
    def test_of_none_is_not_found(self, shares: Shares) -> None:
        assert_problem(shares.rest.send(shares.method("Get"), {"id": new_uuid()}), 404, "SHARE_NOT_FOUND")
        assert_problem(shares.rest.send(shares.method("Get"), {"id": "customers-x"}), 400, naming=["id"])


class TestUpdate:
    def test_changes_the_level_and_nothing_else(self, shares: Shares) -> None:
        share = shares.new()
        update = shares.method("Update")
        changed = shares.rest.ok(update, {"id": share["id"]}, {"level": "WRITE"}, etag=share["etag"])
        assert changed["level"] == "WRITE"
        stale = shares.rest.send(update, {"id": share["id"]}, {"level": "READ"}, etag=share["etag"])
        assert_problem(stale, 412, "ETAG_MISMATCH")
        other = shares.records.create("access.user")["id"]
        assert_problem(shares.rest.send(update, {"id": share["id"]}, {"userId": other}), 400, naming=["userId"])


class TestDelete:
    def test_the_same_key_replays_the_answer(self, shares: Shares) -> None:
        share, key, delete = shares.new("sales.opportunity"), new_uuid(), shares.method("Delete")
        for _ in range(2):
            assert shares.rest.send(delete, {"id": share["id"]}, key=key).status_code == 200
        assert_problem(shares.rest.send(delete, {"id": share["id"]}), 404, "SHARE_NOT_FOUND")
        # Whoever it was with may get it again.
        shares.rest.ok(shares.method("Create"), {}, {"record": share["record"], "userId": share["userId"]})


class TestList:
    def pages(self, shares: Shares, user: str, size: int) -> Iterator[Fields]:
        token = ""
        while True:
            query = {"filter": f'userId = "{user}"', "pageSize": size, "pageToken": token}
            page = shares.rest.ok(shares.method("List"), {}, query=query)
            yield page
            token = page["nextPageToken"]
            if not token:
                return

    @pytest.mark.parametrize("size", [1, 3, 7, 20, 50])
    def test_the_pages_have_each_share_of_all_services_once(
        self, shares: Shares, user: str, made: list[str], size: int
    ) -> None:
        pages = list(self.pages(shares, user, size))
        assert all(len(page["shares"]) <= size for page in pages)
        assert [share["id"] for page in pages for share in page["shares"]] == made[::-1]
        assert all(page["unreachable"] == [] for page in pages)

    def test_what_comes_between_two_pages_moves_nothing(self, shares: Shares, records: Records) -> None:
        user = records.create("access.user")["id"]
        made = [shares.new(noun, userId=user)["id"] for noun in RECORDS]
        pages = self.pages(shares, user, 2)
        seen = [share["id"] for share in next(pages)["shares"]]
        newer = {shares.new(noun, userId=user)["id"] for noun in RECORDS}
        seen += [share["id"] for page in pages for share in page["shares"] if share["id"] not in newer]
        assert seen == made[::-1]

    def test_a_filter_narrows_it(self, shares: Shares, user: str, made: list[str]) -> None:
        query = {"filter": f'userId = "{user}" AND record.type = "sales.opportunity"'}
        listed = shares.rest.ok(shares.method("List"), {}, query=query)["shares"]
        assert [share["id"] for share in listed] == made[1::5][::-1]

    def test_names_a_service_that_is_away(self, shares: Shares, platform: Platform, user: str, made: list[str]) -> None:
        kill(platform, "sales")
        page = shares.rest.ok(shares.method("List"), {}, query={"filter": f'userId = "{user}"'})
        assert page["unreachable"] == ["sales"]
        assert set(made) - {share["id"] for share in page["shares"]} == set(made[1::5])

        def back() -> bool:
            listed = shares.rest.ok(shares.method("List"), {}, query={"filter": f'userId = "{user}"'})
            return bool(listed["unreachable"] == [])

        seconds_until(back, 30)

    @pytest.mark.parametrize(
        ("query", "named"),
        [
            ({"filter": "nothing = 1"}, "filter"),
            ({"pageSize": -1}, "pageSize"),
            ({"pageToken": "x"}, "pageToken"),
            ({"orderBy": "record.type"}, "orderBy"),
        ],
    )
    def test_names_what_is_wrong(self, client: httpx.Client, query: dict[str, str], named: str) -> None:
        assert_problem(client.get("/v1/shares", params=query), 400, naming=[named])


class TestWhoMay:
    def test_only_who_may_update_a_record_shares_it(
        self, shares: Shares, anonymous: httpx.Client, records: Records, catalogue: Catalogue
    ) -> None:
        grants = [
            {"resource": "customers.accounts", "actions": ["read"], "scope": "ALL"},
            {"resource": "customers.accounts", "actions": ["update"], "scope": "OWN"},
            {"resource": "customers.shares", "actions": ["*"], "scope": "ALL"},
            {"resource": "access.users", "actions": ["read"], "scope": "ALL"},
        ]
        role = records.create("access.role", grants=grants)["id"]
        user = records.create("access.user", password="correct horse battery", roleIds=[role])
        form = {"username": user["username"], "password": "correct horse battery"}
        token = anonymous.post("/v1/auth/token", data=form).raise_for_status().json()["access_token"]
        get = catalogue.of("customers.account", Kind.GET)
        own = records.create("customers.account", ownerId=user["id"])

        seconds_until(lambda: shares.rest.send(get, {"id": own["id"]}, token=token).is_success, 30)
        # Access has heard of the role, too.
        see = catalogue.of("access.user", Kind.GET)
        seconds_until(lambda: shares.rest.send(see, {"id": user["id"]}, token=token).is_success, 30)
        body = shares.body()
        assert_problem(shares.rest.send(shares.method("Create"), {}, body, token=token), 403, "OUT_OF_SCOPE")
        body["record"]["id"] = own["id"]
        shares.rest.ok(shares.method("Create"), {}, body, token=token)
