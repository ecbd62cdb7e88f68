"""The part of the durable queue that tells of tasks: what its home has on record, less what is being forgotten."""

from __future__ import annotations

from functools import partial

from fclab.queues.journal import Journal, Step
from fclab.queues.reader import Reader
from fclab.queues.records import Page, TaskQuery, TaskRecord
from fclab.queues.statements import forgotten

__all__ = ["SWEEP", "Ledger"]

SWEEP = 256
"""Tasks forgotten in one step, and accepted between two sweeps that nobody asks for."""


class Ledger:
    """Reads records, and forgets them.

    1. What has been swept is on record for nobody, also while the step that removes it is still to be written; what is handed in
       later is written later, so a task id is free from the sweep on.
    """

    _read: Reader
    _journal: Journal

    def __init__(self) -> None:
        super().__init__()
        self.forgotten = 0
        self._leaving: set[int] = set()
        """Requests swept, whose rows are still to be removed."""

    def task(self, request: int) -> TaskRecord | None:
        return None if request in self._leaving else self._read.task(request)

    def tasks(self, query: TaskQuery) -> Page:
        page = self._read.tasks(query)
        return Page([one for one in page.tasks if one.request not in self._leaving], page.token) if self._leaving else page

    def number(self, name: str, function: str = "") -> int:
        found = self._read.number(name, function)
        return 0 if found in self._leaving else found

    def payload(self, request: int) -> bytes:
        return b"" if request in self._leaving else self._read.payload(request)

    def sweep(self, before: int) -> int:
        old = [one for one in self._read.over(before) if one[0] not in self._leaving]
        for first in range(0, len(old), SWEEP):
            part = old[first : first + SWEEP]
            requests, unsent = [request for request, _ in part], sum(dead for _, dead in part)
            self._leaving.update(requests)
            self.forgotten += unsent
            left = partial(self._leaving.difference_update, requests)
            self._journal.add(Step("sweep", *forgotten(requests, unsent), stored=left, synced=False))
        return len(old)

    def _holds(self, function: str, task_id: str) -> bool:
        """Whether a task of that id is on record."""
        found = self._read.holder(function, task_id)
        return found != 0 and found not in self._leaving

    def _dead(self, request: int) -> bool:
        """Whether the task's event was given up."""
        return request not in self._leaving and self._read.dead(request)
