"""What the user's code did, as bytes: results encoded, exceptions turned into the documented error object.

JSON of plain values is written here, because importing `json` costs a cold start as much as the whole interpreter.
"""

import os
import sys
from _json import encode_basestring_ascii as _quoted

__all__ = ["encode", "error_object", "stack", "text"]


def encode(value: object) -> bytes:
    """What a handler returned: text and bytes as they are, the rest as JSON indented by 4 with sorted keys.

    Raises TypeError, ValueError or RecursionError where JSON cannot say it.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    try:
        return _json(value, "\n").encode()
    except (_NotPlain, RecursionError):
        import json

        return json.dumps(value, indent=4, sort_keys=True, default=_default).encode()


class _NotPlain(Exception):
    pass


def _json(value: object, line: str) -> str:
    """What `json` writes for plain values, without importing it."""
    kind = type(value)
    if kind is str:
        return _quoted(value)  # type: ignore[arg-type]
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return repr(value)
    deeper = line + "    "
    if kind is list or kind is tuple:
        inside = [_json(item, deeper) for item in value]  # type: ignore[attr-defined]
        return f"[{deeper}{f',{deeper}'.join(inside)}{line}]" if inside else "[]"
    if kind is not dict:
        raise _NotPlain
    inside = []
    try:
        for key in sorted(value):  # type: ignore[call-overload]
            if type(key) is not str:
                raise _NotPlain
            inside.append(f"{_quoted(key)}: {_json(value[key], deeper)}")  # type: ignore[index]
    except TypeError:
        raise _NotPlain from None
    return f"{{{deeper}{f',{deeper}'.join(inside)}{line}}}" if inside else "{}"


def _default(value: object) -> object:
    import datetime
    import decimal

    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    to_json = getattr(value, "to_json", None)
    if callable(to_json):
        return to_json()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def error_object(message: str, kind: str, stack: "list[list[str]]") -> bytes:
    """The documented error object: indented by 4, keys sorted."""
    return _json({"errorMessage": message, "errorType": kind, "stackTrace": stack}, "\n").encode()


_OWN = _json.__code__.co_filename.removesuffix("results.py")
_IMPORT_SYSTEM = "<frozen importlib"


def stack(error: BaseException, folder: str) -> "list[list[str]]":
    """The frames of the user's code and what it called, without the platform's and without paths of this machine."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        file = code.co_filename
        if not file.startswith(_OWN) and not file.startswith(_IMPORT_SYSTEM):
            frames.append([f'File "{_place(file, folder)}"', f"line {trace.tb_lineno}", f"in {code.co_name}", _line(file, trace.tb_lineno)])
        trace = trace.tb_next
    return frames


def _place(file: str, folder: str) -> str:
    if file.startswith(folder + os.sep):
        return "/code" + file[len(folder) :]
    for mark, place in (("site-packages", "/opt/python/"), (f"python3.{sys.version_info[1]}", "/usr/lib/python3/")):
        _, found, rest = file.rpartition(f"/{mark}/")
        if found:
            return place + rest
    return file if file.startswith("<") else f"/code/{os.path.basename(file)}"  # noqa: PTH119


_sources: "dict[str, list[bytes]]" = {}


def _line(file: str, number: int) -> str:
    lines = _sources.get(file)
    if lines is None:
        try:
            with open(file, "rb") as source:  # noqa: PTH123
                lines = source.read().split(b"\n")
        except OSError:
            lines = []
        _sources[file] = lines
    return lines[number - 1].decode("utf-8", "replace").strip() if number <= len(lines) else ""


def text(error: BaseException) -> str:
    """What an exception says, also if it cannot."""
    try:
        return str(error)
    except Exception:
        return f"<{type(error).__name__} without text>"
