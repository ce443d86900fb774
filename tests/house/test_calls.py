"""Who may call what: only the relay publishes, only the unit of work commits, nobody aborts a call by hand."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KIT = ROOT / "libs/kit/src/rotunda_kit"

# A call of a method of this name, and the only files that may make it.
RULES = {
    "publish": {KIT / "events/relay.py"},
    "publish_async": {KIT / "events/relay.py"},
    "commit": set[Path](),
    "begin": {KIT / "db/engine.py", KIT / "db/migrations.py"},
    "abort": set[Path](),
    "abort_with_status": set[Path](),
}


def forbidden_calls(source: str, file: Path) -> list[str]:
    """Calls in a source that the file may not make, with their lines."""
    return [
        f"{file}:{node.lineno} {node.func.attr}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in RULES and file not in RULES[node.func.attr]
        # A user's session, not a transaction.
        if not ast.unparse(node.func).endswith("sessions.begin")
    ]


def product_files() -> list[Path]:
    folders = [ROOT / "libs/kit/src", ROOT / "services", ROOT / "gateway/src"]
    return [file for folder in folders for file in folder.rglob("*.py") if "tests" not in file.parts]


def test_nobody_publishes_commits_or_aborts_beside_the_kit() -> None:
    files = product_files()
    assert len(files) > 50
    assert [call for file in files for call in forbidden_calls(file.read_text(), file)] == []


@pytest.mark.parametrize(
    "line", ["await jetstream.publish('x', b'')", "await session.commit()", "await context.abort(code, 'no')"]
)
def test_a_planted_call_is_found(line: str) -> None:
    source = f"async def handle(jetstream, session, context, code):\n    {line}\n"
    assert forbidden_calls(source, ROOT / "services/sales/src/rotunda_sales/app.py")
