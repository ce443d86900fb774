"""OpenAPI operations of the routes that the protos declare."""

import re
from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, ServiceDescriptor

from rotunda_gateway.openapi.comments import Comments
from rotunda_gateway.openapi.schemas import Schema, Schemas
from rotunda_gateway.transcoding.query import query_parameters
from rotunda_gateway.transcoding.routes import WHOLE_REQUEST, Route, field_at
from rotunda_kit.access.permissions import permission_of
from rotunda_kit.descriptors import behaviours

Operation = dict[str, Any]

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FIRST_SENTENCE = re.compile(r"(.+?[.!?])(?=\s|$)", re.DOTALL)


def tag_of(service: ServiceDescriptor) -> str:
    """The tag under which a service's operations stand: `Campaign member` for `CampaignMemberService`."""
    words = _WORD.sub(" ", service.name.removesuffix("Service")).split()
    return " ".join([words[0], *(word.lower() for word in words[1:])])


class Operations:
    """Describes routes; their schemas are gathered in `schemas`, their paths in `paths`."""

    def __init__(self, schemas: Schemas, comments: Comments) -> None:
        self.paths: dict[str, dict[str, Operation]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self._schemas = schemas
        self._comments = comments
        self._ids: dict[str, int] = {}

    def add_all(self, routes: Iterable[Route]) -> None:
        """Describe these routes."""
        for route in routes:
            path = route.pattern
            self.paths.setdefault(path, {})[route.http_method.lower()] = self._operation(route)

    def _operation(self, route: Route) -> Operation:
        service = route.method.containing_service
        tag = tag_of(service)
        self.tags.setdefault(tag, {"name": tag, "description": self._comments.get(service.full_name, "")})
        description = self._comments.get(route.method.full_name, "")
        operation: Operation = {"tags": [tag], "operationId": self._operation_id(route)}
        if description:
            first = _FIRST_SENTENCE.match(description)
            operation["summary"] = first[1].removesuffix(".") if first else description
            needed = permission_of(route.method, "<service>")
            operation["description"] = f"{description}\n\nNeeds `{needed}`." if needed else description
        parameters = self._parameters(route)
        if parameters:
            operation["parameters"] = parameters
        if route.body:
            operation["requestBody"] = self._request_body(route)
        operation["responses"] = self._responses(route)
        return operation

    def _operation_id(self, route: Route) -> str:
        """The method's name; further bindings of the same method are numbered."""
        count = self._ids.get(route.method.name, 0) + 1
        self._ids[route.method.name] = count
        return route.method.name if count == 1 else f"{route.method.name}{count}"

    def _parameters(self, route: Route) -> list[Schema]:
        parameters: list[Schema] = []
        for name, variable in zip(route.path.parameters(), route.path.variables, strict=True):
            parameters.append(self._path_parameter(name, field_at(route.request, variable)))
        for parameter in query_parameters(route):
            if parameter.path in ("request_id", "etag") and route.writes:
                continue  # Comes as a header.
            required = "REQUIRED" in behaviours(parameter.field)
            parameters.append(
                {
                    "name": parameter.name,
                    "in": "query",
                    "required": required,
                    **_parameter(self._schemas.of_field(parameter.field)),
                }
            )
        if route.request_id_path:
            parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
        if route.etag_path:
            parameters.append({"$ref": "#/components/parameters/IfMatch"})
        return parameters

    def _path_parameter(self, name: str, field: FieldDescriptor) -> Schema:
        schema = self._schemas.of_field(field)
        schema.pop("readOnly", None)  # In the body it may be.
        return {"name": name, "in": "path", "required": True, **_parameter(schema)}

    def _request_body(self, route: Route) -> Schema:
        if route.body == WHOLE_REQUEST:
            schema = self._schemas.body(route.request, route.path.variables)
            in_body = [field for field in route.request.fields if field.name not in route.path.variables]
            required = any("REQUIRED" in behaviours(field) for field in in_body)
        else:
            left_out = [path.removeprefix(f"{route.body}.") for path in route.path.variables]
            patch = route.http_method == "PATCH"
            schema = self._schemas.patch(route.content, left_out) if patch else self._schemas.reference(route.content)
            required = True
        return {"required": required, "content": {"application/json": {"schema": schema}}}

    def _responses(self, route: Route) -> dict[str, Schema]:
        answer = self._schemas.reference(route.answer)
        success: Schema = {
            "description": self._comments.get(route.method.output_type.full_name, "Done."),
            "content": {"application/json": {"schema": answer}},
        }
        if "etag" in route.answer.fields_by_name:
            success.setdefault("headers", {})["ETag"] = {"$ref": "#/components/headers/ETag"}
        if route.creates:
            success.setdefault("headers", {})["Location"] = {"$ref": "#/components/headers/Location"}
        failures = {
            "400": "InvalidArgument",
            "401": "Unauthenticated",
            "403": "PermissionDenied",
            "404": "NotFound" if route.path.variables else "",
            "409": "Conflict" if route.writes else "",
            "412": "EtagMismatch" if route.etag_path else "",
            "413": "BodyTooLarge" if route.body else "",
            "415": "UnsupportedMediaType" if route.body else "",
            "422": "IdempotencyKeyReused" if route.request_id_path else "",
            "default": "Problem",
        }
        return {
            "201" if route.creates else "200": success,
            **{status: {"$ref": f"#/components/responses/{name}"} for status, name in failures.items() if name},
        }


def _parameter(schema: Schema) -> Schema:
    """A parameter's description stands beside its schema."""
    description = schema.pop("description", None)
    return {"description": description, "schema": schema} if description else {"schema": schema}
