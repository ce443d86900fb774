"""Tickets: what customers complain about, ask for, or want to know."""
