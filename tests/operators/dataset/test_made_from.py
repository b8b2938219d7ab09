"""No number outlives what it was made from: each is made for real, then its ingredients change."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import fiftyone as fo
import numpy as np
import pytest
from fiftyone import ViewField as F
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.app.markup import plain
from media_forensics.operators.dataset import derived, fields, views

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]


def two_of_each(dataset, name):
    """A clone with two faces of each video: what is made of them takes half the time."""
    own = dataset.clone(name)
    seen: dict[str, list[str]] = {}
    for sample_id, video in zip(*own.values(["id", "video_id"]), strict=True):
        seen.setdefault(video, []).append(sample_id)
    own.delete_samples([sample_id for ids in seen.values() for sample_id in ids[2:]])
    return own


@pytest.fixture(params=[two_of_each])
def faces(demo_dataset, request):
    """Scored demo faces and their videos, in datasets of this test's own."""
    name = f"own-{uuid.uuid4().hex[:8]}"
    videos = views.videos_of(demo_dataset).clone(f"{name}-videos")
    own = request.param(demo_dataset, name)
    for run in own.list_runs():  # what other tests have left behind
        if run.startswith(tuple(f"{kind}_" for kind in derived.CATALOGUE)):
            own.delete_run(run)
    fields.set_description(own, video_dataset=videos.name)
    fields.set_description(videos, faces_dataset=own.name)
    yield own
    fo.delete_dataset(own.name)
    fo.delete_dataset(videos.name)


@pytest.fixture(scope="session")
def other_checkpoint(demo_dataset, operators, tmp_path_factory):
    """Another head on the demo's tower: a checkpoint whose scores differ."""
    copy = two_of_each(demo_dataset, f"head-{uuid.uuid4().hex[:8]}")
    fields.set_description(copy, video_dataset=None)
    try:
        found = operators("retrain_head")(
            copy, detector="probe", key="other", folds=3, runs_dir=str(tmp_path_factory.mktemp("h"))
        )
    finally:
        fo.delete_dataset(copy.name)
    return found["checkpoint"]


@pytest.fixture
def change(faces, operators, other_checkpoint):
    """``change(what)``: change one ingredient of every number, as a user would."""

    def rescore():
        operators("score_faces")(faces, key="probe", detector=other_checkpoint, overwrite=True)

    def rule():
        operators("score_faces")(faces, key="probe", rule="max")

    def delete():
        for part in ("train", "val", "test"):
            view = faces.match(F("split") == part)
            faces.delete_samples(view.values("id")[::2])

    def label():
        for part in ("train", "val", "test"):
            sample = faces.match(F("split") == part).first()
            label = "fake" if sample.ground_truth.label == "real" else "real"
            sample.ground_truth.label = label
            sample.save()

    def recipe():
        faces.set_values("recipe", ["0123456789abcdef"] * len(faces))

    return {f.__name__: f for f in (rescore, rule, delete, label, recipe)}


CHANGES = {
    "rescore": "another checkpoint",
    "rule": "rule 'max' now",
    "delete": "are gone",
    "label": "labels have been changed",
    "recipe": "another recipe",
}


def calibrate(faces, operators):
    view = faces.match(F("split") != "test")
    return operators("calibrate_threshold")(view, key="probe", target_fpr=0.25, level="video")


def report(faces, folder, operators, **params):
    test = faces.match(F("split") == "test")
    found = operators("export_report")(
        test, key="probe", folder=str(folder), hash_files=False, examples=0, **params
    )
    return json.loads((Path(found["folder"]) / "report.json").read_text())


@pytest.mark.parametrize("what", CHANGES)
def test_thresholds_do_not_outlive_what_they_were_chosen_on(
    faces, operators, change, what, tmp_path
):
    test = faces.match(F("split") == "test")
    found = calibrate(faces, operators)
    operators("evaluate_detector")(
        test, key="probe", threshold="calibrated", replicates=20, write_evaluations=False
    )
    for source in ("calibration", "evaluation"):
        before = report(faces, tmp_path / source, operators, threshold_from=source)["threshold"]
        assert before["honest"] and before["value"] == pytest.approx(found["threshold"])
    change[what]()
    with pytest.raises(ForensicsError, match=CHANGES[what]):
        operators("evaluate_detector")(test, key="probe", threshold="calibrated")
    with pytest.raises(ForensicsError, match=CHANGES[what]):
        operators("analyze_file")(
            str(test.first().filepath), samples=faces, detector="probe", calibrated_for="probe"
        )
    for source in ("calibration", "evaluation"):
        with pytest.raises(ForensicsError, match=CHANGES[what]):
            report(faces, tmp_path / f"late-{source}", operators, threshold_from=source)
    by_itself = report(faces, tmp_path / "by_itself", operators)["threshold"]
    assert by_itself["source"] == "fixed" and by_itself["value"] == 0.5
    again = calibrate(faces, operators)
    now = report(faces, tmp_path / "again", operators)["threshold"]
    assert now["honest"] and now["value"] == pytest.approx(again["threshold"])


def test_a_calibration_is_not_honest_on_files_that_it_has_seen(faces, operators, tmp_path):
    calibrate(faces, operators)
    seen = faces.match(F("split") != "test").first()[fields.SOURCE_SHA256]
    test = faces.match(F("split") == "test")
    one = test.first().video_id
    twin = test.match(F("video_id") == one)
    twin.set_values(fields.SOURCE_SHA256, [seen] * len(twin))
    found = report(faces, tmp_path / "r", operators)
    assert not found["threshold"]["honest"]
    assert "1 of its files" in found["threshold"]["provenance"]
    assert any("1 of its files" in text for text in found["limits"])


def test_the_promised_rate_is_that_of_the_rule_it_was_made_for(faces, operators):
    view = faces.match(F("split") != "test")
    for rule, reduce in (("mean", np.mean), ("max", np.max)):
        operators("score_faces")(faces, key="probe", rule=rule)
        threshold = calibrate(faces, operators)["threshold"]
        by_video: dict[str, list[float]] = {}
        names = ["video_id", "ground_truth.label", "probe_p_fake"]
        for video, label, p_fake in zip(*view.values(names), strict=True):
            if label == "real":
                by_video.setdefault(video, []).append(p_fake)
        called = np.array([reduce(values) for values in by_video.values()]) >= threshold
        assert called.mean() <= 0.25


@pytest.mark.parametrize("what", ["rescore", "delete", "label"])
def test_out_of_fold_scores_do_not_outlive_their_embeddings(
    faces, operators, change, what, tmp_path
):
    def fit():
        operators("retrain_head")(
            faces, detector="probe", key="new_head", folds=3, runs_dir=str(tmp_path)
        )

    fit()
    readers = {
        "evaluate_detector": {"write_evaluations": False, "replicates": 20},
        "calibrate_threshold": {"target_fpr": 0.3},
        "find_hard_examples": {},
        "export_scores": {"path": str(tmp_path / "s.csv"), "overwrite": True},
        "export_report": {"folder": str(tmp_path / "r"), "hash_files": False, "examples": 0},
    }
    used = faces.match(F("split") != "test")
    for name in ("evaluate_detector", "export_scores"):
        operators(name)(used, key="new_head_oof", **readers[name])
    change[what]()
    for name, params in readers.items():
        with pytest.raises(ForensicsError, match=CHANGES[what]):
            operators(name)(used, key="new_head_oof", **params)
    fit()
    operators("evaluate_detector")(used, key="new_head_oof", **readers["evaluate_detector"])


def video_means(faces):
    found: dict[str, list[float]] = {}
    for video, p_fake in zip(*faces.values(["video_id", "probe_p_fake"]), strict=True):
        if p_fake is not None:
            found.setdefault(video, []).append(p_fake)
    return {video: float(np.mean(values)) for video, values in found.items()}


def shown_by_the_panel(faces):
    from media_forensics.operators.panels.audit.study import study_of

    units = study_of(faces, {"key": "probe", "level": "video", "scope": "all"}).everything
    return {
        units.video.values[code]: score
        for code, score in zip(units.video.codes, units.p_fake, strict=True)
        if not np.isnan(score)
    }


def exported(faces, operators, path):
    import csv

    operators("export_scores")(faces, key="probe", path=str(path), level="video")
    with path.open() as rows:
        return {r["video_id"]: float(r["p_fake"]) for r in csv.DictReader(rows) if r["p_fake"]}


def test_scores_of_videos_are_those_of_the_faces_that_are_there(faces, operators, tmp_path):
    gone = []
    for video in faces.distinct("video_id"):
        ids = faces.match(F("video_id") == video).sort_by("probe_p_fake").values("id")
        gone += ids[: len(ids) * 2 // 3]
    before = video_means(faces)
    faces.delete_samples(gone)
    want = video_means(faces)
    assert all(want[video] > before[video] for video in want)
    assert shown_by_the_panel(faces) == pytest.approx(want)
    assert exported(faces, operators, tmp_path / "s.csv") == pytest.approx(want)
    operators("evaluate_detector")(faces, key="probe", replicates=20)
    for dataset, field in ((faces, "probe_video_p_fake"), (views.videos_of(faces), "probe_p_fake")):
        assert dict(zip(*dataset.values(["video_id", field]), strict=True)) == pytest.approx(want)
    faces.reload()
    assert set(faces.load_saved_view("one_face_per_video").values("video_id")) == set(want)
    stock = faces.load_evaluation_results("eval_probe_videos").metrics()
    called = np.array([score >= 0.5 for score in want.values()])
    label = dict(zip(*faces.values(["video_id", "ground_truth.label"]), strict=True))
    fake = np.array([label[video] == "fake" for video in want])
    assert stock["accuracy"] == pytest.approx((called == fake).mean())


def test_more_faces_leave_no_reader_behind(faces, operators, tmp_path, demo_dataset):
    videos = views.videos_of(faces)
    crops = Path(demo_dataset.first().filepath).parents
    store = next(folder for folder in crops if folder.name == faces.first().recipe).parent
    count = len(faces)
    operators("extract_faces")(
        videos, count=8, faces_name=faces.name, crops_dir=str(store), device="cpu"
    )
    faces.reload()
    assert len(faces) > count
    want = video_means(faces)
    rows = operators("evaluate_detector")(
        faces, key="probe", replicates=20, write_evaluations=False
    )
    overall = next(r for r in rows["rows"] if (r["level"], r["method"]) == ("video", "all"))
    assert overall["scored_real"] + overall["scored_fake"] == len(want)
    assert f"{len(faces) - count} faces have no score although their video has one" in rows["table"]
    assert shown_by_the_panel(faces) == pytest.approx(want)
    assert exported(faces, operators, tmp_path / "s.csv") == pytest.approx(want)
    assert set(faces.values("probe_video_p_fake")) == set(want.values())


# ------------------------------------------------------------------ the catalogue


def make_evaluation(faces, operators):
    operators("evaluate_detector")(faces, key="probe", replicates=20)


def make_queue(faces, operators):
    operators("find_hard_examples")(faces, key="probe", queues=["high_loss"])


def make_map(faces, operators):
    operators("map_embeddings")(faces, key="probe", parts=["pca", "similarity"])


def make_heatmaps(faces, operators):
    operators("explain_faces")(faces.limit(1), key="probe", method="rollout", on_frames=False)


def make_robustness(faces, operators):
    operators("probe_robustness")(faces.limit(4), key="probe", perturbations=["jpeg_40"])


def make_comparison(faces, operators):
    videos = {v: 0.9 - i * 0.02 for i, v in enumerate(sorted(faces.distinct("video_id")))}
    names = fields.ScoreFields("rival")
    ids, of = faces.values(["id", "video_id"])
    for field in (names.p_fake, names.video_p_fake):
        faces.add_sample_field(field, fo.FloatField)
        views.set_by_id(faces, field, {i: videos[v] for i, v in zip(ids, of, strict=True)})
    operators("compare_runs")(
        faces, keys=["probe", "rival"], scores="stored", fpr=0.3, replicates=20
    )


MAKERS = {
    "calibration": calibrate,
    "evaluation": make_evaluation,
    "queue": make_queue,
    "map": make_map,
    "heatmaps": make_heatmaps,
    "robustness": make_robustness,
    "comparison": make_comparison,
}


def stale(faces):
    faces.reload()
    return {
        (s.run.split("_")[0], s.why)
        for s in derived.stale_numbers(fo.load_dataset(faces.name), "probe")
    }


@pytest.mark.parametrize("what", ["rescore", "rule", "delete", "label", "recipe"])
def test_every_kind_of_number_is_out_of_date_once_its_ingredients_change(
    faces, operators, change, what, tmp_path
):
    """Made for real, changed for real; the report, the evaluation and the panel say so."""
    for make in MAKERS.values():
        make(faces, operators)
    assert stale(faces) == set()
    change[what]()
    wanted = {
        kind
        for kind, about in derived.CATALOGUE.items()
        if {
            "rescore": "checkpoint",
            "rule": "rule" if about.level == "video" else None,
            "delete": "members",
            "label": "labels",
            "recipe": "recipe",
        }[what]
        not in (*about.ignoring, None)
    }
    shown = {*faces.list_evaluations(), *faces.list_brain_runs()}
    of_scores = {"eval_probe_faces", "eval_probe_videos", "probe_pca", "probe_similarity"}
    assert shown & of_scores == (set() if what == "rescore" else of_scores)
    found = stale(faces)
    assert {kind for kind, _ in found} == wanted
    others = "its faces are different ones"  # of a view of the first few faces, after some are gone
    assert all(CHANGES[what] in why or (what, why) == ("delete", others) for _, why in found)
    data = report(faces, tmp_path / "r", operators)
    (said,) = [text for text in data["limits"] if text.startswith("Out of date for probe")]
    assert all(derived.CATALOGUE[kind].title in said for kind in wanted)
    from media_forensics.operators.panels.audit.study import study_of

    assert study_of(faces, {"key": "probe"}).doubt.endswith(said)
    again = operators("evaluate_detector")(faces, key="probe", replicates=20)
    assert ("Out of date" in again["table"]) == (wanted != {"evaluation"})
    if "queue" in wanted:
        from media_forensics.operators.training import training_manifest

        weights = {"hard:high_loss": 2.0}
        warned = training_manifest.read(faces, tag_weights=weights, files=False).warnings
        assert any("'hard:high_loss'" in text and CHANGES[what] in text for text in warned)
    for kind in wanted & {"calibration", "queue"}:
        MAKERS[kind](faces, operators)
    left = stale(faces)
    made_again = {"calibration", "queue", "evaluation"}
    assert {kind for kind, _ in left} == wanted - made_again, left


def test_every_stored_number_is_in_the_catalogue():
    """Who keeps a number in a custom run names its kind, so that nothing is forgotten."""
    root = Path(derived.__file__).parents[1]  # of operators
    kinds = set()
    for path in root.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        kinds |= set(re.findall(r'(?i)method ?= ?"media_forensics/([a-z_]+)"', text))
        named = re.findall(r"method_of\(run_names\.(\w+)\)", text)
        kinds |= {name.lower() for name in named}
        kinds |= set(re.findall(r'derived\.note\(\s*\w+,\s*\w+,\s*"(\w+)"', text))
    # scores are checked as such; a training, an ablation and a training set are files with hashes
    of_no_number = {"scores", "training", "ablation", "training_set", "analysis", "frame_hashes"}
    assert of_no_number <= kinds
    assert kinds - of_no_number == set(derived.CATALOGUE) == set(MAKERS)


@pytest.mark.parametrize(
    "faces", [lambda whole, name: whole.clone(name)], indirect=True, ids=["all faces"]
)
def test_a_label_that_was_changed_on_a_video_is_said_and_reaches_its_faces(
    faces, operators, demo_dataset, tmp_path
):
    videos = views.videos_of(faces)
    video = videos.match(F("ground_truth.label") == "fake").first()
    video.ground_truth.label = "real"
    video.save()
    said = f"for example {video.video_id}: real, faces fake"
    found = operators("evaluate_detector")(faces, key="probe", replicates=20)
    assert plain(said) in found["table"]
    assert any(said in text for text in report(faces, tmp_path / "r", operators)["limits"])
    store = next(
        folder
        for folder in Path(demo_dataset.first().filepath).parents
        if folder.name == faces.first().recipe
    ).parent
    count = fields.describe(faces)["recipe"]["count"]
    done = operators("extract_faces")(
        videos, count=count, faces_name=faces.name, crops_dir=str(store), device="cpu"
    )
    assert done["relabelled"] == 1 and done["added"] == 0
    faces.reload()
    assert faces.match(F("video_id") == video.video_id).distinct("ground_truth.label") == ["real"]
    assert ("evaluation", "labels have been changed") in stale(faces)
