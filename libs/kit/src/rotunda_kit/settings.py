"""What a process is told by its environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of every service process, read from `ROTUNDA_*` variables."""

    model_config = SettingsConfigDict(env_prefix="ROTUNDA_", extra="ignore")

    database_url: str = Field(description="postgresql://user:password@host:port/database, of this service alone")
    nats_url: str = Field(description="nats://user:password@host:port")
    token_keys_file: Path = Field(description="JSON Web Key Set with the public keys of the gateway's internal tokens")
    audit_keys_file: Path = Field(
        description="JSON Web Key Set (Ed25519): the first key is private and signs this service's audit trail,"
        " the others are those of former times"
    )
    grpc_host: str = "127.0.0.1"
    grpc_port: int = Field(default=8051, ge=0, le=65535)
    log_level: str = "INFO"
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
    # Seconds that a stopping process gives its calls in flight.
    stop_grace: float = 10.0

    def address_of(self, service: str) -> str:
        """Where a service listens: `host:port`.

        Args:
            service: as in the proto package, for example `service_desk`.
        """
        address: str = getattr(self, f"{service}_address")
        return address
