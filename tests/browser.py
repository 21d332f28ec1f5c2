"""Open a page in a real browser with the network off, and note all that it asks for and says."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@dataclass
class Opened:
    """A page, and what it did since it was opened."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def missing(reason: str) -> None:
    """Skip the test; fail it where a browser is promised, so that no check is lost unseen."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextlib.contextmanager
def started() -> Iterator[Browser]:
    """Start headless Chromium or Chrome."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415
    except ImportError:
        missing("playwright is not installed")
    path = os.environ.get("CHROME_PATH") or next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as play:
        if path is None and not Path(play.chromium.executable_path).exists():
            missing(f"no browser: none of {', '.join(NAMES)}; CHROME_PATH can name one")
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def opened(
    browser: Browser, path: Path, *, width: int = 1280, height: int = 800
) -> Iterator[Opened]:
    """Open a file off line; `requests` are those beside the file itself and data in it."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, offline=True, locale="fr-FR"
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    found = Opened(page)
    own = path.resolve().as_uri()

    def asked(url: str) -> None:
        if url.partition("#")[0] != own and not url.startswith("data:"):
            found.requests.append(url)

    page.on("request", lambda request: asked(request.url))
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            found.errors.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    try:
        page.goto(own)
        yield found
    finally:
        context.close()


def settled(page: Page) -> None:
    """Wait until a page is laid out: a map that still takes its size moves under a click.

    A map is told its size after the frame where that changed, and is drawn in the next one.
    """
    page.evaluate(
        """() => new Promise((done) => {
            const frames = (left) => left
                ? requestAnimationFrame(() => frames(left - 1))
                : requestIdleCallback(done);
            frames(3);
        })"""
    )


def still(page: Page, drawn: str) -> None:
    """Wait until a map, named by a script, neither zooms nor slides: each begins in a frame."""
    page.evaluate(
        f"""() => new Promise((done) => {{
            const frames = (left) => {{
                const {{ _animatingZoom: zooms, _panAnim: slides }} = {drawn};
                const moves = zooms || (slides && slides._inProgress);
                if (left || moves) requestAnimationFrame(() => frames(moves ? 3 : left - 1));
                else done();
            }};
            frames(3);
        }})"""
    )


def comes(page: Page, expression: str, value: Any) -> None:
    """Wait until a script gives a value: what ends a window or a choice acts after the key."""
    from playwright.sync_api import TimeoutError as TooLong  # noqa: PLC0415

    same = f"(value) => JSON.stringify({expression}) === JSON.stringify(value)"
    with contextlib.suppress(TooLong):  # then the comparison says what there is instead
        page.wait_for_function(same, arg=value)
    assert page.evaluate(expression) == value


def worked(page: Page) -> Callable[[], float]:
    """Return a clock of the seconds a page works: a busy machine does not make them more."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def clock() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "ThreadTime")

    return clock
