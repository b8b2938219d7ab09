"""Reads one video's scores by person and frame, and why a tried frame has none.

The timeline draws them, the player shows them under its pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo
import numpy as np
from fiftyone import ViewField as F

from ...detector.audit.audit_words import count
from ...detector.audit.columns import numbers
from ...detector.audit.threshold import Threshold
from ...detector.errors import ForensicsError
from ...detector.metrics import ranks
from ...detector.records import Reason
from ..dataset import face_columns, fields, score_state, seen_material, views

DRIVING = 3  # number of frames that drive the score, and get a ring


@dataclass(frozen=True)
class Person:
    """One person (track) of a video, frame by frame.

    Attributes:
        track: its number, -1 if unknown
        subject: whether it is the person that the label is of
        frames: (n,) frame numbers as the App shows them (from 1), ascending
        p_fake: (n,) scores, NaN if the face has none
        ids: (n,) sample ids
        rank: (n,) numbers that faces are ordered by, see :mod:`detector.metrics.ranks`
    """

    track: int
    subject: bool
    frames: np.ndarray
    p_fake: np.ndarray
    ids: Sequence[str]
    rank: np.ndarray


@dataclass(frozen=True)
class Timeline:
    """What is drawn of one video.

    Attributes:
        video_id, label: id and ground truth of the video
        people: its persons, highest score first
        real: the faces of its paired real, None if there are none
        gaps: (frame, reason) of every tried frame without a score
        threshold: p_fake from which a face counts as fake
        score: score of the video, None without one
        seen: how the detector knows the video (trained on, ...), or ""
        pair_id: ``video_id`` of its real, None if it has none
    """

    video_id: str
    label: str | None
    people: tuple[Person, ...]
    real: Person | None
    gaps: tuple[tuple[int, str], ...]
    threshold: Threshold
    score: float | None
    seen: str = ""
    pair_id: str | None = None


def driving(timeline: Timeline) -> list[tuple[int, float, str]]:
    """Return (frame, p_fake, sample id) of the highest-scoring frames of all persons."""
    rows = [
        (-float(rank), int(frame), float(score), sample_id)
        for person in timeline.people
        for frame, score, sample_id, rank in zip(
            person.frames, person.p_fake, person.ids, person.rank, strict=True
        )
        if not np.isnan(score)
    ]
    return [row[1:] for row in sorted(rows)[:DRIVING]]


def sentence(timeline: Timeline) -> str:
    """Describe the video: truth, score, persons, frames over the threshold, gaps by reason."""
    parts = [f"Truth: {timeline.label or 'not known'}."]
    if timeline.seen:
        parts.append(f"The detector was {timeline.seen} this video or its group.")
    if timeline.score is None:
        parts.append("The video has no score.")
    else:
        called = "called fake" if timeline.score >= timeline.threshold.value else "called real"
        parts.append(f"Video score {timeline.score:.3f}: {called}.")
    for person in timeline.people:
        scores = person.p_fake[~np.isnan(person.p_fake)]
        who = f"Person {person.track}" if person.track >= 0 else "The person"
        if not scores.size:
            parts.append(f"{who}: no face scored.")
            continue
        over = int((scores >= timeline.threshold.value).sum())
        parts.append(
            f"{who}: mean {scores.mean():.3f}, {over} of {count(scores.size, 'face')} over the "
            f"threshold."
        )
    if timeline.real is not None:
        scores = timeline.real.p_fake[~np.isnan(timeline.real.p_fake)]
        if scores.size:
            parts.append(f"Its real: mean {scores.mean():.3f}.")
    if timeline.gaps:
        reasons: dict[str, int] = {}
        for _, reason in timeline.gaps:
            reasons[reason] = reasons.get(reason, 0) + 1
        listed = ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items()))
        parts.append(f"{count(len(timeline.gaps), 'tried frame')} without a score ({listed}).")
    return " ".join(parts)


def timeline_of(
    source: face_columns.Source, video_id: str, key: str, threshold: Threshold
) -> Timeline:
    """Return everything about ``video_id`` that the panel draws.

    Raises:
        ForensicsError: if the video has neither faces nor tried frames
    """
    names = fields.ScoreFields(key)
    people, label, pair_id, score = _people(source.faces, video_id, names)
    gaps = dict(_tried(source, video_id))
    for person in people:
        scored = set(person.frames[~np.isnan(person.p_fake)].tolist())
        gaps = {frame: reason for frame, reason in gaps.items() if frame not in scored}
    gaps |= _unscored(source.faces, video_id, names, people)
    if not people and not gaps:
        raise ForensicsError(
            f"{video_id!r} has no faces and no tried frames.", "Run 'Extract faces' first."
        )
    real = None
    if pair_id:
        found, *_ = _people(source.faces, pair_id, names)
        real = next((p for p in found if p.subject), found[0]) if found else None
    return Timeline(
        video_id=video_id,
        label=label,
        people=tuple(people),
        real=real,
        gaps=tuple(sorted(gaps.items())),
        threshold=threshold,
        score=score,
        seen=_seen(source.faces, key, video_id),
        pair_id=pair_id,
    )


def _seen(faces: fo.Dataset, key: str, video_id: str) -> str:
    """Return how the detector knows a video (trained, validated, calibrated), or "" if not."""
    found = seen_material.seen_by(faces, key)
    own = seen_material.fitted_on(views.match_in(faces, "video_id", [video_id]))
    return next((kind for kind, part in found.parts.items() if part.shared(own)), "")


def _columns(faces: fo.Dataset, video_id: str, paths: dict[str, str]) -> dict[str, list[Any]]:
    """Return columns of the faces of a video; a field that does not exist is a column of None."""
    score_paths = [paths[name] for name in ("p_fake", "video") if name in paths]
    score_state.require_fields_whole(faces, score_paths)
    view = faces.match(F("video_id") == video_id)
    have = {name: path for name, path in paths.items() if faces.has_field(path.split(".")[0])}
    found = dict(zip(have, view.values(list(have.values())), strict=True))
    empty = [None] * len(found["id"])
    return {name: found.get(name, empty) for name in paths}


def _people(
    faces: fo.Dataset, video_id: str, names: fields.ScoreFields
) -> tuple[list[Person], str | None, str | None, float | None]:
    """Return the persons, highest mean first, and label, pair and score of the video."""
    got = _columns(
        faces,
        video_id,
        {
            "id": "id",
            "frame": "frame_number",
            "track": "track",
            "subject": "subject",
            "p_fake": names.p_fake,
            "margin": names.margin,
            "label": f"{fields.GROUND_TRUTH}.label",
            "pair": "pair_id",
            "video": names.video_p_fake,
        },
    )
    if not got["id"]:
        return [], None, None, None
    frame = np.array([0 if v is None else v for v in got["frame"]], np.int64)
    track = np.array([-1 if v is None else v for v in got["track"]], np.int64)
    score = np.array([np.nan if v is None else v for v in got["p_fake"]], np.float64)
    margin = ranks.margins(score, numbers(got["margin"]))
    people, means = [], {}
    for number in np.unique(track):
        rows = np.flatnonzero(track == number)
        rows = rows[np.argsort(frame[rows], kind="stable")]
        people.append(
            Person(
                track=int(number),
                subject=any(got["subject"][i] is not False for i in rows),
                frames=frame[rows],
                p_fake=score[rows],
                ids=[got["id"][i] for i in rows],
                rank=score[rows] if margin is None else margin[rows],
            )
        )
        means[int(number)] = _mean(score[rows], None if margin is None else margin[rows])
    people.sort(key=lambda person: (-means[person.track], person.track))
    video = next((v for v in got["video"] if v is not None), None)
    if video is None and not np.isnan(score).all():
        video = float(np.nanmean(score))
    return people, got["label"][0], got["pair"][0], video


def _mean(p_fake: np.ndarray, margin: np.ndarray | None) -> float:
    """Return the mean that persons are ordered by; the lowest number if no face has a score."""
    there = ~np.isnan(p_fake)
    if not there.any():
        return -np.inf
    return float(p_fake[there].mean()) if margin is None else ranks.mean(margin[there])


def _unscored(
    faces: fo.Dataset, video_id: str, names: fields.ScoreFields, people: list[Person]
) -> dict[int, str]:
    """Return frames in which no face has a score, with the reason of the first face."""
    paths = {"id": "id", "frame": "frame_number", "score": names.reason, "cut": fields.REASON}
    got = _columns(faces, video_id, paths)
    why = {
        i: a or b or Reason.NOT_SCORED.value
        for i, a, b in zip(got["id"], got["score"], got["cut"], strict=True)
    }
    scored = {int(f) for p in people for f, s in zip(p.frames, p.p_fake, strict=True) if s == s}
    return {
        int(frame): why[sample_id]
        for person in people
        for frame, sample_id in zip(person.frames, person.ids, strict=True)
        if int(frame) not in scored
    }


def _tried(source: face_columns.Source, video_id: str) -> dict[int, str]:
    """Return every tried frame of the video, with the reason why it gave no face."""
    videos = source.videos
    if videos is None:
        return {}
    faces = fields.here(videos, fields.FACES)
    if faces not in (videos.get_frame_field_schema() or {}):
        return {}
    view = videos.match(F(fields.here(videos, "video_id")) == video_id)
    numbers, reasons = view.values(["frames.frame_number", f"frames.{faces}.detections.reason"])
    if not numbers or not numbers[0]:
        return {}
    return {
        number: next((r for r in found or () if r), Reason.NO_FACE.value)
        for number, found in zip(numbers[0], reasons[0] or [None] * len(numbers[0]), strict=True)
    }
