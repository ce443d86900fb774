"""What the tests of several folders need of a gateway."""

import json
from base64 import b64encode
from collections.abc import Callable
from secrets import token_bytes
from typing import Any

import pytest

from rotunda_gateway.settings import GatewaySettings
from rotunda_kit.runtime import Runtime
from rotunda_kit.testing.platform import TestPlatform


@pytest.fixture(scope="session")
def settings_of() -> Callable[..., GatewaySettings]:
    """Makes the settings of a gateway whose access is on a test platform."""

    def settings_of(runtime: Runtime, platform: TestPlatform, **more: Any) -> GatewaySettings:
        signing_key_file = platform.directory / "signing-key.json"
        signing_key_file.write_text(json.dumps(platform.issuer._key.as_dict(private=True)))
        encryption_key_file = platform.directory / "encryption-key"
        if not encryption_key_file.exists():
            encryption_key_file.write_text(b64encode(token_bytes(32)).decode())
        return GatewaySettings(
            database_url=runtime.settings.database_url,
            nats_url=runtime.settings.nats_url,
            token_keys_file=platform.keys_file,
            audit_keys_file=platform.audit_keys_file,
            signing_key_file=signing_key_file,
            encryption_key_file=encryption_key_file,
            **more,
        )

    return settings_of
