"""What the loop and its callers wait at: both kinds of `Readiness` and of `Bell`, each by the clauses it shares with the other."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Iterator

import pytest

from fclab import readiness
from fclab.controls import bells

KINDS: list[Callable[[], readiness.Readiness]] = [readiness._Poll]
BELLS: list[Callable[[], bells.Bell]] = [bells._Lock]
if hasattr(select, "epoll") and hasattr(os, "eventfd"):
    KINDS.append(readiness._Epoll)
    BELLS.append(bells._Counter)


@pytest.fixture(params=KINDS)
def waits(request: pytest.FixtureRequest) -> Iterator[readiness.Readiness]:
    made: readiness.Readiness = request.param()
    yield made
    made.close()


def test_clause_1_a_descriptor_is_reported_while_it_is_ready(waits: readiness.Readiness) -> None:
    here, there = os.pipe()
    waits.register(here, readiness.READ)
    assert waits.poll(0) == []
    os.write(there, b"x")
    assert waits.poll(10) == [(here, readiness.READ)] == waits.poll(0)
    waits.modify(here, 0)
    assert waits.poll(0) == []
    waits.unregister(here)
    waits.register(there, readiness.WRITE)
    assert waits.poll(10) == [(there, readiness.WRITE)]
    waits.unregister(there)
    os.close(here)
    os.close(there)


def test_clause_2_a_ring_is_noticed_once_before_and_during_a_poll(waits: readiness.Readiness) -> None:
    for _ in range(3):
        waits.ring()
        waits.ring()
        assert len(waits.poll(10)) == 1
        assert waits.poll(0) == []
        thread = threading.Thread(target=waits.ring)
        thread.start()
        assert len(waits.poll(10)) == 1
        thread.join()


@pytest.mark.parametrize("kind", BELLS)
def test_a_bell_rings_for_one_wait(kind: Callable[[], bells.Bell]) -> None:
    bell = kind()
    for _ in range(3):
        assert not bell.wait_for(0.001)
        bell.ring()
        bell.wait()
        thread = threading.Thread(target=bell.ring)
        thread.start()
        assert bell.wait_for(10)
        thread.join()


def test_a_bell_lets_go_of_its_descriptor() -> None:
    bell = bells.bell()
    number = getattr(bell, "_fd", None)
    del bell
    if number is not None:
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(number)
