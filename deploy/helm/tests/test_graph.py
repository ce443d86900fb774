"""Who may talk to whom is what the code does, and the network policies say just that, at both ends."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import yaml

from rotunda_charts.rendering import Manifest, manifests, merged
from rotunda_charts.schemas import CHARTS, SERVICES
from rotunda_gateway.contracts import calls
from rotunda_gateway.overview import view
from rotunda_kit.app import Service
from rotunda_kit.events.envelope import stream_of
from rotunda_kit.events.intake import durable_of
from rotunda_kit.resource.references import HEARD_OF

from .charts import everything, of_kind, pods, selected

GRAPH = yaml.safe_load((CHARTS / "lib" / "values.yaml").read_text())["graph"]
APPS = {name: f"rotunda_{name.replace('-', '_')}.app" for name in SERVICES} | {"gateway": "rotunda_gateway.access.app"}
# A chart's name by the service's in the code.
CHART_OF = {"access": "gateway", "service_desk": "service-desk"}


def app(chart: str) -> Service:
    found: Service = import_module(APPS[chart]).app
    return found


class TestCode:
    @pytest.mark.parametrize("chart", [name for name in SERVICES if name != "gateway"])
    def test_a_service_calls_the_owners_of_what_it_has_copies_of(self, chart: str) -> None:
        owners = {noun.partition(".")[0] for noun in [*HEARD_OF, *(copy.noun for copy in app(chart).copies)]}
        assert set(GRAPH["calls"][chart]) == {CHART_OF.get(owner, owner) for owner in owners}

    def test_the_gateway_calls_all_and_access_in_itself(self) -> None:
        assert set(GRAPH["calls"]["gateway"]) == set(SERVICES)
        asked = {CHART_OF.get(name, name) for name in calls.SERVICES}
        assert asked == set(SERVICES)
        assert {CHART_OF.get(name, name) for name in view.SECTIONS.values()} <= set(SERVICES)

    @pytest.mark.parametrize("chart", SERVICES)
    def test_a_worker_hears_those_to_whose_events_it_reacts(self, chart: str) -> None:
        assert set(GRAPH["hears"][chart]) == set(app(chart).all_reactions())

    @pytest.mark.parametrize("chart", SERVICES)
    def test_a_worker_is_scaled_by_the_lag_of_its_consumers(self, chart: str) -> None:
        (scaled,) = of_kind(manifests(chart, everything(chart)), "ScaledObject")
        found = {
            (trigger["metadata"]["stream"], trigger["metadata"]["consumer"]) for trigger in scaled["spec"]["triggers"]
        }
        service = app(chart)
        assert found == {(stream_of(source), durable_of(service.name, source)) for source in service.all_reactions()}


def flows(made: list[Manifest], direction: str) -> Iterator[tuple[str, str, int]]:
    """What the policies of one direction allow between our pods: caller, callee and port."""
    for policy in of_kind(made, "NetworkPolicy"):
        spec = policy["spec"]
        for rule in spec[direction]:
            for peer in rule.get("to", rule.get("from", [])):
                own, other = part(spec["podSelector"]["matchLabels"]), part(peer["podSelector"]["matchLabels"])
                for port in rule["ports"]:
                    ends = (own, other) if direction == "egress" else (other, own)
                    yield *ends, port["port"]


def part(labels: Manifest) -> str:
    assert labels["app.kubernetes.io/instance"] == "rotunda"
    return f"{labels['app.kubernetes.io/name']} {labels['app.kubernetes.io/component']}"


@pytest.fixture(scope="module")
def made() -> list[Manifest]:
    return manifests("rotunda", {"global": everything("sales")["global"]})


def outside(made: list[Manifest], component: str, direction: str) -> dict[str, set[int]]:
    """The ports at which anybody may be reached, or may come in, by service."""
    return {
        policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"]: {
            port["port"]
            for rule in policy["spec"][direction]
            if "to" not in rule and "from" not in rule
            for port in rule["ports"]
        }
        for policy in of_kind(made, "NetworkPolicy")
        if policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == component
    }


class TestPolicies:
    def test_who_may_call_is_who_calls(self, made: list[Manifest]) -> None:
        port = {name: service["port"] for name, service in GRAPH["services"].items()}
        calling = {(f"{a} api", f"{b} api", port[b]) for a, callees in GRAPH["calls"].items() for b in callees}
        trying = {(f"{name} test", f"{name} api", port[name]) for name in SERVICES}
        assert set(flows(made, "ingress")) == calling | trying
        # HTTP is for anybody, so no caller is named there.
        assert set(flows(made, "egress")) == calling | trying | {("gateway test", "gateway api", 8080)}

    def test_pods_that_are_named_are_there_and_listen(self, made: list[Manifest]) -> None:
        listening = {
            (part(labels), port["containerPort"])
            for _, labels, pod in pods(made)
            for port in pod["containers"][0].get("ports", [])
        }
        there = {part(labels) for _, labels, _ in pods(made)}
        for caller, callee, port in flows(made, "egress"):
            assert caller in there
            assert (callee, port) in listening

    def test_nobody_reaches_anything_else(self, made: list[Manifest]) -> None:
        everybody = {53, 5432, 4222, 4317}
        assert outside(made, "api", "egress") == dict.fromkeys(SERVICES, everybody)
        assert outside(made, "worker", "egress") == dict.fromkeys(SERVICES, everybody)
        assert outside(made, "migrations", "egress") == {name: {53, 5432} for name in SERVICES}
        assert outside(made, "test", "egress") == {name: {53} for name in SERVICES}

    def test_nobody_else_comes_in(self, made: list[Manifest]) -> None:
        assert outside(made, "api", "ingress") == {name: {9090} for name in SERVICES} | {"gateway": {9090, 8080}}
        assert outside(made, "worker", "ingress") == {name: {9090} for name in SERVICES}
        assert outside(made, "migrations", "ingress") == {name: set() for name in SERVICES}
        assert outside(made, "test", "ingress") == {name: set() for name in SERVICES}

    def test_the_gateway_reaches_mail_and_provider_where_they_are(self) -> None:
        chosen = {"oidc": {"issuer": "https://login.example.com:8443/staff"}, "mail": {"port": 465}}
        made = manifests("gateway", merged(everything("gateway"), chosen))
        assert outside(made, "api", "egress")["gateway"] == {53, 5432, 4222, 4317, 8443, 465}
        assert outside(made, "worker", "egress")["gateway"] == {53, 5432, 4222, 4317}

    def test_peers_can_be_narrowed(self) -> None:
        peer = {"namespaceSelector": {"matchLabels": {"name": "there"}}}
        policy = {name: {"peers": [peer]} for name in ("postgres", "nats")} | {"dns": [peer], "metrics": [peer]}
        made = manifests("gateway", {"global": {"networkPolicy": policy}, "http": {"peers": [peer]}})
        for component in ("api", "worker", "migrations", "test"):
            assert outside(made, component, "egress") == {"gateway": set()}
            assert outside(made, component, "ingress") == {"gateway": set()}
        (api,) = [policy for policy in of_kind(made, "NetworkPolicy") if policy["metadata"]["name"].endswith("api")]
        (http,) = [rule for rule in api["spec"]["ingress"] if rule["ports"][0]["port"] == 8080]
        (test,) = [labels for _, labels, _ in pods(made) if labels["app.kubernetes.io/component"] == "test"]
        assert http["from"][0] == peer
        assert selected(http["from"][1]["podSelector"], test)


class TestAddresses:
    @pytest.mark.parametrize("chart", SERVICES)
    def test_each_is_told_the_addresses_of_those_whom_it_calls(self, chart: str) -> None:
        made = manifests("rotunda")
        services = {service["metadata"]["name"]: service["spec"] for service in of_kind(made, "Service")}
        (told,) = [config["data"] for config in of_kind(made, "ConfigMap") if owner(config) == chart]
        addresses = {setting: value for setting, value in told.items() if setting.endswith("_ADDRESS")}
        assert len(addresses) == len(GRAPH["calls"][chart])
        for setting, address in addresses.items():
            host, _, port = address.removeprefix("dns:///").partition(":")
            assert host == f"rotunda-{setting.removeprefix('ROTUNDA_').removesuffix('_ADDRESS').lower()}".replace(
                "_", "-"
            )
            # Headless: gRPC sees every pod.
            assert services[host]["clusterIP"] == "None"
            assert [str(found["port"]) for found in services[host]["ports"]] == [port]

    @pytest.mark.parametrize("chart", SERVICES)
    def test_the_certificate_is_for_the_name_by_which_it_is_called(self, chart: str) -> None:
        made = manifests(chart, everything(chart))
        (certificate,) = of_kind(made, "Certificate")
        headless = [service for service in of_kind(made, "Service") if service["spec"].get("clusterIP") == "None"]
        assert certificate["spec"]["dnsNames"][0] == headless[0]["metadata"]["name"]
        volumes = [volume for _, _, pod in pods(made) for volume in pod["volumes"] if volume["name"] == "tls"]
        assert {volume["secret"]["secretName"] for volume in volumes} == {certificate["spec"]["secretName"]}


def owner(manifest: Manifest) -> Any:
    return manifest["metadata"]["labels"]["app.kubernetes.io/name"]
