"""Campaigns: mailings, calls, events and advertisements for a group of customers."""
