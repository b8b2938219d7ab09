"""Drives the FiftyOne App (1.22) in headless Chromium: one page on one dataset.

    with App("http://127.0.0.1:5151", "my-faces", Path("shots")) as app:
        app.open_panel("error_audit")
        app.click("mf-total-fp")
        app.wait_count(12)

What was learned the hard way: canvases and WebGL need the software-GL flags; a pop-up with an
invisible backdrop eats every click unless ``window.IS_PLAYWRIGHT`` is set before the page loads;
plots are mounted late (wait for Plotly's ``_fullLayout``, not for the element); the mouse must be
off the grid when the operator shortcut is typed; the session on the server remembers panels.

As a program it opens a panel and saves pictures in both themes:

    python tests/browser/app_driver.py URL DATASET --panel error_audit --out docs/images
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from form_driver import PATIENCE, FormDriver
from playwright.sync_api import Locator, Page, sync_playwright
from sphere_driver import SphereDriver

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
#: What FiftyOne itself throws now and then while its grid loads.
NOT_OURS = ("entry is loading",)

SCRIPT = r"""
window.IS_PLAYWRIGHT = true;
// Without a graphics card a moving bar takes a whole core from the job that it waits for.
addEventListener('DOMContentLoaded', () => document.head.append(Object.assign(
  document.createElement('style'),
  { textContent: '*, *::before, *::after { animation: none !important; }' })));
window.__driver = {
  plots() {
    return [...document.querySelectorAll('.js-plotly-plot')]
      .filter(g => g._fullLayout && g.offsetWidth > 0);
  },
  size(i) {
    const g = this.plots()[i];
    return g ? g._fullData.reduce((n, t) => n + (t.x || []).length, 0) : 0;
  },
  pixel(i, trace, point) {  // of a point of a line, or of the middle of a bar
    const g = this.plots()[i], t = g._fullData[trace], b = g.getBoundingClientRect();
    const xa = g._fullLayout['xaxis' + (t.xaxis || 'x').slice(1)];
    const ya = g._fullLayout['yaxis' + (t.yaxis || 'y').slice(1)];
    const y = t.type === 'bar' ? t.y[point] / 2 : t.y[point];
    const at = [b.left + xa._offset + xa.c2p(xa.d2c(t.x[point])),
                b.top + ya._offset + ya.c2p(ya.d2c(y))];
    return at.every(Number.isFinite) ? at : null;  // it is being laid out again
  },
};
"""


def chromium() -> str | None:
    """Path of a Chromium on this machine."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class App(FormDriver, SphereDriver):
    """The App at ``url`` on ``dataset``; a context manager.

    Args:
        url: of the App
        dataset: to open
        shots: folder of the screenshots

    Attributes:
        errors: uncaught errors of the page
        requests: (operator, bytes sent, milliseconds) of every operator call
    """

    def __init__(self, url: str, dataset: str, shots: Path) -> None:
        self.url, self.dataset, self.shots = url.rstrip("/"), dataset, shots
        self.errors: list[str] = []
        self.requests: list[tuple[str, int, float]] = []
        self.asked = set()

    def __enter__(self) -> App:
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        self._open_page()
        return self

    def beside(self) -> App:
        """The App as a second person has it open, in a browser of their own."""
        other = App(self.url, self.dataset, self.shots)
        other._browser, other.errors = self._browser, self.errors
        other._open_page()
        return other

    def _open_page(self) -> None:
        self.page: Page = self._browser.new_page(viewport={"width": 1500, "height": 950})
        self.page.set_default_timeout(1000 * PATIENCE)
        self.page.on("pageerror", self._failed)
        self.page.on("request", self._began)
        self.page.on("requestfinished", self._finished)
        self.page.on("requestfailed", self._ended)
        self.page.add_init_script(SCRIPT)
        self.go(self.dataset)

    def __exit__(self, *exception: object) -> None:
        if exception[0] is not None:
            self.shot("failed")
        self._browser.close()
        self._playwright.stop()

    def _failed(self, error: Any) -> None:
        if not any(text in str(error) for text in NOT_OURS):
            self.errors.append(str(error)[:500])

    def _began(self, request: Any) -> None:
        if "/operators/resolve-type" in request.url:
            self.asked.add(request)

    def _ended(self, request: Any) -> None:
        self.asked.discard(request)

    def _finished(self, request: Any) -> None:
        self._ended(request)
        if "/operators/" not in request.url:
            return
        body = request.post_data or ""
        found = re.search(r'"operator_uri":"([^"]+)"', body)
        took = request.timing["responseEnd"] - request.timing["requestStart"]
        self.requests.append((found.group(1) if found else "", len(body), took))

    # -- page ------------------------------------------------------------------------------------

    def shot(self, name: str) -> Path:
        """Keep a screenshot."""
        self.shots.mkdir(parents=True, exist_ok=True)
        path = self.shots / f"{name}.png"
        self.page.screenshot(path=str(path))
        return path

    def go(self, dataset: str, view: str = "") -> None:
        """Open the page of a dataset, of its saved view ``view`` if one is named."""
        page = f"{self.url}/datasets/{dataset}" + (f"?view={view}" if view else "")
        self.page.goto(page, wait_until="domcontentloaded")
        self.page.wait_for_selector('[data-cy="looker"]')

    def wait(self, seconds: float) -> None:
        """Let the page go on for a while."""
        self.page.wait_for_timeout(seconds * 1000)

    def until(self, what: str, test: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """The first true value of ``test``; fails naming ``what`` after ``seconds``."""
        deadline = time.monotonic() + seconds
        while not (value := test()):
            assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
            self.wait(0.15)
        return value

    def count(self) -> int:
        """Number of samples that the grid shows."""
        text = self.page.locator('[data-cy="entry-counts"]').first.inner_text()
        return int(re.findall(r"[\d,]+", text)[0].replace(",", ""))

    def wait_count(self, wanted: int, seconds: float = PATIENCE) -> None:
        """Wait until the grid shows ``wanted`` samples."""
        deadline = time.monotonic() + seconds
        while self.count() != wanted:
            assert time.monotonic() < deadline, f"the grid shows {self.count()}, not {wanted}"
            self.wait(0.2)

    def wait_count_other_than(self, before: int, seconds: float = PATIENCE) -> int:
        """Wait until the grid shows another number of samples than ``before``, and return it."""
        deadline = time.monotonic() + seconds
        while (now := self.count()) == before:
            assert time.monotonic() < deadline, f"the grid still shows {before}"
            self.wait(0.2)
        return now

    def theme(self) -> str:
        """``dark`` or ``light``."""
        name = "--fo-palette-themeMode"
        script = "n => getComputedStyle(document.documentElement).getPropertyValue(n).trim()"
        return self.page.evaluate(script, name)

    def switch_theme(self) -> str:
        """Change to the other theme and return it."""
        before = self.theme()
        self.page.locator('[title="Light mode"], [title="Dark mode"]').first.click()
        self.until("the other theme", lambda: self.theme() != before)
        return self.theme()

    def find(self, name: str) -> Locator:
        """The element of our components with ``data-cy`` ``name``."""
        return self.page.locator(f'[data-cy="{name}"]').first

    def click(self, name: str) -> None:
        """Click such an element."""
        self.find(name).click()

    def choose(self, name: str, value: str) -> None:
        """Choose ``value`` in such a drop-down."""
        self.find(name).select_option(value)

    # -- panels --------------------------------------------------------------------------------

    def open_panel(self, name: str) -> None:
        """Open a panel beside the grid, by its registered name, or bring it to the front."""
        content = self.page.locator(f'[data-cy="panel-content-{name}"]').first
        if content.count() and content.is_visible():
            return
        tab = self.page.locator(f'[data-cy="panel-tab-{name.lower()}"]').first
        if tab.count():
            tab.click()
        else:
            self.page.locator('[data-cy="new-panel-btn"]').first.click()
            self.page.locator(f'[data-cy="new-panel-option-{name}"]').first.click()
        content.wait_for()

    # -- plots -----------------------------------------------------------------------------------

    def wait_plot(self, plot: int = 0) -> None:
        """Wait until a plot has points."""
        script = "i => window.__driver.size(i)"
        self.until(f"plot {plot}", lambda: self.page.evaluate(script, plot))

    def click_plot(self, plot: int, trace: int, point: int) -> None:
        """Click a point of a line, or a bar."""
        script = "([i, t, p]) => window.__driver.pixel(i, t, p)"
        self.page.evaluate(
            "i => window.__driver.plots()[i].scrollIntoView({block: 'center'})", plot
        )
        self.wait(0.3)
        at = [plot, trace, point]
        x, y = self.until("the point", lambda: self.page.evaluate(script, at))
        self.page.mouse.move(x - 5, y - 5)
        self.page.mouse.move(x, y, steps=4)
        self.wait(0.4)  # Plotly clicks what it hovers
        self.page.mouse.click(x, y)


def main() -> None:
    """Open a panel and save pictures of it in both themes."""
    parser = argparse.ArgumentParser(description="Save pictures of a panel in both themes.")
    parser.add_argument("url")
    parser.add_argument("dataset")
    parser.add_argument("--panel", default="error_audit")
    parser.add_argument("--out", type=Path, default=Path("shots"))
    chosen = parser.parse_args()
    with App(chosen.url, chosen.dataset, chosen.out) as app:
        app.open_panel(chosen.panel)
        app.wait(4)
        for _ in range(2):
            app.shot(f"{chosen.panel}-{app.theme()}")
            app.switch_theme()
            app.wait(1)


if __name__ == "__main__":
    main()
