"""What the object store's face makes of a request's head and body, before it looks at any object."""

from __future__ import annotations

import pytest

from fclab.errors import SourceError
from fclab.server.oss import markup
from fclab.server.oss.asked import parse
from fclab.server.oss.conditions import byte_range, changed, copy_range

FACTS = {"etag": "25F9E794323B453885F5181F1B624D0B", "last_modified": "2026-01-05T12:00:00.900Z"}


@pytest.mark.parametrize(
    ("path", "host", "bucket", "key"),
    [
        ("/", "127.0.0.1:1", "", ""),
        ("/photos", "127.0.0.1:1", "photos", ""),
        ("/photos/", "127.0.0.1:1", "photos", ""),
        ("/photos/in/a.jpg", "127.0.0.1:1", "photos", "in/a.jpg"),
        ("/photos/in%2Fa%20b%2B+.jpg", "127.0.0.1:1", "photos", "in/a b++.jpg"),
        ("/photos/%C3%A4", "localhost", "photos", "ä"),
        ("/photos//a", "127.0.0.1:1", "photos", "/a"),
        ("/photos/%252e%252e/../x", "127.0.0.1:1", "photos", "%2e%2e/../x"),
        ("/in/a.jpg", "photos.oss-cn-hangzhou.aliyuncs.com", "photos", "in/a.jpg"),
        ("/", "photos.oss.aliyuncs.com", "photos", ""),
        ("/photos/a", "oss-cn-hangzhou.aliyuncs.com", "photos", "a"),
        ("/photos/a", "ph.otos.oss-x", "photos", "a"),
    ],
)
def test_bucket_and_key_come_from_the_raw_path(path: str, host: str, bucket: str, key: str) -> None:
    found = parse("GET", path, "", {"host": host})
    assert (found.bucket, found.key) == (bucket, key)


def test_the_query_is_decoded_name_by_name() -> None:
    found = parse("GET", "/b", "prefix=a%2Bb+c%20d&uploads&max-keys=5&marker=&x=%C3%A4&x=2", {})
    assert found.query == (("prefix", "a+b c d"), ("uploads", ""), ("max-keys", "5"), ("marker", ""), ("x", "ä"), ("x", "2"))
    assert "uploads" in found
    assert "acl" not in found
    assert (found.number("max-keys", 100, 1, 1000), found.number("marker", 7, 1, 9)) == (5, 7)


@pytest.mark.parametrize("value", ["0", "1001", "-1", "1.5", "a", "%C2%B2", "1" * 40, "+5%20"])
def test_numbers_have_bounds(value: str) -> None:
    with pytest.raises(SourceError) as error:
        parse("GET", "/b", f"max-keys={value}", {}).number("max-keys", 100, 1, 1000)
    assert error.value.code == "InvalidArgument"


@pytest.mark.parametrize(("path", "query"), [("/b/%FF", ""), ("/%C3", ""), ("/b", "prefix=%FF")])
def test_what_is_no_utf8_is_refused(path: str, query: str) -> None:
    with pytest.raises(SourceError) as error:
        parse("GET", path, query, {})
    assert error.value.code == "InvalidURI"


@pytest.mark.parametrize(
    ("header", "standard", "found"),
    [
        ("", False, None), ("bytes=0-4", False, (0, 4)), ("bytes=5-", False, (5, None)), ("bytes=-3", False, (None, 3)),
        ("bytes=0-999", False, None), ("bytes=0-999", True, (0, 999)), ("bytes=1000-", False, None), ("bytes=1000-", True, (1000, None)),
        ("bytes=4-2", True, None), ("bytes=-0", True, None), ("bytes=-", True, None), ("bytes=0-1,3-4", True, None),
        ("items=0-1", True, None), ("bytes=a-b", True, None), ("bytes=-5000", False, (None, 5000)), ("bytes=0-99", False, (0, 99)),
        ("bytes=0-100", False, None),
    ],
)  # fmt: skip
def test_ranges_as_the_product_takes_them(header: str, standard: bool, found: object) -> None:
    headers = {"range": header} | ({"x-oss-range-behavior": "standard"} if standard else {})
    assert byte_range(parse("GET", "/b/k", "", headers), 100) == found


def test_an_empty_object_has_no_ranges() -> None:
    assert byte_range(parse("GET", "/b/k", "", {"range": "bytes=0-4"}), 0) is None


@pytest.mark.parametrize(("text", "found"), [("", None), ("bytes=0-9", (0, 9)), ("bytes=5-", (5, None)), ("bytes=-5", 0), ("0-9", 0)])
def test_ranges_of_copies(text: str, found: object) -> None:
    asked = parse("PUT", "/b/k", "", {"x-oss-copy-source-range": text})
    if found == 0:
        with pytest.raises(SourceError):
            copy_range(asked)
    else:
        assert copy_range(asked) == found


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({}, True),
        ({"if-match": '"25f9e794323b453885f5181f1b624d0b"'}, True),
        ({"if-match": "25F9E794323B453885F5181F1B624D0B"}, True),
        ({"if-match": '"other"'}, None),
        ({"if-match": '"other", "25F9E794323B453885F5181F1B624D0B"'}, True),
        ({"if-none-match": '"25F9E794323B453885F5181F1B624D0B"'}, False),
        ({"if-none-match": "*"}, False),
        ({"if-none-match": '"other"'}, True),
        ({"if-modified-since": "Mon, 05 Jan 2026 12:00:00 GMT"}, False),
        ({"if-modified-since": "Mon, 05 Jan 2026 11:59:59 GMT"}, True),
        ({"if-modified-since": "nonsense"}, True),
        ({"if-unmodified-since": "Mon, 05 Jan 2026 12:00:00 GMT"}, True),
        ({"if-unmodified-since": "Mon, 05 Jan 2026 11:59:59 GMT"}, None),
        ({"if-none-match": '"other"', "if-modified-since": "Mon, 05 Jan 2026 12:00:00 GMT"}, True),
        ({"if-match": "*", "if-unmodified-since": "Mon, 05 Jan 2026 11:59:59 GMT"}, True),
    ],
)
def test_conditions(headers: dict[str, str], outcome: bool | None) -> None:
    for before in ("", "x-oss-copy-source-"):
        asked = parse("GET", "/b/k", "", {f"{before}{name}": value for name, value in headers.items()})
        if outcome is None:
            with pytest.raises(SourceError) as error:
                changed(asked, FACTS, before)
            assert error.value.code == "PreconditionFailed"
        else:
            assert changed(asked, FACTS, before) is outcome


BILLION = b'<!DOCTYPE a [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><Delete><Object><Key>&b;</Key></Object></Delete>'
OUTSIDE = b'<!DOCTYPE a SYSTEM "file:///etc/hostname"><Delete/>'


@pytest.mark.parametrize(
    "data",
    [
        b"", b"x", b"<Delete>", b"<Delete></Other>", b"<Other/>", b"<Delete/><Delete/>", BILLION, OUTSIDE, b"<Delete>&b;</Delete>",
        b"\xff\xfe", b'<?xml version="1.0" encoding="nonsense"?><Delete/>', b"<Delete>" * 20 + b"</Delete>" * 20,
        b"<Delete>" + b"<a/>" * 40_000 + b"</Delete>", b"<Delete>" + b" " * markup.LARGEST + b"</Delete>",
    ],
    ids=range(14),
)  # fmt: skip
def test_markup_clauses_1_and_2_bad_documents(data: bytes) -> None:
    with pytest.raises(SourceError) as error:
        markup.read(data, "Delete")
    assert error.value.code == "MalformedXML"


def test_a_document_says_what_it_says() -> None:
    root = markup.read(b"<Delete a='1'><Object><Key>a &amp; &#228; <![CDATA[<b>]]></Key></Object></Delete>", "Delete")
    assert [one.findtext("Key") for one in root.findall("Object")] == ["a & ä <b>"]
