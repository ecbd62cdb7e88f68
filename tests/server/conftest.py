"""A lab of real processes, served; nothing of it outlasts its test."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from alibabacloud_fc20230330.client import Client

from fclab import Lab
from fclab.server.endpoint import Endpoint
from tests.server.kit import client


@pytest.fixture
def lab() -> Iterator[Lab]:
    before = set(threading.enumerate())
    with Lab("process") as made:
        yield made
    assert set(threading.enumerate()) <= before


@pytest.fixture
def endpoint(lab: Lab) -> Endpoint:
    return lab.serve()


@pytest.fixture
def fc(endpoint: Endpoint) -> Client:
    return client(endpoint)
