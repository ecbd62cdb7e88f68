"""fclab: a function-compute platform small enough to read, real enough to run your code, and recorded in every step.

from fclab import Lab

lab = Lab()

@lab.function
def hello(event, context):
    return "hello"

print(lab.invoke("hello").text)
"""

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

__all__ = [
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
    "MissingExtra",
    "NestedRun",
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
    "TargetTracking",
    "UnknownFunction",
    "UsageError",
    "WrongThread",
    "idempotent",
    *events.__all__,
]
