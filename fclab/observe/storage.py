"""Recordings on disk: JSON lines, a versioned header, then payload notes, then one event a line, then the digest."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from fclab.errors import RecordingError
from fclab.observe.events import EVENT_TYPES
from fclab.observe.recording import WIDTH, InstanceName, PayloadNote, Recording

__all__ = ["VERSION", "load", "save"]

VERSION = 1
_HINT = "use a file written by Recording.save of this or an earlier version"


def save(recording: Recording, path: Path) -> Path:
    """Write `recording` to `path`, replacing it only when the whole file is written."""
    header = {
        "fclab_recording": VERSION,
        "meta": recording.meta,
        "start_us": recording.start_us,
        "until_us": recording.until_us,
        "functions": recording.functions,
        "instances": [[i.function, i.ordinal, i.reserved, i.label] for i in recording.instances],
        "texts": recording.texts,
        "payloads": len(recording.payloads),
        "events": len(recording),
    }
    part = path.with_name(path.name + ".part")
    try:
        out = part.open("w", encoding="utf-8")
    except OSError as error:
        raise RecordingError(f"{path} cannot be written: {error.strerror or error}.", hint="check the folder") from None
    with out:
        print(json.dumps(header), file=out)
        for request, which, note in recording.notes():
            preview = base64.b64encode(note.preview).decode()
            print(json.dumps([request, which, note.size, note.sha256, preview]), file=out)
        for row in recording.rows():
            print(json.dumps(row, separators=(",", ":")), file=out)
        print(json.dumps({"digest": recording.digest}), file=out)
    part.replace(path)
    return path


def load(path: Path) -> Recording:
    """Read a recording; every line is checked, and the digest must agree."""
    try:
        with path.open(encoding="utf-8") as lines:
            header = json.loads(lines.readline())
            version = header.get("fclab_recording") if isinstance(header, dict) else None
            if not isinstance(version, int):
                raise RecordingError(f"{path.name} is not a recording.", hint=_HINT)
            if version > VERSION:
                raise RecordingError(f"{path.name} has format {version}; this fclab reads up to {VERSION}.", hint="update fclab")
            recording = Recording(header["meta"])
            recording.start_us, recording.until_us = header.get("start_us", 0), header["until_us"]
            recording.functions = [str(name) for name in header["functions"]]
            recording.instances = [InstanceName(int(f), int(o), bool(r), str(label)) for f, o, r, label in header["instances"]]
            for text in header["texts"]:
                recording.text(str(text))
            for _ in range(header["payloads"]):
                request, which, size, digest, preview = json.loads(lines.readline())
                kept = base64.b64decode(preview)
                recording.payloads[int(request), str(which)] = kept if size == len(kept) else PayloadNote(size, digest, kept)
            for _ in range(header["events"]):
                row = json.loads(lines.readline())
                if len(row) != WIDTH or row[1] not in EVENT_TYPES or not all(type(value) is int for value in row):
                    raise RecordingError(f"{path.name} holds an event this fclab does not know: {row!r}.", hint=_HINT)
                recording.emit(*row)
            last = json.loads(lines.readline())
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror or error}.", hint="check the path") from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        if isinstance(error, RecordingError):
            raise
        raise RecordingError(f"{path.name} is not a recording, or is damaged ({type(error).__name__}).", hint=_HINT) from None
    if not isinstance(last, dict) or last.get("digest") != recording.digest:
        raise RecordingError(f"{path.name} was changed after it was written: its digest does not agree.", hint=_HINT)
    return recording
