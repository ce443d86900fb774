"""The methods of the platform, read from descriptors: those of the build, or those that running servers reflect."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, cast

import grpc
import rotunda_protos
from google.api import annotations_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from rotunda_kit.descriptors import behaviours, message_type_of

OVERVIEW = "rotunda.kit.v1.OverviewService"
AUDIENCE = "rotunda.kit.v1.AudienceService"
CONTRACTS = "rotunda.kit.v1"
_OWN = "rotunda."
_VARIABLE = re.compile(r"\{([a-z_.]+)\}")
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Kind(StrEnum):
    """What conventions a method follows."""

    GET = "get"
    # Of what there is one of for each record of another noun.
    GET_SINGLETON = "get singleton"
    LIST = "list"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    UNDELETE = "undelete"
    UPSERT = "upsert"
    BATCH_CREATE = "batch create"
    BATCH_UPDATE = "batch update"
    BATCH_VERB = "batch verb"
    VERB = "verb"
    OVERVIEW = "overview"
    AUDIENCE = "audience"
    # Of a service that every server has.
    CONTRACT = "contract"
    UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Method:
    """One method, its REST route, and the noun that it is about.

    `path` is empty where there is no route; `body` is `*`, the field of the request that the body fills in, or empty.
    """

    descriptor: MethodDescriptor
    noun: str
    http_method: str
    path: str
    body: str
    response_body: str

    @property
    def name(self) -> str:
        """In full, for example `rotunda.sales.v1.OpportunityService.WinOpportunity`."""
        return self.descriptor.full_name

    @property
    def grpc_path(self) -> str:
        """As gRPC calls it."""
        return f"/{self.descriptor.containing_service.full_name}/{self.descriptor.name}"

    @property
    def request(self) -> Descriptor:
        """The request message."""
        return self.descriptor.input_type

    @property
    def resource(self) -> Descriptor:
        """The message of the noun."""
        file = self.descriptor.containing_service.file
        return file.message_types_by_name[noun_name(self.descriptor.containing_service)]

    @property
    def content(self) -> Descriptor:
        """The message that the body fills in."""
        return self.request if self.body in ("", "*") else message_type_of(self.request.fields_by_name[self.body])

    @property
    def answers_resource(self) -> bool:
        """Whether the answer is one record."""
        return bool(self.response_body)

    @property
    def variables(self) -> list[str]:
        """The fields in the path, without what holds them: `campaign_id` of `{member.campaign_id}`."""
        return [path.rpartition(".")[2] for path in _VARIABLE.findall(self.path)]

    @property
    def resource_field(self) -> FieldDescriptor:
        """The field of the request that holds the resource."""
        return next(field for field in self.request.fields if field.message_type is self.resource)

    @property
    def not_found(self) -> str:
        """The reason where there is no such record."""
        return f"{self.noun.partition('.')[2].upper()}_NOT_FOUND"

    @property
    def kind(self) -> Kind:
        """By the shape of its route."""
        name = self.descriptor.name
        verb = self.path.rpartition("}")[2].partition(":")[2]
        if self.descriptor.containing_service.full_name == OVERVIEW:
            return Kind.OVERVIEW
        if self.descriptor.containing_service.full_name == AUDIENCE:
            return Kind.AUDIENCE
        if self.descriptor.containing_service.file.package == CONTRACTS:
            return Kind.CONTRACT
        if not self.path:
            return Kind.UNKNOWN
        if verb or ":" in self.path:
            return self._kind_of_verb(verb or self.path.rpartition(":")[2])
        standard = {
            "GET": self._kind_of_read(),
            "POST": Kind.CREATE if name.startswith("Create") else Kind.UNKNOWN,
            "PATCH": Kind.UPDATE,
            "DELETE": Kind.DELETE,
        }
        return standard.get(self.http_method, Kind.UNKNOWN)

    def _kind_of_read(self) -> Kind:
        if "page_token" in self.request.fields_by_name:
            return Kind.LIST
        return Kind.GET if "id" in self.variables else Kind.GET_SINGLETON

    def _kind_of_verb(self, verb: str) -> Kind:
        if verb == "batchCreate":
            return Kind.BATCH_CREATE
        if verb == "batchUpdate":
            return Kind.BATCH_UPDATE
        if verb == "undelete":
            return Kind.UNDELETE
        if verb.startswith("upsert"):
            return Kind.UPSERT
        if "requests" in self.request.fields_by_name:
            return Kind.BATCH_VERB
        return Kind.VERB if "id" in self.variables else Kind.UNKNOWN

    def fill(self, variables: Mapping[str, str]) -> str:
        """The path with these values in it, by the last part of their names."""
        return _VARIABLE.sub(lambda match: variables[match[1].rpartition(".")[2]], self.path)


# What the gateway alone calls: it has no route of its own.
INNER = {Kind.OVERVIEW, Kind.AUDIENCE}


def noun_name(service: ServiceDescriptor) -> str:
    """`Opportunity` of `OpportunityService`."""
    return str(service.name).removesuffix("Service")


def _method(descriptor: MethodDescriptor) -> Method:
    service = descriptor.containing_service
    noun = f"{service.file.package.split('.')[1]}.{_WORD.sub('_', noun_name(service)).lower()}"
    options = descriptor.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return Method(descriptor, noun, "", "", "", "")
    rule = options.Extensions[annotations_pb2.http]
    pattern = str(rule.WhichOneof("pattern"))
    return Method(descriptor, noun, pattern.upper(), getattr(rule, pattern), rule.body, rule.response_body)


class Catalogue:
    """Methods by their full names."""

    def __init__(self, methods: Iterable[Method]) -> None:
        self.methods = {method.name: method for method in methods}
        self._by_noun = {(method.noun, method.kind): method for method in reversed(self.methods.values())}

    def of(self, noun: str, kind: Kind) -> Method:
        """A noun's method of a kind; where there are several, the first."""
        if kind is Kind.GET and not self.has(noun, kind):
            kind = Kind.GET_SINGLETON
        return self._by_noun[noun, kind]

    def has(self, noun: str, kind: Kind) -> bool:
        """Whether a noun has a method of a kind."""
        return (noun, kind) in self._by_noun

    def called(self, name: str) -> Method:
        """The method of a short name, for example `WinOpportunity`."""
        return next(method for method in self.methods.values() if method.descriptor.name == name)


@cache
def built() -> Catalogue:
    """The methods in the descriptors that the build made: the names of the tests."""
    content = (Path(rotunda_protos.__file__).parent / "descriptors.binpb").read_bytes()
    files = FileDescriptorSet.FromString(content).file
    pool = DescriptorPool()
    for file in files:
        pool.AddSerializedFile(file.SerializeToString())
    services = (f"{file.package}.{service.name}" for file in files for service in file.service)
    return Catalogue(_methods_of(pool, sorted(name for name in services if name.startswith(_OWN))))


def reflected(address: str) -> Catalogue:
    """The methods that a running server says it has.

    Args:
        address: `host:port`.
    """
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        services = sorted(name for name in database.get_services() if name.startswith(_OWN))
        return Catalogue(_methods_of(DescriptorPool(cast("Any", database)), services))


def _methods_of(pool: DescriptorPool, services: Iterable[str]) -> Iterator[Method]:
    for service in services:
        for descriptor in pool.FindServiceByName(service).methods:
            yield _method(descriptor)


def input_fields(message: Descriptor, *without: str) -> list[FieldDescriptor]:
    """The fields that a caller may set, but for those named."""
    return [
        field
        for field in message.fields
        if "OUTPUT_ONLY" not in behaviours(field) and field.name not in {"etag", "request_id", *without}
    ]


def required_fields(message: Descriptor, *without: str) -> list[FieldDescriptor]:
    """The fields that a caller must set, but for those named."""
    return [field for field in input_fields(message, *without) if "REQUIRED" in behaviours(field)]
