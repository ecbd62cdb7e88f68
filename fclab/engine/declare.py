"""Checks a declaration, option by option, so that a `FunctionSpec` that exists is sound."""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, cast

from fclab.errors import UsageError
from fclab.model import AsyncConfig, Duration, FunctionSpec, Handler, Package
from fclab.units import to_us

__all__ = ["build", "settings"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}\Z")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*\Z")
_URL_PATH = re.compile(r"/[!-~]*\Z")
OPTIONS = tuple(field.name for field in fields(FunctionSpec) if field.name not in ("name", "handler", "package", "handler_path"))


def build(
    name: object, handler: object, options: Mapping[str, object], package: Package | None = None, handler_path: object = ""
) -> FunctionSpec:
    """A checked spec; with a `package`, of a deployed function. Raises `UsageError` naming the option and what is allowed."""
    if handler is not None and not callable(handler):
        raise UsageError(f"A function is declared from code, not from {handler!r}.", hint="@lab.function, or @lab.function(timeout=10)")
    if not isinstance(name, str) or not _NAME.match(name):
        raise UsageError(
            f"{name!r} cannot name a function.",
            hint="use 1 to 64 letters, digits, _ and -, not starting with a digit or -",
        )
    for option in options:
        if option not in OPTIONS:
            near = [known for known in OPTIONS if known.startswith(option[:3])] or list(OPTIONS)
            raise UsageError(f"Function {name!r} has no option {option!r}.", hint=f"did you mean {', '.join(near)}?")
    if handler is not None:
        _callable(name, "handler", handler, ("event", "context"))
    for hook in ("initializer", "pre_freeze", "pre_stop"):
        if package is not None:
            _path(name, hook, options.get(hook), optional=True)
        elif options.get(hook) is not None:
            _callable(name, hook, options[hook], ("context",))
    _seconds(name, options, "timeout", 0.001, 86_400)
    _seconds(name, options, "init_timeout", 0.001, 300)
    _seconds(name, options, "idle_timeout", 0, math.inf)
    _seconds(name, options, "boot", 0, 86_400)
    _whole(name, options, "memory_mb", 128, 32_768)
    _whole(name, options, "concurrency", 1, 200)
    _whole(name, options, "reserved", 0, 10_000)
    _whole(name, options, "max_instances", 0, 1_000_000)
    code = options.get("code_mb", 5.0)
    if isinstance(code, bool) or not isinstance(code, (int, float)) or not 0 <= code <= 500:
        raise UsageError(f"code_mb of {name!r} must be from 0 to 500 MB, not {code!r}.", hint="500 MB is the product's limit")
    environment = options.get("environment", {})
    if not isinstance(environment, Mapping) or not all(
        isinstance(key, str) and isinstance(value, str) for key, value in environment.items()
    ):
        raise UsageError(f"environment of {name!r} must map names to texts, not {environment!r}.", hint="such as {'STAGE': 'test'}")
    for key, value in environment.items():
        if not key or "=" in key or "\0" in key + value:
            raise UsageError(f"environment of {name!r} cannot hold {key!r}.", hint="names are not empty and have no '='; nothing has a NUL")
    config = options.get("async_config", AsyncConfig())
    if not isinstance(config, AsyncConfig):
        raise UsageError(f"async_config of {name!r} must be an AsyncConfig, not {config!r}.", hint="from fclab import AsyncConfig")
    checked = dict(options)
    checked["environment"] = dict(environment)
    checked.update(_start(name, options))
    checked.update(_runtime(name, options, package))
    reserved, limit = cast(int, options.get("reserved", 0)), cast("int | None", checked.get("max_instances"))
    if limit is not None and reserved > limit:
        raise UsageError(f"{name!r} reserves {reserved} instances but is limited to {limit}.", hint="raise max_instances or reserve fewer")
    if package is not None and checked["runtime"] == "python":
        _path(name, "handler", handler_path)
        checked["handler_path"] = handler_path
    if handler is None and package is None and options.get("duration") is None:
        raise UsageError(f"{name!r} has neither code nor a duration.", hint="give duration=0.2, or use @lab.function")
    if options.get("duration") is not None:
        checked["duration"] = _duration(name, options["duration"])
    return FunctionSpec(name, cast("Handler | None", handler), package=package, **cast("dict[str, Any]", checked))


def _start(name: str, options: Mapping[str, object]) -> dict[str, object]:
    """`start` and what belongs to it, checked."""
    start, preload = options.get("start", "spawn"), options.get("preload", ())
    if start not in ("spawn", "fork"):
        raise UsageError(f"start of {name!r} must be 'spawn' or 'fork', not {start!r}.", hint="'fork' boots from a warmed interpreter")
    if isinstance(preload, str) or not isinstance(preload, Iterable):
        raise UsageError(f"preload of {name!r} must list modules, not {preload!r}.", hint="such as preload=['json', 'decimal']")
    modules = tuple(preload)
    for module in modules:
        if not isinstance(module, str) or not _MODULE.match(module):
            raise UsageError(f"preload of {name!r} must name modules, not {module!r}.", hint="such as preload=['json', 'decimal']")
    if modules and start != "fork":
        raise UsageError(f"{name!r} has preload, but boots without a warmed interpreter.", hint="add start='fork', or leave preload out")
    return {"start": start, "preload": modules}


def _runtime(name: str, options: Mapping[str, object], package: Package | None) -> dict[str, object]:
    """`runtime` and what belongs to it, checked. A fixed port can be had once, so it allows one instance."""
    runtime, command, port = options.get("runtime", "python"), options.get("command", ()), options.get("port")
    if runtime not in ("python", "custom"):
        raise UsageError(f"runtime of {name!r} must be 'python' or 'custom', not {runtime!r}.", hint="'custom' starts any HTTP server")
    if isinstance(command, str) or not isinstance(command, Iterable) or not all(isinstance(word, str) and word for word in command):
        raise UsageError(f"command of {name!r} must list words, not {command!r}.", hint="such as command=['python', 'app.py']")
    words = tuple(cast("Iterable[str]", command))
    if runtime == "python":
        given = [option for option in ("command", "port") if options.get(option)]
        if given:
            raise UsageError(f"{given[0]} of {name!r} is for a custom runtime.", hint="add runtime='custom', or leave it out")
        return {"runtime": runtime, "command": (), "port": None}
    if package is None:
        raise UsageError(f"{name!r} has no package for a custom runtime.", hint="use lab.deploy with a folder or a .zip")
    if not words:
        raise UsageError(f"{name!r} has a custom runtime and no command.", hint="such as command=['python', 'app.py']")
    for hook, usual in (("initializer", "/initialize"), ("pre_freeze", "/pre-freeze"), ("pre_stop", "/pre-stop")):
        if not _URL_PATH.match(str(options.get(hook) or usual)):
            raise UsageError(f"{hook} of {name!r} must be a path of its server, not {options[hook]!r}.", hint=f"such as {hook}={usual!r}")
    if port is None:
        return {"runtime": runtime, "command": words, "port": None}
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65_535:
        raise UsageError(f"port of {name!r} must be a whole number from 1 to 65535, not {port!r}.", hint="or leave it out: PORT says one")
    if options.get("max_instances", 1) != 1:
        raise UsageError(f"{name!r} has a fixed port, so it can have one instance only.", hint="read PORT in the server instead")
    return {"runtime": runtime, "command": words, "port": port, "max_instances": 1}


def _path(name: str, what: str, value: object, *, optional: bool = False) -> None:
    """Code of a package is named by text. Whether it is there shows when it is loaded, as in the product."""
    if value is None and optional:
        return
    if not isinstance(value, str) or not value:
        raise UsageError(f"The {what} of {name!r} must name code of the package, not {value!r}.", hint=f"such as {what}='index.{what}'")


def _callable(name: str, what: str, value: object, wants: tuple[str, ...]) -> None:
    shape = f"def {what}({', '.join(wants)})"
    if not callable(value):
        raise UsageError(f"The {what} of {name!r} must be a function, not {value!r}.", hint=f"write {shape}")
    try:
        inspect.signature(value).bind(*wants)
    except TypeError:
        raise UsageError(f"The {what} of {name!r} does not take ({', '.join(wants)}).", hint=f"write {shape}") from None
    except ValueError:
        return  # no signature to be had, such as some builtins
    if inspect.isgeneratorfunction(inspect.unwrap(value)) or inspect.isasyncgenfunction(inspect.unwrap(value)):
        raise UsageError(f"The {what} of {name!r} is a generator.", hint=f"write {shape} with return instead of yield")


def _seconds(name: str, options: Mapping[str, object], option: str, least: float, most: float) -> None:
    if options.get(option) is not None:
        to_us(options[option], f"{option} of {name!r}", least=least, most=most, endless=most == math.inf)
    elif option in options and option != "boot":
        raise UsageError(f"{option} of {name!r} must be a number of seconds, not None.", hint="leave it out for the default")


def _whole(name: str, options: Mapping[str, object], option: str, least: int, most: int) -> None:
    value = options.get(option, least)
    if value is None and option == "max_instances":
        return
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UsageError(
            f"{option} of {name!r} must be a whole number from {least} to {most}, not {value!r}.", hint=f"choose {option} in that range"
        )


def _duration(name: str, value: object) -> Duration:
    if isinstance(value, bool):
        raise UsageError(
            f"duration of {name!r} cannot be {value!r}.", hint="give seconds, a callable(random), an iterable or a named distribution"
        )
    if isinstance(value, (int, float)):
        to_us(value, f"duration of {name!r}")
        return value
    if isinstance(value, str):
        return value
    if callable(value):
        _callable(name, "duration", value, ("random",))
        return cast(Duration, value)
    if isinstance(value, Iterable):
        return cast(Duration, value)
    raise UsageError(
        f"duration of {name!r} cannot be {value!r}.", hint="give seconds, a callable(random), an iterable or a named distribution"
    )


def settings(spec: FunctionSpec) -> str:
    """What views and bills need to know of a function, as JSON. vCPUs follow memory, 1 for 2 GB (within the product's 1:1 to 1:4)."""
    return json.dumps(
        {
            "timeout": spec.timeout,
            "concurrency": spec.concurrency,
            "idle_timeout": None if math.isinf(spec.idle_timeout) else spec.idle_timeout,
            "code_mb": spec.code_mb,
            "reserved": spec.reserved,
            "handler": spec.handler is not None or spec.package is not None,
            "initializer": spec.initializer is not None,
            "cpu": spec.memory_mb / 2048,
            "disk_mb": 512,
        }
    )
