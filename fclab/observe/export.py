"""A recording as a file: a page, a picture or rows for others, or the recording itself."""

from __future__ import annotations

import base64
import csv
import html
import io
from collections.abc import Callable, Mapping
from pathlib import Path

from fclab.errors import UsageError
from fclab.observe.recording import Recording
from fclab.observe.requests import requests
from fclab.observe.svg import chain_svg, timeline_svg
from fclab.observe.table import table
from fclab.units import seconds_text

__all__ = ["FORMATS", "export", "to_csv", "to_html", "writable"]

COLUMNS = (
    "request", "function", "mode", "arrived_s", "replied_s", "started_s", "finished_s", "latency_s",
    "outcome", "status", "error_type", "cold", "instance", "attempts", "executions", "cause",
)  # fmt: skip

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
img { max-width: 100%; height: auto } pre { overflow-x: auto; background: #f4f4f4; padding: 1rem; font-size: 14px }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def to_csv(recording: Recording) -> str:
    """One line a request, refused ones included; times in seconds of lab time, empty where they have not come."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for view in requests(recording):
        times = (view.arrived_us, view.replied_us, view.started_us, view.finished_us, view.latency_us)
        writer.writerow(
            [view.label, view.function, view.mode]
            + ["" if time is None else seconds_text(time) for time in times]
            + [view.outcome, "" if view.status is None else view.status, view.error_type, "cold" if view.cold else "warm"]
            + [view.instance, view.attempts, view.executions, f"R{view.cause}" if view.cause else ""]
        )
    return out.getvalue()


def to_html(recording: Recording, title: str = "A function-compute run") -> str:
    """One self-contained page: the timeline, the call chain and the table; no script, nothing fetched from anywhere."""
    facts = f"{recording!r}, seed {recording.meta['seed']}, {recording.meta['clock']} time, digest {recording.digest[:16]}"
    pictures = (("Instances over time", timeline_svg(recording)), ("The way of the requests", chain_svg(recording)))
    parts = [f"<h1>{html.escape(title)}</h1>", f"<p>{html.escape(facts)}</p>"]
    for name, svg in pictures:
        data = base64.b64encode(svg.encode()).decode()
        parts.append(f'<h2>{name}</h2>\n<img alt="{name}; the table below says the same in words" src="data:image/svg+xml;base64,{data}">')
    parts.append(f"<h2>Every request and instance</h2>\n<pre>{html.escape(table(recording))}</pre>")
    return _PAGE.format(title=html.escape(title), style=_STYLE, body="\n".join(parts))


FORMATS: Mapping[str, Callable[[Recording], str]] = {".html": to_html, ".svg": timeline_svg, ".csv": to_csv}
"""What `export` can make of a recording, by the end of the file's name."""
ENDINGS = (*FORMATS, ".json")
"""All that it can write; .json is the recording itself."""


def writable(path: Path) -> None:
    """Raise `UsageError` where `path` has an unknown ending or no folder to lie in, before a long run rather than after it."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path} has no ending that can be written.", hint=f"end the name with one of {', '.join(ENDINGS)}")
    if not path.parent.is_dir():
        raise UsageError(f"The folder {path.parent} does not exist.", hint="make it first")
    if path.is_dir():
        raise UsageError(f"{path} is a folder.", hint="name a file")


def export(recording: Recording, path: Path) -> Path:
    """Write `recording` to `path` in the format its name ends with, replacing the file only when all of it is written."""
    writable(path)
    if path.suffix.lower() == ".json":
        return recording.save(path)
    text = FORMATS[path.suffix.lower()](recording)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8", newline="")
        part.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}.", hint="choose another place") from None
    return path
