"""A small extension of the Jupyter server that `fclab lab` starts: a notebook is opened without views that nothing can draw any more.

A saved output names its live view by an id that only the kernel which made it knows. Once that kernel is gone, JupyterLab shows "Error
displaying widget" there, although the same output holds a still picture. So, whenever a notebook is read:

1. A view that a running kernel of this notebook knows is kept: after a reload of the page it is live again.
2. Any other view is left out where its output has another form, and a picture in its place says how to make it live again.
3. A kernel that does not answer within `PATIENCE` seconds keeps all its views. The file itself is never written here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from fclab.commands.notebook import VIEW, Notebook

__all__ = ["PATIENCE", "STILL", "drop_dead_views", "has_views", "known_views"]

PATIENCE = 3.0
"""Seconds to wait for a kernel's list; it answers beside a running cell."""

STILL = "<p><small>A still picture, as it was before anybody touched it. Run the cells again, from the top, and it is live.</small></p>"

Kernel = Any
"""A kernel manager of jupyter_client."""


class Server(Protocol):
    """The Jupyter server, as far as this extension knows it."""

    contents_manager: Any
    session_manager: Any
    kernel_manager: Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: Server) -> None:
    """Called by the server: reads go through `drop_dead_views` from now on, whatever keeps the files."""
    contents = server.contents_manager
    read: Callable[..., object] = contents.get

    async def get(path: str, *options: object, **named: object) -> object:
        found = read(path, *options, **named)
        model = await found if inspect.isawaitable(found) else found
        if isinstance(model, dict) and model.get("type") == "notebook" and has_views(model.get("content")):
            known: set[str] = set()
            for kernel in await _kernels(server, path.strip("/")):
                views = await known_views(kernel)
                if views is None:
                    return model
                known |= views
            drop_dead_views(model["content"], known)
        return model

    contents.get = get


async def _kernels(server: Server, path: str) -> list[Kernel]:
    """The kernels that run the notebook at `path`."""
    sessions: Iterable[dict[str, Any]] = await server.session_manager.list_sessions()
    return [server.kernel_manager.get_kernel(one["kernel"]["id"]) for one in sessions if one["path"].strip("/") == path]


async def known_views(kernel: Kernel) -> set[str] | None:
    """The ids of the widgets that `kernel` still knows; None where it does not answer in time."""
    client = kernel.client()
    client.start_channels(shell=False, iopub=False, stdin=False, hb=False, control=True)
    try:
        asked = client.session.msg("comm_info_request", {})
        client.control_channel.send(asked)
        while True:
            reply = await client.get_control_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == asked["header"]["msg_id"]:
                return set(reply["content"].get("comms", {}))
    except Exception as error:  # no answer, or a kernel of another make: its views are left to themselves
        if type(error).__name__ not in ("Empty", "KeyError", "TimeoutError"):
            raise
        return None
    finally:
        client.stop_channels()


def _outputs(notebook: object) -> list[dict[str, Any]]:
    cells = notebook.get("cells", []) if isinstance(notebook, dict) else []
    return [output["data"] for cell in cells for output in cell.get("outputs", []) if VIEW in output.get("data", {})]


def has_views(notebook: object) -> bool:
    """Whether any output of `notebook` has a live view."""
    return bool(_outputs(notebook))


def drop_dead_views(notebook: Notebook, known: set[str]) -> None:
    """Leave out, in place, every view whose id is not in `known`, by clause 2."""
    for data in _outputs(notebook):
        if len(data) > 1 and data[VIEW].get("model_id") not in known:
            del data[VIEW]
            if "text/html" in data:
                html = data["text/html"]
                data["text/html"] = f"{html if isinstance(html, str) else ''.join(html)}\n{STILL}"
