"""Accounts: companies and individuals."""
