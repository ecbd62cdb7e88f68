"""The call chain as a picture: where each component stands, and the static twin of the live view."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from math import hypot, inf
from typing import TYPE_CHECKING, Literal
from xml.sax.saxutils import escape

from fclab.observe.chain import layout
from fclab.observe.events import InstanceAssigned, TriggerFired
from fclab.observe.palette import PAINTS, PICTURE
from fclab.observe.recording import Recording
from fclab.observe.routes import Hops
from fclab.observe.svg_parts import DARK, FONT
from fclab.observe.svg_scene import Scene

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["MOST_NODES", "Node", "board", "chain_svg", "crossings", "draw_chain"]

MOST_NODES = 8
"""Instances of one function that have a node of their own; the others share one."""
MOST_EDGES = 150
HIGH = 58.0
HEAD = 40.0


NodeKind = Literal["caller", "component", "instance", "group", "source", "destination"]


@dataclass(frozen=True, slots=True)
class Node:
    """A component, instance, group of instances or destination, and its place in the unit square."""

    name: str
    x: float
    y: float
    kind: NodeKind


def board(made: Scene, hops: Hops) -> tuple[list[Node], dict[str, int]]:
    """The nodes of the call chain that `hops` make, and the number of the node that stands for each name."""
    import networkx as nx

    names = list(hops.nodes)
    instances = made.recording.instances[1:]
    labels = {instance.label for instance in instances}
    graph: nx.DiGraph[str] = nx.DiGraph()
    ways = set(zip(hops.source, hops.target, strict=True))
    used = {end for way in ways for end in way} or {0, 1}
    for name in (name for number, name in enumerate(names) if number in used and name not in labels):
        kind = name.partition(" ")[0]
        graph.add_node(name, kind=kind if kind in ("destination", "source") else "component")
    totals = Counter(instance.function for instance in instances)
    seen: Counter[int] = Counter()
    alias: dict[str, str] = {}
    groups: set[str] = set()
    for instance in instances:
        seen[instance.function] += 1
        if totals[instance.function] > MOST_NODES and seen[instance.function] >= MOST_NODES:
            hidden = totals[instance.function] - MOST_NODES + 1
            alias[instance.label] = f"{made.recording.functions[instance.function]} +{hidden}"
            groups.add(alias[instance.label])
        shown = alias.get(instance.label, instance.label)
        graph.add_node(shown, kind="instance")
        if "pool" in graph:
            graph.add_edge("pool", shown)
    for a, b in ways:
        graph.add_edge(alias.get(names[a], names[a]), alias.get(names[b], names[b]))
    places = layout(graph)
    numbers = {name: number for number, name in enumerate(graph)}
    nodes = [Node(name, *places[name], _kind(name, graph, groups)) for name in graph]
    return nodes, numbers | {label: numbers[name] for label, name in alias.items()}


def crossings(hops: Hops, node_of: dict[str, int]) -> Counter[tuple[int, int]]:
    """How often each way was taken, by the numbers of its nodes, in the order in which they were first taken."""
    found: Counter[tuple[int, int]] = Counter()
    for (a, b), count in Counter(zip(hops.source, hops.target, strict=True)).items():
        found[node_of[hops.nodes[a]], node_of[hops.nodes[b]]] += count
    return found


def _kind(name: str, graph: nx.DiGraph[str], groups: set[str]) -> NodeKind:
    if name == "caller":
        return "caller"
    if name in groups:
        return "group"
    kind = graph.nodes[name]["kind"]
    made: NodeKind = kind if kind in ("instance", "destination", "source") else "component"
    return made


def chain_svg(recording: Recording, *, width: int = 960) -> str:
    """The call chain of `recording` as SVG text of `width` pixels: all components, and how often each hop was taken."""
    return draw_chain(Scene(recording), width=width)


def draw_chain(made: Scene, *, width: int = 960) -> str:
    """As `chain_svg`, for a scene that is already computed."""
    hops = made.hops
    nodes, node_of = board(made, hops)
    counts = crossings(hops, node_of)
    boxes, height = _boxes(nodes, width)
    title = f"Call chain: {len(nodes)} components, {len(made.ledger)} requests, {len(hops.depart)} hops"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" width="{width}" height="{height:g}" role="img" '
        f'font-family="{FONT}" font-size="14"><title>{escape(title)}</title>{DARK}'
        '<defs><marker id="a" viewBox="0 0 9 9" refX="8" refY="4.5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" '
        f'orient="auto"><path d="M0 0L9 4.5L0 9z" fill="{PICTURE["soft"]}"/></marker></defs>'
        f'<rect width="{width}" height="{height:g}" rx="8" fill="{PICTURE["paper"]}" stroke="{PICTURE["line"]}"/>'
        f'<text x="16" y="23" font-size="12" fill="{PICTURE["soft"]}">{escape(title)}</text>'
        f'<g fill="none" stroke="{PICTURE["soft"]}" stroke-width="1.6">'
    ]
    labels: list[str] = []
    for (a, b), count in counts.most_common(MOST_EDGES):
        x0, y0, cx, cy, x1, y1 = _curve(boxes[a], boxes[b], boxes)
        out.append(f'<path d="M{x0:.1f} {y0:.1f}Q{cx:.1f} {cy:.1f} {x1:.1f} {y1:.1f}" marker-end="url(#a)"/>')
        x, y = (x0 + 2 * cx + x1) / 4, (y0 + 2 * cy + y1) / 4
        if count > 1 or len(counts) <= 12:
            labels.append(f'<text x="{x:.1f}" y="{y + 4:.1f}">×{count}</text>')
    out.append(
        f'</g><g font-size="12" text-anchor="middle" fill="{PICTURE["ink"]}" stroke="{PICTURE["paper"]}" '
        'stroke-width="5" paint-order="stroke">'
        f"{''.join(labels)}</g>"
    )
    words = _words(made, node_of)
    for number, node in enumerate(nodes):
        part = node.name.partition(" ")[2].partition(" ")[2] if node.kind == "source" else ""
        out.append(_box(node, boxes[number], words.get(number, part)))
    out.append("</svg>")
    return "".join(out)


def _words(made: Scene, node_of: dict[str, int]) -> dict[int, str]:
    """What each node's second line says."""
    served: dict[int, list[str]] = defaultdict(list)
    rows = made.recording.rows([InstanceAssigned.KIND])
    last = {request: instance for _, _, request, _, instance, _, _, _ in rows}
    for request, instance in sorted(last.items()):
        served[node_of[made.recording.instances[instance].label]].append(f"R{request}")
    found = {number: " ".join(labels) if len(labels) <= 3 else f"{len(labels)} requests" for number, labels in served.items()}
    for ended in made.ends:
        label = made.spans.lanes[ended.lane].key
        if label in node_of and found.get(node_of[label]):
            found[node_of[label]] += ", reclaimed" if ended.reclaimed else ", ended"
    if "caller" in node_of:
        fired = {row[2] for row in made.recording.rows([TriggerFired.KIND])}
        asked = sum(not cause and number not in fired for number, cause in zip(made.ledger.number, made.ledger.cause, strict=True))
        if asked or not fired:
            found[node_of["caller"]] = f"{asked} request" + ("s" if asked != 1 else "")
    return found


def _box(node: Node, box: tuple[float, float, float, float], word: str) -> str:
    x, y, wide, high = box
    paint = PAINTS["run"]
    instance = node.kind in ("instance", "group")
    fill, ink, soft = (paint.fill, paint.ink, paint.ink) if instance else (PICTURE["faint"], PICTURE["ink"], PICTURE["soft"])
    letter = 7.8 if node.kind == "source" else 6.6  # sources' words may be all capitals: CRON_TZ=..., GET /...
    if len(word) * letter > wide - 6:
        word = word[: int((wide - 12) / letter)] + "…"
    name = node.name.split(" ")[1] if node.kind == "source" else node.name.removeprefix("destination ")
    if len(name) * 8.8 > wide - 6:
        name = name[: int((wide - 12) / 8.8)] + "…"
    return (
        f'<rect x="{x - wide / 2:.1f}" y="{y - high / 2:.1f}" width="{wide:.1f}" height="{high:.1f}" rx="9" fill="{fill}" '
        f'stroke="{PICTURE["soft"]}"/><text x="{x:.1f}" y="{y - 2 if word else y + 5:.1f}" text-anchor="middle" font-weight="600" '
        f'fill="{ink}">{escape(name)}</text>'
        + (f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle" font-size="12" fill="{soft}">{escape(word)}</text>' if word else "")
    )


def _boxes(nodes: list[Node], width: int) -> tuple[list[tuple[float, float, float, float]], float]:
    """(middle x, middle y, width, height) of every node, and the height of the picture."""
    layers = Counter(round(node.x, 3) for node in nodes)
    rows = max(layers.values(), default=1)
    gap = 0.38 if len(layers) > 6 else 0.6
    wide = min(150.0, (width - 32) / max(1.0, len(layers) + gap * (len(layers) - 1)))
    height = HEAD + 20 + max(110.0, rows * 82.0)
    space = height - HEAD - 20
    high = min(HIGH, space / rows - 18)
    boxes = [(16 + wide / 2 + node.x * (width - 32 - wide), HEAD + node.y * space, wide, high) for node in nodes]
    return boxes, height


def _curve(
    a: tuple[float, float, float, float], b: tuple[float, float, float, float], others: list[tuple[float, float, float, float]]
) -> tuple[float, float, float, float, float, float]:
    """The arc from box `a` to box `b`, to the left of the travel; wider where it would cross another box."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    long = hypot(dx, dy) or 1.0
    nx, ny = dy / long, -dx / long
    ways = []
    for bend in (16, 70, 110, 150, -60, -100, 190):
        cx, cy = (a[0] + b[0]) / 2 + nx * bend, (a[1] + b[1]) / 2 + ny * bend
        way = (*_border(a, cx, cy), cx, cy, *_border(b, cx, cy))
        ways.append(way)
        if all(other in (a, b) or _clear(way, other) for other in others):
            return way
    return ways[0]


def _border(box: tuple[float, float, float, float], x: float, y: float) -> tuple[float, float]:
    dx, dy = x - box[0], y - box[1]
    share = min(box[2] / 2 / abs(dx) if dx else inf, box[3] / 2 / abs(dy) if dy else inf, 1.0)
    return box[0] + dx * share, box[1] + dy * share


def _clear(way: tuple[float, float, float, float, float, float], box: tuple[float, float, float, float]) -> bool:
    x0, y0, cx, cy, x1, y1 = way
    for step in range(1, 10):
        s, u = step / 10, 1 - step / 10
        x, y = u * u * x0 + 2 * u * s * cx + s * s * x1, u * u * y0 + 2 * u * s * cy + s * s * y1
        if abs(x - box[0]) < box[2] / 2 + 6 and abs(y - box[1]) < box[3] / 2 + 6:
            return False
    return True
