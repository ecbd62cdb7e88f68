"""The log service against models: what a query finds, and how cursors cut a shard."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fclab import Lab, LogTrigger
from fclab.errors import SourceError
from fclab.sources.logs.query import parse
from tests.unit.source_kit import payloads

WORDS = st.sampled_from(["error", "Err", "errors", "ok", "500", "404", "50", "android", "nothing"])
TEXTS = st.lists(WORDS, max_size=3).flatmap(lambda found: st.sampled_from([" ", ",", "/", ": ", '"']).map(lambda mark: mark.join(found)))
LOGS = st.dictionaries(st.sampled_from(["status", "msg", "__topic__"]), TEXTS, max_size=3)
FIELDS = st.sampled_from(["status", "msg", "__topic__", "other"])
SIGNS = st.sampled_from([">", ">=", "<", "<=", "="])

LEAVES = st.one_of(
    st.just(("all",)),
    st.tuples(st.just("word"), WORDS),
    st.tuples(st.just("begins"), WORDS),
    st.tuples(st.just("every"), st.lists(WORDS, min_size=1, max_size=3)),
    st.tuples(st.just("in"), FIELDS, WORDS),
    st.tuples(st.just("has"), FIELDS),
    st.tuples(st.just("compare"), FIELDS, SIGNS, st.sampled_from(["50", "404", "499.5", "-1", "5e2"])),
)
TREES = st.recursive(
    LEAVES, lambda inner: st.one_of(st.tuples(st.just("not"), inner), st.tuples(st.sampled_from(["and", "or"]), inner, inner)), max_leaves=6
)


def written(tree: Any) -> str:
    """A query that says what the tree does, with parentheses everywhere."""
    kind, *rest = tree
    if kind in ("and", "or"):
        return f"({written(rest[0])}) {kind} ({written(rest[1])})"
    if kind == "not":
        return f"not ({written(rest[0])})"
    said: dict[str, Callable[[], str]] = {
        "all": lambda: "*", "word": lambda: rest[0], "begins": lambda: f"{rest[0]}*", "every": lambda: '"' + " ".join(rest[0]) + '"',
        "in": lambda: f"{rest[0]}:{rest[1]}", "has": lambda: f"{rest[0]}:*", "compare": lambda: f"{rest[0]} {rest[1]} {rest[2]}",
    }  # fmt: skip
    return said[kind]()


def there(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def model(tree: Any, log: dict[str, str]) -> bool:
    """What the tree means, said another way."""
    kind, *rest = tree
    bare = [word for name, text in log.items() if not name.startswith("__") for word in there(text)]
    if kind == "and":
        return model(rest[0], log) and model(rest[1], log)
    if kind == "or":
        return model(rest[0], log) or model(rest[1], log)
    if kind == "not":
        return not model(rest[0], log)
    if kind == "all":
        return True
    if kind == "word":
        return rest[0].lower() in bare
    if kind == "begins":
        return any(word.startswith(rest[0].lower()) for word in bare)
    if kind == "every":
        return all(word.lower() in bare for word in rest[0])
    if kind == "in":
        return rest[1].lower() in there(log.get(rest[0], ""))
    if kind == "has":
        return rest[0] in log
    if not re.fullmatch(r"[0-9]+", log.get(rest[0], "")):
        return False
    left, right = float(log[rest[0]]), float(rest[2])
    return {">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right, "=": left == right}[rest[1]]


@given(TREES, LOGS)
def test_a_query_finds_what_the_model_says(tree: Any, log: dict[str, str]) -> None:
    assert parse(written(tree)).meets(log) == model(tree, log)


JOINTS = st.sampled_from([" ", " and ", " AND ", " or ", " OR "])


@given(st.lists(LEAVES, min_size=2, max_size=6), st.lists(JOINTS, min_size=5, max_size=5), LOGS)
def test_and_binds_closer_than_or(leaves: list[Any], joints: list[str], log: dict[str, str]) -> None:
    text, groups = written(leaves[0]), [[leaves[0]]]
    for joint, leaf in zip(joints, leaves[1:], strict=False):
        text += joint + written(leaf)
        if "or" in joint.lower():
            groups.append([leaf])
        else:
            groups[-1].append(leaf)
    assert parse(text).meets(log) == any(all(model(leaf, log) for leaf in group) for group in groups)


@given(st.text(alphabet='ab :()"*<>=\\?andornot1.', max_size=20))
def test_any_text_is_a_query_or_a_clear_error(text: str) -> None:
    said = None
    try:
        parse(text).meets({"a": "b 1"})
    except SourceError as error:
        said = error
    assert said is None or (said.code == "ParameterInvalid" and said.what and said.hint)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("status:500 and", "where the end is"),
        ("or error", "where 'or' at character 1 is"),
        ("(error", "a \\) is due where the end is"),
        ("error)", "the query could end where '\\)' at character 6 is"),
        ('say "hello', "quotation at character 5 does not end"),
        ("status > high", "a number is due after > .* where 'high' at character 10 is"),
        ("status:", "a word is due where the end is"),
        ("er*or", "\\* may only end a word"),
        ("not", "where the end is"),
        (",", "letter or digit"),
        ("(" * 200 + "a" + ")" * 200, "nested deeper"),
        ("not " * 200 + "a", "nested deeper"),
    ],
)
def test_a_wrong_query_is_told_where(query: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        parse(query)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 4), st.sampled_from([None, "a", "b", "c"])),
        st.tuples(st.just("wait"), st.integers(1, 30)),
        st.tuples(st.just("pull"), st.integers(0, 2), st.integers(1, 3)),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(1, 3))
def test_pulling_with_cursors_sees_every_log_once_and_in_order(steps: list[Any], shards: int) -> None:
    lab = Lab(record=False)
    logs, n = lab.logs, 0
    logs.create_logstore("shop", "access", shards=shards)
    at = [logs.get_cursor("shop", "access", shard, "begin") for shard in range(shards)]
    pulled: list[list[str]] = [[] for _ in range(shards)]
    put: list[list[str]] = [[] for _ in range(shards)]
    moments: list[tuple[float, list[int]]] = []
    for kind, *rest in steps:
        if kind == "append":
            said = logs.append("shop", "access", [{"n": n + more} for more in range(rest[0])], key=rest[1])
            put[said["shard"]] += [str(n + more) for more in range(rest[0])]
            n += rest[0]
        elif kind == "wait":
            lab.run_for(rest[0])
            moments.append((lab.now, [len(one) for one in put]))
        else:
            shard = rest[0] % shards
            page = logs.pull("shop", "access", shard, at[shard], count=rest[1])
            pulled[shard] += [log["n"] for log in page["logs"]]
            at[shard] = page["next_cursor"]
    for shard in range(shards):
        while (page := logs.pull("shop", "access", shard, at[shard], count=3))["count"]:
            pulled[shard] += [log["n"] for log in page["logs"]]
            at[shard] = page["next_cursor"]
        assert pulled[shard] == put[shard]
        edges: list[str | float] = ["begin", *(moment for moment, _ in moments), "end"]
        cursors = [logs.get_cursor("shop", "access", shard, edge) for edge in edges]
        pieces = [logs.pull("shop", "access", shard, *pair, count=1000)["logs"] for pair in pairwise(cursors)]
        assert [log["n"] for piece in pieces for log in piece] == put[shard], "ranges between times partition the shard"
        counts = [0, *(lengths[shard] for _, lengths in moments), len(put[shard])]
        assert [len(piece) for piece in pieces] == [after - before for before, after in pairwise(counts)]


@settings(max_examples=40, deadline=None)
@given(STEPS, st.lists(st.booleans(), max_size=12), st.integers(1, 3))
def test_tasks_that_succeed_partition_every_shard(steps: list[Any], fails: list[bool], shards: int) -> None:
    lab = Lab(profile="instant")
    outcomes = iter(fails)
    got: list[list[str]] = [[] for _ in range(shards)]

    @lab.function
    def takes(event: bytes, context: Any) -> None:
        import json

        s = json.loads(event)["source"]
        page = context.logs.pull("shop", "access", s["shardId"], s["beginCursor"], s["endCursor"], count=1000)
        if next(outcomes, False):
            raise ValueError("no")
        got[s["shardId"]] += [log["n"] for log in page["logs"]]

    logs, n = lab.logs, 0
    logs.create_logstore("shop", "access", shards=shards)
    lab.trigger("takes", LogTrigger(project="shop", logstore="access", interval=10, max_retries=1))
    put: list[list[str]] = [[] for _ in range(shards)]
    for kind, *rest in steps:
        if kind == "append":
            said = logs.append("shop", "access", [{"n": n + more} for more in range(rest[0])], key=rest[1])
            put[said["shard"]] += [str(n + more) for more in range(rest[0])]
            n += rest[0]
        else:
            lab.run_for(rest[-1])
    lab.run_for(40_000)
    assert got == put
    tasks: dict[str, set[tuple[str, str]]] = {}
    for event in payloads(lab, "takes"):
        tasks.setdefault(event["taskId"], set()).add((event["source"]["beginCursor"], event["source"]["endCursor"]))
    assert all(len(ranges) == 1 for ranges in tasks.values())
