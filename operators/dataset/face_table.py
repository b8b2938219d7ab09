"""Reads the stored scores of faces as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import fields
from .views import _label, dataset_of, flat, require_fields, require_samples, subjects

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class FaceScores:
    """Columns of the faces that a detector has scored, and the counts that it has not.

    Attributes:
        ids: sample ids (N,)
        video_id: (N,) strings; group_id, source_dataset, method, compression, split likewise
        label: (N,) int, 0 real, 1 fake
        p_fake: (N,) float, NaN where the face has no score
    """

    ids: np.ndarray
    video_id: np.ndarray
    group_id: np.ndarray
    source_dataset: np.ndarray
    method: np.ndarray
    compression: np.ndarray
    split: np.ndarray
    label: np.ndarray
    p_fake: np.ndarray
    pair_id: np.ndarray
    frame_number: np.ndarray
    track: np.ndarray


def face_scores(samples: Any, key: str) -> FaceScores:
    """The stored scores of detector ``key`` on ``samples``, by columns.

    Raises:
        ForensicsError: empty view, ``key`` has not scored this dataset, or its scores are of
            embeddings or labels that are not there any more
    """
    import numpy as np

    from .made_from import require_current_scores

    view = flat(samples)
    names = fields.ScoreFields(key)
    require_fields(view, [names.p_fake], "Score faces")
    require_current_scores(dataset_of(view), key)
    view = subjects(view)
    require_samples(view, "faces")
    plain = ("video_id", "group_id", "source_dataset", "method", "compression", "split", "pair_id")
    got = view.values(
        ["id", f"{fields.GROUND_TRUTH}.label", names.p_fake, "frame_number", "track", *plain]
    )
    text = {n: np.array([v or "" for v in col]) for n, col in zip(plain, got[5:], strict=True)}
    label = np.array([_label(v, i) for v, i in zip(got[1], got[0], strict=True)], dtype=np.int64)
    p_fake = np.array([np.nan if v is None else v for v in got[2]], dtype=np.float64)
    number = np.array([-1 if v is None else v for v in got[3]], dtype=np.int64)
    track = np.array([0 if v is None else v for v in got[4]], dtype=np.int64)
    return FaceScores(
        ids=np.array(got[0]), label=label, p_fake=p_fake, frame_number=number, track=track, **text
    )
