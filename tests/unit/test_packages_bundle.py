"""A function's code as a package: what any world outside of this process is handed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from fclab import CodeStoreError, Lab, PackageError
from fclab.packages.bundle import check_source, package_of
from fclab.packages.home import CodeHome
from fclab.packages.store import CodeStore
from fclab.packages.unpack import unpack
from tests.unit.packages_kit import make_zip, tree

LOCK = threading.Lock()


def connect(context: Any) -> None:
    pass


def hello(event: bytes, context: Any) -> str:
    return "hello"


def locked(event: bytes, context: Any) -> bool:
    return LOCK.locked()


@pytest.fixture
def store(tmp_path: Path) -> CodeStore:
    return CodeStore(tmp_path / "store")


def test_a_function_of_a_cell_is_packed_and_stored(store: CodeStore, tmp_path: Path) -> None:
    lab = Lab()
    lab.function(name="greet", initializer=connect, pre_stop=connect)(hello)
    bundle = package_of(lab.functions["greet"], store)
    assert bundle.entry_points == {
        "handler": "index.hello", "initializer": "index.connect", "pre_freeze": None, "pre_stop": "index.connect",
    }  # fmt: skip
    unpack(store.path(bundle.package.digest), tmp_path / "out")
    assert list(tree(tmp_path / "out")) == ["index.py"]
    assert package_of(lab.functions["greet"], store) == bundle


def test_a_deployed_function_keeps_its_package_and_its_names(tmp_path: Path) -> None:
    home = CodeHome()
    path = make_zip(tmp_path / "a.zip", {"app.py": b"x = 1"})
    with Lab() as lab:
        lab.deploy("f", path, handler="app.run", pre_freeze="app.freeze")
        lab.deploy("shop", path, runtime="custom", command=["x"], duration=1)
        spec, shop = lab.functions["f"], lab.functions["shop"]
    with pytest.raises(CodeStoreError):
        package_of(spec, home.store)
    assert home.add(path) == spec.package
    bundle = package_of(spec, home.store)
    assert bundle.package is spec.package
    assert bundle.entry_points == {"handler": "app.run", "initializer": None, "pre_freeze": "app.freeze", "pre_stop": None}
    assert set(package_of(shop, home.store).entry_points.values()) == {None}
    home.close()


def test_what_can_never_be_packed_is_known_at_once(store: CodeStore) -> None:
    lab = Lab()
    lab.function(name="bad")(locked)
    lab.function(name="early")(lambda event, context: defined_later)  # type: ignore[name-defined]  # noqa: F821
    lab.declare("model", duration=1)
    with pytest.raises(PackageError, match="'LOCK' cannot be packed: it is a lock"):
        check_source(lab.functions["bad"])
    check_source(lab.functions["early"])
    check_source(lab.functions["model"])


def test_a_closed_home_can_be_used_again(tmp_path: Path) -> None:
    home = CodeHome()
    home.close()
    package = home.add(make_zip(tmp_path / "a.zip", {"app.py": b"x = 1"}))
    folder = home.folder
    assert (home.unpacked(package) / "app.py").read_bytes() == b"x = 1"
    home.close()
    assert not folder.exists()
