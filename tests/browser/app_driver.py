"""Drives the FiftyOne App (1.22) in headless Chromium.

    with AppDriver("http://127.0.0.1:5151", "my-faces") as app:
        app.open_panel("error_audit")
        before = app.count()
        app.click("mf-total-fp")
        assert app.wait_count(before) == 12

What had to be learnt:

* WebGL (scattergl, the Embeddings panel) needs the SwiftShader flags below.
* ``window.IS_PLAYWRIGHT = true`` before loading suppresses a pop-up whose backdrop eats clicks.
* Plots are mounted late: wait for Plotly's ``_fullLayout``, not for the element.
* Panels are opened by their *name*; the session on the server remembers which are open.
* The operator browser opens with a backtick while the mouse is not over the grid.

As a program it opens a panel and saves pictures in both themes:

    python tests/browser/app_driver.py URL DATASET --panel error_audit --out docs/images
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
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
#: Patience in seconds: two shared cores can be slow.
PATIENCE = 60

SCRIPT = r"""
window.IS_PLAYWRIGHT = true;
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
    return [b.left + xa._offset + xa.c2p(xa.d2c(t.x[point])),
            b.top + ya._offset + ya.c2p(ya.d2c(y))];
  },
};
"""


class AppDriver:
    """One browser page on one App.

    Args:
        url: of the App
        dataset: to open
        size: of the window in pixels

    Attributes:
        errors: uncaught errors of the page
        requests: (operator, bytes sent, milliseconds) of every operator call
    """

    def __init__(self, url: str, dataset: str, size: tuple[int, int] = (1500, 1000)) -> None:
        self.url, self.dataset, self.size = url.rstrip("/"), dataset, size
        self.errors: list[str] = []
        self.requests: list[tuple[str, int, float]] = []

    def __enter__(self) -> AppDriver:
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(
            executable_path=CHROMIUM, args=ARGUMENTS, timeout=1000 * PATIENCE
        )
        width, height = self.size
        self.page: Page = self._browser.new_page(viewport={"width": width, "height": height})
        self.page.set_default_timeout(1000 * PATIENCE)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)[:500]))
        self.page.on("requestfinished", self._finished)
        self.page.add_init_script(SCRIPT)
        self.page.goto(f"{self.url}/datasets/{self.dataset}", wait_until="domcontentloaded")
        self.page.wait_for_selector('[data-cy="panel-container"]')
        self.page.wait_for_selector('[data-cy="looker"]')
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._browser.close()
        finally:
            self._playwright.stop()

    def _finished(self, request: Any) -> None:
        if "/operators/" not in request.url:
            return
        body = request.post_data or ""
        found = re.search(r'"operator_uri":"([^"]+)"', body)
        took = request.timing["responseEnd"] - request.timing["requestStart"]
        self.requests.append((found.group(1) if found else "", len(body), took))

    # -- page ------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Let the page go on for a while."""
        self.page.wait_for_timeout(1000 * seconds)

    def until(self, what: str, test: Any, seconds: float = PATIENCE) -> Any:
        """The first true value of ``test()``; fails naming ``what`` after ``seconds``."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = test()
            if value:
                return value
            self.wait(0.1)
        raise TimeoutError(f"{what}: not within {seconds} s")

    def shot(self, path: str | Path) -> Path:
        """Save a picture of the window."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(path))
        return Path(path)

    def count(self) -> int:
        """Samples in the grid, as the App says."""
        text = self.page.locator('[data-cy="entry-counts"]').first.inner_text()
        found = re.findall(r"[\d,]+", text)
        return int(found[0].replace(",", "")) if found else -1

    def wait_count(self, wanted: int) -> int:
        """Wait until the grid holds ``wanted`` samples."""
        self.until(
            f"{wanted} samples in the grid (now {self.count()})", lambda: self.count() == wanted
        )
        return wanted

    def theme(self) -> str:
        """Switch between dark and light; returns the new one."""
        before = self._theme()
        self.page.locator(
            '[data-cy="theme-toggle"], [title*="theme" i], [title*="mode" i]'
        ).first.click()
        return self.until("the other theme", lambda: self._theme() != before and self._theme())

    def _theme(self) -> str:
        name = "--fo-palette-themeMode"
        script = "n => getComputedStyle(document.documentElement).getPropertyValue(n).trim()"
        return self.page.evaluate(script, name)

    def find(self, name: str) -> Locator:
        """The element of our components with ``data-cy`` ``name``."""
        return self.page.locator(f'[data-cy="{name}"]').first

    def click(self, name: str) -> None:
        """Click such an element."""
        self.find(name).click()

    def choose(self, name: str, value: str) -> None:
        """Choose ``value`` in such a drop-down."""
        self.find(name).select_option(value)

    # -- panels and operators --------------------------------------------------------------------

    def open_panel(self, name: str) -> None:
        """Open a panel by its name, or bring it to the front."""
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

    def open_operator(self, label: str) -> Locator:
        """Open the form of an operator by its label; returns the form."""
        self.page.mouse.move(5, 5)
        self.page.locator("body").click(position={"x": 3, "y": 3}, force=True)
        self.page.keyboard.press("`")
        self.page.locator('[data-cy="operators-browser-search"]').wait_for()
        self.page.keyboard.type(label)
        listed = self.page.locator('[data-cy="operators-browser"]')
        listed.get_by_text(label, exact=True).first.click()
        form = self.page.locator('[data-cy="operators-prompt-modal"]')
        form.wait_for()
        return form

    def fill(self, form: Locator, label: str, value: str) -> None:
        """Type into the field of a form that has ``label``."""
        title = form.locator(f"xpath=.//*[normalize-space(text())={json.dumps(label)}]").first
        box = title.locator("xpath=ancestor::*[.//input or .//textarea][1]")
        box.locator("input, textarea").first.fill(value)
        self.wait(1)  # a dynamic form is resolved again

    def submit(self, form: Locator) -> None:
        """Press "Execute"."""
        form.get_by_role("button", name="Execute").first.click()

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
        x, y = self.page.evaluate(script, [plot, trace, point])
        self.page.mouse.move(x - 5, y - 5)
        self.page.mouse.move(x, y, steps=4)
        self.wait(0.4)  # Plotly clicks what it hovers
        self.page.mouse.click(x, y)

    # -- the sphere ------------------------------------------------------------------------------

    def sphere(self, script: str) -> Any:
        """Value of a JavaScript expression of ``p``, the sphere's painter."""
        canvas = "document.querySelector('[data-cy=mf-canvas]')"
        return self.page.evaluate(f"(() => {{ const p = {canvas}.mfPainter; return {script}; }})()")

    def wait_sphere(self) -> int:
        """Wait until the sphere is drawn; returns its number of points."""
        ready = "p && p.data && p.ms > 0 ? p.data.n : 0"
        self.page.wait_for_selector('[data-cy="mf-canvas"]')
        return self.until("the sphere", lambda: self.sphere(ready))

    def sphere_pixel(self, index: int) -> tuple[float, float]:
        """Where a point of the sphere is in the window."""
        box = "p.canvas.getBoundingClientRect()"
        x, y = self.sphere(
            f"[{box}.left + p.U[{index}] / p.ratio, {box}.top + p.V[{index}] / p.ratio]"
        )
        return x, y

    def lone_point(self) -> int:
        """A visible point in front that no other point is near to."""
        return self.sphere(
            "(() => { let best = -1, most = -1; for (let i = 0; i < p.data.n; i++) {"
            " if (p.W[i] > 0) continue; let least = 1e9;"
            " for (let k = 0; k < p.data.n; k++) { if (k === i || p.W[k] > 0) continue;"
            "  least = Math.min(least, (p.U[k] - p.U[i]) ** 2 + (p.V[k] - p.V[i]) ** 2); }"
            " if (least > most) { most = least; best = i; } } return best; })()"
        )


def main() -> None:
    """Open a panel and save pictures of it in both themes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("dataset")
    parser.add_argument("--panel", default="error_audit")
    parser.add_argument("--out", type=Path, default=Path("shots"))
    chosen = parser.parse_args()
    with AppDriver(chosen.url, chosen.dataset) as app:
        app.open_panel(chosen.panel)
        app.wait(4)
        for _ in range(2):
            app.shot(chosen.out / f"{chosen.panel}-{app._theme()}.png")
            app.theme()
            app.wait(1)


if __name__ == "__main__":
    try:
        main()
    except PlaywrightTimeout as error:
        raise SystemExit(str(error)) from error
