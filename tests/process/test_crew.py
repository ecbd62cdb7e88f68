"""`backends.inside.crew.Crew`, clause by clause: threads of one instance that wait for requests together."""

from __future__ import annotations

from typing import Any

from tests.process.kit import ProcessLab

CONCURRENCY = 8


def test_clause_2_nothing_waits_for_handlers_that_block(lab: ProcessLab) -> None:
    """All arrive in one piece; each but the last blocks until the last has run."""
    lab.function(
        f"""
        import threading
        last = threading.Event()
        def handler(event, context):
            if event == b"{CONCURRENCY - 1}":
                last.set()
            return event if event == b"first" or last.wait(10) else b"blocked"
        """,
        concurrency=CONCURRENCY,
        max_instances=1,
        timeout=20,
    )
    assert lab.invoke(b"first").ok
    calls = lab.on_engine(lambda: [lab.start(b"%d" % number) for number in range(CONCURRENCY)])
    assert [call.result.payload for call in calls] == [b"%d" % number for number in range(CONCURRENCY)]


def test_clause_3_answers_are_read_while_every_thread_runs(lab: ProcessLab) -> None:
    """As many requests as there may be, each waiting for its call of another function."""
    options: dict[str, Any] = {"concurrency": CONCURRENCY, "max_instances": 1}
    lab.function("def handler(event, context):\n    return context.invoke('echo', event).payload\n", **options)
    lab.function("def handler(event, context):\n    return event\n", name="echo", **options)
    assert lab.invoke(b"first").ok
    for _ in range(3):
        calls = lab.on_engine(lambda: [lab.start(b"%d" % number) for number in range(CONCURRENCY)])
        assert [call.result.payload for call in calls] == [b"%d" % number for number in range(CONCURRENCY)]


def test_a_frame_of_many_pieces_among_short_ones(lab: ProcessLab) -> None:
    lab.function("def handler(event, context):\n    return str(len(event))\n", concurrency=CONCURRENCY, max_instances=1)
    sizes = [1, 70_000, 3, 9_000_000, 65_536, 2, 0, 131_072]
    assert lab.invoke(b"first").ok
    for _ in range(3):
        calls = lab.on_engine(lambda: [lab.start(bytes(size)) for size in sizes])
        assert [int(call.result.payload) for call in calls] == sizes
