"""What runs inside an instance: it writes what `json` writes, offers what the platform's words offer, and imports next to nothing."""

from __future__ import annotations

import ast
import json
import math
import os
import socket
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fclab import model
from fclab.backends.process import bundle, inside
from fclab.backends.process.inside import context as own_context
from fclab.backends.process.inside import results, values, wire, words
from fclab.backends.virtual import context
from fclab.engine import tasks
from fclab.engine.payload import encode_result
from tests.process.kit import DEADLINE

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=4),
    max_leaves=20,
)


@given(plain)
def test_results_are_encoded_as_the_platform_encodes_them(value: Any) -> None:
    try:
        expected = encode_result(value)
    except TypeError:  # keys that cannot be sorted
        with pytest.raises(TypeError):
            results.encode(value)
        return
    assert results.encode(value) == expected


def test_odd_numbers_and_circles() -> None:
    for value in (math.nan, math.inf, -math.inf, [math.nan], {"a": -math.inf}):
        assert results.encode(value) == encode_result(value)
    circle: list[object] = []
    circle.append(circle)
    with pytest.raises((ValueError, RecursionError)):
        results.encode(circle)


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(0, 255), st.integers(0, 2**32 - 1), st.integers(-(2**63), 2**63 - 1))
def test_frames_come_back(fields: list[bytes], kind: int, request: int, number: int) -> None:
    frame = wire.pack(kind, request, number, *fields)
    assert wire.HEAD.unpack_from(frame) == (kind, request, number, len(frame) - wire.HEAD.size)
    assert wire.split(frame, wire.HEAD.size, len(frame)) == fields
    if fields:
        for cut in (1, 3):
            with pytest.raises(ValueError, match="field"):
                wire.split(frame, wire.HEAD.size, len(frame) - cut)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_values_come_back(value: object) -> None:
    said = values.encode(value)
    assert values.decode(said) == value
    for cut in range(len(said)):
        with pytest.raises(ValueError, match="value"):
            values.decode(said[:cut])


@given(st.binary(max_size=60))
def test_bytes_that_are_no_value_are_refused_or_are_one(data: bytes) -> None:
    try:
        value = values.decode(data)
    except ValueError:
        return
    said = values.encode(value)
    assert values.encode(values.decode(said)) == said


def test_what_is_not_plain_or_too_deep_is_refused() -> None:
    deep: list[object] = []
    for _ in range(values.DEPTH + 2):
        deep = [deep]
    with pytest.raises(ValueError, match="deeper"):
        values.encode(deep)
    for wrong in ({1}, {1: 2}, object()):
        with pytest.raises(TypeError):
            values.encode(wrong)
    with pytest.raises(ValueError, match="no value"):
        values.decode(b"L\x01\x00\x00\x00" * 1000)


def _public(kind: type) -> set[str]:
    slots = getattr(kind, "__slots__", ())
    return {name for name in (*vars(kind), *slots) if not name.startswith("_")}


def test_the_words_inside_offer_what_the_platforms_offer() -> None:
    answer = words.Response([b"200", b"x", b"", b"", b"id", b"f#1", b"1 2 3 4", b"log", b"start 0.5 0.25"])
    for name in _public(model.Response):
        assert hasattr(answer, name), name
    assert (answer.ok, answer.cold, answer.phases[0].duration, answer.memory_mb) == (True, True, 0.25, 4.0)
    task = words.Task([b"202", b"", b"", b"", b"id", b"", b"0 0 0 0", b"", b"", b"7 Enqueued"], "f", "mine")
    for name in _public(tasks.Task) - {"telling", "redrive_of"}:  # what the engine alone needs
        assert hasattr(task, name), name
    assert _public(own_context.Context) >= {name for name in _public(context.Context) if name not in ("request_id", "requestId")}
    assert repr(answer) == repr(model.Response(200, b"x", request_id="id", latency=1.0, phases=(model.Phase("start", 0.5, 0.25),)))


LIGHT = {"_json", "_signal", "_struct", "_thread", "faulthandler", "itertools", "os", "sys", "time"}
"""What an interpreter has built in, or has imported anyway."""


def test_nothing_is_imported_at_the_top_that_costs() -> None:
    folder = Path(inside.__file__).parent
    names = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert names == set(bundle._MODULES)
    for name in names:
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        for node in tree.body:
            targets = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            targets += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            ours = "fclab.backends.process.inside."
            assert not [target for target in targets if target not in LIGHT and not target.startswith(ours)], name


def test_json_is_what_json_says() -> None:
    assert results.error_object("m", "K", [["a", "b"]]) == json.dumps(
        {"errorMessage": "m", "errorType": "K", "stackTrace": [["a", "b"]]}, indent=4, sort_keys=True
    ).encode()


SLOW_ZYGOTE = """
import os, sys
from fclab.backends.process.inside import wire, zygote

write = os.write

def late(fd, data):
    if data[0] == wire.FORKED:
        os.waitid(os.P_PID, wire.HEAD.unpack_from(data)[2], os.WEXITED | os.WNOWAIT)
    return write(fd, data)

os.write = late
zygote.start(int(sys.argv[1]))
"""
"""A zygote whose instances always end before it has said that it forked them."""


def test_an_instance_may_end_before_its_zygote_has_said_that_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "fclab_warm_up.py").write_text("")
    ours, theirs = socket.socketpair()
    with ours, subprocess.Popen([sys.executable, "-c", SLOW_ZYGOTE, str(theirs.fileno())], pass_fds=[theirs.fileno()]) as zygote:
        theirs.close()
        ours.settimeout(DEADLINE)
        said = ours.makefile("rb")
        try:
            ours.sendall(wire.pack(wire.SETUP, 0, 0, b"", b"", bytes(tmp_path)))
            assert frame(said)[0] == wire.READY
            for serial in (1, 2, 3):
                nobody, instance = socket.socketpair()
                nobody.close()  # so it ends at once
                with instance, Path(os.devnull).open("wb") as sink:
                    fds = array("i", [instance.fileno(), sink.fileno(), os.dup(sink.fileno())])
                    ours.sendmsg([wire.pack(wire.FORK, serial, 0)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
                    os.close(fds[2])
                kind, number, pid, _ = frame(said)
                assert (kind, number) == (wire.FORKED, serial)
                assert frame(said)[:2] == (wire.EXITED, pid)
        finally:
            said.close()
            zygote.kill()


def frame(said: BinaryIO) -> tuple[int, int, int, int]:
    """The head of the next frame; its fields are skipped."""
    head: tuple[int, int, int, int] = wire.HEAD.unpack(said.read(wire.HEAD.size))
    said.read(head[3])
    return head
