"""The job of a log trigger: it looks at the shards of a logstore at every interval, and calls the function for those with new logs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fclab.sources.logs.cursors import cursor
from fclab.sources.logs.trigger import LogTrigger, task_event
from fclab.units import SECOND

if TYPE_CHECKING:
    from fclab.clock import Timer
    from fclab.sources.base import Binding
    from fclab.sources.deliveries import Failure
    from fclab.sources.logs.service import Logs
    from fclab.sources.logs.stores import Logstore

__all__ = ["Job"]

_LONGEST = 3600
"""Seconds: no wait between two tries is longer. Ours; the product states no number."""


class Job:
    """1. Looks come at whole multiples of the interval after the trigger was made. They are no work, and none comes while nothing is new.
    2. A look calls the function once for each shard that has new logs, and not for one whose last call has not succeeded yet.
    3. While the trigger is disabled or its function not declared it stands still; where it has read to stays stored.
    4. Its own log is written to another logstore as deep in the chain of triggers as the call it tells of, so jobs that watch each
       other's logs are a loop that is seen.
    """

    def __init__(self, logs: Logs, binding: Binding) -> None:
        self.logs = logs
        self.hub = logs.hub
        self.binding = binding
        self.active = False
        self._timer: Timer | None = None
        self._shards: dict[tuple[int, int], Shard] = {}

    @property
    def trigger(self) -> LogTrigger:
        """Its trigger as it is now."""
        trigger = self.binding.trigger
        assert isinstance(trigger, LogTrigger)
        return trigger

    def watches(self, store: Logstore) -> bool:
        """It is at work on that logstore."""
        return self.active and (store.project, store.name) == (self.trigger.project, self.trigger.logstore)

    def start(self, store: Logstore, first: int) -> None:
        """Go on, or begin at log number `first`."""
        self.active = True
        for number in range(store.shards):
            self._shard(store, number, first)
        self.wake()

    def stop(self) -> None:
        """Rest (clause 3)."""
        self.active = False
        if self._timer is not None:
            self._timer.cancel()

    def wake(self) -> None:
        """Something may be new: look at the next multiple of the interval, if there is a reason."""
        hub = self.hub
        armed = self._timer is not None and self._timer.live
        if armed or not self.active or not hub.ready(self.binding) or not any(shard.ripe() for shard in self._all()):
            return
        made, interval = hub.unix(self.binding.created), self.trigger.interval * SECOND
        looks = (hub.unix() - made) // interval + 1
        self._timer = hub.tick(made + looks * interval, self._look)

    def _look(self) -> None:
        if self.active and self.hub.ready(self.binding):
            for shard in self._all():
                if shard.ripe():
                    shard.begin()

    def _all(self) -> list[Shard]:
        trigger = self.trigger
        store = self.logs.find(trigger.project, trigger.logstore)
        return [] if store is None else [self._shard(store, number, 0) for number in range(store.shards)]

    def _shard(self, store: Logstore, number: int, first: int) -> Shard:
        shard = self._shards.get((store.number, number))
        if shard is None:
            shard = self._shards[store.number, number] = Shard(self, store.number, number, first)
        return shard

    def tell(self, task: Task, shard: int, tries: int, failure: Failure | None) -> None:
        """Write to the job's own log, if it has one (clause 4)."""
        trigger = self.trigger
        if trigger.log_project:
            event = json.loads(task.payload)
            said = {
                "jobName": event["jobName"], "taskId": event["taskId"], "shardId": str(shard),
                "beginCursor": event["source"]["beginCursor"], "endCursor": event["source"]["endCursor"], "attempt": str(tries),
                "status": "succeeded" if failure is None else "failed", "message": "" if failure is None else failure.reason,
            }  # fmt: skip
            with self.hub.change() as change:
                where = trigger.log_project, trigger.log_logstore
                row = json.dumps(said, ensure_ascii=False)
                self.logs.put(change, where, [row], ("etl_job", ""), cause=task.request, depth=task.depth + 1)


@dataclass(slots=True)
class Task:
    """The logs of a shard up to, but not at, number `end`; cause and depth as `Change` has them; request: the last that was made of it."""

    payload: bytes
    end: int
    cause: int
    depth: int
    request: int = 0


class Shard:
    """What a job has read of one shard.

    1. One task at a time; a task that failed is repeated with the same range, so with the same id, as long as the lab is open.
    2. It is repeated at once until `max_retries` repetitions have failed; then after 1, 2, 4 ... intervals, which are no work of the run.
    3. Success moves the checkpoint, which is stored, to the end of the range. Nothing else does, but that a task which would go on
       with a loop is given up.
    """

    def __init__(self, job: Job, store: int, number: int, first: int) -> None:
        self.job = job
        self.store = store
        self.number = number
        self.task: Task | None = None
        key = job.binding.number, f"{store}/{number}"
        rows = job.hub.store
        rows.run("INSERT OR IGNORE INTO lines (trigger, name, checkpoint) VALUES (?, ?, ?)", *key, str(first))
        row = rows.one("SELECT checkpoint, tries FROM lines WHERE trigger = ? AND name = ?", *key) or (first, 0)
        self.checkpoint, self.tries = int(row[0]), int(row[1])

    def ripe(self) -> bool:
        """Something is new, and no task under way (clause 1)."""
        return self.task is None and self.job.logs.news(self.store, self.number, self.checkpoint) is not None

    def begin(self) -> None:
        """Make a task of what is new."""
        job = self.job
        new = job.logs.news(self.store, self.number, self.checkpoint)
        if new is None:
            return
        newest, time, cause, depth = new
        begin, end = (cursor(self.store, self.number, number) for number in (self.checkpoint, newest + 1))
        name = f"{job.binding.function}/{job.binding.name}"
        self.task = Task(task_event(job.trigger, name, begin, end, self.number, time), newest + 1, cause, depth)
        self._call(self.task)

    def _call(self, task: Task) -> None:
        job, hub = self.job, self.job.hub
        if not job.active or not hub.ready(job.binding):
            self.task = None
            return
        self.tries += 1
        task.request = hub.platform.front_door.requests + 1
        hub.call(job.binding, task.payload, task.cause, task.depth, self.tries, lambda said: self._done(task, said))

    def _done(self, task: Task, failure: Failure | None) -> None:
        job, hub = self.job, self.job.hub
        if not hub.exists(job.binding):
            return
        lost = failure is not None and failure.final
        tries = self.tries
        with hub.store.transaction():
            if failure is None or lost:
                self.checkpoint, self.tries, self.task = task.end, 0, None
            if failure is not None and lost:
                hub.outbox.keep(job.binding, task.payload, tries, failure.reason)
            hub.store.run(
                "UPDATE lines SET checkpoint = ?, tries = ? WHERE trigger = ? AND name = ?",
                str(self.checkpoint), self.tries, job.binding.number, f"{self.store}/{self.number}",
            )  # fmt: skip
        if not lost:
            job.tell(task, self.number, tries, failure)
        if failure is None or lost:
            if failure is not None:
                hub.gave_up(job.binding, failure)
            job.wake()
        elif tries <= job.trigger.max_retries:
            hub.owe(0, self._call, task)
        else:
            wait = min(_LONGEST, job.trigger.interval * 2 ** min(20, tries - job.trigger.max_retries - 1))
            hub.tick(hub.unix() + wait * SECOND, self._call, task)
