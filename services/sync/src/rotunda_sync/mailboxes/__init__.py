"""Mailboxes that take part."""
