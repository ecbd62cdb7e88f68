"""Chromium for the browser tests, and a real JupyterLab for the few that need one.

A page must end without an uncaught error and without a request that leaves this machine: the `page` fixture checks both.
Pictures are kept in the folder of FCLAB_ARTIFACTS, or in a temporary one.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.jupyterlab import Server

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LOCAL = ("http://127.0.0.1", "http://localhost", "ws://127.0.0.1", "ws://localhost", "data:", "blob:", "about:", "file:")
HARMLESS = ("Could not restore the debugger state",)
"""What JupyterLab itself logs as an error when a kernel ends."""

UP_WITHIN = 90
"""Seconds JupyterLab may take to start on a busy machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")  # not the session: Playwright keeps an event loop running, and other folders call asyncio.run
def browser() -> Iterator[Browser]:
    """One headless Chromium for this folder; skipped where the machine has none."""
    with sync_playwright() as playwright:
        path = next((found for name in NAMES if (found := shutil.which(name))), None)
        if path is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("no Chromium on this machine: install it, or run `playwright install chromium`")
        started = playwright.chromium.launch(executable_path=path, args=FLAGS, chromium_sandbox=False)
        yield started
        started.close()


@dataclass(slots=True)
class Trouble:
    """What a page should not have done."""

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Collect uncaught errors, console errors and requests to elsewhere from now on."""
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        page.on("console", lambda said: self.errors.append(f"console: {said.text} ({said.location})") if said.type == "error" else None)
        page.on("request", lambda request: None if request.url.startswith(LOCAL) else self.foreign.append(request.url))

    def check(self) -> None:
        """Fail if there was any."""
        assert not [error for error in self.errors if not any(text in error for text in HARMLESS)]
        assert not self.foreign


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page (1280 × 900) that must end without errors and without a request to elsewhere."""
    trouble = Trouble()
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        made = context.new_page()
        trouble.watch(made)
        yield made
    trouble.check()


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where pictures are kept."""
    named = os.environ.get("FCLAB_ARTIFACTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("artifacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def snapshot(page: Page, artifacts: Path) -> Callable[[str], Path]:
    """`snapshot("name")` keeps a picture of the page as name.png."""

    def keep(name: str) -> Path:
        path = artifacts / f"{name}.png"
        page.screenshot(path=path)
        return path

    return keep


@pytest.fixture(scope="package")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`fclab lab` on a fresh learner copy, with nothing of this machine's Jupyter settings."""
    home = tmp_path_factory.mktemp("jupyter")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython"}
    own |= {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "HOME": "home"}
    environment = {**os.environ, **{name: str(home / folder) for name, folder in own.items()}, "FCLAB_PROGRESS": "off"}
    (home / "app").mkdir()
    settings = {
        "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none", "kernelShutdown": True},
        "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    }
    (home / "app" / "overrides.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "fclab", "lab", "--lessons", str(home / "lessons"), "--", "--no-browser", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token="]
    command += ["--LabApp.expose_app_in_browser=True", f"--LabApp.app_settings_dir={home / 'app'}"]
    process = subprocess.Popen(command, cwd=home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout
    log: list[str] = []
    deadline = threading.Timer(UP_WITHIN, process.kill)
    deadline.start()
    rest = threading.Thread(target=log.extend, args=(process.stdout,), daemon=True)
    try:
        for line in process.stdout:
            log.append(line)
            if f"http://127.0.0.1:{port}/" in line:
                break
        deadline.cancel()
        assert process.poll() is None, f"JupyterLab did not start:\n{''.join(log)}"
        rest.start()
        yield Server(f"http://127.0.0.1:{port}", home / "lessons", log)
    finally:
        deadline.cancel()
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if rest.ident:
            rest.join(5)
        process.stdout.close()
