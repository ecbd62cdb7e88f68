"""One compiled file with all that runs inside an instance, and the command that starts an interpreter from it.

Compiling the sources costs an interpreter 3 ms at each start, finding them among installed packages more; importing `fclab` would cost
ten times that. So a lab compiles them once, and its instances get code objects.
"""

from __future__ import annotations

import marshal
import sys
from pathlib import Path

__all__ = ["command", "write"]

_FOLDER = Path(__file__).parent / "inside"
_MODULES = ("wire", "logs", "results", "words", "values", "calls", "context", "crew", "loading", "instance", "zygote")
"""In the order in which they need each other."""

_START = """
import marshal, sys
_, path, role, fd = sys.argv
with open(path, "rb") as file:
    parts = marshal.load(file)
modules = {}
for name, code in parts:
    modules[name] = sys.modules[name] = type(sys)(name)
    exec(code, modules[name].__dict__)
for name in modules:
    del sys.modules[name]
del name, code, parts, file, path, _
modules["fclab.backends.process.inside." + ("instance" if role == "instance" else "zygote")].start(int(fd))
"""


def write(path: Path) -> None:
    """Compile the modules into the file `path`, for this interpreter."""
    parts = []
    for name in _MODULES:
        source = (_FOLDER / f"{name}.py").read_text(encoding="utf-8")
        parts.append((f"fclab.backends.process.inside.{name}", compile(source, f"<fclab>/{name}.py", "exec", dont_inherit=True)))
    path.write_bytes(marshal.dumps(parts))


def command(path: Path, role: str, fd: int) -> list[str]:
    """The command of an "instance" or a "zygote" whose socket is `fd`: a bare interpreter, isolated, that writes no compiled files."""
    return [sys.executable, "-I", "-S", "-B", "-c", _START, str(path), role, str(fd)]
