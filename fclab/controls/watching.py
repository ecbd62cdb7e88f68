"""What a lab shows of itself: everything is computed from its recording."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fclab.controls.handles import Text
from fclab.observe.events import Event
from fclab.observe.hooks import Observer
from fclab.observe.recording import Recording
from fclab.views import view

if TYPE_CHECKING:
    from fclab.controls.driver import Driver
    from fclab.controls.live import LiveDriver
    from fclab.engine.invoice import Bill
    from fclab.observe.feed import Feed
    from fclab.observe.metrics import Metrics

__all__ = ["Watching"]


class Watching:
    """The part of a `Lab` that reads. Nothing here changes a run."""

    _driver: Driver | LiveDriver

    @property
    def recording(self) -> Recording:
        """What has happened. In virtual time it grows with the lab; in real time it is what had happened when you asked."""
        return self._driver.recording()

    def on(self, *kinds: type[Event]) -> Callable[[Observer], Observer]:
        """Observe: `@lab.on(InstanceReclaimed)` above `def note(event)`. An observer that raises is detached and reported.

        In real time observers run on the engine's thread: be quick, and do not wait for the lab in one.
        """
        add = self._driver.platform.recording.hooks.asking(kinds)
        self._driver.check()
        return lambda observer: self._driver.ask(add, observer)

    def log(self, name: str, instance: str | None = None) -> Text:
        """What a function printed and logged lately, in requests and outside of them; of one instance ("hello#1") if it is named."""
        return Text(self._driver.ask(self._driver.platform.logbook.read, name, instance))

    def table(self) -> Text:
        """The run as plain text, always the same for the same run."""
        from fclab.observe.table import table
        return Text(table(self.recording.kept()))

    def metrics(self) -> Metrics:
        """Latencies, cold share, concurrency and queue over time."""
        from fclab.observe.metrics import metrics
        return metrics(self.recording.kept())

    def bill(self, tariff: Any = "pay-as-you-go", **options: Any) -> Bill:
        """What the run costs; see `fclab.engine.billing.bill`."""
        from fclab.engine.billing import bill
        from fclab.observe.meters import meters
        return bill(meters(self.recording.kept()), tariff, **options)

    def timeline(self, **options: Any) -> Any:
        """The timeline widget: instances as rows, phases as spans. It moves while the lab runs in real time, or is played."""
        return view("timeline")(self._shown(), **options)

    def call_chain(self, **options: Any) -> Any:
        """The call-chain widget: components as nodes, requests as tokens. It moves like the timeline, and with it."""
        return view("call_chain")(self._shown(), **options)

    def _shown(self) -> Feed | Recording:
        """What a view is made from: while time passes by itself, it moves."""
        from fclab.controls.feeds import feed_of
        return feed_of(self._driver)

    def export(self, path: str | Path) -> Path:
        """Write the run to a file and return its path: .html (a page by itself), .svg (the timeline), .csv (one line a request) or .json
        (the recording, for `Recording.load`).
        """
        from fclab.observe.export import export
        return export(self.recording.kept(), Path(path))
