"""The records that are made up around the set."""

import email
import email.policy
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parseaddr
from pathlib import Path

import phonenumbers
import pytest
from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from crm_sales_loader import source
from crm_sales_loader.generated.activities import Activity, activities
from crm_sales_loader.generated.campaigns import CAMPAIGNS, PATHS, Campaign, Member, memberships
from crm_sales_loader.generated.chance import chance, office_hour
from crm_sales_loader.generated.contacts import Contact, contacts
from crm_sales_loader.generated.customers import Customer, customers
from crm_sales_loader.generated.mails import Mail, mails
from crm_sales_loader.generated.tickets import Ticket, tickets

DATA = source.read(Path(__file__).parents[1])
CUSTOMERS = customers(DATA)
PRODUCTS = [product.name for product in DATA.products]
BEGIN, END = datetime(2016, 1, 1, tzinfo=UTC), datetime(2018, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Made:
    """All that is made up for one account."""

    contacts: tuple[Contact, ...]
    activities: tuple[Activity, ...]
    tickets: tuple[Ticket, ...]
    mails: tuple[Mail, ...]
    members: tuple[Member, ...]


def make(customer: Customer) -> Made:
    people = contacts(customer)
    return Made(
        people,
        activities(customer, people, PRODUCTS),
        tickets(customer, people, PRODUCTS),
        mails(customer, people, PRODUCTS),
        memberships(customer, people),
    )


@pytest.fixture(scope="module")
def made() -> dict[str, Made]:
    return {customer.name: make(customer) for customer in CUSTOMERS}


class TestRepeating:
    def test_the_order_of_accounts_does_not_matter(self, made: dict[str, Made]) -> None:
        assert {customer.name: make(customer) for customer in reversed(CUSTOMERS)} == made

    def test_accounts_differ_from_each_other(self, made: dict[str, Made]) -> None:
        assert len({one.contacts[0].name for one in made.values()}) > len(made) / 2

    def test_keys_are_unique_within_each_noun(self, made: dict[str, Made]) -> None:
        for noun in ("contacts", "activities", "tickets", "mails", "members"):
            keys = [record.key for one in made.values() for record in getattr(one, noun)]
            assert len(keys) == len(set(keys))

    def test_all_dates_lie_in_the_two_years(self, made: dict[str, Made]) -> None:
        moments = [
            moment
            for one in made.values()
            for moment in (
                *(when for activity in one.activities for when in (activity.due, activity.completed)),
                *(when for ticket in one.tickets for when in (ticket.reported, ticket.resolved, ticket.closed)),
                *(mail.sent for mail in one.mails),
            )
            if moment is not None
        ]
        assert BEGIN <= min(moments) <= max(moments) < END


class TestContacts:
    def test_every_account_has_two_to_eight(self, made: dict[str, Made]) -> None:
        assert {len(one.contacts) for one in made.values()} <= set(range(2, 9))

    def test_addresses_are_valid_and_reserved_for_examples(self, made: dict[str, Made]) -> None:
        addresses = [contact.email for one in made.values() for contact in one.contacts]
        assert len(addresses) == len(set(addresses))
        for address in addresses:
            assert validate_email(address, check_deliverability=False).domain.endswith(".example.com")

    def test_phone_numbers_are_valid_and_made_up(self, made: dict[str, Made]) -> None:
        numbers = [phone["number"] for one in made.values() for contact in one.contacts for phone in contact.phones]
        assert numbers
        for number in numbers:
            assert phonenumbers.is_valid_number(phonenumbers.parse(number))
            assert number[5:10] == "55501"


class TestActivities:
    def test_every_account_has_five_to_forty(self, made: dict[str, Made]) -> None:
        assert {len(one.activities) for one in made.values()} <= set(range(5, 41))

    def test_open_ones_are_due_and_closed_ones_are_completed(self, made: dict[str, Made]) -> None:
        everything = [activity for one in made.values() for activity in one.activities]
        assert {activity.completed is None for activity in everything} == {True, False}
        assert all(activity.due is not None for activity in everything if activity.completed is None)
        assert all(activity.outcome is None for activity in everything if activity.completed is None)

    def test_what_regards_a_deal_happened_while_it_was_open(self, made: dict[str, Made]) -> None:
        deals = {deal.id: deal for deal in DATA.deals}
        regarding = [
            (deals[activity.deal], activity.completed.date())
            for one in made.values()
            for activity in one.activities
            if activity.deal and activity.completed
        ]
        assert regarding
        assert all((deal.engaged or done) <= done <= (deal.closed or done) for deal, done in regarding)


class TestTickets:
    def test_no_account_has_more_than_six(self, made: dict[str, Made]) -> None:
        assert {len(one.tickets) for one in made.values()} <= set(range(7))

    def test_times_follow_the_state(self, made: dict[str, Made]) -> None:
        for ticket in (ticket for one in made.values() for ticket in one.tickets):
            assert (ticket.resolved is not None) == (ticket.resolution is not None) == (ticket.state != "OPEN")
            assert (ticket.closed is not None) == (ticket.state == "CLOSED")
            times = [when for when in (ticket.reported, ticket.resolved, ticket.closed) if when]
            assert times == sorted(times)

    def test_they_are_about_what_was_sold_before(self, made: dict[str, Made]) -> None:
        deals = {deal.id: deal for deal in DATA.deals}
        with_order = [ticket for one in made.values() for ticket in one.tickets if ticket.order_number]
        assert with_order
        for ticket in with_order:
            deal = deals[(ticket.order_number or "").removeprefix("SO-")]
            assert deal.closed is not None
            assert deal.closed < ticket.reported.date()
            assert (deal.account, deal.product) == (ticket.account, ticket.product)

    def test_verbs_are_called_only_where_the_state_differs(self, made: dict[str, Made]) -> None:
        ticket = next(t for one in made.values() for t in one.tickets if t.state == "CLOSED")
        ids = {"user": {ticket.assignee or "": "7"}}
        assert [verb for verb, _ in ticket.verbs({"state": "OPEN"}, ids)] == ["assign", "resolve", "close"]
        assert [verb for verb, _ in ticket.verbs({"state": "OPEN", "assigneeId": "7"}, ids)] == ["resolve", "close"]
        assert [verb for verb, _ in ticket.verbs({"state": "RESOLVED", "assigneeId": "7"}, ids)] == ["close"]
        assert ticket.verbs({"state": "CLOSED", "assigneeId": "7"}, ids) == []


class TestCampaigns:
    def test_accounts_belong_to_one_to_three_that_fit_their_sector(self, made: dict[str, Made]) -> None:
        sectors = {campaign.name: campaign.sectors for campaign in CAMPAIGNS}
        accounts = {customer.name: customer.account.sector for customer in CUSTOMERS}
        assert {len(one.members) for one in made.values()} == {1, 2, 3}
        for member in (member for one in made.values() for member in one.members):
            fitting = sectors[member.campaign]
            assert not fitting or accounts[member.account] in fitting

    @pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda campaign: campaign.name)
    def test_verbs_left_lead_to_the_state(self, campaign: Campaign) -> None:
        path = PATHS[campaign.state]
        for at, (before, _) in enumerate(path):
            assert campaign.verbs(before) == [verb for _, verb in path[at:]]
        assert campaign.verbs(campaign.state) == []


class TestMails:
    def test_every_account_has_one_to_ten(self, made: dict[str, Made]) -> None:
        assert {len(one.mails) for one in made.values()} <= set(range(1, 11))

    def test_sources_are_mails_of_the_agent_and_the_contact(self, made: dict[str, Made]) -> None:
        for one in made.values():
            addresses = {contact.key: contact.email for contact in one.contacts}
            for mail in one.mails:
                message = email.message_from_string(mail.source, policy=email.policy.default)
                assert not message.defects
                sender, recipient = parseaddr(message["From"])[1], parseaddr(message["To"])[1]
                assert (recipient if mail.outbound else sender) == addresses[mail.contact]
                assert message["Date"].datetime == mail.sent
                assert mail.source.isascii()

    def test_answers_name_a_mail_that_was_sent_before(self, made: dict[str, Made]) -> None:
        answers = 0
        for one in made.values():
            sent: dict[str, datetime] = {}
            for mail in one.mails:
                message = email.message_from_string(mail.source, policy=email.policy.default)
                if message["In-Reply-To"]:
                    assert sent[message["In-Reply-To"]] <= mail.sent
                    answers += 1
                sent[message["Message-ID"]] = mail.sent
        assert answers


class TestOfficeHours:
    @given(st.dates(date(2016, 1, 1), date(2017, 12, 31)), st.integers(0, 400), st.text())
    def test_a_moment_lies_in_its_period_on_a_working_day_if_it_has_one(
        self, first: date, days: int, seed: str
    ) -> None:
        last = date.fromordinal(first.toordinal() + days)
        moment = office_hour(chance(seed), first, last)
        assert first <= moment.date() <= last
        assert 13 <= moment.hour <= 21
        working = any(date.fromordinal(day).weekday() < 5 for day in range(first.toordinal(), last.toordinal() + 1))
        assert moment.weekday() < 5 or not working
