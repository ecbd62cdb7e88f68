"""Turn a recording into a page, a picture or rows: export rec.json out.html | out.svg | out.csv (or out.json, a copy)."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("recording", metavar="REC.json", type=Path, help="what `fclab run --record` or Recording.save wrote")
    parser.add_argument("out", metavar="OUT.html|svg|csv", type=Path, help="a self-contained page, the timeline, or one line a request")


def run(options: argparse.Namespace) -> int:
    """Read, convert, write."""
    from fclab.observe.export import export, writable
    from fclab.observe.recording import Recording

    writable(options.out)
    print(f"written: {export(Recording.load(options.recording), options.out)}")
    return 0
