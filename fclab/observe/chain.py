"""The call chain as a graph: components, the hops between them, and where to draw them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fclab.errors import UsageError
from fclab.observe.events import RequestAccepted
from fclab.observe.hops import COMPONENTS, Hops, hops
from fclab.observe.recording import Recording
from fclab.units import seconds

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["chain", "layout"]

_SOURCE = 0.5
"""Sources stand between the caller and the front door."""


def chain(recording: Recording, request: int | str | None = None) -> nx.DiGraph[str]:
    """The components that requests passed through and the hops between them; of one request and all it caused, if given.

    request   a number, "R3", or a request id
    nodes     component, instance, source and destination names, each with `kind` ("component", "instance", "source", "destination")
    edges     count (hops), first and last (departure, seconds), requests (their numbers, in order)
    graph     "requests": the numbers shown, in order; "causes": {caused request: its cause}

    Raises `UsageError` if there is no such request.
    """
    import networkx as nx

    made = hops(recording)
    causes = {row[2]: row[7] for row in recording.rows() if row[1] == RequestAccepted.KIND and row[7]}
    wanted = None if request is None else _family(_number(request, made), causes)
    edges: dict[tuple[int, int], tuple[int, int, int, dict[int, None]]] = {}
    shown: dict[int, None] = {}
    for source, target, depart, number in zip(made.source, made.target, made.depart, made.request, strict=True):
        if wanted is not None and number not in wanted:
            continue
        shown[number] = None
        count, first, _, numbers = edges.get((source, target), (0, depart, depart, {}))
        numbers[number] = None
        edges[source, target] = count + 1, first, depart, numbers
    graph: nx.DiGraph[str] = nx.DiGraph(requests=tuple(sorted(shown)), causes={one: causes[one] for one in sorted(shown) if one in causes})
    for node in sorted({end for edge in edges for end in edge}):
        graph.add_node(made.nodes[node], kind=_kind(node, made.nodes[node]))
    for (source, target), (count, first, last, numbers) in edges.items():
        ends = made.nodes[source], made.nodes[target]
        graph.add_edge(*ends, count=count, first=seconds(first), last=seconds(last), requests=tuple(sorted(numbers)))
    return graph


def layout(graph: nx.DiGraph[str]) -> dict[str, tuple[float, float]]:
    """A place for each node in the unit square: layers from left (0) to right (1), each spread evenly from top (0) to bottom (1).

    A request's way forward makes the layers; replies, retries and nested calls, which lead back, do not count. Sources have a layer of
    their own behind the caller, whether it changes them or not.
    """
    import networkx as nx

    rank = {node: _rank(node, attributes.get("kind", "")) for node, attributes in graph.nodes(data=True)}
    forward: nx.DiGraph[str] = nx.DiGraph()
    forward.add_nodes_from(graph)
    forward.add_edges_from((source, target) for source, target in graph.edges if rank[source] < rank[target])
    if COMPONENTS[0] in graph:
        forward.add_edges_from((COMPONENTS[0], node) for node, place in rank.items() if place == _SOURCE)
    order = {node: place for place, node in enumerate(graph)}
    layers = [sorted(layer, key=order.__getitem__) for layer in nx.topological_generations(forward)]
    last = max(1, len(layers) - 1)
    return {
        node: (column / last, (place + 0.5) / len(layer))
        for column, layer in enumerate(layers)
        for place, node in enumerate(layer)
    }


def _number(request: int | str, made: Hops) -> int:
    """The number that `request` means."""
    text, base = str(request).removeprefix("R"), 10
    if "-" in text:
        text, base = text.rpartition("-")[2], 16
    try:
        number = int(text, base)
    except ValueError:
        number = 0
    if isinstance(request, bool) or number not in made.request:
        raise UsageError(f"There is no request {request!r} in this recording.", hint="give its number, such as 3, or its request id")
    return number


def _family(number: int, causes: dict[int, int]) -> set[int]:
    """The request and all it caused; a cause has a smaller number than what it caused."""
    family = {number}
    for one in sorted(causes):
        if causes[one] in family:
            family.add(one)
    return family


def _kind(node: int, name: str) -> str:
    if node < len(COMPONENTS):
        return "component"
    first, _, rest = name.partition(" ")
    return first if rest and first in ("destination", "source") else "instance"


def _rank(node: str, kind: str) -> float:
    if kind == "component":
        return COMPONENTS.index(node)
    return _SOURCE if kind == "source" else len(COMPONENTS) + (kind == "destination")
