"""Scores of a batch and of a video are the same columns, cut and joined row by row."""

from __future__ import annotations

import numpy as np
from media_forensics.detector.records import Reason
from media_forensics.detector.runners.score_parts import ScoredVideo
from media_forensics.detector.scoring.crop_scores import ScoreBatch
from media_forensics.detector.scoring.scores import joined, without_scores


def batch(start: int, count: int) -> ScoreBatch:
    row = np.arange(start, start + count, dtype=np.float32)
    columns = (row, np.stack([row, -row], 1), row + 1, row + 2, np.tile(row[:, None], 4))
    reasons = tuple(Reason.TOO_SMALL if i % 2 else None for i in range(start, start + count))
    return ScoreBatch(*columns, reasons, indices=tuple(range(start, start + count)))


def test_rows_are_cut_from_every_column():
    cut = batch(0, 6).rows(np.array([5, 2]))
    assert len(cut) == 2 and cut.indices == (5, 2) and cut.p_fake.tolist() == [5, 2]
    assert cut.logits.tolist() == [[5, -5], [2, -2]] and cut.margin.tolist() == [6, 3]
    assert cut.angle.tolist() == [7, 4] and cut.embeddings.shape == (2, 4)
    assert cut.reasons == (Reason.TOO_SMALL, None)
    frame = np.arange(6)
    video = ScoredVideo(
        **batch(0, 6).columns(), video_id="v", source_sha256="s", frame=frame, face=frame + 10
    ).rows(np.array([4]))
    assert (video.video_id, video.frame.tolist(), video.face.tolist()) == ("v", [4], [14])
    assert video.p_fake.tolist() == [4] and video.reasons == (None,)


def test_parts_are_joined_in_their_order():
    whole, parts = batch(0, 7), joined([batch(0, 3), batch(3, 4)], 4)
    for name, column in parts.columns().items():
        assert np.array_equal(column, getattr(whole, name)), name
    nothing = joined([], 4)
    assert len(nothing) == 0 and nothing.embeddings.shape == (0, 4) and nothing.reasons == ()


def test_what_has_no_score_has_nan_and_its_reason():
    found = without_scores((Reason.WORKER_DIED, None), 3)
    for name, shape in (("p_fake", (2,)), ("logits", (2, 2)), ("embeddings", (2, 3))):
        column = getattr(found, name)
        assert column.shape == shape and column.dtype == np.float32 and np.isnan(column).all()
    assert found.reasons == (Reason.WORKER_DIED, None)
