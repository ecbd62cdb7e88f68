"""Routes against a plain reading of their paths."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from fclab.sources.gateway.routes import Route

TEXTS = st.sampled_from(["a", "b", "new", "7"])
ASKED = st.lists(TEXTS, max_size=4).map(lambda parts: "/" + "/".join(parts))


@st.composite
def paths(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.one_of(TEXTS, st.just("{}")), max_size=3))
    named = [f"{{p{place}}}" if part == "{}" else part for place, part in enumerate(parts)]
    return "/" + "/".join([*named, *(["{rest+}"] if draw(st.booleans()) else [])])


def pattern(path: str) -> str:
    return re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", path))


@given(paths(), ASKED)
def test_a_route_matches_as_its_path_reads(path: str, asked: str) -> None:
    found = re.fullmatch(pattern(path), asked)
    assert Route.of("release", "GET", path).match("GET", asked) == (found.groupdict() if found else None)


@given(st.lists(paths(), min_size=2, max_size=6), ASKED)
def test_no_two_that_match_have_the_same_right(given_paths: list[str], asked: str) -> None:
    """Clauses 2 and 3: once those of one right are refused, one route is the most specific."""
    routes = {route.right: route for route in (Route.of("release", "GET", path) for path in given_paths)}
    ranks = [route.rank for route in routes.values() if route.match("GET", asked) is not None]
    assert len(set(ranks)) == len(ranks)


@given(paths(), paths())
def test_rights_are_equal_where_only_names_differ(one: str, other: str) -> None:
    same = re.sub(r"\w+\}|\w+\+\}", "}", one) == re.sub(r"\w+\}|\w+\+\}", "}", other) and ("+" in one) == ("+" in other)
    rights = [Route.of("release", "GET", path).right for path in (one, other)]
    assert (rights[0] == rights[1]) == same
