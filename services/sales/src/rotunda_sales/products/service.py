"""The methods of products."""

from rotunda.sales.events.v1 import product_event_pb2 as events_pb
from rotunda.sales.v1 import product_service_pb2 as pb
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.method import Servicer
from rotunda_sales.products.model import Product

products = Collection(Product, pb.Product, event=events_pb.ProductEvent)


class ProductService(Servicer, service="rotunda.sales.v1.ProductService"):
    """What is sold."""

    GetProduct = products.get()
    ListProducts = products.list()
    CreateProduct = products.create()
    UpdateProduct = products.update()
    DeleteProduct = products.delete()
    UndeleteProduct = products.undelete()
    BatchCreateProducts = products.batch_create()
    BatchUpdateProducts = products.batch_update()
