"""What the object store's face refuses, and how: by the product's codes, in its documents, without a trace of what is inside."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from email.utils import formatdate
from xml.etree import ElementTree

import alibabacloud_oss_v2 as oss
import oss2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fclab import Lab
from fclab.server.endpoint import Endpoint
from tests.server.kit import ask
from tests.server.oss_kit import bucket, by_hand, code, session, v2

MD5 = base64.b64encode(hashlib.md5(b"body").digest()).decode()


@pytest.fixture
def photos(endpoint: Endpoint) -> Endpoint:
    assert by_hand(endpoint, "PUT", "/photos/a", b"123").status == 200
    return endpoint


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_who_may_not(photos: Endpoint, version: str) -> None:
    made = session()
    for wrong, status, name in (
        ({"secret": "another secret"}, 403, "SignatureDoesNotMatch"), ({"key": "LABOTHER"}, 403, "InvalidAccessKeyId")
    ):  # fmt: skip
        with pytest.raises(oss2.exceptions.ServerError) as error:
            bucket(photos, version=version, over=made, **wrong).get_object("a")
        assert (error.value.status, error.value.code) == (status, name)
        with pytest.raises(oss2.exceptions.ServerError) as error:
            bucket(photos, version=version, over=made, **wrong).put_object("new", b"x" * 3_000_000)
        assert (error.value.status, error.value.code) == (status, name)
    made.session.close()
    with pytest.raises(oss.exceptions.OperationError) as refused:
        v2(photos, version, secret="another secret").get_object(oss.GetObjectRequest("photos", "a"))
    assert refused.value.unwrap().code == "SignatureDoesNotMatch"
    assert code(by_hand(photos, "GET", "/photos/new")) == "NoSuchKey"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda headers: headers.update({"content-type": "text/other"}), "SignatureDoesNotMatch"),
        (lambda headers: headers.update({"content-md5": base64.b64encode(b"x" * 16).decode()}), "SignatureDoesNotMatch"),
        (lambda headers: headers.update({"x-oss-meta-a": "1"}), "SignatureDoesNotMatch"),
        (lambda headers: headers.update({"date": formatdate(usegmt=True, timeval=1)}), "SignatureDoesNotMatch"),
        (lambda headers: headers.update({"authorization": "OSS nobody:xxx"}), "InvalidAccessKeyId"),
        (lambda headers: headers.update({"authorization": "OSS xxx"}), "InvalidArgument"),
        (lambda headers: headers.pop("date"), "AccessDenied"),
    ],
)
def test_what_was_signed_is_what_counts(photos: Endpoint, change: Callable[[dict[str, str]], object], name: str) -> None:
    assert code(by_hand(photos, "PUT", "/photos/b", b"body", {"content-md5": MD5}, change=change)) == name
    assert code(by_hand(photos, "GET", "/photos/b")) == "NoSuchKey"


def test_another_body_is_refused(photos: Endpoint) -> None:
    assert by_hand(photos, "PUT", "/photos/b", b"body", {"content-md5": MD5}).status == 200
    for body, md5 in ((b"bodY", MD5), (b"body", "nonsense"), (b"", MD5)):
        assert code(by_hand(photos, "PUT", "/photos/c", body, {"content-md5": md5})) == "InvalidDigest"
    named = {"x-oss-content-sha256": hashlib.sha256(b"body").hexdigest()}
    assert by_hand(photos, "PUT", "/photos/b", b"body", named).status == 200
    assert code(by_hand(photos, "PUT", "/photos/c", b"bodY", named)) == "InvalidDigest"
    assert code(by_hand(photos, "POST", "/photos?delete", b"<Delete/>", {"content-md5": MD5})) == "InvalidDigest"
    assert code(by_hand(photos, "GET", "/photos/c")) == "NoSuchKey"


def test_an_old_date(photos: Endpoint) -> None:
    for late in (-1000, 1000):
        date = formatdate(time.time() + late, usegmt=True)
        assert code(by_hand(photos, "GET", "/photos/a", headers={"date": date})) == "RequestTimeTooSkewed"


@pytest.mark.parametrize(
    ("method", "path", "status", "name"),
    [
        ("GET", "/nowhere/a", 404, "NoSuchBucket"),
        ("PUT", "/No", 400, "InvalidBucketName"),
        ("PUT", "/photos//a", 400, "InvalidObjectName"),
        ("GET", "/photos/%FF", 400, "InvalidURI"),
        ("GET", "/photos?max-keys=x", 400, "InvalidArgument"),
        ("GET", "/photos?encoding-type=x", 400, "InvalidArgument"),
        ("PATCH", "/photos/a", 405, "MethodNotAllowed"),
        ("POST", "/photos/a", 405, "MethodNotAllowed"),
        ("DELETE", "/", 405, "MethodNotAllowed"),
        ("PUT", "/photos/a?tagging", 400, "NotImplemented"),
        ("GET", "/photos/a?versionId=1", 400, "NotImplemented"),
        ("GET", "/photos/a?x-oss-process=image", 400, "NotImplemented"),
        ("GET", "/photos/a?acl&symlink", 400, "NotImplemented"),
        ("GET", "/photos/a?symlink", 400, "NotSymlink"),
        ("PUT", "/photos/a?partNumber=0&uploadId=x", 400, "InvalidArgument"),
        ("PUT", "/photos/a?partNumber=1&uploadId=x", 404, "NoSuchUpload"),
        ("POST", "/photos?delete", 400, "MalformedXML"),
        ("GET", "/photos/a?response-content-type=a%0D%0Ab:c", 400, "InvalidArgument"),
    ],
)
def test_what_is_wrong_is_named(photos: Endpoint, method: str, path: str, status: int, name: str) -> None:
    found = by_hand(photos, method, path)
    assert (found.status, code(found)) == (status, name)


def test_a_document_with_entities_is_refused(photos: Endpoint) -> None:
    bad = b'<!DOCTYPE Delete [<!ENTITY a "a">]><Delete><Object><Key>&a;</Key></Object></Delete>'
    assert code(by_hand(photos, "POST", "/photos?delete", bad)) == "MalformedXML"
    assert by_hand(photos, "GET", "/photos/a").body == b"123"


def test_a_refused_head_tells_why_in_a_header(photos: Endpoint) -> None:
    found = by_hand(photos, "HEAD", "/photos/none")
    assert (found.status, found.body) == (404, b"")
    assert ElementTree.fromstring(base64.b64decode(found.headers["x-oss-err"])).findtext("Code") == "NoSuchKey"


def test_foreign_hosts_and_pages_are_refused_in_xml(photos: Endpoint) -> None:
    for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
        assert code(by_hand(photos, "GET", "/photos/a", headers=headers)) == "AccessDenied"


def test_the_bucket_may_be_in_the_host_where_a_client_puts_it_there(photos: Endpoint) -> None:
    headers = {"host": "photos.oss-cn-hangzhou.aliyuncs.com"}
    assert by_hand(photos, "GET", "/a", headers=headers).body == b"123"


def test_other_requests_are_another_faces(photos: Endpoint) -> None:
    assert ask(photos, "GET", "/2023-03-30/functions").status == 200
    assert by_hand(photos, "PUT", "/2023-03-30/functions", b"an object").status == 200


def test_a_closed_lab_says_so(photos: Endpoint, lab: Lab) -> None:
    photos._shared.driver.closed = True
    try:
        found = by_hand(photos, "GET", "/photos/a")
        assert (found.status, code(found)) == (503, "ServiceUnavailable")
    finally:
        photos._shared.driver.closed = False


OPTIONS = [
    "acl", "append", "position=1", "position=-1", "uploads", "uploadId=x", "partNumber=1", "partNumber=x", "delete", "list-type=2",
    "prefix=%00", "marker=%F0%9F%98%80", "max-keys=5", "max-keys=", "continuation-token=%25", "encoding-type=url", "delimiter=%2F",
    "symlink", "objectMeta", "response-expires=%0A", "stat", "bucketInfo", "key-marker=a", "upload-id-marker=b", "max-uploads=1",
    "start-after=a", "tagging", "x", "continuation-token=AA==", "continuation-token=gA==",
]  # fmt: skip
HEADERS = {
    "range": ["bytes=0-", "bytes=-1", "x"], "x-oss-copy-source": ["/photos/a", "photos/a", "/photos", "/%FF/a", "/photos/a?versionId=1"],
    "x-oss-copy-source-range": ["bytes=0-1", "bytes=9-", "x"], "if-match": ["*", "x"], "if-modified-since": ["x", "0 Jan 99999 0:0 +9999"],
    "x-oss-meta-a_b": ["1"], "x-oss-meta-a": ["\xe4", "1"], "x-oss-symlink-target": ["a", "", "%FF"], "content-type": ["text/x", ""],
    "x-oss-acl": ["public-read"], "x-oss-metadata-directive": ["REPLACE", "x"], "x-oss-complete-all": ["yes"],
}  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]),
    path=st.sampled_from(["/", "/photos", "/photos/", "/photos/a", "/photos/%00", "/photos/%F0%9F%98%80", "/x", "/photos//", "/../a"]),
    options=st.lists(st.sampled_from(OPTIONS), max_size=3),
    headers=st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in HEADERS.items()}),
    body=st.sampled_from([b"", b"x", b"<Delete><Object><Key>a</Key></Object></Delete>", b"<CompleteMultipartUpload/>"]),
)
def test_nothing_that_is_asked_is_a_mistake_of_ours(
    photos: Endpoint, method: str, path: str, options: list[str], headers: dict[str, str], body: bytes
) -> None:
    answer = by_hand(photos, method, f"{path}?{'&'.join(options)}", body, headers)
    assert answer.status < 500, answer.body
    if answer.headers.get("content-type") == "application/xml" and answer.body:
        assert ElementTree.fromstring(answer.body).tag != "Error" or code(answer) not in ("", "SignatureDoesNotMatch")
