"""What all tests share: one real PostgreSQL and one real NATS a session."""

from hypothesis import settings

pytest_plugins = ["rotunda_kit.testing.servers"]

# Machines are shared and noisy: how long an example takes says nothing.
settings.register_profile("rotunda", deadline=None)
settings.load_profile("rotunda")
