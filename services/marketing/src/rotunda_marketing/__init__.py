"""Rotunda's marketing service: campaigns and their members."""
