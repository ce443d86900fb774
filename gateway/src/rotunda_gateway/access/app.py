"""Access at one glance."""

import rotunda_gateway
from rotunda_gateway.access import references
from rotunda_gateway.access.api_keys.service import ApiKeyService
from rotunda_gateway.access.database import Base
from rotunda_gateway.access.groups.service import GroupService
from rotunda_gateway.access.roles.service import RoleService
from rotunda_gateway.access.roles.shipped import missing_roles, ship_roles
from rotunda_gateway.access.teams.service import TeamService
from rotunda_gateway.access.territories.service import TerritoryService
from rotunda_gateway.access.users.service import UserService
from rotunda_gateway.auth import housekeeping
from rotunda_gateway.auth.sessions import end_all_sessions
from rotunda_kit.app import Furnishing, Service, migrations_of

app = Service(
    "access",
    metadata=Base.metadata,
    migrations=migrations_of(rotunda_gateway.__file__),
    servicers=[UserService, GroupService, TeamService, TerritoryService, RoleService, ApiKeyService],
    copies=references.copies,
    furnishing=Furnishing(ship_roles, missing_roles),
    after_restore=end_all_sessions,
    housekeeping=housekeeping.DELETE_WHAT_ENDED,
)
