"""What tests of code packages share: zips made by hand, and packed source run by a bare interpreter."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fclab.packages.source import Source, pack_source

_CALL = """
import json, sys
sys.path.insert(0, sys.argv[1])
import index
for name in sys.argv[2:-1]:
    getattr(index, name)(None)
print(json.dumps(getattr(index, sys.argv[-1])(b"event", None)))
"""


def link(target: str) -> tuple[int, bytes]:
    """A link's mode and content, as zips hold them."""
    return stat.S_IFLNK | 0o777, target.encode()


def make_zip(path: Path, entries: Mapping[str, bytes | tuple[int, bytes]]) -> Path:
    """A zip of these entries as they are: name -> content, or (mode, content)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, entry in entries.items():
            mode, content = entry if isinstance(entry, tuple) else (0, entry)
            info = zipfile.ZipInfo("x")
            info.filename = name
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, by name."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def packed(handler: Callable[..., object], **roles: Callable[..., object]) -> Source:
    return pack_source({"handler": handler, **roles})


def text(source: Source) -> str:
    return source.files["index.py"].decode()


def called(source: Source, folder: Path) -> Any:
    """What the packed handler returns in an interpreter that knows nothing else, after its initializer if it has one."""
    for name, content in source.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    before = [source.names["initializer"]] if "initializer" in source.names else []
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", _CALL, str(folder), *before, source.names["handler"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr + text(source)
    return json.loads(done.stdout)


def run_here_and_packed(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """What `handler` of a learner's script returns in the script itself, and packed in a bare interpreter."""
    space = script_space(script, folder, monkeypatch)
    source = packed(space["handler"])
    here = json.loads(json.dumps(space["handler"](b"event", None)))
    return here, called(source, folder)


def script_space(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of a learner's script after it ran as `python script.py`."""
    module = ModuleType("__main__")
    path = folder / "script.py"
    path.write_text(textwrap.dedent(script))
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, "__main__", module)
    exec(compile(path.read_text(), str(path), "exec", dont_inherit=True), vars(module))
    return vars(module)
