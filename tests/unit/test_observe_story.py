"""The storyboard: folds, dwelling, hops and steps on one length."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fclab.observe import events as e
from fclab.observe.hops import Hops, hops
from fclab.observe.recording import Recording
from fclab.observe.spans import spans
from fclab.observe.story import DWELL, FOLD_PLAY, FOLD_WIDTH, MANY, MOST_DWELL, MOST_STEPS, Story, story
from tests.unit.observe_runs import Script, broken_boot, capped, failing, lesson00, nested, reserved, two_slots, us

ALL = [lesson00, failing, capped, two_slots, broken_boot, reserved, nested, Recording]


def made(recording: Recording, *, folded: bool = True) -> tuple[Story, Hops]:
    walked = hops(recording)
    return story(recording, spans(recording), walked, folded=folded), walked


def at(told: Story, p: float) -> float:
    """Lab time in seconds at the play position `p`, by the knots."""
    for (p0, t0), (p1, t1) in pairwise(told.play):
        if p0 <= p <= p1:
            return (t0 + (t1 - t0) * (p - p0) / (p1 - p0)) / 1e6
    raise AssertionError(p)


def test_lesson_00_folds_the_idle_minutes_but_shows_the_reclaim() -> None:
    told, _ = made(lesson00())
    assert told.folds == ((us(1.1), us(60)), (us(60.1), us(360.1)), (us(360.1), us(600)))
    assert told.axis == (
        (0, 0.0), (us(1.1), 1.1), (us(60), 1.9), (us(60.1), 2.0), (us(360.1), 2.8), (us(600), 3.6), (us(601.1), 4.7),
    )  # fmt: skip


def test_lesson_00_plays_in_seven_and_a_half_seconds() -> None:
    told, _ = made(lesson00())
    assert told.play == (
        (0.0, 0), (0.5, 0),  # two hops: to the front door, to the pool
        (1.6, us(1.1)), (2.1, us(1.1)),  # 1.1 s of action, two hops of the reply
        (2.6, us(60)), (3.35, us(60)),  # a fold, three hops
        (3.45, us(60.1)), (3.95, us(60.1)),
        (4.45, us(360.1)), (4.95, us(360.1)),  # nothing hops, but the reclaim is seen
        (5.45, us(600)), (5.95, us(600)),
        (7.05, us(601.1)), (7.55, us(601.1)),
    )  # fmt: skip
    assert told.length == 7.55


def test_hops_of_one_chain_follow_each_other() -> None:
    told, walked = made(lesson00())
    assert list(walked.request)[:6] == [1, 1, 1, 1, 1, 2]
    assert list(told.hop_start)[:5] == pytest.approx([0, 0.25, 0.5, 1.6, 1.85])
    assert list(told.hop_end)[:5] == pytest.approx([0.25, 0.5, 1.5, 1.85, 2.1])


def test_hops_of_different_requests_move_side_by_side() -> None:
    run = Script(until=1)
    for number in (1, 2, 3):
        run.emit(0, e.RequestRejected, number, a=404, b="FunctionNotFound")
    told, _ = made(run.recording)
    assert list(told.hop_start) == [0.0, 0.25] * 3
    assert told.play[1] == (0.5, 0)


def test_a_nested_call_at_the_same_instant_waits_for_its_caller_and_is_waited_for() -> None:
    run = Script("outer", "inner", until=0)
    outer, inner = run.create(0, function=1), run.create(0, function=2)
    for instance, function in ((outer, 1), (inner, 2)):
        run.emit(0, e.InstanceReady, 0, 0, instance, function)
    run.accept(0, 1)
    run.assign(0, 1, outer)
    run.start(0, 1, outer)
    run.accept(0, 2, function=2, cause=1)
    run.assign(0, 2, inner, function=2)
    run.start(0, 2, inner, function=2)
    run.end(0, 2, inner, function=2)
    run.succeed(0, 2, function=2)
    run.end(0, 1, outer)
    run.succeed(0, 1)
    told, walked = made(run.recording)
    assert list(told.hop_start) == pytest.approx([DWELL * place for place in range(len(walked))])
    assert told.length == DWELL * len(walked)


def test_the_next_call_of_a_cell_follows_the_answer_to_the_last() -> None:
    run = Script(until=2)
    instance, end = run.cold(0, 1)
    run.warm(end, 2, instance)
    told, walked = made(run.recording)
    at_end = [i for i in range(len(walked)) if walked.depart[i] == us(end)]
    assert [told.hop_start[i] for i in at_end] == pytest.approx([1.6 + DWELL * place for place in range(5)])
    assert [told.steps.captions[i][:2] for i in range(6, 8)] == ["R1", "R2"]
    assert told.steps.p[7] == pytest.approx(told.steps.p[6] + 2 * DWELL)


def test_an_event_that_waited_moves_when_the_result_before_it_has_come() -> None:
    told, walked = made(capped())
    at_six = [i for i in range(len(walked)) if walked.depart[i] == us(6)]
    first = told.hop_start[at_six[0]]
    assert [told.hop_start[i] for i in at_six] == pytest.approx([first + DWELL * place for place in range(4)])


def test_refusals_of_one_instant_stay_side_by_side_with_its_arrivals() -> None:
    run = Script(until=1)
    run.emit(0, e.RequestRejected, 1, a=429, b="ResourceExhausted")
    run.accept(0, 2)
    told, _ = made(run.recording)
    assert list(told.hop_start) == [0.0, 0.25, 0.0]


def test_a_back_off_travels_until_it_is_due() -> None:
    told, walked = made(failing())
    back = [i for i in range(len(walked)) if walked.nodes[walked.source[i]] == "dispatcher" and walked.nodes[walked.target[i]] == "queue"]
    assert [at(told, told.hop_end[i]) for i in back] == [1.6, 2.7, 4.8]
    run = Script(until=3)
    run.enqueue(0, 1)
    run.deliver(0, 1)
    run.emit(0, e.DeliveryFailed, 1, 1, a=503, b="ServiceUnavailable")
    run.retry(0, 1, 1, 60, "system")
    cut, _ = made(run.recording)
    assert cut.hop_end[-1] == cut.length


def test_a_long_wait_folds_and_a_long_boot_or_handler_does_not() -> None:
    run = Script(until=100)
    run.enqueue(0, 1)
    run.deliver(0, 1)
    run.emit(0, e.DeliveryFailed, 1, 1, a=503, b="ServiceUnavailable")
    run.retry(0, 1, 1, 30, "system")
    run.deliver(30, 1, 2)
    instance = run.create(30, request=1)
    run.assign(30, 1, instance, cold=True, attempt=2)
    run.emit(50, e.RuntimeStarted, 1, 2, instance)
    run.emit(50, e.InstanceReady, 1, 2, instance)
    run.start(50, 1, instance, attempt=2)
    run.end(90, 1, instance, attempt=2)
    run.succeed(90, 1, attempt=2)
    told, _ = made(run.recording)
    assert told.folds == ((0, us(30)), (us(90), us(100)))
    assert told.axis == ((0, 0.0), (us(30), 0.8), (us(90), 60.8), (us(100), 61.6))


def test_a_gap_of_five_seconds_is_not_folded() -> None:
    run = Script(until=0)
    run.emit(5, e.OutageStarted)
    run.emit(10.000001, e.OutageEnded)
    told, _ = made(run.recording)
    assert told.folds == ((us(5), us(10.000001)),)


def test_true_scale_is_lab_time() -> None:
    told, walked = made(lesson00(), folded=False)
    assert told.axis == ((0, 0.0), (us(601.1), 601.1))
    assert told.play == ((0.0, 0), (601.1, us(601.1)))
    assert told.folds == ()
    assert list(told.hop_start) == pytest.approx([depart / 1e6 for depart in walked.depart])
    assert list(told.hop_end) == pytest.approx([arrive / 1e6 for arrive in walked.arrive])
    assert len(told.steps) == len(made(lesson00())[0].steps)


def test_steps_begin_where_their_first_hop_does() -> None:
    told, _ = made(failing())
    assert told.steps.captions[:2] == (
        "R1 arrives; it is accepted: the queue stores it, and the caller has a 202 before anything runs.",
        "The dispatcher takes R1 from the queue; there is no instance yet, so hello#1 is scheduled.",
    )
    assert list(told.steps.p)[:2] == [0.0, 0.75]
    assert told.steps.p[-1] == pytest.approx(told.length - DWELL)
    assert list(told.steps.request) == [1] * len(told.steps)


def test_the_reclaim_is_a_step_of_no_request() -> None:
    told, _ = made(lesson00())
    index = list(told.steps.time).index(us(360.1))
    assert (told.steps.request[index], told.steps.captions[index]) == (0, "Instance hello#1 has been idle for 300 s and is reclaimed.")
    assert told.steps.p[index] == 4.45


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("folded", [True, False])
def test_everything_lies_on_one_rising_length(make: object, folded: bool) -> None:
    assert callable(make)
    recording: Recording = make()
    told, walked = made(recording, folded=folded)
    assert len(told.axis) >= 2
    assert len(told.play) >= 2
    assert told.axis[0] == (0, 0.0)
    assert told.play[0] == (0.0, 0)
    assert all(t0 < t1 and x0 < x1 for (t0, x0), (t1, x1) in pairwise(told.axis))
    assert all(p0 < p1 and t0 <= t1 for (p0, t0), (p1, t1) in pairwise(told.play))
    assert told.axis[-1][0] >= recording.end_us
    assert told.length == told.play[-1][0]
    assert len(told.hop_start) == len(told.hop_end) == len(walked)
    assert all(0 <= start <= end <= told.length + 1e-9 for start, end in zip(told.hop_start, told.hop_end, strict=True))
    assert all(before < after for before, after in pairwise(told.steps.p))
    assert len(told.steps.p) == len(told.steps.time) == len(told.steps.request) == len(told.steps.captions)
    for i in range(len(walked)):
        assert at(told, told.hop_start[i]) == pytest.approx(walked.depart[i] / 1e6, abs=1e-6)
    for p, time in zip(told.steps.p, told.steps.time, strict=True):
        assert at(told, p) == pytest.approx(time / 1e6, abs=1e-3)


def test_many_instants_share_the_time_for_dwelling() -> None:
    run = Script()
    instance, _ = run.cold(0, 1)
    for number in range(2, 402):
        run.warm(number, number, instance)
    told, _ = made(run.recording)
    assert told.length == pytest.approx(401.1 + MOST_DWELL)
    assert FOLD_PLAY < 1
    assert FOLD_WIDTH < 1


def test_a_very_long_recording_does_not_dwell_and_thins_its_steps() -> None:
    run = Script()
    instance, end = run.cold(0, 1)
    for number in range(2, MANY // 4):
        end = run.warm(number, number, instance)
    told, _ = made(run.recording)
    assert len(run.recording) > MANY
    assert told.length == pytest.approx(end)
    assert MOST_STEPS // 2 <= len(told.steps) <= MOST_STEPS
    assert not any("downloaded" in text for text in told.steps.captions)
    assert list(told.hop_end)[-1] == list(told.hop_start)[-1] == pytest.approx(end)


def test_a_wall_clocks_picture_begins_with_its_first_event() -> None:
    run = Script(until=0)
    recording = Recording({"clock": "wall"})
    recording.functions = run.recording.functions
    recording.emit(us(1_000_000), e.OutageStarted.KIND)
    recording.emit(us(1_000_001), e.OutageEnded.KIND)
    told, _ = made(recording)
    assert told.axis == ((us(1_000_000), 0.0), (us(1_000_001), 1.0))
    assert told.play[0] == (0.0, us(1_000_000))
