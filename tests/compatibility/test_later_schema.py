"""The tests of an earlier release find what a later one's migrations take from it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = "services/sales/tests/integration/test_opportunities.py"

# As the interpreter of a later checkout, which migrates and then does what a further version would.
PYTHON = """#!/bin/sh
set -e
"{python}" "$@"
exec "{python}" -c '
import asyncio, asyncpg, os

async def change():
    connection = await asyncpg.connect(os.environ["ROTUNDA_DATABASE_URL"])
    await connection.execute("ALTER TABLE IF EXISTS opportunity {change}")

asyncio.run(change())
'
"""


def ran_on(folder: Path, change: str, *tests: str) -> tuple[int, str]:
    """How tests of this checkout end on its own schema with a further change of opportunities."""
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON.format(python=sys.executable, change=change))
    python.chmod(0o700)
    further = {"ROTUNDA_LATER_CHECKOUT": str(folder), "PYTHONPATH": str(Path(__file__).parent)}
    arguments = ("-p", "later_schema", "-p", "no:cacheprovider", f"--rootdir={ROOT}", *tests)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=ROOT,
        env=os.environ | further,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return ran.returncode, ran.stdout


def test_they_pass_where_something_came_beside(tmp_path: Path) -> None:
    code, said = ran_on(tmp_path, "ADD COLUMN further TEXT", f"{TESTS}::TestCreate")
    assert f"Databases with the schema of {tmp_path}: access 1, customers 1, sales 1" in said
    assert code == pytest.ExitCode.OK


def test_they_fail_where_a_column_went_that_they_use(tmp_path: Path) -> None:
    code, said = ran_on(tmp_path, "DROP COLUMN engage_date", f"{TESTS}::TestCreate")
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "error=ProgrammingError method=rotunda.sales.v1.OpportunityService.CreateOpportunity" in said


def test_it_is_a_failure_that_no_database_was_tried(tmp_path: Path) -> None:
    code, said = ran_on(tmp_path, "ADD COLUMN further TEXT", "services/sales/tests/unit/test_product_rules.py")
    assert "passed" in said
    assert code == pytest.ExitCode.TESTS_FAILED
