"""Say what of fclab works here, and what to do about the rest."""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import fclab
from fclab.commands.places import lessons_folder, notebooks
from fclab.errors import FclabError

__all__ = ["Finding", "add_arguments", "findings", "run"]

PARTS = {"": "fclab itself", "lab": "the notebook", "serve": "official clients", "test": "the tests"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox", "microsoft-edge", "safari", "open")


class Finding(NamedTuple):
    """One line of the report. `state` is "ok", "absent" (a part you may not want) or "wrong"; `todo` says what to do."""

    state: str
    what: str
    todo: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no arguments."""


def run(options: argparse.Namespace) -> int:
    """Print the findings; exit code 1 where something is wrong."""
    found = list(findings())
    for finding in found:
        print(f"{finding.state:>6}  {finding.what}")
        if finding.todo:
            print(f"        -> {finding.todo}")
    wrong = sum(finding.state == "wrong" for finding in found)
    print("fclab works here." if not wrong else f"{wrong} thing{'s' if wrong > 1 else ''} to mend, see the arrows.")
    return 1 if wrong else 0


def findings() -> Iterator[Finding]:
    """Everything that is looked at, in the order a person would."""
    yield Finding("ok", f"Python {platform.python_version()} on {platform.system()}")
    yield Finding("ok", f"fclab {metadata.version('fclab')} in {fclab.__path__[0]}")
    yield from _packages()
    yield _engine()
    yield _processes()
    yield _lessons()
    yield _browser()


def _packages() -> Iterator[Finding]:
    """The packages fclab asks for, by extra, against the versions it asks for; those that are absent in one line an extra."""
    absent: dict[str, list[str]] = {}
    for text in metadata.requires("fclab") or []:
        wish, _, marker = text.partition(";")
        extra = next((part for part in PARTS if part and f"'{part}'" in marker), "")
        elsewhere = "in 'win32" in marker.replace('"', "'") and sys.platform != "win32"
        if elsewhere or ("emscripten" in marker and sys.platform == "emscripten"):
            continue
        name = wish.strip().partition("[")[0]
        for sign in "<>=!~ ":
            name = name.partition(sign)[0]
        bounds = wish.strip()[len(name) :].replace(" ", "")
        todo = _install(extra)
        try:
            have = metadata.version(name)
        except metadata.PackageNotFoundError:
            absent.setdefault(extra, []).append(name)
            continue
        fits = all(_holds(have, bound) for bound in bounds.split(",") if bound)
        yield Finding("ok" if fits else "wrong", f"{name} {have}, for {PARTS[extra]}", "" if fits else f"{name} must be {bounds}: {todo}")
    for extra, names in absent.items():
        yield Finding("absent" if extra else "wrong", f"{', '.join(names)}, for {PARTS[extra]}", _install(extra))


def _install(extra: str) -> str:
    return f"pip install 'fclab[{extra}]', or '.[{extra}]' in a checkout" if extra else "pip install --force-reinstall fclab"


def _holds(have: str, bound: str) -> bool:
    """Whether version `have` fulfils one bound such as '>=7.4' or '<8'; signs that fclab does not use itself hold."""

    def numbers(version: str) -> list[int]:
        parts = [int("".join(c for c in part if c.isdigit()) or 0) for part in version.split(".")]
        return parts + [0] * (4 - len(parts))

    sign = bound.rstrip("0123456789.")
    mine, theirs = numbers(have), numbers(bound[len(sign) :])
    return {">=": mine >= theirs, "<": mine < theirs}.get(sign, True)


def _engine() -> Finding:
    """Three requests at 0, 60 and 600 s: cold, warm, cold."""
    try:
        lab = fclab.Lab()
        lab.declare("hello", duration=0.1, boot=1.0)
        calls = lab.invoke_at("hello", [0, 60, 600])
        lab.run()
        took = [call.response.latency for call in calls if call.response]
    except FclabError as error:
        return Finding("wrong", f"the engine: {error.what}", "report it: this is a mistake in fclab")
    text = f"the engine: three requests took {', '.join(f'{latency:g}' for latency in took)} s of lab time"
    return Finding("ok", text) if took == [1.1, 0.1, 1.1] else Finding("wrong", text, "it should be 1.1, 0.1, 1.1: report it")


def _processes() -> Finding:
    """One function in a process of its own, cold and warm."""
    if sys.platform != "linux":
        return Finding("absent", f"real processes: they need Linux, this is {platform.system()}", "Lab() in virtual time works everywhere")
    with TemporaryDirectory(prefix="fclab-doctor-") as folder:
        Path(folder, "index.py").write_text("def handler(event, context):\n    return event\n", encoding="utf-8")
        try:
            with fclab.Lab("process") as lab:
                lab.deploy("probe", folder)
                cold, warm = lab.invoke("probe", b"x"), lab.invoke("probe", b"x")
        except (FclabError, OSError) as error:
            return Finding("wrong", f"real processes: {error}", "Lab() in virtual time works without")
    if not (cold.ok and warm.ok):
        return Finding("wrong", f"real processes: {cold.error or warm.error}", "read the message; Lab() in virtual time works without")
    return Finding("ok", f"real processes: {cold.latency * 1000:.0f} ms cold, {warm.latency * 1000:.2f} ms warm")


def _lessons() -> Finding:
    try:
        folder = lessons_folder()
    except FclabError as error:
        return Finding("wrong", f"the lessons: {error.what}", error.hint)
    number = len(notebooks(folder))
    return Finding("ok", f"{number} lesson{'s' if number != 1 else ''} in {folder}")


def _browser() -> Finding:
    found = [name for name in BROWSERS if shutil.which(name)]
    if found:
        return Finding("ok", f"a browser: {found[0]}")
    return Finding("absent", "a browser on this machine", "open the address that `fclab lab` prints in a browser elsewhere, or install one")
