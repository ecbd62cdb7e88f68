"""What a lab shows of its run: everything here is computed from the recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fclab.controls.handles import Text
from fclab.observe.recording import Recording
from fclab.views import view

if TYPE_CHECKING:
    from fclab.engine.invoice import Bill
    from fclab.observe.metrics import Metrics

__all__ = ["Watching"]


class Watching:
    """The part of `Lab` that looks at its recording."""

    recording: Recording

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
        """The timeline widget: instances as rows, phases as spans."""
        return view("timeline")(self.recording.kept(), **options)

    def call_chain(self, **options: Any) -> Any:
        """The call-chain widget: components as nodes, requests as tokens."""
        return view("call_chain")(self.recording.kept(), **options)

    def export(self, path: str | Path) -> Path:
        """Write the run to a file: .html (a page by itself), .svg (the timeline) or .csv (one line a request); returns the path."""
        from fclab.observe.export import export
        return export(self.recording.kept(), Path(path))
