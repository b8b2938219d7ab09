"""Writes on each video the spans in which a person's scores reach the threshold.

They are FiftyOne's temporal detections, so that its player and its filters show them. The threshold
is the one of every screen (:mod:`.stored_thresholds`); each span names it. Who writes scores, or
chooses a threshold, calls :func:`refresh`; replaced scores take their spans along
(:func:`operators.dataset.derived.drop_shown`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import fiftyone as fo
import fiftyone.core.media as fomm

from ..dataset import appearance, dataset_changes, fields, score_state, views
from .stored_thresholds import stored_of

_COMPARED = ("label", "support", "confidence")
#: (number of the frame, p_fake or None) of each sampled face of a person.
_Faces = list[tuple[int, float | None]]


def refresh(faces: fo.Dataset, key: str) -> int:
    """Write the spans of detector ``key`` where they have changed; return how many there are.

    Without videos to play there is nothing to write. Scores that are being replaced have none: who
    completes them calls this again.
    """
    names = fields.ScoreFields(key)
    videos = views.videos_of(faces)
    if videos is None or videos.media_type != fomm.VIDEO or not faces.has_field(names.p_fake):
        return 0
    if key in score_state.unfinished(faces):
        return 0
    threshold = stored_of(faces, key).for_one.value
    columns = faces.values(["video_id", "track", "frame_number", names.p_fake])
    people: dict[str, dict[int, _Faces]] = defaultdict(lambda: defaultdict(list))
    for video, track, number, score in zip(*columns, strict=True):
        if number is not None:
            people[video][track or 0].append((number, score))
    dataset_changes.declare(videos, {names.spans: fo.TemporalDetections})
    asked = ["id", fields.here(videos, "video_id")]
    asked += [f"{names.spans}.detections.{part}" for part in _COMPARED]
    changed: dict[str, fo.TemporalDetections | None] = {}
    count = 0
    for sample_id, video, *there in zip(*views.taken(videos).values(asked), strict=True):
        spans = list(_spans(people.get(video, {}), threshold))
        count += len(spans)
        if [[span[part] for span in spans] for part in _COMPARED] != [part or [] for part in there]:
            changed[sample_id] = fo.TemporalDetections(detections=spans) if spans else None
    views.set_by_id(videos, names.spans, changed)
    appearance.dress(videos)
    return count


def _spans(people: Mapping[int, _Faces], threshold: float) -> Iterator[fo.TemporalDetection]:
    """Yield the spans of a video's persons, one after the other.

    A span ends at a sampled frame in which the person is below ``threshold``, without a score, or
    not seen while somebody else is.
    """
    sampled = sorted({number for faces in people.values() for number, _ in faces})
    for track, faces in sorted(people.items()):
        scores = dict(faces)
        run: list[tuple[int, float]] = []
        for number in [*sampled, None]:
            score = None if number is None else scores.get(number)
            if number is not None and score is not None and score >= threshold:
                run.append((number, score))
            elif run:
                yield _span(track, run, threshold)
                run = []


def _span(track: int, run: Sequence[tuple[int, float]], threshold: float) -> Any:
    numbers, scores = zip(*run, strict=True)
    return fo.TemporalDetection(
        label=f"person {track}: p_fake {threshold:.3g} or more",
        support=[numbers[0], numbers[-1]],
        confidence=sum(scores) / len(scores),
        highest=max(scores),
        threshold=threshold,
        sampled_frames=len(run),
    )
