"""What the settings say of the provider, put together."""

from dataclasses import dataclass

from rotunda_gateway.auth.encryption import Encryption
from rotunda_gateway.auth.oidc.access_tokens import AccessTokens
from rotunda_gateway.auth.oidc.accounts import Rules
from rotunda_gateway.auth.oidc.provider import Provider
from rotunda_gateway.auth.oidc.sign_in import Client, OidcSignIn
from rotunda_gateway.auth.oidc.tokens import Tokens
from rotunda_gateway.settings import GatewaySettings
from rotunda_kit.db.engine import Database


@dataclass(frozen=True, slots=True)
class Oidc:
    """Sign-in of people, and access tokens."""

    sign_in: OidcSignIn
    access_tokens: AccessTokens

    @classmethod
    def of(cls, settings: GatewaySettings, encryption: Encryption, database: Database) -> "Oidc":
        """As the settings say.

        Raises:
            ValueError: the provider's address is not https.
        """
        provider = Provider(settings.oidc_issuer)
        tokens = Tokens(provider, settings.oidc_client_id, settings.oidc_audience, settings.oidc_algorithms)
        rules = Rules(
            settings.oidc_issuer, settings.oidc_groups_claim, settings.oidc_provision, settings.oidc_link_by_email
        )
        secret = settings.oidc_client_secret_file.read_text().strip() if settings.oidc_client_secret_file else ""
        client = Client(settings.oidc_client_id, secret, settings.oidc_redirect_url, settings.oidc_scope)
        sign_in = OidcSignIn(provider, tokens, client, rules, encryption, database)
        return cls(sign_in, AccessTokens(tokens, rules, database))
