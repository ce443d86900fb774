"""Loads the public data set "CRM Sales Opportunities" through Rotunda's public API, as often as one likes."""
