"""The object store's verbs: what they store, tell and refuse."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fclab import Lab
from fclab.errors import SourceError, UsageError
from fclab.sources.objects.limits import SMALLEST_PART
from fclab.sources.objects.service import Objects

NINE = {"etag": "25F9E794323B453885F5181F1B624D0B", "crc64": str(0x995D_C9BB_DF19_39FA), "size": 9}


@pytest.fixture
def store() -> Iterator[Objects]:
    with Lab() as lab:
        yield lab.objects


def code(error: pytest.ExceptionInfo[SourceError]) -> str:
    assert error.value.hint
    return error.value.code


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "request_id"}


def test_put_get_head_exists_delete(store: Objects) -> None:
    answer = store.put("photos", "in/ä b.jpg", b"123456789", meta={"Camera": "x 100"})
    assert plain(answer) == NINE
    assert store.get("photos", "in/ä b.jpg") == b"123456789"
    assert store.head("photos", "in/ä b.jpg") == {
        "key": "in/ä b.jpg", **NINE, "content_type": "image/jpeg", "type": "Normal", "last_modified": "2026-01-01T00:00:00.000Z",
        "meta": {"camera": "x 100"},
    }  # fmt: skip
    assert store.exists("photos", "in/ä b.jpg")
    assert store.delete("photos", "in/ä b.jpg") is True
    assert store.delete("photos", "in/ä b.jpg") is False
    assert not store.exists("photos", "in/ä b.jpg")
    assert not store.exists("nowhere", "in/ä b.jpg")


def test_a_write_replaces_everything(store: Objects) -> None:
    store.put("photos", "a", b"old", content_type="text/x-old", meta={"old": "1"})
    store.put("photos", "a", "neu ü")
    head = store.head("photos", "a")
    assert store.get("photos", "a") == "neu ü".encode()
    assert (head["content_type"], head["meta"], head["size"]) == ("application/octet-stream", {}, 6)


def test_if_absent_refuses_to_overwrite(store: Objects) -> None:
    store.put("photos", "a", b"1", if_absent=True)
    with pytest.raises(SourceError) as error:
        store.put("photos", "a", b"2", if_absent=True)
    assert code(error) == "FileAlreadyExists"
    assert store.get("photos", "a") == b"1"


@pytest.mark.parametrize(
    ("byte_range", "found"),
    [
        ((0, 0), b"1"), ((2, 4), b"345"), ((7, 100), b"89"), ((5, None), b"6789"), ((None, 3), b"789"), ((None, 99), b"123456789"),
        ([1, 2], b"23"),
    ],
)  # fmt: skip
def test_ranges(store: Objects, byte_range: Any, found: bytes) -> None:
    store.put("photos", "a", b"123456789")
    assert store.get("photos", "a", byte_range=byte_range) == found


@pytest.mark.parametrize("byte_range", [(9, None), (9, 10), (4, 3), (-1, 2), (None, 0), (None, None), (1,), "1-2", (1.5, 2)])
def test_wrong_ranges(store: Objects, byte_range: Any) -> None:
    store.put("photos", "a", b"123456789")
    with pytest.raises(SourceError) as error:
        store.get("photos", "a", byte_range=byte_range)
    assert code(error) == "InvalidRange"


def test_an_empty_object(store: Objects) -> None:
    assert plain(store.put("photos", "a", b"")) == {"etag": "D41D8CD98F00B204E9800998ECF8427E", "crc64": "0", "size": 0}
    assert store.get("photos", "a") == b""


@pytest.mark.parametrize("bucket", ["ab", "a" * 64, "Photos", "-photos", "photos-", "pho_tos", "", None, 7, "photos\n"])
def test_names_of_buckets(store: Objects, bucket: Any) -> None:
    with pytest.raises(SourceError) as error:
        store.create_bucket(bucket)
    assert code(error) == "InvalidBucketName"


@pytest.mark.parametrize("key", ["", "/a", "\\a", "ä" * 512, "a" * 1024, "\ud800", "a\0b", None, b"a"])
def test_keys(store: Objects, key: Any) -> None:
    for act in (lambda: store.put("photos", key, b""), lambda: store.get("photos", key), lambda: store.delete("photos", key)):
        store.create_bucket("photos")
        with pytest.raises(SourceError) as error:
            act()
        assert code(error) == "InvalidObjectName"


def test_the_longest_names(store: Objects) -> None:
    store.put("a" * 63, "ä" * 511 + "b", b"1")
    assert store.get("a" * 63, "ä" * 511 + "b") == b"1"


def test_what_is_not_there(store: Objects) -> None:
    for act, wanted in (
        (lambda: store.get("photos", "a"), "NoSuchBucket"),
        (lambda: store.list("photos"), "NoSuchBucket"),
        (lambda: store.delete("photos", "a"), "NoSuchBucket"),
        (lambda: store.create_bucket("photos"), None),
        (lambda: store.get("photos", "a"), "NoSuchKey"),
        (lambda: store.head("photos", "a"), "NoSuchKey"),
        (lambda: store.update_meta("photos", "a"), "NoSuchKey"),
        (lambda: store.copy("photos", "a", "photos", "b"), "NoSuchKey"),
        (lambda: store.list_parts("photos", "a", "x"), "NoSuchUpload"),
    ):
        if wanted is None:
            act()
            continue
        with pytest.raises(SourceError) as error:
            act()
        assert code(error) == wanted


def test_wrong_metadata_and_data(store: Objects) -> None:
    for meta, wanted in (({"a_b": "1"}, "InvalidArgument"), ({"a": "1\n2"}, "InvalidArgument"), ({"a": "x" * 8192}, "MetadataTooLarge")):
        with pytest.raises(SourceError) as error:
            store.put("photos", "a", b"", meta=meta)
        assert code(error) == wanted
    with pytest.raises(SourceError) as error:
        store.put("photos", "a", b"", content_type="text\r\nplain")
    assert code(error) == "InvalidArgument"
    for wrong in (7, None, ["a"]):
        with pytest.raises(UsageError, match="bytes or text"):
            store.put("photos", "a", wrong)  # type: ignore[arg-type]
    assert store.buckets() == [], "what is refused makes no bucket"


def test_sizes_have_limits(store: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fclab.sources.objects.limits.LARGEST", 10)
    with pytest.raises(SourceError) as error:
        store.put("photos", "a", b"12345678901")
    assert code(error) == "EntityTooLarge"
    store.append("photos", "a", b"123456")
    with pytest.raises(SourceError) as error:
        store.append("photos", "a", b"12345")
    assert code(error) == "EntityTooLarge"


def test_buckets_are_made_listed_and_deleted(store: Objects) -> None:
    store.create_bucket("zoo")
    store.put("photos", "a", b"1")
    store.create_bucket("photos")
    assert [one["name"] for one in store.buckets()] == ["photos", "zoo"]
    store.delete_bucket("zoo")
    with pytest.raises(SourceError) as error:
        store.delete_bucket("photos")
    assert code(error) == "BucketNotEmpty"
    store.delete("photos", "a")
    upload = store.initiate_multipart_upload("photos", "a")["upload_id"]
    with pytest.raises(SourceError) as error:
        store.delete_bucket("photos")
    assert code(error) == "BucketNotEmpty"
    store.abort_multipart_upload("photos", "a", upload)
    store.delete_bucket("photos")
    assert store.buckets() == []
    for number in range(100):
        store.create_bucket(f"bucket-{number}")
    with pytest.raises(SourceError) as error:
        store.put("bucket-100", "a", b"")
    assert code(error) == "TooManyBuckets"


def test_delete_many(store: Objects) -> None:
    for key in "abc":
        store.put("photos", key, b"")
    assert store.delete_many("photos", ["c", "x", "a", "c"]) == ["c", "a"]
    assert [one["key"] for one in store.list("photos")["objects"]] == ["b"]
    with pytest.raises(SourceError) as error:
        store.delete_many("photos", ["a"] * 1001)
    assert code(error) == "InvalidArgument"
    with pytest.raises(UsageError, match="list of keys"):
        store.delete_many("photos", "b")  # type: ignore[arg-type]


def test_copies_live_by_themselves(store: Objects) -> None:
    store.put("photos", "a", b"123456789", content_type="text/x-a", meta={"n": "1"})
    assert plain(store.copy("photos", "a", "other", "b")) == NINE
    store.copy("photos", "a", "other", "c", content_type="text/x-c", meta={})
    store.delete("photos", "a")
    store.put("other", "b", b"new")
    assert store.get("other", "c") == b"123456789"
    assert [(one["content_type"], one["meta"]) for one in store.list("other")["objects"]] == [
        ("application/octet-stream", {}), ("text/x-c", {})
    ]  # fmt: skip


def test_append_grows_and_leaves_copies_alone(store: Objects) -> None:
    assert store.append("logs", "a", b"1234", content_type="text/x-log")["next_position"] == 4
    first = store.copy("logs", "a", "logs", "copy")
    answer = store.append("logs", "a", b"56789", position=4)
    assert (answer["next_position"], answer["crc64"]) == (9, NINE["crc64"])
    assert answer["etag"] not in (first["etag"], NINE["etag"])
    assert store.get("logs", "a") == b"123456789"
    assert store.get("logs", "copy") == b"1234"
    assert store.head("logs", "a")["type"] == "Appendable"
    acts: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: store.append("logs", "a", b"x", position=3), "PositionNotEqualToLength"),
        (lambda: store.append("logs", "copy", b"x"), "ObjectNotAppendable"),
    )
    for act, wanted in acts:
        with pytest.raises(SourceError) as error:
            act()
        assert code(error) == wanted
    store.append("logs", "a", b"!")
    assert store.get("logs", "a", byte_range=(None, 2)) == b"9!"


def test_symlinks(store: Objects) -> None:
    store.put_symlink("photos", "latest", "a.jpg")
    with pytest.raises(SourceError) as error:
        store.get("photos", "latest")
    assert code(error) == "SymlinkTargetNotExist"
    store.put("photos", "a.jpg", b"123456789")
    assert store.get("photos", "latest") == b"123456789"
    head = store.head("photos", "latest")
    assert (head["type"], head["target"], head["size"], head["etag"]) == ("Symlink", "a.jpg", 9, NINE["etag"])
    store.put_symlink("photos", "far", "latest")
    with pytest.raises(SourceError) as error:
        store.head("photos", "far")
    assert code(error) == "InvalidTargetType"
    store.copy("photos", "latest", "photos", "again")
    assert store.head("photos", "again")["target"] == "a.jpg"
    assert store.delete("photos", "latest")
    assert store.exists("photos", "a.jpg")


def test_a_multipart_upload(store: Objects) -> None:
    parts = [b"a" * SMALLEST_PART, b"b" * (SMALLEST_PART + 1), b"c"]
    upload = store.initiate_multipart_upload("photos", "big.zip", meta={"n": "1"})["upload_id"]
    store.upload_part("photos", "big.zip", upload, 3, parts[2])
    store.upload_part("photos", "big.zip", upload, 1, b"replaced")
    told = [store.upload_part("photos", "big.zip", upload, number, parts[number - 1]) for number in (1, 2)]
    store.put("photos", "source", b"xxcxx")
    last = store.upload_part_copy("photos", "big.zip", upload, 3, "photos", "source", byte_range=(2, 2))
    assert [one["size"] for one in store.list_parts("photos", "big.zip", upload)] == [len(part) for part in parts]
    assert [one["upload_id"] for one in store.list_multipart_uploads("photos", "big")] == [upload]
    assert not store.exists("photos", "big.zip")
    answer = store.complete_multipart_upload("photos", "big.zip", upload, [[one["number"], one["etag"]] for one in (*told, last)])
    digests = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
    assert answer["etag"] == hashlib.md5(digests, usedforsecurity=False).hexdigest().upper() + "-3"
    whole = b"".join(parts)
    assert store.get("photos", "big.zip") == whole
    assert answer["crc64"] == store.put("photos", "same", whole)["crc64"]
    head = store.head("photos", "big.zip")
    assert (head["type"], head["content_type"], head["meta"]) == ("Multipart", "application/zip", {"n": "1"})
    with pytest.raises(SourceError) as error:
        store.upload_part("photos", "big.zip", upload, 1, b"")
    assert code(error) == "NoSuchUpload"


def test_what_makes_no_object_of_parts(store: Objects) -> None:
    upload = store.initiate_multipart_upload("photos", "a")["upload_id"]
    with pytest.raises(SourceError) as error:
        store.complete_multipart_upload("photos", "a", upload)
    assert code(error) == "InvalidArgument"
    tags = {number: store.upload_part("photos", "a", upload, number, b"12")["etag"] for number in (1, 2)}
    for parts, wanted in (
        ([[1, tags[1]], [2, tags[2]]], "EntityTooSmall"),
        (None, "EntityTooSmall"),
        ([[3, tags[1]]], "InvalidPart"),
        ([[1, "0" * 32]], "InvalidPart"),
        ([[2, tags[2]], [1, tags[1]]], "InvalidPartOrder"),
        ([["1", tags[1]]], "InvalidArgument"),
    ):
        with pytest.raises(SourceError) as error:
            store.complete_multipart_upload("photos", "a", upload, parts)
        assert code(error) == wanted
    with pytest.raises(SourceError) as error:
        store.upload_part("photos", "a", upload, 0, b"")
    assert code(error) == "InvalidArgument"
    assert store.complete_multipart_upload("photos", "a", upload, [{"number": 2, "etag": f'"{tags[2].lower()}"'}])["size"] == 2
    assert store.list_multipart_uploads("photos") == []


def test_list_pages_in_the_order_of_keys(store: Objects) -> None:
    for key in ("b/2", "a", "b/1", "c", "b", "b!", "ä/1", "z/x/y", "\U0010ffff/1"):
        store.put("photos", key, b"")
    page = store.list("photos", delimiter="/", max_keys=3)
    assert ([one["key"] for one in page["objects"]], page["common_prefixes"], page["is_truncated"]) == (["a", "b", "b!"], [], True)
    page = store.list("photos", delimiter="/", max_keys=3, token=page["next_token"])
    assert ([one["key"] for one in page["objects"]], page["common_prefixes"]) == (["c"], ["b/", "z/"])
    page = store.list("photos", delimiter="/", max_keys=3, token=page["next_token"])
    assert (page["objects"], page["common_prefixes"], page["next_token"]) == ([], ["ä/", "\U0010ffff/"], None)
    assert [one["key"] for one in store.list("photos", "b/", start_after="b/1")["objects"]] == ["b/2"]
    assert store.list("photos", "b/", delimiter="/")["common_prefixes"] == []
    for wrong in ({"max_keys": 0}, {"max_keys": 1001}, {"token": "!"}, {"delimiter": None}):
        with pytest.raises(SourceError) as error:
            store.list("photos", **wrong)
        assert code(error) == "InvalidArgument"
