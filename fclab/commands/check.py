"""Check notebooks: run them in a fresh kernel and compare every stored output.

Without names it checks the lessons that belong to this fclab. --update is for maintainers: it runs the notebooks and stores
their outputs, without what only a live kernel can show.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fclab.commands.places import lessons_folder, notebooks

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("notebooks", metavar="NOTEBOOK", nargs="*", type=Path, help="notebooks, or folders of them")
    parser.add_argument("--update", action="store_true", help="store new outputs instead of comparing")


def run(options: argparse.Namespace) -> int:
    """Check or update each notebook; exit code 1 where one fails."""
    from fclab.commands import notebook

    found: list[Path] = []
    for path in options.notebooks or [lessons_folder()]:
        found += notebooks(path) if path.is_dir() else [path]
    bad = 0
    for path in found:
        said: list[str] = []
        if options.update:
            said += _update(path)
        else:
            notebook.read(path)
            code, output = notebook.strict(path)
            said += [output.rstrip()] if code else []
        said += notebook.faults(path)
        bad += bool(said)
        print(f"{path}: {'not right' if said else 'updated' if options.update else 'ok'}", flush=True)
        for text in said:
            print("  " + text.replace("\n", "\n  "), file=sys.stderr)
    print(f"{len(found) - bad} of {len(found)} notebooks are right")
    return 1 if bad else 0


def _update(path: Path) -> list[str]:
    """Run and store. Returns what went wrong; then the file is as it was."""
    from fclab.commands import notebook

    notebook.read(path)
    try:
        made = notebook.regenerate(path)
    except Exception as error:
        if type(error).__name__ not in ("CellExecutionError", "CellTimeoutError", "DeadKernelError"):
            raise
        return [str(error)]
    notebook.write(made, path)
    return []
