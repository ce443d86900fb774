"""Rotunda's gateway: REST, the 360 degree view, access."""
