"""Work started from the App runs in a process of its own and leaves a readable folder."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from fiftyone import ViewField as F
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.runners.process_identity import ProcessIdentity
from media_forensics.operators.dataset import views
from media_forensics.operators.jobs import job as jobs, job_list

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]


def app_context():
    """The part of an operator's context that following a job uses."""
    shown = []

    def set_progress(label, progress):
        shown.append((progress, label))
        return label

    def notify(message, variant):
        shown.append((variant, message))
        return message

    return SimpleNamespace(ops=SimpleNamespace(set_progress=set_progress, notify=notify)), shown


def finish(job):
    ctx, shown = app_context()
    for _ in jobs.follow(ctx, job, "Scores"):
        pass
    return shown


def test_a_job_scores_the_chosen_view_only(demo_dataset):
    view = demo_dataset.match(F("method") == "SelfBlend").limit(5)
    params = {"detector": "probe", "key": "by_job"}
    job = jobs.start("score_faces", view, params)
    shown = finish(job)
    assert job.result()["scored"] == 5
    assert shown[0][0] == 0.0 and all(0 <= share <= 1 for share, _ in shown)
    demo_dataset.reload()
    assert len(demo_dataset.match(F("by_job_p_fake") != None)) == 5  # noqa: E711
    scored = view.values("by_job_p_fake")
    assert scored == pytest.approx(view.values("probe_p_fake"), abs=1e-5)


def test_fields_that_a_job_added_do_not_stop_a_run_in_this_process(demo_dataset, operators):
    videos = views.videos_of(demo_dataset)
    one = videos.take(1, seed=1)
    job = jobs.start(
        "score_faces",
        views.match_in(demo_dataset, "video_id", one.values("video_id")),
        {"detector": "probe", "key": "from_elsewhere"},
    )
    finish(job)
    assert job.result()["scored"] > 0
    assert "from_elsewhere_p_fake" not in videos.get_field_schema()  # this process does not know
    again = operators("extract_faces")(one, count=4, faces_name=demo_dataset.name)
    assert again["added"] == 0
    demo_dataset.reload()
    for dataset in (demo_dataset, views.videos_of(demo_dataset)):
        scored = dataset.match(F("from_elsewhere_p_fake") != None)  # noqa: E711
        assert scored.first().video_id == one.first().video_id


def test_a_wrong_input_comes_back_in_its_own_words(demo_dataset):
    job = jobs.start("score_faces", demo_dataset.view(), {"detector": "nowhere", "key": "x"})
    shown = finish(job)
    with pytest.raises(ForensicsError, match="nowhere") as error:
        job.result()
    assert error.value.hint
    # the App is told, where it shows the progress and beside it
    (_, label), (variant, message) = shown[-2:]
    assert error.value.message in label and error.value.hint in label
    assert (variant, message) == ("error", error.value.message)


def test_a_killed_job_says_so(demo_dataset):
    import psutil

    job = jobs.start("score_faces", demo_dataset.view(), {"detector": "probe", "key": "killed"})
    psutil.Process(job.read("process")["pid"]).kill()
    deadline = time.monotonic() + 30
    while not job.ended and time.monotonic() < deadline:
        time.sleep(0.1)
    with pytest.raises(ForensicsError, match="ended without a result"):
        job.result()


def test_the_list_shows_how_fast_a_job_is(demo_dataset):
    job = jobs.start("score_faces", demo_dataset.view(), {"detector": "nowhere", "key": "paced"})
    finish(job)
    (job.folder / "error.json").unlink()
    jobs.write_json(job.folder / "process.json", ProcessIdentity.of().record())  # as if it ran
    state = {"done": 3, "total": 9, "text": "faces", "pace": "2.4 per second, 3 s left"}
    jobs.write_json(job.folder / "progress.json", state)
    (row,) = (r for r in job_list.rows({demo_dataset.name}) if r.name == job.folder.name)
    assert row.state == "running" and row.text == "3 of 9 faces, 2.4 per second, 3 s left"
    jobs.write_json(job.folder / "result.json", {})


def test_a_stop_keeps_what_is_done_and_can_be_continued(demo_dataset, operators):
    some = demo_dataset.limit(40)
    job = jobs.start("score_faces", some, {"detector": "probe", "key": "halted", "batch_size": 1})
    job.stop()
    finish(job)
    with pytest.raises(ForensicsError, match="Stopped"):
        job.result()
    again = operators("score_faces")(some, detector="probe", key="halted")
    assert again["scored"] + again["already"] == len(some)
