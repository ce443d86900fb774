"""Secrets that the gateway hands out, and keeps as digests only."""

import hashlib
import secrets

# 256 bits: nobody guesses it, so that a plain digest of it is safe to keep.
BYTES = 32


def new_secret(prefix: str = "") -> str:
    """A random secret, in the letters of URLs."""
    return prefix + secrets.token_urlsafe(BYTES)


def digest_of(secret: str) -> bytes:
    """What is kept of a secret: SHA-256."""
    return hashlib.sha256(secret.encode()).digest()
