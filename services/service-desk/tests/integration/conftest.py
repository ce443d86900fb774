"""The service desk, with the owners of the records that tickets refer to."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from rotunda_customers.app import app as customers
from rotunda_gateway.access.app import app as access
from rotunda_kit.embedded import Nats, Postgres
from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.testing.platform import TestPlatform
from rotunda_sales.app import app as sales
from rotunda_service_desk.app import app


@pytest.fixture(scope="session")
async def platform(
    postgres: Postgres, nats: Nats, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestPlatform]:
    """The services without their workers: what is written stays in the outbox, and copies come by asking."""
    platform = TestPlatform(postgres, nats, tmp_path_factory.mktemp("service-desk"))
    try:
        for service in (access, customers, sales, app):
            await platform.start(service, worker=False)
        yield platform
    finally:
        await platform.stop()


@pytest.fixture(scope="session")
async def known(platform: TestPlatform) -> dict[str, str]:
    """Ids of records that tickets may refer to: an account, a contact, a product, the users anna and ben."""

    async def create(service: str, **record: Any) -> str:
        """Create a record, the request's and the answer's only one."""
        ((noun, _),) = record.items()
        answer = await platform.call(f"rotunda.{service}Service.Create{noun.title()}", **record)
        return str(getattr(answer, noun).id)

    # Access refuses to be without an administrator.
    anna = {"username": "anna", "display_name": "Anna", "role_ids": [ADMINISTRATOR]}
    return {
        "account": await create("customers.v1.Account", account={"display_name": "Acme"}),
        "contact": await create("customers.v1.Contact", contact={"last_name": "Lovelace"}),
        "product": await create("sales.v1.Product", product={"display_name": "Hinge"}),
        "anna": await create("access.v1.User", user=anna),
        "ben": await create("access.v1.User", user={"username": "ben", "display_name": "Ben"}),
    }
