"""What runs: as little as it needs, the right release, stopped in peace."""

from typing import Any

import pytest

from rotunda_charts.rendering import Manifest, manifests, merged
from rotunda_charts.schemas import SERVICES
from rotunda_gateway.settings import GatewaySettings
from rotunda_gateway.transcoding.transcoder import DEFAULT_DEADLINE
from rotunda_kit.probe import TlsFiles
from rotunda_kit.settings import DatabaseSettings, Settings

from .charts import containers, everything, of_kind, pods


@pytest.fixture(params=SERVICES)
def chart(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def made(chart: str) -> list[Manifest]:
    return manifests(chart, everything(chart))


def component(made: list[Manifest], name: str) -> Manifest:
    (found,) = [pod for _, labels, pod in pods(made) if labels["app.kubernetes.io/component"] == name]
    return found


def variables(container: Manifest) -> dict[str, Any]:
    return {variable["name"]: variable for variable in container.get("env", [])}


class TestSecurity:
    def test_pods_are_restricted(self, made: list[Manifest]) -> None:
        # As the Pod Security Standard "restricted" wants it, and a file system that can't be written.
        found = list(pods(made))
        assert len(found) == 4
        for name, _, pod in found:
            assert pod["automountServiceAccountToken"] is False, name
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["securityContext"]["runAsUser"] > 0
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            for container in containers(pod):
                assert container["securityContext"] == {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                }
                assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
                assert container["resources"].keys() == {"requests", "limits"}
            assert {next(iter(volume.keys() - {"name"})) for volume in pod["volumes"]} <= {
                "emptyDir",
                "projected",
                "secret",
            }

    def test_secrets_are_only_referred_to(self, made: list[Manifest]) -> None:
        assert of_kind(made, "Secret") == []
        for _, _, pod in pods(made):
            for container in containers(pod):
                for name, variable in variables(container).items():
                    assert ("value" in variable) != (name.endswith("_URL")), name

    def test_a_process_gets_no_key_that_it_does_not_use(self, chart: str, made: list[Manifest]) -> None:
        files = {}
        for name in ("api", "worker", "migrations", "test"):
            sources = [
                item["path"]
                for volume in component(made, name)["volumes"]
                for source in volume.get("projected", {}).get("sources", [])
                for item in next(iter(source.values()))["items"]
            ]
            files[name] = set(sources)
        own = {"signing-key.json", "encryption-key", "oidc-client-secret"} if chart == "gateway" else set()
        assert files == {
            "api": {"token-keys.json"} | own,
            "worker": {"token-keys.json", "audit-keys.json"},
            "migrations": set(),
            "test": set(),
        }

    def test_migrations_know_the_database_only(self, made: list[Manifest]) -> None:
        fields = {f"ROTUNDA_{name.upper()}" for name in DatabaseSettings.model_fields}
        migrate = component(made, "migrations")["containers"][0]
        waiting = [component(made, name)["initContainers"][0] for name in ("api", "worker")]
        for container in (migrate, *waiting):
            assert variables(container).keys() == fields
            assert "envFrom" not in container


class TestSettings:
    def test_every_setting_exists(self, chart: str, made: list[Manifest]) -> None:
        settings = GatewaySettings if chart == "gateway" else Settings
        known = {f"ROTUNDA_{name.upper()}" for name in settings.model_fields}
        (config,) = of_kind(made, "ConfigMap")
        set_by = {name for _, _, pod in pods(made) for container in containers(pod) for name in variables(container)}
        assert set(config["data"]) | set_by <= known

    def test_what_must_be_set_is(self, chart: str) -> None:
        settings = GatewaySettings if chart == "gateway" else Settings
        needed = {f"ROTUNDA_{name.upper()}" for name, field in settings.model_fields.items() if field.is_required()}
        made = manifests(chart)
        (config,) = of_kind(made, "ConfigMap")
        for name in ("api", "worker"):
            assert needed <= set(config["data"]) | set(variables(component(made, name)["containers"][0]))

    def test_the_settings_class_takes_what_the_chart_says(
        self, chart: str, made: list[Manifest], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (config,) = of_kind(made, "ConfigMap")
        for name, value in config["data"].items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("ROTUNDA_DATABASE_URL", "postgresql://rotunda@postgres/rotunda")
        monkeypatch.setenv("ROTUNDA_NATS_URL", "nats://nats:4222")
        settings = GatewaySettings() if chart == "gateway" else Settings()  # type: ignore[call-arg] # the environment
        assert settings.grpc_host == "0.0.0.0"
        if isinstance(settings, GatewaySettings):
            assert settings.oidc_algorithms == ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
            assert settings.body_limit == 8 * 1024 * 1024
            rates = (settings.rate_limit_read, settings.rate_limit_write, settings.rate_limit_batch)
            assert (*rates, settings.rate_limit_burst) == (100, 50, 5, 10)

    def test_files_that_settings_name_are_mounted(self, made: list[Manifest]) -> None:
        (config,) = of_kind(made, "ConfigMap")
        for name in ("api", "worker"):
            mounts = [mount["mountPath"] for mount in component(made, name)["containers"][0]["volumeMounts"]]
            for setting, path in config["data"].items():
                if setting.endswith("_FILE"):
                    assert path.rpartition("/")[0] in mounts

    def test_changed_settings_begin_new_pods(self, chart: str) -> None:
        def annotations(values: dict[str, Any]) -> list[str]:
            return [
                deployment["spec"]["template"]["metadata"]["annotations"]["rotunda/settings"]
                for deployment in of_kind(manifests(chart, values), "Deployment")
            ]

        before = annotations({})
        assert before[0] == before[1]
        assert before != annotations({"logLevel": "DEBUG"})
        assert before != annotations({"maxInFlight": 10})
        assert before != annotations({"env": {"ROTUNDA_FURTHER": 10}})
        assert before == annotations({"image": {"tag": "9.9.9"}})

    def test_the_probe_s_settings_exist(self, made: list[Manifest]) -> None:
        known = {f"ROTUNDA_{name.upper()}" for name in TlsFiles.model_fields}
        assert variables(component(made, "test")["containers"][0]).keys() <= known


class TestLife:
    def test_probes_ask_whether_it_lives_and_whether_it_is_ready(self, made: list[Manifest]) -> None:
        for name in ("api", "worker"):
            container = component(made, name)["containers"][0]
            assert container["livenessProbe"]["grpc"] == {"port": 8081, "service": "live"}
            assert container["startupProbe"]["grpc"] == {"port": 8081, "service": "live"}
            assert container["readinessProbe"]["grpc"] == {"port": 8081, "service": ""}

    def test_overload_is_where_the_product_sees_it(self, chart: str, made: list[Manifest]) -> None:
        # On one machine and in a cluster alike.
        settings = GatewaySettings if chart == "gateway" else Settings
        (config,) = of_kind(made, "ConfigMap")
        assert config["data"]["ROTUNDA_MAX_IN_FLIGHT"] == str(settings.model_fields["max_in_flight"].default)

    def test_a_pod_that_stops_has_the_time_that_a_request_may_take(self, made: list[Manifest]) -> None:
        (config,) = of_kind(made, "ConfigMap")
        assert float(config["data"]["ROTUNDA_STOP_GRACE"]) >= DEFAULT_DEADLINE

    def test_an_old_pod_goes_when_a_new_one_has_proved_itself(self, made: list[Manifest]) -> None:
        for deployment in of_kind(made, "Deployment"):
            spec = deployment["spec"]
            assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
            # Longer than a readiness probe takes to see that something is wrong.
            probe = spec["template"]["spec"]["containers"][0]["readinessProbe"]
            assert spec["minReadySeconds"] >= probe["periodSeconds"] * probe["failureThreshold"]
            assert spec["progressDeadlineSeconds"] > 3600 + spec["minReadySeconds"]

    @pytest.mark.parametrize(("delay", "grace"), [(5, 10), (0, 1), (30, 120)])
    def test_a_pod_gets_the_time_that_its_end_takes(self, chart: str, delay: int, grace: int) -> None:
        made = manifests(chart, {"stop": {"delay": delay, "grace": grace}})
        (config,) = of_kind(made, "ConfigMap")
        assert config["data"]["ROTUNDA_STOP_DELAY"] == str(delay)
        assert config["data"]["ROTUNDA_STOP_GRACE"] == str(grace)
        for name in ("api", "worker"):
            assert component(made, name)["terminationGracePeriodSeconds"] > delay + 2 * grace

    def test_replicas_are_spread_over_zones_and_hosts(self, made: list[Manifest]) -> None:
        for name in ("api", "worker"):
            keys = {spread["topologyKey"] for spread in component(made, name)["topologySpreadConstraints"]}
            assert keys == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}

    def test_the_pod_of_helm_test_asks_what_was_installed(self, chart: str, made: list[Manifest]) -> None:
        command = component(made, "test")["containers"][0]["command"]
        assert command[:3] == ["python", "-m", "rotunda_kit.probe"]
        ports = {
            f"{service['metadata']['name']}:{port['port']}"
            for service in of_kind(made, "Service")
            for port in service["spec"]["ports"]
        }
        assert {url.partition("://")[2].partition("/")[0] for url in command[3:]} == ports


class TestMigrations:
    def job(self, values: dict[str, Any]) -> str:
        (job,) = of_kind(manifests("sales", values), "Job")
        name: str = job["metadata"]["name"]
        assert "annotations" not in job["metadata"], "it is no hook"
        return name

    def test_each_release_has_its_job(self) -> None:
        assert self.job({}) == self.job({})
        assert self.job({}) != self.job({"image": {"tag": "9.9.9"}})

    def test_a_job_that_would_be_changed_is_another(self) -> None:
        # Kubernetes refuses to change a Job.
        names = [
            self.job(values)
            for values in (
                {},
                {"migrations": {"deadline": 60}},
                {"nodeSelector": {"disk": "fast"}},
                {"secrets": {"database": {"name": "other"}}},
                {"global": {"image": {"registry": "elsewhere"}}},
            )
        ]
        assert len(set(names)) == len(names)

    def test_it_stays_the_same_where_only_processes_change(self) -> None:
        changes: list[dict[str, Any]] = [{"api": {"replicas": 9}}, {"maxInFlight": 1}]
        assert {self.job(values) for values in changes} == {self.job({})}

    def test_pods_wait_with_the_release_that_they_run(self, chart: str) -> None:
        made = manifests(chart, merged(everything(chart), {"image": {"tag": "9.9.9"}}))
        images = {container["image"] for _, _, pod in pods(made) for container in containers(pod)}
        assert images == {f"registry.example.com/rotunda/{chart}:9.9.9"}
        for name in ("api", "worker"):
            waiting = component(made, name)["initContainers"][0]
            module = component(made, name)["containers"][0]["command"][2]
            assert waiting["command"] == ["python", "-m", module, "await-migrations", "--timeout", "600"]

    def test_a_digest_counts_more_than_a_tag(self) -> None:
        digest = "sha256:" + "a" * 64
        made = manifests("sales", {"image": {"tag": "9.9.9", "digest": digest}})
        images = {container["image"] for _, _, pod in pods(made) for container in containers(pod)}
        assert images == {f"registry.example.com/rotunda/sales@{digest}"}
