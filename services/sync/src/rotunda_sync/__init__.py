"""Rotunda's sync service: mailboxes, messages."""
