from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from google.api import annotations_pb2  # noqa: F401 - its option stands in the text below
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    field_mask_pb2,  # noqa: F401 - so that the pool below knows it, as the next two
    text_format,
    timestamp_pb2,  # noqa: F401
    wrappers_pb2,  # noqa: F401
)
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from rotunda_gateway.http.problems import install_problems
from rotunda_gateway.transcoding.routes import Route, discover_routes, routes_of
from rotunda_gateway.transcoding.transcoder import Transcoder, install_transcoder
from rotunda_kit.errors import Unauthenticated

BODY_LIMIT = 100_000

READINGS = """
name: "rotunda_tests/readings.proto"
package: "rotunda_tests"
syntax: "proto3"
dependency: "google/api/annotations.proto"
dependency: "google/protobuf/field_mask.proto"
dependency: "google/protobuf/timestamp.proto"
dependency: "google/protobuf/wrappers.proto"
message_type {
  name: "Period"
  field {
    name: "start_time" number: 1 label: LABEL_OPTIONAL
    type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp"
  }
  field { name: "day_count" number: 2 type: TYPE_INT32 label: LABEL_OPTIONAL }
}
message_type {
  name: "ListReadingsRequest"
  field { name: "meter" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "period" number: 2 type: TYPE_MESSAGE type_name: ".rotunda_tests.Period" label: LABEL_OPTIONAL }
  field { name: "kinds" number: 3 type: TYPE_ENUM type_name: ".rotunda_tests.ReadingKind" label: LABEL_REPEATED }
  field { name: "with_gaps" number: 4 type: TYPE_BOOL label: LABEL_OPTIONAL }
  field { name: "least" number: 5 type: TYPE_MESSAGE type_name: ".google.protobuf.DoubleValue" label: LABEL_OPTIONAL }
  field { name: "read_mask" number: 6 type: TYPE_MESSAGE type_name: ".google.protobuf.FieldMask" label: LABEL_OPTIONAL }
  field { name: "periods" number: 7 type: TYPE_MESSAGE type_name: ".rotunda_tests.Period" label: LABEL_REPEATED }
  field { name: "day_counts" number: 8 type: TYPE_INT64 label: LABEL_REPEATED }
}
message_type { name: "ListReadingsResponse" }
enum_type {
  name: "ReadingKind"
  value { name: "READING_KIND_UNSPECIFIED" number: 0 }
  value { name: "READING_KIND_HEAT" number: 1 }
  value { name: "READING_KIND_WATER" number: 2 }
}
service {
  name: "ReadingService"
  method {
    name: "ListReadings"
    input_type: ".rotunda_tests.ListReadingsRequest"
    output_type: ".rotunda_tests.ListReadingsResponse"
    options {
      [google.api.http] {
        get: "/v1/readings"
        additional_bindings { get: "/v1/meters/{meter}/readings" }
        additional_bindings { post: "/v1/readings:list" body: "period" }
      }
    }
  }
}
"""


class Services:
    """Stands where the services would: answers what a test put in, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Message | Exception | Callable[[Any], Message]] = {}
        self.requests: list[Any] = []
        self.tokens: list[str] = []
        self.timeouts: list[float] = []

    async def call(self, method: MethodDescriptor, request: Message, *, token: str, timeout: float) -> Any:  # noqa: ASYNC109
        self.requests.append(request)
        self.tokens.append(token)
        self.timeouts.append(timeout)
        answer = self.answers.get(method.name, GetMessageClass(method.output_type)())
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Message) else answer(request)

    @property
    def request(self) -> Any:
        assert len(self.requests) == 1
        return self.requests[0]


async def authenticate(headers: Mapping[str, str]) -> str:
    if headers.get("authorization") != "Bearer ada":
        raise Unauthenticated("TOKEN_MISSING", "Sign in first.")
    return "internal token of ada"


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture(scope="session")
def readings() -> FileDescriptor:
    """A proto with what the product's own do not use yet."""
    file = text_format.Parse(READINGS, descriptor_pb2.FileDescriptorProto())
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindFileByName(file.name)


@pytest.fixture(scope="session")
def routes() -> list[Route]:
    return discover_routes()


def app_of(services: Services, routes: list[Route]) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    install_problems(app)
    install_transcoder(app, Transcoder(services.call, authenticate, routes, body_limit=BODY_LIMIT, deadline=7.5))
    return app


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://gateway", headers={"authorization": "Bearer ada"}
    )


@pytest.fixture
async def client(services: Services, routes: list[Route]) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app_of(services, routes)) as client:
        yield client


@pytest.fixture
async def readings_client(services: Services, readings: FileDescriptor) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app_of(services, routes_of(readings.services_by_name["ReadingService"].methods))) as client:
        yield client
