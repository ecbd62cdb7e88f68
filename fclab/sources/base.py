"""The contract of an event source and of a trigger."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from fclab.errors import SourceError, UsageError

if TYPE_CHECKING:
    from fclab.model import Mode
    from fclab.sources.hub import Change, Hub

__all__ = ["ACCOUNT", "REGION", "Binding", "Source", "Trigger", "Waits", "document", "name_check", "utf8", "verb"]

REGION, ACCOUNT = "lab", "000000000000"
"""Where the lab is, and whose it is: what ARNs say."""

Waits = Callable[[int, int, Random], "int | None"]
"""(attempts made, age of the event in µs, chance) -> µs until the source tries again, or None to give up."""

F = TypeVar("F", bound=Callable[..., object])


def verb(method: F) -> F:
    """Marks what notebooks (`lab.objects.put`) and handlers (`context.objects.put`) may call: plain values in, plain values out."""
    method.is_verb = True  # type: ignore[attr-defined]
    return method


@dataclass(frozen=True, kw_only=True)
class Trigger(ABC):
    """What binds a source to a function, apart from the two. Subclasses are frozen dataclasses whose fields are the user's options.

    1. A trigger that cannot work is refused when it is made (`__post_init__` raises `UsageError`) or bound (`Source.bind`), never later.
    2. `config()` is the wire's JSON object; `from_config(source_arn, config())` is an equal trigger.
    """

    TYPE: ClassVar[str]
    """The product's word for it: oss, timer, http, log, tablestore, mns_topic, cdn_events, eventbridge; or our own, such as alarm."""
    SOURCE: ClassVar[str]
    """The name of its source: `Source.NAME`."""
    MODE: ClassVar[Mode]
    """How it calls unless it says otherwise."""
    FIXED: ClassVar[tuple[str, ...]] = ()
    """Fields that stay as they were when it was made."""
    RETRIES: ClassVar[str]
    """What happens to an event whose delivery fails, in one sentence, for the catalogue."""
    PATIENCE: ClassVar[float | None] = None
    """Seconds after which an answer counts as a failure, though the run goes on; None: the source waits as long as the function may run."""

    @property
    def mode(self) -> Mode:
        """How it calls."""
        return self.MODE

    @property
    def call_mode(self) -> Mode:
        """The same, where `mode` is an option with another meaning."""
        return self.mode

    @property
    def arn(self) -> str:
        """The identity of what it watches; "" where the product gives none."""
        return ""

    @property
    def watches(self) -> str:
        """What it watches, in a word or two for people: the bucket, the table, the topic."""
        return ""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """The wire's `triggerConfig`."""

    @classmethod
    @abstractmethod
    def from_config(cls, arn: str, config: dict[str, Any]) -> Trigger:
        """The trigger that a client describes. Raises `UsageError` for what makes none."""

    @classmethod
    @abstractmethod
    def example(cls) -> bytes:
        """An event as a function gets it, made by the code that makes real ones."""


@dataclass(slots=True)
class Binding:
    """A trigger that exists: its name, its function, and when (µs of lab time) it was made and changed last. `number` is its own."""

    number: int
    name: str
    function: str
    trigger: Trigger
    enabled: bool
    created: int
    modified: int

    @property
    def id(self) -> str:
        """Its id on the wire."""
        return f"lab-trigger-{self.number}"


class Source:
    """One embedded service: owns data, turns changes into events. Plain code on the engine's thread: it never waits.

    1. Its data is in tables of `hub.store`, made by `SCHEMA`; nothing that must survive a restart is anywhere else.
    2. Every change is made in `with self.hub.change(...) as change:`, and with it, in the same transaction, the deliveries that it causes:
       so no event is lost between a change and its delivery, and none is sent for a change that failed.
    3. Its verbs take and return plain values: None, bool, int, float, str, bytes, list, dict with text keys. Errors are `SourceError`
       with the product's code, or `UsageError` for wrong types.
    4. `bind` checks a trigger against the data and against other triggers, and starts what it needs; it is called when a trigger is made,
       enabled or changed, and for every enabled one when a home is opened again. `unbind` ends that. Neither changes data, but for
       an empty container, such as a bucket, that a trigger names.
    """

    NAME: ClassVar[str]
    """The attribute of the lab: `lab.objects`."""
    TITLE: ClassVar[str]
    """What it is, in the field's words: "object store"."""
    SCHEMA: ClassVar[str] = ""
    """SQL that makes its tables: CREATE TABLE IF NOT EXISTS ..."""
    TRIGGERS: ClassVar[tuple[type[Trigger], ...]] = ()

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.store = hub.store

    def bind(self, binding: Binding) -> None:
        """A trigger on this source is there (clause 4). Raises `UsageError` or `SourceError` to refuse it."""

    def unbind(self, binding: Binding) -> None:
        """It is gone, or disabled."""

    def woken(self, binding: Binding) -> None:
        """Its function was declared, or it was enabled: what stood still may go on."""

    def reopened(self) -> None:
        """The home was opened again: take up what time has left over. Its bindings are there already."""

    def deliver(self, change: Change, name: str, body: bytes) -> None:
        """A destination in this source is told the outcome of the request `change.cause`, once. Raises `SourceError` if it cannot be."""
        raise SourceError("InvalidAction", f"{self.NAME} are no destination.", hint="take a queue or a topic")

    def close(self) -> None:
        """The lab ends: let go of what is not in the store."""

    @classmethod
    def verbs(cls) -> list[str]:
        """The names of its verbs."""
        return sorted(name for name in dir(cls) if getattr(getattr(cls, name), "is_verb", False))

    def label(self, what: str = "") -> str:
        """How the recording names it, or one of its parts: "objects photos"."""
        return f"{self.NAME} {what}".rstrip()


def document(value: object) -> bytes:
    """An event as JSON, as the product sends it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def utf8(text: str, what: str) -> bytes:
    """A text's bytes. Raises `SourceError` InvalidArgument for half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise SourceError("InvalidArgument", f"{what} is no text that UTF-8 has: {error}.", hint="give bytes, or mend the text") from None


def name_check(value: object, what: str, pattern: Any, form: str) -> str:
    """`value` if it is a text that `pattern` matches whole. Raises `UsageError`."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise UsageError(f"{what} is {form}, unlike {value!r}.", hint=f"choose {what.lower()} of that form")
    return value
