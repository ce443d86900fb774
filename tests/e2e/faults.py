"""What is done to a platform's processes."""

import os
import signal
from typing import TYPE_CHECKING

from rotunda_local.platform import Platform

if TYPE_CHECKING:
    from .containers import ContainerPlatform


def kill(platform: "Platform | ContainerPlatform", name: str) -> None:
    """End a process as the system does where memory is short; it is started again."""
    if isinstance(platform, Platform):
        os.kill(platform.pid(name), signal.SIGKILL)
    else:
        platform.kill(name)
