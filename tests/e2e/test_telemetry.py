"""What operators see of a running platform: traces and metrics."""

import re
from collections.abc import Iterable
from uuid import uuid4

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from rotunda_charts.monitoring import OF_TARGET, expressions, groups, selectors
from rotunda_local.platform import Platform

from .collector import Collector
from .patience import seconds_until

PROGRAMS = ("customers", "sales", "service-desk", "marketing", "sync", "gateway")
LISTENERS = ("sales", "service_desk", "marketing", "sync", "access")
Told = tuple[str, Span]
# The span of whoever asks.
CALLER = "00f067aa0ba902b7"


def kinds(spans: Iterable[Told]) -> set[tuple[str, str, str]]:
    """Service, kind and name of each span."""
    return {(service, Span.SpanKind.Name(span.kind)[10:], span.name) for service, span in spans}


@pytest.fixture(scope="module")
def trace(client: httpx.Client, collector: Collector) -> list[Told]:
    """Of one account that was made, and that all services have heard of."""
    # What services take in together, is told in one trace: with the first account, all that other tests made.
    make_account(client, collector)
    return make_account(client, collector)


def ids(spans: Iterable[Told]) -> set[str]:
    """Of spans, and of the caller's own."""
    return {span.span_id.hex() for _, span in spans} | {CALLER}


def parents(spans: Iterable[Told]) -> set[str]:
    """What spans are within."""
    return {span.parent_span_id.hex() for _, span in spans}


def make_account(client: httpx.Client, collector: Collector) -> list[Told]:
    """What is told of it, when all services have heard of it."""
    trace_id = uuid4().hex
    response = client.post(
        "/v1/accounts",
        json={"displayName": "Traced"},
        headers={"traceparent": f"00-{trace_id}-{CALLER}-00"},
    )
    assert response.headers["x-request-id"] == trace_id

    def complete() -> bool:
        told = [(kind, name) for _, kind, name in kinds(spans())]
        ends = [sum(kind == wanted for kind, _ in told) for wanted in ("CONSUMER", "PRODUCER")]
        # A process sends its spans in the order in which they end: whose parent is there has all that is within it.
        return (
            ends == [len(LISTENERS), 1] and ("SERVER", "POST /v1/accounts") in told and parents(spans()) <= ids(spans())
        )

    def spans() -> list[Told]:
        return collector.traces[trace_id]

    seconds_until(complete, 30)
    return spans()


class TestTrace:
    def test_it_runs_through_gateway_service_sql_and_events(self, trace: list[Told]) -> None:
        create = "rotunda.customers.v1.AccountService.CreateAccount"
        assert kinds(trace) >= {
            ("gateway", "SERVER", "POST /v1/accounts"),
            ("gateway", "CLIENT", create),
            ("customers", "SERVER", create),
            ("customers", "CLIENT", "INSERT customers"),
            ("customers", "PRODUCER", "publish"),
            *((name, "CONSUMER", f"process {name.replace('_', '-')}-from-customers") for name in LISTENERS[:4]),
            ("gateway", "CONSUMER", "process access-from-customers"),
            ("sales", "CLIENT", "INSERT sales"),
        }

    def test_each_span_is_within_another_of_it(self, trace: list[Told]) -> None:
        assert parents(trace) <= ids(trace)

    def test_statements_are_told_without_values(self, trace: list[Told]) -> None:
        told = [each for _, span in trace for each in span.attributes]
        texts = [each.value.string_value for each in told if each.key == "db.query.text"]
        assert any("INSERT INTO account" in text for text in texts)
        assert not any("Traced" in text for text in texts)


def metrics(platform: Platform, program: str) -> dict[str, float]:
    """Each line of `/metrics`, without the labels that say which library counted."""
    answer = httpx.get(f"http://127.0.0.1:{platform.ports[f'{program}-metrics']}/metrics", trust_env=False)
    lines = (line.rpartition(" ") for line in answer.raise_for_status().text.splitlines() if line[0] != "#")
    return {
        re.sub(r'otel_scope_\w+="[^"]*",?', "", name).replace(",}", "}").replace("{}", ""): float(value)
        for name, _, value in lines
    }


class TestMetrics:
    def test_calls_are_counted_by_method_and_status(self, client: httpx.Client, platform: Platform) -> None:
        name = (
            'rpc_server_duration_seconds_count{rpc_grpc_status_code="NOT_FOUND",rpc_method="GetContact",'
            'rpc_service="rotunda.customers.v1.ContactService",rpc_system="grpc"}'
        )
        before = metrics(platform, "customers").get(name, 0)
        client.get(f"/v1/contacts/{uuid4()}")
        assert metrics(platform, "customers")[name] == before + 1

    def test_requests_are_counted_by_route_and_status(self, client: httpx.Client, platform: Platform) -> None:
        names = {
            path: f'http_server_request_duration_seconds_count{{http_request_method="GET",'
            f'http_response_status_code="{status}",http_route="{route}"}}'
            for path, route, status in (
                (f"/v1/contacts/{uuid4()}", "/v1/contacts/{id}", 404),
                ("/healthz", "/healthz", 200),
                ("/nowhere", "unmatched", 404),
            )
        }
        before = metrics(platform, "gateway")
        for path in names:
            client.get(path)
        after = metrics(platform, "gateway")
        assert {path: after[name] - before.get(name, 0) for path, name in names.items()} == dict.fromkeys(names, 1)

    @pytest.mark.parametrize("program", PROGRAMS)
    def test_every_process_tells_of_its_events_and_connections(self, platform: Platform, program: str) -> None:
        names = {
            "rotunda_outbox_unsent",
            "rotunda_outbox_oldest_age_seconds",
            "rotunda_dead_letters",
            "rotunda_audit_unchained_oldest_age_seconds",
            'rotunda_database_pool_in_use{pool="commands"}',
            'rotunda_database_pool_size{pool="reads"}',
            f'rotunda_consumer_lag{{source="{"access" if program == "customers" else "customers"}"}}',
        }
        seconds_until(lambda: names <= metrics(platform, program).keys(), 30)

    def test_alerts_and_dashboards_ask_for_what_processes_tell(self, client: httpx.Client, platform: Platform) -> None:
        client.get("/v1/contacts")

        def told() -> dict[str, set[str]]:
            labels: dict[str, set[str]] = {}
            for program in PROGRAMS:
                for name in metrics(platform, program):
                    metric, _, further = name.partition("{")
                    labels.setdefault(metric, set()).update(re.findall(r'(\w+)="', further))
            return labels

        asked = [(title, expression, selectors(expression)) for title, expression in expressions()]
        names = {metric for _, _, named in asked for metric, _ in named}
        assert len(names) > 12
        seconds_until(lambda: names <= told().keys(), 30)
        labels = told()
        for title, expression, named in asked:
            for metric, selecting in named:
                assert selecting.keys() <= labels[metric] | OF_TARGET, title
            assert groups(expression) <= set().union(*(labels[metric] for metric, _ in named)) | OF_TARGET, title
