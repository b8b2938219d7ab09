#!/usr/bin/env python3
"""Takes the pictures of README and docs from the demo's App, in both themes, and a moving one.

``make demo-pictures`` runs it after ``make demo``: it opens the App on what the demo has made, in
headless Chromium, and writes into ``docs/images``, or the folder ``IMAGES``. It needs the packages
of the tests (Playwright) and Chromium (``CHROMIUM=/path`` names one).

Faces of footage that may not be passed on (docs/demo_corpus.md, the man in the car among them) are
pixelated on their way to the page. Panels that show whole frames get other people only.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo_camera import Camera
from demo_footage import Veil, shown_people
from demo_steps import ROOT, prepare_environment
from demo_story import HARD, NAME

IMAGES = Path(os.environ.get("IMAGES") or ROOT / "docs" / "images")
SIZE = {"width": 1600, "height": 1100}
BARE = f"{NAME}-bare"  # a few faces that nothing was done with
REVIEWER = "Ada"  # otherwise the account's name is in the picture
AGAIN = 20  # seconds after which the session is told again
PANELS = ("error_audit", "hypersphere", "review", "player", "timeline", "training_runs")
TAB_SECONDS = (("table", 3), ("transfer", 3), ("compare", 4))  # in the moving picture


class Pictures:
    """Arranges the App for each picture and takes it.

    Args:
        session: of FiftyOne
        app: of tests/browser/app_driver.py, on the faces dataset
        faces: the demo's faces dataset
    """

    def __init__(self, session: Any, app: Any, faces: Any) -> None:
        self._session, self._app, self._faces = session, app, faces
        self._shown = faces.match({"identity": {"$in": shown_people()}})
        self._camera = Camera(app, IMAGES)

    def take(self) -> None:
        """Take all pictures."""
        self.audit()
        self.review()
        self.player()
        self.training_runs()
        self.nothing_yet()

    def audit(self) -> None:
        """Photograph the workspace, and film the way from a number to its faces."""
        app, camera = self._app, self._camera
        app.find("mf-total-fp").wait_for()
        app.wait_sphere()
        camera.both_themes("app")
        self._arrange("error_audit", self._faces)
        app.find("mf-total-fp").wait_for()
        app.wait_plot()
        camera.film(2.5)
        before = app.count()
        app.click("mf-total-fp")
        app.wait_count_other_than(before)
        camera.film(3)
        for tab, seconds in TAB_SECONDS:
            app.click(f"mf-tab-{tab}")
            app.find("mf-table").scroll_into_view_if_needed()
            camera.film(seconds)
        camera.both_themes("second_detector")
        camera.write_film("loop")

    def review(self) -> None:
        """Photograph a face of the false alarms that is to be decided."""
        app, ranks = self._app, [n for n in self._faces.get_field_schema() if "_rank_" in n]
        queue = next((n for n in ranks if not n.endswith(HARD)), "")
        queued = self._shown.exists(queue) if queue else self._shown
        self._arrange("review", queued if len(queued) else self._shown)
        app.find("mf-review").wait_for()
        app.choose("mf-review-queue", "grid")
        app.choose("mf-review-show", "every")
        app.find("mf-review-name").fill(REVIEWER)
        app.page.keyboard.press("Enter")
        app.find("mf-review-nameless").wait_for(state="hidden")
        app.find("mf-review-frame").wait_for()
        app.until("the crop", lambda: app.find("mf-review-crop").evaluate("i => i.naturalWidth"))
        self._camera.both_themes("review")

    def player(self) -> None:
        """Photograph a fake beside its real."""
        from fiftyone import ViewField as F

        app = self._app
        fakes = self._shown.match((F("ground_truth.label") == "fake") & (F("split") == "test"))
        self._arrange("player", fakes)
        app.find("mf-player-left").wait_for()
        drawn = "c => Number(c.dataset.number)"
        for side in ("left", "right"):
            screen = app.find(f"mf-player-{side}")
            app.until(f"the {side} frame", lambda s=screen: s.evaluate(drawn))
        app.find("mf-player-scores").wait_for()
        app.click("mf-player-difference")
        panel = app.find("mf-player-panel")
        app.until("the difference", lambda: "mean" in panel.inner_text())
        self._camera.both_themes("player")

    def training_runs(self) -> None:
        """Photograph the tuning's curves."""
        self._arrange("training_runs", self._shown)
        self._app.wait_plot()
        self._camera.both_themes("training_runs")

    def nothing_yet(self) -> None:
        """Photograph each panel on a dataset with nothing to show."""
        with bare_faces(self._shown) as bare:
            page = f"/datasets/{bare.name}"
            self._tell("dataset", bare, lambda: page in self._app.page.url)
            for panel in PANELS:
                self._arrange(panel, bare)
                self._camera.both_themes(f"empty_{panel}")

    def _arrange(self, panel: str, view: Any) -> None:
        """Show ``view`` in the grid, with nothing ticked, and ``panel`` on the right."""
        app, whole = self._app, view._dataset is view
        content = app.page.locator(f'[data-cy="panel-content-{panel}"]').first
        self._tell("view", None if whole else view, lambda: app.count() == len(view))
        self._tell("spaces", beside(panel), content.is_visible)

    def _tell(self, name: str, value: Any, arrived: Callable[[], bool]) -> None:
        """Set an attribute of the session until the page shows it.

        Now and then the session loses its connection to its own server for ten seconds.
        """

        def told() -> bool:
            try:
                setattr(self._session, name, value)
            except RuntimeError:
                self._app.wait(2)
                return False
            try:
                self._app.until(name, arrived, AGAIN)
            except AssertionError:
                return False
            return True

        self._app.until(f"the session's {name}", told)


def beside(panel: str) -> Any:
    """Return a layout: the grid, and ``panel`` on the right."""
    import fiftyone as fo

    tabs = [fo.Panel(type="Samples", pinned=True), fo.Panel(type=panel)]
    parts = [fo.Space(children=[tab], active_child=tab.component_id) for tab in tabs]
    return fo.Space(children=parts, orientation="horizontal", sizes=[0.4, 0.6])


@contextmanager
def bare_faces(view: Any) -> Iterator[Any]:
    """Make a dataset of a few faces without scores; it is gone afterwards."""
    import fiftyone as fo
    from media_forensics.operators.dataset import appearance, fields

    bare = fo.Dataset(BARE, overwrite=True)
    try:
        fields.declare_common_fields(bare, faces=True)
        fields.set_description(bare, kind="faces")
        reals = view.match({"ground_truth.label": "real"}).limit(12)
        names = ["filepath", "ground_truth", "video_id", "frame_number", "source_dataset"]
        rows = zip(*reals.values(names), strict=True)
        bare.add_samples(fo.Sample(**dict(zip(names, row, strict=True))) for row in rows)
        appearance.dress(bare)
        yield bare
    finally:
        bare.delete()


def main() -> int:
    prepare_environment()
    sys.path.append(str(ROOT / "tests" / "browser"))
    import fiftyone as fo
    from app_driver import App

    faces, videos = fo.load_dataset(f"{NAME}-faces"), fo.load_dataset(NAME)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    session = fo.launch_app(
        faces, spaces=faces.load_workspace("Audit"), port=port, address="127.0.0.1", auto=False
    )
    veil = Veil(faces, videos)
    with (
        tempfile.TemporaryDirectory() as shots,
        App(f"http://127.0.0.1:{port}", faces.name, Path(shots)) as app,
    ):
        veil.cover(app.page)
        app.page.set_viewport_size(SIZE)
        app.page.reload()  # what was loaded before the veil
        app.page.wait_for_selector('[data-cy="looker"]')
        Pictures(session, app, faces).take()
    session.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
