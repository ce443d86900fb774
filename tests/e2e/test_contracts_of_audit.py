"""The audit trail over REST: one of all services, chained by their workers."""

import asyncio
from typing import Any

import httpx

from rotunda_kit.audit.chain import Signer
from rotunda_kit.audit.verification import Verdict, verify
from rotunda_local.platform import Platform

from .nouns import new_uuid
from .patience import seconds_until
from .problems import assert_problem
from .records import Records

DATABASES = {"customers": "customers", "sales": "sales", "access": "gateway"}


def entries(client: httpx.Client, condition: str) -> list[dict[str, Any]]:
    answer = client.get("/v1/auditEntries", params={"filter": condition}).raise_for_status().json()
    assert answer["unreachable"] == []
    return list(answer["auditEntries"])


def verdict(platform: Platform, database: str) -> Verdict:
    url = platform.postgres.url(database, database, platform.home.database_password(database))
    signer = Signer.from_file(platform.home.audit_keys_file(DATABASES[database]))
    return asyncio.run(verify(url, database, signer))


class TestAuditEntries:
    def test_tell_of_the_records_of_all_services(self, client: httpx.Client, records: Records) -> None:
        for noun in ("customers.account", "sales.opportunity", "sync.mailbox", "access.team"):
            record = records.create(noun)
            (entry,) = entries(client, f'record.id = "{record["id"]}"')
            assert (entry["action"], entry["record"]) == ("created", {"type": noun, "id": record["id"]})
            assert entry["service"] == noun.partition(".")[0]
            assert client.get(f"/v1/auditEntries/{entry['id']}").raise_for_status().json()["record"] == entry["record"]

    def test_tell_who_and_what(self, client: httpx.Client, records: Records) -> None:
        account = records.create("customers.account", industry="software")
        client.patch(f"/v1/accounts/{account['id']}", json={"industry": "machines"}).raise_for_status()
        updated, _created = entries(client, f'record.id = "{account["id"]}"')
        assert updated["changes"] == [{"field": "industry", "before": '"software"', "after": '"machines"'}]
        assert updated["actorId"] == client.get("/v1/me").json()["id"]
        assert updated["method"] == "rotunda.customers.v1.AccountService.UpdateAccount"

    def test_are_chained_and_signed_within_seconds(
        self, client: httpx.Client, platform: Platform, records: Records
    ) -> None:
        account = records.create("customers.account")
        condition = f'record.id = "{account["id"]}"'
        seconds_until(lambda: "sequenceNumber" in entries(client, condition)[0], 10)
        assert len(entries(client, condition)[0]["hash"]) == 64
        for database in DATABASES:
            assert verdict(platform, database).broken == ""

    def test_of_none_is_not_found(self, client: httpx.Client) -> None:
        for entry_id in (f"sales-{new_uuid()}", "sales-x", "mars-1"):
            assert_problem(client.get(f"/v1/auditEntries/{entry_id}"), 404, "AUDIT_ENTRY_NOT_FOUND")
