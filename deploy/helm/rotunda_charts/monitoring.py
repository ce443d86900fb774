"""What alerts and dashboards ask Prometheus for."""

import re
from collections.abc import Iterator
from typing import Any

from rotunda_charts.dashboards import ROWS
from rotunda_charts.rendering import EVERYTHING, EVERYTHING_OF_GATEWAY, manifests, merged
from rotunda_charts.schemas import SERVICES

# Labels that come from where metrics are read: the operator's, and those of our PodMonitor.
OF_TARGET = {"namespace", "pod", "service", "component"}


def alert_rules(chart: str) -> list[dict[str, Any]]:
    """The alerts of a service."""
    values = merged(EVERYTHING, EVERYTHING_OF_GATEWAY if chart == "gateway" else {})
    (rule,) = [found for found in manifests(chart, values) if found["kind"] == "PrometheusRule"]
    rules: list[dict[str, Any]] = rule["spec"]["groups"][0]["rules"]
    return rules


def expressions() -> Iterator[tuple[str, str]]:
    """Whatever is asked for, and what for."""
    for chart in SERVICES:
        yield from ((rule["alert"], rule["expr"]) for rule in alert_rules(chart))
    for panels in ROWS.values():
        yield from ((panel.title, expression) for panel in panels for _, expression in panel.lines)


def selectors(expression: str) -> list[tuple[str, dict[str, str]]]:
    """Each metric that is named, and the labels that select."""
    found = re.findall(r"([a-z_]+)\{([^}]*)\}", expression)
    return [(metric, dict(re.findall(r'([a-z_]+)=~?"([^"]*)"', matchers))) for metric, matchers in found]


def groups(expression: str) -> set[str]:
    """The labels by which is counted."""
    found = re.findall(r"by \(([^)]*)\)", expression)
    return {label.strip() for labels in found for label in labels.split(",") if label.strip()}
