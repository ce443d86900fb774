"""The customers service at one glance."""

from rotunda_customers import references
from rotunda_customers.accounts.service import AccountService
from rotunda_customers.activities.service import ActivityService
from rotunda_customers.contacts.service import ContactService
from rotunda_customers.database import Base
from rotunda_customers.erp_facts.service import ErpFactsService
from rotunda_customers.overview import OverviewService
from rotunda_kit.app import Service, migrations_of

app = Service(
    "customers",
    metadata=Base.metadata,
    migrations=migrations_of(__file__),
    servicers=[AccountService, ContactService, ActivityService, ErpFactsService, OverviewService],
    copies=references.copies,
)
