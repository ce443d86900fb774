"""What identity providers send."""

from typing import Any

SCHEMAS = "urn:ietf:params:scim:schemas:core:2.0"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


def user(username: str, **more: Any) -> dict[str, Any]:
    return {"schemas": [f"{SCHEMAS}:User"], "userName": username, **more}


def group(name: str, *members: str, **more: Any) -> dict[str, Any]:
    return {
        "schemas": [f"{SCHEMAS}:Group"],
        "displayName": name,
        "members": [{"value": member} for member in members],
        **more,
    }


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}
