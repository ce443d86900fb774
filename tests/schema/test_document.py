"""The running platform answers as its OpenAPI document says, whatever is asked.

Schemathesis makes the requests: right ones, wrong ones, and series that go on with what was answered.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from rotunda_local.platform import Platform

SEED_VARIABLE = "ROTUNDA_SCHEMA_SEED"
# `full` tries each value that the document's rules suggest, and more by chance.
EXTENT_VARIABLE = "ROTUNDA_SCHEMA"
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
PROGRAM = Path(sys.executable).with_name("schemathesis")
# Phases, examples of each operation in each phase, and the fewest cases that come of them.
SHORT = ("examples,fuzzing,stateful", 9, 1_000)
FULL = ("examples,coverage,fuzzing,stateful", 20, 5_000)
# Seconds.
TIMEOUT = 900
# Characters of a line of what schemathesis tells: addresses may be very long.
LINE = 1_000


@dataclass(frozen=True)
class Walk:
    """What came of the requests."""

    cases: int
    operations: dict[str, int]
    complete: bool
    failures: list[dict[str, Any]]
    # Told by schemathesis, with a command for each failure that does it again.
    story: str


@pytest.fixture(scope="module")
def fewest_cases() -> int:
    return _extent()[2]


@pytest.fixture(scope="module")
def walk(platform: Platform, token: str, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    phases, examples, _ = _extent()
    seed = os.environ.get(SEED_VARIABLE) or "1"
    print(f"\n{SEED_VARIABLE}={seed}")
    report = tmp_path_factory.mktemp("report") / "report.json"
    command = [
        *(str(PROGRAM), "--config-file", str(CONFIGURATION), "run", f"{platform.url}/openapi.json"),
        *("--seed", seed, "--phases", phases, "--max-examples", str(examples)),
        *("--report", "json", "--report-json-path", str(report)),
    ]
    # A proxy for the world outside does not know this machine's ports.
    environment = {
        **os.environ,
        "ROTUNDA_SCHEMA_TOKEN": token,
        "NO_PROXY": "*",
        "no_proxy": "*",
        "COLUMNS": "200",
        "PYTHONPATH": str(CONFIGURATION.parent),
    }
    run = subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert report.exists(), run.stdout
    told = json.loads(report.read_text())
    return Walk(
        told["test_cases"]["generated"],
        told["operations"],
        told["complete"] and not told["errors"],
        told["failures"],
        "\n".join(line[:LINE] for line in run.stdout.splitlines()),
    )


def _extent() -> tuple[str, int, int]:
    return FULL if os.environ.get(EXTENT_VARIABLE) == "full" else SHORT


class TestDocument:
    def test_every_operation_was_asked(self, walk: Walk, fewest_cases: int) -> None:
        assert walk.complete, walk.story
        # But for the three that would end the walk's session, and the stream.
        assert walk.operations["tested"] == walk.operations["total"] - 4, walk.operations
        assert walk.cases >= fewest_cases

    def test_every_answer_is_as_the_document_says(self, walk: Walk) -> None:
        assert not walk.failures, walk.story

    def test_the_requests_were_signed_in_all_the_time(self, walk: Walk, platform: Platform, token: str) -> None:
        assert walk.cases
        answer = httpx.get(f"{platform.url}/v1/me", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
        assert answer.is_success, answer.text
