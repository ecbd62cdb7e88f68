"""A lab of real processes, served; nothing of it outlasts its test."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from alibabacloud_fc20230330.client import Client
from darabonba.core import DaraCore

from fclab import Lab
from fclab.server.endpoint import Endpoint
from tests.server.kit import client


@pytest.fixture(autouse=True)
def no_connections_left() -> Iterator[None]:
    """The client keeps its connections for the whole process; end them with the test."""
    yield
    for session in DaraCore._sessions.values():
        session.close()
    DaraCore._sessions.clear()


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
