"""Spans over the threshold on the videos: what the scores say, at the threshold of every screen."""

from __future__ import annotations

import pytest
from media_forensics.operators.dataset import partners, score_state
from media_forensics.operators.evaluation import calibrate_threshold
from media_forensics.operators.thresholds import spans
from media_forensics.operators.thresholds.stored_thresholds import stored_of

pytestmark = pytest.mark.fiftyone


@pytest.fixture
def both(faces_of, fiftyone_db):
    """Scored faces, and a dataset of the videos that they are of."""
    fo = fiftyone_db
    faces = faces_of(800, seed=5).dataset
    videos = fo.Dataset()
    ids = sorted(faces.distinct("video_id"))
    videos.add_samples([fo.Sample(f"/nowhere/{n}.mp4", video_id=v) for n, v in enumerate(ids)])
    partners.link(videos, faces)
    yield faces, videos
    fo.delete_dataset(videos.name)


def by_hand(faces, threshold: float) -> dict[str, list]:
    """What a person sees who reads the faces of each video in their order."""
    names = ["video_id", "track", "frame_number", "det_p_fake"]
    rows = sorted(zip(*faces.values(names), strict=True), key=lambda row: row[:3])
    found: dict[str, list] = {}
    for video in {row[0] for row in rows}:
        frames = sorted({row[2] for row in rows if row[0] == video})
        for track in sorted({row[1] for row in rows if row[0] == video}):
            own = [row for row in rows if row[:2] == (video, track)]
            over = {row[2]: row[3] for row in own if (row[3] or 0) >= threshold}
            marks = "".join("x" if frame in over else " " for frame in frames)
            at = 0
            for part in marks.split(" "):
                if part:
                    inside = frames[at : at + len(part)]
                    score = sum(over[frame] for frame in inside) / len(inside)
                    found.setdefault(video, []).append((track, inside[0], inside[-1], score))
                at += len(part) + 1
    return found


def written(videos) -> dict[str, list]:
    videos.reload()
    return {
        sample.video_id: [
            (int(one.label.split()[1].rstrip(":")), *one.support, pytest.approx(one.confidence))
            for one in sample.det_spans.detections
        ]
        for sample in videos
        if sample.det_spans
    }


def test_spans_follow_the_scores_and_the_threshold_in_force(both):
    faces, videos = both
    count = spans.refresh(faces, "det")
    assert written(videos) == by_hand(faces, 0.5) and count > 50
    assert videos.first().det_spans is None or videos.media_type == "video"
    calibrate_threshold.run(faces, key="det", target_fpr=0.1, level="face")
    at = stored_of(faces, "det").for_one.value
    assert at != 0.5 and written(videos) == by_hand(faces, at)
    labels = {one.label for s in videos if s.det_spans for one in s.det_spans.detections}
    assert all(f"{at:.3g}" in label for label in labels)
    faces.delete_samples(faces.match({"track": 1}))  # and with it the calibration is out of date
    spans.refresh(faces, "det")
    assert written(videos) == by_hand(faces, 0.5)


def test_spans_are_written_only_where_they_change_and_not_of_unfinished_scores(both):
    faces, videos = both
    spans.refresh(faces, "det")
    before = videos.values("det_spans.detections.id")
    of_first = faces.match({"video_id": videos.first().video_id}).values("id")
    faces.set_values("det_p_fake", dict.fromkeys(of_first, 0.9), key_field="id")
    spans.refresh(faces, "det")
    videos.reload()
    now = videos.values("det_spans.detections.id")
    changed = [old != new for old, new in zip(before, now, strict=True)]
    assert changed == [True, *[False] * (len(videos) - 1)]
    score_state.mark(faces, "det", score_state.WRITING)
    assert spans.refresh(faces, "det") == 0


def test_faces_without_videos_have_nothing_to_write_on(faces_of):
    assert spans.refresh(faces_of(20).dataset, "det") == 0
