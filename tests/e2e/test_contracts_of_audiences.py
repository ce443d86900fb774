"""To whom records belong: what services tell the gateway, for the live stream."""

import httpx
import pytest

from rotunda_kit.errors import InvalidArgument, PermissionDenied
from rotunda_kit.identity import ADMINISTRATOR, Principal, TokenIssuer
from rotunda_local.platform import Platform

from . import direct
from .conftest import SERVERS
from .ledger import Ledger
from .listening import listening
from .nouns import new_uuid
from .records import Records
from .reflection import Catalogue, Kind, Method
from .walk import each


class TestAudience:
    @pytest.fixture
    def administrator(self, platform: Platform) -> str:
        """An internal token, as the gateway mints its own."""
        issuer = TokenIssuer.from_file(platform.home.signing_key_file)
        return issuer.mint_internal(Principal(new_uuid(), roles=frozenset({ADMINISTRATOR})))

    @each(Kind.AUDIENCE)
    def test_is_visited_through_the_stream(
        self, method: Method, platform: Platform, client: httpx.Client, records: Records, ledger: Ledger
    ) -> None:
        token = client.headers["Authorization"].removeprefix("Bearer ")
        with listening(platform.url, token) as listener:
            record = records.create("customers.account")
            ledger.visit(method.name)
            listener.hears(record["id"], "customers.account.created")

    @each(Kind.AUDIENCE)
    def test_every_service_has_it(self, method: Method, servers: dict[str, Catalogue]) -> None:
        assert [name for name, catalogue in servers.items() if method.name in catalogue.methods] == list(SERVERS)

    @each(Kind.AUDIENCE)
    def test_is_told_in_the_order_of_the_records_and_is_empty_for_others(
        self, method: Method, platform: Platform, administrator: str, records: Records
    ) -> None:
        owner = records.create("access.user")["id"]
        account_id = records.create("customers.account", ownerId=owner)["id"]
        wanted = [
            {"type": "customers.account", "id": new_uuid()},
            {"type": "customers.account", "id": account_id},
            {"type": "customers.nothing", "id": account_id},
        ]
        answer = direct.call(method, platform.ports["customers"], administrator, records=wanted)
        told = [(list(each.owner_ids), each.account_id) for each in answer.audiences]
        assert told == [([], ""), ([owner], account_id), ([], "")]

    @each(Kind.AUDIENCE)
    def test_is_told_to_administrators_alone(self, method: Method, platform: Platform) -> None:
        token = TokenIssuer.from_file(platform.home.signing_key_file).mint_internal(Principal(new_uuid()))
        with pytest.raises(PermissionDenied):
            direct.call(method, platform.ports["customers"], token)

    @each(Kind.AUDIENCE)
    def test_takes_no_more_than_a_thousand(self, method: Method, platform: Platform, administrator: str) -> None:
        records = [{"type": "customers.account", "id": new_uuid()}] * 1001
        with pytest.raises(InvalidArgument) as refusal:
            direct.call(method, platform.ports["customers"], administrator, records=records)
        assert [violation.field for violation in refusal.value.violations] == ["records"]
