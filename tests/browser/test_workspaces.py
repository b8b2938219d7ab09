"""A workspace opens with its panels where they belong, each with something to see."""

from __future__ import annotations

import pytest
from media_forensics.operators.app import first_look

pytestmark = [pytest.mark.browser, pytest.mark.fiftyone, pytest.mark.weights]


def test_the_audit_opens_with_faces_numbers_and_sphere(app, demo_dataset):
    first_look.forget("error_audit")
    app.page.goto(f"{app.url}/datasets/{app.dataset}?workspace=audit")
    app.find("mf-table").wait_for()
    app.wait_sphere()
    app.wait_count(len(demo_dataset))
    intro = app.find("mf-intro")
    intro.wait_for()
    app.shot("workspace-audit")
    app.click("mf-intro-close")
    app.until("no intro", lambda: not intro.count())
    app.page.reload()
    app.find("mf-table").wait_for()
    assert not intro.count()


def test_the_demo_ends_with_the_second_detector(app, demo_dataset):
    from demo import second_detector

    demo_dataset.save_workspace("compared", second_detector())
    try:
        app.page.goto(f"{app.url}/datasets/{app.dataset}?workspace=compared")
        app.find("mf-tab-compare").wait_for()
        chosen = app.find("mf-tab-compare")
        app.until("its tab", lambda: chosen.get_attribute("aria-selected") == "true")
    finally:
        demo_dataset.delete_workspace("compared")
