"""The gateway at one glance: the protos' methods as REST, its own routes, and access in the same process."""

from collections.abc import Mapping

from fastapi import FastAPI

from rotunda.kit.v1.custom_field_service_pb2 import CustomField
from rotunda_gateway.auth.callers import Callers
from rotunda_gateway.auth.credentials import Credentials
from rotunda_gateway.auth.encryption import Encryption
from rotunda_gateway.auth.mail import SmtpMail
from rotunda_gateway.auth.oidc.routes import oidc_routes
from rotunda_gateway.auth.oidc.setup import Oidc
from rotunda_gateway.auth.password_routes import password_routes
from rotunda_gateway.auth.passwords import Passwords
from rotunda_gateway.auth.routes import auth_routes
from rotunda_gateway.auth.second_factor import SecondFactors
from rotunda_gateway.auth.second_factor_routes import second_factor_routes
from rotunda_gateway.auth.session_routes import session_routes
from rotunda_gateway.auth.sessions import AUDIENCE, Sessions
from rotunda_gateway.auth.sign_in import SignIn
from rotunda_gateway.auth.throttle import Throttle
from rotunda_gateway.contracts.calls import Contracts
from rotunda_gateway.contracts.lists import LISTS
from rotunda_gateway.health import health_routes
from rotunda_gateway.http.problems import install_problems
from rotunda_gateway.http.rate_limits import BATCH, READ, WRITE, RateLimits
from rotunda_gateway.openapi.custom_fields import custom_fields
from rotunda_gateway.openapi.docs import install_docs
from rotunda_gateway.overview.routes import overview_routes
from rotunda_gateway.overview.view import Views
from rotunda_gateway.scim.routes import Provisioning, install_provisioning
from rotunda_gateway.settings import GatewaySettings
from rotunda_gateway.stream.hub import Hub
from rotunda_gateway.stream.routes import stream_routes
from rotunda_gateway.transcoding.routes import discover_routes
from rotunda_gateway.transcoding.transcoder import Transcoder, install_transcoder
from rotunda_kit.identity import TokenIssuer, TokenVerifier
from rotunda_kit.runtime import Runtime


def make_app(runtime: Runtime, settings: GatewaySettings) -> FastAPI:
    """The HTTP side of a gateway process.

    Args:
        runtime: of access, whose database and clients the routes use.
        settings: of the process.
    """
    app = FastAPI(
        title="Rotunda",
        version="1",
        description="A customer relationship platform for large organisations.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # It would tell everything a second time, and messages of exceptions, which may hold values.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    issuer = TokenIssuer.from_file(settings.signing_key_file)
    tokens = TokenVerifier.from_file(settings.token_keys_file, AUDIENCE)
    encryption = Encryption.from_file(settings.encryption_key_file)
    oidc = Oidc.of(settings, encryption, runtime.database) if settings.oidc_issuer else None
    callers = Callers(runtime, issuer, tokens, oidc.access_tokens if oidc else None, _limits(settings))
    sessions = Sessions(runtime.database, issuer, settings.session_lifetime)
    throttle = Throttle(runtime.database)
    factors = SecondFactors(runtime.database, encryption)
    sign_in = SignIn(runtime.database, sessions, throttle, factors)
    credentials = Credentials(runtime.database, runtime.control)
    mail = SmtpMail(settings.smtp_url.get_secret_value(), settings.mail_from) if settings.smtp_url else None
    passwords = Passwords(runtime, mail, settings.password_reset_url)
    routes = discover_routes()
    install_problems(app, lambda: runtime.retired, settings.max_in_flight)
    contracts = Contracts(runtime.clients.call, LISTS)

    async def read_custom_fields(headers: Mapping[str, str]) -> list[CustomField]:
        return await custom_fields(contracts.call, await callers.authenticate(headers))

    install_docs(app, routes, read_custom_fields)
    app.include_router(health_routes(runtime))
    app.include_router(auth_routes(callers, sessions, sign_in, factors, runtime.database))
    app.include_router(session_routes(callers, sessions, credentials))
    app.include_router(password_routes(callers, passwords, throttle, credentials))
    app.include_router(second_factor_routes(callers, factors, passwords, throttle, credentials))
    if oidc is not None:
        secure = settings.oidc_redirect_url.startswith("https://")
        app.include_router(oidc_routes(oidc.sign_in, sessions, secure=secure))
    views = Views(runtime.clients, runtime.database, runtime.tokens, runtime.control.directory, settings.view_deadline)
    app.include_router(overview_routes(callers, views))
    app.state.hub = Hub(runtime, issuer, callers, settings.max_streams)
    app.include_router(stream_routes(callers, app.state.hub))
    install_provisioning(app, Provisioning(runtime.clients.call, callers.authenticate, settings.body_limit))
    install_transcoder(
        app,
        Transcoder(contracts.call, callers.authenticate, routes, body_limit=settings.body_limit),
    )
    return app


def _limits(settings: GatewaySettings) -> RateLimits:
    rates = {
        READ: settings.rate_limit_read,
        WRITE: settings.rate_limit_write,
        BATCH: settings.rate_limit_batch,
    }
    return RateLimits(rates, settings.rate_limit_burst)
