"""The filter of CDN triggers, and the cache against a plain set."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fclab import CDNTrigger, Lab
from tests.unit.source_kit import payloads

NAMES = ["a.example.com", "b.example.com", "aa.example.com", "a.example.org"]
PATHS = ["/a", "/a/", "/a/b", "/a0", "/b", "/ab/c"]


@given(st.lists(st.sampled_from(NAMES), min_size=1, unique=True), st.permutations(NAMES))
def test_a_function_gets_the_events_of_its_domains_in_order(chosen: list[str], made: list[str]) -> None:
    lab = Lab(profile="instant")
    lab.declare("noted", duration=0.01)
    lab.trigger("noted", CDNTrigger(event="CdnDomainAdded", domains=chosen))
    for domain in made:
        lab.cdn.add(domain)
        lab.run()
    assert [one["events"][0]["resource"]["domain"] for one in payloads(lab, "noted")] == [name for name in made if name in chosen]


ACTS = st.one_of(
    st.tuples(st.just("request"), st.sampled_from(PATHS)), st.tuples(st.just("refresh"), st.sampled_from(PATHS)),
    st.tuples(st.just("directory"), st.sampled_from(["/a/", "/ab/", "/"])), st.tuples(st.just("push"), st.sampled_from(PATHS)),
)  # fmt: skip


@given(st.lists(ACTS, max_size=12))
def test_the_cache_is_a_set_of_paths(acts: list[tuple[str, str]]) -> None:
    lab, cached = Lab(), set[str]()
    lab.cdn.add(NAMES[0])
    for act, path in acts:
        if act == "request":
            assert lab.cdn.request(NAMES[0], path)["cache"] == ("HIT" if path in cached else "MISS")
            cached.add(path)
            continue
        if act == "refresh":
            lab.cdn.refresh(NAMES[0], path)
            cached.discard(path)
        elif act == "push":
            lab.cdn.push(NAMES[0], path)
            cached.add(path)
        else:
            lab.cdn.refresh(NAMES[0], path, "Directory")
            cached -= {one for one in cached if one.startswith(path)}
        lab.run()
