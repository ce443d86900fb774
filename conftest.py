"""What all tests share: one real PostgreSQL and one real NATS a session."""

from pathlib import Path

import pytest
from hypothesis import settings

from rotunda_kit.testing.stack import in_containers

pytest_plugins = ["rotunda_kit.testing.servers"]

# Machines are shared and noisy: how long an example takes says nothing.
settings.register_profile("rotunda", deadline=None)
settings.load_profile("rotunda")

ROOT = Path(__file__).parent
# Of the platform as `make up` starts it, or with faults that only the processes of this machine can be given.
EMBEDDED = [ROOT / "deploy" / "local", ROOT / "tests" / "chaos", ROOT / "tests" / "schema"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark whole folders, and leave out what needs an engine unless there shall be one."""
    for item in items:
        if any(folder in item.path.parents for folder in EMBEDDED):
            item.add_marker("embedded")
    if not in_containers():
        left_out = [item for item in items if item.get_closest_marker("containers")]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if item not in left_out]
