"""Operators on stored scores of real clips: thresholds, tables, exchange, heatmaps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fiftyone import ViewField as F
from media_forensics.detector.errors import ForensicsError, MetricUndefined
from media_forensics.detector.metrics.clusters import clustered_rate
from media_forensics.operators.app.markup import plain
from media_forensics.operators.dataset import views

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]


@pytest.fixture(scope="module")
def calibrated(demo_dataset, operators):
    """A threshold chosen on the faces of the training and validation people."""
    view = demo_dataset.match(F("split") != "test")
    found = operators("calibrate_threshold")(
        view, key="probe", target_fpr=0.2, level="face", method="platt"
    )
    yield view, found
    demo_dataset.delete_run("calibration_probe")
    demo_dataset.delete_sample_field("probe_calibrated")


def columns(view, *names):
    return [np.array(c) for c in view.values(list(names))]


def test_the_threshold_keeps_its_rate_on_the_view_it_was_chosen_on(calibrated):
    view, found = calibrated
    label, p_fake = columns(view, "ground_truth.label", "probe_p_fake")
    reals = p_fake[label == "real"]
    assert np.mean(reals >= found["threshold"]) <= 0.2
    assert np.mean(reals >= np.sort(reals)[-int(0.2 * len(reals)) - 1]) > 0.2  # it is the least
    record = found["record"]
    assert record["n_real"] == len(reals) and record["n_fake"] == len(label) - len(reals)
    assert set(record["splits"]) == set(view.distinct("split"))


def test_the_transfer_table_holds_only_rows_of_other_groups(demo_dataset, calibrated):
    view, found = calibrated
    groups = set(view.distinct("group_id"))
    rest = demo_dataset.match(~F("group_id").is_in(list(groups)))
    here, *others = found["transfer"]
    assert sum(r["fixed"]["n_real"] + r["fixed"]["n_fake"] for r in others) == len(rest)
    label, p_fake = columns(rest, "ground_truth.label", "probe_p_fake")
    if others:
        wrong = np.mean(p_fake[label == "real"] >= found["threshold"])
        assert others[0]["fixed"]["fpr"] == pytest.approx(wrong)
    assert here["fixed"]["fpr"] <= 0.2
    assert "oracle" in found["table"] and "left out" in found["table"]


def test_calibrated_scores_are_fields_and_keep_the_order(demo_dataset, calibrated):
    raw, fitted = columns(demo_dataset, "probe_p_fake", "probe_calibrated")
    assert np.all(np.diff(fitted[np.argsort(raw)]) >= -1e-12)
    slope, offset = calibrated[1]["calibration"]["parameters"]
    logit = np.log(raw) - np.log1p(-raw)
    assert np.allclose(fitted, 1 / (1 + np.exp(-(slope * logit + offset))), atol=1e-6)


def test_the_evaluation_uses_and_names_the_calibrated_threshold(
    demo_dataset, operators, calibrated
):
    view, found = calibrated
    test = demo_dataset.match(F("split") == "test")
    result = operators("evaluate_detector")(
        test, key="probe", threshold="calibrated", replicates=50, write_evaluations=False
    )
    assert result["threshold"] == pytest.approx(found["threshold"])
    assert "real faces" in result["threshold_from"] and "optimistic" not in result["threshold_from"]
    assert plain(result["threshold_from"]) in result["table"]
    same = operators("evaluate_detector")(
        view, key="probe", threshold="calibrated", replicates=50, write_evaluations=False
    )
    assert "optimistic" in same["threshold_from"]


def test_a_calibration_into_the_checkpoint_reaches_single_files(
    demo_dataset, operators, calibrated, footage, tmp_path
):
    from media_forensics.detector.model.checkpoints import load_detector, update_record

    source = demo_dataset.get_run_info("scores_probe").config.detector
    before = load_detector(source, device="cpu")
    operators("calibrate_threshold")(
        calibrated[0], key="probe", target_fpr=0.2, level="face", into_checkpoint=True
    )
    try:
        after = load_detector(source, device="cpu")
        assert after.sha256 == before.sha256
        result = operators("analyze_file")(
            str(footage["single_face.mp4"]),
            samples=demo_dataset,
            detector="probe",
            count=5,
            dataset="analyses-test",
            crops_dir=str(tmp_path),
        )
    finally:
        update_record(source, calibration=None)
        operators("calibrate_threshold")(
            calibrated[0], key="probe", target_fpr=0.2, level="face", method="platt"
        )
    analysis = result["files"][0]
    assert analysis["operating"]["calibrated"]
    assert analysis["operating"]["threshold"] == pytest.approx(calibrated[1]["threshold"])
    # calibrated on fewer reals than a verdict rests on: the score and the reason
    assert analysis["verdict"] == "abstain"
    assert "real faces of" in result["text"] and "person" in result["text"]
    import fiftyone as fo

    kept = fo.load_dataset("analyses-test")
    assert len(kept) == 5 and kept.distinct("verdict") == [analysis["headline"]]
    assert np.mean(kept.values("p_fake")) == pytest.approx(analysis["score"], abs=1e-6)
    assert kept.match(F("drives")).count() == 5
    kept.delete()


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"target_fpr": 0}, "between 0 and 1"),
        ({"level": "frame"}, "no level"),
        ({"method": "magic"}, "no method"),
        ({"target_fpr": 1e-6}, "cannot be observed"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(demo_dataset, operators, params, words):
    with pytest.raises(ForensicsError, match=words):
        operators("calibrate_threshold")(demo_dataset, key="probe", **params)


def test_one_class_only_has_no_calibration(demo_dataset, operators):
    reals = demo_dataset.match(F("ground_truth.label") == "real")
    fakes = demo_dataset.match(F("ground_truth.label") == "fake")
    for view in (reals, fakes):
        with pytest.raises(MetricUndefined):
            operators("calibrate_threshold")(view, key="probe", target_fpr=0.2, level="face")


def test_without_a_calibration_there_is_no_calibrated_threshold(
    demo_dataset, operators, calibrated
):
    run = demo_dataset.get_run_info("calibration_probe").config
    demo_dataset.delete_run("calibration_probe")
    try:
        with pytest.raises(ForensicsError, match="no calibrated threshold"):
            operators("evaluate_detector")(demo_dataset, key="probe", threshold="calibrated")
    finally:
        demo_dataset.register_run("calibration_probe", run)


# ------------------------------------------------------------------ intervals and tables


def test_intervals_know_that_faces_of_a_group_are_alike(demo_dataset, operators):
    rows = operators("evaluate_detector")(
        demo_dataset, key="probe", replicates=50, write_evaluations=False
    )["rows"]
    overall = next(r for r in rows if r["level"] == "face")
    label, p_fake, group = columns(demo_dataset, "ground_truth.label", "probe_p_fake", "group_id")
    real = label == "real"
    assert (overall["fpr"]["low"], overall["fpr"]["high"]) == pytest.approx(
        tuple(clustered_rate(p_fake[real] >= 0.5, group[real]))
    )
    splits = {r["split"] for r in rows if r["level"] == "video"}
    assert splits == {"all", *demo_dataset.distinct("split")}
    one = next(r for r in rows if r["split"] == "test" and r["method"] == "all")
    assert one["n_real"] + one["n_fake"] > 0


# ------------------------------------------------------------------ rules and exchange


def test_rules_are_applied_again_without_a_network(demo_dataset, operators):
    try:
        result = operators("score_faces")(demo_dataset, key="probe", rule="max")
        assert result["scored"] == 0 and result["already"] == len(demo_dataset)
        assert demo_dataset.get_run_info("scores_probe").config.rule == "max"
        names = ["video_id", "probe_p_fake", "probe_video_p_fake"]
        rows = zip(*columns(demo_dataset, *names), strict=True)
        found = {}
        for video, p_fake, score in rows:
            found.setdefault(video, ([], score))[0].append(p_fake)
        assert all(score == pytest.approx(max(faces)) for faces, score in found.values())
        with pytest.raises(ForensicsError, match="no video score rule"):
            operators("score_faces")(demo_dataset, key="probe", rule="magic")
    finally:
        operators("score_faces")(demo_dataset, key="probe", rule="mean")


def test_exported_scores_come_back_and_compare_equal(demo_dataset, operators, tmp_path):
    faces = tmp_path / "faces.csv"
    done = operators("export_scores")(demo_dataset, key="probe", path=str(faces), level="face")
    assert done["rows"] == len(demo_dataset) and done["without_score"] == 0
    frame = pd.read_csv(faces)
    assert set(frame.label) == {"real", "fake"} and frame.checkpoint_sha256.nunique() == 1
    try:
        back = operators("import_scores")(demo_dataset, key="twin", path=str(faces))
        assert back["matched"] == len(demo_dataset) and back["not_in_table"] == 0
        mine, theirs = columns(demo_dataset, "probe_p_fake", "twin_p_fake")
        assert np.allclose(mine, theirs, atol=1e-12)
        both = operators("evaluate_detector")(
            demo_dataset, key="twin", compare_with="probe", replicates=50, write_evaluations=False
        )
        assert both["comparison"]["paired"]["difference"] == 0
        assert "the same score" in both["comparison"]["paired"]["why"]
        assert "twin minus probe" in both["table"]
        with pytest.raises(ForensicsError, match="imported"):
            operators("explain_faces")(demo_dataset, key="twin")
    finally:
        _forget(demo_dataset, "twin")


def test_a_table_of_videos_with_gaps(demo_dataset, operators, tmp_path):
    names = sorted(demo_dataset.distinct("video_id"))
    table = tmp_path / "videos.csv"
    lines = [f"{name},{0.25 if i % 2 else 0.75}" for i, name in enumerate(names[2:])]
    table.write_text("\n".join(["video_id,p_fake", f"{names[1]},", *lines, "elsewhere,0.5"]))
    try:
        done = operators("import_scores")(demo_dataset, key="other", path=str(table))
        assert done["level"] == "video" and done["not_in_dataset"] == 1
        assert (done["matched"], done["without_score"], done["not_in_table"]) == (
            len(names) - 1,
            1,
            1,
        )
        lost = demo_dataset.match(F("other_p_fake") == None)  # noqa: E711
        assert set(lost.distinct("video_id")) == set(names[:2])
        assert lost.distinct("other_reason") == ["not_scored"]
        rows = operators("evaluate_detector")(
            demo_dataset, key="other", replicates=50, write_evaluations=False
        )["rows"]
        row = next(r for r in rows if r["level"] == "video")
        assert row["scored_real"] + row["scored_fake"] == len(names) - 2
    finally:
        _forget(demo_dataset, "other")


def test_a_table_that_fits_nothing_writes_nothing(demo_dataset, operators, tmp_path):
    table = tmp_path / "wrong.csv"
    table.write_text("video_id,p_fake\nnobody,0.5\n")
    with pytest.raises(ForensicsError, match=r"No row of wrong\.csv fits"):
        operators("import_scores")(demo_dataset, key="wrong", path=str(table))
    assert not demo_dataset.has_field("wrong_p_fake")
    with pytest.raises(ForensicsError, match="holds other scores"):
        operators("import_scores")(demo_dataset, key="probe", path=str(table))


def _forget(dataset, key):
    dataset.delete_run(f"scores_{key}")
    for run in (f"evaluation_{key}",):
        if dataset.has_run(run):
            dataset.delete_run(run)
    schema = dataset.get_field_schema()
    dataset.delete_sample_fields([n for n in schema if n == key or n.startswith(f"{key}_")])
    videos = views.videos_of(dataset)
    if videos.has_run(f"scores_{key}"):
        videos.delete_run(f"scores_{key}")
    schema = videos.get_field_schema()
    videos.delete_sample_fields([n for n in schema if n == key or n.startswith(f"{key}_")])


# ------------------------------------------------------------------ heatmaps


def _detector(dataset):
    from media_forensics.detector.model.checkpoints import load_detector

    return load_detector(dataset.get_run_info("scores_probe").config.detector, device="cpu")


def test_heatmaps_lie_on_crops_and_frames(demo_dataset, operators):
    from media_forensics.detector.model.explain import explain
    from PIL import Image

    few = demo_dataset.take(3, seed=2)
    result = operators("explain_faces")(few, key="probe", method="gradient")
    assert result["explained"] == 3 and result["field"] == "probe_gradient"
    face = few.first()
    assert face.probe_gradient.map.shape == (64, 64) and face.probe_gradient.range == [0, 255]
    whole = next(explain(_detector(demo_dataset), [Image.open(face.filepath)], "gradient"))
    small = whole.reshape(64, 4, 64, 4).mean(axis=(1, 3))
    assert np.abs(face.probe_gradient.map / 255 - small).max() < 0.05
    videos = views.videos_of(demo_dataset)
    assert result["on_frames"] == 3
    video = videos.match(F("video_id") == face.video_id).first()
    shown = video.frames[face.frame_number].probe_gradient.map
    x, y, w, h = face.face_box
    rows, cols = np.nonzero(shown > 0)
    centre = (
        (cols.min() + cols.max()) / 2 / shown.shape[1],
        (rows.min() + rows.max()) / 2 / shown.shape[0],
    )
    assert centre == pytest.approx((x + w / 2, y + h / 2), abs=0.12)
    videos.delete_frame_field("probe_gradient")
    demo_dataset.delete_sample_field("probe_gradient")


def test_errors_only_and_bad_choices(demo_dataset, operators):
    label, p_fake = columns(demo_dataset, "ground_truth.label", "probe_p_fake")
    wrong = int(np.sum((p_fake >= 0.9) != (label == "fake")))
    result = operators("explain_faces")(
        demo_dataset,
        key="probe",
        method="rollout",
        only="errors",
        threshold=0.9,
        limit=2,
        on_frames=False,
    )
    assert result["explained"] == min(2, wrong) and result["left_out"] == max(0, wrong - 2)
    demo_dataset.delete_sample_field("probe_rollout")
    for params, words in (
        ({"method": "magic"}, "no method"),
        ({"only": "some"}, "no only"),
        ({"threshold": 2}, "outside"),
    ):
        with pytest.raises(ForensicsError, match=words):
            operators("explain_faces")(demo_dataset, key="probe", **params)


# ------------------------------------------------------------------ forms


@pytest.mark.parametrize(
    ("name", "params", "wrong"),
    [
        ("score_faces", {}, None),
        ("evaluate_detector", {}, None),
        ("evaluate_detector", {"calibrated": False, "threshold": 1.5}, "threshold"),
        ("calibrate_threshold", {}, None),
        ("calibrate_threshold", {"target_fpr": 2.0}, "target_fpr"),
        ("explain_faces", {}, None),
        ("explain_faces", {"only": "errors", "threshold": -1.0}, "threshold"),
        ("analyze_file", {}, None),
        ("analyze_file", {"path": "/nowhere.mp4"}, "path"),
        ("import_scores", {"path": "/nowhere.csv", "key": "fine"}, "path"),
        ("import_scores", {"key": "Not fine"}, "key"),
        ("export_scores", {"path": "/tmp/scores.txt"}, "path"),
        ("probe_robustness", {}, None),
        ("probe_robustness", {"threshold": 2.0}, "threshold"),
        ("probe_robustness", {"perturbations": ["fog"]}, "perturbations"),
        ("run_protocol", {}, None),
        ("map_embeddings", {}, None),
    ],
)
def test_forms_open_and_show_what_is_wrong_at_its_field(
    demo_dataset, operators, name, params, wrong
):
    from fiftyone.operators.executor import ExecutionContext

    request = {"dataset_name": demo_dataset.name, "params": params}
    context = ExecutionContext(request, operator_uri=f"@mediaforensics/deepfake/{name}")
    form = operators(name).resolve_input(context)
    properties = form.type.properties
    assert properties and "input_error" not in properties
    bad = [n for n, prop in properties.items() if prop.invalid]
    assert bad == ([wrong] if wrong else [])
    if wrong:
        assert properties[wrong].error_message
    form.to_json()


@pytest.mark.parametrize(
    "name", ["calibrate_threshold", "explain_faces", "export_scores", "probe_robustness"]
)
def test_an_empty_view_is_said_to_be_empty(demo_dataset, operators, name, tmp_path):
    params = {"path": str(tmp_path / "x.csv")} if name == "export_scores" else {}
    with pytest.raises(ForensicsError, match="no faces"):
        operators(name)(demo_dataset.limit(0), key="probe", **params)
