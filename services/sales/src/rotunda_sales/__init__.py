"""Rotunda's sales service: products, pipelines, close reasons, opportunities."""
