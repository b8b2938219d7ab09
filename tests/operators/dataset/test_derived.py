"""Crops of version 0.3, made before damage was checked, are named wherever cautions stand."""

from __future__ import annotations

import pytest
from media_forensics.detector.crops.coverage import (
    Coverage,
    before_damage_checks,
    coverage_table,
)
from media_forensics.detector.faces.video_faces import FaceRow, FrameFaces, VideoFaces
from media_forensics.detector.records import VideoRecord
from media_forensics.operators.dataset import derived

WORDS = "extracted before damage was checked"


def result(container: str, sha256: str | None) -> VideoFaces:
    """One frame with one crop."""
    face = FaceRow(0, (0, 0, 1, 1), "a.png", crop_sha256=sha256)
    return VideoFaces(
        video_id="v",
        recipe_hash="",
        source_sha256="",
        frame_count=1,
        fps=None,
        width=1,
        height=1,
        reason=None,
        frames=(FrameFaces(0, faces=(face,)),),
        info={"container": container},
    )


def test_a_result_of_0_3_is_known_by_its_crops_without_a_hash():
    assert before_damage_checks(result("mov,mp4", None))
    assert not before_damage_checks(result("mov,mp4", "ab"))
    assert not before_damage_checks(result("images", None))
    seen = Coverage()
    record = VideoRecord("v", "v.mp4", 0, "A")
    for sha256 in (None, "ab"):
        seen.add(record, result("mov,mp4", sha256))
    assert seen.to_json()["unchecked"] == 1
    assert f"1 video was {WORDS}" in coverage_table(seen.to_json())


@pytest.mark.fiftyone
def test_a_dataset_with_such_crops_says_so(fiftyone_db):
    fo = fiftyone_db
    dataset = fo.Dataset()
    for video, path, sha256 in (
        ("a", "/x/a.mp4", None),
        ("b", "/x/b.MOV", None),
        ("c", "/x/c.mp4", "ab"),
        ("d", "/x/frames_of_d", None),
    ):
        for frame in (1, 2):
            dataset.add_sample(
                fo.Sample(
                    filepath=f"/x/{video}{frame}.png",
                    video_id=video,
                    video_path=path,
                    recipe="0123456789abcdef",
                    crop_sha256=sha256,
                    frame_number=frame,
                )
            )
    try:
        assert f"2 videos were {WORDS}" in derived.words(dataset, "det")
        dataset.set_values("crop_sha256", ["ab"] * len(dataset))
        assert derived.words(dataset, "det") == ""
    finally:
        dataset.delete()
