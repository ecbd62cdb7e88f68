"""Times that a wall clock measured: rounded where somebody reads them, exact where a program does; those of virtual time always exact."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from fclab_widgets import Timeline

from fclab.observe import events as e
from fclab.observe.captions import tell
from fclab.observe.export import to_csv
from fclab.observe.moments import moments
from fclab.observe.palette import PAINTS
from fclab.observe.recording import Recording
from fclab.observe.svg import MARGIN, SLIVER, timeline_svg
from fclab.observe.svg_parts import text_width
from fclab.observe.table import table
from fclab.units import FOREVER, SECOND, rounded_text, seconds_text, text_of_times, tick_text
from tests.unit.drawn import Scribe, three_requests
from tests.unit.test_svg import SVG, texts

ODD = 330_641
"""When the first request of `measured` comes, in µs."""


def measured(gaps: tuple[int, ...] = (90, 90, 90), *, long: int = 0, fails: int = 0) -> Recording:
    """Requests that take 44 µs each on a warm instance, `gaps` µs after one another; number `fails` fails; it is recorded for `long` µs."""
    scribe = Scribe()
    scribe.recording.meta["clock"] = "wall"
    instance, end = scribe.request(ODD)
    for number, gap in enumerate(gaps, 2):
        quick(scribe, end + gap, number, instance, "UnhandledInvocationError" if number == fails else "")
        end += gap + 44
    scribe.recording.until_us = end + long
    return scribe.recording


def quick(scribe: Scribe, time: int, number: int, instance: int, fails: str) -> None:
    text = scribe.recording.text
    scribe.note(time, e.RequestAccepted, number, a=text("sync"))
    scribe.note(time, e.InstanceAssigned, number, 1, instance)
    scribe.note(time, e.ExecutionStarted, number, 1, instance)
    time += 44
    scribe.note(time, e.ExecutionEnded, number, 1, instance, a=text(fails), b=1024)
    scribe.note(time, e.InstanceReleased, number, 1, instance, a=time + 300 * SECOND)
    scribe.note(time, e.RequestFailed if fails else e.RequestSucceeded, number, 1, instance, a=200, b=text(fails))


def exact(text: str) -> list[str]:
    """Numbers in `text` with more digits than a wall clock's time deserves."""
    long = re.findall(r"\d+\.\d{4,}", text)
    return [found for found in long if len(found.replace(".", "").lstrip("0")) > 3]


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "0"), (44, "0.000044"), (138, "0.000138"), (1_938, "0.00194"), (15_282, "0.0153"), (99_960, "0.1"), (330_641, "0.331"),
        (1_303_847, "1.304"), (300_027_893, "300.028"), (-15_282, "-0.0153"), (FOREVER, "inf"),
    ],
)  # fmt: skip
def test_a_time_is_rounded_to_the_millisecond_and_a_short_one_to_three_digits(us: int, text: str) -> None:
    assert rounded_text(us) == text


def test_only_virtual_time_is_exact() -> None:
    assert text_of_times("virtual") is seconds_text
    assert text_of_times("wall") is rounded_text


def test_a_tick_has_as_many_digits_as_a_pixel_can_tell() -> None:
    assert [tick_text(us, 200 / SECOND) for us in (5_906, 2_568_340, 4_000_000)] == ["0.006", "2.568", "4"]
    assert tick_text(17_835_123, 3 / SECOND) == "17.8"
    assert tick_text(17_835_123, 0.0) == "18"


def test_every_text_about_measured_times_is_rounded() -> None:
    recording = measured()
    said = [timeline_svg(recording), table(recording), repr(recording), *(tell(moment, recording) for moment in moments(recording))]
    assert [exact(text.replace(" 0 0 960", "")) for text in texts(said[0])] == [[]] * len(texts(said[0]))
    assert [exact(text) for text in said[1:]] == [[]] * (len(said) - 1)
    assert "R2 is answered after 0.000044 s, warm; hello#1 is frozen and kept until 301.431 s." in said
    assert "to 1.431 s" in said[2]


def test_rows_for_programs_stay_exact() -> None:
    assert "R1,hello,sync,0.330641,1.430641" in to_csv(measured())


def test_virtual_times_stay_exact() -> None:
    recording = measured()
    recording.meta["clock"] = "virtual"
    said = [table(recording), *(tell(moment, recording) for moment in moments(recording))]
    assert "1.430641" in said[0]
    assert "R1 is answered after 1.1 s, cold; hello#1 is frozen and kept until 301.430641 s." in said


def axis_texts(svg: str) -> list[tuple[float, float, str]]:
    """(left, right, text) of the words below the rows, from left to right."""
    found = list(ElementTree.fromstring(svg).iter(f"{SVG}text"))
    unit = next(one for one in found if one.text == "time in s")
    spots = []
    for one in found:
        if one.get("y") == unit.get("y"):
            x, wide = float(one.attrib["x"]), text_width(one.text or "", 12)
            spots.append((x if one is unit else x - wide / 2, x + wide if one is unit else x + wide / 2, one.text or ""))
    return sorted(spots)


@pytest.mark.parametrize("long", [0, 90_307, 2 * SECOND + 307, 36_000_100_001])
@pytest.mark.parametrize("clock", ["wall", "virtual"])
def test_words_of_the_axis_keep_off_one_another_and_the_edges(long: int, clock: str) -> None:
    recording = measured(long=long)
    recording.meta["clock"] = clock
    spots = axis_texts(timeline_svg(recording))
    assert spots[0][2] == "time in s"
    assert len(spots) > 2
    assert all(before[1] <= after[0] for before, after in pairwise(spots))
    assert spots[-1][1] <= 960


def pills_of(svg: str) -> list[tuple[float, float, str]]:
    root = ElementTree.fromstring(svg)
    boxes = [one for one in root.iter(f"{SVG}rect") if one.get("rx") == "10"]
    names = [one.text or "" for one in root.iter(f"{SVG}text") if re.match(r"R\d", one.text or "") and one.get("font-weight") == "600"]
    places = [(float(box.attrib["x"]), float(box.attrib["width"])) for box in boxes]
    return [(left, left + wide, name) for (left, wide), name in zip(places, names, strict=True)]


@pytest.mark.parametrize("gap", [90, 3_000, 20_000, 30_000, 45_000, 60_000, 200_000])
@pytest.mark.parametrize("long", [0, 1_000, 500_000, 3 * SECOND])
def test_every_request_is_named_and_no_name_is_on_another(gap: int, long: int) -> None:
    svg = timeline_svg(measured((gap,) * 9, long=long))
    pills = pills_of(svg)
    assert all(before[1] < after[0] for before, after in pairwise(pills))
    assert pills[0][0] >= 0
    assert pills[-1][1] <= 960 - MARGIN / 2
    named: list[int] = []
    for _, _, word in pills:
        ends = [int(number) for number in re.findall(r"R(\d+)", word)]
        named += range(ends[0], ends[-1] + 1)
    assert named == list(range(1, 11))


@pytest.mark.parametrize("fails", [2, 5, 9])
def test_a_run_that_takes_no_time_can_be_seen_and_a_failed_one_is_on_top(fails: int) -> None:
    svg = timeline_svg(measured((90,) * 8, long=2 * SECOND, fails=fails))
    groups = [one for one in ElementTree.fromstring(svg).iter(f"{SVG}g") if one.find(f"{SVG}rect") is not None]
    error = groups[-1]
    assert error.get("fill") == PAINTS["error"].fill
    assert error.get("stroke") is None, "an edge in the colour of the paper would cover it"
    (box,) = error
    assert float(box.attrib["width"]) == SLIVER
    assert "error" in texts(svg)


@pytest.mark.parametrize("width", [700, 780, 860, 960])
def test_the_legend_explains_what_is_drawn_and_keeps_off_the_note_beside_it(width: int) -> None:
    found = list(ElementTree.fromstring(timeline_svg(measured(fails=3), width=width)).iter(f"{SVG}text"))
    spots = []
    for one in found:
        text, x = one.text or "", float(one.attrib["x"])
        if one.get("y") == found[-1].get("y") and len(text) > 1:
            wide = text_width(text, 12)
            spots.append((x - wide, x) if one.get("text-anchor") == "end" else (x, x + wide))
    assert len(spots) >= 8 + (width == 960)
    assert max(spots)[1] <= width
    assert all(before[1] <= after[0] for before, after in pairwise(sorted(spots)))


def test_the_lesson_s_picture_has_the_times_it_had() -> None:
    assert {"R1 cold 1.1 s", "360.1", "58.9 s"} <= set(texts(timeline_svg(three_requests())))


@pytest.mark.parametrize("clock", ["wall", "virtual"])
def test_the_browser_is_told_how_to_write_times(clock: str) -> None:
    recording = measured()
    recording.meta["clock"] = clock
    assert Timeline(recording).player.clock == clock
