"""Writes Grafana's dashboard of the platform: `make golden`.

The tables say what is shown; everything else that Grafana wants to be told of a panel is the same for all.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotunda_charts.schemas import CHARTS

Json = dict[str, Any]

FILE = CHARTS / "rotunda" / "dashboards" / "platform.json"

COLUMNS, HEIGHT, A_LINE = 24, 8, 3
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

# Whatever the reader has chosen above; requests come in at the gateway alone.
HERE = 'namespace="$namespace"'
OF = f'{HERE},service=~"$service"'
FAILED = 'rpc_grpc_status_code=~"UNKNOWN|DEADLINE_EXCEEDED|INTERNAL|UNAVAILABLE|DATA_LOSS"'
FAILED_REQUESTS = f'{HERE},http_response_status_code=~"5.."'
REQUESTS = "http_server_request_duration_seconds"
CALLS = "rpc_server_duration_seconds"


@dataclass(frozen=True)
class Panel:
    """One picture.

    Args:
        title: above it.
        unit: as Grafana names it.
        lines: what is drawn: a name, which may have labels in double braces, and an expression.
        note: what else one should know.
    """

    title: str
    unit: str
    lines: Sequence[tuple[str, str]]
    note: str = ""


def rate(metric: str, by: str, selector: str) -> str:
    """So many a second."""
    return f"sum by ({by}) (rate({metric}{{{selector}}}[$__rate_interval]))"


def total(selector: str) -> str:
    """Requests a second."""
    return f"sum(rate({REQUESTS}_count{{{selector}}}[$__rate_interval]))"


def quantile(share: float, metric: str, by: str, selector: str) -> str:
    """Below which so many took."""
    buckets = rate(f"{metric}_bucket", f"{by}, le" if by else "le", selector)
    return f"histogram_quantile({share}, {buckets})"


def quantiles(metric: str, selector: str) -> list[tuple[str, str]]:
    """Half of them, nearly all, and all but the slowest."""
    return [(f"{share:.0%}", quantile(share, metric, "", selector)) for share in (0.5, 0.95, 0.99)]


def latest(metric: str, by: str) -> str:
    """What is looked up by every worker; all see the same."""
    return f"max by ({by}) ({metric}{{{OF}}})"


ROUTE = "http_request_method, http_route"
METHOD = "service, rpc_method"
ROWS: dict[str, Sequence[Panel]] = {
    "Requests to the gateway": (
        Panel(
            "Requests by status",
            "reqps",
            [
                (
                    "{{http_response_status_code}}",
                    rate(f"{REQUESTS}_count", "http_response_status_code", HERE),
                )
            ],
        ),
        Panel(
            "Requests that fail",
            "percentunit",
            [("5xx", f"({total(FAILED_REQUESTS)} or vector(0)) / {total(HERE)}")],
        ),
        Panel("Duration of requests", "s", quantiles(REQUESTS, HERE)),
        Panel(
            "Requests by route",
            "reqps",
            [("{{http_request_method}} {{http_route}}", f"topk(10, {rate(f'{REQUESTS}_count', ROUTE, HERE)})")],
            "The ten with the most.",
        ),
        Panel(
            "Slow routes",
            "s",
            [("{{http_request_method}} {{http_route}}", f"topk(10, {quantile(0.99, REQUESTS, ROUTE, HERE)} > 0)")],
            "The ten whose slowest request in a hundred takes longest.",
        ),
        Panel(
            "Refused because it was too much",
            "reqps",
            [("{{service}} {{reason}}", rate("rotunda_requests_shed_total", "service, reason", OF))],
            "in_flight: maxInFlight was reached in a process. rate_limit: a credential sent more than it may.",
        ),
    ),
    "Calls of the services": (
        Panel("Calls", "reqps", [("{{service}}", rate(f"{CALLS}_count", "service", OF))]),
        Panel(
            "Calls that fail",
            "reqps",
            [
                (
                    "{{service}} {{rpc_grpc_status_code}}",
                    rate(f"{CALLS}_count", "service, rpc_grpc_status_code", f"{OF},{FAILED}"),
                )
            ],
            "By no fault of the caller.",
        ),
        Panel("Duration of calls", "s", [("{{service}} 99%", quantile(0.99, CALLS, "service", OF))]),
        Panel(
            "Calls by method",
            "reqps",
            [("{{service}} {{rpc_method}}", f"topk(10, {rate(f'{CALLS}_count', METHOD, OF)})")],
            "The ten with the most.",
        ),
        Panel(
            "Slow methods",
            "s",
            [("{{service}} {{rpc_method}}", f"topk(10, {quantile(0.99, CALLS, METHOD, OF)} > 0)")],
            "The ten whose slowest call in a hundred takes longest.",
        ),
        Panel(
            "Answers by status",
            "reqps",
            [("{{rpc_grpc_status_code}}", rate(f"{CALLS}_count", "rpc_grpc_status_code", OF))],
        ),
    ),
    "Events": (
        Panel("Events that wait in outboxes", "short", [("{{service}}", latest("rotunda_outbox_unsent", "service"))]),
        Panel(
            "Age of the oldest that waits",
            "s",
            [("{{service}}", latest("rotunda_outbox_oldest_age_seconds", "service"))],
        ),
        Panel(
            "Events that are not taken in yet",
            "short",
            [("{{service}} from {{source}}", latest("rotunda_consumer_lag", "service, source"))],
        ),
        Panel(
            "Events that are taken in",
            "reqps",
            [("{{consumer}}", rate("rotunda_events_taken_in_total", "consumer", OF))],
        ),
        Panel(
            "Dead letters",
            "short",
            [("{{service}}", latest("rotunda_dead_letters", "service"))],
            "Events that were given up and wait for a replay.",
        ),
        Panel(
            "Age of the audit trail's tail",
            "s",
            [("{{service}}", latest("rotunda_audit_unchained_oldest_age_seconds", "service"))],
            "How long the oldest entry has waited to be chained.",
        ),
    ),
    "Processes": (
        Panel(
            "Connections to PostgreSQL in use",
            "percentunit",
            [
                (
                    "{{pod}} {{pool}}",
                    f"max by (pod, pool) (rotunda_database_pool_in_use{{{OF}}} / rotunda_database_pool_size{{{OF}}})",
                )
            ],
        ),
        Panel("Memory", "bytes", [("{{pod}}", f"max by (pod) (process_resident_memory_bytes{{{OF}}})")]),
        Panel("Processor", "short", [("{{pod}}", rate("process_cpu_seconds_total", "pod", OF))], "Cores in use."),
        Panel(
            "Readers of the live stream",
            "short",
            [("{{pod}}", f"max by (pod) (rotunda_stream_readers{{{HERE}}})")],
        ),
    ),
}


def _variable(name: str, query: str, **further: Any) -> Json:
    return {
        "name": name,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        **further,
    }


def _panel(panel: Panel, number: int, x: int, y: int) -> Json:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.note,
        "datasource": DATASOURCE,
        "gridPos": {"x": x, "y": y, "w": COLUMNS // A_LINE, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, "custom": {"fillOpacity": 10}}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {"refId": chr(ord("A") + index), "expr": expression, "legendFormat": name}
            for index, (name, expression) in enumerate(panel.lines)
        ],
    }


def _panels() -> Iterator[Json]:
    number, y = 0, 0
    for title, panels in ROWS.items():
        number += 1
        row = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        yield {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": row, "panels": []}
        y += 1
        for index, panel in enumerate(panels):
            number += 1
            line, column = divmod(index, A_LINE)
            yield _panel(panel, number, column * COLUMNS // A_LINE, y + line * HEIGHT)
        y += -(-len(panels) // A_LINE) * HEIGHT


def platform() -> Json:
    """The dashboard, as Grafana takes it."""
    return {
        "uid": "rotunda-platform",
        "title": "Rotunda",
        "tags": ["rotunda"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus"},
                _variable("namespace", "label_values(rotunda_database_pool_size, namespace)"),
                _variable(
                    "service",
                    f"label_values(rotunda_database_pool_size{{{HERE}}}, service)",
                    multi=True,
                    includeAll=True,
                    allValue=".*",
                    current={"text": "All", "value": "$__all"},
                ),
            ]
        },
        "panels": list(_panels()),
    }


def dashboards() -> Iterator[tuple[Path, str]]:
    """Each file, and what belongs into it."""
    yield FILE, json.dumps(platform(), indent=1) + "\n"
