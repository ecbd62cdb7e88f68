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
    from fclab.sources.bus.trigger import EventBridgeTrigger, MNSQueue
    from fclab.sources.cdn.trigger import CDNTrigger
    from fclab.sources.gateway.trigger import APIGatewayTrigger
    from fclab.sources.http.trigger import HTTPTrigger
    from fclab.sources.hub import LoopDetected
    from fclab.sources.logs.trigger import LogTrigger
    from fclab.sources.messages.topic_trigger import MNSTopicTrigger
    from fclab.sources.monitor.trigger import AlarmTrigger
    from fclab.sources.objects.trigger import OSSTrigger
    from fclab.sources.tables.trigger import TablestoreTrigger
    from fclab.sources.timers import TimerTrigger
    from fclab.web import asgi, verify_webhook, wsgi

_LATER = {
    "AlarmTrigger": "fclab.sources.monitor.trigger",
    "APIGatewayTrigger": "fclab.sources.gateway.trigger",
    "asgi": "fclab.web",
    "CDNTrigger": "fclab.sources.cdn.trigger",
    "EventBridgeTrigger": "fclab.sources.bus.trigger",
    "HTTPTrigger": "fclab.sources.http.trigger",
    "LogTrigger": "fclab.sources.logs.trigger",
    "LoopDetected": "fclab.sources.hub",
    "MNSQueue": "fclab.sources.bus.trigger",
    "MNSTopicTrigger": "fclab.sources.messages.topic_trigger",
    "OSSTrigger": "fclab.sources.objects.trigger",
    "TablestoreTrigger": "fclab.sources.tables.trigger",
    "TimerTrigger": "fclab.sources.timers",
    "verify_webhook": "fclab.web",
    "wsgi": "fclab.web",
}
"""Names of what not every lab needs, by the module that is imported when somebody asks for one."""

__all__ = [
    "APIGatewayTrigger",
    "AlarmTrigger",
    "AsyncConfig",
    "BootProfile",
    "CDNTrigger",
    "CodeStoreError",
    "EndlessRun",
    "EventBridgeTrigger",
    "FclabError",
    "FunctionError",
    "FunctionSpec",
    "HTTPTrigger",
    "HandlerStuck",
    "IllegalTransition",
    "InProgress",
    "Interrupted",
    "Lab",
    "LabClosed",
    "LogTrigger",
    "LoopDetected",
    "MNSTopicTrigger",
    "MNSQueue",
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
    "TimerTrigger",
    "UnknownFunction",
    "UsageError",
    "WrongThread",
    "asgi",
    "idempotent",
    "verify_webhook",
    "wsgi",
    *events.__all__,
]


def __getattr__(name: str) -> object:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'fclab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_LATER})
