"""What the tests of the charts share."""

import json
from collections.abc import Iterator, Sequence
from itertools import combinations as combinations_of
from itertools import product
from typing import Any

from rotunda_charts.rendering import EVERYTHING, EVERYTHING_OF_GATEWAY, Manifest, Values, merged

# The kinds whose schemas are not Kubernetes' own.
CUSTOM = {"Certificate", "PodMonitor", "PrometheusRule", "ScaledObject"}

_TLS = {"global": {"tls": {"enabled": True}}}
_CERT_MANAGER = {"global": {"tls": {"certManager": {"enabled": True, "issuer": "internal"}}}}
_MUTUAL = {"global": {"tls": {"clientAuth": True}}}
_MONITORED = {"global": {"monitoring": EVERYTHING["global"]["monitoring"]}}
_BY_LAG = {"global": {"nats": EVERYTHING["global"]["nats"]}, "worker": {"autoscaling": {"by": "lag"}}}

_UNPOLICED = {"global": {"networkPolicy": {"enabled": False}}}
_TRACED = {"global": {"telemetry": {"otlpEndpoint": "http://collector.telemetry:4317"}}}

# What can be chosen, each with each.
OPTIONS: Sequence[Sequence[Values]] = (
    ({}, {"api": {"autoscaling": {"enabled": True}}}),
    ({}, {"worker": {"autoscaling": {"by": "cpu"}}}, _BY_LAG),
    ({}, _TLS, merged(_TLS, _CERT_MANAGER), merged(_TLS, _MUTUAL), merged(_TLS, _CERT_MANAGER, _MUTUAL)),
    ({}, _UNPOLICED),
    ({}, _MONITORED),
    ({}, _TRACED),
    ({}, {"migrations": {"job": False}}),
    ({}, {"serviceAccount": {"create": False, "name": "runner"}}),
)
MET_BY_GATEWAY: Sequence[Sequence[Values]] = [
    choices for choices in OPTIONS if choices[1] in (_TLS, _UNPOLICED, _TRACED)
]
OPTIONS_OF_GATEWAY: Sequence[Sequence[Values]] = tuple(
    ({}, {name: values}) for name, values in EVERYTHING_OF_GATEWAY.items()
)


def combinations(chart: str) -> Sequence[Values]:
    """Combinations of the options of a service's chart.

    All that there are for sales, as a service that has nothing but what the library gives; for the others each two
    options together (and so the last one, which stands alone in the templates); for the gateway also its own with all
    that they meet in a template.
    """
    found = {json.dumps(values, sort_keys=True): values for values in _combinations(chart)}
    return list(found.values())


def _combinations(chart: str) -> Iterator[Values]:
    options = [*OPTIONS, *(OPTIONS_OF_GATEWAY if chart == "gateway" else ())]
    yield everything(chart)
    for first, second in combinations_of(options, 2):
        for chosen in product(first, second):
            yield merged(*chosen)
    if chart == "sales":
        yield from (merged(*chosen) for chosen in product(*OPTIONS[:-1]))
    if chart == "gateway":
        yield from (merged(*chosen) for chosen in product(*OPTIONS_OF_GATEWAY, *MET_BY_GATEWAY))


def everything(chart: str) -> Values:
    """All options of a service's chart at once."""
    return merged(EVERYTHING, EVERYTHING_OF_GATEWAY if chart == "gateway" else {})


def of_kind(manifests: Sequence[Manifest], *kinds: str) -> list[Manifest]:
    """The manifests of some kinds."""
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def pods(manifests: Sequence[Manifest]) -> Iterator[tuple[str, Manifest, Manifest]]:
    """Everything that runs: where it is written, labels, spec."""
    for manifest in manifests:
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        if manifest["kind"] == "Pod":
            yield name, manifest["metadata"]["labels"], manifest["spec"]
        elif manifest["kind"] in ("Deployment", "Job"):
            template = manifest["spec"]["template"]
            yield name, template["metadata"]["labels"], template["spec"]


def containers(spec: Manifest) -> list[Any]:
    """All containers of a pod."""
    return [*spec.get("initContainers", []), *spec["containers"]]


def selected(selector: Manifest, labels: Manifest) -> bool:
    """Whether a selector is about something with these labels."""
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
