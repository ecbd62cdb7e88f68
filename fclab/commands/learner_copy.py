"""The learner's copy of the lessons: outputs cleared, and never over a file that somebody changed.

1. A file that is not there is written.
2. A file that is as this module wrote it is brought up to date.
3. Any other file is kept. Where its lesson has changed since, the new one comes beside it as NAME.updated.SUFFIX, once.
4. A notebook is its cells: their kinds and sources, in order. Running and saving it is no change, so clause 2 holds, and its
   outputs go when the lesson has changed; editing code or text is a change.
5. What was written is remembered by hash in `.fclab-lessons.json`; without that file every file counts as changed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from fclab.errors import UsageError

__all__ = ["CopyReport", "copy_lessons", "without_outputs"]

MANIFEST = ".fclab-lessons.json"
LEFT_OUT = ("text", "__pycache__", "nbval.cfg", "README.md")
"""Files that hold the answers, or are for maintainers only; `fclab.teach` reads the texts from the package."""


@dataclass(slots=True)
class CopyReport:
    """What happened to each file, by its path inside the folder."""

    folder: Path
    written: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The report for a person: nothing about files that are as they were."""
        said = []
        if self.written:
            said.append(f"{len(self.written)} lesson file{'s' if len(self.written) > 1 else ''} copied to {self.folder}")
        said += [f"brought up to date: {name}" for name in self.updated]
        said += [f"kept, because you changed it: {name}" for name in self.kept]
        said += [f"a newer lesson came beside yours: {name}" for name in self.beside]
        return said


def without_outputs(notebook: bytes) -> bytes:
    """A notebook (JSON bytes) with every code cell's outputs, count and run-time metadata cleared; stable bytes."""
    data = json.loads(notebook)
    data.get("metadata", {}).pop("widgets", None)
    for cell in data["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
            cell.get("metadata", {}).pop("execution", None)
    return (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode()


def copy_lessons(source: Path, folder: Path) -> CopyReport:
    """Bring `folder` up to date with the lessons in `source`. Raises `UsageError` where the folder cannot serve."""
    source, folder = source.resolve(), folder.resolve()
    if folder == source or source in folder.parents:
        raise UsageError(f"{folder} holds the lessons themselves.", hint="name another folder, or use --in-place to work on the lessons")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.", hint="name a folder with --lessons")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known = _read_manifest(folder / MANIFEST)
        report = CopyReport(folder)
        for path in sorted(source.rglob("*")):
            name = path.relative_to(source)
            if path.is_file() and not any(part in LEFT_OUT or part.startswith(".") for part in name.parts):
                content = path.read_bytes()
                _bring(report, known, name.as_posix(), without_outputs(content) if path.suffix == ".ipynb" else content)
        (folder / MANIFEST).write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror or error}.", hint="name another folder with --lessons") from None
    return report


def _bring(report: CopyReport, known: dict[str, str], name: str, content: bytes) -> None:
    """Write one file by the clauses of this module. `known`: hash last written by name; 'beside NAME': of the copy beside it."""
    target, new = report.folder / name, _hash(name, content)
    if not target.exists() and not target.is_symlink():
        (report.written if name not in known else report.updated).append(name)
    else:
        there = _hash(name, target.read_bytes()) if target.is_file() and not target.is_symlink() else ""
        if there == new:
            known[name] = new
            return
        if there != known.get(name):
            report.kept.append(name)
            if new not in (known.get(name), known.get(f"beside {name}")):
                beside = _free_name(target)
                beside.write_bytes(content)
                report.beside.append(beside.relative_to(report.folder).as_posix())
                known[f"beside {name}"] = new
            return
        report.updated.append(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    known[name] = new


def _free_name(target: Path) -> Path:
    """A name beside `target` that nothing has yet: NAME.updated.SUFFIX, NAME.updated-2.SUFFIX …"""
    number = 1
    while True:
        beside = target.with_name(f"{target.stem}.updated{'' if number == 1 else f'-{number}'}{target.suffix}")
        if not beside.exists():
            return beside
        number += 1


def _read_manifest(path: Path) -> dict[str, str]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {str(name): str(value) for name, value in data.items()} if isinstance(data, dict) else {}


def _hash(name: str, content: bytes) -> str:
    """What stands for a file: of a notebook its cells (clause 4), of anything else, a broken notebook too, its bytes."""
    if name.endswith(".ipynb"):
        try:
            cells = [[cell["cell_type"], "".join(cell["source"])] for cell in json.loads(content)["cells"]]
            content = json.dumps(cells, ensure_ascii=False).encode()
        except (ValueError, KeyError, TypeError):
            pass
    return hashlib.sha256(content).hexdigest()
