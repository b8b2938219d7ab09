"""Reads the items of an evaluation: stored scores of faces and of videos, by columns.

Videos without any face are read from the video dataset, so that they stay in the counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...detector.audit.units import Units, at_level
from ...detector.metrics import ranks
from ...detector.records import LABELS
from . import fields, views
from .face_table import belonging, face_table, faceless, kinds_in, kinds_of, require_labels
from .seen_material import marked
from .video_scores import compute_video_scores

ALL = "all"
LEVELS = ("face", "video")


@dataclass(frozen=True)
class Part:
    """One row of a table: its items and their names; ``all`` means not narrowed."""

    source_dataset: str
    method: str
    compression: str
    split: str
    chosen: np.ndarray


def items_of(view: Any, key: str, level: str) -> Units:
    """Return faces or videos of ``view`` with a ground truth and the scores of detector ``key``.

    Raises:
        ForensicsError: empty view, nothing has a ground truth, or ``key`` has not scored this
            dataset
    """
    views.require_samples(view, "faces")
    return face_items(view, key) if level == "face" else video_items(view, key)


def unlabelled(view: Any) -> str:
    """Say how many faces of ``view`` have no ground truth; "" if all have one."""
    count = len(
        views.flat(view).match({f"{fields.GROUND_TRUTH}.label": {"$not": {"$in": list(LABELS)}}})
    )
    if not count:
        return ""
    return (
        f"{count:,} faces have no ground truth; they and their videos are not counted in any rate."
    )


def all_faces(view: Any, key: str) -> Units:
    """Return the faces of ``view``, including those without a ground truth (label -1)."""
    view = views.subjects(views.flat(view))
    return at_level(marked(views.dataset_of(view), key, face_table(view, key)), "face")


def face_items(view: Any, key: str) -> Units:
    """Return the faces of ``view`` that have a ground truth."""
    units = all_faces(view, key)
    if not (units.label >= 0).any():
        require_labels(face_table(view, key))
    return _labelled(units)


def _labelled(units: Units) -> Units:
    return units if (units.label >= 0).all() else units.take(units.label >= 0)


def video_items(view: Any, key: str) -> Units:
    """Return the videos with a ground truth behind the faces of ``view``.

    Videos of the same kind without any face are included.
    """
    units = all_videos(view, key)
    if not (units.label >= 0).any():
        require_labels(face_table(view, key))
    return _labelled(units)


def all_videos(view: Any, key: str) -> Units:
    """Return the videos as :func:`video_items`, including those without a ground truth (-1)."""
    dataset = views.dataset_of(view)
    found = marked(dataset, key, face_table(view, key))
    scores = compute_video_scores(dataset, key)  # from all faces, even those outside the view
    own = ranks.margins(found.p_fake, found.margin)
    lost = faceless(views.videos_of(dataset), set(dataset.distinct("video_id")))
    if lost is not None:
        lost = lost.take(belonging(lost, set(kinds_of(found)), kinds_in(dataset)))

    def of_faces(of_video: Mapping[str, float], own: np.ndarray) -> np.ndarray:
        known = np.array([*(of_video.get(name, np.nan) for name in found.video.values), np.nan])
        code = found.video.codes
        return np.where(code >= 0, known[code], own)  # a face without a video has its own

    found = replace(
        found,
        video_p_fake=of_faces(scores.of_video, found.p_fake),
        video_margin=None if own is None else of_faces(scores.margins, own),
        faceless=lost,
    )
    return at_level(found, "video")


def parts_of(items: Units) -> Iterator[Part]:
    """Yield everything, each dataset and method, and each compression and split if several.

    A method's part holds its fakes and all reals of the same dataset, compression and split.
    """
    source_dataset, method_of, compression_of, split_of = (
        items.texts[name].texts() for name in ("source_dataset", "method", "compression", "split")
    )
    real = items.label == 0
    yield Part(ALL, ALL, ALL, ALL, np.ones(len(items), bool))
    sources = np.unique(source_dataset)
    versions = np.unique(np.stack([compression_of, split_of], axis=1), axis=0)
    for detail in (False, True):
        for source in sources:
            here = source_dataset == source
            within = [(ALL, ALL, here)]
            if detail:
                within = [
                    (c, s, here & (compression_of == c) & (split_of == s))
                    for c, s in versions
                    if len(versions) > 1
                ]
            for compression, split, chosen in within:
                methods = np.unique(method_of[chosen & ~real])
                if chosen.any() and (detail or len(sources) > 1):
                    yield Part(str(source), ALL, str(compression), str(split), chosen)
                for method in methods:
                    part = chosen & (real | (method_of == method))
                    yield Part(str(source), str(method), str(compression), str(split), part)
