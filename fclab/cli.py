"""The `fclab` command: reads the arguments, calls one command, turns what went wrong into one message and an exit code.

Exit codes: 0, 1 for a failed check or a function error, 2 for wrong use. A traceback is shown only where FCLAB_TRACEBACK is set.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from fclab.errors import EndlessRun, FclabError, UsageError

__all__ = ["main"]

COMMANDS = ("lab", "run", "serve", "check", "export", "doctor")


class Command(Protocol):
    """What a module in `fclab.commands` offers; its docstring is the command's help."""

    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it, and return the exit code."""


def _command(name: str) -> Command:
    return cast(Command, import_module(f"fclab.commands.{name}"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fclab",
        description="A function-compute platform small enough to read, for stepping through cold starts and retries in Jupyter.",
        epilog="exit codes: 0 well, 1 a check failed or a function raised, 2 wrong use",
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        command = _command(name)
        about = (command.__doc__ or "").strip()
        sub = subparsers.add_parser(
            name, help=about.splitlines()[0].rstrip("."), description=about, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        command.add_arguments(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command with `argv` (default: the process's arguments) and return its exit code."""
    try:
        options = _parser().parse_args(argv)
    except SystemExit as stop:  # argparse has said what is wrong, or printed the help
        return int(stop.code or 0)
    try:
        code = _command(options.command).run(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of our output went away (`fclab run x.toml | head`): nothing more to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("fclab: interrupted.", file=sys.stderr)
        return 1
    except Exception as error:
        if os.environ.get("FCLAB_TRACEBACK"):
            traceback.print_exc()
        elif isinstance(error, FclabError):
            print(f"fclab {options.command}: {error}", file=sys.stderr)
        else:
            print(f"fclab {options.command}: {type(error).__name__}: {error}", file=sys.stderr)
            print("  This is a mistake in fclab: FCLAB_TRACEBACK=1 shows where.", file=sys.stderr)
        return 2 if isinstance(error, (UsageError, EndlessRun)) else 1
