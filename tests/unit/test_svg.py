"""Static pictures: well-formed, bounded, and telling what the recording says."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from fclab.observe.palette import NIGHT, PAINTS, PICTURE
from fclab.observe.recording import Recording
from fclab.observe.spans import SPAN_KINDS
from fclab.observe.svg import chain_svg, timeline_svg
from fclab.observe.svg_axis import Axis
from fclab.observe.svg_chain import MOST_NODES, board
from fclab.observe.svg_parts import text_width
from fclab.observe.svg_scene import Scene
from fclab.units import SECOND
from tests.unit.drawn import Scribe, crowd, many_requests, three_requests

FOLDS = ((1_100_000, 60 * SECOND), (60_100_000, 360_100_000), (360_100_000, 600 * SECOND))
SHAPES = ("rect", "path", "line", "circle", "polygon")
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def shapes(svg: str) -> int:
    return sum(element.tag.removeprefix(SVG) in SHAPES for element in ElementTree.fromstring(svg).iter())


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_lesson_00_says_which_request_was_cold() -> None:
    said = texts(timeline_svg(three_requests()))
    assert {"R1 cold 1.1 s", "R2 warm 0.1 s", "R3 cold 1.1 s"} <= set(said)
    assert {"hello#1", "hello#2", "reclaimed", "download", "360.1", "58.9 s", "300 s", "239.9 s"} <= set(said)


def test_every_span_has_a_title_with_its_exact_times() -> None:
    recording = three_requests()
    made = Scene(recording)
    titles = {element.text for element in ElementTree.fromstring(timeline_svg(recording)).iter(f"{SVG}title")}
    assert "R1 download 0.1 to 0.4 s" in titles
    assert "idle 60.1 to 360.1 s" in titles
    assert len([title for title in titles if title and " to " in title]) == len(made.spans) + 1


@pytest.mark.parametrize(
    "recording", [Recording(), three_requests(), many_requests(300), many_requests(2_000, 20 * SECOND), crowd(40)], ids=str
)
def test_pictures_are_well_formed_and_bounded(recording: Recording) -> None:
    for svg in (timeline_svg(recording), chain_svg(recording)):
        assert shapes(svg) <= 400
        assert len(svg.encode()) <= 30_000


def test_pictures_are_the_same_every_time() -> None:
    assert timeline_svg(three_requests()) == timeline_svg(three_requests())
    assert chain_svg(crowd(12)) == chain_svg(crowd(12))


def test_an_empty_recording_says_that_nothing_ran() -> None:
    assert "nothing ran" in texts(timeline_svg(Recording()))


def test_names_are_escaped() -> None:
    scribe = Scribe()
    scribe.recording.functions[scribe.function] = "a<b&c"
    scribe.request(0)
    assert "a<b&c#1" in texts(timeline_svg(scribe.recording))
    assert "a<b&c#1" in texts(chain_svg(scribe.recording))


def test_a_failed_and_an_open_request_say_so() -> None:
    scribe = Scribe()
    scribe.request(0, fails="UnhandledInvocationError")
    assert Scene(scribe.recording).ledger.words(0) == "failed 1.1 s"
    cut = Recording()
    cut.functions, cut.instances, cut.texts = scribe.recording.functions, scribe.recording.instances, scribe.recording.texts
    for row in list(scribe.recording.rows())[:6]:
        cut.emit(*row)
    assert Scene(cut).ledger.words(0) == ""
    assert "R1" in texts(timeline_svg(cut))


def test_cold_phases_are_hatched_and_every_kind_of_span_has_a_paint() -> None:
    assert set(PAINTS) == set(SPAN_KINDS)
    assert {name for name, paint in PAINTS.items() if paint.hatched} == {"schedule", "download", "unpack", "start", "fork", "initialize"}
    svg = timeline_svg(three_requests())
    assert svg.count("url(#h)") == 1 + 5
    assert len({paint.letter for paint in PAINTS.values()}) == len(PAINTS)


@pytest.mark.parametrize("name", sorted(PAINTS))
def test_words_on_a_colour_can_be_read(name: str) -> None:
    assert contrast(PAINTS[name].fill, PAINTS[name].ink) >= 3.3


def test_the_picture_has_its_own_background() -> None:
    for svg in (timeline_svg(three_requests()), chain_svg(three_requests())):
        assert re.search(rf'<rect width="960" height="[\d.]+" rx="8" fill="{PICTURE["paper"]}"', svg)
        assert "currentColor" not in svg
        assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_the_picture_is_dark_on_a_dark_page() -> None:
    assert "prefers-color-scheme:dark" in timeline_svg(three_requests())
    assert "prefers-color-scheme:dark" in chain_svg(three_requests())
    colours = [PICTURE[name] for name in ("ink", "soft", "gone")]
    for theme in (dict, NIGHT.get):
        seen = {name: NIGHT[name] if theme is NIGHT.get else name for name in (*colours, PICTURE["paper"], PICTURE["faint"])}
        for ground in (seen[PICTURE["paper"]], seen[PICTURE["faint"]]):
            for colour in colours:
                assert contrast(seen[colour], ground) >= 4.5
    for name in ("idle", "wait", "retry"):
        assert contrast(NIGHT[PAINTS[name].fill], NIGHT[PAINTS[name].ink]) >= 4.5


def ends_said(recording: Recording) -> list[tuple[float, float]]:
    """(from x, to x) of the words at the ends of instances."""
    found = []
    for text in ElementTree.fromstring(timeline_svg(recording)).iter(f"{SVG}text"):
        if text.text == "reclaimed":
            x, wide = float(text.attrib["x"]), text_width("reclaimed", 11)
            found.append((x - wide, x) if text.get("text-anchor") == "end" else (x, x + wide))
    return found


def arrows(recording: Recording) -> list[float]:
    drawn = [element.get("d", "") for element in ElementTree.fromstring(timeline_svg(recording)).iter(f"{SVG}path")]
    path = next(d for d in drawn if "m-4-7l4" in d)
    return [float(x) for x in re.findall(r"M([\d.]+) \d+V", path)]


@pytest.mark.parametrize("pause", [1, 3, 100, 240])
@pytest.mark.parametrize("more", [0, 3])
def test_the_word_of_an_end_keeps_off_the_ways_of_requests(pause: int, more: int) -> None:
    scribe = Scribe()
    first, end = scribe.request(0)
    gone = end + 300 * SECOND
    scribe.reclaim(gone, first)
    for number in range(1 + more):
        scribe.request(gone + pause * SECOND + number * 20 * SECOND)
    (said,) = ends_said(scribe.recording)
    assert not [x for x in arrows(scribe.recording) if said[0] - 2 < x < said[1] + 2]


def test_a_long_run_costs_little_and_says_what_is_left_out() -> None:
    recording = many_requests(20_000, 20 * SECOND)
    svg = timeline_svg(recording)
    assert shapes(svg) <= 400
    assert any(text.endswith("of 40004 spans drawn") for text in texts(svg))
    assert any(text.startswith("R1–R") for text in texts(svg))


def test_axis_clause_1_a_fold_has_a_fixed_width() -> None:
    axis = Axis(FOLDS, 0, 601_100_000, 100.0, 800.0)
    assert [round(x1 - x0, 6) for _, _, x0, x1 in axis.folded] == [72.0, 72.0, 72.0]
    many = Axis(tuple((i * 20 * SECOND, i * 20 * SECOND + 19 * SECOND) for i in range(100)), 0, 2000 * SECOND, 0.0, 1000.0)
    assert sum(x1 - x0 for _, _, x0, x1 in many.folded) == pytest.approx(450)


def test_axis_clause_2_is_monotone_and_clamped() -> None:
    axis = Axis(FOLDS, 0, 601_100_000, 100.0, 800.0)
    places = [axis.x(time) for time in range(-SECOND, 700 * SECOND, 333_333)]
    assert places == sorted(places)
    assert axis.x(-5) == 100.0
    assert axis.x(10**12) == pytest.approx(900.0)
    assert axis.x(600 * SECOND) - axis.x(360_100_000) == pytest.approx(72)


def test_instances_beyond_the_limit_share_a_node() -> None:
    made = Scene(crowd(40))
    nodes, node_of = board(made, made.hops)
    instances = [node for node in nodes if node.kind in ("instance", "group")]
    assert len(instances) == MOST_NODES
    assert instances[-1].name == "hello +33"
    assert node_of["hello#40"] == node_of["hello#8"] != node_of["hello#7"]
    assert "×40" in texts(chain_svg(crowd(40)))


def test_the_chain_names_who_served_whom() -> None:
    said = texts(chain_svg(three_requests()))
    assert {"caller", "front door", "pool", "R1 R2, reclaimed", "R3", "3 requests", "×3"} <= set(said)
    assert "queue" not in said
