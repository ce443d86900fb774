"""Who imports what, and that the rules bite."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ["libs/kit/src", *(f"services/{s.name}/src" for s in (ROOT / "services").iterdir()), "gateway/src"]


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Lint the packages below `tree`, which come before the installed ones."""
    path = os.pathsep.join(str(tree / source) for source in SOURCES)
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--config", ROOT / "pyproject.toml", "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for source in SOURCES:
        shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("services/sales/src/rotunda_sales/app.py", "import rotunda_customers.app", "No service imports another"),
        ("services/sync/src/rotunda_sync/app.py", "import rotunda_gateway.app", "No service imports another"),
        ("libs/kit/src/rotunda_kit/errors.py", "import rotunda_sales", "The kit imports no service"),
        ("services/customers/src/rotunda_customers/accounts/model.py", "import grpc", "A model knows no gRPC"),
        ("services/sales/src/rotunda_sales/opportunities/model.py", "import nats", "A model knows no gRPC"),
        (
            "services/customers/src/rotunda_customers/contacts/model.py",
            "from rotunda.customers.v1 import contact_service_pb2",
            "A model knows no gRPC",
        ),
        (
            "services/customers/src/rotunda_customers/contacts/model.py",
            "import rotunda_customers.accounts.service",
            "A model knows no gRPC",
        ),
    ],
)
def test_a_planted_import_breaks_its_rule(tree: Path, file: str, line: str, broken: str) -> None:
    planted = tree / file
    planted.write_text(planted.read_text() + f"\n{line}\n")
    result = lint(tree)
    assert result.returncode == 1, result.stdout + result.stderr
    assert any(broken in text and "BROKEN" in text for text in result.stdout.splitlines()), result.stdout


def test_the_tree_as_it_is_keeps_all_rules() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
