"""Computes the scores of videos and persons from those of faces, and declares a detector's fields.

No network is needed: every rule can be applied again to the stored scores.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import fiftyone as fo
import fiftyone.core.media as fomm

from ...detector.records import Reason
from . import appearance, dataset_changes, fields, score_state, stored_runs, views
from .dataset_changes import changing

RULES = (
    ("mean", "mean over the faces (the papers' rule)"),
    ("median", "median over the faces"),
    ("max", "highest face"),
    ("top_k", "mean of the 10 highest faces"),
    ("share_over", "share of faces over 0.5"),
    ("worst_person", "highest person: mean over each person's faces, then the largest"),
)
#: How each of the rules reads behind "by".
_WORDS = {
    "mean": "the mean of its scored faces",
    "median": "the median of its scored faces",
    "max": "its highest face",
    "top_k": "the mean of its 10 highest faces",
    "share_over": "the share of its faces over 0.5",
    "worst_person": "its highest person, each by the mean of the scored faces",
}

CHUNK = 10_000  # faces whose labels are in memory at a time


def declare(dataset: fo.Dataset, names: fields.ScoreFields, embeddings: bool = True) -> None:
    """Create the fields of a detector; without ``embeddings`` only those of imported scores."""
    own = (names.margin, names.angle) if embeddings else ()
    numbers = (names.p_fake, *own, names.video_p_fake, names.track_p_fake)
    wanted: dict[str, Any] = dict.fromkeys(numbers, fo.FloatField)
    wanted[names.reason] = fo.StringField
    if embeddings:
        wanted[names.embedding] = fo.VectorField
    wanted |= dict.fromkeys((names.label, names.video_label), fo.Classification)
    with changing(dataset):
        dataset_changes.declare(dataset, wanted)
        dataset.create_index(names.p_fake)
        appearance.dress(dataset)


@dataclass(frozen=True)
class VideoScores:
    """Scores of videos and persons, computed from the stored scores of all faces of a dataset.

    Attributes:
        ids, video_ids: sample id and video of every face
        of_video: score by video id; videos without a scored face are absent
        of_person: score of the person of each face, by sample id
        scored: number of scored faces by video id
        cut: number of faces that the rule uses, scored or not, by video id
        margins: by video id, numbers that videos are ordered by; empty if faces have no margins
    """

    ids: list[str]
    video_ids: list[str]
    of_video: dict[str, float]
    of_person: dict[str, float | None]
    scored: Counter[str]
    cut: Counter[str]
    margins: dict[str, float] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        """Faces without a score in videos that have one, whose score is then incomplete."""
        return sum(self.cut[v] - self.scored[v] for v in self.of_video)


def rule_of(dataset: fo.Dataset, key: str) -> str:
    """Return the rule by which videos get their scores of ``key``."""
    config = fields.scores_config(dataset, key)
    if getattr(config, "table_level", "face") != "face":
        return "max"  # every face has the score that the table gives its video
    rule = getattr(config, "rule", None)
    return rule if rule in [name for name, _ in RULES] else "mean"


def rule_words(dataset: fo.Dataset, key: str) -> str:
    """Write in words how a video gets its score of ``key``."""
    config = fields.scores_config(dataset, key)
    if getattr(config, "table_level", "face") != "face":
        return "each video by the score that the table gives it"
    return f"each video by {_WORDS[rule_of(dataset, key)]}"


def compute_video_scores(dataset: fo.Dataset, key: str, rule: str | None = None) -> VideoScores:
    """Return current scores of videos and persons from the faces' scores, whatever is stored.

    Args:
        dataset: faces dataset
        key: detector key
        rule: one of :data:`RULES`; None: :func:`rule_of`
    """
    from ...detector.scoring.aggregate import (
        WORST_PERSON,
        grouped_scores,
        video_margin,
        video_score,
        worst_person_margin,
        worst_person_score,
    )

    rule = rule or rule_of(dataset, key)
    have = dataset.get_field_schema()
    names = ["video_id", "id", fields.ScoreFields(key).p_fake]
    margin_field = fields.ScoreFields(key).margin
    names += [name for name in ("subject", "track", margin_field) if name in have]
    columns = dict(zip(names, dataset.values(names), strict=True))
    video_ids, sample_ids, p_fake = (columns[name] for name in names[:3])
    subject = columns.get("subject", [None] * len(sample_ids))
    track = columns.get("track", [None] * len(sample_ids))
    margins = _margins(p_fake, columns.get(margin_field))
    faces: dict[str, list[float]] = defaultdict(list)
    tracks: dict[str, list[int]] = defaultdict(list)
    face_margins: dict[str, list[float]] = defaultdict(list)
    cut: Counter[str] = Counter()
    rows = zip(video_ids, p_fake, subject, track, margins, strict=True)
    for video_id, score, is_subject, person, margin in rows:
        if rule != WORST_PERSON and is_subject is False:
            continue
        cut[video_id] += 1
        if score is not None:
            faces[video_id].append(score)
            tracks[video_id].append(person or 0)
            if margin is not None:
                face_margins[video_id].append(margin)

    def of_videos(values_of: dict[str, list[float]], one: Any, worst: Any) -> dict[str, float]:
        found = {
            video_id: worst(values, tracks[video_id]) if rule == WORST_PERSON else one(values, rule)
            for video_id, values in values_of.items()
        }
        return {video_id: value for video_id, value in found.items() if value is not None}

    scores = of_videos(faces, video_score, worst_person_score)
    margins_of = of_videos(face_margins, video_margin, worst_person_margin)
    persons = grouped_scores(
        [float("nan") if p is None else p for p in p_fake],
        [(v, t or 0) for v, t in zip(video_ids, track, strict=True)],
        "mean" if rule == WORST_PERSON else rule,
    )
    of_person = {
        i: persons[v, t or 0] for i, v, t in zip(sample_ids, video_ids, track, strict=True)
    }
    scored = Counter({video_id: len(values) for video_id, values in faces.items()})
    return VideoScores(sample_ids, video_ids, scores, of_person, scored, cut, margins_of)


def _margins(p_fake: list[float | None], margin: list[float | None] | None) -> list[float | None]:
    """Return what each face is ordered by, None if it has no score or faces have no margins."""
    from ...detector.audit.columns import numbers
    from ...detector.metrics import ranks

    if margin is None:
        return [None] * len(p_fake)
    found = ranks.margins(numbers(p_fake), numbers(margin))
    if found is None:
        return [None] * len(p_fake)
    return [None if value != value else value for value in found.tolist()]


def refresh_video_scores(dataset: fo.Dataset, key: str) -> int:
    """Write the scores of videos and persons again if the stored ones are out of date.

    They are out of date after faces were deleted, added or scored by other means.

    Returns:
        number of faces without a score in videos that have one
    """
    field = fields.ScoreFields(key).video_p_fake
    if not dataset.has_field(field):
        return 0
    now = compute_video_scores(dataset, key)
    stored = dict(zip(*dataset.values(["id", field]), strict=True))
    fresh = all(
        stored[i] == now.of_video.get(v) for i, v in zip(now.ids, now.video_ids, strict=True)
    )
    videos = views.videos_of(dataset)
    if fresh and videos is not None and videos.has_field(fields.ScoreFields(key).p_fake):
        names = [fields.here(videos, "video_id"), fields.ScoreFields(key).p_fake]
        fresh = all(s == now.of_video.get(v) for v, s in zip(*videos.values(names), strict=True))
    if not fresh:
        write_video_scores(dataset, key, rule_of(dataset, key), now)
    return now.waiting


def write_video_scores(
    dataset: fo.Dataset, key: str, rule: str, found: VideoScores | None = None
) -> int:
    """Compute each video's and person's score from its stored face scores, and write them.

    A video without a scored face gets a reason instead of a score. The score of a person (track) is
    computed by ``rule`` over its faces, with ``worst_person`` by their mean.

    Args:
        dataset: faces dataset
        key: detector key
        rule: one of :data:`RULES`
        found: scores that are computed already

    Until all are written, the scores of ``key`` are marked as unfinished, see :mod:`.score_state`.

    Returns:
        number of videos with a score

    Raises:
        ForensicsError: another process has been writing them for a long time, or the dataset was
            deleted
    """
    with dataset_changes.alone(dataset, f"video scores of {key}"):
        score_state.mark(dataset, key, score_state.VIDEO_SCORES)
        count = _write(dataset, key, rule, found or compute_video_scores(dataset, key, rule))
        dataset_changes.require_there(dataset)
        done = {score_state.MARK: "", **_rule(dataset, key, rule)}
        stored_runs.change(dataset, fields.ScoreFields(key).run, **done)
        return count


def _write(dataset: fo.Dataset, key: str, rule: str, found: VideoScores) -> int:
    names, at = fields.ScoreFields(key), fields.called_at(dataset, key)
    scores, sample_ids, video_ids = found.of_video, found.ids, found.video_ids
    views.set_by_id(dataset, names.track_p_fake, found.of_person)
    for start in range(0, len(sample_ids), CHUNK):  # labels are large, so never all at once
        part = slice(start, start + CHUNK)
        # None is written too: a score of an earlier rule or checkpoint must not stay.
        on_faces = {
            i: scores.get(v) for i, v in zip(sample_ids[part], video_ids[part], strict=True)
        }
        views.set_by_id(dataset, names.video_p_fake, on_faces)
        labels = {
            i: None if score is None else fields.classification(score, threshold=at)
            for i, score in on_faces.items()
        }
        views.set_by_id(dataset, names.video_label, labels)
    videos = views.videos_of(dataset)
    if videos is not None and fields.describe(videos).get("kind", "videos") == "videos":
        _write_on_videos(videos, dataset, names, rule, found)
    return len(scores)


def _rule(dataset: fo.Dataset, key: str, rule: str) -> dict[str, str]:
    """Return the rule of the video scores, for the provenance; a table of videos has its own."""
    config = fields.scores_config(dataset, key)
    if config is None:
        return {}
    return {"rule": rule} if getattr(config, "table_level", "face") == "face" else {}


def _write_on_videos(
    videos: fo.Dataset,
    dataset: fo.Dataset,
    names: fields.ScoreFields,
    rule: str,
    found: VideoScores,
) -> None:
    wanted: dict[str, Any] = dict.fromkeys((names.p_fake, names.coverage), fo.FloatField)
    wanted |= {names.reason: fo.StringField, names.label: fo.Classification}
    dataset_changes.declare(videos, wanted)
    _name_maker(videos, dataset, names, rule, score_state.VIDEO_SCORES)
    at = fields.called_at(dataset, names.key)
    asked = ("video_id", fields.REASON, fields.COVERAGE)
    asked = ["id", *(fields.here(videos, name) for name in asked)]
    rows = zip(*views.taken(videos).values(asked), strict=True)
    columns: dict[str, dict[str, Any]] = defaultdict(dict)
    for sample_id, video_id, reason, coverage in rows:
        score, cut = found.of_video.get(video_id), found.cut[video_id]
        if videos.media_type == fomm.VIDEO:  # a picture is there or not
            usable = coverage if coverage is not None else 0.0
            share = usable * found.scored[video_id] / cut if cut else 0.0
            columns[names.coverage][sample_id] = share
        columns[names.p_fake][sample_id] = score
        label = None if score is None else fields.classification(score, threshold=at)
        columns[names.label][sample_id] = label
        lost = None if score is not None else reason or Reason.NOT_SCORED.value
        columns[names.reason][sample_id] = lost
    for name, values in columns.items():
        views.set_by_id(videos, name, values)
    now = fields.describe(dataset).get(appearance.CURRENT)
    fields.set_description(videos, **{appearance.CURRENT: now})
    appearance.dress(videos)
    _name_maker(videos, dataset, names, rule, "")


def _name_maker(
    videos: fo.Dataset, dataset: fo.Dataset, names: fields.ScoreFields, rule: str, mark: str
) -> None:
    """Give the videos the provenance of the faces' scores, marked as unfinished by ``mark``."""
    config = fields.scores_config(dataset, names.key)
    if config is None:
        return
    about = config.serialize()
    about = {k: v for k, v in about.items() if k not in ("cls", "type", "method")}
    about |= {**_rule(dataset, names.key, rule), score_state.MARK: mark}
    stored_runs.put(videos, names.run, method=fields.SCORES_METHOD, **about)
