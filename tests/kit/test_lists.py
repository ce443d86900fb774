"""Lists asked for with anything at all: an answer or InvalidArgument, never an error of the database."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotunda_customers.accounts.service import accounts
from rotunda_kit.errors import InvalidArgument
from rotunda_kit.listing.token import write_token
from rotunda_kit.model import new_id
from rotunda_kit.testing.platform import TestPlatform

LIST = "rotunda.customers.v1.AccountService.ListAccounts"

NAMES = sorted({field.name for field in accounts.mapping.list_fields.values()} | set(accounts.mapping.list_fields))
VALUES = ["1", "-1e9", '"x"', '"50%*"', r'"\\*"', "null", "*", "true", "2026-01-31", "2026-01-31T08:00:00Z", "COMPANY"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# Most are filters, though not of the right types.
FILTERS = st.lists(
    st.one_of(
        st.sampled_from(["AND", "OR", "NOT", "-", "(", ")"]),
        st.builds(
            "{}{}{}".format,
            st.sampled_from(NAMES),
            st.sampled_from(["=", "!=", "<", "<=", ">", ">=", ":"]),
            st.sampled_from(VALUES) | st.uuids().map(str),
        ),
    ),
    max_size=6,
).map(" ".join)
ORDERS = st.lists(
    st.builds("{} {}".format, st.sampled_from(NAMES), st.sampled_from(["", "asc", "desc"])), max_size=4
).map(",".join)


def made_up(order: str, values: list[Any]) -> str:
    """A token with any values, as the server would have written it."""
    return write_token(f'["rotunda.customers.v1.ListAccountsRequest", "", [["{order}", false], ["id", false]]]', values)


async def ask(platform: TestPlatform, **fields: Any) -> Any:
    """The answer; None if what was asked is wrong."""
    try:
        return await platform.call(LIST, **fields)
    except InvalidArgument:
        return None


@pytest.fixture(scope="module", autouse=True)
async def some_accounts(platform: TestPlatform) -> None:
    for number in range(3):
        await platform.call(
            "rotunda.customers.v1.AccountService.CreateAccount",
            account={"display_name": f"50% of {number}", "annual_revenue": {"currency_code": "EUR", "units": number}},
        )


class TestAnything:
    @settings(max_examples=300, deadline=None)
    @given(FILTERS | TEXT, ORDERS | TEXT, st.just("") | TEXT)
    async def test_any_filter_order_and_token(self, platform: TestPlatform, text: str, order: str, token: str) -> None:
        await ask(platform, filter=text, order_by=order, page_token=token, page_size=2)

    @settings(max_examples=200, deadline=None)
    @given(FILTERS)
    async def test_a_filter_and_its_contrary_find_each_account_once(self, platform: TestPlatform, text: str) -> None:
        found = await ask(platform, filter=text, page_size=1000)
        if found is None or not text:
            return
        others = await ask(platform, filter=f"NOT ({text})", page_size=1000)
        every = await ask(platform, page_size=1000)
        ids = [account.id for account in [*found.accounts, *others.accounts]]
        assert sorted(ids) == sorted(account.id for account in every.accounts)

    @settings(max_examples=100, deadline=None)
    @given(ORDERS)
    async def test_the_token_of_any_order_leads_on(self, platform: TestPlatform, order: str) -> None:
        first = await ask(platform, order_by=order, page_size=2)
        if first is not None:
            assert first.next_page_token
            second = await platform.call(LIST, order_by=order, page_size=2, page_token=first.next_page_token)
            assert not {account.id for account in first.accounts} & {account.id for account in second.accounts}

    @settings(max_examples=100, deadline=None)
    @given(st.sampled_from(NAMES), st.lists(st.none() | TEXT | st.sampled_from(VALUES), min_size=1, max_size=3))
    async def test_a_token_that_somebody_made_up(
        self, platform: TestPlatform, order: str, values: list[str | None]
    ) -> None:
        await ask(platform, order_by=order, page_token=made_up(order, [*values, new_id()]))

    async def test_a_token_that_somebody_made_up_well_leads_into_the_list(self, platform: TestPlatform) -> None:
        token = made_up("display_name", ["50% of 0", UUID(int=2**128 - 1)])
        answer = await platform.call(LIST, order_by="display_name", page_token=token, page_size=1)
        assert [account.display_name for account in answer.accounts] == ["50% of 1"]
