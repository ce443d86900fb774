"""The actions about which somebody decided who may do them: a new one belongs here and into the shipped roles."""

_SHARES = {"create", "delete", "read", "update"}

# Whoever is signed in may read them.
_CUSTOM_FIELDS = {"create", "delete", "update"}

_DEAD_LETTERS = {"discard", "read", "replay"}

DECIDED = {
    "access.apiKeys": {"create", "delete", "read", "revoke", "update"},
    "access.groups": {"addMembers", "create", "delete", "read", "removeMembers", "update"},
    "access.roles": {"create", "delete", "read", "update"},
    "access.teams": {"create", "delete", "read", "update"},
    "access.territories": {"create", "delete", "read", "update"},
    "access.users": {"create", "delete", "read", "update"},
    "customers.accounts": {"create", "delete", "read", "update"},
    "customers.customFields": _CUSTOM_FIELDS,
    "sales.customFields": _CUSTOM_FIELDS,
    "service_desk.customFields": _CUSTOM_FIELDS,
    "customers.erpFacts": {"read", "upsert"},
    "customers.activities": {"complete", "create", "delegate", "delete", "read", "update"},
    "customers.contacts": {"create", "delete", "read", "update"},
    "marketing.campaignMembers": {"create", "delete", "read", "update"},
    "marketing.campaigns": {
        "cancel",
        "complete",
        "create",
        "delete",
        "pause",
        "plan",
        "read",
        "resume",
        "start",
        "update",
    },
    "sales.closeReasons": {"create", "delete", "read", "update"},
    "sales.opportunities": {"cancel", "create", "delete", "lose", "moveToStage", "read", "reopen", "update", "win"},
    "sales.pipelines": {"create", "delete", "read", "update"},
    "sales.products": {"create", "delete", "read", "update"},
    "service_desk.tickets": {"assign", "close", "create", "delete", "read", "reopen", "resolve", "update"},
    "sync.mailboxes": {"create", "delete", "read", "update"},
    "sync.messages": {"assign", "create", "delete", "read", "update"},
    "access.deadLetters": _DEAD_LETTERS,
    "customers.deadLetters": _DEAD_LETTERS,
    "marketing.deadLetters": _DEAD_LETTERS,
    "sales.deadLetters": _DEAD_LETTERS,
    "service_desk.deadLetters": _DEAD_LETTERS,
    "sync.deadLetters": _DEAD_LETTERS,
    "access.auditEntries": {"read"},
    "customers.auditEntries": {"read"},
    "marketing.auditEntries": {"read"},
    "sales.auditEntries": {"read"},
    "service_desk.auditEntries": {"read"},
    "sync.auditEntries": {"read"},
    "customers.shares": _SHARES,
    "sales.shares": _SHARES,
    "service_desk.shares": _SHARES,
    "marketing.shares": _SHARES,
    "sync.shares": _SHARES,
}
