"""The language of event patterns against a model that spells it out."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fclab.sources.bus.pattern import check, fits

FIELDS = ("a", "b", "c")
TEXTS = st.sampled_from(["", "a", "ab", "b", "ba", "aba", "10.0.0.1", "10.0.0.9", "10.0.1.1", "10.0.0.300"])
NUMBERS = st.integers(-2, 3) | st.sampled_from([0.5, 1.0, 2.5])
LEAVES = TEXTS | NUMBERS | st.booleans() | st.none()
NONEMPTY = TEXTS.filter(bool)
SIGNS = st.sampled_from(["=", "<", "<=", ">", ">="])

WORDS = st.one_of(*(st.fixed_dictionaries({word: NONEMPTY}) for word in ("prefix", "suffix", "contains")))
CONDITIONS = st.one_of(
    LEAVES,
    WORDS,
    st.fixed_dictionaries({"anything-but": TEXTS | NUMBERS | st.lists(TEXTS | NUMBERS, min_size=1, max_size=3) | WORDS}),
    st.fixed_dictionaries({"exists": st.booleans()}),
    st.fixed_dictionaries({"cidr": st.sampled_from(["10.0.0.0/24", "10.0.0.0/29", "10.0.0.1/32", "0.0.0.0/0"])}),
    st.builds(lambda *parts: {"numeric": list(parts)}, SIGNS, NUMBERS),
    st.builds(lambda *parts: {"numeric": list(parts)}, SIGNS, NUMBERS, SIGNS, NUMBERS),
)
NAMES = st.sampled_from(FIELDS)
PATTERNS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.dictionaries(NAMES, st.lists(CONDITIONS, min_size=1, max_size=3), min_size=1, max_size=3),
    lambda inner: st.dictionaries(NAMES, inner | st.lists(CONDITIONS, min_size=1, max_size=3), min_size=1, max_size=3),
    max_leaves=6,
)
EVENTS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.dictionaries(NAMES, LEAVES | st.lists(LEAVES, max_size=3), max_size=3),
    lambda inner: st.dictionaries(NAMES, inner | LEAVES | st.lists(LEAVES, max_size=3), max_size=3),
    max_leaves=6,
)


def kind(value: object) -> str:
    """JSON's own kinds, which never equal one another."""
    return json.dumps(value)[0] if isinstance(value, (str, dict, list)) or value is None or isinstance(value, bool) else "number"


def same(a: object, b: object) -> bool:
    return kind(a) == kind(b) and a == b


def truth(condition: Any, there: bool, value: Any) -> bool:
    """One condition of one field, every operator written out."""
    if isinstance(condition, dict) and "exists" in condition:
        return there is condition["exists"]
    if not there:
        return False
    if isinstance(value, list):
        return any(truth(condition, True, one) for one in value)
    if not isinstance(condition, dict):
        return same(condition, value)
    text = value if isinstance(value, str) else None
    if "prefix" in condition:
        return text is not None and text[: len(condition["prefix"])] == condition["prefix"]
    if "suffix" in condition:
        return text is not None and text[-len(condition["suffix"]) :] == condition["suffix"]
    if "contains" in condition:
        return text is not None and text.find(condition["contains"]) >= 0
    if "cidr" in condition:
        every = [str(one) for one in ipaddress.ip_network("10.0.0.0/23")]
        net = ipaddress.ip_network(condition["cidr"], strict=False)
        return text in every and ipaddress.ip_address(str(text)) in net
    if "numeric" in condition:
        parts = condition["numeric"]
        bounds = list(zip(parts[::2], parts[1::2], strict=True))
        return kind(value) == "number" and all(
            {"=": value == bound, "<": value < bound, "<=": value <= bound, ">": value > bound, ">=": value >= bound}[sign]
            for sign, bound in bounds
        )
    but = condition["anything-but"]
    return not any(truth(one, True, value) for one in (but if isinstance(but, list) else [but]))


def model(pattern: dict[str, Any], event: object) -> bool:
    for field, wanted in pattern.items():
        there = isinstance(event, dict) and field in event
        value = event[field] if isinstance(event, dict) and there else None
        if isinstance(wanted, dict):
            good = model(wanted, value)
        else:
            good = False
            for condition in wanted:
                good = good or truth(condition, there, value)
        if not good:
            return False
    return True


@given(PATTERNS, EVENTS)
def test_patterns_mean_what_the_model_says(pattern: dict[str, Any], event: dict[str, Any]) -> None:
    assert fits(check(pattern), event) == model(pattern, event)


@given(PATTERNS, EVENTS)
def test_more_conditions_of_a_field_never_exclude_and_more_fields_never_include(pattern: dict[str, Any], event: dict[str, Any]) -> None:
    fitted = fits(pattern, event)
    wider = {field: [*wanted, "zz"] if isinstance(wanted, list) else wanted for field, wanted in pattern.items()}
    assert fits(wider, event) or not fitted
    assert not fits({**pattern, "zz": ["zz"]}, event)
    assert fits({}, event)


@given(EVENTS.filter(bool))
def test_an_event_fits_the_pattern_made_of_it(event: dict[str, Any]) -> None:
    def of(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: of(one) for key, one in value.items()} or [{"exists": True}]
        if isinstance(value, list):
            return value or [{"exists": True}]
        return [value]

    assert fits(check(of(event)), event)
