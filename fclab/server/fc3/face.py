"""The face of FC 3.0: signatures, routes, answers, errors."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.responses import FileResponse, Response

from fclab.server.app import Face
from fclab.server.fc3.absent import Absent
from fclab.server.fc3.async_configs import AsyncConfigs
from fclab.server.fc3.async_tasks import AsyncTasks
from fclab.server.fc3.functions import Functions
from fclab.server.fc3.invocations import Invocations
from fclab.server.fc3.operations import VERSION, Call, Part, Routes, decoded
from fclab.server.fc3.scaling import Scaling
from fclab.server.fc3.switches import Switches, Tags
from fclab.server.fc3.triggers import Triggers
from fclab.server.refusals import Refused
from fclab.sources.http.signature import verify

if TYPE_CHECKING:
    from fclab.server.intake import Arrived
    from fclab.server.shared import Shared

__all__ = ["FC3"]

_CODE = f"/{VERSION}/code/"
_LARGE = 1 << 20
"""Bytes of a body from which its hash is not computed on the server's loop."""


class FC3(Face):
    """`/2023-03-30/...`, signed with ACS3-HMAC-SHA256. It also says no to what no face takes."""

    NAME = "FC 3.0"

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        made = parts(shared)
        self._routes = Routes([operation for part in made for operation in part.operations()])
        for part in made:
            part.restore()

    def takes(self, arrived: Arrived) -> bool:
        """By its path."""
        return arrived.path.startswith(f"/{VERSION}/")

    async def answer(self, arrived: Arrived) -> Response:
        """The answer of an operation, once the signature holds."""
        if not self.takes(arrived):
            raise Refused(404, "PathNotSupported", f"'{arrived.method}' against '{arrived.path[:200]}' is not supported")
        if arrived.method == "GET" and arrived.path.startswith(_CODE):
            return await self._code(arrived)
        operation, params = self._routes.find(arrived.method, arrived.path)
        body = await arrived.body(operation.most)
        if len(body) > _LARGE:
            await asyncio.to_thread(self._verify, arrived, body)
        else:
            self._verify(arrived, body)
        call = Call(params, decoded(arrived.query), arrived.headers, body)
        if operation.direct is not None:
            return await operation.direct(arrived, call)
        assert operation.do is not None
        return said(arrived, await self.shared.control(operation.do, call))

    async def _code(self, arrived: Arrived) -> Response:
        """A package, for a ticket of GetFunctionCode."""
        digest = self.shared.tickets.redeem(decoded(arrived.query).get("ticket", ""))
        if digest is None:
            raise Refused(403, "AccessDenied", "this address of code is not good, or no longer: ask GetFunctionCode for another")
        headers = {"x-fc-request-id": arrived.request_id}
        return FileResponse(self.shared.code.store.path(digest), headers=headers, media_type="application/zip")

    def _verify(self, arrived: Arrived, body: bytes) -> None:
        verify(arrived.message(body), self.shared.keys, now=time.time(), nonces=self.shared.nonces)

    def refusal(self, arrived: Arrived, why: Refused) -> Response:
        """`{Code, Message, RequestId}`."""
        document = {"Code": why.code, "Message": why.message, "RequestId": arrived.request_id}
        return _json(arrived, why.status, document)


def parts(shared: Shared) -> list[Part]:
    """What it is made of."""
    kinds = (Functions, Invocations, AsyncConfigs, AsyncTasks, Scaling, Switches, Tags, Triggers, Absent)
    return [kind(shared) for kind in kinds]


def said(arrived: Arrived, value: Mapping[str, Any] | None) -> Response:
    """What an operation answered; without a body where it has none."""
    if value is None:
        return Response(b"", 204, {"x-fc-request-id": arrived.request_id})
    return _json(arrived, 200, value)


def _json(arrived: Arrived, status: int, value: Mapping[str, Any]) -> Response:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(body, status, {"x-fc-request-id": arrived.request_id, "content-type": "application/json"})
