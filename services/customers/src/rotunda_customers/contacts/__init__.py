"""Contacts: the people that one deals with."""
