"""This service's sections of the 360 degree view."""

from rotunda.customers.v1 import (
    account_service_pb2,
    activity_service_pb2,
    contact_service_pb2,
    erp_facts_service_pb2,
)
from rotunda_customers.accounts import queries
from rotunda_customers.accounts.model import Account
from rotunda_customers.accounts.service import accounts, joins, names
from rotunda_customers.activities.service import activities, activity
from rotunda_customers.contacts.queries import has_a_role_at
from rotunda_customers.contacts.service import contact, contacts
from rotunda_customers.erp_facts.service import erp_facts
from rotunda_kit.overview import list_section, overview_servicer, record_section
from rotunda_kit.resource.mapping import ResourceMapping

profile = ResourceMapping(
    Account,
    account_service_pb2.AccountProfile,
    derived={**names, "subsidiary_count": queries.subsidiary_count()},
    joins=joins,
)

OverviewService = overview_servicer(
    record_section("account", accounts.mapping, accounts.admission.resource),
    record_section("profile", profile, accounts.admission.resource),
    record_section("erpFacts", erp_facts.mapping, erp_facts.admission.resource, erp_facts_service_pb2.ErpFacts()),
    list_section(
        "contacts",
        contacts,
        contact_service_pb2.ListContactsResponse,
        order_by=[contact.c.id.desc()],
        also=has_a_role_at,
    ),
    list_section(
        "activities",
        activities,
        activity_service_pb2.ListActivitiesResponse,
        order_by=[activity.c.due_time.desc(), activity.c.id.desc()],
    ),
)
