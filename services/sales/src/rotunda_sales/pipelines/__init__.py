"""Pipelines: the ways that opportunities go."""
