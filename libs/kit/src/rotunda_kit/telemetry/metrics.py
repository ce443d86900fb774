"""Counts and durations, as Prometheus reads them and OTLP sends them.

Names are those of OpenTelemetry's semantic conventions where they have one; Prometheus shows dots as underscores, and
the unit at the end.
"""

from collections.abc import Sequence

from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from prometheus_client import start_http_server

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# Without a provider the API's instruments do nothing, and cost nothing.
meter = metrics.get_meter("rotunda")

RPC_DURATION = meter.create_histogram(
    "rpc.server.duration",
    "s",
    "How long calls took, by method and status.",
    explicit_bucket_boundaries_advisory=SECONDS,
)
HTTP_DURATION = meter.create_histogram(
    "http.server.request.duration",
    "s",
    "How long requests took, by route and status.",
    explicit_bucket_boundaries_advisory=SECONDS,
)
SHED = meter.create_counter("rotunda.requests.shed", "{request}", "Requests that were refused, by reason.")
EVENTS = meter.create_counter("rotunda.events.taken_in", "{event}", "Events that a consumer has taken in.")


def configure_metrics(resource: Resource, host: str, port: int, endpoint: str) -> None:
    """Show the metrics of this process.

    Args:
        resource: the process.
        host: address to listen at.
        port: where Prometheus finds `/metrics`; nowhere if 0.
        endpoint: of an OpenTelemetry collector that takes OTLP over gRPC; nothing is sent if empty.
    """
    readers: list[MetricReader] = []
    if port:
        readers.append(PrometheusMetricReader())
        start_http_server(port, host)
    if endpoint:
        # Only here: it takes memory and time to load.
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        exporter = OTLPMetricExporter(endpoint, insecure=endpoint.startswith("http://"))
        readers.append(PeriodicExportingMetricReader(exporter))
    if readers:
        metrics.set_meter_provider(MeterProvider(readers, resource, shutdown_on_exit=False))
        # Shown from the beginning: what a counter was at first is not an increase.
        SHED.add(0, {"reason": "in_flight"})


def end_metrics() -> None:
    """Send what is left, and stop."""
    provider = metrics.get_meter_provider()
    if isinstance(provider, MeterProvider):
        provider.shutdown()


class Gauge:
    """A number that is looked at from time to time; while nobody knows it, it is not shown.

    Args:
        name: of the metric.
        unit: of the number.
        description: what it counts.
    """

    def __init__(self, name: str, unit: str, description: str) -> None:
        self._seen: Sequence[Observation] = ()
        meter.create_observable_gauge(name, [self._observe], unit, description)

    def _observe(self, _options: CallbackOptions) -> Sequence[Observation]:
        return self._seen

    def show(self, *seen: Observation) -> None:
        """Show these from now on; nothing, if there are none."""
        self._seen = seen
