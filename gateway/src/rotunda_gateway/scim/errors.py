"""Errors as SCIM clients see them (RFC 7644, 3.12)."""

from collections.abc import Mapping

import orjson
from pydantic import ValidationError
from scim2_models import Error, SCIMException
from starlette.exceptions import HTTPException
from starlette.responses import Response

from rotunda_gateway.http.errors import InvalidJson, RouteNotFound
from rotunda_gateway.http.problems import known, problem_of
from rotunda_kit.errors import AlreadyExists, FieldViolation, InvalidArgument, RotundaError

MEDIA_TYPE = "application/scim+json"

# The platform's fields by their names in SCIM.
_NAMES: Mapping[str, str] = {
    "username": "userName",
    "display_name": "displayName",
    "email": "emails",
    "language": "preferredLanguage",
    "time_zone": "timezone",
    "external_ids": "externalId",
    "user_ids": "members",
    "id": "id",
}


def error_response(error: Exception) -> Response:
    """The SCIM error of whatever was raised; an unexpected one tells nothing."""
    if isinstance(error, SCIMException):
        return _response(error.to_error())
    if isinstance(error, ValidationError):
        return _response(_of_validation(error))
    if isinstance(error, HTTPException):
        # A path or a method that there is not.
        detail = RouteNotFound().detail if error.status_code == RouteNotFound.http_status else error.detail
        return _response(Error(status=error.status_code, detail=detail), error.headers)
    raised = known(error)
    headers = {name.decode(): value.decode() for name, value in problem_of(raised).headers}
    headers.pop("content-type")
    return _response(Error(status=raised.http_status, scim_type=_scim_type(raised), detail=_detail(raised)), headers)


def _response(error: Error, headers: Mapping[str, str] | None = None) -> Response:
    status = error.status or 500
    return Response(
        orjson.dumps(error.model_dump()), status, {"cache-control": "no-store", **(headers or {})}, MEDIA_TYPE
    )


def _of_validation(error: ValidationError) -> Error:
    """One error that names every wrong attribute."""
    found = Error.from_validation_errors(error)
    first = found[0]
    return Error(
        status=first.status,
        scim_type=first.scim_type,
        detail="; ".join(dict.fromkeys(each.detail for each in found if each.detail)),
    )


def _scim_type(error: RotundaError) -> str | None:
    if isinstance(error, AlreadyExists):
        return "uniqueness"
    if isinstance(error, InvalidJson):
        return "invalidSyntax"
    if error.reason == "INVALID_FILTER" or any(violation.field == "filter" for violation in error.violations):
        return "invalidFilter"
    if isinstance(error, InvalidArgument) and error.http_status == InvalidArgument.http_status:
        return "invalidValue"
    return None


def _detail(error: RotundaError) -> str:
    if not error.violations:
        return error.detail
    return "; ".join(f"{_name(violation)}: {violation.description}" for violation in error.violations)


def _name(violation: FieldViolation) -> str:
    path = violation.field.split(".")
    name, bracket, rest = path[1 if len(path) > 1 and path[0] in ("user", "group") else 0].partition("[")
    return f"{_NAMES.get(name, name)}{bracket}{rest}"
