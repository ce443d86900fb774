"""Wrong values are refused, and no value is there for nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from helm_python.errors import HelmError

from rotunda_charts.rendering import Values, merged, render
from rotunda_charts.schemas import CHARTS, SERVICES, schemas

from .charts import everything

# What is refused, and what the message must say.
WRONG: list[tuple[str, str, str]] = [
    ("{api: {replicas: two}}", "/api/replicas", "got string, want integer"),
    ("{api: {replicas: 0}}", "/api/replicas", "minimum"),
    ("{api: {replicas: null}}", "api.replicas", "must not be null"),
    ("{global: {tls: null}}", "global.tls", "must not be null"),
    ("{api: {replica: 3}}", "/api", "'replica' not allowed"),
    ("{apis: {}}", "''", "'apis' not allowed"),
    ("{api: {databasePoolSize: 1.5}}", "/api/databasePoolSize", "got number, want integer"),
    ("{api: {maxUnavailable: 0}}", "/api/maxUnavailable", "minimum"),
    ("{api: {maxUnavailable: 120%}}", "/api/maxUnavailable", "does not match pattern"),
    ("{api: {autoscaling: {enabled: yes please}}}", "/api/autoscaling/enabled", "got string, want boolean"),
    ("{api: {autoscaling: {cpuPercent: 101}}}", "/api/autoscaling/cpuPercent", "maximum"),
    (
        "{api: {autoscaling: {enabled: true, minReplicas: 9, maxReplicas: 3}}}",
        "api.autoscaling",
        "more than maxReplicas",
    ),
    ("{api: {resources: {requests: {cpu: much}}}}", "/api/resources/requests/cpu", "does not match pattern"),
    ("{api: {resources: {request: {}}}}", "/api/resources", "'request' not allowed"),
    ("{worker: {autoscaling: {by: queue}}}", "/worker/autoscaling/by", "'none', 'cpu', 'lag'"),
    ("{worker: {autoscaling: {by: lag}}}", "global.nats.monitoring", "KEDA reads the lag there"),
    ("{worker: {autoscaling: {minReplicas: 0}}}", "/worker/autoscaling/minReplicas", "minimum"),
    ("{image: {tag: 'a b'}}", "/image/tag", "does not match pattern"),
    ("{image: {tag: 1}}", "/image/tag", "got number, want string"),
    ("{image: {digest: 'sha256:12'}}", "/image/digest", "does not match pattern"),
    ("{image: {repository: Sales}}", "/image/repository", "does not match pattern"),
    ("{secrets: {database: {name: Not_A_Name}}}", "/secrets/database/name", "does not match pattern"),
    ("{secrets: {database: {key: ''}}}", "/secrets/database/key", "does not match pattern"),
    ("{secrets: {database: {value: secret}}}", "/secrets/database", "'value' not allowed"),
    ("{logLevel: info}", "/logLevel", "'DEBUG', 'INFO'"),
    ("{reconcileInterval: 0}", "/reconcileInterval", "exclusiveMinimum"),
    ("{stop: {delay: -1}}", "/stop/delay", "minimum"),
    ("{maxInFlight: 0}", "/maxInFlight", "minimum"),
    ("{env: {rotunda_log: x}}", "/env", "'rotunda_log' not allowed"),
    ("{env: {ROTUNDA_GRPC_PORT: 1}}", "env.ROTUNDA_GRPC_PORT", "the chart sets it from other values"),
    ("{migrations: {job: 'no'}}", "/migrations/job", "got string, want boolean"),
    ("{migrations: {deadline: 0}}", "/migrations/deadline", "minimum"),
    ("{alerts: {callErrors: 2}}", "/alerts/callErrors", "maximum"),
    ("{podLabels: {a: 1}}", "/podLabels/a", "got number, want string"),
    ("{tolerations: {}}", "/tolerations", "got object, want array"),
    ("{global: {instance: Rotunda}}", "/global/instance", "does not match pattern"),
    ("{global: {instance: %s}}" % ("a" * 32), "/global/instance", "does not match pattern"),
    ("{global: {user: 0}}", "/global/user", "minimum"),
    ("{global: {image: {registry: 'https://registry/'}}}", "/global/image/registry", "does not match pattern"),
    ("{global: {image: {pullPolicy: Sometimes}}}", "/global/image/pullPolicy", "'Always', 'IfNotPresent', 'Never'"),
    ("{global: {image: {pullSecrets: [{name: a}]}}}", "/global/image/pullSecrets/0", "got object, want string"),
    ("{global: {tls: {clientAuth: true}}}", "/global/tls/enabled", "must be true"),
    ("{global: {tls: {certManager: {enabled: true, issuer: a}}}}", "/global/tls/enabled", "must be true"),
    ("{global: {tls: {enabled: true, certManager: {enabled: true}}}}", "/global/tls/certManager/issuer", "minLength"),
    ("{global: {telemetry: {otlpEndpoint: 'collector:4317'}}}", "/global/telemetry/otlpEndpoint", "pattern"),
    ("{global: {telemetry: {traceSampleRatio: 1.5}}}", "/global/telemetry/traceSampleRatio", "maximum"),
    ("{global: {monitoring: {alerts: true}}}", "/global/monitoring/runbooks", "minLength"),
    ("{global: {monitoring: {interval: often}}}", "/global/monitoring/interval", "does not match pattern"),
    ("{global: {networkPolicy: {postgres: {port: 0}}}}", "/global/networkPolicy/postgres/port", "minimum"),
    ("{global: {networkPolicy: {nats: {peers: [{}]}}}}", "/global/networkPolicy/nats/peers/0", "minProperties"),
    ("{global: {nats: {monitoring: 'http://nats:8222'}}}", "/global/nats/monitoring", "does not match pattern"),
    ("{global: {spread: {zones: Never}}}", "/global/spread/zones", "'ScheduleAnyway', 'DoNotSchedule'"),
    ("{global: {registry: a}}", "/global", "'registry' not allowed"),
]
WRONG_OF_GATEWAY: list[tuple[str, str, str]] = [
    ("{http: {service: {type: ExternalName}}}", "/http/service/type", "'ClusterIP', 'NodePort', 'LoadBalancer'"),
    ("{http: {trustedProxies: [proxy.example.com]}}", "/http/trustedProxies/0", "does not match pattern"),
    ("{http: {bodyLimit: 8Mi}}", "/http/bodyLimit", "got string, want integer"),
    ("{http: {rateLimits: {read: -1}}}", "/http/rateLimits/read", "minimum"),
    ("{http: {rateLimits: {burst: 0}}}", "/http/rateLimits/burst", "exclusiveMinimum"),
    ("{http: {rateLimits: {delete: 1}}}", "/http/rateLimits", "'delete' not allowed"),
    ("{ingress: {enabled: true}}", "/ingress/host", "minLength"),
    ("{ingress: {host: 'https://crm.example.com'}}", "/ingress/host", "does not match pattern"),
    ("{mail: {from: nobody}}", "/mail/from", "does not match pattern"),
    ("{oidc: {enabled: true}}", "/oidc/issuer", "minLength"),
    ("{oidc: {redirectUrl: 'https://crm.example.com/'}}", "/oidc/redirectUrl", "does not match pattern"),
    ("{oidc: {algorithms: [none]}}", "/oidc/algorithms/0", "value must be one of"),
    ("{oidc: {algorithms: []}}", "/oidc/algorithms", "minItems"),
    ("{oidc: {clientSecret: s}}", "/oidc", "'clientSecret' not allowed"),
]


def refusal(chart: str, values: Values) -> str:
    with pytest.raises(HelmError) as refused:
        render(chart, values)
    return str(refused.value)


class TestWrongValues:
    @pytest.mark.parametrize(("values", "path", "said"), WRONG)
    def test_they_are_refused_with_where_and_why(self, values: str, path: str, said: str) -> None:
        refused = refusal("customers", yaml.safe_load(values))
        assert (path in refused, said in refused) == (True, True), refused

    @pytest.mark.parametrize(("values", "path", "said"), WRONG_OF_GATEWAY)
    def test_those_of_the_gateway_too(self, values: str, path: str, said: str) -> None:
        refused = refusal("gateway", yaml.safe_load(values))
        assert (path in refused, said in refused) == (True, True), refused

    @pytest.mark.parametrize("chart", SERVICES)
    def test_under_the_umbrella_the_service_is_named(self, chart: str) -> None:
        refused = refusal("rotunda", {chart: {"api": {"replicas": "two"}}})
        assert f"{chart}:\n- at '/api/replicas'" in refused

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ("{salse: {}}", "'salse' not allowed"),
            ("{global: {tsl: {}}}", "'tsl' not allowed"),
            ("{sales: {enabled: perhaps}}", "'/sales/enabled'"),
        ],
    )
    def test_the_umbrella_s_own_are_refused(self, values: str, said: str) -> None:
        refused = refusal("rotunda", yaml.safe_load(values))
        assert said in refused.partition("rotunda:\n")[2]

    def test_the_schemas_are_those_that_are_written_in_python(self) -> None:
        for path, content in schemas():
            assert path.read_text() == content, "`make golden` writes them anew"

    def test_every_chart_has_a_schema(self) -> None:
        assert {path.parent.name for path in CHARTS.glob("*/values.schema.json")} == {*SERVICES, "rotunda"}


# What stands in for nothing where a value is empty by default.
INSTEAD: dict[str, Any] = {
    "global.telemetry.otlpEndpoint": "https://other:4318",
    "global.tls.certManager.issuerKind": "Issuer",
    "global.spread.zones": "DoNotSchedule",
    "global.spread.hosts": "DoNotSchedule",
    "global.image.pullPolicy": "Always",
    "global.monitoring.interval": "1m",
    "global.monitoring.runbooks": "https://other.example.com",
    "global.nats.monitoring": "other:8222",
    "image.digest": "sha256:" + "0" * 64,
    "logLevel": "DEBUG",
    "worker.autoscaling.by": "cpu",
    "http.service.type": "NodePort",
    "http.trustedProxies": ["10.0.0.0/8"],
    "oidc.algorithms": ["RS256"],
    "oidc.scope": "openid",
    "oidc.issuer": "https://other.example.com",
    "oidc.redirectUrl": "https://other.example.com/v1/auth/oidc/callback",
    "mail.from": "other@example.com",
    "mail.passwordResetUrl": "https://other.example.com",
    "tolerations": [{"key": "other"}],
    "env": {"ROTUNDA_OTHER": "1"},
    "affinity": {"nodeAffinity": {}},
    "global.image.pullSecrets": ["other"],
}


def leaves(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that can be set by itself."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value and key != "env":
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def another(path: str, value: Any) -> Any:
    """A value that differs."""
    if path in INSTEAD:
        return INSTEAD[path]
    if isinstance(value, bool):
        return not value
    if isinstance(value, float):
        return value / 2
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return [{"podSelector": {"matchLabels": {"other": "yes"}}}]
    if isinstance(value, Mapping):
        return {"other": "yes"}
    return "7" if "cpu" in path or "memory" in path else "other"


def nested(path: str, value: Any) -> dict[str, Any]:
    """A value where it belongs."""
    for key in reversed(path.split(".")):
        value = {key: value}
    result: dict[str, Any] = value
    return result


def defaults(chart: str) -> dict[str, Any]:
    shared = yaml.safe_load((CHARTS / "lib" / "values.yaml").read_text())["defaults"]
    return merged(shared, yaml.safe_load((CHARTS / chart / "values.yaml").read_text()) or {})


class TestDeadValues:
    @pytest.mark.parametrize("chart", ["sales", "gateway"])
    def test_every_value_changes_what_is_made(self, chart: str) -> None:
        # With what is off by default on, and with it off; scaled by lag, and by the processor.
        settings = [everything(chart), merged(everything(chart), {"worker": {"autoscaling": {"by": "cpu"}}}), {}]
        before = [render(chart, values) for values in settings]
        dead = []
        for path, default in leaves(defaults(chart)):
            changes = False
            for values, made in zip(settings, before, strict=True):
                current = default
                given: Any = values
                for key in path.split("."):
                    given = given.get(key) if isinstance(given, Mapping) else None
                current = default if given is None else given
                try:
                    after = render(chart, merged(values, nested(path, another(path, current))))
                except HelmError:
                    continue  # Refused, since it does not go with the others.
                if after != made:
                    changes = True
                    break
            if not changes:
                dead.append(path)
        assert dead == []

    def test_a_dead_value_would_be_found(self) -> None:
        made = render("sales")
        assert render("sales", nested("api.autoscaling.maxReplicas", 99)) == made
        assert render("sales", nested("api.replicas", 99)) != made

    @pytest.mark.parametrize("chart", SERVICES)
    def test_every_default_is_in_the_schema(self, chart: str) -> None:
        render(chart, defaults(chart))
