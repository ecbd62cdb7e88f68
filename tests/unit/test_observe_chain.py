"""The call chain as a graph, and its layout."""

from __future__ import annotations

import pytest

from fclab.errors import UsageError
from fclab.observe.chain import chain, layout
from fclab.observe.recording import Recording
from tests.unit.observe_runs import Script, broken_boot, capped, failing, lesson00, nested


def test_edges_count_hops_and_know_when_and_whose() -> None:
    graph = chain(lesson00())
    assert graph.edges["caller", "front door"] == {"count": 3, "first": 0.0, "last": 600.0, "requests": (1, 2, 3)}
    assert graph.edges["pool", "hello#1"] == {"count": 2, "first": 0.0, "last": 60.0, "requests": (1, 2)}
    assert graph.nodes["hello#2"] == {"kind": "instance"}
    assert graph.nodes["pool"] == {"kind": "component"}
    assert graph.graph == {"requests": (1, 2, 3), "causes": {}}
    assert "queue" not in graph


@pytest.mark.parametrize("which", [1, "1", "R1", "1-0000abcd-000000000001"])
def test_one_request_brings_what_it_caused(which: int | str) -> None:
    graph = chain(nested(), which)
    assert graph.graph == {"requests": (1, 2), "causes": {2: 1}}
    assert graph.has_edge("outer#1", "front door")


def test_request_ids_count_in_sixteens() -> None:
    run = Script(until=1)
    for number in range(1, 20):
        run.accept(0, number)
    assert chain(run.recording, "1-00000000-000000000010").graph["requests"] == (16,)
    assert chain(run.recording, "10").graph["requests"] == (10,)


def test_what_was_caused_does_not_bring_its_cause() -> None:
    assert chain(nested(), 2).graph["requests"] == (2,)
    assert "caller" not in chain(nested(), 2)


@pytest.mark.parametrize("which", [0, 9, "R9", "1-0-xyz", "nonsense", True, ""])
def test_no_such_request(which: int | str) -> None:
    with pytest.raises(UsageError, match="no request"):
        chain(nested(), which)


def test_layers_follow_the_way_forward() -> None:
    places = layout(chain(failing()))
    order = ["caller", "front door", "queue", "dispatcher", "pool", "hello#1"]
    columns = [places[node][0] for node in order]
    assert columns == sorted(set(columns))
    assert (columns[0], columns[-1]) == (0.0, 1.0)
    assert places["destination queue:dead-letters"][0] > places["dispatcher"][0]


def test_a_layer_is_spread_and_in_the_order_of_appearance() -> None:
    places = layout(chain(lesson00()))
    assert (places["hello#1"], places["hello#2"]) == ((1.0, 0.25), (1.0, 0.75))
    assert places["caller"] == (0.0, 0.5)
    assert layout(chain(lesson00())) == places


@pytest.mark.parametrize("make", [lesson00, failing, capped, nested, broken_boot])
def test_no_two_nodes_share_a_place(make: object) -> None:
    assert callable(make)
    places = layout(chain(make()))
    assert len(set(places.values())) == len(places)
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in places.values())


def test_nothing_happened() -> None:
    assert layout(chain(Recording())) == {}
