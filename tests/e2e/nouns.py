"""What the descriptors do not say of a noun: the rules that a generated body must keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from .records import Records

Fields = dict[str, Any]


def _mail(number: int) -> str:
    mail = EmailMessage()
    mail["From"], mail["To"] = f"customer{number}@example.com", "office@example.com"
    mail["Subject"], mail["Message-ID"] = f"Inquiry {number}", f"<{number}@example.com>"
    mail.set_content("How much is it?")
    return mail.as_string()


# Fields of a new record that a rule asks for, or that must be written in a way of their own; no number comes twice.
NEW: Mapping[str, Callable[[Records, int], Fields]] = {
    "access.api_key": lambda _, _number: {"scopes": ["customers.accounts.read"]},
    "access.role": lambda _, _number: {
        "grants": [{"resource": "sales.opportunities", "actions": ["read", "win"], "scope": "TEAM"}],
        "fieldRestrictions": [{"resource": "customers.contacts", "field": "email", "visibility": "MASKED"}],
    },
    "customers.activity": lambda _, _number: {"dueTime": "2031-05-06T07:00:00Z"},
    "sales.close_reason": lambda _, number: {"reasonCode": f"REASON_{number}", "states": ["WON", "LOST", "CANCELLED"]},
    # Without it, it can't be planned.
    "marketing.campaign": lambda _, _number: {"startDate": {"year": 2024, "month": 1, "day": 1}},
    # Nobody is a member twice.
    "marketing.campaign_member": lambda records, _: {
        "accountId": records.create("customers.account")["id"],
        "contactId": records.create("customers.contact")["id"],
    },
    "sync.message": lambda _, number: {"source": _mail(number)},
}


def erp_facts(records: Records, account: Fields | None = None, **fields: Any) -> Fields:
    """What an ERP tells of an account that has an external id; of a new one, if omitted."""
    account = account or records.create("customers.account", externalIds=[{"system": "erp", "id": new_uuid()}])
    told = {"asOfTime": "2026-01-31T08:00:00Z", "creditStatus": "OK"} | fields
    body = {"requests": [{"externalId": account["externalIds"][0], "erpFacts": told}]}
    (result,) = records.call("BatchUpsertErpFacts", body)["results"]
    made: Fields = result["erpFacts"]
    return made


# Nouns that no create makes, each with how a new record comes about.
MADE: Mapping[str, Callable[[Records], Fields]] = {"customers.erp_facts": erp_facts}

# Fields that make sense only together with others, and are left out where all fields are filled in.
LEFT_OUT: Mapping[str, frozenset[str]] = {
    # Of individuals; and whom only an account that is there can name.
    "customers.account": frozenset({"first_name", "last_name", "demographics", "primary_contact_id", "custom_fields"}),
    # Names accounts that who may make a contact need not see.
    "customers.contact": frozenset({"account_roles", "custom_fields"}),
    # Those that there are.
    "sales.opportunity": frozenset({"custom_fields"}),
    "service_desk.ticket": frozenset({"custom_fields"}),
    # Would take it from the pipeline that has it.
    "sales.pipeline": frozenset({"default_pipeline"}),
}

# Optional fields that always have a value: set to null they are refused.
NEVER_NULL: Mapping[str, frozenset[str]] = {
    "access.user": frozenset({"active"}),
    "customers.activity": frozenset({"assignee_id", "due_time"}),
    "sales.opportunity": frozenset({"owner_id"}),
    "sales.product": frozenset({"active"}),
    "sales.close_reason": frozenset({"active"}),
    "service_desk.ticket": frozenset({"report_time"}),
    "marketing.campaign": frozenset({"owner_id"}),
    # With the account cleared before, it would be for nobody.
    "marketing.campaign_member": frozenset({"contact_id"}),
    "sync.mailbox": frozenset({"active"}),
}

# Fields that only the first answer to a creation has.
SHOWN_ONCE: Mapping[str, frozenset[str]] = {"access.api_key": frozenset({"secret"})}

# Verbs that bring a new record into the state that a verb asks for.
FIRST: Mapping[str, tuple[str, ...]] = {
    "ReopenOpportunity": ("WinOpportunity",),
    "CloseTicket": ("ResolveTicket",),
    "ReopenTicket": ("ResolveTicket",),
    "StartCampaign": ("PlanCampaign",),
    "PauseCampaign": ("PlanCampaign", "StartCampaign"),
    "ResumeCampaign": ("PlanCampaign", "StartCampaign", "PauseCampaign"),
    "CompleteCampaign": ("PlanCampaign", "StartCampaign"),
}


def _reason(records: Records, _: Fields) -> Fields:
    return {"reason": {"reasonCode": records.shared("sales.close_reason")["reasonCode"]}}


def _second_stage(records: Records, opportunity: Fields) -> Fields:
    stages = records.get("sales.pipeline", opportunity["pipelineId"])["stages"]
    return {"stageId": next(stage["id"] for stage in stages if stage["id"] != opportunity["stageId"])}


# Input of a verb that a rule asks for.
VERB_INPUT: Mapping[str, Callable[[Records, Fields], Fields]] = {
    "RemoveGroupMembers": lambda records, group: {
        "userIds": [records.create("access.user", groupIds=[group["id"]])["id"]]
    },
    "WinOpportunity": _reason,
    "LoseOpportunity": _reason,
    "CancelOpportunity": _reason,
    "MoveOpportunityToStage": _second_stage,
    "AssignMessage": lambda records, _: {"accountId": records.shared("customers.account")["id"]},
    "DelegateActivity": lambda records, _: {"assigneeId": records.shared("access.user")["id"]},
}


def new_uuid() -> str:
    """An id that no record has."""
    return str(uuid4())
