"""Create, read, change, list and delete functions."""

from __future__ import annotations

import base64
import binascii
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fclab.engine.declare import build
from fclab.packages.checksum import crc64
from fclab.server.fc3 import definitions
from fclab.server.fc3.async_configs import translated
from fclab.server.fc3.operations import VERSION, Call, Operation, Part, page
from fclab.server.refusals import Refused
from fclab.sources.stamps import stamp

if TYPE_CHECKING:
    from fclab.model import AsyncConfig, FunctionSpec

__all__ = ["Functions"]

_MB = 1 << 20
_MOST_CODE = 140 * _MB
"""Bytes of a body with code in it: a zip of 100 MB in base64, and room for the rest."""


class Functions(Part):
    """1. A function that a client made is in the shelf, its package in the lab's home: `restore` declares it again.
    2. A change that only describes leaves its instances alone; any other replaces them, as declaring again does.
    3. Functions of a notebook are shown and called like others, and changed where they were written.
    """

    def operations(self) -> list[Operation]:
        """What clients may ask."""
        return [
            Operation("CreateFunction", "POST", "/functions", self.create, _MOST_CODE),
            Operation("ListFunctions", "GET", "/functions", self.listed),
            Operation("GetFunction", "GET", "/functions/{functionName}", self.get),
            Operation("UpdateFunction", "PUT", "/functions/{functionName}", self.update, _MOST_CODE),
            Operation("DeleteFunction", "DELETE", "/functions/{functionName}", self.delete),
            Operation("GetFunctionCode", "GET", "/functions/{functionName}/code", self.code),
        ]

    # ---- the operations

    def create(self, call: Call) -> dict[str, Any]:
        """CreateFunction."""
        said = call.json()
        document = definitions.checked(said)
        name = build(said.get("functionName"), None, {"duration": 0}).name
        if name in self.lab.functions:
            raise Refused(409, "FunctionAlreadyExists", f"function '{name}' already exists")
        if not isinstance(said.get("runtime"), str):
            raise Refused(400, "InvalidArgument", "runtime is missing")
        now = self.shelf.now()
        with self._package(said) as package:
            if package is None:
                raise Refused(400, "InvalidArgument", "code is missing: zipFile, or ossBucketName and ossObjectName")
            self._deploy(name, document, package)
        self.shelf.put(name, "function", self._record(document, name, now, now))
        return self.shown(name)

    def get(self, call: Call) -> dict[str, Any]:
        """GetFunction."""
        call.latest()
        return self.shown(call.name)

    def update(self, call: Call) -> dict[str, Any]:
        """UpdateFunction: only what is sent changes."""
        name, said = call.name, call.json()
        spec = self.shared.spec(name)
        record = self._kept(spec)
        if record is None:
            raise Refused(412, "PreconditionFailed", f"function '{name}' was declared in a notebook: change it there")
        if "functionName" in said:
            raise Refused(400, "InvalidArgument", "the name of a function cannot be changed")
        document = {**record["input"], **definitions.checked(said)}
        with self._package(said) as package:
            if package is not None or definitions.declaration(document) != definitions.declaration(record["input"]):
                self._deploy(name, document, package or self._path(spec), spec.async_config)
        self.shelf.put(name, "function", self._record(document, name, record["created"], self.shelf.now()))
        return self.shown(name)

    def delete(self, call: Call) -> None:
        """DeleteFunction, with its triggers and configurations."""
        self.shared.spec(call.name)
        self.lab.delete(call.name)

    def listed(self, call: Call) -> dict[str, Any]:
        """ListFunctions."""
        rows = [self.shown(name) for name in self.lab.functions]
        wanted = {key: call.query[key] for key in ("runtime", "functionName") if call.query.get(key)}
        about = call.query.get("description") or ""
        rows = [row for row in rows if about in row["description"] and all(row.get(key) == value for key, value in wanted.items())]
        return page(call, rows, "functionName", "functions")

    def code(self, call: Call) -> dict[str, Any]:
        """GetFunctionCode: the checksum, and an address that gives the zip to whoever has it, for an hour."""
        call.latest()
        spec = self.shared.spec(call.name)
        if spec.package is None:
            raise Refused(412, "PreconditionFailed", f"the code of function '{call.name}' is in a notebook")
        ticket = self.shared.tickets.issue(spec.package.digest)
        return {"url": f"{self.shared.url}/{VERSION}/code/{quote(call.name)}.zip?ticket={ticket}", "checksum": self.shared.checksum(spec)}

    # ---- what they share

    def shown(self, name: str) -> dict[str, Any]:
        """A function as its readers see it. Raises `Refused`: FunctionNotFound."""
        spec = self.shared.spec(name)
        record = self._kept(spec)
        made = {"created": 0, "modified": 0, "size": 0} if record is None else record
        document = definitions.described(spec) if record is None else {**definitions.USUAL, **record["input"]}
        restriction, tags = self.shelf.get(name, "restriction"), self.shelf.get(name, "tags")
        return {
            **document, "functionId": f"lab-function-{name}", "functionArn": definitions.arn(name), "layers": [],
            "codeSize": made["size"] if spec.package is None else spec.package.size,
            "codeChecksum": "" if spec.package is None else self.shared.checksum(spec), "createdTime": stamp(made["created"]),
            "lastModifiedTime": stamp(made["modified"]), "state": "Active", "lastUpdateStatus": "Successful",
            "tags": [{"Key": key, "Value": value} for key, value in sorted((tags or {}).items())],
            **({} if restriction is None else {"invocationRestriction": restriction}),
        }  # fmt: skip

    def restore(self) -> None:
        """Clause 1. What cannot be declared any more stays on the shelf, and the lab's log says why."""
        for name, record in self.shelf.all("function").items():
            if name not in self.lab.functions:
                said = (self.shelf.get(name, "async-invoke-config") or {}).get("said")
                retries = None if said is None else translated(said)  # events that wait begin to move with the declaration
                self._deploy(name, record["input"], self.shared.code.store.path(record["digest"]), retries)

    def _kept(self, spec: FunctionSpec) -> dict[str, Any] | None:
        """What a client said of this very function, and not of one of its name that a notebook replaced."""
        record = self.shelf.get(spec.name, "function")
        return record if record is not None and spec.package is not None and record["digest"] == spec.package.digest else None

    def _record(self, document: dict[str, Any], name: str, created: int, modified: int) -> dict[str, Any]:
        package = self.lab.functions[name].package
        assert package is not None
        if "tags" in document:
            self.shelf.put(name, "tags", definitions.tags(document.pop("tags")))
        kept = {**document, "functionName": name}
        return {"input": kept, "digest": package.digest, "size": package.size, "created": created, "modified": modified}

    def _deploy(self, name: str, document: dict[str, Any], package: Path, retries: AsyncConfig | None = None) -> None:
        handler, options = definitions.declaration(document)
        if retries is not None:
            options["async_config"] = retries
        self.lab.deploy(name, package, handler, **options)

    def _path(self, spec: FunctionSpec) -> Path:
        assert spec.package is not None
        return self.shared.code.store.path(spec.package.digest)

    @contextlib.contextmanager
    def _package(self, said: dict[str, Any]) -> Iterator[Path | None]:
        """The zip of a call, in a file; None if it brings none. Raises `Refused` for what is none, or not what its checksum says."""
        code = said.get("code")
        if not code:
            yield None
            return
        if not isinstance(code, dict):
            raise Refused(400, "InvalidArgument", "code is an object with zipFile, or ossBucketName and ossObjectName")
        data = self._bytes(code)
        if code.get("checksum") not in (None, "", crc64([data])):
            raise Refused(400, "InvalidArgument", f"the code's CRC-64 is {crc64([data])}, and not {str(code['checksum'])[:64]}")
        with tempfile.TemporaryDirectory(prefix="fclab-upload-") as folder:
            path = Path(folder) / "code.zip"
            path.write_bytes(data)
            yield path

    def _bytes(self, code: dict[str, Any]) -> bytes:
        if code.get("zipFile"):
            try:
                return base64.b64decode(str(code["zipFile"]), validate=True)
            except binascii.Error:
                raise Refused(400, "InvalidArgument", "code.zipFile is no base64") from None
        bucket, key = code.get("ossBucketName"), code.get("ossObjectName")
        if not isinstance(bucket, str) or not isinstance(key, str):
            raise Refused(400, "InvalidArgument", "code has neither zipFile, nor ossBucketName and ossObjectName")
        return self.lab.objects.get(bucket, key)
