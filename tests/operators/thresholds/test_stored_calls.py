"""Stored labels follow the threshold that applies; evaluations keep what they judged."""

from __future__ import annotations

import pytest
from media_forensics.operators.dataset import fields
from media_forensics.operators.dataset.video_scores import declare, write_video_scores
from media_forensics.operators.thresholds.stored_calls import follow

pytestmark = pytest.mark.fiftyone
NAMES = fields.ScoreFields("det")
LEVELS = ((NAMES.label, NAMES.p_fake), (NAMES.video_label, NAMES.video_p_fake))


@pytest.fixture
def faces(faces_of):
    """Scored faces as ``score_faces`` leaves them: labels at 0.5, videos with theirs."""
    dataset = faces_of(400).dataset
    declare(dataset, NAMES)
    scores = dataset.values(NAMES.p_fake)
    labels = [None if score is None else fields.classification(score) for score in scores]
    dataset.set_values(NAMES.label, labels)
    write_video_scores(dataset, "det", "mean")
    return dataset


def called(dataset, label, p_fake, threshold):
    """Whether all labels, with their probabilities, are those at ``threshold``."""
    names, sure, scores = dataset.values([f"{label}.label", f"{label}.confidence", p_fake])
    for name, confidence, score in zip(names, sure, scores, strict=True):
        wanted = (None, None) if score is None else fields.call(score, threshold)
        if (name, confidence) != wanted:
            return False
    return True


def test_labels_follow_the_calibration_and_an_evaluation_keeps_its_own(faces, operators):
    assert follow(faces, "det") == fields.called_at(faces, "det") == 0.5
    operators("evaluate_detector")(faces, key="det")
    assert faces.get_evaluation_info("eval_det_faces").config.pred_field == "det"
    view = faces.match({"source_dataset": "alpha"})
    value = operators("calibrate_threshold")(view, key="det", target_fpr=0.05, level="face")[
        "threshold"
    ]
    assert value != 0.5 and fields.called_at(faces, "det") == value
    assert all(called(faces, *level, value) for level in LEVELS)
    for level, (label, p_fake) in zip(("faces", "videos"), LEVELS, strict=True):
        name = f"eval_det_{level}"
        assert faces.get_evaluation_info(name).config.pred_field == f"{label}_decision"
        assert called(faces, f"{label}_decision", p_fake, 0.5)
        assert faces.load_evaluation_results(name).config.pred_field == f"{label}_decision"

    write_video_scores(faces, "det", "mean")  # whoever writes labels later calls as they do
    assert called(faces, *LEVELS[1], value)
    operators("evaluate_detector")(faces, key="det")
    assert faces.get_evaluation_info("eval_det_faces").config.pred_field == "det"


def test_labels_go_back_when_the_calibration_is_no_longer_valid(faces, operators):
    view = faces.match({"source_dataset": "alpha"})
    operators("calibrate_threshold")(view, key="det", target_fpr=0.05, level="face")
    relabelled = view.limit(1)
    other = {"real": "fake", "fake": "real"}[relabelled.values("ground_truth.label")[0]]
    relabelled.set_values("ground_truth.label", [other])
    assert follow(faces, "det") == 0.5
    assert all(called(faces, *level, 0.5) for level in LEVELS)
