"""What every error of the API looks like (RFC 9457)."""

from collections.abc import Iterable
from typing import Any

import httpx

MEDIA_TYPE = "application/problem+json"


def assert_problem(response: httpx.Response, status: int, reason: str = "", naming: Iterable[str] = ()) -> Any:
    """Check that an answer is a problem of the API, and return its content.

    Args:
        response: the answer.
        status: that it must have.
        reason: that it must have; any if empty.
        naming: the fields that it must name, as the caller calls them.
    """
    assert response.status_code == status, f"{response.status_code} instead of {status}: {response.text[:1000]}"
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.headers["cache-control"] == "no-store"
    content = response.json()
    assert content["status"] == status
    assert content["code"].replace("_", "").isupper()
    assert content["reason"].replace("_", "").isupper()
    assert content["detail"]
    assert content["traceId"] == response.headers["x-request-id"]
    assert reason in ("", content["reason"]), content
    errors = content.get("errors", [])
    assert all(error["field"] and error["description"] for error in errors), content
    missing = set(naming) - {error["field"] for error in errors}
    assert not missing, f"not named: {sorted(missing)}; {content}"
    return content


def described(content: Any, field: str) -> str:
    """What a problem says of a field."""
    (description,) = [error["description"] for error in content["errors"] if error["field"] == field]
    return str(description)
