"""Alembic's environment, the same for every service; the connection comes from `rotunda_kit.db.migrations`."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["metadata"],
    compare_type=True,
    compare_server_default=False,
)
context.run_migrations()
