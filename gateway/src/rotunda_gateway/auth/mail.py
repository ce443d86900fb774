"""Sending mail."""

from email.message import EmailMessage
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib

# Seconds.
TIMEOUT = 20.0
_PORTS = {"smtp": 587, "smtps": 465}


class Mail(Protocol):
    """Sends mails."""

    async def send(self, to: str, subject: str, text: str) -> None:
        """Hand a mail to whoever delivers it; raises whatever keeps it from that."""


class SmtpMail:
    """Sends mails by a server.

    Args:
        url: `smtp://user:password@host:port`, encrypted from STARTTLS on where the server offers it, or `smtps://…`,
            encrypted from the start. User and password may be missing.
        sender: the address that the mails are from.

    Raises:
        ValueError: it is no such URL.
    """

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("the address of the mail server is no smtp:// or smtps:// URL")
        self._host, self._port = parts.hostname, parts.port or _PORTS[parts.scheme]
        self._username = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._encrypted = parts.scheme == "smtps"
        self._sender = sender

    async def send(self, to: str, subject: str, text: str) -> None:
        """Hand a mail to the server."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, to, subject
        message.set_content(text)
        await aiosmtplib.send(
            message,
            hostname=self._host,
            port=self._port,
            username=self._username,
            password=self._password,
            use_tls=self._encrypted,
            timeout=TIMEOUT,
        )
