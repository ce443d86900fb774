"""The methods of products."""

from typing import Any

import pytest

from rotunda.kit.v1 import resource_pb2
from rotunda.sales.v1 import product_service_pb2 as pb
from rotunda_kit.errors import AlreadyExists, InvalidArgument, NotFound
from rotunda_kit.model import new_id

from .sales import Sales


async def do(sales: Sales, verb: str, **fields: Any) -> pb.Product:
    answer = await sales.call(f"ProductService.{verb}Product", **fields)
    found: pb.Product = answer.product
    return found


async def create(sales: Sales, **fields: Any) -> pb.Product:
    return await do(sales, "Create", product={"display_name": "Hinge", **fields})


class TestCreate:
    async def test_a_new_product_is_sold(self, sales: Sales) -> None:
        price = {"units": 19, "nanos": 900_000_000, "currency_code": "EUR"}
        product = await create(sales, family="Doors", list_price=price)
        assert (product.active, product.family) == (True, "Doors")
        assert (product.list_price.units, product.list_price.nanos) == (19, 900_000_000)
        assert await do(sales, "Get", id=product.id) == product
        assert await sales.verbs(product.id) == ["created"]

    async def test_a_product_code_names_one_product(self, sales: Sales) -> None:
        code = new_id().hex
        product = await create(sales, product_code=code)
        with pytest.raises(AlreadyExists) as refusal:
            await create(sales, product_code=code)
        assert refusal.value.reason == "PRODUCT_CODE_TAKEN"
        await sales.call("ProductService.DeleteProduct", id=product.id)
        assert (await create(sales, product_code=code)).id != product.id

    async def test_nothing_is_sold_for_less_than_nothing(self, sales: Sales) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await create(sales, list_price={"units": -1, "currency_code": "EUR"})
        assert [violation.field for violation in refusal.value.violations] == ["product.list_price"]


class TestList:
    async def test_it_narrows_by_family_and_price(self, sales: Sales) -> None:
        family = new_id().hex
        for units in (10, 20, 30):
            await create(sales, family=family, list_price={"units": units, "currency_code": "EUR"})
        wanted = f'family = "{family}" AND list_price > 10'
        answer = await sales.call("ProductService.ListProducts", filter=wanted)
        assert [product.list_price.units for product in answer.products] == [30, 20]


class TestUpdate:
    async def test_it_changes_the_fields_of_the_mask(self, sales: Sales) -> None:
        product = await create(sales, description="For doors")
        changes = {"id": product.id, "active": False, "display_name": "Ignored"}
        mask = {"paths": ["active", "description"]}
        updated = await do(sales, "Update", product=changes, update_mask=mask)
        assert (updated.active, updated.display_name) == (False, "Hinge")
        assert not updated.HasField("description")


class TestDelete:
    async def test_opportunities_keep_naming_it(self, sales: Sales) -> None:
        product_id = await sales.product()
        opportunity = await sales.opportunity(product_ids=[product_id])
        await sales.call("ProductService.DeleteProduct", id=product_id)
        with pytest.raises(NotFound):
            await do(sales, "Get", id=product_id)
        assert await sales.do("Get", id=opportunity.id) == opportunity
        with pytest.raises(InvalidArgument) as refusal:
            await sales.opportunity(product_ids=[product_id])
        assert [violation.field for violation in refusal.value.violations] == ["opportunity.product_ids[0]"]


class TestBatchCreate:
    async def test_a_load_can_be_repeated(self, sales: Sales) -> None:
        items = [
            {"product": {"display_name": f"Hinge {at}", "external_ids": [{"system": "erp", "id": new_id().hex}]}}
            for at in range(3)
        ]
        for outcome in (resource_pb2.BATCH_OUTCOME_CREATED, resource_pb2.BATCH_OUTCOME_UNCHANGED):
            answer = await sales.call("ProductService.BatchCreateProducts", requests=items, upsert_by="externalIds")
            assert [result.outcome for result in answer.results] == [outcome] * 3
