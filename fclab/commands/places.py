"""What is where on this machine: installed packages, and the lessons (in the checkout, or inside the installed package)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import fclab
from fclab.errors import UsageError

__all__ = ["SANITIZE", "lessons_folder", "missing", "notebooks"]

SANITIZE = "nbval.cfg"
"""The file, beside the lessons, of the patterns that strict comparison leaves out."""


def missing(*packages: str) -> list[str]:
    """Those of `packages` that cannot be imported here."""

    def there(name: str) -> bool:
        try:
            return find_spec(name) is not None
        except ImportError:
            return False

    return [name for name in packages if not there(name)]


def lessons_folder() -> Path:
    """The folder of the lessons that belong to this fclab. Raises `UsageError` where there is none."""
    package = Path(fclab.__file__).resolve().parent
    checkout = package.parent / "lessons"
    for folder in (package / "_lessons", checkout):
        if any(folder.glob("*.ipynb")):
            return folder
    raise UsageError(f"No lessons were found beside {package}.", hint="install fclab from its wheel or from a whole checkout")


def notebooks(folder: Path) -> list[Path]:
    """The notebooks of `folder` and its subfolders, in order; Jupyter's own checkpoints left out."""
    found = (path for path in folder.rglob("*.ipynb") if not any(part.startswith(".") for part in path.relative_to(folder).parts))
    return sorted(found)
