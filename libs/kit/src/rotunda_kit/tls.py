"""TLS between services: certificates from files, which may be renewed while the process runs."""

from dataclasses import dataclass
from pathlib import Path

import grpc

from rotunda_kit.settings import Settings


@dataclass(frozen=True, slots=True)
class _Pem:
    """What stood in the files at one time."""

    key: bytes
    certificate: bytes
    authorities: bytes


class Tls:
    """Credentials of a process, for its server and for its calls to others.

    Args:
        certificate: PEM file with the process's certificate, and those between it and an authority.
        key: PEM file with its private key.
        authorities: PEM file with the authorities that others' certificates must come from.
        mutual: whether the process asks callers for a certificate, and shows its own to whom it calls.
    """

    def __init__(self, certificate: Path, key: Path, authorities: Path, *, mutual: bool) -> None:
        self._files = (key, certificate, authorities)
        self._mutual = mutual

    @classmethod
    def of(cls, settings: Settings) -> "Tls | None":
        """As settings say; None where connections are in plain text.

        Raises:
            ValueError: of the three files some are set and some are not.
        """
        files = (settings.tls_cert_file, settings.tls_key_file, settings.tls_ca_file)
        given = [file for file in files if file is not None]
        if not given:
            return None
        if len(given) < len(files):
            raise ValueError("ROTUNDA_TLS_CERT_FILE, ROTUNDA_TLS_KEY_FILE and ROTUNDA_TLS_CA_FILE belong together")
        return cls(*given, mutual=settings.tls_client_auth)

    def version(self) -> tuple[int, ...]:
        """Changes when the files do."""
        return tuple(file.stat().st_mtime_ns for file in self._files)

    def _read(self) -> _Pem:
        while True:
            before = self.version()
            pem = _Pem(*(file.read_bytes() for file in self._files))
            # Else they were renewed meanwhile, and the key may not be the certificate's.
            if self.version() == before:
                return pem

    def server(self) -> grpc.ServerCredentials:
        """For a server; new connections get what stands in the files then."""
        known = self.version()

        def configuration() -> grpc.ServerCertificateConfiguration:
            pem = self._read()
            return grpc.ssl_server_certificate_configuration(
                [(pem.key, pem.certificate)], pem.authorities if self._mutual else None
            )

        def renewed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal known
            version = self.version()
            if version == known:
                return None
            found = configuration()
            known = version
            return found

        return grpc.dynamic_ssl_server_credentials(configuration(), renewed, require_client_authentication=self._mutual)

    def client(self) -> grpc.ChannelCredentials:
        """For connections to others, as the files are now."""
        pem = self._read()
        if not self._mutual:
            return grpc.ssl_channel_credentials(pem.authorities)
        return grpc.ssl_channel_credentials(pem.authorities, pem.key, pem.certificate)
