"""Finds which two videos stand side by side: a fake and the real that it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo

from ....detector.errors import ForensicsError
from ....detector.records import FAKE, LABELS
from ...dataset import fields
from ...dataset.face_columns import Source
from .sides import VIDEO, Side

NO_PAIR = "No pair of this video is known, so it stands alone."


@dataclass(frozen=True)
class Couple:
    """Two videos to show.

    Attributes:
        left, right: ``video_id``; ``right`` is None if there is no pair
        labels: ground truth of both
        fakes: every fake of the same real, ``left`` among them
        words: why there is no pair; "" if there is one
    """

    left: str
    right: str | None
    labels: tuple[str | None, str | None]
    fakes: Sequence[str]
    words: str


def couple_of(source: Source, video_id: str, fake: str | None = None) -> Couple:
    """Return the couple that a video belongs to.

    Args:
        source: the open dataset and its partner
        video_id: a fake, a real or a video without a label
        fake: which fake to show beside a real

    Raises:
        ForensicsError: no such video
    """
    label, real = _about(source, video_id)
    if real is None:
        fakes = _made_from(source, video_id)
        if not fakes:
            return Couple(video_id, None, (label, None), (), NO_PAIR)
        left = fake if fake in fakes else fakes[0]
        return Couple(left, video_id, (_about(source, left)[0], label), fakes, "")
    try:
        its_label, _ = _about(source, real)
    except ForensicsError:
        words = f"Its real, {real}, is not in this dataset."
        return Couple(video_id, None, (label, None), (), words)
    return Couple(video_id, real, (label, its_label), _made_from(source, real), "")


def _places(source: Source) -> list[fo.Dataset]:
    return [source.faces, *([source.videos] if source.videos is not None else [])]


def _about(source: Source, video_id: str) -> tuple[str | None, str | None]:
    """Return label and real of a video, from its faces or, if it has none, from its own sample."""
    for dataset in _places(source):
        names = [fields.here(dataset, n) for n in ("video_id", "pair_id", fields.GROUND_TRUTH)]
        if not dataset.has_field(names[0]):
            continue
        found = dataset.match({names[0]: video_id}).limit(1)
        known = [n for n in (names[1], f"{names[2]}.label") if dataset.has_field(n)]
        row: dict[str, Any] = dict(zip(known, found.values(known), strict=True)) if known else {}
        if found.values("id"):
            value = {name: column[0] for name, column in row.items()}
            return value.get(f"{names[2]}.label"), value.get(names[1]) or None
    raise ForensicsError(f"There is no video {video_id!r} here.", "Open another sample.")


def _made_from(source: Source, real: str) -> list[str]:
    """Return the fakes of a real, by name."""
    found: set[str] = set()
    for dataset in _places(source):
        name, pair = fields.here(dataset, "video_id"), fields.here(dataset, "pair_id")
        if dataset.has_field(name) and dataset.has_field(pair):
            found.update(v for v in dataset.match({pair: real}).distinct(name) if v)
    return sorted(found)


def synchrony(left: Side, right: Side | None) -> tuple[str, str]:
    """Return how two sides go together, ``number`` or ``time``, and that in words."""
    if right is None or not (left.frames and right.frames):
        return "number", ""
    counts = f"{left.frames:,} and {right.frames:,} frames"
    if left.kind != VIDEO or right.kind != VIDEO:
        return "number", "Shown together by frame number."
    if left.frames == right.frames:
        return "number", f"Shown together by frame number: both have {left.frames:,} frames."
    return "time", f"Shown together by time, because they have {counts}."


def side_words(label: str | None) -> str:
    """Return what a side is called."""
    if label == LABELS[FAKE]:
        return "Fake"
    return "Real" if label in LABELS else "Unlabelled"
