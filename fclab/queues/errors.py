"""What a queue refuses and what its home can be lacking; the status each becomes at the front door."""

from __future__ import annotations

from fclab.errors import FclabError, UsageError

__all__ = ["DuplicateTask", "HomeRefused", "NotStored", "QueueFull"]


class HomeRefused(UsageError):
    """A home folder cannot be opened: in use, of the other kind, damaged, from a newer version, not writable. Nothing was changed."""


class NotStored(FclabError):
    """A step could not be written to the home: its disk is full, read-only or failing. An event that was to be accepted gets a 503."""


class QueueFull(FclabError):
    """The queue holds as many events as it may. The caller gets a 429."""


class DuplicateTask(FclabError):
    """A task of that id, or a second redrive of one dead letter. The caller gets a 409."""
