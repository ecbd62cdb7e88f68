"""CloudEvents 1.0, as the product's event bus fills them in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from fclab.errors import SourceError, UsageError
from fclab.sources.base import ACCOUNT, REGION, document
from fclab.sources.stamps import stamp_ms

__all__ = ["BUS", "LARGEST", "event_id", "filled", "queue_event"]

BUS = "default"
"""The name of the lab's bus."""

LARGEST = 65_536
"""Bytes of one event as JSON, at most."""

_ADDRESS = "127.0.0.1"


def event_id(seed: int, number: int) -> str:
    """The id of the lab's `number`th event, the same in every run of a seed."""
    text = hashlib.md5(f"{seed}:event:{number}".encode(), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _envelope(event: Mapping[str, Any], bus: str, published: int, data: dict[str, Any]) -> dict[str, Any]:
    added = {
        "aliyunaccountid": ACCOUNT, "aliyunpublishtime": stamp_ms(published), "aliyunoriginalaccountid": ACCOUNT, "aliyuneventbusname": bus,
        "aliyunregionid": REGION, "aliyunpublishaddr": _ADDRESS,
    }  # fmt: skip
    return {**event, **added, **data}


def filled(event: object, identity: str, now: int) -> dict[str, Any]:
    """A whole event from what was published at `now` (µs since 1970): id, time, version and type of data where they are missing, and the
    product's extensions. Raises `UsageError` for what makes no CloudEvent, `SourceError` for more than 64 KB."""
    if not isinstance(event, Mapping):
        raise UsageError(f"An event is a mapping, not {type(event).__name__}.", hint='such as {"source": "shop", "type": "Sold"}')
    data = {key: event[key] for key in ("data", "data_base64") if key in event}
    given = {key: value for key, value in event.items() if key not in data and value is not None}
    whole = _envelope(
        {
            "id": given.pop("id", identity), "source": given.pop("source", None), "specversion": given.pop("specversion", "1.0"),
            "type": given.pop("type", None), "datacontenttype": given.pop("datacontenttype", "application/json; charset=utf-8"),
            **given, "time": given.pop("time", stamp_ms(now)),
        },
        BUS, now, data,
    )  # fmt: skip
    try:
        text = document(whole)
    except (TypeError, ValueError) as error:
        raise UsageError(f"The event cannot be written as JSON ({error}).", hint="bytes go as data_base64") from None
    _validate(text)
    if len(text) > LARGEST:
        raise SourceError("EventSizeExceeded", f"The event has {len(text)} bytes; {LARGEST} are allowed.", hint="publish where the data is")
    return json.loads(text)  # type: ignore[no-any-return]  # a copy of its own, as plain as what the function gets


def _validate(text: bytes) -> None:
    from cloudevents.core.exceptions import CloudEventValidationError  # brings in date parsing, which few labs need
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent

    try:
        JSONFormat().read(CloudEvent, text)
    except CloudEventValidationError as error:
        said = "; ".join(f"{name}: {', '.join(map(str, found))}" for name, found in error.errors.items())
        raise UsageError(f"This is no CloudEvent: {said}.", hint="give source and type, both texts") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"This is no CloudEvent: {error}.", hint="time is RFC 3339, such as 2026-01-01T00:00:00Z") from None


def queue_event(identity: str, request: str, queue: str, message: str, body: str, sent: int, now: int) -> dict[str, Any]:
    """A queue's message as an event; `sent` and `now` in µs since 1970."""
    source = f"acs:mns:{queue}"
    event = {
        "id": identity, "source": source, "specversion": "1.0", "type": "mns:Queue:SendMessage",
        "datacontenttype": "application/json; charset=utf-8", "subject": f"acs:mns:{REGION}:{ACCOUNT}:queues/{queue}",
        "time": stamp_ms(sent),
    }  # fmt: skip
    return _envelope(event, source, now, {"data": {"requestId": request, "messageId": message, "messageBody": body}})
