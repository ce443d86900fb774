"""The dashboard is what the table says, and whole; tests/e2e looks whether processes tell what it asks for."""

import json
import re
from typing import Any

import pytest

from rotunda_charts.dashboards import COLUMNS, FILE, ROWS, dashboards, platform
from rotunda_charts.monitoring import selectors
from rotunda_charts.rendering import Values, manifests

from .charts import of_kind

UNITS = {"reqps", "percentunit", "s", "short", "bytes"}


@pytest.fixture
def panels() -> list[dict[str, Any]]:
    return [panel for panel in platform()["panels"] if panel["type"] != "row"]


class TestPanels:
    def test_each_has_a_title_of_its_own_a_unit_and_a_line(self, panels: list[dict[str, Any]]) -> None:
        assert len({panel["title"] for panel in panels}) == len(panels) == sum(map(len, ROWS.values()))
        for panel in panels:
            assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
            assert panel["targets"]

    def test_each_asks_the_chosen_source_for_the_chosen_installation(self, panels: list[dict[str, Any]]) -> None:
        for panel in panels:
            assert panel["datasource"]["uid"] == "${datasource}"
            for target in panel["targets"]:
                named = selectors(target["expr"])
                assert named
                for metric, labels in named:
                    assert labels["namespace"] == "$namespace"
                    assert metric.startswith(("http_", "rotunda_stream_")) or labels["service"] == "$service"

    def test_names_of_lines_have_only_labels_that_are_left(self, panels: list[dict[str, Any]]) -> None:
        for panel in panels:
            for target in panel["targets"]:
                by = re.findall(r"by \(([^)]*)\)", target["expr"])
                left = {label.strip() for label in ",".join(by).split(",")}
                assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= left, panel["title"]

    def test_none_covers_another(self) -> None:
        taken: set[tuple[int, int]] = set()
        for panel in platform()["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not cells & taken, panel["title"]
            assert max(x for x, _ in cells) < COLUMNS
            taken |= cells

    def test_ids_are_unique(self) -> None:
        ids = [panel["id"] for panel in platform()["panels"]]
        assert len(set(ids)) == len(ids)


class TestConfigMap:
    def maps(self, values: Values) -> list[dict[str, Any]]:
        return [
            made
            for made in of_kind(manifests("rotunda", values), "ConfigMap")
            if "dashboards" in made["metadata"]["name"]
        ]

    def test_there_is_none_unless_it_is_wanted(self) -> None:
        assert self.maps({}) == []

    def test_grafana_finds_it_by_its_label(self) -> None:
        (made,) = self.maps({"dashboards": {"enabled": True}})
        assert made["metadata"]["name"] == "rotunda-dashboards"
        assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
        (content,) = made["data"].values()
        assert json.loads(content) == platform()

    def test_label_and_name_can_be_others(self) -> None:
        values = {"dashboards": {"enabled": True, "labels": {"find": "me"}}, "global": {"instance": "other"}}
        (made,) = self.maps(values)
        assert made["metadata"]["labels"]["find"] == "me"
        assert made["metadata"]["name"] == "other-dashboards"

    def test_the_file_is_what_the_table_says(self) -> None:
        assert dict(dashboards()) == {FILE: FILE.read_text()}, "`make golden` writes it anew"

    def test_bookmarks_keep_leading_there(self) -> None:
        assert platform()["uid"] == "rotunda-platform"
