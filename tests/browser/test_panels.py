"""The panels in a real browser: what was moved or clicked is what the grid shows."""

from __future__ import annotations

import re

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.fiftyone, pytest.mark.weights]
OURS = "@mediaforensics/deepfake/"


def said(app, name: str = "mf-shown") -> int:
    """Samples in the grid, as the panel says; -1 where it says nothing."""
    found = re.search(r"Grid: ([\d,]+) ", app.find(name).inner_text())
    return int(found.group(1).replace(",", "")) if found else -1


@pytest.fixture
def audit(app):
    app.open_panel("error_audit")
    app.find("mf-table").wait_for()
    app.choose("mf-scope", "all")
    app.choose("mf-level", "face")
    app.until("faces", lambda: "face" in app.find("mf-fpr").inner_text())
    return app


def test_a_moved_threshold_recomputes_and_a_cell_fills_the_grid(audit, demo_dataset):
    reals = demo_dataset.match({"ground_truth.label": "real"}).values("probe_p_fake")
    scores = [s for s in reals if s is not None]
    for value in ("0.8", "0.2", "0.01"):  # one after the other, each answered
        audit.find("mf-threshold").fill(value)
        wanted = f"{sum(s >= float(value) for s in scores)} of {len(scores)}"
        audit.until(wanted, lambda w=wanted: w in audit.find("mf-fpr").inner_text())
    row = audit.page.locator('[data-cy="mf-row"][data-name$="original"]').first
    row.locator('button[data-cy$="-act-fp"]').click()
    audit.until("the answer", lambda: said(audit) > 0)
    audit.wait_count(said(audit))
    query = {"ground_truth.label": "real", "probe_p_fake": {"$gte": 0.01}}
    *source, method = row.get_attribute("data-name").split(" · ")
    query |= {"method": method} | ({"source_dataset": source[0]} if source else {})
    assert said(audit) == len(demo_dataset.match(query))
    audit.click("mf-clear")
    audit.wait_count(len(demo_dataset))


def test_fast_moves_end_at_the_last_one(audit):
    for value in ("0.3", "0.35", "0.4", "0.45", "0.6"):
        audit.find("mf-threshold").fill(value)
    audit.until("the last", lambda: "0.600" in audit.find("mf-provenance").inner_text())
    audit.wait(2)  # nothing may come after it
    assert "0.600" in audit.find("mf-provenance").inner_text()
    sizes = [size for uri, size, _ in audit.requests if uri.startswith(OURS)]
    assert sizes and max(sizes) < 8000  # the plots' data is not sent back with every event


def test_the_tabs_of_the_audit(audit, demo_dataset):
    audit.click("mf-tab-transfer")
    audit.page.locator('[data-cy="mf-transfer"]').first.wait_for()
    audit.shot("audit-transfer")
    audit.click("mf-tab-slices")
    audit.until("slices", lambda: "slices" in audit.find("mf-tab-words").inner_text())
    audit.shot("audit-slices")
    slices = audit.page.locator('[data-cy="mf-slice"]')
    if slices.count():
        audit.click("mf-slice-show-0")
        audit.until("the answer", lambda: said(audit) > 0)
        audit.wait_count(said(audit))
    audit.click("mf-tab-compare")
    audit.until("words", lambda: audit.find("mf-tab-words").inner_text())
    audit.shot("audit-compare")
    audit.click("mf-tab-pairs")
    audit.wait_plot(2)
    audit.shot("audit-pairs")
    audit.click("mf-tab-table")
    audit.page.locator('[data-cy="mf-row"]').first.wait_for()


def test_a_lasso_shows_exactly_the_faces_inside(app):
    app.open_panel("hypersphere")
    app.wait_sphere()
    app.click("mf-mode-2d")
    drawn = "p.mode === '2d' && !p.dirty && p.U.some(Boolean)"
    app.until("the flat map", lambda: app.sphere(drawn))
    app.settled_pixel(0)
    x, y, w, h = app.sphere(
        "(() => { const b = p.canvas.getBoundingClientRect();"
        " return [b.left, b.top, b.width, b.height]; })()"
    )
    path = [[cx * w, cy * h] for cx, cy in ((0.12, 0.05), (0.55, 0.05), (0.55, 0.9), (0.12, 0.9))]
    inside = app.sphere(f"p.inside({path}).length")
    assert 0 < inside < app.sphere("p.data.n")
    mouse = app.page.mouse
    app.page.keyboard.down("Shift")
    mouse.move(x + path[0][0], y + path[0][1])
    mouse.down()
    for px, py in [*path[1:], path[0]]:
        mouse.move(x + px, y + py, steps=6)
    mouse.up()
    app.page.keyboard.up("Shift")
    app.until("the lasso", lambda: "inside the lasso" in app.find("mf-sphere-shown").inner_text())
    assert said(app, "mf-sphere-shown") == inside
    app.wait_count(inside)


def test_the_timeline_of_a_ticked_face(app):
    app.open_panel("timeline")
    app.page.get_by_text("tick one in the grid").first.wait_for()
    app.page.locator('[data-cy="looker"]').first.hover()
    ticked = app.page.locator('[data-cy="looker"] input[type=checkbox]').first
    ticked.evaluate("box => box.click()")  # it lies outside the tile until the tile is hovered
    app.wait_plot(0)
    app.shot("timeline")
    app.page.get_by_text("Video score").first.wait_for()


def test_a_training_run_its_curves_and_its_validation_faces(app, demo_dataset):
    from media_forensics.operators.training_records import validation_view

    app.open_panel("training_runs")
    app.wait_plot(0)
    panel = app.page.locator('[data-cy="panel-content-training_runs"]').first
    title = "() => window.__driver.plots()[0]._fullLayout.yaxis.title.text"
    panel.get_by_role("button", name="loss", exact=True).click()
    app.until("the loss", lambda: app.page.evaluate(title) == "training loss")
    app.shot("training-runs")
    row = panel.locator("tr", has_text="probe").first
    menu = row.locator("td").last.get_by_role("button").first
    box, around = menu.bounding_box(), panel.bounding_box()
    assert box["x"] + box["width"] <= around["x"] + around["width"]  # not cut off
    menu.click()
    app.page.get_by_text("Show its validation faces", exact=True).click()
    app.wait_count(len(validation_view(demo_dataset, "probe")))
