"""Renders charts as Helm does, without a cluster."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import yaml

from rotunda_charts.schemas import CHARTS

Values = Mapping[str, Any]
Manifest = dict[str, Any]

GOLDEN = CHARTS / "tests" / "golden"
NAMESPACE = "crm"

# Whatever can be switched on, so that all that can be written is.
EVERYTHING: dict[str, Any] = {
    "global": {
        "image": {"pullSecrets": ["registry"]},
        "tls": {
            "enabled": True,
            "clientAuth": True,
            "certManager": {"enabled": True, "issuer": "internal", "issuerKind": "ClusterIssuer"},
        },
        "telemetry": {"otlpEndpoint": "http://collector.telemetry:4317"},
        "monitoring": {"podMonitor": True, "alerts": True, "runbooks": "https://docs.example.com/runbooks"},
        "nats": {"account": "CRM", "monitoring": "nats.nats:8222"},
    },
    "api": {"autoscaling": {"enabled": True}},
    "worker": {"autoscaling": {"by": "lag"}},
}
EVERYTHING_OF_GATEWAY: dict[str, Any] = {
    "ingress": {"enabled": True, "host": "crm.example.com", "className": "nginx", "tlsSecret": "crm-example-com"},
    "mail": {"enabled": True, "from": "crm@example.com", "passwordResetUrl": "https://crm.example.com/reset?token="},
    "oidc": {
        "enabled": True,
        "issuer": "https://keycloak.example.com/realms/staff",
        "redirectUrl": "https://crm.example.com/v1/auth/oidc/callback",
    },
}


def merged(*layers: Values) -> dict[str, Any]:
    """Values over values."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            over = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
            result[key] = merged(result[key], value) if over else value
    return result


def render(name: str, values: Values | None = None, *, charts: Path = CHARTS) -> dict[str, str]:
    """The text of each template of a chart."""
    # Loaded each time: rendering leaves its values, and what is disabled, in the loaded chart.
    with helm_python.Chart.load(charts / name) as chart:
        rendered = chart.render(dict(values or {}), name="rotunda", namespace=NAMESPACE)
    return {template: text for template, text in rendered.items() if template.endswith(".yaml")}


@cache
def _parsed(text: str) -> Manifest | None:
    found: Manifest | None = yaml.load(text, yaml.CSafeLoader)
    return found


def parsed(text: str) -> list[Manifest]:
    """The manifests in the text of a template; they are not to be changed."""
    return [manifest for part in re.split(r"^---$", text, flags=re.MULTILINE) if (manifest := _parsed(part))]


def manifests(name: str, values: Values | None = None, *, charts: Path = CHARTS) -> list[Manifest]:
    """All that a chart makes."""
    return [manifest for text in render(name, values, charts=charts).values() for manifest in parsed(text)]


def golden() -> dict[Path, str]:
    """The golden files: the umbrella as it is by default, and two services with whatever can be switched on."""
    everything = {"global": EVERYTHING["global"]} | {
        name: {key: value for key, value in EVERYTHING.items() if key != "global"} for name in ("gateway", "sales")
    }
    everything["gateway"] |= EVERYTHING_OF_GATEWAY
    return {
        GOLDEN / folder / f"{name}.yaml": text
        for folder, values, names in (
            ("default", {}, ("customers", "sales", "service-desk", "marketing", "sync", "gateway")),
            ("everything", everything, ("gateway", "sales")),
        )
        for name, text in _by_chart(render("rotunda", values)).items()
        if name in names
    }


def _by_chart(templates: Mapping[str, str]) -> dict[str, str]:
    """What the umbrella makes, by the chart that does."""
    by_chart: dict[str, list[str]] = {}
    for template, text in sorted(templates.items()):
        parts = [part.strip() for part in re.split(r"^---$", text, flags=re.MULTILINE)]
        by_chart.setdefault(template.split("/")[2], []).extend(part for part in parts if part)
    return {name: "\n---\n".join(parts) + "\n" for name, parts in by_chart.items()}
