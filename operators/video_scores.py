"""The fields of a detector, and the scores of persons and videos from those of faces.

No network is needed: every rule can be applied again to the stored scores.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import fiftyone as fo
import fiftyone.core.media as fomm

from ..detector.records import Reason
from . import (
    appearance,
    dataset_changes,
    fields,
    lease,
    score_state,
    stored_runs,
    views,
)
from .dataset_changes import changing

RULES = (
    ("mean", "mean over the faces (the papers' rule)"),
    ("median", "median over the faces"),
    ("max", "highest face"),
    ("top_k", "mean of the 10 highest faces"),
    ("share_over", "share of faces over 0.5"),
    ("worst_person", "highest person: mean over each person's faces, then the largest"),
)


CHUNK = 10_000  # faces whose labels are in memory at a time


def declare(dataset: fo.Dataset, names: fields.ScoreFields, embeddings: bool = True) -> None:
    """Create the fields of a detector; without ``embeddings`` those of imported scores only."""
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


def write_video_scores(dataset: fo.Dataset, key: str, rule: str) -> int:
    """Compute each video's and person's score from its stored face scores, and write them.

    Needs no network. A video without a scored face gets no score but a reason. The score of a
    person (track) is by ``rule`` over its faces, under ``worst_person`` by their mean.

    Until all are written, the scores of ``key`` are marked as unfinished, see :mod:`.score_state`.

    Returns:
        number of videos with a score

    Raises:
        ForensicsError: another process writes them too and has not ended for a long time, or the
            dataset was deleted
    """
    work = f"video scores of {key}"
    with lease.held(f"dataset {dataset._doc.id}", work, dataset_changes.WAIT_SECONDS):
        score_state.mark(dataset, key, score_state.VIDEO_SCORES)
        count = _write(dataset, key, rule)
        dataset_changes.require_there(dataset)
        done = {score_state.MARK: "", **_rule(dataset, key, rule)}
        stored_runs.change(dataset, fields.ScoreFields(key).run, **done)
        return count


def _write(dataset: fo.Dataset, key: str, rule: str) -> int:
    from ..detector.aggregate import WORST_PERSON, grouped_scores, video_score, worst_person_score

    names = fields.ScoreFields(key)
    video_ids, sample_ids, p_fake, subject, track = dataset.values(
        ["video_id", "id", names.p_fake, "subject", "track"]
    )
    per_face = "mean" if rule == WORST_PERSON else rule
    faces: dict[str, list[float]] = defaultdict(list)
    tracks: dict[str, list[int]] = defaultdict(list)
    cut: Counter[str] = Counter()  # faces that the rule asks for, scored or not
    rows = zip(video_ids, p_fake, subject, track, strict=True)
    for video_id, score, is_subject, person in rows:
        if rule != WORST_PERSON and is_subject is False:
            continue
        cut[video_id] += 1
        if score is not None:
            faces[video_id].append(score)
            tracks[video_id].append(person or 0)
    scores = {}
    for video_id, values in faces.items():
        if rule == WORST_PERSON:
            found = worst_person_score(values, tracks[video_id])
        else:
            found = video_score(values, rule)
        if found is not None:
            scores[video_id] = found
    persons = grouped_scores(
        [float("nan") if p is None else p for p in p_fake],
        [(v, t or 0) for v, t in zip(video_ids, track, strict=True)],
        per_face,
    )
    of_person = {
        i: persons[v, t or 0] for i, v, t in zip(sample_ids, video_ids, track, strict=True)
    }
    views.set_by_id(dataset, names.track_p_fake, of_person)
    for start in range(0, len(sample_ids), CHUNK):  # a label is large: never all at once
        part = slice(start, start + CHUNK)
        # None too: a score that an earlier rule or checkpoint left must not stay
        on_faces = {
            i: scores.get(v) for i, v in zip(sample_ids[part], video_ids[part], strict=True)
        }
        views.set_by_id(dataset, names.video_p_fake, on_faces)
        labels = {
            i: None if score is None else fields.classification(score)
            for i, score in on_faces.items()
        }
        views.set_by_id(dataset, names.video_label, labels)
    videos = views.videos_of(dataset)
    if videos is not None and videos.media_type == fomm.VIDEO:
        _write_on_videos(videos, dataset, names, rule, scores, faces, cut)
    return len(scores)


def _rule(dataset: fo.Dataset, key: str, rule: str) -> dict[str, str]:
    """The rule of the video scores, for the provenance; a table of videos brings its own."""
    name = fields.ScoreFields(key).run
    if not dataset.has_run(name):
        return {}
    config = dataset.get_run_info(name).config
    return {"rule": rule} if getattr(config, "table_level", "face") == "face" else {}


def _write_on_videos(
    videos: fo.Dataset,
    dataset: fo.Dataset,
    names: fields.ScoreFields,
    rule: str,
    scores: dict[str, float],
    faces: dict[str, list[float]],
    cut: Counter[str],
) -> None:
    wanted: dict[str, Any] = dict.fromkeys((names.p_fake, names.coverage), fo.FloatField)
    wanted |= {names.reason: fo.StringField, names.label: fo.Classification}
    dataset_changes.declare(videos, wanted)
    _name_maker(videos, dataset, names, rule, score_state.VIDEO_SCORES)
    rows = zip(*videos.values(["id", "video_id", fields.REASON, fields.COVERAGE]), strict=True)
    columns: dict[str, dict[str, Any]] = defaultdict(dict)
    for sample_id, video_id, reason, coverage in rows:
        score = scores.get(video_id)
        usable = coverage if coverage is not None else 0.0
        share = usable * len(faces.get(video_id, ())) / cut[video_id] if cut[video_id] else 0.0
        columns[names.coverage][sample_id] = share
        columns[names.p_fake][sample_id] = score
        columns[names.label][sample_id] = None if score is None else fields.classification(score)
        lost = None if score is not None else reason or Reason.NOT_SCORED.value
        columns[names.reason][sample_id] = lost
    for field, values in columns.items():
        views.set_by_id(videos, field, values)
    appearance.dress(videos)
    _name_maker(videos, dataset, names, rule, "")


def _name_maker(
    videos: fo.Dataset, dataset: fo.Dataset, names: fields.ScoreFields, rule: str, mark: str
) -> None:
    """Give the videos the provenance of the faces' scores, marked as unfinished by ``mark``."""
    if not dataset.has_run(names.run):
        return
    about = dataset.get_run_info(names.run).config.serialize()
    about = {k: v for k, v in about.items() if k not in ("cls", "type", "method")}
    about |= {**_rule(dataset, names.key, rule), score_state.MARK: mark}
    stored_runs.put(videos, names.run, method="media_forensics/scores", **about)
