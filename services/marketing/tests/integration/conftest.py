"""Marketing, with the owners of the records that campaigns refer to."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from rotunda_customers.app import app as customers
from rotunda_gateway.access.app import app as access
from rotunda_kit.embedded import Nats, Postgres
from rotunda_kit.testing.platform import TestPlatform
from rotunda_marketing.app import app


@pytest.fixture(scope="session")
async def platform(
    postgres: Postgres, nats: Nats, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestPlatform]:
    """The services without their workers: what is written stays in the outbox, and copies come by asking."""
    platform = TestPlatform(postgres, nats, tmp_path_factory.mktemp("marketing"))
    try:
        for service in (access, customers, app):
            await platform.start(service, worker=False)
        yield platform
    finally:
        await platform.stop()


@pytest.fixture
def new_account(platform: TestPlatform) -> Callable[[], Awaitable[str]]:
    """Makes an account, and gives its id."""

    async def create() -> str:
        method = "rotunda.customers.v1.AccountService.CreateAccount"
        return str((await platform.call(method, account={"display_name": "Acme"})).account.id)

    return create


@pytest.fixture
def new_contact(platform: TestPlatform) -> Callable[[], Awaitable[str]]:
    """Makes a contact, and gives its id."""

    async def create() -> str:
        method = "rotunda.customers.v1.ContactService.CreateContact"
        contact = {"first_name": "Ada", "last_name": "Lovelace"}
        return str((await platform.call(method, contact=contact)).contact.id)

    return create
