"""The object store through `oss2`, unmodified, with both of its signatures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import oss2
import pytest
import requests

from fclab.packages.checksum import crc64
from fclab.server.endpoint import Endpoint
from fclab.sources.objects.limits import SMALLEST_PART
from tests.server.oss_kit import bucket, session

KEY = "in/ä b+c&d%20'<é>.jpg"


@pytest.fixture
def connections() -> Iterator[oss2.Session]:
    made = session()
    yield made
    made.session.close()


@pytest.fixture(params=["v1", "v4"])
def photos(endpoint: Endpoint, request: pytest.FixtureRequest, connections: oss2.Session) -> oss2.Bucket:
    found = bucket(endpoint, version=request.param, over=connections)
    found.create_bucket()
    return found


def test_put_get_head_delete(photos: oss2.Bucket) -> None:
    done = photos.put_object(KEY, b"123456789", headers={"x-oss-meta-Camera": "x 100", "Content-Type": "image/x"})
    assert (done.status, done.etag, done.crc) == (200, "25F9E794323B453885F5181F1B624D0B", 0x995D_C9BB_DF19_39FA)
    assert len(done.request_id) == 24
    found = photos.get_object(KEY)
    assert found.read() == b"123456789"
    assert (found.content_type, found.content_length, found.object_type) == ("image/x", 9, "Normal")
    head = photos.head_object(KEY)
    assert (head.etag, head.server_crc, head.content_length) == (done.etag, done.crc, 9)
    assert head.headers["x-oss-meta-camera"] == "x 100"
    assert photos.get_object_meta(KEY).content_length == 9
    assert photos.object_exists(KEY)
    assert photos.delete_object(KEY).status == 204
    assert photos.delete_object(KEY).status == 204
    assert not photos.object_exists(KEY)
    with pytest.raises(oss2.exceptions.NoSuchKey) as error:
        photos.get_object(KEY)
    assert error.value.request_id
    with pytest.raises(oss2.exceptions.NoSuchKey):
        photos.head_object(KEY)


@pytest.mark.parametrize(
    ("byte_range", "found"), [((0, 3), b"1234"), ((4, None), b"56789"), ((None, 2), b"89"), ((0, 0), b"1"), ((3, 99), b"123456789")]
)
def test_ranges(photos: oss2.Bucket, byte_range: tuple[int | None, int | None], found: bytes) -> None:
    photos.put_object("a", b"123456789")
    got = photos.get_object("a", byte_range=byte_range)
    assert got.read() == found
    assert got.status == (200 if len(found) == 9 else 206)
    with pytest.raises(oss2.exceptions.ServerError) as error:
        photos.get_object("a", headers={"Range": "bytes=9-", "x-oss-range-behavior": "standard"})
    assert (error.value.status, error.value.code) == (416, "InvalidRange")


def test_conditions(photos: oss2.Bucket) -> None:
    etag = photos.put_object("a", b"1").etag
    assert photos.get_object("a", headers={"If-Match": f'"{etag}"'}).read() == b"1"
    for headers in ({"If-None-Match": etag}, {"If-Modified-Since": photos.head_object("a").headers["last-modified"]}):
        for ask in (photos.get_object, photos.head_object):
            with pytest.raises(oss2.exceptions.NotModified):
                ask("a", headers=headers)
    with pytest.raises(oss2.exceptions.PreconditionFailed):
        photos.get_object("a", headers={"If-Match": "other"})
    with pytest.raises(oss2.exceptions.PreconditionFailed):
        photos.copy_object("photos", "a", "b", headers={"x-oss-copy-source-if-match": "other"})


def test_bodies_that_come_in_pieces(photos: oss2.Bucket) -> None:
    pieces = [bytes([n % 256]) * 70_000 for n in range(40)]
    whole = b"".join(pieces)
    assert str(photos.put_object("chunked", iter(pieces)).crc) == crc64((whole,))
    assert str(photos.put_object("file", io.BytesIO(whole)).crc) == crc64((whole,))
    for key in ("chunked", "file"):
        assert b"".join(photos.get_object(key)) == whole
    assert photos.put_object("empty", b"").etag == "D41D8CD98F00B204E9800998ECF8427E"
    assert photos.get_object("empty").read() == b""


def test_lists_and_pages(photos: oss2.Bucket) -> None:
    names = ["a", "b\r\n\x01", "in/1", "in/2", "in/deep/3", "out/4", "z&<", "ä"]
    for name in names:
        photos.put_object(name, name.encode())
    assert [one.key for one in oss2.ObjectIterator(photos, max_keys=3)] == names
    assert [one.key for one in oss2.ObjectIteratorV2(photos, max_keys=3)] == names
    for pages in (oss2.ObjectIterator, oss2.ObjectIteratorV2):
        for most in (1, 2, 100):
            found = [(one.key, one.is_prefix()) for one in pages(photos, delimiter="/", max_keys=most)]
            assert found == [(n, False) for n in names[:2]] + [("in/", True), ("out/", True)] + [(n, False) for n in names[6:]]
    first = photos.list_objects_v2(prefix="in/", max_keys=1, fetch_owner=True)
    assert (first.object_list[0].key, first.object_list[0].size, first.object_list[0].owner.id) == ("in/1", 4, "0" * 12)
    assert [one.key for one in photos.list_objects_v2(start_after="in/2").object_list] == names[4:]
    assert [one.key for one in photos.list_objects(marker="in/2").object_list] == names[4:]
    with pytest.raises(oss2.exceptions.InvalidArgument):
        photos.list_objects_v2(continuation_token="no token")
    with pytest.raises(oss2.exceptions.InvalidArgument):
        photos.list_objects(max_keys=1001)


def test_deleting_many(photos: oss2.Bucket) -> None:
    keys = ["a", "b & <c>", "ä"]
    for key in keys:
        photos.put_object(key, b"")
    assert photos.batch_delete_objects([*keys, "none"]).deleted_keys == [*keys, "none"]
    assert photos.list_objects().object_list == []


def test_copies_and_metadata(photos: oss2.Bucket) -> None:
    photos.put_object(KEY, b"123", headers={"x-oss-meta-a": "1", "Content-Type": "text/x"})
    assert photos.copy_object("photos", KEY, "copy").etag == photos.head_object(KEY).etag
    head = photos.head_object("copy")
    assert (head.content_type, head.headers["x-oss-meta-a"]) == ("text/x", "1")
    photos.update_object_meta("copy", {"x-oss-meta-b": "2", "Content-Type": "text/y"})
    head = photos.head_object("copy")
    assert (head.content_type, head.headers["x-oss-meta-b"], head.headers.get("x-oss-meta-a")) == ("text/y", "2", None)
    with pytest.raises(oss2.exceptions.NoSuchKey):
        photos.copy_object("photos", "none", "copy")
    with pytest.raises(oss2.exceptions.ServerError) as error:
        photos.put_object("copy", b"", headers={"x-oss-forbid-overwrite": "true"})
    assert (error.value.status, error.value.code) == (409, "FileAlreadyExists")


def test_append(photos: oss2.Bucket) -> None:
    first = photos.append_object("log", 0, b"1234")
    second = photos.append_object("log", first.next_position, b"56789", init_crc=first.crc)
    assert (second.next_position, second.crc) == (9, 0x995D_C9BB_DF19_39FA)
    with pytest.raises(oss2.exceptions.PositionNotEqualToLength) as error:
        photos.append_object("log", 4, b"x")
    assert error.value.next_position == 9
    with pytest.raises(oss2.exceptions.PositionNotEqualToLength) as error:
        photos.append_object("new", 4, b"x")
    assert error.value.next_position == 0
    photos.put_object("put", b"")
    with pytest.raises(oss2.exceptions.ObjectNotAppendable):
        photos.append_object("put", 0, b"x")


def test_multipart(photos: oss2.Bucket) -> None:
    upload = photos.init_multipart_upload(KEY, headers={"x-oss-meta-a": "1"}).upload_id
    data = [b"x" * SMALLEST_PART, b"y" * SMALLEST_PART, b"end"]
    parts = []
    for number, body in enumerate(data, 1):
        done = photos.upload_part(KEY, upload, number, body)
        parts.append(oss2.models.PartInfo(number, done.etag, size=len(body), part_crc=done.crc))
    assert [(one.key, one.upload_id) for one in oss2.MultipartUploadIterator(photos)] == [(KEY, upload)]
    page = photos.list_parts(KEY, upload, max_parts=2)
    assert (page.is_truncated, page.next_marker, [one.size for one in page.parts]) == (True, "2", [SMALLEST_PART] * 2)
    assert [one.part_number for one in oss2.PartIterator(photos, KEY, upload)] == [1, 2, 3]
    done = photos.complete_multipart_upload(KEY, upload, parts)
    assert done.etag.endswith("-3")
    assert str(done.crc) == crc64(data)
    assert photos.get_object(KEY).read() == b"".join(data)
    assert photos.head_object(KEY).headers["x-oss-meta-a"] == "1"
    upload = photos.init_multipart_upload("copy").upload_id
    part = photos.upload_part_copy("photos", KEY, (SMALLEST_PART, SMALLEST_PART + 9), "copy", upload, 1)
    photos.complete_multipart_upload("copy", upload, [oss2.models.PartInfo(1, part.etag)])
    assert photos.get_object("copy").read() == b"y" * 10
    upload = photos.init_multipart_upload("gone").upload_id
    photos.abort_multipart_upload("gone", upload)
    calls: list[Any] = [
        lambda: photos.list_parts("gone", upload), lambda: photos.upload_part("gone", upload, 1, b""),
        lambda: photos.complete_multipart_upload("gone", upload, [oss2.models.PartInfo(1, "x")]),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(oss2.exceptions.NoSuchUpload):
            call()


def test_uploads_are_listed_page_by_page(photos: oss2.Bucket) -> None:
    keys = ["a", "a", "b/1", "b/2", "b\x02", "c"]
    for key in keys:
        photos.init_multipart_upload(key)
    for most in (1, 2, 100):
        assert [one.key for one in oss2.MultipartUploadIterator(photos, max_uploads=most)] == ["a", "a", "b\x02", "b/1", "b/2", "c"]
        found = [one.key for one in oss2.MultipartUploadIterator(photos, delimiter="/", max_uploads=most)]
        assert found == ["a", "a", "b\x02", "b/", "c"]


def test_symlinks(photos: oss2.Bucket) -> None:
    photos.put_object(KEY, b"123")
    photos.put_symlink(KEY, "link")
    assert photos.get_symlink("link").target_key == KEY
    assert photos.get_object("link").read() == b"123"


def test_buckets(endpoint: Endpoint, photos: oss2.Bucket, connections: oss2.Session) -> None:
    service = oss2.Service(photos.auth, endpoint.url, region="cn-lab", session=connections)
    other = oss2.Bucket(photos.auth, endpoint.url, "other-one", region="cn-lab", session=connections)
    other.create_bucket()
    assert [one.name for one in service.list_buckets().buckets] == ["other-one", "photos"]
    assert [one.name for one in oss2.BucketIterator(service, max_keys=1)] == ["other-one", "photos"]
    info = photos.get_bucket_info()
    assert (info.name, info.location, info.acl.grant) == ("photos", "oss-lab", "private")
    assert photos.get_bucket_location().location == "oss-lab"
    assert photos.get_bucket_acl().acl == "private"
    photos.put_object("a", b"123")
    assert (photos.get_bucket_stat().object_count, photos.get_bucket_stat().storage_size_in_bytes) == (1, 3)
    with pytest.raises(oss2.exceptions.BucketNotEmpty):
        photos.delete_bucket()
    assert other.delete_bucket().status == 204
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        other.list_objects()
    with pytest.raises(oss2.exceptions.NotImplemented):
        photos.put_bucket_acl("public-read")
    with pytest.raises(oss2.exceptions.NotImplemented):
        photos.get_bucket_lifecycle()
    with pytest.raises(oss2.exceptions.NotImplemented):
        other.create_bucket("public-read")


def test_signed_urls(photos: oss2.Bucket) -> None:
    url = photos.sign_url("PUT", KEY, 60, slash_safe=True, headers={"Content-Type": "text/x"})
    assert requests.put(url, data=b"by url", headers={"Content-Type": "text/x"}, timeout=20).status_code == 200
    assert requests.put(url, data=b"by url", headers={"Content-Type": "text/y"}, timeout=20).status_code == 403
    url = photos.sign_url("GET", KEY, 60, params={"response-content-disposition": 'attachment; filename="a.jpg"'})
    found = requests.get(url, timeout=20)
    assert (found.content, found.headers["content-disposition"]) == (b"by url", 'attachment; filename="a.jpg"')
    assert requests.get(url.replace("attachment", "attachments"), timeout=20).status_code == 403
    if isinstance(photos.auth, oss2.Auth):
        late = requests.get(photos.sign_url("GET", KEY, 0), timeout=20)
        assert late.status_code == 403
        assert b"<Code>AccessDenied</Code><Message>Request has expired." in late.content


def test_resumable_transfers(photos: oss2.Bucket, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * 2000)
    sizes = {"multipart_threshold": SMALLEST_PART, "num_threads": 3}
    oss2.resumable_upload(
        photos, KEY, str(source), part_size=SMALLEST_PART, store=oss2.ResumableStore(root=str(tmp_path)), **sizes
    )
    assert photos.head_object(KEY).object_type == "Multipart"
    oss2.resumable_download(
        photos, KEY, str(target), part_size=SMALLEST_PART, multiget_threshold=SMALLEST_PART, num_threads=3,
        store=oss2.ResumableDownloadStore(root=str(tmp_path)),
    )  # fmt: skip
    assert target.read_bytes() == source.read_bytes()
    photos.put_object_from_file("file", str(source))
    photos.get_object_to_file("file", str(target))
    assert target.read_bytes() == source.read_bytes()
