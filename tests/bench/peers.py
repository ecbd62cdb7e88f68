"""The peers, each in an environment of its own below a cache folder outside the repository."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["PEERS", "cache", "interpreter"]

PEERS = {
    "simpy": ("simpy==4.1.2",), "simfaas": ("simfaas==0.2.2",), "huey": ("huey==3.5.4",), "persist-queue": ("persist-queue==1.1.0",),
}  # fmt: skip
"""What pip installs for each; what those need comes in its newest version, as SimFaaS sets no bounds."""


def cache() -> Path:
    """Where environments are kept from one session to the next: FCLAB_BENCH_CACHE, or below the user's cache folder."""
    named = os.environ.get("FCLAB_BENCH_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fclab-bench"


def interpreter(peer: str, folder: Path | None = None) -> str:
    """The Python of a peer's environment, which is made if it is not there. Raises `CalledProcessError` if that fails."""
    home = (folder or cache()) / f"{peer}-{sys.version_info.major}.{sys.version_info.minor}"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = home / "installed.txt"
    wanted = "\n".join(PEERS[peer])
    if not ready.exists() or ready.read_text(encoding="utf-8") != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS[peer]], check=True)
        ready.write_text(wanted, encoding="utf-8")
    return str(python)
