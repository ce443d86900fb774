"""All services, for tests of what each of them has."""

from importlib import import_module

from rotunda_kit.app import Service

SERVICES = {
    "access": "rotunda_gateway.access.app",
    "customers": "rotunda_customers.app",
    "sales": "rotunda_sales.app",
    "service_desk": "rotunda_service_desk.app",
    "marketing": "rotunda_marketing.app",
    "sync": "rotunda_sync.app",
}


def service_of(name: str) -> Service:
    """A service, by its name as in the proto package."""
    app: Service = import_module(SERVICES[name]).app
    assert app.name == name
    return app
