"""One platform of real processes for all tests of this folder."""

from collections.abc import Iterator

import httpx
import pytest

from rotunda_local.platform import Platform
from rotunda_local.ports import free_ports


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("schema"), free_ports(), example_data=False, fsync=False, attached=True)
    try:
        platform.up()
        yield platform
    finally:
        platform.down()


@pytest.fixture(scope="package")
def token(platform: Platform) -> str:
    access = platform.access
    form = {"username": access.username, "password": access.password}
    answer = httpx.post(f"{platform.url}/v1/auth/token", data=form, trust_env=False)
    return str(answer.raise_for_status().json()["access_token"])
