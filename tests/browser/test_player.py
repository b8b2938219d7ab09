"""The player in a real browser: the number burnt into what is drawn is the one that the panel says.

The pixels are read from the canvases, stepping, after seeks and while both videos play.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
from media_forensics.detector.frames.frame_times import frame_times
from numbered_clips import played

pytestmark = [pytest.mark.browser, pytest.mark.fiftyone, pytest.mark.weights]
#: Frame number that a canvas is said to hold, and the one in its bar code.
READ = """c => {
  const g = c.getContext('2d'), y = Math.floor(0.75 * c.height);
  let code = 0;
  for (let b = 0; b < 8; b++) {
    if (g.getImageData(Math.floor((b + 0.5) * c.width / 8), y, 1, 1).data[0] > 128) code |= 1 << b;
  }
  return [Number(c.dataset.number), code + 1];
}"""
#: The same of both canvases at every frame of the page for a while.
WATCH = f"""ms => new Promise((done) => {{
  const read = {READ}, end = performance.now() + ms, rows = [];
  const [left, right] = ['left', 'right'].map(
    (side) => document.querySelector(`[data-cy="mf-player-${{side}}"]`));
  const look = () => {{
    rows.push([...read(left), ...read(right)]);
    performance.now() < end ? requestAnimationFrame(look) : done(rows);
  }};
  look();
}})"""


@pytest.fixture(scope="module")
def page(app_server, fiftyone_db, tmp_path_factory):
    """A page on clips with burnt-in numbers."""
    from app_driver import App

    made = played(fiftyone_db, tmp_path_factory.mktemp("played"))
    app_server.reset()
    shots = os.environ.get("MEDIA_FORENSICS_SHOTS")
    folder = Path(shots) if shots else tmp_path_factory.mktemp("x")
    with App(app_server.url, made.faces.name, folder) as app:
        yield app, made
        assert not app.errors, app.errors
    for dataset in (made.videos, made.faces):
        fiftyone_db.delete_dataset(dataset.name)


def number(app) -> int:
    return int(app.find("mf-player-frame").get_attribute("data-number"))


def said(app, side: str) -> int:
    return int(app.find(f"mf-player-{side}-under").get_attribute("data-number"))


def at(app, left: int, right: int | None = None) -> None:
    """Wait until the panel is at a frame, and compare what it says with what it draws."""

    def there() -> bool:
        shown = app.find("mf-player-left").evaluate(READ)
        return number(app) == shown[0] == left and not app.page.locator("[aria-busy=true]").count()

    app.until(f"frame {left}", there)
    assert app.find("mf-player-left").evaluate(READ) == [left, left]
    assert said(app, "left") == left
    if right is not None:
        assert app.find("mf-player-right").evaluate(READ) == [right, right]
        assert said(app, "right") == right


def press(app, key: str) -> None:
    app.page.keyboard.press(key)


def go(app, wanted: int) -> None:
    press(app, "g")
    app.find("mf-player-goto-field").fill(str(wanted))
    press(app, "Enter")


def to_video(app, name: str) -> None:
    """Go on through the grid's videos until ``name`` is shown."""
    title = app.find("mf-player-title")
    for _ in range(8):
        if name in title.inner_text():
            return
        before = title.inner_text()
        press(app, "n")
        app.until("the next video", lambda b=before: title.inner_text() != b, 20)
    raise AssertionError(f"no video {name}")


def partner(made, fake: str, real: str) -> dict[int, int]:
    """Number of the real's frame that is shown when each frame of the fake begins."""
    one, other = (frame_times(made.path[name]).seconds for name in (fake, real))
    found = np.searchsorted(other - other[0], one - one[0] + 1e-6, side="right")
    return {i + 1: int(n) for i, n in enumerate(found)}


def test_the_number_in_the_pixels_is_the_one_that_is_said(page):
    app, made = page
    app.open_panel("player")
    app.find("mf-player-left").wait_for()
    face = app.find("mf-player-panel")
    app.until("the couple", lambda: "even/fake and even/real" in face.inner_text())
    face.focus()
    press(app, "Home")
    at(app, 1, 1)
    for key, wanted in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("ArrowDown", 5)):
        press(app, key)
        at(app, wanted, wanted)
    for key, wanted in (("Shift+ArrowRight", 15), ("End", 30), ("ArrowLeft", 29)):
        press(app, key)
        at(app, wanted, wanted)
    for wanted in random.Random(0).sample(range(1, 31), 4):
        go(app, wanted)
        at(app, wanted, wanted)

    go(app, 9)
    at(app, 9, 9)
    press(app, "d")
    app.until("its difference", lambda: "mean 1" in face.inner_text())  # 30 in the upper half
    app.until("the heatmap", lambda: "what moved this frame's score" in face.inner_text())
    app.shot("player")
    press(app, "d")

    go(app, 6)
    at(app, 6, 6)
    press(app, "i")
    go(app, 22)
    at(app, 22, 22)
    press(app, "o")
    press(app, " ")
    seen: set[int] = set()

    def played() -> bool:  # a busy machine draws few of the frames
        rows = app.page.evaluate(WATCH, 1800)
        assert all(row[0] == row[1] == row[2] == row[3] for row in rows), rows
        seen.update(row[0] for row in rows)
        return len(seen) > 4

    app.until("frames that follow each other", played)
    assert min(seen) >= 6, seen
    press(app, " ")
    app.until("rest", lambda: "Play" in app.find("mf-player-play").inner_text())
    press(app, "l")
    at(app, number(app), number(app))

    to_video(app, "odd/fake")
    other = partner(made, "odd/fake", "odd/real")
    app.until("its scores", lambda: "by time" in app.find("mf-player-words").inner_text())
    for wanted in (1, 2, 3, 12, 28, 7):
        go(app, wanted)
        at(app, wanted, other[wanted])
    press(app, "ArrowLeft")
    at(app, 6, other[6])

    to_video(app, "old/fake")
    words = app.find("mf-player-left-words")
    app.until("a preview", lambda: words.count() and "A preview is shown" in words.inner_text())
    for wanted in (28, 1, 17):
        go(app, wanted)
        at(app, wanted)
    press(app, "ArrowLeft")
    at(app, 16)

    to_video(app, "pictures/fake")
    press(app, "Home")
    at(app, 1)
    press(app, "ArrowRight")
    at(app, 3)  # the picture before it was not among the frames


def test_it_fits_speaks_and_opens_from_other_panels(page):
    app, _ = page
    app.open_panel("player")
    app.find("mf-player-left").wait_for()
    panel = app.find("mf-player-panel")
    for _ in range(2):
        for width in (320, 400, 1400):
            wide = panel.evaluate(
                "(e, w) => { e.style.width = w + 'px'; return e.scrollWidth; }", width
            )
            app.wait(0.3)
            app.shot(f"player-{width}-{app.theme()}")
            assert wide <= width
        app.switch_theme()
    panel.evaluate("e => { e.style.width = ''; }")
    nameless = panel.evaluate(
        "e => [...e.querySelectorAll('button, input, select, canvas, [role=slider]')]"
        ".filter(x => !(x.innerText || x.ariaLabel || x.closest('label'))).length"
    )
    assert nameless == 0
    panel.focus()
    press(app, "?")
    app.find("mf-player-keys").wait_for()

    app.page.locator('[data-cy="looker"]').first.hover()
    ticked = app.page.locator('[data-cy="looker"] input[type=checkbox]').first
    ticked.evaluate("box => box.click()")
    at(app, 1)  # it follows the ticked face
    app.open_panel("timeline")
    app.wait_plot(0)
    x, y = app.page.evaluate("window.__driver.pixel(0, 0, 3)")
    app.page.mouse.click(x, y)
    app.until("the clicked frame", lambda: number(app) == 13)
    at(app, 13)
    app.shot("player-from-timeline")
