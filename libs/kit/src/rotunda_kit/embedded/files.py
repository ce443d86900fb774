"""Files that only their owner may read."""

import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Writes a file of mode 600, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def kept_password(path: Path) -> str:
    """The password in a file of mode 600, which is made with a random one if it is not there."""
    if not path.exists():
        write_private(path, new_password())
    return path.read_text()


def new_password() -> str:
    """A random password of 256 bits, in letters that need no quoting in URLs, configuration files and SQL."""
    return secrets.token_urlsafe(32)
