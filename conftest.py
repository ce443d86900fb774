"""Fixtures of all tests: one real PostgreSQL and one real NATS a session."""

pytest_plugins = ["rotunda_kit.testing.servers"]
