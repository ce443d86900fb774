"""The methods of teams."""

from rotunda.access.events.v1 import team_event_pb2 as events_pb
from rotunda.access.v1 import team_service_pb2 as pb
from rotunda_gateway.access.teams.model import Team
from rotunda_gateway.access.users.model import User
from rotunda_kit.resource.collection import Collection
from rotunda_kit.resource.hierarchy import in_hierarchy, no_children
from rotunda_kit.server.method import Servicer

team = Team.__table__
parent = team.alias("parent")
lead = User.__table__.alias("lead")

teams = Collection(
    Team,
    pb.Team,
    event=events_pb.TeamEvent,
    derived={"parent_team_display_name": parent.c.display_name, "lead_display_name": lead.c.display_name},
    joins=[(parent, parent.c.id == team.c.parent_team_id), (lead, lead.c.id == team.c.lead_id)],
    guards=[in_hierarchy(Team, "parent_team_id")],
)


class TeamService(Servicer, service="rotunda.access.v1.TeamService"):
    """People who work together."""

    GetTeam = teams.get()
    ListTeams = teams.list()
    CreateTeam = teams.create()
    UpdateTeam = teams.update()
    DeleteTeam = teams.delete(no_children(Team, "parent_team_id", "TEAM_HAS_SUBTEAMS"))
    UndeleteTeam = teams.undelete()
    BatchCreateTeams = teams.batch_create()
    BatchUpdateTeams = teams.batch_update()
