"""What an instance sees of the world: the documented variables, the function's own, and where Python's packages lie."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fclab.backends.process.strays import MARK

if TYPE_CHECKING:
    from fclab.backends.process.home import Room
    from fclab.model import FunctionSpec
    from fclab.wall_clock import WallClock

__all__ = ["package_paths", "variables", "zero_us"]

_INHERITED = ("LANG", "LC_ALL", "TZ")
"""All that an instance learns of the lab's own environment."""


def variables(spec: FunctionSpec, handler: str, label: str, room: Room) -> dict[str, str]:
    """The environment of an instance (names: Function Compute's Python runtime, facts of 2025-09).

    The function's own variables cannot replace the platform's.
    """
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        **spec.environment,
        "HOME": str(room.folder),
        "TMPDIR": str(room.tmp),
        MARK: str(room.code),
        "FC_FUNCTION_NAME": spec.name,
        "FC_FUNCTION_HANDLER": handler,
        "FC_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "FC_INSTANCE_ID": label,
        "FC_RUNTIME_VERSION": f"python{sys.version_info[0]}.{sys.version_info[1]}",
        "FC_ACCOUNT_ID": "000000000000",
        "FC_REGION": "lab",
        "FC_QUALIFIER": "LATEST",
        "FC_VER_ID": "LATEST",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "lab-key-id",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "lab-key-secret",
        "ALIBABA_CLOUD_SECURITY_TOKEN": "lab-token",
    }


def package_paths() -> list[str]:
    """Where installed packages lie: the lab's own, without the folders that it runs in. The standard library is found without this."""
    return [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages") and Path(path).is_dir()]


def zero_us(clock: WallClock) -> int:
    """The machine's monotonic µs at lab time 0: with it, every process of the machine can tell lab time."""
    return time.monotonic_ns() // 1000 - clock.reading()
