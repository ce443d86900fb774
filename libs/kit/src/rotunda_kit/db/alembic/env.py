"""Alembic's environment, the same for every service; the connection comes from `rotunda_kit.db.migrations`."""

from alembic import context

if context.is_offline_mode():
    # Writes what it would do, for it to be checked.
    context.configure(dialect_name="postgresql", literal_binds=True, transaction_per_migration=True)
else:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=context.config.attributes["metadata"],
        compare_type=True,
        compare_server_default=False,
        transaction_per_migration=True,
    )
with context.begin_transaction():
    context.run_migrations()
