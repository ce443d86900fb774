"""Rotunda's customers service: accounts, contacts, activities."""
