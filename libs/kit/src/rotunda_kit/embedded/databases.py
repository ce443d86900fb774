"""What tests and `rotunda_local` do with a PostgreSQL server, wherever it runs."""

import asyncpg

from rotunda_kit.embedded.files import new_password

SUPERUSER = "postgres"
TIMEOUT = 60.0


def common_settings(shared_buffers: str, *, durable: bool) -> dict[str, str | int]:
    """What our servers are set to by name, wherever they run.

    Args:
        shared_buffers: memory for pages, in PostgreSQL's spelling.
        durable: False trades what a power failure would lose for speed.
    """
    settings: dict[str, str | int] = {
        "max_connections": 200,
        "shared_buffers": shared_buffers,
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # Details of errors quote what people wrote: personal data, which logs must not hold.
        "log_error_verbosity": "terse",
        "log_parameter_max_length": 0,
        # The product's statements are short; compiling them takes longer than running them.
        "jit": "off",
    }
    if not durable:
        # Not synchronous_commit: what was committed must survive that the server is killed, for which tests look.
        settings["fsync"] = "off"
    return settings


class Postgres:
    """A server whose superuser we are."""

    host = "127.0.0.1"
    port: int

    @property
    def superuser_password(self) -> str:
        """Opens everything."""
        raise NotImplementedError

    @property
    def admin_url(self) -> str:
        """Where the superuser connects, with his password."""
        return self.url("postgres", SUPERUSER, self.superuser_password)

    def url(self, database: str, user: str, password: str) -> str:
        """Where a user connects to a database."""
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{database}"

    async def ensure_database(self, name: str, password: str) -> str:
        """Makes a database and the role of the same name that owns it, as far as they are not there.

        The role owns nothing else and may connect to nothing else.

        Returns:
            Its URL.
        """
        connection = await asyncpg.connect(self.admin_url, timeout=10, command_timeout=TIMEOUT)
        try:
            for shared in ("postgres", "template1"):
                await _run(connection, "REVOKE CONNECT ON DATABASE %I FROM PUBLIC", shared)
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", name):
                await _run(connection, "CREATE ROLE %I", name)
            await _run(connection, "ALTER ROLE %I LOGIN PASSWORD %L", name, password)
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
                await _run(connection, "CREATE DATABASE %I OWNER %I", name, name)
            await _run(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", name)
        finally:
            await connection.close()
        return self.url(name, name, password)

    async def create_database(self, name: str) -> str:
        """Makes a new, empty database with its role, for tests; one of that name from before is dropped.

        Returns:
            Its URL, with the role's random password.
        """
        connection = await asyncpg.connect(self.admin_url, timeout=10, command_timeout=TIMEOUT)
        try:
            await _run(connection, "DROP DATABASE IF EXISTS %I WITH (FORCE)", name)
        finally:
            await connection.close()
        return await self.ensure_database(name, new_password())


async def _run(connection: "asyncpg.Connection[asyncpg.Record]", template: str, *values: str) -> None:
    """Runs a statement that takes no parameters, its values quoted by PostgreSQL itself."""
    places = ", ".join(f"${number}::text" for number in range(2, len(values) + 2))
    await connection.execute(await connection.fetchval(f"SELECT format($1, {places})", template, *values))
