"""The trigger on a table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from fclab.errors import UsageError
from fclab.model import Mode
from fclab.sources.base import ACCOUNT, REGION, Trigger, name_check
from fclab.sources.tables.columns import NAME
from fclab.sources.tables.records import event, record

__all__ = ["INSTANCE", "TablestoreTrigger"]

INSTANCE = "lab"
"""The one instance that the lab's table store has."""

_INSTANCE = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,14}[A-Za-z0-9]")
_ARN = re.compile(r"acs:ots:[^:]*:[^:]*:instance/([^/]*)/table/([^/]*)")


@dataclass(frozen=True, kw_only=True)
class TablestoreTrigger(Trigger):
    """Calls a function with the changes of a table, in their order, in batches of at most 100 records and 4 MB (ours; the product
    states no size).

    table      the table; it must have a stream
    instance   where the table is; the lab has one instance, "lab"

    The event is CBOR: `cbor2.loads(event)["Records"]`. (The product's console tests functions with JSON; `example()` is what really comes.)

    1. Calls are synchronous, one at a time. Records come in order, at least once; without failures, once.
    2. An answer must come within a minute of the call. A function with a longer time-out runs on, but the attempt counts as failed and the
       batch is sent again, so it may run twice at a time: give it a time-out of less.
    3. A batch whose call fails is sent again after 1, 2, 4 ... up to 60 s (ours; the product names none), with what has come meanwhile,
       until its records expire. Those that expire are kept as undelivered.
    4. A new trigger begins with the changes that come after it was made. One that was disabled goes on where it stood.
    """

    TYPE: ClassVar[str] = "tablestore"
    SOURCE: ClassVar[str] = "tables"
    MODE: ClassVar[Mode] = "sync"
    RETRIES: ClassVar[str] = "until the stream's records expire, a minute apart at most; later changes wait"
    PATIENCE: ClassVar[float | None] = 60.0
    table: str
    instance: str = INSTANCE

    def __post_init__(self) -> None:
        name_check(self.table, "The name of a table", NAME, "letters, digits and _, not beginning with a digit, at most 255")
        name_check(self.instance, "The name of an instance", _INSTANCE, "3 to 16 letters, digits and hyphens, beginning with a letter")

    @property
    def arn(self) -> str:
        """The table's identity."""
        return f"acs:ots:{REGION}:{ACCOUNT}:instance/{self.instance}/table/{self.table}"

    @property
    def watches(self) -> str:
        """The table."""
        return self.table

    def config(self) -> dict[str, Any]:
        """Empty, as in the product's version 3: the ARN says it all."""
        return {}

    @classmethod
    def from_config(cls, arn: str, config: dict[str, Any]) -> TablestoreTrigger:
        """From an ARN and no config, or that of version 2: instanceName and tableName, which must not say otherwise."""
        match = _ARN.fullmatch(arn) if isinstance(arn, str) else None
        form = "acs:ots:<region>:<account>:instance/<instance>/table/<table>"
        if match is None:
            raise UsageError(f"sourceArn {arn!r} names no table.", hint=f"it has the form {form}")
        trigger = cls(table=match[2], instance=match[1])
        said = {"instanceName": trigger.instance, "tableName": trigger.table}
        for field, value in config.items():
            if field not in said:
                raise UsageError(f"triggerConfig of a tablestore trigger has no {field!r}.", hint="it is empty: sourceArn says it all")
            if value != said[field]:
                raise UsageError(f"{field} is {value!r}, but sourceArn says {said[field]!r}.", hint=f"leave {field} out")
        return trigger

    @classmethod
    def example(cls) -> bytes:
        """A new order, and its payment two seconds later."""
        at = 1_506_416_585_740_836
        return event([
            record("PutRow", at, {"user": 7, "order": "b-1"}, {"total": 12.5, "paid": False}, []),
            record("UpdateRow", at + 2_000_000, {"user": 7, "order": "b-1"}, {"paid": True}, ["note"]),
        ])  # fmt: skip
