"""What the gateway is told by its environment."""

from pathlib import Path

from pydantic import Field, SecretStr

from rotunda_kit.settings import Settings


class GatewaySettings(Settings):
    """Settings of the gateway; its gRPC port is that of access."""

    signing_key_file: Path = Field(description="private JSON Web Key (Ed25519) that signs tokens")
    encryption_key_file: Path = Field(description="256 bits in base64 that encrypt the secrets of second factors")
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=0, le=65535)
    grpc_port: int = Field(default=8056, ge=0, le=65535)
    smtp_url: SecretStr | None = Field(default=None, description="smtp:// or smtps:// URL of the mail server, if any")
    mail_from: str = "rotunda@localhost"
    password_reset_url: str = Field(
        default="", description="page that asks for a new password; the token of a mail is appended"
    )
    # Hours after which a session ends, however much it is used.
    session_lifetime: float = Field(default=12.0, gt=0)
    trusted_proxies: list[str] = Field(
        default_factory=list, description="JSON list of the addresses and networks whose X-Forwarded-For is believed"
    )
    oidc_issuer: str = Field(default="", description="address of the OpenID provider with which people sign in, if any")
    oidc_client_id: str = "rotunda"
    oidc_client_secret_file: Path | None = Field(default=None, description="what the provider knows us by, if anything")
    oidc_redirect_url: str = Field(default="", description="https://<this gateway>/v1/auth/oidc/callback")
    oidc_scope: str = "openid profile email"
    oidc_audience: str = Field(default="rotunda-api", description="`aud` of the provider's access tokens for our API")
    oidc_algorithms: list[str] = Field(default_factory=lambda: ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"])
    oidc_groups_claim: str = "groups"
    oidc_provision: bool = Field(default=True, description="make users who sign in for the first time")
    oidc_link_by_email: bool = Field(default=False, description="let a verified address be the user who has it")
    # Seconds that a 360 degree view waits for its services.
    view_deadline: float = 2.0
    # Requests at a time, and calls of access; who comes beyond is told to come later.
    max_in_flight: int = Field(default=96, ge=1)
    # Clients that read the live stream at a time.
    max_streams: int = Field(default=2_000, ge=0)
    # Requests a second that one credential may send to each gateway process, by class of route; 0: as many as it likes.
    rate_limit_read: float = Field(default=0.0, ge=0)
    rate_limit_write: float = Field(default=0.0, ge=0)
    rate_limit_batch: float = Field(default=0.0, ge=0)
    # So many seconds' requests may come at once.
    rate_limit_burst: float = Field(default=10.0, gt=0)
    # Bytes of a request body.
    body_limit: int = 8 * 1024 * 1024
