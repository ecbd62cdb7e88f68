"""The object store against what it should be: filters by trying every key, pages by sorting, bodies by joining."""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fclab import Lab, OSSTrigger
from fclab.controls.desks import hub_of
from fclab.errors import SourceError
from fclab.sources.objects.events import NAMES
from fclab.sources.objects.limits import object_key
from fclab.sources.objects.service import Objects
from fclab.sources.objects.trigger import common_event, common_key

SHORT = st.text("ab/", max_size=3)
PREFIXES = SHORT.filter(lambda text: not text.startswith("/"))
EVENTS = st.lists(st.sampled_from([*NAMES, "oss:ObjectCreated:*", "oss:ObjectRemoved:*"]), min_size=1, max_size=3)
TRIGGERS = st.builds(OSSTrigger, bucket=st.just("photos"), events=EVENTS, prefix=PREFIXES, suffix=SHORT)

KEYS = ["".join(letters) for length in range(1, 8) for letters in product("ab/", repeat=length) if letters[0] != "/"]
"""Every key of up to seven letters: two filters of three and three that a key passes both of, one of six passes both of."""


@given(TRIGGERS, TRIGGERS)
@settings(max_examples=150, deadline=None)
@example(OSSTrigger(bucket="photos", suffix="/"), OSSTrigger(bucket="photos", suffix="/"))
@example(OSSTrigger(bucket="photos", prefix="ab", suffix="ba"), OSSTrigger(bucket="photos", prefix="a", suffix="aba"))
@example(OSSTrigger(bucket="photos", prefix="aaa", suffix="aa"), OSSTrigger(bucket="photos", prefix="aa", suffix="a"))
def test_two_filters_have_a_key_in_common_exactly_if_one_passes_both(one: OSSTrigger, other: OSSTrigger) -> None:
    found = common_key(one, other)
    both = [key for key in KEYS if all(key.startswith(t.prefix) and key.endswith(t.suffix) for t in (one, other))]
    assert (found is not None) == bool(both)
    if found is not None:
        assert object_key(found) in both
        assert len(found) == len(both[0]), "the shortest"
    assert common_key(other, one) == found


@given(TRIGGERS, TRIGGERS)
def test_rules_that_may_stand_together_never_match_the_same(one: OSSTrigger, other: OSSTrigger) -> None:
    if common_event(one, other) is None or common_key(one, other) is None:
        assert not [(name, key) for name in sorted(one.names) for key in KEYS[:400] if one.matches(name, key) and other.matches(name, key)]
    else:
        name, key = common_event(one, other), common_key(one, other)
        assert name is not None
        assert key is not None
        assert one.matches(name, key)
        assert other.matches(name, key)


def test_a_key_that_would_be_too_long_is_none() -> None:
    one, other = OSSTrigger(bucket="photos", prefix="a" * 600), OSSTrigger(bucket="photos", suffix="b" * 424)
    assert common_key(one, other) is None
    assert common_key(one, OSSTrigger(bucket="photos", suffix="b" * 423)) == "a" * 600 + "b" * 423


@given(TRIGGERS)
def test_a_trigger_comes_back_from_the_wire(trigger: OSSTrigger) -> None:
    assert OSSTrigger.from_config(trigger.arn, trigger.config()) == trigger


TEXTS = st.text("ab/ä\ud7ff\ue000\U0010ffff", max_size=4)


def listed(keys: list[str], prefix: str, delimiter: str, start_after: str) -> list[tuple[str, bool]]:
    """What a listing tells, in order: names, and whether each is a common prefix."""
    found: list[tuple[str, bool]] = []
    for key in sorted(keys, key=str.encode):
        if key.startswith(prefix) and key > start_after:
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            entry = (key, False) if cut < 0 else (key[: cut + len(delimiter)], True)
            if entry not in found:
                found.append(entry)
    return found


@given(
    st.sets(TEXTS.filter(lambda text: text != "" and not text.startswith("/"))),
    TEXTS,
    st.sampled_from(["", "/", "a", "/a", "\U0010ffff"]),
    TEXTS,
    st.integers(1, 5),
)
@settings(max_examples=150, deadline=None)
def test_pages_together_are_the_listing(keys: set[str], prefix: str, delimiter: str, start_after: str, size: int) -> None:
    with Lab(record=False) as lab:
        lab.objects.create_bucket("photos")
        for key in keys:
            lab.objects.put("photos", key, b"")
        found: list[tuple[str, bool]] = []
        token: str | None = ""
        while token is not None:
            page = lab.objects.list("photos", prefix, delimiter=delimiter, start_after=start_after, max_keys=size, token=token)
            names = [(one["key"], False) for one in page["objects"]] + [(name, True) for name in page["common_prefixes"]]
            token = page["next_token"]
            assert len(names) == size if token is not None else len(names) <= size
            assert page["is_truncated"] == (token is not None)
            found += sorted(names)
        assert found == listed(list(keys), prefix, delimiter, start_after)


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("ab"), st.binary(max_size=5)),
        st.tuples(st.just("append"), st.sampled_from("ab"), st.binary(max_size=5)),
        st.tuples(st.just("copy"), st.sampled_from("ab"), st.sampled_from("abc")),
        st.tuples(st.just("delete"), st.sampled_from("abc"), st.none()),
    ),
    max_size=20,
)


@given(ACTS)
@settings(max_examples=100, deadline=None)
def test_any_history_leaves_the_right_bytes_and_no_others(acts: list[tuple[str, str, Any]]) -> None:
    held: dict[str, tuple[bytes, bool]] = {}
    with Lab(record=False) as lab:
        lab.objects.create_bucket("photos")
        for act, key, with_what in acts:
            before, refused = held.get(key), ""
            try:
                if act == "put":
                    lab.objects.put("photos", key, with_what)
                    held[key] = (with_what, False)
                elif act == "append":
                    lab.objects.append("photos", key, with_what)
                    assert before is None or before[1]
                    held[key] = ((before[0] if before else b"") + with_what, True)
                elif act == "copy":
                    lab.objects.copy("photos", key, "photos", with_what)
                    assert before is not None
                    held[with_what] = before if with_what == key else (before[0], False)
                else:
                    assert lab.objects.delete("photos", key) == (held.pop(key, None) is not None)
            except SourceError as error:
                refused = error.code
            assert refused in ("", "NoSuchKey" if before is None else "ObjectNotAppendable")
        assert {one["key"]: lab.objects.get("photos", one["key"]) for one in lab.objects.list("photos")["objects"]} == {
            key: data for key, (data, _) in held.items()
        }
        for key in [*held]:
            lab.objects.delete("photos", key)
        source = hub_of(lab._driver).sources["objects"]
        assert isinstance(source, Objects)
        assert source.store.all("SELECT * FROM object_bodies") == []
        assert source.bodies._data == {}  # type: ignore[attr-defined]
