"""fclab: a function-compute platform small enough to read, real enough to run your code, and recorded in every step.

from fclab import Lab

lab = Lab()

@lab.function
def hello(event, context):
    return "hello"

print(lab.invoke("hello").text)
"""

from importlib import import_module
from typing import TYPE_CHECKING

from fclab.errors import (
    CodeStoreError,
    EndlessRun,
    FclabError,
    FunctionError,
    HandlerStuck,
    IllegalTransition,
    Interrupted,
    LabClosed,
    MissingExtra,
    NestedRun,
    PackageError,
    PlatformError,
    RecordingError,
    RequestError,
    RequestRefused,
    SourceError,
    UnknownFunction,
    UsageError,
    WrongThread,
)
from fclab.idempotency import InProgress, idempotent
from fclab.lab import Lab
from fclab.model import AsyncConfig, BootProfile, FunctionSpec, Package, Phase, Response, Schedule, TargetTracking
from fclab.observe import events
from fclab.observe.events import *  # noqa: F403  every event class, for @lab.on(InstanceReclaimed)
from fclab.observe.recording import Recording

if TYPE_CHECKING:
    from fclab.sources.hub import LoopDetected
    from fclab.sources.logs.trigger import LogTrigger
    from fclab.sources.monitor.trigger import AlarmTrigger
    from fclab.sources.objects.trigger import OSSTrigger
    from fclab.sources.tables.trigger import TablestoreTrigger

_LATER = {
    "AlarmTrigger": "fclab.sources.monitor.trigger",
    "LogTrigger": "fclab.sources.logs.trigger",
    "LoopDetected": "fclab.sources.hub",
    "OSSTrigger": "fclab.sources.objects.trigger",
    "TablestoreTrigger": "fclab.sources.tables.trigger",
}
"""Names of what not every lab needs, by the module that is imported when somebody asks for one."""

__all__ = [
    "AlarmTrigger",
    "AsyncConfig",
    "BootProfile",
    "CodeStoreError",
    "EndlessRun",
    "FclabError",
    "FunctionError",
    "FunctionSpec",
    "HandlerStuck",
    "IllegalTransition",
    "InProgress",
    "Interrupted",
    "Lab",
    "LabClosed",
    "LogTrigger",
    "LoopDetected",
    "MissingExtra",
    "NestedRun",
    "OSSTrigger",
    "Package",
    "PackageError",
    "Phase",
    "PlatformError",
    "Recording",
    "RecordingError",
    "RequestError",
    "RequestRefused",
    "Response",
    "Schedule",
    "SourceError",
    "TablestoreTrigger",
    "TargetTracking",
    "UnknownFunction",
    "UsageError",
    "WrongThread",
    "idempotent",
    *events.__all__,
]


def __getattr__(name: str) -> object:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'fclab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
