"""Run JupyterLab or Voilà on one notebook, seen by a browser that reaches nothing else."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from browser import Opened, missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Route, WebSocket

ROOT = Path(__file__).parents[1]


def written(path: Path, *cells: str) -> Path:
    """Write a notebook of these cells of code."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(each) for each in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, path)
    return path


@contextlib.contextmanager
def served(program: str, notebook: Path) -> Iterator[str]:
    """Start ``lab`` or ``voila`` in the notebook's folder; give the address of the notebook."""
    module = {"lab": "jupyterlab", "voila": "voila"}[program]
    if importlib.util.find_spec(module) is None:
        missing(f"{module} is not installed")
    folder = notebook.parent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if program == "lab":
        options = {
            "ServerApp.root_dir": str(folder),
            "ServerApp.port": str(port),
            "ServerApp.port_retries": "0",
            "IdentityProvider.token": "",
            "LabApp.expose_app_in_browser": "True",
            "LabApp.extension_manager": "readonly",
        }
        command = ["jupyterlab", "--no-browser", "--allow-root"]
        address, ready = f"http://127.0.0.1:{port}/lab/tree/{notebook.name}", "api"
    else:
        options = {"Voila.port": str(port), "Voila.port_retries": "0"}
        command = ["voila", str(notebook), "--no-browser"]
        address, ready = f"http://127.0.0.1:{port}/", "voila/static/voila.js"
    own = {
        f"JUPYTER_{name}_DIR": str(folder / f".{name}") for name in ("CONFIG", "DATA", "RUNTIME")
    }
    # It would ask the reader whether to look for news.
    settings = folder / ".CONFIG" / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    quiet = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    settings.write_text(json.dumps(quiet), encoding="utf-8")
    path = folder / f"{program}.log"
    with path.open("w") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                *command,
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            cwd=folder,
            env={
                **os.environ,
                **own,
                "IPYTHONDIR": str(folder / ".ipython"),
                "PYTHONPATH": str(ROOT),
                "JUPYTER_PLATFORM_DIRS": "1",
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _await(f"http://127.0.0.1:{port}/{ready}", process, path)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def _await(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers."""
    end = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own server
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError(log.read_text()) from None
            time.sleep(0.1)


@contextlib.contextmanager
def seen(browser: Browser, address: str) -> Iterator[Opened]:
    """Open a page of a server of this machine; `requests` are those to anywhere else, refused."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, locale="fr-FR")
    context.set_default_timeout(45_000)
    page = context.new_page()
    found = Opened(page)
    own = address.split("/")[2]

    def answer(route: Route) -> None:
        if route.request.url.split("/")[2] == own:
            route.continue_()
        else:
            found.requests.append(route.request.url)
            route.abort()

    def joined(socket: WebSocket) -> None:
        if socket.url.split("/")[2] != own:
            found.requests.append(socket.url)

    page.route(re.compile("^(?!data:|blob:)"), answer)
    page.on("websocket", joined)
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    page.on(
        "console",
        lambda message: found.errors.append(message.text) if message.type == "error" else None,
    )
    try:
        page.goto(address)
        yield found
    finally:
        context.close()


def run_all(page: Page) -> None:
    """Run all cells of the notebook that is open in JupyterLab."""
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status"
        " === 'idle'"
    )
    # The promise of the command is kept only once the last cell has run.
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")


def saved(page: Page, path: Path) -> str:
    """Save the notebook that is open in JupyterLab, and return the text of its file."""
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    return path.read_text(encoding="utf-8")
