"""What a notebook holds when it is opened: the views that a running kernel knows, and a still picture where there is none."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from queue import Empty
from typing import Any

import pytest

from fclab.commands import dead_views
from fclab.commands.dead_views import STILL, drop_dead_views, has_views, known_views
from fclab.commands.notebook import VIEW

Model = dict[str, Any]


def output(model_id: str, **other: object) -> Model:
    return {"output_type": "execute_result", "data": {VIEW: {"model_id": model_id}, **other}}


def page() -> Model:
    """A notebook with a card, a slider of somebody else, a view that is nothing else, and a plain picture."""
    outputs = [
        output("card", **{"text/html": ["<img ", "src>"], "text/plain": "Card"}),
        output("slider", **{"text/plain": "IntSlider"}),
        output("bare"),
        {"output_type": "display_data", "data": {"text/html": "<b>"}},
        {"output_type": "stream", "text": "x"},
    ]
    return {"cells": [{"cell_type": "markdown", "source": ""}, {"cell_type": "code", "outputs": outputs}]}


def data(notebook: Model) -> list[Model]:
    return [one.get("data", {}) for one in notebook["cells"][1]["outputs"]]


def test_clause_2_a_dead_view_gives_way_to_its_picture_and_text() -> None:
    notebook = page()
    drop_dead_views(notebook, set())
    card, slider, bare, picture, _ = data(notebook)
    assert card == {"text/html": f"<img src>\n{STILL}", "text/plain": "Card"}
    assert slider == {"text/plain": "IntSlider"}
    assert VIEW in bare, "there is nothing else to show"
    assert picture == {"text/html": "<b>"}
    again = copy.deepcopy(notebook)
    drop_dead_views(again, set())
    assert again == notebook, "the sentence comes once"


def test_clause_1_a_view_that_is_known_is_kept() -> None:
    notebook = page()
    drop_dead_views(notebook, {"card", "slider"})
    assert notebook == page()


@pytest.mark.parametrize("content", [None, "text", {}, {"cells": []}, {"cells": [{"cell_type": "raw"}]}])
def test_what_has_no_views(content: object) -> None:
    assert not has_views(content)


class Client:
    """A client whose kernel answers with `comms`, after somebody else's message; None: not at all."""

    def __init__(self, comms: Model | None) -> None:
        self.comms, self.open = comms, False
        self.session = self.control_channel = self
        self.replies: list[Model] = []

    def msg(self, kind: str, content: Model) -> Model:
        assert (kind, content) == ("comm_info_request", {})
        return {"header": {"msg_id": "mine"}}

    def start_channels(self, *, control: bool, **others: bool) -> None:
        assert control
        assert not any(others.values())
        self.open = True

    def stop_channels(self) -> None:
        self.open = False

    def send(self, message: Model) -> None:
        self.replies = [{"parent_header": {"msg_id": "other"}, "content": {"comms": {"wrong": {}}}}]
        self.replies += [{"parent_header": {"msg_id": "mine"}, "content": {"comms": self.comms}}]

    async def get_control_msg(self, timeout: float) -> Model:
        if self.comms is None:
            raise Empty
        return self.replies.pop(0)


class Kernel:
    def __init__(self, comms: Model | None) -> None:
        self.made = Client(comms)

    def client(self) -> Client:
        return self.made


def test_a_kernel_is_asked_beside_its_running_cell_and_the_line_is_hung_up() -> None:
    kernel = Kernel({"card": {"target_name": "jupyter.widget"}})
    assert asyncio.run(known_views(kernel)) == {"card"}
    assert not kernel.made.open


def test_clause_3_a_kernel_that_does_not_answer() -> None:
    kernel = Kernel(None)
    assert asyncio.run(known_views(kernel)) is None
    assert not kernel.made.open


class Server:
    """A server with one notebook, a.ipynb, and a session on it for each of `kernels`."""

    def __init__(self, kernels: list[Kernel], *, plain: bool = False) -> None:
        self.contents_manager = self.session_manager = self.kernel_manager = self
        self.kernels = kernels
        self.get: Callable[..., Any] = self.read if plain else self.read_async

    def read(self, path: str, content: bool = True, **named: object) -> Model:
        return {"type": "notebook" if path.endswith(".ipynb") else "file", "content": page() if content else None}

    async def read_async(self, path: str, content: bool = True, **named: object) -> Model:
        return self.read(path, content, **named)

    async def list_sessions(self) -> list[Model]:
        here = [{"path": "a.ipynb", "kernel": {"id": number}} for number in range(len(self.kernels))]
        return [*here, {"path": "b.ipynb", "kernel": {"id": 99}}]

    def get_kernel(self, number: int) -> Kernel:
        return self.kernels[number]


def opened(server: Server, *options: object, **named: object) -> Any:
    """What a browser gets."""
    dead_views._load_jupyter_server_extension(server)
    return asyncio.run(server.get(*options, **named))


def views(model: Model) -> list[str]:
    return [found[VIEW]["model_id"] for found in data(model["content"]) if VIEW in found]


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "async"])
@pytest.mark.parametrize(
    ("kernels", "left"),
    [
        ([], ["bare"]),
        ([{"card": {}}], ["card", "bare"]),
        ([{"card": {}}, {"slider": {}}], ["card", "slider", "bare"]),
        ([{}], ["bare"]),
        ([None], ["card", "slider", "bare"]),
    ],
    ids=["no kernel", "one", "two", "restarted", "silent"],
)
def test_a_notebook_is_opened_with_what_its_kernels_know(kernels: list[Model | None], left: list[str], plain: bool) -> None:
    assert views(opened(Server([Kernel(comms) for comms in kernels], plain=plain), "/a.ipynb")) == left


def test_other_files_and_bare_questions_pass() -> None:
    assert opened(Server([]), "a.txt") == {"type": "file", "content": page()}
    assert opened(Server([]), path="a.ipynb", content=False, type="notebook", require_hash=True)["content"] is None


def test_the_extension_names_itself() -> None:
    assert dead_views._jupyter_server_extension_points() == [{"module": "fclab.commands.dead_views"}]
