"""The loop on real clips, from Python: faces, scores, evaluation, queues, training."""

from __future__ import annotations

import numpy as np
import pytest
from fiftyone import ViewField as F
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.known_towers import SMALL
from media_forensics.operators.dataset import fields, views
from media_forensics.operators.training import detector_list
from sklearn.metrics import roc_auc_score

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]


def test_every_face_is_traceable(demo_dataset, fiftyone_db):
    assert len(demo_dataset) > 40
    for face in demo_dataset.take(5, seed=1):
        assert face.video_id and face.frame_number >= 1 and face.recipe
        assert len(face.crop_landmarks) == 10 and len(face.crop_matrix) == 6
        matrix = np.array(face.crop_matrix).reshape(2, 3)
        points = np.array(face.face_landmarks).reshape(5, 2)
        mapped = points @ matrix[:, :2].T + matrix[:, 2]
        assert np.allclose(mapped, np.array(face.crop_landmarks).reshape(5, 2), atol=1e-3)
        (points,) = face.landmarks.keypoints
        assert np.allclose(np.array(points.points).ravel() * 256, face.crop_landmarks)
    about = fields.describe(demo_dataset)
    assert about["kind"] == "faces" and about["recipe"]["template"] == "gend"
    assert fields.describe(fiftyone_db.load_dataset(about["video_dataset"]))["kind"] == "videos"


def test_videos_show_the_sampled_frames_with_boxes(demo_dataset):
    videos = views.videos_of(demo_dataset)
    video = videos.first()
    assert 1 <= len(video.frames) < 50
    frame = next(iter(video.frames.values()))
    box = frame.faces.detections[0].bounding_box
    assert all(0 <= value <= 1 for value in box)
    assert set(videos.values("reason")) == {None}
    shown = videos.app_config.active_fields.paths
    assert {"ground_truth", "persons", "frames.faces"} <= set(shown)  # drawn without a click
    points = frame.landmarks.keypoints[0]
    x, y, width, height = box
    eyes = np.array(points.points[:2])
    assert points.index == frame.faces.detections[0].index
    assert ((eyes >= (x, y)) & (eyes <= (x + width, y + height))).all()
    assert videos.skeletons["frames.landmarks"].labels[2] == "nose"


def test_saved_views(demo_dataset):
    assert {"by_video", "one_face_per_video"} <= set(demo_dataset.list_saved_views())
    per_video = demo_dataset.load_saved_view("one_face_per_video")
    assert len(per_video) == len(set(demo_dataset.values("video_id")))
    assert len(demo_dataset.load_saved_view("by_video")) == len(per_video)
    pairs = demo_dataset.load_saved_view("pairs")
    assert set(pairs.values("ground_truth.label")) == {"real"}
    beside = demo_dataset.load_saved_view("pairs side by side")
    assert len(pairs.flatten()) == len(beside) <= len(demo_dataset)


def test_scores_are_consistent(demo_dataset):
    p_fake, margin, label = demo_dataset.values(["probe_p_fake", "probe_margin", "probe.label"])
    assert None not in p_fake
    cut = fields.called_at(demo_dataset, "probe")
    assert np.allclose(1 / (1 + np.exp(-np.array(margin))), p_fake, atol=1e-5)
    assert [name == "fake" for name in label] == [p >= cut for p in p_fake]
    units = np.stack(demo_dataset.values("probe_embedding"))
    assert units.dtype == np.float32
    assert np.allclose(np.linalg.norm(units, axis=1), 1, atol=1e-5)


def test_video_scores_are_means_of_the_face_scores(demo_dataset):
    columns = demo_dataset.values(["video_id", "probe_p_fake", "probe_video_p_fake"])
    by_video = {}
    for video_id, p_fake, video in zip(*columns, strict=True):
        by_video.setdefault(video_id, ([], set()))
        by_video[video_id][0].append(p_fake)
        by_video[video_id][1].add(video)
    for faces, video in by_video.values():
        assert len(video) == 1
        assert np.mean(faces) == pytest.approx(video.pop(), abs=1e-6)
    videos = views.videos_of(demo_dataset)
    got = dict(zip(*videos.values(["video_id", "probe_p_fake"]), strict=True))
    assert got == {v: pytest.approx(np.mean(f), abs=1e-6) for v, (f, _) in by_video.items()}


def test_scoring_again_does_nothing(demo_dataset, operators):
    again = operators("score_faces")(demo_dataset, detector="probe", key="probe")
    assert again["scored"] == 0 and again["already"] == len(demo_dataset)


def test_a_key_belongs_to_one_checkpoint(demo_dataset, operators, weights_dir, tmp_path):
    import torch
    from media_forensics.detector.model.checkpoints import load_detector, save_detector

    config = demo_dataset.get_run_info("scores_probe").config
    model = load_detector(config.detector, device="cpu")
    with torch.no_grad():
        model.head.bias += 1
    save_detector(model, tmp_path / "other")
    with pytest.raises(ForensicsError, match="another checkpoint"):
        operators("score_faces")(demo_dataset, detector=str(tmp_path / "other"), key="probe")
    assert demo_dataset.get_run_info("scores_probe").config.checkpoint_sha256 != model.sha256


def test_extracting_again_adds_nothing_and_raising_the_count_adds_frames(
    demo_dataset, operators, fiftyone_db
):
    videos = views.videos_of(demo_dataset)
    # not of the validation split: its faces are what the run's record is compared with elsewhere
    few = videos.match(F("split") == "train").limit(2)
    before = len(demo_dataset)
    assert operators("extract_faces")(few, count=4)["added"] == 0
    assert len(demo_dataset) == before
    numbers = views.match_in(demo_dataset, "video_id", few.values("video_id")).values("id")
    more = operators("extract_faces")(few, count=5)
    demo_dataset.reload()
    assert more["added"] == len(demo_dataset) - before > 0
    kept = views.match_in(demo_dataset, "video_id", few.values("video_id")).values("id")
    assert set(numbers) <= set(kept)
    operators("score_faces")(demo_dataset, detector="probe", key="probe")


def test_evaluation_agrees_with_the_fields(demo_dataset, operators):
    result = operators("evaluate_detector")(demo_dataset, key="probe", replicates=200)
    rows = {(r["level"], r["source_dataset"], r["method"]): r for r in result["rows"]}
    overall = rows["face", "all", "all"]
    label = np.array(demo_dataset.values("ground_truth.label")) == "fake"
    p_fake = np.array(demo_dataset.values("probe_p_fake"))
    assert overall["auroc"]["value"] == pytest.approx(roc_auc_score(label, p_fake))
    assert overall["n_real"] + overall["n_fake"] == len(demo_dataset)
    assert overall["fpr"]["value"] == pytest.approx(np.mean(p_fake[~label] >= 0.5))
    videos = rows["video", "all", "all"]
    assert videos["n_real"] + videos["n_fake"] == len(views.videos_of(demo_dataset))
    methods = {r["method"] for r in result["rows"]} - {"all"}
    assert methods == set(demo_dataset.match(F("ground_truth.label") == "fake").distinct("method"))
    stock = demo_dataset.load_evaluation_results("eval_probe_faces").metrics()
    assert stock["auroc"] == pytest.approx(overall["auroc"]["value"])
    assert stock["eer"] == pytest.approx(overall["eer"])
    stored = demo_dataset.load_run_results(result["run"])
    assert len(stored.rows) == len(result["rows"])
    assert "n/a" in result["table"] or "[" in result["table"]


def test_videos_that_gave_no_face_stay_in_the_counts(demo_dataset, operators, fiftyone_db):
    videos = views.videos_of(demo_dataset)
    template = videos.match(F("ground_truth.label") == "real").first()
    values = {name: template[name] for name in fields.COMMON_FIELDS} | {"video_id": "demo/lost"}
    lost = fiftyone_db.Sample(
        filepath="/nowhere/lost.mp4",
        ground_truth=fiftyone_db.Classification(label="real"),
        reason="no_face",
        **values,
    )
    videos.add_sample(lost)
    try:
        rows = operators("evaluate_detector")(demo_dataset, key="probe", replicates=50)["rows"]
        row = next(r for r in rows if (r["level"], r["method"]) == ("video", "all"))
        assert row["n_real"] == row["scored_real"] + 1
        assert row["coverage"] < 1
        assert row["auroc_worst_case"] <= row["auroc"]["value"]
    finally:
        videos.delete_samples([lost])


def test_queues_are_ranked_tagged_and_saved(demo_dataset, operators):
    result = operators("find_hard_examples")(demo_dataset, key="probe", limit=10, per_video=1)
    assert set(result) >= {"false_positive", "false_negative", "high_loss", "pair_anomaly"}
    assert result["high_loss"]["faces"] == 10
    queue = demo_dataset.load_saved_view("hard_probe_high_loss")
    assert queue.values("probe_rank_high_loss") == list(range(1, 11))
    assert len(set(queue.values("video_id"))) == 10
    assert demo_dataset.count_sample_tags()["hard:high_loss"] == 10
    for face in demo_dataset.load_saved_view("hard_probe_false_positive"):
        assert face.ground_truth.label == "real" and face.probe_p_fake >= 0.5
    again = operators("find_hard_examples")(demo_dataset, key="probe", limit=3, per_video=1)
    assert again["high_loss"]["faces"] == 3
    assert demo_dataset.count_sample_tags()["hard:high_loss"] == 3


def test_the_training_record_names_its_data(demo_dataset):
    config = demo_dataset.get_run_info("training_probe").config
    assert config.status == "completed" and len(config.manifest_sha256) == 64
    assert "probe" in detector_list.training_runs(demo_dataset)
    view = demo_dataset.load_run_view("training_probe")
    assert len(view) <= len(demo_dataset)


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("score_faces", {"detector": "nowhere.safetensors"}, "nowhere"),
        ("score_faces", {"detector": "probe", "key": "Not a key"}, "cannot name"),
        ("evaluate_detector", {"key": "nobody"}, "nobody_p_fake"),
        ("evaluate_detector", {"key": "probe", "threshold": 1.5}, "outside"),
        ("find_hard_examples", {"key": "probe", "queues": ["odd"]}, "no queue 'odd'"),
        ("find_hard_examples", {"key": "probe", "limit": 0}, "limit"),
        ("train_detector", {"key": "x", "recipe": "magic"}, "magic"),
        ("train_detector", {"key": "x", "settings": {"epoch": 3}}, "epochs"),
        (
            "train_detector",
            {"key": "x", "backbone": "local-dir:nowhere", "settings": {"batch_size": 8}},
            "nowhere",
        ),
        ("extract_faces", {}, "already holds face crops"),
    ],
)
def test_wrong_input_is_one_clear_sentence_before_any_work(
    demo_dataset, operators, name, params, words
):
    before = set(demo_dataset.list_runs())
    with pytest.raises(ForensicsError) as error:
        operators(name)(demo_dataset, **params)
    assert words in str(error.value)
    assert error.value.hint
    assert set(demo_dataset.list_runs()) == before


@pytest.mark.parametrize("name", ["score_faces", "evaluate_detector", "find_hard_examples"])
def test_an_empty_view_is_said_to_be_empty(demo_dataset, operators, name):
    params = {"detector": "probe"} if name == "score_faces" else {"key": "probe"}
    with pytest.raises(ForensicsError, match="no faces"):
        operators(name)(demo_dataset.limit(0), **params)


def test_a_leak_stops_the_training_before_it_starts(demo_dataset, operators):
    groups = demo_dataset.match(F("split") == "train").distinct("group_id")
    leaking = demo_dataset.match(F("group_id") == groups[0])
    half = leaking.limit(max(1, len(leaking) // 2))
    old = half.values("split")
    half.set_values("split", ["val"] * len(half))
    try:
        with pytest.raises(ForensicsError) as error:
            operators("train_detector")(
                demo_dataset, key="leaky", recipe="linear_probe", backbone=SMALL
            )
        assert groups[0] in str(error.value)
        assert not demo_dataset.has_run("training_leaky")
    finally:
        half.set_values("split", old)


def test_only_test_faces_cannot_be_trained_on(demo_dataset, operators):
    held_out = demo_dataset.match(F("split") == "test")
    with pytest.raises(ForensicsError, match="test split"):
        operators("train_detector")(held_out, key="cheat", recipe="linear_probe", backbone=SMALL)


def test_a_missing_crop_keeps_its_row_with_a_reason(demo_dataset, operators, tmp_path):
    face = demo_dataset.first()
    lost = face.copy()
    lost.filepath = str(tmp_path / "gone.png")
    for name in ("probe_p_fake", "probe_margin", "probe_angle", "probe_embedding", "probe"):
        lost[name] = None
    demo_dataset.add_sample(lost)
    try:
        result = operators("score_faces")(
            demo_dataset.select([lost.id]), detector="probe", key="probe"
        )
        assert result["not_scored"] == {"missing_file": 1}
        lost.reload()
        assert lost.probe_p_fake is None and lost.probe_reason == "missing_file"
    finally:
        demo_dataset.delete_samples([lost])
