"""An OpenTelemetry collector that keeps what processes send it."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector(trace_service_pb2_grpc.TraceServiceServicer, metrics_service_pb2_grpc.MetricsServiceServicer):
    """Spans by trace id, each with the service whose it is, and all that came as text."""

    def __init__(self) -> None:
        self.traces: dict[str, list[tuple[str, Span]]] = defaultdict(list)
        self.texts: list[str] = []
        self.endpoint = ""

    def Export(self, request: Any, _context: grpc.ServicerContext) -> Any:
        """Take in a batch of either kind."""
        self.texts.append(str(request))
        if isinstance(request, metrics_service_pb2.ExportMetricsServiceRequest):
            return metrics_service_pb2.ExportMetricsServiceResponse()
        for of_resource in request.resource_spans:
            names = {each.key: each.value.string_value for each in of_resource.resource.attributes}
            for of_scope in of_resource.scope_spans:
                for span in of_scope.spans:
                    self.traces[span.trace_id.hex()].append((names["service.name"], span))
        return trace_service_pb2.ExportTraceServiceResponse()


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens."""
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    # Of all addresses, for containers are not on this machine's own.
    collector.endpoint = f"http://127.0.0.1:{server.add_insecure_port('0.0.0.0:0')}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(None)
