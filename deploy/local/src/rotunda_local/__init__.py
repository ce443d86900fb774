"""Runs the whole platform on one machine: PostgreSQL, NATS, the services and the gateway under supervisord."""
