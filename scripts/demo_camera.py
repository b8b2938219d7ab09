"""Takes pictures of a page of the App once it has come to rest, still ones and a moving one."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image

MOST_BYTES = 3_000_000  # of the moving picture
REST = 0.7  # seconds between two pictures that must be equal
PATIENCE = 120  # seconds until the page must have come to rest
OPEN_FOR_EVER = "/events"  # the App listens here


class Camera:
    """Photographs a page.

    Args:
        app: of tests/browser/app_driver.py
        folder: of the pictures
    """

    def __init__(self, app: Any, folder: Path) -> None:
        self._app, self._folder = app, folder
        self._asked: set[Any] = set()
        self._frames: list[Image.Image] = []
        self._milliseconds: list[int] = []
        folder.mkdir(parents=True, exist_ok=True)
        app.page.on("request", self._began)
        app.page.on("requestfinished", self._ended)
        app.page.on("requestfailed", self._ended)

    def _began(self, request: Any) -> None:
        if not request.url.endswith(OPEN_FOR_EVER):
            self._asked.add(request)

    def _ended(self, request: Any) -> None:
        self._asked.discard(request)

    def still(self) -> Image.Image:
        """Return the page once nothing is loaded and nothing moves on it."""
        app = self._app
        app.page.mouse.move(5, 5)  # no hint of what lies under the mouse
        seen = [b""]

        def rests() -> bool:
            app.wait(REST)
            app.until("all answers", lambda: not self._asked, PATIENCE)
            seen.append(app.page.screenshot())
            return seen[-1] == seen[-2]

        app.until("a page at rest", rests, PATIENCE)
        return Image.open(io.BytesIO(seen[-1])).convert("RGB")

    def both_themes(self, name: str) -> None:
        """Save the page in both themes; it ends in the theme it had."""
        for _ in range(2):
            light = self._app.theme() == "light"
            path = self._folder / f"{name}{'-light' if light else ''}.png"
            few = self.still().quantize(
                256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
            )
            few.save(path, optimize=True)
            self._app.switch_theme()
        print(name, flush=True)

    def film(self, seconds: float) -> None:
        """Show in the moving picture, for some seconds, what the page shows now."""
        self._frames.append(self.still().resize((1000, 688), Image.Resampling.LANCZOS))
        self._milliseconds.append(round(1000 * seconds))

    def write_film(self, name: str) -> None:
        """Write the moving picture at the best quality that stays below the limit of size."""
        path = self._folder / f"{name}.webp"
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
        print(f"{name}: {path.stat().st_size / 1e6:.1f} MB", flush=True)
