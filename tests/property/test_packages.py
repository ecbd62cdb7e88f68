"""Packages whatever is in them: what is packed comes back, hostile zips never write outside, values survive being written as source."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fclab import PackageError
from fclab.packages.archive import zip_files, zip_folder
from fclab.packages.unpack import unpack
from fclab.packages.values import write
from tests.unit.packages_kit import link, make_zip, tree

PART = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="/\\:"), min_size=1, max_size=6).filter(
    lambda part: part not in (".", "..") and len(part.encode()) < 200
)
FILES = st.dictionaries(st.lists(PART, min_size=1, max_size=3).map("/".join), st.binary(max_size=100), max_size=6).filter(
    lambda files: not any(other.startswith(f"{name}/") for name in files for other in files)
)
ODD = st.sampled_from(["..", ".", "", "a", "b", "/", "\\", "c:", "l"])
NAME = st.lists(ODD, min_size=1, max_size=5).map("/".join)
ENTRY = st.one_of(st.binary(max_size=5), NAME.map(link), st.just((0o020644, b"")))
CONSTANT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers() | st.dates() | st.decimals(),
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(st.text(), inner), st.frozensets(st.text()), st.sets(st.integers())
    ),
    max_leaves=10,
)


@given(FILES)
@settings(max_examples=60, deadline=None)
def test_what_is_packed_comes_back(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        with (root / "1.zip").open("wb") as file:
            zip_files(files, file)
        unpack(root / "1.zip", root / "out")
        assert tree(root / "out") == dict(sorted(files.items()))
        with (root / "2.zip").open("wb") as file:
            zip_folder(root / "out", file)
        assert (root / "2.zip").read_bytes() == (root / "1.zip").read_bytes()


@given(st.dictionaries(NAME, ENTRY, max_size=6))
@settings(max_examples=300, deadline=None)
def test_no_zip_writes_outside_its_folder_or_leaves_anything_when_refused(entries: dict[str, bytes | tuple[int, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        (root / "in").mkdir()
        path = make_zip(root / "x.zip", entries)
        try:
            unpack(path, root / "in/out")
        except PackageError:
            assert not (root / "in/out").exists()
        else:
            for found in (root / "in/out").rglob("*"):
                assert found.resolve(strict=True).is_relative_to(root / "in/out")
        assert {found.name for found in root.iterdir()} == {"in", "x.zip"}
        assert {found.name for found in (root / "in").iterdir()} <= {"out"}


@given(CONSTANT)
@settings(max_examples=200, deadline=None)
def test_constants_survive_being_written(value: Any) -> None:
    def refer(part: object) -> str:
        raise AssertionError(f"{part!r} is a plain value")

    text = write(value, refer, lambda name: name, lambda name: f"__import__({name!r})")
    again = eval(text)
    assert type(again) is type(value)
    assert shape(again) == shape(value)
    assert write(again, refer, lambda name: name, lambda name: f"__import__({name!r})") == text


def shape(value: Any) -> Any:
    """`value` with NaN equal to itself and sets in order."""
    if isinstance(value, dict):
        return [(shape(key), shape(held)) for key, held in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [shape(part) for part in value]
    if isinstance(value, (set, frozenset)):
        return type(value), sorted(map(repr, value))
    return type(value), repr(value)
