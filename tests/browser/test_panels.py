"""The panels in a real browser: what was moved or clicked is what the grid shows."""

from __future__ import annotations

import json
import re

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.fiftyone, pytest.mark.weights]
OURS = "@mediaforensics/deepfake/"
#: A million points in the painter of the page; what it draws while it moves and when it rests.
MILLION = """(() => {
  const n = 1000000, xyz = new Int16Array(3 * n), zero = new Uint8Array(n), q = p.constructor;
  for (let i = 0; i < n; i++) xyz[3 * i] = (i * 7919) % 60001 - 30000;
  const canvas = p.canvas.cloneNode(); p.canvas.parentNode.append(canvas);
  const m = new q(canvas), count = () => Math.ceil(n / m.step), out = {};
  m.colours = { codes: zero, groups: [{ colour: "#0072B2" }] }; m.mode = "2d"; m.each = 1e-4;
  m.setData({ n, xyz, label: zero, boundary: 0, stretch: 1 });
  m.moving = true; m.draw(); out.moving = count();
  m.pan = [30, 0]; m.draw();
  const f = m.frame2d(), left = f.x(180) / m.ratio - 9, middle = f.x(90.0008) / m.ratio;
  out.inside = m.inside(q.box([left, -9], [middle, 9999])).length;
  m.moving = false; m.draw(); out.resting = count();
  out.want = xyz.filter((v, i) => i % 3 === 0 && v < 0).length;
  canvas.remove(); return out;
})()"""

#: What is cut off in a panel of this width, and which controls of ours have no name.
NARROW = """([name, width]) => {
  const panel = document.querySelector(`[data-cy="panel-content-${name}"]`);
  const before = panel.style.cssText;
  const within = '.mf-scroll, .MuiTableContainer-root, .js-plotly-plot';
  panel.style.cssText = `position: fixed; left: 0; width: ${width}px`;
  const cut = [...panel.querySelectorAll('button, input, select, p, span, td, th')]
    .filter((e) => e.offsetWidth && !e.closest(within) && e.getBoundingClientRect().right > width)
    .map((e) => e.innerText);
  panel.style.cssText = before;
  const nameless = [...panel.querySelectorAll(':is(.mf, .mf *):is(button, input, select, canvas)')]
    .filter((e) => !(e.innerText || e.ariaLabel || e.title || e.closest('label')));
  return [cut, nameless.map((e) => e.outerHTML)];
}"""


def fits(app, name: str) -> None:
    for width in (320, 480):
        assert app.page.evaluate(NARROW, [name, width]) == [[], []]


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
        audit.until(wanted, lambda wanted=wanted: wanted in audit.find("mf-fpr").inner_text())
    row = audit.page.locator('[data-cy="mf-row"][data-name$="original"]').first
    played = []  # the sample that the player is asked for

    def note(request) -> None:
        params = json.loads(request.post_data or "{}").get("params") or {}
        if params.get("__method__") == "on_open":
            played.append(params["sample"])

    audit.page.on("request", lambda r: note(r) if "/operators/execute" in r.url else None)
    row.locator('button[data-cy$="-act-fp"]').click()
    audit.find("mf-play").press("Enter")  # at once: the grid follows later
    audit.until("the answer", lambda: said(audit) > 0)
    audit.wait_count(said(audit))
    query = {"ground_truth.label": "real", "probe_p_fake": {"$gte": 0.01}}
    *source, method = row.get_attribute("data-name").split(" · ")
    query |= {"method": method} | ({"source_dataset": source[0]} if source else {})
    assert said(audit) == len(demo_dataset.match(query))
    audit.until("the player", lambda: played)
    assert played[0] in demo_dataset.match(query).values("id")
    audit.click("mf-clear")
    audit.wait_count(len(demo_dataset))


def test_the_help_links_to_the_page_that_explains_the_numbers(audit):
    tab = audit.page.locator('[data-cy="panel-tab-error_audit"]').first
    tab.locator('[data-testid="HelpIcon"]').hover()
    link = audit.page.get_by_role("link", name="How each number is made")
    page = audit.page.request.get(audit.url + link.get_attribute("href"))
    assert page.ok and page.text().startswith("# The audit")
    audit.find("mf-help").press("Enter")
    audit.until("the keys", lambda: "threshold" in audit.find("mf-keys").inner_text())
    audit.page.keyboard.press("?")
    audit.find("mf-keys").wait_for(state="detached")


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
    fits(audit, "error_audit")
    audit.shot("audit-pairs")
    audit.click("mf-tab-table")
    audit.page.locator('[data-cy="mf-row"]').first.wait_for()


def test_a_lasso_shows_exactly_the_faces_inside(app):
    app.open_panel("hypersphere")
    app.wait_sphere()
    fits(app, "hypersphere")
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


def test_a_box_by_keyboard_and_the_grids_selection_in_the_plot(app, demo_dataset):
    app.open_panel("hypersphere")
    total = app.wait_sphere()
    app.find("mf-canvas").focus()
    app.page.keyboard.press("?")
    app.until("the keys", lambda: "lasso" in app.find("mf-keys").inner_text())
    for key in ("b", *["Shift+ArrowLeft"] * 7, *["Shift+ArrowUp"] * 4, "Enter"):
        app.page.keyboard.press(key)
    for key in (*["Shift+ArrowRight"] * 6, *["Shift+ArrowDown"] * 8):
        app.page.keyboard.press(key)
    inside = app.sphere("p.inside(p.path).length")
    assert 0 < inside < total
    app.page.keyboard.press("Enter")
    app.until("the box", lambda: "inside the box" in app.find("mf-sphere-shown").inner_text())
    assert said(app, "mf-sphere-shown") == inside
    app.wait_count(inside)
    ticked = app.page.locator('[data-cy="looker"] input[type=checkbox]').first
    ticked.evaluate("box => box.click()")
    app.until("one face lit", lambda: app.sphere("p.marked && p.marked.size") == 1)
    app.find("mf-canvas").focus()
    app.page.keyboard.press("Escape")
    app.wait_count(total)


def test_a_moving_picture_of_a_million_points_draws_what_a_frame_has_time_for(app):
    """The frames themselves are timed by benchmarks/sphere_frames.py."""
    app.open_panel("hypersphere")
    app.wait_sphere()
    drawn = app.sphere(MILLION)
    assert drawn["moving"] <= 200_000 and drawn["resting"] == 1_000_000
    # a box that is drawn at once after a move counts all points, not only those that were drawn
    assert drawn["inside"] == drawn["want"] > 300_000


def test_the_timeline_of_a_ticked_face(app):
    app.open_panel("timeline")
    app.page.get_by_text("tick one in the grid").first.wait_for()
    app.page.locator('[data-cy="looker"]').first.hover()
    ticked = app.page.locator('[data-cy="looker"] input[type=checkbox]').first
    ticked.evaluate("box => box.click()")  # it lies outside the tile until the tile is hovered
    app.wait_plot(0)
    app.shot("timeline")
    app.page.get_by_text("Video score").first.wait_for()
    fits(app, "timeline")


def test_every_rate_at_a_glance(audit, demo_dataset):
    audit.click("mf-tab-cells")
    audit.page.locator('[data-cy="mf-cell"]').first.wait_for()
    audit.choose("mf-across", "split")
    audit.until("by split", lambda: audit.page.locator('[data-cy="mf-cell"]').count() > 3)
    audit.shot("audit-cells")
    strip = audit.page.locator('[data-cy="mf-cell"][data-name^="original"] button').first
    hits = int(re.search(r"\(([\d,]+) of ", strip.get_attribute("title")).group(1))
    strip.click()
    audit.until("the answer", lambda: said(audit) > 0)
    assert hits == 0 or said(audit) == hits  # without an error it shows all of them
    audit.wait_count(said(audit))
    audit.click("mf-tab-table")


def test_a_training_run_its_curves_and_its_validation_faces(app, demo_dataset):
    from media_forensics.operators.training.training_records import validation_view

    app.open_panel("training_runs")
    app.wait_plot(0)
    panel = app.page.locator('[data-cy="panel-content-training_runs"]').first
    title = "() => window.__driver.plots()[0]._fullLayout.yaxis.title.text"
    fits(app, "training_runs")
    panel.get_by_role("button", name="loss", exact=True).press("Enter")
    app.until("the loss", lambda: app.page.evaluate(title) == "training loss")
    app.shot("training-runs")
    row = panel.locator("tr", has_text="probe").first
    menu = row.locator("td").last.get_by_role("button").first
    box, around = menu.bounding_box(), panel.bounding_box()
    assert box["x"] + box["width"] <= around["x"] + around["width"]  # not cut off
    menu.click()
    app.page.get_by_text("Show its validation faces", exact=True).click()
    app.wait_count(len(validation_view(demo_dataset, "probe")))
