"""Whatever a key, a query or metadata are: the clients' own signatures are right, any other one is wrong, and documents keep texts."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

import oss2
import pytest
from alibabacloud_oss_v2.signer.v1 import SignerV1
from alibabacloud_oss_v2.signer.v4 import SignerV4
from alibabacloud_oss_v2.types import Credentials, HttpRequest, SigningContext
from hypothesis import given
from hypothesis import strategies as st
from oss2.http import Request

from fclab.errors import SourceError
from fclab.server.oss import markup, signatures
from fclab.server.oss.asked import Asked, encode, parse

KEY, SECRET = "LABKEY", "a secret of the lab"
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)
NAMES = ["prefix", "marker", "delimiter", "uploadId", "acl", "continuation-token", "x y", "response-content-type", "list-type"]
QUERY = st.dictionaries(
    st.sampled_from(NAMES),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    max_size=4,
)
SIGNED = ["content-type", "content-md5", "x-oss-meta-a", "x-oss-copy-source", "range"]
HEADERS = st.dictionaries(st.sampled_from(SIGNED), VISIBLE, max_size=4)
SCHEMES = ["oss2 v1", "oss2 v1 url", "oss2 v4", "oss2 v4 url", "v2 v1", "v2 v1 url", "v2 v4", "v2 v4 url"]


def head(method: str, url: str, headers: Any) -> Asked:
    """As it arrives at the server."""
    parts = urlsplit(url)
    return parse(method, parts.path, parts.query, {name.lower(): value for name, value in headers.items() if value is not None})


def by_oss2(scheme: str, method: str, key: str, query: dict[str, str], headers: dict[str, str]) -> Asked:
    auth = oss2.AuthV4(KEY, SECRET) if "v4" in scheme else oss2.Auth(KEY, SECRET)
    base = f"http://127.0.0.1:1/photos/{encode(key)}"
    request = Request(method, base, params=dict(query), headers=headers, region="cn-lab", product="oss")
    if "url" in scheme:
        url = auth._sign_url(request, "photos", key, 60)
        return head(method, url, headers)
    auth._sign_request(request, "photos", key)
    return head(method, f"{base}?{urlencode(request.params)}", request.headers)


def by_v2(scheme: str, method: str, key: str, query: dict[str, str], headers: dict[str, str]) -> Asked:
    text = "&".join(f"{encode(name)}={encode(value)}" for name, value in query.items())
    url = f"http://127.0.0.1:1/photos/{encode(key, safe='/')}" + (f"?{text}" if text else "")
    request = HttpRequest(method, url, headers=dict(headers))
    context = SigningContext("oss", "cn-lab", "photos", key, request, Credentials(KEY, SECRET), additional_headers={"range"})
    context.auth_method_query = "url" in scheme
    context.expiration_time = datetime.now(UTC) + timedelta(seconds=60)
    (SignerV4() if "v4" in scheme.split()[1] else SignerV1()).sign(context)
    return head(method, request.url, request.headers if "url" not in scheme else headers)


def signed(scheme: str, method: str, key: str, query: dict[str, str], headers: dict[str, str]) -> Asked:
    return (by_oss2 if scheme.startswith("oss2") else by_v2)(scheme, method, key, query, headers)


def refusal(asked: Asked, now: float, secrets: dict[str, str] | None = None) -> str:
    try:
        assert signatures.verify(asked, ({KEY: SECRET} if secrets is None else secrets).get, now) == KEY
    except SourceError as error:
        return error.code
    return ""


@pytest.mark.parametrize("scheme", SCHEMES)
@given(method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]), key=TEXT, query=QUERY, headers=HEADERS)
def test_clause_1_what_the_clients_sign_is_accepted_and_nothing_near_it(
    scheme: str, method: str, key: str, query: dict[str, str], headers: dict[str, str]
) -> None:
    asked, now = signed(scheme, method, key, query, headers), time.time()
    assert asked.key == key
    assert refusal(asked, now) == ""
    assert refusal(asked, now, {KEY: SECRET + "x"}) == "SignatureDoesNotMatch"
    assert refusal(asked, now, {"other": SECRET}) == "InvalidAccessKeyId"
    other = {"GET": "PUT"}.get(method, "GET")
    changes: list[dict[str, Any]] = [
        {"method": other}, {"bucket": "photoss"}, {"key": key + "x"}, {"headers": asked.headers | {"x-oss-meta-new": "1"}},
        {"headers": asked.headers | {"content-type": asked.header("content-type") + "x"}}, {"query": (*asked.query, ("tagging", "1"))},
    ]  # fmt: skip
    for change in changes:
        fields = {name: getattr(asked, name) for name in ("method", "bucket", "key", "query", "headers")} | change
        assert refusal(Asked(**fields), now) == "SignatureDoesNotMatch", change


@pytest.mark.parametrize("scheme", SCHEMES)
def test_clause_2_signatures_age(scheme: str) -> None:
    asked, now = signed(scheme, "GET", "a", {}, {}), time.time()
    if "url" in scheme:
        assert (refusal(asked, now + 50), refusal(asked, now + 61)) == ("", "AccessDenied")
    else:
        assert (refusal(asked, now + 890), refusal(asked, now - 890)) == ("", "")
        assert (refusal(asked, now + 902), refusal(asked, now - 902)) == ("RequestTimeTooSkewed", "RequestTimeTooSkewed")


@pytest.mark.parametrize(
    ("authorization", "query", "code"),
    [
        ("", "", "AccessDenied"),
        ("Basic x", "", "AccessDenied"),
        ("OSS LABKEY", "", "InvalidArgument"),
        ("OSS LABKEY:", "", "InvalidArgument"),
        ("OSS LABKEY:x", "", "AccessDenied"),
        ("OSS2 AccessKeyId:LABKEY,Signature:x", "", "InvalidArgument"),
        ("OSS4-HMAC-SHA256 Credential=LABKEY/1,Signature=x", "", "AccessDenied"),
        ("OSS4-HMAC-SHA256 ", "", "AccessDenied"),
        ("", "OSSAccessKeyId=LABKEY&Expires=9999999999", "InvalidArgument"),
        ("", "OSSAccessKeyId=LABKEY&Expires=soon&Signature=x", "AccessDenied"),
        ("", "OSSAccessKeyId=LABKEY&Expires=9999999999&Signature=%C3%A4", "SignatureDoesNotMatch"),
        ("", "x-oss-signature-version=OSS4-HMAC-SHA256", "InvalidArgument"),
        ("", "x-oss-signature-version=OSS2", "InvalidArgument"),
        ("", "x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-date=20260105T120000Z&x-oss-expires=604801", "InvalidArgument"),
    ],
)
def test_what_is_no_signature(authorization: str, query: str, code: str) -> None:
    assert refusal(parse("GET", "/b/k", query, {"authorization": authorization}), 1e9) == code


def test_the_day_of_the_key_is_the_day_of_the_request() -> None:
    headers = {
        "authorization": "OSS4-HMAC-SHA256 Credential=LABKEY/20260104/x/oss/aliyun_v4_request,Signature=x",
        "x-oss-date": "20260105T000000Z",
    }
    assert refusal(parse("GET", "/b/k", "", headers), 1e9) == "InvalidArgument"


@given(st.binary(max_size=200))
def test_any_authorization_is_refused_by_name(junk: bytes) -> None:
    for before in ("", "OSS ", "OSS4-HMAC-SHA256 Credential="):
        asked = parse("GET", "/b/k", "", {"authorization": before + junk.decode("latin-1"), "x-oss-date": "20260105T000000Z"})
        assert refusal(asked, 1e9)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_documents_keep_what_xml_can_say_and_are_always_documents(one: str, other: str) -> None:
    root = ElementTree.fromstring(markup.write(("A", [("B", one), ("C", [("D", other)])])))
    for text, found in ((one, root.findtext("B")), (other, root.findtext("C/D"))):
        assert found == text or not markup.plain(text)


@given(st.binary(max_size=300))
def test_reading_refuses_by_one_name(data: bytes) -> None:
    with pytest.raises(SourceError) as error:
        markup.read(data, "Delete")
    assert error.value.code == "MalformedXML"
