"""A database that was restored does not know who has lost his rights since."""

from rotunda_gateway.access.app import app as access
from rotunda_kit.testing.platform import TestPlatform

from .conftest import Gateway, assert_problem


class TestRestored:
    async def test_everybody_signs_in_again(self, gateway: Gateway, platform: TestPlatform) -> None:
        person = await gateway.person()
        assert (await gateway.send("GET", "/v1/me", person)).status_code == 200
        before = await gateway.rows('SELECT version FROM "user" WHERE id = CAST(:id AS uuid)', id=person.id)
        await access.restored(platform.runtimes["access"].settings.database_url)
        again = await gateway.again(person)
        assert (await gateway.send("GET", "/v1/me", again)).status_code == 200
        after = await gateway.rows('SELECT version FROM "user" WHERE id = CAST(:id AS uuid)', id=person.id)
        assert after[0].version > before[0].version + 100_000
        ended = await gateway.rows(
            "SELECT count(*) FROM session WHERE user_id = CAST(:id AS uuid) AND end_time IS NOT NULL", id=person.id
        )
        assert ended[0].count == 1
        form = {"grant_type": "refresh_token", "refresh_token": person.refresh_token}
        assert_problem(await gateway.send("POST", "/v1/auth/token", data=form), 401, "SESSION_ENDED")
