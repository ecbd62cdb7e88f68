"""Bodies on disk: whole or not there, swept when nobody refers to them, read in pieces, never copied without need."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from fclab import Lab, OSSTrigger
from fclab.controls.desks import hub_of
from fclab.errors import SourceError
from fclab.packages.checksum import crc64
from fclab.sources.objects.bodies import CHUNK, Files, Memory, md5
from fclab.sources.objects.limits import SMALLEST_PART
from fclab.sources.objects.service import Objects


def source_of(lab: Lab) -> Objects:
    source = hub_of(lab._driver).sources["objects"]
    assert isinstance(source, Objects)
    return source


def files(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "objects").iterdir())


def test_a_body_is_a_file_until_nobody_refers_to_it(tmp_path: Path) -> None:
    with Lab(home=tmp_path) as lab:
        lab.objects.put("photos", "a", b"123")
        lab.objects.copy("photos", "a", "photos", "b")
        assert len(files(tmp_path)) == 1
        lab.objects.put("photos", "a", b"456")
        assert len(files(tmp_path)) == 2
        lab.objects.delete_many("photos", ["a", "b"])
        assert files(tmp_path) == []
        upload = lab.objects.initiate_multipart_upload("photos", "c")["upload_id"]
        for number in (1, 2):
            lab.objects.upload_part("photos", "c", upload, number, b"x" * SMALLEST_PART)
        assert len(files(tmp_path)) == 2
        lab.objects.complete_multipart_upload("photos", "c", upload)
        assert len(files(tmp_path)) == 1
        other = lab.objects.initiate_multipart_upload("photos", "c")["upload_id"]
        lab.objects.upload_part("photos", "c", other, 1, b"y")
    with Lab(home=tmp_path) as lab:
        assert lab.objects.get("photos", "c", byte_range=(0, 1)) == b"xx"
        assert lab.objects.complete_multipart_upload("photos", "c", other)["size"] == 1


def test_what_an_end_left_over_is_swept(tmp_path: Path) -> None:
    """Holdings clause 2."""
    with Lab(home=tmp_path) as lab:
        lab.objects.put("photos", "a", b"123")
        (kept,) = files(tmp_path)
    for name in ("1.draft", "99", "notes"):
        (tmp_path / "objects" / name).write_bytes(b"x")
    with Lab(home=tmp_path) as lab:
        assert lab.objects.get("photos", "a") == b"123"
        assert files(tmp_path) == [kept, "notes"], "what is not the store's stays"


WRITER = """
import sys, os
from fclab import Lab
lab = Lab(home=sys.argv[1])
for number in range(10_000):
    lab.objects.put("photos", f"{number % 7}", os.urandom(50_000))
    lab.objects.append("photos", "log", b"0123456789")
    lab.objects.delete("photos", f"{(number + 3) % 7}")
    print(number, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 20, 50])
def test_a_kill_leaves_whole_objects_only(lines: int, tmp_path: Path) -> None:
    """Holdings clauses 1 and 2."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(lines):
            assert process.stdout.readline()
        process.kill()
    with Lab(home=tmp_path) as lab:
        objects = lab.objects.list("photos")["objects"]
        for one in objects:
            data = lab.objects.get("photos", one["key"])
            assert len(data) == one["size"]
            assert crc64([data]) == one["crc64"]
            assert one["type"] == "Appendable" or md5(data) == one["etag"]
        assert lab.objects.head("photos", "log")["size"] >= 10 * lines
        assert len(files(tmp_path)) == len(objects)


def test_a_change_that_fails_leaves_the_object_and_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Holdings clause 1."""
    with Lab(home=tmp_path) as lab:
        lab.objects.put("photos", "a", b"old")
        lab.objects.append("photos", "log", b"old")
        source = source_of(lab)

        def broken(*_: object) -> None:
            raise SourceError("InternalError", "the lab ends here", hint="open it again")

        with monkeypatch.context() as patched:
            patched.setattr(source, "_tell", broken)
            for write, key in ((lab.objects.put, "a"), (lab.objects.append, "log")):
                with pytest.raises(SourceError, match="the lab ends here"):
                    write("photos", key, b"something longer")
        assert (lab.objects.get("photos", "a"), lab.objects.get("photos", "log")) == (b"old", b"old")
        lab.objects.append("photos", "log", b"!")
        assert lab.objects.get("photos", "log") == b"old!"
    with Lab(home=tmp_path) as lab:
        assert (lab.objects.get("photos", "a"), lab.objects.get("photos", "log")) == (b"old", b"old!")
        assert len(files(tmp_path)) == 2


def test_a_lost_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    with Lab(home=tmp_path) as lab:
        lab.objects.put("photos", "a", b"123")
        (tmp_path / "objects" / files(tmp_path)[0]).unlink()
        with pytest.raises(SourceError, match="files cannot be used") as error:
            lab.objects.get("photos", "a")
        assert error.value.code == "InternalError"


@pytest.mark.parametrize("home", [True, False])
def test_a_stream_goes_on_when_its_object_goes(home: bool, tmp_path: Path) -> None:
    data = os.urandom(2 * CHUNK + 7)
    with Lab(home=tmp_path if home else None) as lab:
        source = source_of(lab)
        with source.bodies.draft() as draft:
            draft.write_all(data[at : at + 1000] for at in range(0, len(data), 1000))
            source.store_draft("photos", "a", draft)
        head, chunks = source.stream("photos", "a")
        lab.objects.delete("photos", "a")
        found = [*chunks]
        assert b"".join(found) == data
        assert max(map(len, found)) == CHUNK
        assert head["size"] == len(data)
        (tmp_path / "upload").write_bytes(data)
        source.store_file("photos", "b.txt", tmp_path / "upload", meta={"n": "1"})
        assert lab.objects.get("photos", "b.txt") == data
        assert lab.objects.head("photos", "b.txt")["meta"] == {"n": "1"}
        lab.objects.append("photos", "log", data)
        _, chunks = source.stream("photos", "log", (5, None))
        lab.objects.append("photos", "log", b"more")
        assert b"".join(chunks) == data[5:]


def test_a_draft_that_is_not_kept_is_gone(tmp_path: Path) -> None:
    bodies = Files(tmp_path / "objects", full=True)
    with bodies.draft() as draft:
        draft.write(b"123")
    assert [*(tmp_path / "objects").iterdir()] == []
    with bodies.draft() as draft:
        draft.write(b"123")
        bodies.keep(7, draft)
    assert [path.name for path in (tmp_path / "objects").iterdir()] == ["7"]
    bodies.extend(7, 2, b"45")
    assert bodies.read(7, 0, 9) == b"1245"


def test_a_body_is_not_copied_in_memory() -> None:
    bodies, data = Memory(), b"x" * 1000
    with bodies.draft() as draft:
        draft.write(data)
        bodies.keep(1, draft)
    assert bodies.read(1, 0, 1000) is data


@pytest.mark.parametrize("home", [True, False])
def test_a_large_body_needs_one_copy_at_most(home: bool, tmp_path: Path) -> None:
    size = 32 << 20
    with Lab(home=tmp_path if home else None, record=False) as lab:
        data = bytes(size)
        lab.objects.put("photos", "warm", b"")
        tracemalloc.start()
        try:
            lab.objects.put("photos", "a", data)
            _, peak = tracemalloc.get_traced_memory()
            assert peak < size // 4, "putting copies nothing"
            tracemalloc.reset_peak()
            assert len(lab.objects.get("photos", "a")) == size
            _, peak = tracemalloc.get_traced_memory()
            assert peak < size + size // 4
        finally:
            tracemalloc.stop()


def test_a_handler_in_a_process_uses_the_store_of_a_home(tmp_path: Path) -> None:
    with Lab("process", home=tmp_path) as lab:

        @lab.function
        def makes(event: bytes, context: object) -> str:
            store = context.objects  # type: ignore[attr-defined]
            store.put("photos", "made", event, meta={"by": "makes"})
            try:
                store.get("photos", "none")
            except ValueError as error:
                return f"{error.code} {store.get('photos', 'made', byte_range=(0, 2))!r}"  # type: ignore[attr-defined]
            return ""

        lab.trigger("makes", OSSTrigger(bucket="photos", prefix="in/"))
        answer = lab.invoke("makes", b"12345")
        assert answer.text == "NoSuchKey b'123'", answer.logs
    with Lab("process", home=tmp_path) as lab:
        assert lab.objects.head("photos", "made")["meta"] == {"by": "makes"}


def test_the_cost_of_an_event_does_not_grow() -> None:
    import time

    lab = Lab(record=False)
    lab.declare("see", duration=0.001)
    lab.trigger("see", OSSTrigger(bucket="photos", prefix="in/"))
    made = iter(range(10**6))

    def cost(events: int) -> float:
        began = time.process_time()
        for _ in range(events):
            lab.objects.put("photos", f"in/{next(made)}", b"x")
            lab.run()
        return (time.process_time() - began) / events

    cost(200)
    early = min(cost(300) for _ in range(3))
    cost(4_000)
    late = min(cost(300) for _ in range(3))
    assert late < 2 * early


def test_an_event_is_the_stores_or_the_queues_after_the_end_never_both(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def slow(event: bytes, context: object) -> None:
        import time

        time.sleep(60)

    keys = {f"in/{number}" for number in range(40)}
    with Lab("process", home=tmp_path) as lab:
        lab.function(slow)
        lab.trigger("slow", OSSTrigger(bucket="photos"))
        for key in sorted(keys):
            lab.objects.put("photos", key, b"x")
    assert caplog.messages == []
    waiting = [event for (event,) in _rows(tmp_path / "sources.db", "SELECT payload FROM outbox")]
    queued = [event for (event,) in _rows(tmp_path / "fclab.db", "SELECT payload FROM tasks")]
    assert sorted(json.loads(event)["events"][0]["oss"]["object"]["key"] for event in waiting + queued) == sorted(keys)


def _rows(path: Path, sql: str) -> list[tuple[bytes]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()
