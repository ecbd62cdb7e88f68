"""What a handler did, as data: output encoded, exceptions turned into the documented error object."""

from __future__ import annotations

import linecache
import os
import re
import traceback
from functools import lru_cache
from pathlib import Path

from fclab.engine.failures import error_object, exited, out_of_memory
from fclab.engine.payload import encode_result
from fclab.engine.rows import Outcome

__all__ = ["encode", "failed", "stuck", "succeeded"]

_OWN = str(Path(__file__).parent) + os.sep
_CELL = re.compile(r"ipykernel_\d+|<ipython-input|<stdin>|<string>")


def succeeded(result: bytes, memory_mb: float) -> Outcome:
    """The handler returned `result`, encoded."""
    return Outcome("ok", result, memory_mb=memory_mb)


def encode(value: object) -> bytes:
    """A handler's return value as bytes; TypeError or ValueError if that cannot be."""
    try:
        return encode_result(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise error.with_traceback(None) from None  # the encoder's frames are not the function's


def failed(error: BaseException, memory_mb: float, limit_mb: int, code: str) -> Outcome:
    """The handler ended with `error`: a function error of its kind. `code` is its file, shown as /code/index.py, or its folder."""
    if isinstance(error, SystemExit):
        return exited(0 if error.code is None else error.code)
    if isinstance(error, MemoryError):
        return out_of_memory(limit_mb, memory_mb)
    kind = type(error).__name__
    message = _text(error)
    body = error_object(message, kind, _stack(error, code))
    return Outcome("error", body, f"{kind}: {message}" if message else kind, "UnhandledInvocationError", memory_mb)


def _text(error: BaseException) -> str:
    """What an exception says, also if it cannot."""
    try:
        return str(error)
    except Exception:
        return f"<{type(error).__name__} without text>"


def stuck(limit: float) -> Outcome:
    """The wall guard ended the handler after `limit` real seconds."""
    message = f"the handler ran for {limit:g} real seconds without waiting in lab time"
    return Outcome("timeout", error_object(message, "FunctionTimeoutError"), message, "FunctionTimeoutError")


def _stack(error: BaseException, code: str) -> list[list[str]]:
    """The frames of the handler's own code and what it called, without the platform's and without paths of this machine."""
    frames = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        filename = frame.f_code.co_filename
        if not filename.startswith((_OWN, "<frozen ")):
            source = linecache.getline(filename, line, frame.f_globals).strip()
            frames.append([f'File "{_place(filename, code)}"', f"line {line}", f"in {frame.f_code.co_name}", source])
    return frames


@lru_cache(maxsize=256)
def _place(filename: str, code: str) -> str:
    if code and filename.startswith(code + os.sep):
        return "/code/" + filename[len(code) + 1 :].replace(os.sep, "/")
    if filename == code or _CELL.search(filename):
        return "/code/index.py"
    parts = filename.replace("\\", "/").split("/")
    if "site-packages" in parts:
        return "/opt/python/" + "/".join(parts[parts.index("site-packages") + 1 :])
    return f"/code/{parts[-1]}"
