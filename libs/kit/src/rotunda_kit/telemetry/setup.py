"""Telemetry of a process, as its settings say."""

from opentelemetry.sdk.resources import Resource

from rotunda_kit.settings import Settings
from rotunda_kit.telemetry.logs import configure_logging
from rotunda_kit.telemetry.metrics import configure_metrics, end_metrics
from rotunda_kit.telemetry.traces import configure_traces, end_traces


def begin_telemetry(process: str, settings: Settings, *, edge: bool = False) -> None:
    """Write logs, show metrics, export spans.

    Args:
        process: name of the service, in all of them.
        settings: of the process.
        edge: whether callers are strangers (see `configure_traces`).
    """
    configure_logging(process, settings.log_level)
    resource = Resource.create({"service.name": process, "service.namespace": "rotunda"})
    configure_metrics(resource, settings.grpc_host, settings.metrics_port, settings.otlp_endpoint)
    configure_traces(resource, settings.trace_sample_ratio, settings.otlp_endpoint, edge=edge)


def end_telemetry() -> None:
    """Send what is left."""
    end_traces()
    end_metrics()
