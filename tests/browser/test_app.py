"""As a user would: forms, panels, clicks; the grid must show exactly what was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from media_forensics.operators.app import current_detector

pytestmark = [pytest.mark.browser, pytest.mark.fiftyone, pytest.mark.weights]


def test_a_threshold_outside_its_range_is_refused_at_the_field(app):
    form = app.open_form("Evaluate detector")
    app.fill(form, "Threshold", "1.5")
    form.get_by_text("p_fake is a probability").first.wait_for()
    app.shot("form-wrong-threshold")


def test_evaluation_through_its_form_shows_the_table(app, demo_dataset):
    form = app.open_form("Evaluate detector")
    app.press(form, "Execute")
    form.get_by_text("AUROC").first.wait_for()
    assert "SelfBlend" in form.inner_text()
    app.shot("result-evaluate")


def test_hard_examples_through_their_form_are_tagged_and_saved(app, demo_dataset):
    form = app.open_form("Find hard examples")
    app.press(form, "Execute")
    app.page.get_by_text("Queues, as saved views").first.wait_for()
    demo_dataset.reload()
    queues = [n for n in demo_dataset.list_saved_views() if n.startswith("hard_probe_")]
    assert {"hard_probe_high_loss", "hard_probe_false_positive"} <= set(queues)
    queue = demo_dataset.load_saved_view("hard_probe_high_loss")
    assert len(queue) == demo_dataset.count_sample_tags()["hard:high_loss"] > 0
    app.until(
        "a queue in the grid",
        lambda: app.count() in [len(demo_dataset.load_saved_view(n)) for n in queues],
    )
    app.shot("result-hard-examples")


def test_error_audit_shows_the_faces_behind_a_number(app, demo_dataset):
    app.open_panel("error_audit")
    app.page.wait_for_selector("[data-cy=mf-audit]")
    app.wait(2)
    before = app.count()
    app.page.locator("[data-cy=mf-threshold-number]").fill("0.3")
    app.page.locator("[data-cy=mf-threshold-number]").press("Enter")
    app.wait(3)
    app.shot("error-audit")
    links = app.page.locator("[data-cy^=mf-total-]")
    assert links.count() >= 1
    link = links.first
    link.click()
    after = app.wait_count_other_than(before)
    assert 0 < after < before
    shown = app.page.locator("[data-cy=mf-shown]").inner_text()
    assert str(after) in shown
    app.page.locator("[data-cy=mf-clear]").click()
    app.wait_count(before)


def test_a_click_on_the_sphere_shows_that_face_in_the_grid(app, demo_dataset):
    app.open_panel("hypersphere")
    assert app.wait_sphere() == len(demo_dataset)
    before = app.count()
    app.shot("hypersphere")

    def click_a_lone_point():
        x, y = app.settled_pixel(app.lone_point())
        app.page.mouse.move(x - 3, y)
        app.page.mouse.move(x, y)
        app.page.locator("[data-cy=mf-card]").wait_for()
        app.page.mouse.click(x, y)
        app.wait(8)
        return app.count() == 1

    # A machine that is busy may move the plot between the look and the click; a user clicks again.
    app.until("one face in the grid", click_a_lone_point)
    app.shot("hypersphere-click")
    app.page.locator("[data-cy=mf-sphere-clear]").click()
    app.wait_count(before)
    app.page.locator("[data-cy=mf-mode-2d]").click()
    app.wait(1)
    app.shot("hypersphere-2d")


def test_scores_through_the_form_come_from_a_process_of_their_own(app, demo_dataset):
    app.page.goto(f"{app.url}/datasets/{app.dataset}?view=one-face-per-video")
    shown = demo_dataset.load_saved_view("one_face_per_video")
    app.wait_count(len(shown))
    form = app.open_form("Score faces")
    app.fill(form, "Key", "from_form")
    app.press(form, "Execute")
    try:
        for _ in range(240):
            demo_dataset.reload()
            if demo_dataset.has_field("from_form_p_fake") and None not in shown.values(
                "from_form_p_fake"
            ):
                break
            app.wait(0.5)
        assert shown.values("from_form_p_fake") == pytest.approx(
            shown.values("probe_p_fake"), abs=1e-5
        )
    finally:  # screens follow the newest scores, which these few faces have
        current_detector.choose(demo_dataset, "probe")


def test_import_through_its_form(app, demo_dataset, fiftyone_db):
    from media_forensics.operators.dataset import views

    videos = views.videos_of(demo_dataset)
    root = Path(videos.first().filepath)
    while not (root / "dataset").is_dir():
        root = root.parent
    form = app.open_form("Import deepfake dataset")
    app.fill(form, "Folder", str(root / "nowhere"))
    form.get_by_text("does not exist").first.wait_for()
    app.fill(form, "Folder", str(root))
    form.get_by_text("FaceForensics++, because").first.wait_for()
    form.get_by_text(f"{len(videos)} of {len(videos)} videos").first.wait_for()
    app.fill(form, "Dataset", "imported-in-the-app")
    app.shot("form-import")
    try:
        app.press(form, "Execute")
        app.until("its page", lambda: "imported-in-the-app" in app.page.url)
        app.wait_count(len(videos))
        app.shot("result-import")
        imported = fiftyone_db.load_dataset("imported-in-the-app")
        assert set(imported.values("video_id")) == set(videos.values("video_id"))
        assert set(imported.values("ground_truth.label")) == {"real", "fake"}
    finally:
        fiftyone_db.delete_dataset("imported-in-the-app")
