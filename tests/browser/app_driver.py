"""Drives the FiftyOne App in headless Chromium: one page on one dataset.

What was learned the hard way (FiftyOne 1.22): canvases need the software-GL flags; a pop-up with an
invisible backdrop eats every click unless ``window.IS_PLAYWRIGHT`` is set before the page loads;
the mouse must be off the grid when the operator shortcut is typed.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """Path of a Chromium on this machine."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class App:
    """The App at ``url`` on ``dataset``; a context manager."""

    def __init__(self, url: str, dataset: str, shots: Path) -> None:
        self.url, self.dataset, self.shots = url, dataset, shots
        self.errors: list[str] = []

    def __enter__(self) -> App:
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        self.page: Page = self._browser.new_page(viewport={"width": 1500, "height": 950})
        self.page.set_default_timeout(60_000)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.add_init_script("window.IS_PLAYWRIGHT = true;")
        self.page.goto(f"{self.url}/datasets/{self.dataset}", wait_until="domcontentloaded")
        self.page.wait_for_selector('[data-cy="looker"]')
        return self

    def __exit__(self, *exception) -> None:
        if exception[0] is not None:
            self.shot("failed")
        self._browser.close()
        self._playwright.stop()

    def shot(self, name: str) -> None:
        """Keep a screenshot."""
        self.shots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(self.shots / f"{name}.png"))

    def wait(self, seconds: float) -> None:
        self.page.wait_for_timeout(seconds * 1000)

    def count(self) -> int:
        """Number of samples that the grid shows."""
        text = self.page.locator('[data-cy="entry-counts"]').first.inner_text()
        return int(re.findall(r"[\d,]+", text)[0].replace(",", ""))

    def wait_count(self, wanted: int, seconds: float = 40) -> None:
        """Wait until the grid shows ``wanted`` samples."""
        deadline = time.monotonic() + seconds
        while self.count() != wanted:
            assert time.monotonic() < deadline, f"the grid shows {self.count()}, not {wanted}"
            self.wait(0.2)

    def wait_count_other_than(self, before: int, seconds: float = 40) -> int:
        """Wait until the grid shows another number of samples than ``before``, and return it."""
        deadline = time.monotonic() + seconds
        while (now := self.count()) == before:
            assert time.monotonic() < deadline, f"the grid still shows {before}"
            self.wait(0.2)
        return now

    def open_panel(self, name: str) -> None:
        """Open a panel beside the grid, by its registered name."""
        self.page.locator('[data-cy="new-panel-btn"]').first.click()
        self.page.locator(f'[data-cy="new-panel-option-{name}"]').first.click()
        self.page.wait_for_selector(f'[data-cy="panel-content-{name}"]')

    def open_form(self, label: str) -> Locator:
        """Open an operator's form from the operator browser."""
        self.page.mouse.move(5, 5)
        self.page.locator("body").click(position={"x": 3, "y": 3}, force=True)
        self.page.keyboard.press("`")
        self.page.locator('[data-cy="operators-browser-search"]').wait_for()
        self.page.keyboard.type(label)
        entry = self.page.locator('[data-cy="operators-browser"]').get_by_text(label, exact=False)
        entry.first.click()
        form = self.page.locator('[data-cy="operators-prompt-modal"]')
        form.wait_for()
        return form

    def fill(self, form: Locator, label: str, value: str) -> None:
        """Type into the field with this label; the form resolves itself again."""
        title = form.locator(f"xpath=.//*[normalize-space(text())='{label}']").first
        box = title.locator("xpath=ancestor::*[.//input or .//textarea][1]")
        box.locator("input, textarea").first.fill(value)
        self.wait(1.5)

    def press(self, form: Locator, text: str) -> None:
        """Press the form's button with this text."""
        form.get_by_role("button", name=text, exact=True).first.click()
