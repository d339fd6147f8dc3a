"""A headless Chromium that shows pages to tests, and notes whatever they ask for or complain of."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZES = {"wide": (1280, 900), "phone": (390, 844)}

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")


@dataclass
class Opened:
    """A page, and what it did since it was opened."""

    page: Any
    asked: list[str] = field(default_factory=list)
    """Every address that was asked for."""
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of the console, and exceptions that nobody caught."""

    def watch(self) -> None:
        """Note what happens from now on."""
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@contextmanager
def start_chromium() -> Iterator[Any]:
    """A browser for as long as the context lasts."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_file(
    browser: Any,
    file: Path,
    size: Literal["wide", "phone"] = "wide",
    scheme: Literal["light", "dark"] = "light",
) -> Iterator[Opened]:
    """A file in a window of this size, for a reader who prefers light or dark."""
    width, height = SIZES[size]
    window = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    try:
        opened = Opened(window.new_page())
        opened.watch()
        opened.page.goto(file.as_uri())
        yield opened
    finally:
        window.close()
