"""Alerts look at their service, and each has its page; tests/e2e looks whether processes tell what they ask for."""

import re

import pytest

from rotunda_charts.monitoring import alert_rules, selectors
from rotunda_charts.schemas import CHARTS, SERVICES

RUNBOOKS = CHARTS.parents[1] / "docs" / "runbooks"


@pytest.mark.parametrize("chart", SERVICES)
class TestAlerts:
    def test_they_look_at_their_service_alone(self, chart: str) -> None:
        for rule in alert_rules(chart):
            named = selectors(rule["expr"])
            assert named, rule["alert"]
            for _, labels in named:
                assert (labels["namespace"], labels["service"]) == ("crm", chart)
            bare = re.sub(r"\{[^}]*\}|\"[^\"]*\"", "", rule["expr"])
            assert set(re.findall(r"\b(?:rotunda|rpc|http)_[a-z_]+", bare)) == {metric for metric, _ in named}
            assert bare.count("(") == bare.count(")")

    def test_they_say_how_bad_it_is_and_what_it_means(self, chart: str) -> None:
        for rule in alert_rules(chart):
            assert rule["labels"]["severity"] in ("critical", "warning")
            assert rule["annotations"]["summary"].endswith(".")
            assert re.fullmatch("[1-9][0-9]*m", rule["for"])

    def test_each_has_its_page(self, chart: str) -> None:
        for rule in alert_rules(chart):
            base, _, page = rule["annotations"]["runbook_url"].rpartition("/")
            file, _, section = page.partition("#")
            assert base == "https://docs.example.com/runbooks"
            text = (RUNBOOKS / file).read_text()
            assert text.startswith(f"# {rule['alert']}\n")
            headings = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
            assert headings == ["What it means", "What to look at", "What to do"]
            assert section in [heading.lower().replace(" ", "-") for heading in headings]


def test_there_is_no_page_without_an_alert() -> None:
    named = {rule["annotations"]["runbook_url"].rpartition("/")[2].partition("#")[0] for rule in alert_rules("gateway")}
    assert {path.name for path in RUNBOOKS.glob("*.md")} == named
