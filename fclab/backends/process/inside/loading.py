"""Finds a function by its name, and says in the documented words why that cannot be done."""

import sys

from fclab.backends.process.inside.results import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["NotLoaded", "awaits", "find"]


class NotLoaded(Exception):
    """The user's code cannot be loaded, or its result cannot be taken, in one of the documented ways."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


def find(name: str, say: "Callable[[str], object]") -> "Callable[..., Any]":
    """The function that `name` (module.function, or folder/module.function) means; `say` gets the cause if its module fails."""
    place, _, attribute = name.rpartition(".")
    if not place or not attribute:
        raise NotLoaded("InvalidHandleName", f"Invalid handler '{name}'")
    module = place.replace("/", ".")
    try:
        __import__(module)
    except (SystemExit, MemoryError):
        raise
    except BaseException as error:
        say(f"{type(error).__name__}: {text(error)}\n")
        if isinstance(error, SyntaxError):
            failure = NotLoaded("UserCodeSyntaxError", f"Syntax error in module '{module}'")
        elif isinstance(error, ImportError):
            failure = NotLoaded("ImportModuleError", f"Unable to import module '{module}'")
        else:
            failure = NotLoaded("UserCodeError", f"Module initialization error: '{text(error)}'")
        raise failure.with_traceback(error.__traceback__) from None
    found: Any = getattr(sys.modules[module], attribute, None)
    if not callable(found):
        raise NotLoaded("HandlerNotFound", f"Handler '{attribute}' is missing on module '{module}'")
    return found  # type: ignore[no-any-return]


def awaits(code: "Callable[..., Any]") -> bool:
    """It is an `async def`, as it stands, decorated, or in a partial."""
    while hasattr(code, "__wrapped__") or type(code).__name__ == "partial":
        code = code.__wrapped__ if hasattr(code, "__wrapped__") else code.func  # type: ignore[attr-defined]
    return bool(getattr(getattr(code, "__code__", None), "co_flags", 0) & 0x80)
