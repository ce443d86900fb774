"""The live stream: changes of all services, as they happen, for who may see them."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from rotunda_gateway.access.roles.shipped import SHIPPED
from rotunda_local.platform import Platform

from .cast import OWNED, Cast, Relation
from .faults import kill
from .listening import Listener, listening
from .nouns import new_uuid
from .patience import seconds_until
from .problems import assert_problem
from .records import Fields, Records
from .reflection import Catalogue, Kind
from .rest import Rest
from .test_access import WITNESSES
from .walk import path_of

PASSWORD = "correct horse battery"
# Seconds within which a gateway tells a reader, to whom nothing happens, where he stands.
HEARTBEAT = 15
RESTART = 30.0
# Those that differ in what they may read.
HOLDERS = ("Sales manager", "Sales representative", "Service agent", "Marketing manager")


@pytest.fixture(scope="module")
def cast(anonymous: httpx.Client, rest: Rest, records: Records, catalogue: Catalogue) -> Cast:
    return Cast(anonymous, rest, records, catalogue)


@pytest.fixture(scope="module")
def token(client: httpx.Client) -> str:
    """The administrator's."""
    return client.headers["Authorization"].removeprefix("Bearer ")


@pytest.fixture
def listener(platform: Platform, token: str) -> Iterator[Listener]:
    """Who may hear everything."""
    with listening(platform.url, token) as listener:
        yield listener


def update(record: Fields, noun: str, rest: Rest, records: Records, catalogue: Catalogue) -> None:
    method = catalogue.of(noun, Kind.UPDATE)
    name, value = records.changes(noun, record)[0]
    current = rest.ok(catalogue.of(noun, Kind.GET), path_of(catalogue.of(noun, Kind.GET), record))
    if current.get(name) == value:
        name, value = records.changes(noun, current)[0]
    rest.ok(method, path_of(method, record), {name: value})


def updated(listener: Listener) -> set[str]:
    """The records of whose updates somebody heard."""
    return {change["record"]["id"] for change in listener.changes if change["type"].endswith(".updated")}


class TestChanges:
    @pytest.mark.parametrize("noun", ["access.team", *OWNED])
    def test_are_told_in_their_order(
        self, noun: str, listener: Listener, rest: Rest, records: Records, catalogue: Catalogue
    ) -> None:
        record = records.create(noun)
        update(record, noun, rest, records, catalogue)
        delete = catalogue.of(noun, Kind.DELETE)
        rest.ok(delete, path_of(delete, record))
        listener.hears(record["id"], f"{noun}.created", f"{noun}.updated", f"{noun}.deleted")

    def test_say_what_happened_and_nothing_of_what_stands_in_the_record(
        self, listener: Listener, client: httpx.Client, records: Records
    ) -> None:
        record = records.create("customers.contact")
        listener.hears(record["id"], "customers.contact.created")
        (change,) = [change for change in listener.changes if change["record"]["id"] == record["id"]]
        entries = client.get("/v1/auditEntries", params={"filter": f'record.id = "{record["id"]}"'}).json()
        assert change == {
            "id": change["id"],
            "type": "customers.contact.created",
            "record": {"type": "customers.contact", "id": record["id"]},
            "etag": record["etag"],
            "time": record["updateTime"],
            "actorId": entries["auditEntries"][0]["actorId"],
        }

    def test_are_those_of_the_types_records_and_accounts_that_were_asked_for(
        self, platform: Platform, token: str, listener: Listener, records: Records
    ) -> None:
        account, other = records.create("customers.account"), records.create("customers.account")
        listener.hears(other["id"], "customers.account.created")
        with ExitStack() as stack:

            def listen(**parameters: Any) -> Listener:
                return stack.enter_context(listening(platform.url, token, **parameters))

            of_type = listen(type=["sales.opportunity", "customers.contact.created"])
            of_account = listen(accountId=account["id"])
            of_record = listen(recordId=[other["id"].upper()])
            changed = [
                records.create(noun, accountId=each["id"])
                for noun in ("customers.contact", "sales.opportunity", "service_desk.ticket")
                for each in (account, other)
            ]
            last = records.create("customers.account")
            listener.hears(last["id"], "customers.account.created")
            ids = [record["id"] for record in changed]
            seconds_until(lambda: len(of_type.changes) == 4 and len(of_account.changes) == 3, RESTART)
            assert {change["record"]["id"] for change in of_type.changes} == set(ids[:4])
            assert {change["record"]["id"] for change in of_account.changes} == set(ids[::2])
            assert of_record.changes == []


class TestResuming:
    def test_who_was_away_hears_what_he_missed(
        self, platform: Platform, token: str, listener: Listener, records: Records
    ) -> None:
        first = records.create("customers.account")
        listener.hears(first["id"], "customers.account.created")
        last = listener.last
        missed = [records.create(noun)["id"] for noun in OWNED]
        with listening(platform.url, token, last) as back:
            for record_id, noun in zip(missed, OWNED, strict=True):
                seconds_until(lambda of=record_id, noun=noun: f"{noun}.created" in back.of(of), RESTART)  # type: ignore[misc]
            assert first["id"] not in {change["record"]["id"] for change in back.changes}
            assert all(event == "change" for event, _ in back.heard)

    def test_a_gateway_that_was_killed_goes_on_where_it_was(
        self, platform: Platform, client: httpx.Client, token: str, listener: Listener, records: Records
    ) -> None:
        first = records.create("customers.account")
        listener.hears(first["id"], "customers.account.created")
        kill(platform, "gateway")
        seconds_until(lambda: listener.ended, RESTART)

        def ready() -> bool:
            try:
                return client.get("/readyz").is_success
            except httpx.TransportError:
                return False

        seconds_until(ready, RESTART)
        missed = records.create("sales.product")
        with listening(platform.url, token, listener.last) as back:
            back.hears(missed["id"], "sales.product.created")
            assert all(event == "change" for event, _ in back.heard)

    def test_changes_of_a_service_that_was_killed_are_told_when_it_is_back(
        self, platform: Platform, client: httpx.Client, listener: Listener, records: Records
    ) -> None:
        record = records.create("sales.opportunity")
        kill(platform, "sales")
        seconds_until(lambda: client.get("/v1/opportunities?pageSize=1").is_success, RESTART)
        after = records.create("sales.opportunity")
        listener.hears(record["id"], "sales.opportunity.created")
        listener.hears(after["id"], "sales.opportunity.created")

    def test_one_who_was_away_for_too_long_is_told_so(self, platform: Platform, token: str, records: Records) -> None:
        # As if the broker's store had been lost since: all is numbered anew.
        with listening(platform.url, token, "-".join(["1.1"] * 6)) as listener:
            seconds_until(lambda: len(listener.heard) > 0, RESTART)
            event, data = listener.heard[0]
            assert (event, len(data["services"])) == ("reset", 6)
            record = records.create("customers.account")
            listener.hears(record["id"], "customers.account.created")


class TestRights:
    def test_a_change_is_told_to_whom_roles_ownership_and_shares_show_the_record(
        self,
        platform: Platform,
        rest: Rest,
        records: Records,
        catalogue: Catalogue,
        cast: Cast,
        listener: Listener,
    ) -> None:
        holders = {role.display_name: cast.member(role.id) for role in SHIPPED if role.display_name in HOLDERS}
        grants = [{"resource": "*", "actions": ["read"], "scope": "TERRITORY"}]
        holders["territorial"] = cast.member(records.create("access.role", grants=grants)["id"])
        cast.settle(WITNESSES)
        made: dict[str, tuple[str, Relation, Fields]] = {}
        for noun in OWNED:
            for relation in (relation for relation in Relation if cast.has(noun, relation)):
                for holder in holders.values():
                    record = cast.record(noun, relation, holder)
                    made[record["id"]] = (noun, relation, record)
        with ExitStack() as stack:
            listeners = {
                name: stack.enter_context(listening(platform.url, holder.token)) for name, holder in holders.items()
            }
            for noun, _, record in made.values():
                update(record, noun, rest, records, catalogue)
            # Of each service's changes: what comes from one may overtake what comes from another.
            seconds_until(lambda: made.keys() <= updated(listener), 3 * HEARTBEAT)
            last = listener.last
            seconds_until(lambda: all(each.behind(last) for each in listeners.values()), 3 * HEARTBEAT)
            heard = {name: {change["record"]["id"] for change in each.changes} for name, each in listeners.items()}
        wrong = []
        for record_id, (noun, relation, record) in made.items():
            get = catalogue.of(noun, Kind.GET)
            for name, holder in holders.items():
                sees = rest.send(get, path_of(get, record), token=holder.token).is_success
                if sees != (record_id in heard[name]):
                    wrong.append(f"{name}: {noun}, {relation}: sees it: {sees}, hears of it: {not sees}")
        assert not wrong

    def test_what_a_session_may_hear_ends_with_it(
        self, platform: Platform, anonymous: httpx.Client, records: Records
    ) -> None:
        user = records.create("access.user", password=PASSWORD, roleIds=[SHIPPED[0].id])
        form = {"username": user["username"], "password": PASSWORD}
        token = anonymous.post("/v1/auth/token", data=form).raise_for_status().json()["access_token"]
        with listening(platform.url, token) as listener:
            before = records.create("customers.account")
            listener.hears(before["id"], "customers.account.created")
            anonymous.post("/v1/auth/signOut", headers={"Authorization": f"Bearer {token}"}).raise_for_status()
            after = records.create("customers.account")
            seconds_until(lambda: listener.ended, RESTART)
            event, problem = listener.heard[-1]
            assert (event, problem["reason"]) == ("end", "SESSION_ENDED")
            assert listener.of(after["id"]) == []

    def test_a_role_that_is_given_counts_for_streams_that_are_open(
        self, platform: Platform, client: httpx.Client, cast: Cast, records: Records, listener: Listener
    ) -> None:
        witness, nobody = listener, cast.member()
        with listening(platform.url, nobody.token) as listener:
            before = records.create("customers.account")
            witness.hears(before["id"], "customers.account.created")
            last = witness.last
            # Or it would be decided when the role is known already.
            seconds_until(lambda: listener.behind(last), 3 * HEARTBEAT)
            answer = client.patch(f"/v1/users/{nobody.id}", json={"roleIds": [SHIPPED[0].id]})
            assert answer.is_success, answer.text

            def hears() -> bool:
                records.create("customers.account")
                return bool(listener.changes)

            seconds_until(hears, RESTART)
            assert listener.of(before["id"]) == []


class TestWrongInput:
    def test_each_wrong_parameter_is_named(self, client: httpx.Client) -> None:
        answer = client.get("/v1/stream?type=sales.nonsense&recordId=7&accountId=x&limit=1")
        assert_problem(answer, 400, "INVALID_FIELDS", ("type", "recordId", "accountId", "limit"))

    def test_an_id_that_no_event_had_is_refused(self, client: httpx.Client) -> None:
        answer = client.get("/v1/stream", headers={"Last-Event-ID": new_uuid()})
        assert_problem(answer, 400, "INVALID_FIELDS", ("lastEventId",))

    def test_nobody_hears_anything_without_signing_in(self, anonymous: httpx.Client) -> None:
        assert_problem(anonymous.get("/v1/stream"), 401, "TOKEN_MISSING")
