"""The object store through `alibabacloud-oss-v2`, unmodified; and what an upload sets off."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss
import oss2
import pytest
import requests

from fclab import Lab, OSSTrigger
from fclab.packages.checksum import crc64
from fclab.server.endpoint import Endpoint
from fclab.sources.objects.limits import SMALLEST_PART
from tests.server.oss_kit import bucket, session, v2

KEY = "in/ä b+c&d%20'<é>.jpg"


@pytest.fixture(params=["v1", "v4"])
def store(endpoint: Endpoint, request: pytest.FixtureRequest) -> oss.Client:
    made = v2(endpoint, request.param)
    made.put_bucket(oss.PutBucketRequest("photos"))
    return made


def refused(error: pytest.ExceptionInfo[oss.exceptions.OperationError]) -> tuple[int, str]:
    why = error.value.unwrap()
    return why.status_code, why.code


def test_put_get_head_delete(store: oss.Client) -> None:
    done = store.put_object(oss.PutObjectRequest("photos", KEY, body=b"123456789", metadata={"camera": "x 100"}, content_type="image/x"))
    assert (done.etag, done.hash_crc64) == ('"25F9E794323B453885F5181F1B624D0B"', str(0x995D_C9BB_DF19_39FA))
    found = store.get_object(oss.GetObjectRequest("photos", KEY))
    assert (found.body.content, found.content_type, dict(found.metadata)) == (b"123456789", "image/x", {"camera": "x 100"})
    head = store.head_object(oss.HeadObjectRequest("photos", KEY))
    assert (head.etag, head.content_length, head.object_type, head.hash_crc64) == (done.etag, 9, "Normal", done.hash_crc64)
    assert head.last_modified.utcoffset() == timedelta(0)
    assert store.get_object_meta(oss.GetObjectMetaRequest("photos", KEY)).content_length == 9
    part = store.get_object(oss.GetObjectRequest("photos", KEY, range_header="bytes=2-4"))
    assert (part.body.content, part.content_range, part.status_code) == (b"345", "bytes 2-4/9", 206)
    part.body.close()
    assert store.is_object_exist("photos", KEY)
    assert store.delete_object(oss.DeleteObjectRequest("photos", KEY)).status_code == 204
    assert not store.is_object_exist("photos", KEY)
    with pytest.raises(oss.exceptions.OperationError) as error:
        store.get_object(oss.GetObjectRequest("photos", KEY))
    assert refused(error) == (404, "NoSuchKey")
    with pytest.raises(oss.exceptions.OperationError) as error:
        store.head_object(oss.HeadObjectRequest("photos", KEY))
    assert refused(error) == (404, "NoSuchKey")


def test_lists_pages_and_deletes(store: oss.Client) -> None:
    names = ["a", "b\r\n\x01", "in/1", "in/2", "z&<", "ä"]
    for name in names:
        store.put_object(oss.PutObjectRequest("photos", name, body=name.encode()))
    for pages, asks in (
        (store.list_objects_v2_paginator, oss.ListObjectsV2Request), (store.list_objects_paginator, oss.ListObjectsRequest)
    ):  # fmt: skip
        found = [one for page in pages(limit=2).iter_page(asks("photos")) for one in page.contents or ()]
        assert [one.key for one in found] == names
        assert [one.size for one in found] == [len(name.encode()) for name in names]
        folders = [one.prefix for page in pages(limit=1).iter_page(asks("photos", delimiter="/")) for one in page.common_prefixes or ()]
        assert folders == ["in/"]
    some = [oss.DeleteObject(name) for name in ("a", "ä", "z&<")]
    gone = store.delete_multiple_objects(oss.DeleteMultipleObjectsRequest("photos", objects=some))
    assert [one.key for one in gone.deleted_objects] == ["a", "ä", "z&<"]
    store.delete_multiple_objects(oss.DeleteMultipleObjectsRequest("photos", objects=[oss.DeleteObject("in/1")], quiet=True))
    assert [one.key for one in store.list_objects_v2(oss.ListObjectsV2Request("photos", prefix="in/")).contents] == ["in/2"]


def test_copy_append_and_conditions(store: oss.Client) -> None:
    store.put_object(oss.PutObjectRequest("photos", KEY, body=b"123", metadata={"a": "1"}))
    copy = store.copy_object(oss.CopyObjectRequest("photos", "copy", source_key=KEY))
    head = store.head_object(oss.HeadObjectRequest("photos", "copy"))
    assert (head.etag, dict(head.metadata)) == (copy.etag, {"a": "1"})
    with pytest.raises(oss.exceptions.OperationError) as error:
        store.put_object(oss.PutObjectRequest("photos", "copy", body=b"", forbid_overwrite=True))
    assert refused(error) == (409, "FileAlreadyExists")
    first = store.append_object(oss.AppendObjectRequest("photos", "log", position=0, body=b"1234"))
    second = store.append_object(oss.AppendObjectRequest("photos", "log", position=first.next_position, body=b"56789"))
    assert (second.next_position, second.hash_crc64) == (9, str(0x995D_C9BB_DF19_39FA))
    with pytest.raises(oss.exceptions.OperationError) as error:
        store.append_object(oss.AppendObjectRequest("photos", "log", position=1, body=b"x"))
    assert refused(error) == (409, "PositionNotEqualToLength")
    for asked, status in (
        (oss.GetObjectRequest("photos", KEY, if_match='"other"'), 412), (oss.GetObjectRequest("photos", KEY, if_none_match=head.etag), 304)
    ):  # fmt: skip
        with pytest.raises(oss.exceptions.OperationError) as error:
            store.get_object(asked)
        assert refused(error)[0] == status


def test_multipart_and_the_managers(store: oss.Client, tmp_path: Path) -> None:
    body = bytes(range(256)) * 1600
    done = store.uploader(part_size=SMALLEST_PART, parallel_num=3).upload_from(oss.PutObjectRequest("photos", KEY), io.BytesIO(body))
    assert done.hash_crc64 == crc64((body,))
    assert store.head_object(oss.HeadObjectRequest("photos", KEY)).object_type == "Multipart"
    to = tmp_path / "found"
    store.downloader(part_size=SMALLEST_PART, parallel_num=3).download_file(oss.GetObjectRequest("photos", KEY), str(to))
    assert to.read_bytes() == body
    upload = store.initiate_multipart_upload(oss.InitiateMultipartUploadRequest("photos", "b")).upload_id
    part = store.upload_part_copy(
        oss.UploadPartCopyRequest("photos", "b", part_number=1, upload_id=upload, source_key=KEY, source_range="bytes=0-9")
    )
    listed = store.list_parts(oss.ListPartsRequest("photos", "b", upload_id=upload))
    assert [(one.part_number, one.size, one.etag) for one in listed.parts] == [(1, 10, part.etag)]
    uploads = store.list_multipart_uploads(oss.ListMultipartUploadsRequest("photos"))
    assert [(one.key, one.upload_id) for one in uploads.uploads] == [("b", upload)]
    store.complete_multipart_upload(oss.CompleteMultipartUploadRequest("photos", "b", upload_id=upload, complete_all="yes"))
    assert store.get_object(oss.GetObjectRequest("photos", "b")).body.content == body[:10]
    upload = store.initiate_multipart_upload(oss.InitiateMultipartUploadRequest("photos", "b")).upload_id
    store.abort_multipart_upload(oss.AbortMultipartUploadRequest("photos", "b", upload_id=upload))
    with pytest.raises(oss.exceptions.OperationError) as error:
        store.abort_multipart_upload(oss.AbortMultipartUploadRequest("photos", "b", upload_id=upload))
    assert refused(error) == (404, "NoSuchUpload")


def test_buckets(store: oss.Client) -> None:
    assert [one.name for one in store.list_buckets(oss.ListBucketsRequest()).buckets] == ["photos"]
    assert store.get_bucket_info(oss.GetBucketInfoRequest("photos")).bucket_info.location == "oss-lab"
    assert store.get_bucket_location(oss.GetBucketLocationRequest("photos")).location == "oss-lab"
    assert store.get_bucket_stat(oss.GetBucketStatRequest("photos")).object_count == 0
    assert store.is_bucket_exist("photos")
    assert not store.is_bucket_exist("nowhere")
    assert store.delete_bucket(oss.DeleteBucketRequest("photos")).status_code == 204


def test_signed_urls(store: oss.Client) -> None:
    put = store.presign(oss.PutObjectRequest("photos", KEY, content_type="text/x"), expires=timedelta(seconds=60))
    assert requests.request(put.method, put.url, headers=put.signed_headers, data=b"by url", timeout=20).status_code == 200
    got = store.presign(oss.GetObjectRequest("photos", KEY), expires=timedelta(seconds=60))
    assert requests.get(got.url, timeout=20).content == b"by url"
    assert requests.get(got.url[:-1] + ("0" if got.url[-1] != "0" else "1"), timeout=20).status_code == 403


@pytest.fixture
def thumbnails(lab: Lab) -> None:
    """A function that an upload under in/ sets off: it reads the object and stores what it got."""

    @lab.function
    def thumbnail(event: bytes, context: Any) -> None:
        found = json.loads(event)["events"][0]
        thing = found["oss"]["object"]
        body = context.objects.get(found["oss"]["bucket"]["name"], thing["key"])
        context.objects.put("thumbs", thing["key"], json.dumps([found["eventName"], thing["size"], body.decode()]))

    lab.trigger("thumbnail", OSSTrigger(bucket="photos", prefix="in/", events=["oss:ObjectCreated:PutObject"]))


@pytest.mark.parametrize("client", ["oss2 v1", "oss2 v4", "v2 v4"])
@pytest.mark.usefixtures("thumbnails")
def test_an_upload_sets_off_a_function_whose_upload_is_there_for_the_client(lab: Lab, endpoint: Endpoint, client: str) -> None:
    made = session()
    thumbs = bucket(endpoint, "thumbs", over=made)
    thumbs.create_bucket()
    if client.startswith("oss2"):
        bucket(endpoint, version=client.split()[1], over=made).put_object("in/ä.jpg", b"picture")
    else:
        v2(endpoint).put_object(oss.PutObjectRequest("photos", "in/ä.jpg", body=b"picture"))
    lab.run()
    assert json.loads(thumbs.get_object("in/ä.jpg").read()) == ["ObjectCreated:PutObject", 7, "picture"]
    assert [one.key for one in oss2.ObjectIteratorV2(thumbs)] == ["in/ä.jpg"]
    made.session.close()


def test_what_was_uploaded_is_there_after_a_restart(tmp_path: Path) -> None:
    with Lab("process", home=tmp_path / "home") as lab:
        v2(lab.serve()).put_object(oss.PutObjectRequest("photos", KEY, body=b"123", metadata={"a": "1"}))
    with Lab("process", home=tmp_path / "home") as lab:
        found = v2(lab.serve()).get_object(oss.GetObjectRequest("photos", KEY))
        assert (found.body.content, dict(found.metadata)) == (b"123", {"a": "1"})
