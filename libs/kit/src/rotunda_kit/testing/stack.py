"""On which servers tests run."""

import os

import pytest

# `embedded`, the default, or `containers`.
STACK_VARIABLE = "ROTUNDA_TEST_STACK"


def in_containers() -> bool:
    """Whether tests shall use servers in containers.

    Raises:
        UsageError: the variable says neither yes nor no.
    """
    stack = os.environ.get(STACK_VARIABLE) or "embedded"
    if stack not in {"embedded", "containers"}:
        raise pytest.UsageError(f"{STACK_VARIABLE} is “{stack}”: say embedded or containers.")
    return stack == "containers"
