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
from fclab.model import AsyncConfig, Duration, FunctionSpec, Handler
from fclab.units import to_us

__all__ = ["build", "settings"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}\Z")
OPTIONS = tuple(field.name for field in fields(FunctionSpec) if field.name not in ("name", "handler"))


def build(name: object, handler: object, options: Mapping[str, object]) -> FunctionSpec:
    """A checked spec. Raises `UsageError` naming the option, what was given and what is allowed."""
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
        if options.get(hook) is not None:
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
    if options.get("start", "spawn") not in ("spawn", "fork"):
        raise UsageError(
            f"start of {name!r} must be 'spawn' or 'fork', not {options['start']!r}.", hint="'fork' boots from a warmed interpreter"
        )
    environment = options.get("environment", {})
    if not isinstance(environment, Mapping) or not all(
        isinstance(key, str) and isinstance(value, str) for key, value in environment.items()
    ):
        raise UsageError(f"environment of {name!r} must map names to texts, not {environment!r}.", hint="such as {'STAGE': 'test'}")
    config = options.get("async_config", AsyncConfig())
    if not isinstance(config, AsyncConfig):
        raise UsageError(f"async_config of {name!r} must be an AsyncConfig, not {config!r}.", hint="from fclab import AsyncConfig")
    reserved, limit = cast(int, options.get("reserved", 0)), cast("int | None", options.get("max_instances"))
    if limit is not None and reserved > limit:
        raise UsageError(f"{name!r} reserves {reserved} instances but is limited to {limit}.", hint="raise max_instances or reserve fewer")
    checked = dict(options)
    checked["environment"] = dict(environment)
    if handler is None and options.get("duration") is None:
        raise UsageError(f"{name!r} has neither code nor a duration.", hint="give duration=0.2, or use @lab.function")
    if options.get("duration") is not None:
        checked["duration"] = _duration(name, options["duration"])
    return FunctionSpec(name, cast("Handler | None", handler), **cast("dict[str, Any]", checked))


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
            "handler": spec.handler is not None,
            "initializer": spec.initializer is not None,
            "cpu": spec.memory_mb / 2048,
            "disk_mb": 512,
        }
    )
