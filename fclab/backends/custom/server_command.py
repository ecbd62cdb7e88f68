"""The command that starts a custom runtime's server: where its program is, and what it finds in its environment."""

from __future__ import annotations

import os
import shutil
import site
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fclab.backends.process.surroundings import variables

if TYPE_CHECKING:
    from fclab.backends.process.body import Body
    from fclab.model import FunctionSpec

__all__ = ["environment", "find"]

_PYTHON = ("python", "python3")


def find(spec: FunctionSpec, code: Path) -> tuple[list[str], str]:
    """The command with its program's path, and "" or what is wrong with it.

    "python" is the interpreter that the lab runs in, so what is installed there can be imported; a name is looked up in PATH; a path is
    relative to the code.
    """
    program, *rest = spec.command
    if program in _PYTHON:
        return [sys.executable, *rest], ""
    if "/" in program:
        path = code / program
        found = str(path) if path.is_file() else None
        missing = f"there is no file {program} in the code package" if not program.startswith("/") else f"there is no file {program}"
    else:
        found = shutil.which(program, path=_path(spec))
        missing = f"there is no program {program!r} in PATH"
    if found is None:
        return [], missing
    return [found, *rest], ""


def environment(spec: FunctionSpec, body: Body, port: int) -> dict[str, str]:
    """The environment of the server: the documented variables, the function's own, the port, and the PATH of the lab."""
    there = variables(spec, body.code.handler or "index.handler", body.instance.label, body.room)
    there |= {"PATH": _path(spec), "PORT": str(port), "FC_SERVER_PORT": str(port), "FC_RUNTIME_VERSION": "custom"}
    there.setdefault("PYTHONUNBUFFERED", "1")  # or its log would come when it ends
    if site.ENABLE_USER_SITE:
        there.setdefault("PYTHONUSERBASE", site.getuserbase())  # its HOME is another one
    return there


def _path(spec: FunctionSpec) -> str:
    return spec.environment.get("PATH") or os.environ.get("PATH") or os.defpath
