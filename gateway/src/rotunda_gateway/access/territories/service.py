"""The methods of territories."""

from rotunda.access.events.v1 import territory_event_pb2 as events_pb
from rotunda.access.v1 import territory_service_pb2 as pb
from rotunda_gateway.access.territories.model import Territory
from rotunda_kit.resource.collection import Collection
from rotunda_kit.resource.hierarchy import in_hierarchy, no_children
from rotunda_kit.server.method import Servicer

territory = Territory.__table__
parent = territory.alias("parent")

territories = Collection(
    Territory,
    pb.Territory,
    event=events_pb.TerritoryEvent,
    derived={"parent_territory_display_name": parent.c.display_name},
    joins=[(parent, parent.c.id == territory.c.parent_territory_id)],
    guards=[in_hierarchy(Territory, "parent_territory_id")],
)


class TerritoryService(Servicer, service="rotunda.access.v1.TerritoryService"):
    """Parts of the market."""

    GetTerritory = territories.get()
    ListTerritories = territories.list()
    CreateTerritory = territories.create()
    UpdateTerritory = territories.update()
    DeleteTerritory = territories.delete(no_children(Territory, "parent_territory_id", "TERRITORY_HAS_PARTS"))
    UndeleteTerritory = territories.undelete()
    BatchCreateTerritories = territories.batch_create()
    BatchUpdateTerritories = territories.batch_update()
