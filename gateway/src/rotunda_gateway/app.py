"""The gateway at one glance: the protos' methods as REST, its own routes, and access in the same process."""

from fastapi import FastAPI

from rotunda_gateway.auth.callers import AUDIENCE, Callers
from rotunda_gateway.auth.routes import auth_routes
from rotunda_gateway.health import health_routes
from rotunda_gateway.http.problems import install_problems
from rotunda_gateway.openapi.docs import install_docs
from rotunda_gateway.overview.routes import overview_routes
from rotunda_gateway.overview.view import Views
from rotunda_gateway.scim.routes import Provisioning, install_provisioning
from rotunda_gateway.settings import GatewaySettings
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
    )
    callers = Callers(
        runtime.database,
        TokenIssuer.from_file(settings.signing_key_file),
        TokenVerifier.from_file(settings.token_keys_file, AUDIENCE),
    )
    routes = discover_routes()
    install_problems(app)
    install_docs(app, routes)
    app.include_router(health_routes(runtime.database))
    app.include_router(auth_routes(callers, runtime.database))
    views = Views(runtime.clients, runtime.database, runtime.tokens, runtime.control.directory, settings.view_deadline)
    app.include_router(overview_routes(callers, views))
    install_provisioning(app, Provisioning(runtime.clients.call, callers.authenticate, settings.body_limit))
    install_transcoder(
        app, Transcoder(runtime.clients.call, callers.authenticate, routes, body_limit=settings.body_limit)
    )
    return app
