"""Opportunities: every qualified inquiry of a customer."""
