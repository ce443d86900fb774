from pathlib import Path

import pytest
from typer.testing import CliRunner

from rotunda_local.__main__ import app
from rotunda_local.errors import PlatformError
from rotunda_local.home import Home
from rotunda_local.logs import follow, tail
from rotunda_local.platform import Platform
from rotunda_local.ports import PORTS, chosen_ports


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROTUNDA_HOME", str(tmp_path / "home"))
    for port in PORTS:
        monkeypatch.delenv(port.variable, raising=False)
    return tmp_path / "home"


class TestChosenPorts:
    def test_are_the_defaults_at_first(self) -> None:
        assert chosen_ports({}, {}) == {port.name: port.default for port in PORTS}

    def test_the_environment_comes_before_what_was_remembered(self) -> None:
        chosen = chosen_ports({"ROTUNDA_PORT": "9000"}, {"gateway": 9001, "sales": 9002})
        assert (chosen["gateway"], chosen["sales"]) == (9000, 9002)

    @pytest.mark.parametrize("text", ["0", "65536", "-1", "eight", "80 80", "²"])
    def test_what_is_no_port_is_refused_by_its_variable(self, text: str) -> None:
        with pytest.raises(PlatformError, match=f"ROTUNDA_PORT_SALES is “{text}”"):
            chosen_ports({"ROTUNDA_PORT_SALES": text}, {})

    def test_one_port_for_two_is_refused(self) -> None:
        with pytest.raises(PlatformError, match=r"Port 4229 .* ROTUNDA_PORT, ROTUNDA_PORT_NATS\."):
            chosen_ports({"ROTUNDA_PORT": "4229"}, {})


class TestHelp:
    def test_names_every_variable(self) -> None:
        text = CliRunner().invoke(app, ["--help"]).output
        assert all(port.variable in text for port in PORTS)


class TestStatus:
    def test_fails_when_nothing_runs(self, directory: Path) -> None:
        result = CliRunner().invoke(app, ["status"])
        assert result.exit_code == 1
        assert "does not run" in result.output
        assert not directory.exists()

    def test_names_every_process(self, directory: Path) -> None:
        output = CliRunner().invoke(app, ["status"]).output
        for name in ("customers", "sales", "service-desk", "marketing", "sync", "gateway", "postgres", "nats"):
            assert f"\n{name} " in output


class TestDown:
    def test_is_no_error_when_nothing_runs(self, directory: Path) -> None:
        result = CliRunner().invoke(app, ["down"])
        assert result.exit_code == 0
        assert "does not run" in result.output


class TestReset:
    def test_asks_first(self, directory: Path) -> None:
        Home(directory).open()
        result = CliRunner().invoke(app, ["reset"], input="n\n")
        assert result.exit_code == 1
        assert directory.exists()

    def test_deletes(self, directory: Path) -> None:
        Home(directory).open()
        assert CliRunner().invoke(app, ["reset", "--yes"]).exit_code == 0
        assert not directory.exists()


class TestLogs:
    def test_shows_the_last_lines_with_their_process(self, running: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ROTUNDA_HOME", str(running.home.directory))
        result = CliRunner().invoke(app, ["logs", "--no-follow", "-n", "50", "postgres"])
        assert result.exit_code == 0
        assert "postgres " in result.output
        assert "ready to accept connections" in result.output

    def test_an_unknown_process_is_named(self, directory: Path) -> None:
        result = CliRunner().invoke(app, ["logs", "mainframe"])
        assert result.exit_code == 1

    def test_follow_goes_on_after_the_tail_and_after_a_rotation(self, tmp_path: Path) -> None:
        log = tmp_path / "sales.log"
        log.write_text("one\ntwo\nthree\n")
        last, position = tail(log, 2)
        assert last == ["two", "three"]
        lines = follow({"sales": log, "sync": tmp_path / "none.log"}, {"sales": position})
        with log.open("a") as file:
            file.write("four\nhalf a li")
        assert next(lines) == ("sales", "four")
        log.write_text("five\n")
        assert next(lines) == ("sales", "five")
