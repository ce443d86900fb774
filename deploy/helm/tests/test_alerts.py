"""Alerts look at what processes tell, and each has its page."""

import re
from typing import Any

import pytest

from rotunda_charts.rendering import manifests
from rotunda_charts.schemas import CHARTS, SERVICES

from .charts import everything, of_kind

RUNBOOKS = CHARTS.parents[1] / "docs" / "runbooks"

# What processes tell Prometheus, and by which labels.
METRICS = {
    "rotunda_consumer_lag": {"source"},
    "rotunda_outbox_unsent": set(),
    "rotunda_outbox_oldest_age_seconds": set(),
    "rotunda_dead_letters": set(),
    "rotunda_audit_unchained_oldest_age_seconds": set(),
    "rpc_server_duration_seconds_bucket": {"rpc_method", "rpc_grpc_status_code", "le"},
    "rpc_server_duration_seconds_count": {"rpc_method", "rpc_grpc_status_code"},
    "http_server_request_duration_seconds_bucket": {
        *("http_route", "http_request_method", "http_response_status_code", "le")
    },
    "http_server_request_duration_seconds_count": {*("http_route", "http_request_method", "http_response_status_code")},
    "rotunda_database_pool_in_use": {"pool"},
    "rotunda_database_pool_size": {"pool"},
    "rotunda_requests_shed_total": {"reason"},
}
# From where they were read: the operator's, and those of our PodMonitor.
OF_TARGET = {"namespace", "pod", "service", "component"}


def rules(chart: str) -> list[dict[str, Any]]:
    (rule,) = of_kind(manifests(chart, everything(chart)), "PrometheusRule")
    found: list[dict[str, Any]] = rule["spec"]["groups"][0]["rules"]
    return found


@pytest.mark.parametrize("chart", SERVICES)
class TestAlerts:
    def test_they_look_at_what_there_is(self, chart: str) -> None:
        for rule in rules(chart):
            selectors = re.findall(r"([a-z_]+)\{([^}]*)\}", rule["expr"])
            assert selectors, rule["alert"]
            for metric, matchers in selectors:
                assert metric in METRICS, rule["alert"]
                labels = dict(re.findall(r'([a-z_]+)=~?"([^"]*)"', matchers))
                assert labels.keys() <= METRICS[metric] | OF_TARGET
                assert (labels["namespace"], labels["service"]) == ("crm", chart)
                assert "by (" not in rule["expr"] or by(rule["expr"]) <= METRICS[metric] | OF_TARGET
            bare = re.sub(r"\{[^}]*\}|\"[^\"]*\"", "", rule["expr"])
            assert set(re.findall(r"\b(?:rotunda|rpc|http)_[a-z_]+", bare)) == {metric for metric, _ in selectors}
            assert bare.count("(") == bare.count(")")

    def test_they_say_how_bad_it_is_and_what_it_means(self, chart: str) -> None:
        for rule in rules(chart):
            assert rule["labels"]["severity"] in ("critical", "warning")
            assert rule["annotations"]["summary"].endswith(".")
            assert re.fullmatch("[1-9][0-9]*m", rule["for"])

    def test_each_has_its_page(self, chart: str) -> None:
        for rule in rules(chart):
            base, _, page = rule["annotations"]["runbook_url"].rpartition("/")
            file, _, section = page.partition("#")
            assert base == "https://docs.example.com/runbooks"
            text = (RUNBOOKS / file).read_text()
            assert text.startswith(f"# {rule['alert']}\n")
            headings = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
            assert headings == ["What it means", "What to look at", "What to do"]
            assert section in [heading.lower().replace(" ", "-") for heading in headings]


def by(expression: str) -> set[str]:
    return {label.strip() for labels in re.findall(r"by \(([^)]*)\)", expression) for label in labels.split(",")}


def test_there_is_no_page_without_an_alert() -> None:
    named = {rule["annotations"]["runbook_url"].rpartition("/")[2].partition("#")[0] for rule in rules("gateway")}
    assert {path.name for path in RUNBOOKS.glob("*.md")} == named
