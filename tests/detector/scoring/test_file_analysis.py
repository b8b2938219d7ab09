"""A file to a verdict: real clips and pictures, and every way in which there is none."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from media_forensics.detector.audit.threshold import Threshold
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.detector import Detector
from media_forensics.detector.scoring.file_analysis import analyze_file, files_of, left_out
from media_forensics.detector.scoring.file_threshold import statement, threshold_for

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def detector(tiny_folder):
    from media_forensics.detector.model.backbone import load_backbone

    torch.manual_seed(3)
    found = Detector(load_backbone(f"local-dir:{tiny_folder}", "cpu"), key_name="tiny")
    torch.nn.init.normal_(found.head.weight, 0, 2.0)
    return found.eval()


@pytest.fixture(scope="module")
def analyzed(detector, face_detector, footage, tmp_path_factory):
    """``(name, **options)`` -> analysis of a piece of footage."""
    crops = tmp_path_factory.mktemp("crops")

    def run(name, **options):
        return analyze_file(footage[name], detector, face_detector, crops, **options)

    return run


def test_a_video_has_a_timeline_per_person_and_a_score_by_the_rule(analyzed, detector):
    found = analyzed("single_face.mp4", count=6)
    assert found.verdict in ("fake", "real") and len(found.persons) == 1
    person = found.persons[0]
    values = [row.p_fake for row in person.timeline]
    assert None not in values and len(values) == 6 == person.scored
    assert person.score == pytest.approx(np.mean(values)) and found.score == person.score
    assert found.verdict == ("fake" if found.score >= 0.5 else "real")
    assert "is not known" in found.headline
    frames = [row.frame for row in person.timeline]
    assert frames == sorted(frames) and all(row.seconds is not None for row in person.timeline)
    from PIL import Image

    again = detector.score([Image.open(row.crop) for row in person.timeline]).p_fake
    assert np.allclose(again, values, atol=1e-4)
    assert "chosen on no data" in found.reasons[0]
    assert len(found.sha256) == 64 and found.detector_sha256 == detector.sha256


def test_the_drivers_are_the_frames_on_the_verdicts_side(analyzed):
    low = analyzed("single_face.mp4", count=6, threshold=Threshold(0.0, "hand", ""))
    high = analyzed("single_face.mp4", count=6, threshold=Threshold(1.0, "hand", ""))
    assert (low.verdict, high.verdict) == ("fake", "real")
    scores = {row.frame: row.p_fake for row in low.persons[0].timeline}
    by_score = sorted(scores, key=scores.get)
    assert scores[low.persons[0].drivers[0]] == scores[by_score[-1]]
    assert scores[high.persons[0].drivers[0]] == scores[by_score[0]]
    assert any("does not prove" in reason for reason in high.reasons)


def test_without_a_face_there_is_no_verdict(analyzed):
    found = analyzed("no_face.mp4", count=4)
    assert found.verdict == "abstain" and found.score is None
    assert "no_face" in found.reasons[0]


def test_too_few_faces_are_no_verdict(analyzed):
    found = analyzed("single_face.mp4", count=2)
    assert found.verdict == "abstain" and found.score is None
    assert "2 faces" in found.reasons[0]
    assert found.persons[0].score is not None and not found.persons[0].enough


def test_every_person_of_a_picture_is_judged(analyzed):
    found = analyzed("sample1.jpg")
    assert len(found.persons) > 1
    assert found.score == max(person.score for person in found.persons)
    assert any("false alarm" in reason for reason in found.reasons)


def test_a_broken_file_is_an_abstention_with_its_reason(detector, face_detector, tmp_path):
    for name, content in (("a.mp4", b""), ("b.mp4", b"no video at all" * 100)):
        (tmp_path / name).write_bytes(content)
        found = analyze_file(tmp_path / name, detector, face_detector, tmp_path / "crops")
        assert found.verdict == "abstain" and found.score is None and found.reasons[0]
    with pytest.raises(ForensicsError, match="no file"):
        analyze_file(tmp_path / "gone.mp4", detector, face_detector, tmp_path / "crops")


def test_a_calibration_belongs_to_one_checkpoint():
    record = {
        "threshold": 0.7,
        "n_real": 200,
        "level": "video",
        "source_datasets": ["FaceForensics++"],
        "date": "2026-01-02",
        "target_fpr": 0.05,
        "checkpoint_sha256": "a" * 64,
        "rule": "median",
    }
    mine = SimpleNamespace(sha256="a" * 64, info={"calibration": record})
    found = threshold_for(mine)
    assert (found.value, found.rule, found.source) == (0.7, "median", "calibration")
    assert "200 real videos of FaceForensics++" in statement(found) and "5%" in statement(found)
    with pytest.raises(ForensicsError, match="belongs to the checkpoint"):
        threshold_for(SimpleNamespace(sha256="b" * 64, info={"calibration": record}))
    assert threshold_for(SimpleNamespace(sha256="b" * 64, info={})).source == "fixed"


def test_a_folder_is_its_videos_and_pictures(tmp_path):
    for name in ("b.mp4", "a.JPG", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [file.name for file in files_of(tmp_path)] == ["a.JPG", "b.mp4"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ForensicsError, match="no video or picture"):
        files_of(tmp_path / "empty")


def test_what_is_hidden_in_a_folder_is_not_judged_and_is_named(tmp_path):
    for name in ("a.mp4", "._a.mp4", ".trashed-17-b.mp4"):
        (tmp_path / name).write_bytes(b"x")
    assert [file.name for file in files_of(tmp_path)] == ["a.mp4"]
    assert left_out(tmp_path) == "Not looked at: .trashed-17-b.mp4 (hidden, or in a bin)."
