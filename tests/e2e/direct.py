"""Services called over gRPC, past the gateway."""

from typing import Any

import grpc
from google.rpc.status_pb2 import Status

from rotunda_kit.descriptors import message_class
from rotunda_kit.errors import RotundaError
from rotunda_kit.status import STATUS_METADATA, from_status

from .reflection import Method

# A proxy for the world outside does not know this machine's ports.
OPTIONS = [("grpc.enable_http_proxy", 0)]


def send(method: Method, port: int, authorization: str, content: bytes = b"") -> Any:
    """Call a method with any bytes.

    Raises:
        RotundaError: what the service said.
    """
    metadata = (("authorization", authorization),) if authorization else ()
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) as channel:
        stub = channel.unary_unary(
            method.grpc_path, response_deserializer=message_class(method.descriptor.output_type).FromString
        )
        try:
            return stub(content, timeout=10, metadata=metadata)
        except grpc.RpcError as error:
            raise _error(error) from error


def call(method: Method, port: int, token: str, **fields: Any) -> Any:
    """Call a method with an internal token.

    Raises:
        RotundaError: what the service said.
    """
    return send(method, port, f"Bearer {token}", message_class(method.request)(**fields).SerializeToString())


def _error(error: Any) -> RotundaError:
    details = dict(error.trailing_metadata()).get(STATUS_METADATA)
    assert details, f"{error.code()}: {error.details()}"
    return from_status(Status.FromString(details))
