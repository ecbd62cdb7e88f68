"""Driving JupyterLab through its own commands instead of its menus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

OPEN = "jupyterapp.shell.currentWidget"
"""The open notebook, in the page's own words; needs LabApp.expose_app_in_browser."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running JupyterLab: its address, the learner's folder, and what it printed so far."""

    url: str
    folder: Path
    log: list[str]


def run_in_kernel(page: Page, code: str) -> str:
    """What `code` prints in the kernel of the open notebook."""
    printed = page.evaluate(
        """async code => {
            const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            let text = '';
            const future = kernel.requestExecute({code});
            future.onIOPub = m => { if (m.header.msg_type === 'stream' || m.header.msg_type === 'error')
                text += m.content.text ?? m.content.traceback.join('\\n'); };
            await future.done;
            return text;
        }""",
        code,
    )
    return str(printed)


def ready(page: Page, seconds: float = 60) -> None:
    """Wait until the open notebook has a kernel that answers."""
    limit = seconds * 1000
    page.wait_for_function(f"window.jupyterapp?.shell?.currentWidget?.context && {OPEN}.content.widgets", timeout=limit)
    page.evaluate(f"{OPEN}.context.ready.then(() => {OPEN}.sessionContext.ready)")
    page.wait_for_function(f"{OPEN}.sessionContext.session?.kernel?.connectionStatus === 'connected'", timeout=limit)
    page.evaluate(f"{OPEN}.sessionContext.session.kernel.requestKernelInfo().then(() => 1)")


def insert(page: Page, code: str, *, wait: bool = True) -> None:
    """Run `code` in a new cell at the end, and wait until it is over unless told otherwise."""
    page.evaluate(
        f"""async ([code, wait]) => {{
            const notebook = {OPEN}.content;
            notebook.activeCellIndex = notebook.widgets.length - 1;
            await jupyterapp.commands.execute('notebook:insert-cell-below');
            await jupyterapp.commands.execute('notebook:change-cell-to-code');
            notebook.activeCell.model.sharedModel.setSource(code);
            const over = jupyterapp.commands.execute('notebook:run-cell');
            if (wait) await over;
        }}""",
        [code, wait],
    )
