"""The trigger of a topic, and what a function gets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from fclab.errors import UsageError
from fclab.model import Mode
from fclab.sources.base import ACCOUNT, REGION, Trigger, document
from fclab.sources.messages import limits
from fclab.sources.messages.strategies import RETRIES, strategy

__all__ = ["FORMATS", "MNSTopicTrigger", "check_tag", "notice"]

FORMATS = ("STREAM", "JSON")
_ARN = re.compile(r"acs:mns:[^:]*:[^:]*:/topics/([^/]+)")
_FIELDS = {"notifyContentFormat": "format", "notifyStrategy": "strategy", "filterTag": "tag"}


def check_tag(tag: object) -> str | None:
    """A tag: 1 to 16 characters, or None. Raises `UsageError`."""
    if tag is not None and (not isinstance(tag, str) or not 1 <= len(tag) <= 16):
        raise UsageError(f"A tag has 1 to 16 characters, unlike {tag!r}.", hint="leave it out for none")
    return tag


def notice(
    form: str, topic: str, subscription: str, body: bytes, identity: str, published: int, attributes: dict[str, str] | None
) -> bytes:
    """A topic's message as a subscriber gets it; `published` in ms since 1970."""
    text = body.decode("utf-8", "replace")
    if form == "STREAM":
        return document({"body": text, "attrs": attributes}) if attributes else body
    return document(
        {
            "TopicOwner": ACCOUNT, "Message": text, "Subscriber": ACCOUNT, "PublishTime": published, "SubscriptionName": subscription,
            "MessageMD5": limits.digest(body), "TopicName": topic, "MessageId": identity, **(attributes or {}),
        }
    )


@dataclass(frozen=True, kw_only=True)
class MNSTopicTrigger(Trigger):
    """A topic of the message service calls a function, asynchronously, with each message published to it.

    topic     its name
    tag       only messages with this tag, 1 to 16 characters; None: all
    format    STREAM: the message's text alone, or {"body", "attrs"} if it has attributes; JSON: the text among what is known of it
    strategy  how the topic tries again when the platform does not take the event: BACKOFF_RETRY or EXPONENTIAL_DECAY_RETRY
    Raises `UsageError` for other values.
    """

    TYPE: ClassVar[str] = "mns_topic"
    SOURCE: ClassVar[str] = "topics"
    MODE: ClassVar[Mode] = "async"
    RETRIES: ClassVar[str] = RETRIES
    topic: str
    tag: str | None = None
    format: str = "STREAM"
    strategy: str = "BACKOFF_RETRY"

    def __post_init__(self) -> None:
        limits.name(self.topic, "topic")
        check_tag(self.tag)
        strategy(self.strategy, "strategy")
        if self.format not in FORMATS:
            raise UsageError(f"format is STREAM or JSON, not {self.format!r}.", hint="the first is the product's default")

    @property
    def arn(self) -> str:
        return f"acs:mns:{REGION}:{ACCOUNT}:/topics/{self.topic}"

    @property
    def watches(self) -> str:
        return self.topic

    def config(self) -> dict[str, Any]:
        made = {"notifyContentFormat": self.format, "notifyStrategy": self.strategy}
        return made if self.tag is None else {**made, "filterTag": self.tag}

    @classmethod
    def from_config(cls, arn: str, config: dict[str, Any]) -> MNSTopicTrigger:
        found = _ARN.fullmatch(arn)
        if found is None:
            raise UsageError(f"sourceArn {arn!r} is no topic's.", hint="such as acs:mns:lab:000000000000:/topics/orders")
        if wrong := [key for key in config if key not in _FIELDS]:
            raise UsageError(f"An mns_topic trigger has no {wrong[0]!r}.", hint=f"it has: {', '.join(_FIELDS)}")
        given = {_FIELDS[key]: value for key, value in config.items() if not (key == "filterTag" and value == "")}
        return cls(topic=found[1], **given)

    @classmethod
    def example(cls) -> bytes:
        return notice("JSON", "orders", "mns_topic", b"hello", limits.message_id("orders", 1), 1_700_000_000_000, None)
