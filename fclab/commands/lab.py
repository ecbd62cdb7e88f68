"""Open JupyterLab on a copy of the lessons.

The copy (./fclab-lessons, or the folder named) has no outputs, so no answers. A file you changed is never written over:
an updated lesson comes beside it. Arguments after -- go to JupyterLab, such as: fclab lab -- --no-browser --port=9000
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from urllib.parse import quote

from fclab.commands.learner_copy import copy_lessons
from fclab.commands.places import lessons_folder, missing, notebooks
from fclab.errors import MissingExtra, UsageError

__all__ = ["add_arguments", "run"]

DEFAULT_FOLDER = "fclab-lessons"
NEEDED = ("jupyterlab", "ipykernel", "ipywidgets", "anywidget")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--lessons", metavar="DIR", type=Path, help=f"the folder of your copy (default: ./{DEFAULT_FOLDER})")
    parser.add_argument("--in-place", action="store_true", help="for maintainers: open the lessons themselves, with their outputs")
    parser.add_argument("jupyter", nargs="*", metavar="-- ARG", help="arguments for JupyterLab")


def run(options: argparse.Namespace) -> int:
    """Copy, say what was copied, and become JupyterLab until it ends."""
    absent = missing(*NEEDED)
    if absent:
        raise MissingExtra(f"The notebook needs {', '.join(absent)}.", hint="pip install 'fclab[lab]', or '.[lab]' in a checkout")
    if options.in_place:
        folder = (options.lessons or lessons_folder()).resolve()
        found = notebooks(folder)
        if not found:
            raise UsageError(f"{folder} holds no notebook.", hint="name a folder with notebooks, or leave --lessons out")
        first = found[0].relative_to(folder).as_posix()
    else:
        source = lessons_folder()
        report = copy_lessons(source, options.lessons or Path(DEFAULT_FOLDER))
        folder, first = report.folder, notebooks(source)[0].relative_to(source).as_posix()
        for line in report.lines():
            print(line)
    print(f"first lesson: {folder / first}", flush=True)
    return _jupyter(jupyter_arguments(folder, first, options.jupyter))


def jupyter_arguments(folder: Path, first: str, extra: list[str]) -> list[str]:
    """What JupyterLab is started with. `extra` comes last, so it wins."""
    arguments = [f"--ServerApp.root_dir={folder}", f"--LabApp.default_url=/lab/tree/{quote(first)}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # in a container; Jupyter refuses root unless told
        arguments.append("--ServerApp.allow_root=True")
    return [*arguments, *extra]


def _jupyter(arguments: list[str]) -> int:
    from jupyterlab.labapp import LabApp

    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")  # the kernel of this environment, where fclab is
    # Defaults, which the learner's own settings outrank: no question about news over the first screen, no request to anywhere.
    ours, theirs = str(Path(__file__).with_name("jupyter")), os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join([ours, theirs] if theirs else [ours])
    sys.argv = ["jupyter-lab", *arguments]
    try:
        LabApp.launch_instance(arguments)
    except SystemExit as stop:  # Jupyter has said why
        return 0 if stop.code in (None, 0) else 2
    return 0
