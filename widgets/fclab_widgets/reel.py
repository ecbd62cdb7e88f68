"""What the browser needs to show one recording: binary columns, and a few small tables of names."""

from __future__ import annotations

from dataclasses import asdict

from fclab.observe.palette import PAINTS
from fclab.observe.spans import SPAN_KINDS
from fclab.observe.svg_chain import board, crossings
from fclab.observe.svg_scene import MOST_HOPS, Scene
from fclab_widgets.columns import pack

__all__ = ["MOST_HOPS", "reel"]


def reel(made: Scene) -> dict[str, object]:
    """The traits of a `Player` for one scene. Times in µs of lab time, positions in seconds of playing."""
    spans, hops, story, requests = made.spans, made.first_hops, made.story, made.ledger
    size = min(len(hops), MOST_HOPS)
    nodes, node_of = board(made, hops)
    place = [node_of.get(name, 0) for name in hops.nodes]  # a node that no hop meets has no place
    return {
        "spans": pack("ddIIB", spans.start, spans.end, spans.lane, spans.request, spans.kind),
        "hops": pack(
            "ddddIHHHB",
            story.hop_start[:size],
            story.hop_end[:size],
            hops.depart[:size],
            hops.arrive[:size],
            hops.request[:size],
            [place[number] for number in hops.source[:size]],
            [place[number] for number in hops.target[:size]],
            hops.attempt[:size],
            hops.outcome[:size],
        ),
        "hops_until": float(hops.depart[size - 1]) if size < len(hops) else -1.0,
        "play": pack("dd", *_transposed([(float(p), float(t)) for p, t in story.play], 2)),
        "steps": pack("ddI", story.steps.p, story.steps.time, story.steps.request),
        "folds": pack("dd", *_transposed([(float(a), float(b)) for a, b in made.folds], 2)),
        "ends": pack("dIB", [e.time for e in made.ends], [e.lane for e in made.ends], [int(e.reclaimed) for e in made.ends]),
        "clock": "virtual" if made.recording.meta["clock"] == "virtual" else "wall",
        "begin": float(made.begin_us),
        "end": float(made.end_us),
        "captions": list(story.steps.captions),
        "lanes": [
            {"label": lane.label, "group": lane.group, "reserved": lane.reserved, "node": node_of.get(_owner(lane.key, node_of), -1)}
            for lane in spans.lanes
        ],
        "kinds": [asdict(PAINTS[kind]) for kind in SPAN_KINDS],
        "requests": pack(
            "dddIIHB",
            requests.arrived,
            requests.replied,
            requests.done,
            requests.number,
            requests.cause,
            requests.status,
            requests.outcome,
        ),
        "nodes": [asdict(node) for node in nodes],
        "edges": [[a, b, count] for (a, b), count in sorted(crossings(hops, node_of).items())],
        "summary": made.summary(),
    }


def _transposed(rows: list[tuple[float, ...]], width: int) -> list[list[float]]:
    return [[row[column] for row in rows] for column in range(width)]


def _owner(key: str, node_of: dict[str, int]) -> str:
    """The instance a lane belongs to: the lane of slot 2 of hello#1 is 'hello#1/2'."""
    return key if key in node_of else key.rsplit("/", 1)[0]
