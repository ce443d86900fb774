"""What all tests with faults share."""

import os
import random

import pytest

SEED_VARIABLE = "ROTUNDA_CHAOS_SEED"


@pytest.fixture(scope="session")
def seed() -> int:
    """Of all that is left to chance; printed, so that a run can be had again."""
    seed = int(os.environ.get(SEED_VARIABLE) or random.randrange(10**9))
    print(f"\n{SEED_VARIABLE}={seed}")
    return seed


@pytest.fixture(scope="session")
def rounds() -> int:
    """How often each fault is had: once in a run of all tests, more often with `make chaos`."""
    return int(os.environ.get("ROTUNDA_CHAOS_ROUNDS") or 1)
