"""Rotunda's service desk: tickets."""
