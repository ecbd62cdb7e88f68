"""Bodies that are written piece by piece, and what becomes of them: the object store's other doors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fclab import Lab
from fclab.errors import SourceError
from fclab.packages.checksum import crc64
from fclab.sources.objects.bodies import CHUNK
from fclab.sources.objects.buckets import behind, token_of
from fclab.sources.objects.limits import SMALLEST_PART
from fclab.sources.objects.service import Objects


@pytest.fixture(params=["memory", "home"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Objects]:
    with Lab(home=tmp_path / "home" if request.param == "home" else None) as lab:
        lab.objects.create_bucket("photos")
        source = lab._platform.hub.sources["objects"]  # type: ignore[attr-defined]
        assert isinstance(source, Objects)
        yield source


def test_a_draft_tells_what_was_written(store: Objects) -> None:
    with store.bodies.draft() as draft:
        pieces = [b"a" * CHUNK, b"bc", b"d" * (CHUNK + 1)]
        draft.write_all(pieces)
        found = list(draft.chunks())
        assert b"".join(found) == b"".join(pieces)
        assert max(map(len, found)) <= CHUNK


def test_appending_a_draft_is_one_append(store: Objects) -> None:
    parts = [b"1" * 10, b"2" * (2 * CHUNK + 5), b"3"]
    size = 0
    for part in parts:
        with store.bodies.draft() as draft:
            draft.write(part)
            done = store.append_draft("photos", "log", draft, position=size)
        size += len(part)
        assert (done["next_position"], done["crc64"]) == (size, crc64((b"".join(parts)[:size],)))
    assert store.get("photos", "log") == b"".join(parts)
    with Lab() as lab:
        same = [lab.objects.append("photos", "log", part) for part in parts]
    assert same[-1]["etag"] == done["etag"]


def test_parts_that_changed_while_they_were_put_together_make_no_object(store: Objects) -> None:
    upload = store.initiate_multipart_upload("photos", "a")["upload_id"]
    store.upload_part("photos", "a", upload, 1, b"x" * SMALLEST_PART)
    store.upload_part("photos", "a", upload, 2, b"end")
    chosen = store.chosen_parts("photos", "a", upload, None)
    with store.bodies.draft() as draft:
        store.write_parts(chosen, draft)
        store.upload_part("photos", "a", upload, 2, b"END")
        with pytest.raises(SourceError) as error:
            store.store_completed("photos", "a", upload, chosen, draft)
        assert error.value.code == "InvalidPart"
    assert not store.exists("photos", "a")
    store.complete_multipart_upload("photos", "a", upload)
    assert store.get("photos", "a")[-3:] == b"END"


def test_a_token_begins_a_page_where_it_says(store: Objects) -> None:
    for key in ("a", "b/1", "b/2", "c"):
        store.put("photos", key, b"")
    following = behind("b/")
    assert following == "b0"
    assert [one["key"] for one in store.list("photos", token=token_of(following))["objects"]] == ["c"]
    assert [one["key"] for one in store.list("photos", token=token_of("b/2"))["objects"]] == ["b/2", "c"]
