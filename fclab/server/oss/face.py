"""The object store as `oss2` and `alibabacloud-oss-v2` speak it: who asks, for which operation, and how errors look."""

from __future__ import annotations

import base64
import time
from collections.abc import Awaitable, Callable

from starlette.responses import Response

from fclab.errors import SourceError
from fclab.server.app import Face
from fclab.server.intake import Arrived
from fclab.server.oss import answers, asked, containers, refusals, signatures, things, uploads
from fclab.server.oss.work import Work
from fclab.server.refusals import Refused

__all__ = ["OSS"]

_Operation = Callable[[Work], Awaitable[Response]]

_SERVICE: dict[tuple[str, str], _Operation] = {("GET", ""): containers.list_buckets}
_BUCKET: dict[tuple[str, str], _Operation] = {
    ("GET", ""): containers.list_objects,
    ("GET", "acl"): containers.acl,
    ("GET", "bucketInfo"): containers.info,
    ("GET", "location"): containers.location,
    ("GET", "stat"): containers.stat,
    ("GET", "uploads"): containers.uploads,
    ("PUT", ""): containers.create,
    ("POST", "delete"): containers.delete_objects,
    ("DELETE", ""): containers.delete,
}
_OBJECT: dict[tuple[str, str], _Operation] = {
    ("GET", ""): things.get,
    ("GET", "acl"): things.acl,
    ("GET", "symlink"): things.get_symlink,
    ("GET", "uploadId"): uploads.parts,
    ("HEAD", ""): things.head,
    ("HEAD", "objectMeta"): things.head,
    ("PUT", ""): things.put,
    ("PUT", "symlink"): things.put_symlink,
    ("PUT", "uploadId"): uploads.put_part,
    ("POST", "append"): things.append,
    ("POST", "uploadId"): uploads.complete,
    ("POST", "uploads"): uploads.begin,
    ("DELETE", ""): things.delete,
    ("DELETE", "uploadId"): uploads.abort,
}
_KINDS = frozenset((
    "accessPoint", "acl", "append", "asyncFetch", "bucketInfo", "callback", "cname", "comp", "cors", "delete", "encryption", "inventory",
    "lifecycle", "live", "location", "logging", "metaQuery", "objectMeta", "policy", "publicAccessBlock", "qosInfo", "referer", "regions",
    "replication", "requestPayment", "resourceGroup", "restore", "stat", "style", "symlink", "tagging", "transferAcceleration",
    "uploadId", "uploads", "versionId", "versioning", "versions", "vod", "website", "worm", "x-oss-async-process", "x-oss-process",
))  # fmt: skip
"""Names in the query that make it another operation. One that is not in the tables above is refused by name, never overlooked."""


class OSS(Face):
    """1. A request is this face's if its signature is of this service's schemes; its path may be anything.
    2. Every operation but none is behind the signature.
    """

    NAME = "oss"

    def takes(self, arrived: Arrived) -> bool:
        """See clause 1."""
        return signatures.claims(arrived.headers.get("authorization", ""), arrived.query)

    async def answer(self, arrived: Arrived) -> Response:
        """Verify, find the operation, carry it out."""
        try:
            wanted = asked.parse(arrived.method, arrived.path, arrived.query, arrived.headers)
            signatures.verify(wanted, self.shared.keys.get, time.time())
            response = await _operation(wanted)(Work(self.shared, arrived, wanted))
        except SourceError as error:
            raise Refused(refusals.status(error.code), error.code, error.what) from error
        response.headers.setdefault("x-oss-request-id", _id(arrived))
        response.headers["server"] = "AliyunOSS"
        return response

    def refusal(self, arrived: Arrived, why: Refused) -> Response:
        """An Error document; for HEAD it is in a header, where clients look for it."""
        code = "InternalError" if why.code == "InternalServerError" else why.code
        body = answers.error(code, why.message, _id(arrived), arrived.headers.get("host", ""))
        headers = {"x-oss-request-id": _id(arrived), "server": "AliyunOSS"}
        if isinstance(why.__cause__, things.Misplaced):
            headers["x-oss-next-append-position"] = str(why.__cause__.size)
        if arrived.method == "HEAD":
            return Response(status_code=why.status, headers=headers | {"x-oss-err": base64.b64encode(body).decode()})
        return Response(body, why.status, headers, media_type="application/xml")


def _id(arrived: Arrived) -> str:
    """24 hex digits, as this service's request ids are."""
    return arrived.request_id.replace("-", "")[-24:].upper()


def _operation(wanted: asked.Asked) -> _Operation:
    table = _OBJECT if wanted.key else _BUCKET if wanted.bucket else _SERVICE
    kinds = [name for name, _ in wanted.query if name in _KINDS] or [""]
    found = table.get((wanted.method, kinds[0])) if len(set(kinds)) == 1 else None
    if found is not None:
        return found
    if kinds == [""]:
        raise SourceError("MethodNotAllowed", "The specified method is not allowed against this resource.")
    raise SourceError("NotImplemented", f"This store does not have {wanted.method} with {' and '.join(kinds)}.")
