"""The storyboard: how lab time is laid out on the axis, and how a player walks through it.

A true axis shows a cold start of a second beside ten idle minutes as two pixels. The story folds what is idle and dwells on what
is done at one instant, so that play, step and picture agree on one length.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import TypeVar

from fclab.observe.captions import tell
from fclab.observe.events import EVENT_TYPES, FunctionDeclared
from fclab.observe.moments import PHASE_KINDS, Moment, moments
from fclab.observe.recording import Recording
from fclab.observe.routes import COMPONENTS, Hops
from fclab.observe.spans import SPAN_KINDS, Spans
from fclab.units import SECOND

__all__ = [
    "DWELL", "FOLD_FROM", "FOLD_PLAY", "FOLD_WIDTH", "MANY", "MOST_DWELL", "MOST_STEPS", "PAUSE", "Steps", "Story", "idle_gaps", "story",
]  # fmt: skip

FOLD_FROM = 5 * SECOND
"""An idle gap longer than this many µs is folded."""
FOLD_WIDTH = 0.8
"""Width of a fold on the axis, in story seconds."""
FOLD_PLAY = 0.5
"""Seconds of playing at x1 that crossing a fold takes."""
DWELL = 0.25
"""Seconds of playing that the clock stands for each hop of a chain of hops at one instant."""
PAUSE = 2
"""Places for which the clock stands at the end of a fold, so that what happens between two folds is seen."""
MOST_DWELL = 120.0
"""If all dwelling together would take longer than this many seconds, each dwell is shortened alike."""
MANY = 20_000
"""With more events than this nothing dwells, and the steps are thinned."""
MOST_STEPS = 5_000
"""Steps kept of a recording with `MANY` events: phases of boots are left out first, then what happens at every k-th instant is taken,
and every k-th moment of that if it is still too much; each k is a power of 2."""

_QUIET_EVENTS = frozenset((*PHASE_KINDS, FunctionDeclared.KIND))
_IDLE_KINDS = frozenset(SPAN_KINDS.index(kind) for kind in ("idle", "wait", "retry"))
_TINY = 1e-6
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Steps:
    """The stops of a player that steps: columns of equal length, `p` strictly increasing; `request` 0 for none; time in µs.

    A step is where its moment begins: its caption holds until the next one.
    """

    p: array[float]
    time: array[int]
    request: array[int]
    captions: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.p)


@dataclass(frozen=True, slots=True)
class Story:
    """axis: knots (lab µs, x), x in story seconds; play: knots (p, lab µs), p in seconds of playing at x1, strictly increasing.

    Both are piecewise linear, start at 0 of x and p and have at least two knots.
    folds: the lab times (µs from, µs to) that are drawn folded. hop_start, hop_end: each hop's interval in p, as in `Hops`.
    length: the p at which the story ends, that of the last knot.
    """

    axis: tuple[tuple[int, float], ...]
    play: tuple[tuple[float, int], ...]
    folds: tuple[tuple[int, int], ...]
    steps: Steps
    hop_start: array[float]
    hop_end: array[float]
    length: float


def idle_gaps(recording: Recording, spans: Spans) -> tuple[int, tuple[tuple[int, int], ...]]:
    """The beginning (µs) of the picture of `recording`, whose spans these are, and the gaps (from µs, to µs) that are folded in it."""
    instants = _instants(recording)
    return instants[0], _idle_gaps(instants, spans)


def story(recording: Recording, spans: Spans, hops: Hops, *, folded: bool = True) -> Story:
    """The storyboard of `recording`, whose spans and hops these are; with `MANY` events the first of its hops will do.

    `folded=False` is the true scale: the axis is lab time in seconds, play is lab time too, without folds and dwelling.
    """
    instants = _instants(recording)
    folds = _idle_gaps(instants, spans) if folded else ()
    places: list[int] | None = None
    slots: dict[int, int] = {}
    if folded and len(recording) <= MANY:
        places = _places(hops)
        slots = dict.fromkeys((after for _, after in folds), PAUSE)
        for depart, arrive, place in zip(hops.depart, hops.arrive, places, strict=True):
            if depart == arrive:
                slots[depart] = max(slots.get(depart, 0), place + 1)
    dwell = min(DWELL, MOST_DWELL / max(1, sum(slots.values())))
    play, begins = _play(instants, folds, {time: count * dwell for time, count in slots.items()})
    hop_start, hop_end = _hop_times(hops, places, dwell, begins, play)
    steps = _steps(recording, hops, hop_start, begins, play)
    if len(steps) and steps.p[-1] > play[-1][0]:  # several steps at the very end: the clock stands for them
        play = (*play, (steps.p[-1], play[-1][1]))
    return Story(
        axis=_axis(instants, folds),
        play=play,
        folds=folds,
        steps=steps,
        hop_start=hop_start,
        hop_end=hop_end,
        length=play[-1][0],
    )


def _instants(recording: Recording) -> list[int]:
    """The times at which something happens, in order, between the beginning and the end of the picture.

    Virtual time begins at 0; a wall clock's picture begins with its first event.
    """
    times = sorted(map(itemgetter(0), recording.rows()))
    start = 0 if recording.meta["clock"] == "virtual" or not times else times[0]
    return list(dict.fromkeys((start, *times, max(start, recording.end_us))))


def _idle_gaps(instants: list[int], spans: Spans) -> tuple[tuple[int, int], ...]:
    """The gaps between two instants that are long, and in which nothing boots, runs or stops. Waiting alone is idle."""
    long = [(before, after) for before, after in pairwise(instants) if after - before > FOLD_FROM]
    ends = (-1 if kind in _IDLE_KINDS else end for kind, end in zip(spans.kind, spans.end, strict=True))
    busy_until = list(accumulate(ends, max)) if long else []  # by span: the latest end of it and those that began before it
    gaps: list[tuple[int, int]] = []
    for before, after in long:
        begun = bisect_right(spans.start, before)
        if not begun or busy_until[begun - 1] <= before:
            gaps.append((before, after))
    return tuple(gaps)


def _places(hops: Hops) -> list[int]:
    """The place of each hop in the chain of hops at its instant, from 0. Unrelated requests move side by side, but a hop follows

    1. those of its own request;
    2. what came before to the instance or destination that it leaves: a nested call waits for its caller, and is waited for;
    3. a result that came to the caller, if it leaves the caller: the next call of a cell follows the answer to the last one;
    4. a result that came to the dispatcher, if it leaves the queue: the event that waited takes the place that became free.
    """
    door, queue = COMPONENTS.index("front door"), COMPONENTS.index("queue")
    places: list[int] = []
    now = -1
    of_request: dict[int, int] = {}
    of_node: dict[int, int] = {}
    answered: set[int] = set()
    for source, target, depart, arrive, request in zip(hops.source, hops.target, hops.depart, hops.arrive, hops.request, strict=True):
        if depart != now:
            now = depart
            of_request.clear()
            of_node.clear()
            answered.clear()
        place = max(of_request.get(request, 0), of_node.get(source, 0))
        places.append(place)
        if arrive > depart:
            continue
        of_request[request] = place + 1
        if source >= len(COMPONENTS):  # a result, or a nested call
            answered.add(request)
            gate = -1 if target == door else queue
        elif target >= len(COMPONENTS) or (source == door and request in answered):
            gate = target
        else:
            gate = -1
        if gate >= 0:
            of_node[gate] = max(of_node.get(gate, 0), place + 1)
    return places


def _axis(instants: list[int], folds: tuple[tuple[int, int], ...]) -> tuple[tuple[int, float], ...]:
    """Knots of the axis: the ends of the picture and of its folds."""
    x, last = 0.0, instants[0]
    knots = [(last, x)]
    for before, after in folds:
        if before > last:
            x = round(x + (before - last) / SECOND, 6)
            knots.append((before, x))
        x = round(x + FOLD_WIDTH, 6)
        last = after
        knots.append((after, x))
    if instants[-1] > last:
        knots.append((instants[-1], round(x + (instants[-1] - last) / SECOND, 6)))
    return tuple(knots) if len(knots) > 1 else (knots[0], (last + SECOND, 1.0))


def _play(
    instants: list[int], folds: tuple[tuple[int, int], ...], stands: dict[int, float]
) -> tuple[tuple[tuple[float, int], ...], dict[int, float]]:
    """Knots of play, and the p at which each instant begins. `stands`: seconds of playing for which the clock stands, by instant.

    Where it stands nowhere, the edges of folds are all the instants it takes: between them p goes with time.
    """
    folded = dict(folds)
    edges = {instants[0], instants[-1], *folded, *folded.values()}
    if not stands:
        instants = sorted(edges)
    knots: list[tuple[float, int]] = []
    begins: dict[int, float] = {}
    p, last = 0.0, instants[0]
    for time in instants:
        if time > last:
            p = round(p + (FOLD_PLAY if folded.get(last) == time else (time - last) / SECOND), 9)
            last = time
        begins[time] = p
        stand = stands.get(time, 0.0)
        if stand or time in edges:
            knots.append((p, time))
        if stand:
            p = round(p + stand, 9)
            knots.append((p, time))
    return tuple(knots) if len(knots) > 1 else (knots[0], (DWELL, last)), begins


def _hop_times(
    hops: Hops, places: list[int] | None, dwell: float, begins: dict[int, float], play: tuple[tuple[float, int], ...]
) -> tuple[array[float], array[float]]:
    """Each hop's interval in p. One that arrives between two instants is placed by the knots; one that arrives later, at the end."""
    start, end = array("d"), array("d")
    times = [time for _, time in play]
    for index, (depart, arrive) in enumerate(zip(hops.depart, hops.arrive, strict=True)):
        p = _p_at(play, times, begins, depart) + (places[index] * dwell if places else 0.0)
        start.append(p)
        if depart == arrive:
            end.append(p + dwell if places else p)
        else:
            end.append(max(p, _p_at(play, times, begins, arrive)))
    return start, end


def _p_at(play: tuple[tuple[float, int], ...], times: list[int], begins: dict[int, float], time: int) -> float:
    """The play position at which `time` begins: known, between knots, or beyond the last. `times` are those of the knots."""
    known = begins.get(time)
    if known is not None:
        return known
    after = bisect_left(times, time)
    if after == len(times):
        return play[-1][0]
    (p0, t0), (p1, t1) = play[after - 1], play[after]
    return p0 + (p1 - p0) * (time - t0) / (t1 - t0)


def _steps(
    recording: Recording, hops: Hops, hop_start: array[float], begins: dict[int, float], play: tuple[tuple[float, int], ...]
) -> Steps:
    """One step a moment, where its first hop departs or its instant begins."""
    departs: dict[int, float] = {}
    for row, p in zip(hops.row, hop_start, strict=True):
        departs.setdefault(row, p)
    times = [time for _, time in play]
    kept: list[tuple[float, Moment]] = []
    for moment in _thinned(recording):
        starts = [departs[number] for number in moment.numbers if number in departs]
        kept.append((min(starts) if starts else _p_at(play, times, begins, moment.time), moment))
    kept.sort(key=itemgetter(0))
    steps = Steps(array("d"), array("q"), array("I"), tuple(tell(moment, recording) for _, moment in kept))
    last = -1.0
    for p, moment in kept:
        last = max(p, last + _TINY)
        steps.p.append(last)
        steps.time.append(moment.time)
        steps.request.append(moment.request)
    return steps


def _thinned(recording: Recording) -> list[Moment]:
    """The moments worth a step; see `MOST_STEPS`."""
    if len(recording) <= MANY:
        return [moment for moment in moments(recording) if not moment.silent]
    loud = recording.rows(EVENT_TYPES.keys() - _QUIET_EVENTS)
    instants = list(dict.fromkeys(map(itemgetter(0), loud)))
    kept = [moment for moment in moments(recording, set(_halved(instants))) if not moment.silent and not moment.routine]
    return _halved(kept)


def _halved(found: list[_T]) -> list[_T]:
    """Every k-th of them, k the smallest power of 2 that leaves at most `MOST_STEPS`."""
    while len(found) > MOST_STEPS:
        found = found[::2]
    return found
