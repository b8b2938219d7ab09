"""Keeps stored labels at the threshold that applies: tiles show what the audit judges.

A detector's labels (``K``, ``K_video``) call fake from one threshold, which the record of its
scores names (:func:`operators.dataset.fields.called_at`). Whoever writes scores calls by it;
:func:`follow` moves it, with all labels, to the threshold of every screen once that has changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fiftyone as fo

from ..dataset import fields, stored_runs, views
from ..dataset.dataset_changes import changing, declare
from .stored_thresholds import stored_of


def follow(faces: fo.Dataset, key: str) -> float:
    """Call the faces and videos of ``key`` by the threshold that applies now, and return it.

    The labels are written before the record, so that a run that was killed is completed by the next
    call. Evaluations keep the labels that they judged, in a field of their own.
    """
    now, before = stored_of(faces, key).for_one.value, fields.called_at(faces, key)
    names = fields.ScoreFields(key)
    if now == before or fields.scores_config(faces, key) is None:
        return before
    for level, p_fake, label in judged_fields(names):
        _keep_evaluated(faces, f"eval_{key}_{level}", p_fake, label, before)
        _call_again(faces, p_fake, label, now)
    videos = views.videos_of(faces)
    if videos is not None and fields.scores_config(videos, key) is not None:
        _call_again(videos, names.p_fake, names.label, now)
        stored_runs.change(videos, names.run, **{fields.CALLED_AT: now})
    stored_runs.change(faces, names.run, **{fields.CALLED_AT: now})
    return now


def judged_fields(names: fields.ScoreFields) -> Iterator[tuple[str, str, str]]:
    """Yield (level, field of p_fake, field of the label) on faces, for faces and videos."""
    yield "faces", names.p_fake, names.label
    yield "videos", names.video_p_fake, names.video_label


def decide(view: Any, p_fake: str, label: str, threshold: float) -> str:
    """Write the labels at ``threshold`` to a field of their own and return its name."""
    field = f"{label}_decision"
    dataset = views.dataset_of(view)
    declare(dataset, {field: fo.Classification})
    rows = zip(*view.values(["id", p_fake]), strict=True)
    decided = {
        i: None if score is None else fields.classification(score, threshold=threshold)
        for i, score in rows
    }
    views.set_by_id(dataset, field, decided)
    return field


def _call_again(dataset: fo.Dataset, p_fake: str, label: str, threshold: float) -> None:
    """Change the stored labels that another threshold has called otherwise."""
    if not dataset.has_field(label) or not dataset.has_field(p_fake):
        return
    rows = zip(*dataset.values(["id", p_fake, f"{label}.label"]), strict=True)
    changed = {}
    for sample_id, score, stored in rows:
        if score is None or stored is None:
            continue
        name, confidence = fields.call(score, threshold)
        if name != stored:
            changed[sample_id] = {f"{label}.label": name, f"{label}.confidence": confidence}
    views.set_many_by_id(dataset, changed)


def _keep_evaluated(faces: fo.Dataset, name: str, p_fake: str, label: str, at: float) -> None:
    """Let FiftyOne's evaluation ``name`` keep the labels that it judged, before they change."""
    from fiftyone.core.evaluation import EvaluationMethod

    if not faces.has_evaluation(name):
        return
    config = faces.get_evaluation_info(name).config
    if config.pred_field != label:
        return
    config.pred_field = decide(faces, p_fake, label, at)
    with changing(faces):
        EvaluationMethod.update_run_config(faces, name, config)
        faces._evaluation_cache.pop(name, None)  # results that this process has loaded
