"""The source tree as the meta tests see it: files that belong to the project, and what each module imports."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("fclab", "widgets/fclab_widgets")
NOT_OURS = {"node_modules", "__pycache__", "dist", ".git"}


@cache
def files() -> tuple[str, ...]:
    """Paths of all files that are, or would be, committed; without git, every file outside caches and environments."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    ) if (ROOT / ".git").exists() else None
    if listed is not None and listed.returncode == 0:
        return tuple(sorted(name for name in listed.stdout.splitlines() if (ROOT / name).is_file()))
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return tuple(
        sorted(
            path.as_posix()
            for path in found
            if not NOT_OURS & set(path.parts) and (not path.parts[0].startswith(".") or path.parts[0] in (".ci", ".gitignore"))
        )
    )


def modules(*folders: str) -> list[str]:
    """Paths of the Python modules in `folders` (of the root)."""
    return [name for name in files() if name.endswith(".py") and name.startswith(tuple(f"{folder}/" for folder in folders))]


def tree(path: str) -> ast.Module:
    """The syntax tree of one module."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), path)


def dotted(path: str) -> str:
    """fclab/engine/pool.py -> fclab.engine.pool; a package's __init__ is the package."""
    return path.removeprefix("widgets/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(node: ast.AST, *, lazy: bool = True) -> Iterator[tuple[str, int]]:
    """(dotted name, line) of everything imported at run time; `lazy` includes imports inside functions.

    `from a.b import c` gives a.b.c: whether c is a module is for the reader to find out.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, child.lineno) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from ((f"{child.module}.{alias.name}", child.lineno) for alias in child.names)
        elif _for_types_only(child) or (not lazy and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))):
            continue
        else:
            yield from imports(child, lazy=lazy)
