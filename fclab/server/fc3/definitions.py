"""Functions as clients describe them, and as the lab declares them: pure translations between the two."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

from fclab.model import FunctionSpec
from fclab.server.refusals import Refused
from fclab.sources.base import ACCOUNT, REGION

__all__ = ["USUAL", "arn", "checked", "declaration", "described", "named", "tags"]

_LONGEST_TAG = 128

_PYTHON = re.compile(r"python3(\.\d{1,2})?")
_CUSTOM = re.compile(r"custom(\.debian1[0-2])?")
_NUMBERS = ("memorySize", "timeout", "instanceConcurrency", "idleTimeout", "diskSize")
_TEXTS = (
    "runtime", "handler", "description", "role", "sessionAffinity", "sessionAffinityConfig", "instanceIsolationMode",
    "disableInjectCredentials", "resourceGroupId",
)  # fmt: skip
_FLAGS = ("internetAccess", "disableOndemand", "enableLongLiving")
_OBJECTS = (
    "logConfig", "vpcConfig", "tracingConfig", "customDNS", "instanceLifecycleConfig", "customRuntimeConfig", "environmentVariables",
    "nasConfig", "ossMountConfig", "customContainerConfig", "gpuConfig", "juiceFsConfig", "polarFsConfig", "microSandboxConfig",
)  # fmt: skip
_ABSENT = {
    "layers": "layers", "customContainerConfig": "containers of one's own", "gpuConfig": "GPUs", "juiceFsConfig": "JuiceFS",
    "polarFsConfig": "PolarFS", "microSandboxConfig": "micro sandboxes",
}  # fmt: skip
"""What would change how a function runs and is not in the lab. What is only said of it (a role, a network) is kept and told again."""
USUAL: dict[str, Any] = {
    "cpu": 0.35, "memorySize": 512, "diskSize": 512, "timeout": 3, "instanceConcurrency": 1, "internetAccess": True, "description": "",
    "environmentVariables": {},
}  # fmt: skip


def arn(function: str) -> str:
    """The function's identity."""
    return f"acs:fc:{REGION}:{ACCOUNT}:functions/{function}"


def named(identity: object) -> str:
    """The function that an ARN, or a bare name, means. Raises `Refused`."""
    text = identity if isinstance(identity, str) else ""
    name = text.rpartition("functions/")[2].partition("/")[0]
    if not name or ("functions/" not in text and ":" in text):
        raise Refused(400, "InvalidArgument", f"{str(identity)[:200]!r} is the ARN of no function")
    return name


def _wrong(what: str) -> Refused:
    return Refused(400, "InvalidArgument", what)


def checked(document: Mapping[str, Any]) -> dict[str, Any]:
    """A client's description less its code, every field of the right JSON type. Raises `Refused`, naming the field."""
    kinds: dict[str, tuple[type, ...]] = {
        **dict.fromkeys(_NUMBERS, (int,)), **dict.fromkeys(_TEXTS, (str,)), **dict.fromkeys(_FLAGS, (bool,)),
        **dict.fromkeys(_OBJECTS, (dict,)), "cpu": (int, float), "layers": (list,), "tags": (list,),
    }  # fmt: skip
    for name, value in document.items():
        if name in ("functionName", "code"):
            continue
        if name not in kinds:
            raise _wrong(f"a function has no {name[:64]!r} here")
        if not isinstance(value, kinds[name]) or (isinstance(value, bool) and bool not in kinds[name]):
            raise _wrong(f"{name} cannot be {str(value)[:80]!r}")
        if name in _ABSENT and value:
            raise _wrong(f"{name}: this lab has no {_ABSENT[name]}")
    if any(document.get(name, {}).get("mountPoints") for name in ("nasConfig", "ossMountConfig")):
        raise _wrong("nasConfig and ossMountConfig: this lab mounts no file systems")
    server: dict[str, Any] = document.get("customRuntimeConfig", {})
    for words in ("command", "args"):
        if not isinstance(server.get(words) or [], list):
            raise _wrong(f"customRuntimeConfig.{words} is a list of words")
    tags(document.get("tags", []))
    return {name: value for name, value in document.items() if name != "code"}


def tags(rows: object) -> dict[str, str]:
    """`[{Key, Value}]` as a mapping. Raises `Refused`."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _wrong("tags are a list of objects with Key and Value")
    found = [(row.get("Key"), row.get("Value", "")) for row in rows]
    if not all(isinstance(text, str) and len(text) <= _LONGEST_TAG for pair in found for text in pair) or not all(key for key, _ in found):
        raise _wrong(f"a tag has a Key and a Value, texts of up to {_LONGEST_TAG} characters")
    return dict(found)


def declaration(document: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """(handler, options) of `Lab.deploy` for a checked description. Raises `Refused` for what the lab cannot run."""
    said = {**USUAL, **document}
    runtime = said.get("runtime", "")
    options: dict[str, Any] = {
        "memory_mb": said["memorySize"], "timeout": said["timeout"], "concurrency": said["instanceConcurrency"],
        "environment": said["environmentVariables"],
    }  # fmt: skip
    if "idleTimeout" in said:
        options["idle_timeout"] = said["idleTimeout"]
    cycle = said.get("instanceLifecycleConfig", {})
    for hook, option in (("initializer", "initializer"), ("preStop", "pre_stop"), ("preFreeze", "pre_freeze")):
        one = cycle.get(hook) or {}
        if not isinstance(one, dict) or one.get("command"):
            raise _wrong(f"instanceLifecycleConfig.{hook} names a handler here, and no command")
        if one.get("handler"):
            options[option] = one["handler"]
            if hook == "initializer" and one.get("timeout"):
                options["init_timeout"] = one["timeout"]
    if _PYTHON.fullmatch(runtime):
        return str(said.get("handler") or "index.handler"), options
    if not _CUSTOM.fullmatch(runtime):
        raise _wrong(f"runtime {runtime[:64]!r} is not in this lab; there are python3 and custom")
    server = said.get("customRuntimeConfig", {})
    command = [*(server.get("command") or []), *(server.get("args") or [])]
    options |= {"runtime": "custom", "command": command or ["./bootstrap"]}
    if server.get("port"):
        options["port"] = server["port"]
    return "index.handler", options


def described(spec: FunctionSpec) -> dict[str, Any]:
    """A function of a notebook, as clients describe theirs."""
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    server = {} if spec.runtime == "python" else {"customRuntimeConfig": {"command": list(spec.command)}}
    return {
        **USUAL, "functionName": spec.name, "runtime": python if spec.runtime == "python" else "custom", "handler": spec.handler_name,
        "memorySize": spec.memory_mb, "timeout": -int(-spec.timeout // 1), "instanceConcurrency": spec.concurrency,
        "environmentVariables": dict(spec.environment), **server,
    }  # fmt: skip
