"""Encryption of what has to be read again: AES-256-GCM, with a key that is not in the database."""

import os
from base64 import b64decode
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_NONCE_BYTES = 12


class Encryption:
    """Encrypts and decrypts with one key of 256 bits."""

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise ValueError(f"the key has {len(key)} bytes, not {_KEY_BYTES}")
        self._cipher = AESGCM(key)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """With a key in base64, as `openssl rand -base64 32` writes one.

        Raises:
            ValueError: it has another length.
        """
        return cls(b64decode(path.read_text()))

    def encrypt(self, content: bytes, belongs_to: bytes) -> bytes:
        """Encrypted content, good only together with what it belongs to: it can't be moved to another row."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, belongs_to)

    def decrypt(self, encrypted: bytes, belongs_to: bytes) -> bytes:
        """The content.

        Raises:
            cryptography.exceptions.InvalidTag: it was changed, belongs to something else, or had another key.
        """
        return self._cipher.decrypt(encrypted[:_NONCE_BYTES], encrypted[_NONCE_BYTES:], belongs_to)
