"""The object store's own clients, pointed at a served lab as their users would; and requests by hand."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from http.client import HTTPConnection
from xml.etree import ElementTree

import alibabacloud_oss_v2 as oss_v2
import oss2
import requests

from fclab.errors import SourceError
from fclab.server.endpoint import Endpoint
from fclab.server.oss.asked import parse
from fclab.server.oss.signature_v1 import sign, text_to_sign
from tests.server.kit import DEADLINE, Answer

__all__ = ["bucket", "by_hand", "code", "session", "v2"]


def session() -> oss2.Session:
    """The connections of `oss2`, which leaves answers half read that it needs no more of; here they are read."""

    def read(response: requests.Response, **_: object) -> None:
        if response.status_code >= 300 or response.request.method != "GET":
            assert response.content is not None

    made = oss2.Session()
    made.session.hooks["response"].append(read)
    return made


def bucket(
    endpoint: Endpoint, name: str = "photos", version: str = "v4", secret: str | None = None, key: str | None = None,
    over: oss2.Session | None = None,
) -> oss2.Bucket:  # fmt: skip
    """`oss2`, with signatures V1 or V4."""
    auth = oss2.make_auth(key or endpoint.access_key_id, secret or endpoint.access_key_secret, version)
    return oss2.Bucket(auth, endpoint.url, name, region="cn-lab", connect_timeout=DEADLINE, session=over)


def v2(endpoint: Endpoint, version: str = "v4", secret: str | None = None) -> oss_v2.Client:
    """`alibabacloud-oss-v2`, which asks once."""
    config = oss_v2.config.load_default()
    config.credentials_provider = oss_v2.credentials.StaticCredentialsProvider(endpoint.access_key_id, secret or endpoint.access_key_secret)
    config.region, config.endpoint, config.signature_version, config.retry_max_attempts = "cn-lab", endpoint.url, version, 1
    return oss_v2.Client(config)


def code(answer: Answer) -> str:
    """The error's code; the whole shape is looked at."""
    assert answer.headers["content-type"] == "application/xml"
    root = ElementTree.fromstring(answer.body)
    assert root.tag == "Error"
    assert [one.tag for one in root] == ["Code", "Message", "RequestId", "HostId"]
    assert root.findtext("RequestId") == answer.headers["x-oss-request-id"]
    return root.findtext("Code") or ""


def by_hand(
    endpoint: Endpoint, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None,
    change: Callable[[dict[str, str]], object] = lambda headers: None,
) -> Answer:  # fmt: skip
    """A request signed by V1; `change` may spoil its headers afterwards."""
    given = {"host": endpoint.url.removeprefix("http://"), "date": formatdate(usegmt=True), **(headers or {})}
    plain, _, query = path.partition("?")
    try:
        signature = sign(endpoint.access_key_secret, text_to_sign(parse(method, plain, query, given), given["date"]))
    except SourceError:
        signature = "none"  # the path cannot be read, so there is nothing to sign
    given["authorization"] = f"OSS {endpoint.access_key_id}:{signature}"
    change(given)
    connection = HTTPConnection(endpoint.host, endpoint.port, timeout=DEADLINE)
    try:
        connection.request(method, path, body, given)
        return Answer(connection.getresponse())
    finally:
        connection.close()
