"""The course: prediction cards, watching, exercises that read recordings. Everything a lesson's cells call hangs on `lesson`."""

from __future__ import annotations

from fclab.teach.lesson import Lesson, lesson

__all__ = ["Lesson", "lesson"]
