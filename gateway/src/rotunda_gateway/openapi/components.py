"""What many operations of the OpenAPI document share."""

from typing import Any

Components = dict[str, dict[str, Any]]

PROBLEM = "ProblemDetails"
TOKEN_URL = "/v1/auth/token"  # noqa: S105 - where a token comes from, not one
SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"password": []}]

# Quoted or not, weak or not; `*` is one too.
_ETAG = r'^(W/)?("[\x21\x23-\x2b\x2d-\x7e]+"|[\x21\x23-\x2b\x2d-\x7e]+)$'

_RESPONSES = {
    "InvalidArgument": "The input is wrong; `errors` names every wrong field.",
    "Unauthenticated": "The request carries no valid token.",
    "PermissionDenied": "The caller may not do this.",
    "NotFound": "There is none, or the caller may not see it.",
    "Conflict": "It contradicts the present state; `reason` says how.",
    "EtagMismatch": "The record changed since the caller read it.",
    "BodyTooLarge": "The body is too large.",
    "UnsupportedMediaType": "The body is not JSON.",
    "IdempotencyKeyReused": "The idempotency key came with another request before.",
    "Problem": "Any other problem.",
}

_PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "A problem (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "reason", "traceId"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for people."},
        "code": {"type": "string", "description": "A name of google.rpc.Code.", "examples": ["INVALID_ARGUMENT"]},
        "reason": {"type": "string", "description": "For programs; stays the same.", "examples": ["INVALID_FIELDS"]},
        "metadata": {
            "type": "object",
            "description": "The particulars of the reason.",
            "additionalProperties": {"type": "string"},
        },
        "errors": {
            "type": "array",
            "description": "Every wrong field.",
            "items": {
                "type": "object",
                "required": ["field", "description"],
                "properties": {
                    "field": {
                        "type": "string",
                        "description": "Its path in the body, or the name of a parameter.",
                        "examples": ["phones[1].number"],
                    },
                    "description": {"type": "string"},
                },
            },
        },
        "traceId": {"type": "string", "description": "Finds the request in the logs."},
    },
}


def shared_components() -> Components:
    """The components that do not follow from the protos, by kind."""
    return {
        "schemas": {PROBLEM: _PROBLEM_SCHEMA},
        "responses": {name: _problem_response(text) for name, text in _RESPONSES.items()},
        "parameters": {
            "IdempotencyKey": {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "Of the caller's choice: the same request sent again with it within 24 hours is "
                "answered as the first was, and has no second effect.",
                "schema": {"type": "string", "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"},
            },
            "IfMatch": {
                "name": "If-Match",
                "in": "header",
                "description": "The etag of the record as the caller read it; refused if the record changed since.",
                "schema": {"type": "string", "maxLength": 255, "pattern": _ETAG},
            },
        },
        "headers": {
            "ETag": {"description": "Names this state of the record.", "schema": {"type": "string"}},
            "Location": {
                "description": "Where the record is.",
                "schema": {"type": "string", "format": "uri-reference"},
            },
        },
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            "password": {"type": "oauth2", "flows": {"password": {"tokenUrl": TOKEN_URL, "scopes": {}}}},
        },
    }


def _problem_response(description: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{PROBLEM}"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}
