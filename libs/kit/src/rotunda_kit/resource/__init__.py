"""Nouns: the mapping between a mapped class and its message, and the standard methods over it."""
