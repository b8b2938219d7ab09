#!/usr/bin/env python3
"""Takes the pictures of README and docs from the demo's App, in both themes, and a moving one.

``make demo-pictures`` runs it after ``make demo``: it opens the App on what the demo has made, in
headless Chromium, and writes into ``docs/images``. It needs the packages of the tests (Playwright)
and Chromium (``CHROMIUM=/path`` names one).

Before pictures are committed, faces of footage that may not be passed on (docs/demo_corpus.md, the
man in the car among them) have to be made unrecognisable.
"""

from __future__ import annotations

import io
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from demo_steps import ROOT, prepare_environment
from demo_story import NAME
from PIL import Image

IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 3_000_000  # of the moving picture
SIZE = {"width": 1600, "height": 1100}


class Camera:
    """Keeps frames of the page for the moving picture.

    Args:
        page: of Playwright
    """

    def __init__(self, page: Any) -> None:
        self._page = page
        self._frames: list[Image.Image] = []
        self._milliseconds: list[int] = []

    def take(self, seconds: float) -> None:
        """Show what the page shows now for some seconds."""
        picture = Image.open(io.BytesIO(self._page.screenshot())).convert("RGB")
        self._frames.append(picture.resize((1000, 688), Image.Resampling.LANCZOS))
        self._milliseconds.append(round(1000 * seconds))

    def write(self, path: Path) -> int:
        """Write the moving picture at the best quality that stays below the limit of size."""
        first, *rest = self._frames
        for quality in (80, 65, 50, 35, 20):
            first.save(
                path,
                save_all=True,
                append_images=rest,
                duration=self._milliseconds,
                loop=0,
                quality=quality,
                method=6,
            )
            if path.stat().st_size < MOST_BYTES:
                break
        return path.stat().st_size


def beside(panel: str) -> Any:
    """Return a layout: the grid, and ``panel`` on the right."""
    import fiftyone as fo

    tabs = [fo.Panel(type="Samples", pinned=True), fo.Panel(type=panel)]
    parts = [fo.Space(children=[tab], active_child=tab.component_id) for tab in tabs]
    return fo.Space(children=parts, orientation="horizontal", sizes=[0.4, 0.6])


def main() -> int:
    prepare_environment()
    sys.path.append(str(ROOT / "tests" / "browser"))
    import fiftyone as fo
    from app_driver import App

    faces = fo.load_dataset(f"{NAME}-faces")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    session = fo.launch_app(
        faces, spaces=faces.load_workspace("Audit"), port=port, address="127.0.0.1", auto=False
    )
    with (
        tempfile.TemporaryDirectory() as shots,
        App(f"http://127.0.0.1:{port}", faces.name, Path(shots)) as app,
    ):
        app.page.set_viewport_size(SIZE)
        app.find("mf-total-fp").wait_for()
        app.wait_sphere()
        app.wait(4)
        both_themes(app, "app")
        session.spaces = beside("error_audit")
        audit(app)
    session.close()
    return 0


def both_themes(app: Any, name: str) -> None:
    """Save the page as it is, in both themes; the page ends in the theme it had."""
    for _ in range(2):
        app.page.mouse.move(5, 5)
        app.wait(1)
        light = app.theme() == "light"
        path = IMAGES / f"{name}{'-light' if light else ''}.png"
        data = Image.open(io.BytesIO(app.page.screenshot())).convert("RGB")
        data.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
            path, optimize=True
        )
        app.switch_theme()


def audit(app: Any) -> None:
    """Film the way from a number to its faces and to the second detector, and photograph it."""
    camera = Camera(app.page)
    app.wait(8)
    app.find("mf-total-fp").wait_for()
    app.wait_plot()
    app.wait(2)
    camera.take(2.5)
    before = app.count()
    app.click("mf-total-fp")
    app.wait_count_other_than(before)
    app.wait(3)
    camera.take(3)
    for tab, seconds in (("table", 3), ("transfer", 3), ("compare", 4)):
        app.click(f"mf-tab-{tab}")
        app.wait(4)
        app.find("mf-table").scroll_into_view_if_needed()
        app.wait(1)
        camera.take(seconds)
    both_themes(app, "second_detector")
    size = camera.write(IMAGES / "loop.webp")
    print(f"loop.webp: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
