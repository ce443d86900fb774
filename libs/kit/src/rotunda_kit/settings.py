"""What a process is told by its environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DatabaseSettings(BaseSettings):
    """All that a command needs which is about the database only; it shall know no other secret."""

    model_config = SettingsConfigDict(env_prefix="ROTUNDA_", extra="ignore")

    database_url: str = Field(description="postgresql://user:password@host:port/database, of this service alone")
    log_level: str = "INFO"


class Settings(DatabaseSettings):
    """Settings of every service process, read from `ROTUNDA_*` variables."""

    nats_url: str = Field(description="nats://user:password@host:port")
    token_keys_file: Path = Field(description="JSON Web Key Set with the public keys of the gateway's internal tokens")
    audit_keys_file: Path = Field(
        description="JSON Web Key Set (Ed25519): the first key is private and signs this service's audit trail,"
        " the others are those of former times"
    )
    # Address at which gRPC, probes and metrics listen.
    grpc_host: str = "127.0.0.1"
    grpc_port: int = Field(default=8051, ge=0, le=65535)
    # Where an orchestrator asks grpc.health.v1 in plain text: "" is ready, "live" lives. 0: nowhere.
    probe_port: int = Field(default=0, ge=0, le=65535)
    # Where Prometheus finds /metrics. 0: nowhere.
    metrics_port: int = Field(default=0, ge=0, le=65535)
    otlp_endpoint: str = Field(
        default="", description="http://host:4317 of an OpenTelemetry collector for traces and metrics, if any"
    )
    # Of the traces that begin here, which are sent to the collector.
    trace_sample_ratio: float = Field(default=0.01, ge=0, le=1)
    tls_cert_file: Path | None = Field(
        default=None, description="PEM certificate of the process, for TLS between services; read again when renewed"
    )
    tls_key_file: Path | None = Field(default=None, description="PEM private key of the certificate")
    tls_ca_file: Path | None = Field(default=None, description="PEM authorities of the other services' certificates")
    # Whether callers must show a certificate, too.
    tls_client_auth: bool = False
    # How many connections to PostgreSQL a process keeps, for commands and for reads each.
    database_pool_size: int = Field(default=12, ge=1)
    customers_address: str = "127.0.0.1:8051"
    sales_address: str = "127.0.0.1:8052"
    service_desk_address: str = "127.0.0.1:8053"
    marketing_address: str = "127.0.0.1:8054"
    sync_address: str = "127.0.0.1:8055"
    access_address: str = "127.0.0.1:8056"
    # Seconds between two comparisons of the reference copies with their owners' records.
    reconcile_interval: float = Field(default=3600.0, gt=0)
    # Days for which deleted records can be brought back.
    recycle_bin_days: int = Field(default=30, ge=1)
    # Calls at a time; who comes beyond is told to come later.
    max_in_flight: int = Field(default=512, ge=1)
    # Seconds that a process which is to stop still takes calls, while others hear that it is not ready any more.
    stop_delay: float = Field(default=0.0, ge=0)
    # Seconds that a stopping process gives its calls in flight.
    stop_grace: float = 10.0

    def address_of(self, service: str) -> str:
        """Where a service listens: `host:port`.

        Args:
            service: as in the proto package, for example `service_desk`.
        """
        address: str = getattr(self, f"{service}_address")
        return address
