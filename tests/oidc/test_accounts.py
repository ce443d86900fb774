"""Who someone is here whom the provider knows, and in which groups."""

from typing import Any

from sqlalchemy import text

from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.model import new_id

from .conftest import Gateway, Make, Provider
from .test_machines import signed
from .test_people import problem


async def group(gateway: Gateway, provider: Provider, name: str, **fields: Any) -> str:
    """A group that counts where the provider names it."""
    given = {"display_name": "Group", "external_ids": [{"system": provider.issuer, "id": name}], **fields}
    made = await gateway.platform.call("rotunda.access.v1.GroupService.CreateGroup", group=given)
    return str(made.group.id)


async def signed_in(gateway: Gateway, provider: Provider, person: str) -> Any:
    """Who someone is who has just signed in."""
    provider.restart()
    answer = await gateway.sign_in(person)
    assert answer.status_code == 200, answer.text
    return (await gateway.me(answer.json()["access_token"])).raise_for_status().json()


class TestPerson:
    async def test_is_never_a_machine(self, gateway: Gateway, provider: Provider) -> None:
        await gateway.me(signed(provider, sub="collide", client_id="collide"))
        provider.people["client:collide"] = {"name": "Person", "groups": []}
        provider.restart()
        problem(await gateway.sign_in("client:collide"), 401, "TOKEN_INVALID")

    async def test_may_be_called_whatever_he_likes(self, gateway: Gateway, provider: Provider) -> None:
        me = await signed_in(gateway, provider, provider.person(name="Ada\0King", email="a\0@example.com"))
        assert me["displayName"] == "Ada\N{REPLACEMENT CHARACTER}King"

    async def test_is_not_taken_for_another_whom_the_provider_knows(
        self, make_gateway: Make, provider: Provider
    ) -> None:
        gateway = make_gateway(oidc_link_by_email=True, oidc_provision=False)
        person = provider.person()
        other = {
            "username": new_id().hex,
            "display_name": "Other",
            "email": f"{person}@example.com",
            "external_ids": [{"system": provider.issuer, "id": new_id().hex}],
        }
        await gateway.platform.call("rotunda.access.v1.UserService.CreateUser", user=other)
        provider.restart()
        problem(await gateway.sign_in(person), 401, "USER_UNKNOWN")


class TestGroups:
    async def test_that_are_not_named_any_more_are_taken_away_without_the_claim_too(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        name = new_id().hex
        its_id = await group(gateway, provider, name)
        person = provider.person(groups=[name])
        assert (await signed_in(gateway, provider, person))["groupIds"] == [its_id]
        del provider.people[person]["groups"]
        assert (await signed_in(gateway, provider, person))["groupIds"] == []

    async def test_one_may_be_named_by_itself(self, gateway: Gateway, provider: Provider) -> None:
        name = new_id().hex
        its_id = await group(gateway, provider, name)
        assert (await signed_in(gateway, provider, provider.person(groups=name)))["groupIds"] == [its_id]

    async def test_too_many_are_refused_and_not_cut(self, gateway: Gateway, provider: Provider) -> None:
        names = [new_id().hex for _ in range(21)]
        for name in names:
            await group(gateway, provider, name)
        person = provider.person(groups=names)
        provider.restart()
        problem(await gateway.sign_in(person), 401, "OIDC_TOO_MANY_GROUPS")

    async def test_the_last_administrator_keeps_his(self, gateway: Gateway, provider: Provider) -> None:
        name = new_id().hex
        its_id = await group(gateway, provider, name, role_ids=[ADMINISTRATOR])
        person = provider.person(groups=[name])
        me = await signed_in(gateway, provider, person)
        database = gateway.platform.runtimes["access"].database
        async with database.transaction() as session:
            statement = text('UPDATE "user" SET active = false WHERE active AND id <> :me RETURNING id')
            others = list(await session.scalars(statement, {"me": me["id"]}))
        try:
            provider.people[person]["groups"] = []
            assert (await signed_in(gateway, provider, person))["groupIds"] == [its_id]
        finally:
            async with database.transaction() as session:
                await session.execute(text('UPDATE "user" SET active = true WHERE id = ANY(:ids)'), {"ids": others})
        assert (await signed_in(gateway, provider, person))["groupIds"] == []
