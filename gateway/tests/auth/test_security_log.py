"""What happens to accounts and credentials stands in the audit trail."""

from typing import Any

from .conftest import PASSWORD, Gateway, Person


async def told(gateway: Gateway, person: Person) -> list[tuple[str, str]]:
    """What happened to somebody's account since he was made: action and who did it."""
    statement = "SELECT action, actor FROM audit_entry WHERE record_id = :id AND action LIKE '%.%' ORDER BY id"
    rows: list[Any] = await gateway.rows(statement, id=person.id)
    return [(row.action, row.actor) for row in rows]


class TestSecurityLog:
    async def test_tells_of_sessions(self, gateway: Gateway, person: Person, administrator: Person) -> None:
        await gateway.send("POST", "/v1/auth/signOut", person)
        again = await gateway.again(person)
        (await gateway.send("POST", f"/v1/users/{again.id}:endSessions", administrator)).raise_for_status()
        assert await told(gateway, person) == [
            ("session.begun", person.id),
            ("session.ended", person.id),
            ("session.begun", person.id),
            ("sessions.ended", administrator.id),
        ]

    async def test_tells_of_failed_sign_ins(self, gateway: Gateway, person: Person) -> None:
        await gateway.sign_in(person.username, "wrong password")
        assert (await told(gateway, person))[-1] == ("sign_in.failed", person.id)
        before = await gateway.rows("SELECT count(*) FROM audit_entry WHERE actor = 'anonymous'")
        await gateway.sign_in("nobody at all", PASSWORD)
        after = await gateway.rows("SELECT count(*) FROM audit_entry WHERE actor = 'anonymous'")
        assert after[0][0] == before[0][0] + 1

    async def test_tells_of_passwords(self, gateway: Gateway, person: Person) -> None:
        body = {"currentPassword": PASSWORD, "newPassword": "another horse battery"}
        (await gateway.send("POST", "/v1/auth/changePassword", person, json=body)).raise_for_status()
        assert (await told(gateway, person))[-1] == ("password.changed", person.id)
        changed = await gateway.rows("SELECT changes FROM audit_entry WHERE record_id = :id ORDER BY id", id=person.id)
        assert "argon2" not in str(changed)
