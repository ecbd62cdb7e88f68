"""Running lesson notebooks: regenerate their outputs, strip what only a live kernel can show, check the lesson rules, compare strictly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from fclab.commands.places import SANITIZE, missing
from fclab.errors import MissingExtra, UsageError

__all__ = ["CELL_TIMEOUT", "faults", "read", "regenerate", "strict", "strip", "write"]

VIEW = "application/vnd.jupyter.widget-view+json"
CELL_TIMEOUT = 60
"""Seconds a cell may take before its kernel is interrupted."""

MOST_BYTES, MOST_OUTPUT_BYTES, MOST_LINES = 150_000, 40_000, 12
"""Limits of a lesson file, of one cell's outputs, and of visible code lines in a cell."""

Notebook = dict[str, Any]


def read(path: Path) -> Notebook:
    """The notebook at `path`. Raises `UsageError` where it is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(data, dict) and isinstance(data.get("cells"), list) and data.get("nbformat") == 4:
            return data
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.", hint="check the path") from None
    except ValueError:
        pass
    raise UsageError(f"{path} is not a notebook of format 4.", hint="name files that end with .ipynb")


def write(notebook: Notebook, path: Path) -> None:
    """Write it the way Jupyter does: one space of indent, keys sorted, a final newline."""
    path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def strip(notebook: Notebook) -> Notebook:
    """Drop, in place, saved widget state, live views that stand beside a picture or text, execution times and the Python version."""
    notebook["metadata"].pop("widgets", None)
    notebook["metadata"].get("language_info", {}).pop("version", None)
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        for output in cell.get("outputs", []):
            if len(output.get("data", {})) > 1:
                output["data"].pop(VIEW, None)
    return notebook


def regenerate(path: Path) -> Notebook:
    """Run the notebook from the top in a fresh kernel and return it with its new outputs, stripped.

    Progress is off, and nothing of the learner's machine enters. Raises what nbclient raises where a cell fails.
    """
    if missing("nbclient", "ipykernel"):
        raise MissingExtra("Running notebooks needs nbclient and ipykernel.", hint="pip install 'fclab[lab]'")
    import nbformat
    from nbclient import NotebookClient

    read(path)
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    os.environ["FCLAB_PROGRESS"] = "off"
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    made: Notebook = json.loads(nbformat.writes(notebook))  # type: ignore[no-untyped-call]
    return strip(made)


def faults(path: Path) -> list[str]:
    """What is wrong with a lesson file as it stands, without running it; empty where nothing is."""
    notebook, found = read(path), []
    if path.stat().st_size > MOST_BYTES:
        found.append(f"the file has {path.stat().st_size} bytes; the limit is {MOST_BYTES}")
    if "widgets" in notebook["metadata"]:
        found.append("it carries saved widget state, which other viewers show as a blank")
    for number, cell in enumerate((c for c in notebook["cells"] if c["cell_type"] == "code"), 1):
        source = "".join(cell["source"])
        lines = [line for line in source.splitlines() if line.strip()]
        size = len(json.dumps(cell["outputs"]))
        hidden = cell["metadata"].get("jupyter", {}).get("source_hidden", False)
        if len(lines) > MOST_LINES and not hidden:
            found.append(f"code cell {number} has {len(lines)} lines; the limit is {MOST_LINES}")
        if size > MOST_OUTPUT_BYTES:
            found.append(f"the outputs of code cell {number} have {size} bytes; the limit is {MOST_OUTPUT_BYTES}")
        if lines and lines[-1].rstrip().endswith(";"):
            found.append(f"code cell {number} ends with ';', which strict comparison does not honour: write _ = ...")
        if any(VIEW in output.get("data", {}) and len(output["data"]) > 1 for output in cell["outputs"]):
            found.append(f"code cell {number} keeps a live view beside its picture")
        if any(output["output_type"] == "error" for output in cell["outputs"]):
            found.append(f"code cell {number} holds an error")
    return found


def strict(path: Path) -> tuple[int, str]:
    """Run the notebook in a fresh kernel and compare every stored output: (pytest's exit code, what it printed).

    Progress is off. `nbval.cfg` beside the notebook, or in a folder above it, says what the comparison leaves out.
    """
    if missing("nbval"):
        raise MissingExtra("Checking notebooks needs nbval.", hint="pip install 'fclab[test]'")
    path = path.resolve()
    sanitize = next((folder / SANITIZE for folder in path.parents if (folder / SANITIZE).is_file()), None)
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, f"--rootdir={path.parent}", "-p", "no:cacheprovider", "-p", "no:randomly"]
    command += ["--nbval", "--nbval-current-env", f"--nbval-cell-timeout={CELL_TIMEOUT}", "-q", "-W", "error"]
    command += [f"--nbval-sanitize-with={sanitize}"] if sanitize else []
    done = subprocess.run(
        [*command, str(path)], cwd=path.parent, env={**os.environ, "FCLAB_PROGRESS": "off"}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr
