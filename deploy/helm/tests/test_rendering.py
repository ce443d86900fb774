"""Whatever is chosen, Kubernetes takes what comes out, and its parts fit together."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import helm_python
import jsonschema
import kubernetes_validate
import pytest
import referencing
import yaml

from rotunda_charts.rendering import GOLDEN, NAMESPACE, Manifest, golden, manifests, merged, render
from rotunda_charts.schemas import CHARTS, SERVICES

from .charts import CUSTOM, combinations, everything, of_kind, pods, selected

# The oldest that the charts are for, and the newest that is known.
VERSIONS = ("1.30", kubernetes_validate.latest_version().rpartition(".")[0])


@cache
def definitions(version: str) -> Any:
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    return folder, referencing.Resource.from_contents(json.loads((folder / "_definitions.json").read_text()))


@cache
def validator(version: str, kind: str, api_version: str) -> Any:
    """Checks a kind's manifests strictly: what Kubernetes does not know is wrong."""
    folder, common = definitions(version)
    group, _, name = api_version.rpartition("/")
    file = "-".join(part for part in (kind.lower(), group.split(".")[0], name) if part) + ".json"
    schema = json.loads((folder / file).read_text())
    resource: Any = referencing.Resource.from_contents(schema)
    registry: Any = resource @ referencing.Registry()
    return jsonschema.Draft202012Validator(schema, registry=common @ registry)


def problems(manifest: Manifest) -> list[str]:
    """What is wrong with a manifest, in each version of Kubernetes."""
    if manifest["kind"] in CUSTOM:
        return []
    return [
        f"{version} {manifest['kind']} {manifest['metadata']['name']}: {error.json_path} {error.message}"
        for version in VERSIONS
        for error in validator(version, manifest["kind"], manifest["apiVersion"]).iter_errors(manifest)
    ]


def misfits(made: Sequence[Manifest]) -> list[str]:
    """References between manifests of a chart that lead nowhere."""
    judged = [manifest for manifest in made if manifest["kind"] in FITS]
    return [
        f"{manifest['kind']} {manifest['metadata']['name']}"
        for manifest in judged
        if not FITS[manifest["kind"]](manifest["spec"], made)
    ] + misfits_of_pods(made)


def meant(selector: Manifest, made: Sequence[Manifest]) -> list[Manifest]:
    return [pod for _, labels, pod in pods(made) if selected(selector, labels)]


def service_fits(spec: Manifest, made: Sequence[Manifest]) -> bool:
    behind = meant({"matchLabels": spec["selector"]}, made)
    return len(behind) == 1 and all(has_port(behind[0], port["targetPort"]) for port in spec["ports"])


def scaler_fits(spec: Manifest, made: Sequence[Manifest]) -> bool:
    scaled = [
        manifest
        for manifest in of_kind(made, "Deployment")
        if manifest["metadata"]["name"] == spec["scaleTargetRef"]["name"]
    ]
    # Who scales must be the only one to say how many.
    return len(scaled) == 1 and "replicas" not in scaled[0]["spec"]


def monitor_fits(spec: Manifest, made: Sequence[Manifest]) -> bool:
    read = meant(spec["selector"], made)
    return len(read) == 2 and all(has_port(pod, spec["podMetricsEndpoints"][0]["port"]) for pod in read)


def selector_fits(spec: Manifest, made: Sequence[Manifest]) -> bool:
    return len(meant(spec["selector"], made)) == 1


def ingress_fits(spec: Manifest, made: Sequence[Manifest]) -> bool:
    backend = spec["rules"][0]["http"]["paths"][0]["backend"]["service"]
    services = {service["metadata"]["name"]: service["spec"] for service in of_kind(made, "Service")}
    return backend["port"]["name"] in [port["name"] for port in services[backend["name"]]["ports"]]


FITS: dict[str, Callable[[Manifest, Sequence[Manifest]], bool]] = {
    "Service": service_fits,
    "HorizontalPodAutoscaler": scaler_fits,
    "ScaledObject": scaler_fits,
    "PodMonitor": monitor_fits,
    "PodDisruptionBudget": selector_fits,
    "Deployment": selector_fits,
    "Ingress": ingress_fits,
}


def has_port(pod: Manifest, name: str) -> bool:
    return any(port["name"] == name for port in pod["containers"][0]["ports"])


def misfits_of_pods(made: Sequence[Manifest]) -> list[str]:
    """What pods name that is not there, or not once."""
    found = []
    configured = {manifest["metadata"]["name"]: manifest["data"] for manifest in of_kind(made, "ConfigMap")}
    accounts = {manifest["metadata"]["name"] for manifest in of_kind(made, "ServiceAccount")} or {"runner"}
    policies = of_kind(made, "NetworkPolicy")
    for name, labels, pod in pods(made):
        if pod["serviceAccountName"] not in accounts:
            found.append(f"{name} has no service account")
        policed = [policy for policy in policies if selected(policy["spec"]["podSelector"], labels)]
        if policies and [policy["spec"]["policyTypes"] for policy in policed] != [["Ingress", "Egress"]]:
            found.append(f"{name} has not just one network policy for both directions")
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            if {mount["name"] for mount in container["volumeMounts"]} - volumes:
                found.append(f"{name} mounts what is no volume")
            declared = {port["containerPort"] for port in container.get("ports", [])}
            probed = {container[probe]["grpc"]["port"] for probe in container if probe.endswith("Probe")}
            if probed - declared:
                found.append(f"{name} probes another port than it declares")
            for source in container.get("envFrom", []):
                told = configured[source["configMapRef"]["name"]]
                ports = {int(value) for setting, value in told.items() if setting.endswith("_PORT")}
                if declared - ports:
                    found.append(f"{name} declares ports that its settings do not say")
    return found


class TestCombinations:
    @pytest.mark.parametrize("chart", SERVICES)
    def test_every_combination_of_options_is_valid_and_fits_together(self, chart: str) -> None:
        wrong: set[str] = set()
        seen: dict[int, Manifest] = {}
        for values in combinations(chart):
            made = manifests(chart, values)
            seen |= {id(manifest): manifest for manifest in made}
            wrong.update(misfits(made))
        for manifest in seen.values():
            wrong.update(problems(manifest))
        assert not wrong

    def test_what_is_invalid_is_found(self) -> None:
        deployment = of_kind(manifests("sales"), "Deployment")[0]
        assert problems(merged(deployment, {"spec": {"replicas": "two"}}))
        assert problems(merged(deployment, {"spec": {"replica": 2}}))

    def test_what_does_not_fit_is_found(self) -> None:
        made = manifests("sales", everything("sales"))
        assert misfits(made) == []
        for kind, fewer in {"Deployment": 4, "NetworkPolicy": 1}.items():
            missing = of_kind(made, kind)[0]
            assert len(misfits([manifest for manifest in made if manifest is not missing])) == fewer

    @pytest.mark.parametrize("chart", [*SERVICES, "rotunda"])
    def test_names_are_there_once_and_in_the_release_s_namespace(self, chart: str) -> None:
        values = {"global": everything("sales")["global"]} if chart == "rotunda" else everything(chart)
        made = manifests(chart, values)
        names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in made]
        assert len(names) == len(set(names))
        assert {manifest["metadata"]["namespace"] for manifest in made} == {NAMESPACE}
        assert all(len(name) <= 63 for _, name in names)

    def test_the_longest_instance_s_names_are_short_enough(self) -> None:
        made = manifests("rotunda", {"global": merged(everything("sales")["global"], {"instance": "a" * 31})})
        assert max(len(manifest["metadata"]["name"]) for manifest in made) == 63


class TestUmbrella:
    def test_it_has_just_what_is_enabled(self) -> None:
        for chosen in product((True, False), repeat=len(SERVICES)):
            enabled = dict(zip(SERVICES, chosen, strict=True))
            made = manifests("rotunda", {name: {"enabled": is_} for name, is_ in enabled.items()})
            names = {manifest["metadata"]["labels"]["app.kubernetes.io/name"] for manifest in made}
            assert names == {name for name, is_ in enabled.items() if is_}

    @pytest.mark.parametrize("chart", SERVICES)
    def test_a_service_alone_is_made_as_under_the_umbrella(self, chart: str) -> None:
        alone = {template.removeprefix(f"{chart}/"): text for template, text in render(chart).items()}
        prefix = f"rotunda/charts/{chart}/"
        together = {
            template.removeprefix(prefix): text
            for template, text in render("rotunda").items()
            if template.startswith(prefix)
        }
        assert alone == together

    @pytest.mark.parametrize("chart", SERVICES)
    def test_another_tag_of_one_service_changes_nothing_of_the_others(self, chart: str) -> None:
        before, after = render("rotunda"), render("rotunda", {chart: {"image": {"tag": "9.9.9"}}})
        changed = {template.split("/")[2] for template in before if before[template] != after[template]}
        assert changed == {chart}

    def test_the_umbrella_names_every_chart_beside_it(self) -> None:
        declared = yaml.safe_load((CHARTS / "rotunda" / "Chart.yaml").read_text())["dependencies"]
        charts = {file.parent.name for file in CHARTS.glob("*/Chart.yaml")}
        assert [dependency["name"] for dependency in declared] == list(SERVICES)
        assert charts == {*SERVICES, "lib", "rotunda"}
        links = [*CHARTS.glob("*/charts/*")]
        assert len(links) == 2 * len(SERVICES)
        for link in links:
            assert not link.readlink().is_absolute()
            version = yaml.safe_load((link / "Chart.yaml").read_text())["version"]
            parent = yaml.safe_load((link.parents[1] / "Chart.yaml").read_text())
            assert {found["version"] for found in parent["dependencies"] if found["name"] == link.name} == {version}


class TestHelm:
    @pytest.mark.parametrize("chart", [*SERVICES, "rotunda"])
    def test_lint_finds_nothing_wrong(self, chart: str) -> None:
        found = helm_python.lint(CHARTS / chart, strict=True, with_subcharts=True)
        assert found["errors"] == []
        assert [message for message in found["messages"] if message["severity"] > 1] == []

    @pytest.mark.parametrize("chart", ["sales", "rotunda"])
    def test_a_packaged_chart_makes_the_same(self, chart: str, tmp_path: Path) -> None:
        packaged = Path(helm_python.package(CHARTS / chart, destination=tmp_path))
        assert render(packaged.name, charts=tmp_path) == render(chart)


class TestGolden:
    def test_the_charts_make_what_the_golden_files_say(self) -> None:
        made = golden()
        assert set(GOLDEN.glob("*/*")) == set(made)
        for path, content in made.items():
            assert path.read_text() == content, "`make golden` writes them anew; read the difference"
