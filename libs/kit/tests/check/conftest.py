"""The test's own messages, compiled when the tests run."""

from pathlib import Path
from types import SimpleNamespace

import google.api
import grpc_tools
import pytest
from google.api import field_behavior_pb2
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    field_mask_pb2,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.type import date_pb2, money_pb2
from grpc_tools import protoc

from rotunda.kit.v1 import annotations_pb2

HERE = Path(__file__).parent
PROTO = HERE.parents[3] / "proto"
# Importing them put them into the pool.
IMPORTED = (
    annotations_pb2,
    date_pb2,
    duration_pb2,
    field_behavior_pb2,
    field_mask_pb2,
    money_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)


@pytest.fixture(scope="session")
def pb(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The message classes of sample.proto by name. In the default pool, where it finds what it imports."""
    output = tmp_path_factory.mktemp("sample") / "sample.binpb"
    arguments = [
        "protoc",
        f"-I{HERE}",
        f"-I{PROTO}",
        f"-I{Path(grpc_tools.__file__).parent / '_proto'}",
        f"-I{Path(google.api.__path__[0]).parent.parent}",
        f"--descriptor_set_out={output}",
        str(HERE / "sample.proto"),
    ]
    assert protoc.main(arguments) == 0
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes()).file
    file.name = "rotunda/kit/tests/check/v1/sample.proto"
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    messages = pool.FindFileByName(file.name).message_types_by_name
    return SimpleNamespace(**{name: message_factory.GetMessageClass(message) for name, message in messages.items()})
