"""Calls to other services: channels with deadlines, retries and throttling, identity and trace handed on.

Every write carries a request id, so that a call may be tried again without doing its work twice.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import status_pb2
from opentelemetry.trace import SpanKind

from rotunda_kit.errors import DeadlineExceeded, Internal, RotundaError, Unavailable
from rotunda_kit.status import STATUS_METADATA, from_status
from rotunda_kit.telemetry.traces import span_within, traceparent
from rotunda_kit.tls import Tls

# Seconds.
DEFAULT_TIMEOUT = 10.0
LOOK_AT_CERTIFICATES = 10.0
# Milliseconds of silence after which a connection is asked whether it lives.
KEEPALIVE_MS = 20_000
MAX_MESSAGE_BYTES = 32 * 1024 * 1024
# An error that names each of a thousand wrong fields stands in the trailing metadata.
MAX_METADATA_BYTES = 1024 * 1024

# What a process that stops answers to a call: it was not begun, or can be asked for again, for every write has an id.
_NOT_TAKEN = ["UNAVAILABLE", "CANCELLED"]

_SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        # A process that is about to stop says so (`Runtime.retire`): calls go elsewhere while it still takes them.
        "healthCheckConfig": {"serviceName": ""},
        "methodConfig": [
            # The overview is asked again with the next view, and waiting for a dead service would only delay this one.
            # One that stops may refuse a call that was under way to it: another process of the service takes it.
            {
                "name": [{"service": "rotunda.kit.v1.OverviewService"}],
                "retryPolicy": {
                    "maxAttempts": 2,
                    "initialBackoff": "0.02s",
                    "maxBackoff": "0.02s",
                    "backoffMultiplier": 1,
                    "retryableStatusCodes": _NOT_TAKEN,
                },
            },
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": _NOT_TAKEN,
                },
            },
        ],
        "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
    }
)

_OPTIONS = [
    ("grpc.service_config", _SERVICE_CONFIG),
    ("grpc.enable_retries", 1),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
    # A service that comes back is found again within a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 300),
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", 5_000),
]


def service_of(method: MethodDescriptor) -> str:
    """Which service owns a method: `sales` of `rotunda.sales.v1.OpportunityService.WinOpportunity`."""
    package: str = method.containing_service.file.package
    return package.split(".")[1]


@cache
def rpc_attributes(method: MethodDescriptor) -> Mapping[str, str]:
    """What traces and metrics tell of a method."""
    return {"rpc.system": "grpc", "rpc.service": method.containing_service.full_name, "rpc.method": method.name}


class Clients:
    """Channels to every service, opened when first needed.

    Args:
        address_of: where a service listens, `host:port`.
        tls: of the process; None where connections are in plain text.
    """

    def __init__(self, address_of: Callable[[str], str], tls: Tls | None = None) -> None:
        self._address_of = address_of
        self._tls = tls
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._stubs: dict[tuple[str, str], Any] = {}
        # Of the certificates that the channels have, and when that was looked at.
        self._version: tuple[int, ...] = ()
        self._looked = 0.0
        self._closing: set[asyncio.Task[None]] = set()

    async def call(
        self,
        method: MethodDescriptor,
        request: Message,
        *,
        token: str,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - it travels with the call as its deadline
        service: str | None = None,
    ) -> Any:
        """Call a method and return its answer.

        Args:
            method: of the proto.
            request: its input.
            token: the caller's internal token.
            timeout: seconds until the deadline, retries included.
            service: whom to ask, where several implement the method.

        Raises:
            RotundaError: as the service raised it; Unavailable or DeadlineExceeded where it did not answer.
        """
        target = service or service_of(method)
        with span_within(method.full_name, SpanKind.CLIENT, rpc_attributes(method)):
            metadata = (("authorization", f"Bearer {token}"), ("traceparent", traceparent()))
            try:
                return await self._stub(target, method)(request, timeout=timeout, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                raise error_of(error, target) from error

    def _stub(self, service: str, method: MethodDescriptor) -> Any:
        if self._tls is not None and time.monotonic() - self._looked > LOOK_AT_CERTIFICATES:
            self._renew(self._tls)
        stub = self._stubs.get((service, method.full_name))
        if stub is None:
            channel = self._channels.get(service)
            if channel is None:
                channel = self._channels[service] = self._open(self._address_of(service))
            stub = self._stubs[service, method.full_name] = channel.unary_unary(
                f"/{method.containing_service.full_name}/{method.name}",
                request_serializer=GetMessageClass(method.input_type).SerializeToString,
                response_deserializer=GetMessageClass(method.output_type).FromString,
            )
        return stub

    def _open(self, address: str) -> grpc.aio.Channel:
        if self._tls is None:
            return grpc.aio.insecure_channel(address, options=_OPTIONS)
        return grpc.aio.secure_channel(address, self._tls.client(), options=_OPTIONS)

    def _renew(self, tls: Tls) -> None:
        """Open channels anew if there are new certificates; calls in flight go on in the old ones."""
        self._looked = time.monotonic()
        version = tls.version()
        if version == self._version:
            return
        self._version = version
        old = list(self._channels.values())
        self._channels.clear()
        self._stubs.clear()
        for channel in old:
            task = asyncio.create_task(channel.close(DEFAULT_TIMEOUT))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close all channels."""
        for task in self._closing:
            task.cancel()
        for channel in self._channels.values():
            await channel.close()


def error_of(error: grpc.aio.AioRpcError, service: str) -> RotundaError:
    """The product's error in an answer of gRPC."""
    for key, value in error.trailing_metadata() or ():
        if key == STATUS_METADATA:
            return from_status(status_pb2.Status.FromString(value))
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(
            "DEADLINE_EXCEEDED", f"The service {service} did not answer in time.", {"service": service}
        )
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        return Unavailable(
            "SERVICE_UNAVAILABLE", f"The service {service} does not answer. Try again later.", {"service": service}
        )
    return Internal()
