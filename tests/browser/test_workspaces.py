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
