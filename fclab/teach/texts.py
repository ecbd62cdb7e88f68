"""Where a lesson's words come from: `text/NN.toml` beside the notebooks, so that code cells are the same in every language."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

import fclab
from fclab import UsageError

__all__ = ["Texts", "fill", "folder", "notebook", "number", "plain", "strings", "tables", "texts"]

Texts = dict[str, object]


def folder(package: Path | None = None) -> Path:
    """The folder of the lessons: `lessons/` in a checkout, `fclab/_lessons/` where the package was installed from a wheel."""
    package = package or Path(fclab.__file__).parent
    for found in (package / "_lessons", package.parent / "lessons"):
        if (found / "text").is_dir():
            return found
    raise UsageError("The lessons are not where this installation should have them.", hint="install fclab again, or use a checkout")


@cache
def texts(number: str, where: Path | None = None) -> Texts:
    """The words of lesson `number` ("00" to "11"), with those all share (`words.toml`). Raises `UsageError` naming those there are."""
    at = (where or folder()) / "text"
    known = sorted(path.stem for path in at.glob("[0-9][0-9].toml"))
    if number not in known:
        raise UsageError(f"There is no lesson {number!r}; there is {', '.join(known)}.", hint=f'ask for one of them: lesson("{known[0]}")')
    told, shared = (tomllib.loads((at / f"{name}.toml").read_text("utf-8")) for name in (number, "words"))
    own = told.get("words")
    return {**told, "words": {**shared, **(own if isinstance(own, dict) else {})}}


def notebook(number: str, where: Path | None = None) -> Path:
    """The notebook of lesson `number`."""
    found = sorted((where or folder()).glob(f"{number}-*.ipynb"))
    if not found:
        raise UsageError(f"The notebook of lesson {number} is missing.", hint="install fclab again, or use a checkout")
    return found[0]


def fill(template: str, **facts: object) -> str:
    """`template` with {facts} put in: times in seconds lose the noise of floating point, everything else stays as it is."""
    return " ".join(template.split()).format(**{key: number(value) if isinstance(value, float) else value for key, value in facts.items()})


def strings(value: object) -> list[str]:
    """A list of texts; empty for anything else."""
    return [str(one) for one in value] if isinstance(value, list) else []


def tables(value: object) -> list[Texts]:
    """A list of tables; empty for anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def number(value: float) -> str:
    """Seconds as people write them: 360.1, 0.1, 600; six decimals at most."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def plain(text: str) -> str:
    """`text` without its marks for code and for strong words."""
    return re.sub(r"\*\*(.+?)\*\*", r"\1", text).replace("`", "")
