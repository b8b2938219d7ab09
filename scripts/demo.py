#!/usr/bin/env python3
"""Shows what the plugin is for on four small datasets, and opens the App on it.

``make demo`` runs it: import, faces, scores of the detector that comes along, a calibrated
threshold, the audit per dataset and the queue of false alarms; then the App opens, and while it is
open a short LN-tuning runs and the same audit is made again (:mod:`demo_story`). Everything is in
``.demo`` (with its own database), so that it does not touch an existing FiftyOne. A second start
takes what the first one has made.

Environment: ``QUICK=1`` takes one frame per video and does not tune; ``HEADLESS=1`` does not open
the App and ends when everything is done; ``DETECTOR`` audits another detector (a published one is
downloaded, after a question at a terminal); ``BACKBONE`` tunes another tower (``clip-vit-l14`` is
the papers'); ``PORT`` is the App's port; ``ADDRESS=0.0.0.0`` lets other machines reach the App,
which has no password (by default only this machine can); ``MEDIA_FORENSICS_CACHE`` is the folder of
weights and footage (``~/.cache/media_forensics``); ``DEMO_FOLDER`` another one than ``.demo``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

from demo_steps import TOWER, prepare_environment
from demo_story import CORPUS, SHIPPED, Story
from own_database import DatabaseError

__all__ = ["CORPUS", "main", "open_app"]
ENDING = """
A demonstration on a small detector and eight held-out people: it shows the tool at work and is no
benchmark. Done in {seconds:.0f} s. `make demo` opens it again; docs/demo.md says what is seen."""


def main() -> int:
    began = time.monotonic()
    warnings.simplefilter("ignore", SyntaxWarning)  # of packages, at their first import
    quick, headless = (bool(os.environ.get(name)) for name in ("QUICK", "HEADLESS"))
    try:
        prepare_environment()
    except DatabaseError as error:
        print(error, file=sys.stderr)
        return 3
    from media_forensics.detector.errors import ForensicsError

    story = Story(os.environ.get("DETECTOR") or SHIPPED, os.environ.get("BACKBONE") or TOWER, quick)

    def rest() -> None:
        if not quick:
            story.tune()
        print(ENDING.format(seconds=time.monotonic() - began), flush=True)

    try:
        story.audit()
        if not headless:
            return open_app(story.faces, rest)
        rest()
    except ForensicsError as error:
        print(f"\n{error.message}\n{error.hint}", file=sys.stderr)
        return 2
    except ConnectionError as error:  # raised by FiftyOne if no database answers
        where = os.environ["FIFTYONE_DATABASE_URI"]
        print(f"\nFiftyOne's database at {where} does not answer ({error}).", file=sys.stderr)
        return 3
    return 0


def open_app(faces: Any, meanwhile: Callable[[], None] | None = None) -> int:
    """Serve the App on the faces dataset until it is closed or interrupted.

    Args:
        faces: the dataset that is shown, in its workspace 'Audit' if it has one
        meanwhile: called once the App is served; what goes wrong in it does not close the App
    """
    import fiftyone as fo
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.operators.dataset.workspaces import AUDIT

    # FiftyOne 1.22 warns of three options of its own each time that somebody clicks in the App
    of_removed = "The `%s` App config option has been removed"
    config = logging.getLogger("fiftyone.core.config")
    config.addFilter(lambda record: not str(record.msg).startswith(of_removed))
    port = int(os.environ.get("PORT", "5151"))
    address = os.environ.get("ADDRESS") or "127.0.0.1"  # FiftyOne's default is every network
    spaces = faces.load_workspace(AUDIT) if faces.has_workspace(AUDIT) else None
    session = fo.launch_app(faces, spaces=spaces, port=port, address=address, auto=False)
    print(f"\nThe App: {session.url}  (Ctrl+C ends it)\n", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        if meanwhile is not None:
            with contextlib.suppress(AttributeError, OSError):
                os.nice(10)  # this process computes, another one serves the App
            try:
                meanwhile()
            except ForensicsError as error:
                print(f"\n{error.message}\n{error.hint}", file=sys.stderr)
            else:
                show_changes(session)
        session.wait(-1)
    return 0


def show_changes(session: Any) -> None:
    """Show the second detector beside the first, unless somebody arranged the panels otherwise."""
    layout = second_detector()
    for _ in range(10):
        try:
            if kinds(session.spaces) == kinds(layout):
                session.spaces = layout
            session.refresh()  # last: the page that comes back takes the layout along
            return
        except RuntimeError:  # FiftyOne's session comes back ten seconds after it lost its server
            time.sleep(3)
    print("The App does not answer this script; load its page again to see what changed.")


def second_detector() -> Any:
    """Return the layout of the workspace 'Audit' with the second detector beside the first."""
    from media_forensics.operators.dataset.workspaces import AUDIT, TASKS

    layout = next(task.layout for task in TASKS if task.name == AUDIT)()
    for panel in panels(layout):
        if panel.type == "error_audit":  # without the rest of its state it reads everything again
            panel.state = {"state": {"choice": {"tab": "compare"}}}
    layout.children[1].sizes = [0.85, 0.15]  # its table is below its plots
    return layout


def panels(space: Any) -> list[Any]:
    """Return the panels of a layout, in their order."""
    return [p for c in space.children for p in (panels(c) if hasattr(c, "children") else [c])]


def kinds(space: Any) -> list[str]:
    """Return the kinds of the panels of a layout, in their order."""
    return [panel.type for panel in panels(space)]


if __name__ == "__main__":
    sys.exit(main())
