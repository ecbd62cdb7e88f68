"""What the browser needs to show one recording: binary columns, and a few small tables of names."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

from fclab.observe.palette import PAINTS
from fclab.observe.requests import RequestView
from fclab.observe.spans import SPAN_KINDS
from fclab.observe.svg_chain import board
from fclab.observe.svg_scene import Scene, outcome
from fclab_widgets.columns import pack

__all__ = ["MOST_HOPS", "reel"]

MOST_HOPS = 20_000
"""Hops that are sent; a recording with more shows its first ones."""


def reel(made: Scene) -> dict[str, object]:
    """The traits of a `Player` for one scene. Times in µs of lab time, positions in seconds of playing."""
    spans, hops, story = made.spans, made.hops, made.story
    size = min(len(hops.depart), MOST_HOPS)
    nodes, node_of = board(made)
    edges = Counter((node_of[hops.nodes[hops.source[i]]], node_of[hops.nodes[hops.target[i]]]) for i in range(size))
    source = [node_of[hops.nodes[number]] for number in hops.source[:size]]
    target = [node_of[hops.nodes[number]] for number in hops.target[:size]]
    return {
        "spans": pack("ddIIB", spans.start, spans.end, spans.lane, spans.request, spans.kind),
        "hops": pack(
            "ddddIHHHB",
            story.hop_start[:size],
            story.hop_end[:size],
            hops.depart[:size],
            hops.arrive[:size],
            hops.request[:size],
            source,
            target,
            hops.attempt[:size],
            hops.outcome[:size],
        ),
        "play": pack("dd", *_transposed([(float(p), float(t)) for p, t in story.play], 2)),
        "steps": pack("ddI", story.steps.p, story.steps.time, story.steps.request),
        "folds": pack("dd", *_transposed([(float(a), float(b)) for a, b in made.folds], 2)),
        "ends": pack("dIB", [e.time for e in made.ends], [e.lane for e in made.ends], [int(e.reclaimed) for e in made.ends]),
        "begin": float(made.begin_us),
        "end": float(made.end_us),
        "captions": list(story.steps.captions),
        "lanes": [
            {"label": lane.label, "group": lane.group, "reserved": lane.reserved, "node": node_of.get(_owner(lane.key, node_of), -1)}
            for lane in spans.lanes
        ],
        "kinds": [asdict(PAINTS[kind]) for kind in SPAN_KINDS],
        "requests": [_request(request) for request in made.requests],
        "nodes": [asdict(node) for node in nodes],
        "edges": [[a, b, count] for (a, b), count in sorted(edges.items())],
        "summary": made.summary(),
    }


def _transposed(rows: list[tuple[float, ...]], width: int) -> list[list[float]]:
    return [[row[column] for row in rows] for column in range(width)]


def _owner(key: str, node_of: dict[str, int]) -> str:
    """The instance a lane belongs to: the lane of slot 2 of hello#1 is 'hello#1/2'."""
    return key if key in node_of else key.rsplit("/", 1)[0]


def _request(request: RequestView) -> dict[str, object]:
    """What a mark on the timeline says: `text` once `done` (µs) has come."""
    done = request.replied_us if request.outcome == "refused" else request.finished_us
    return {
        "n": request.number,
        "at": float(request.arrived_us),
        "done": None if done is None else float(done),
        "replied": None if request.replied_us is None else float(request.replied_us),
        "cause": request.cause,
        "text": outcome(request),
    }
