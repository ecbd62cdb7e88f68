"""A lab of either kind, and short ways to use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fclab import Lab
from tests.contract.backend_kit import echo

Make = Callable[..., Lab]
BACKENDS = ["virtual", "process"]


@pytest.fixture(params=BACKENDS)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes labs of one kind, with one function "f" for a handler, and closes them."""
    labs: list[Lab] = []

    def lab(handler: Callable[..., Any] = echo, **options: Any) -> Lab:
        made = Lab(request.param, profile="instant")
        labs.append(made)
        made.function(name="f", **options)(handler)
        return made

    yield lab
    for made in labs:
        made.close()
