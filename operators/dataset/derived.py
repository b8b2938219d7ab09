"""Every kind of number that is made from a detector's scores, and what of it is out of date.

A number that is kept names what it was made from in a custom run with :data:`.made_from.FIELD`;
the kind of that run stands in :data:`CATALOGUE`, which tests hold against the code. What FiftyOne
itself shows (evaluations, maps, indexes) cannot be marked there, so it goes with the scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import fiftyone as fo

from ...detector.audit.basis import Basis
from ...detector.crops.coverage import unchecked
from . import fields, made_from, saved_views, stored_runs, views
from .dataset_changes import changing
from .rebuild_cache import RebuildCache

_ANY_FACE = ("members", "labels", "scores", "kinds")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of number.

    Attributes:
        title: for people
        made_by: the operator that makes it
        level: ``video`` where it depends on scores of videos, else ``face``
        ignoring: ingredients that it does not depend on
    """

    title: str
    made_by: str
    level: str = "video"
    ignoring: tuple[str, ...] = ()


#: By the last part of the custom run's method.
CATALOGUE = {
    "calibration": Kind("calibration", "Calibrate threshold", ignoring=("kinds",)),
    "evaluation": Kind("evaluation", "Evaluate detector"),
    "queue": Kind("queue", "Find hard examples", "face"),
    "map": Kind("map", "Map embeddings", "face", ("labels", "kinds")),
    "heatmaps": Kind("heatmaps", "Explain faces", "face", _ANY_FACE),
    "robustness": Kind("robustness table", "Probe robustness", "face"),
    "comparison": Kind("comparison", "Compare runs"),
}
PREFIX = "media_forensics/"
_UNCHECKED = RebuildCache(16)
_VIDEO_FILE = r"\.(mp4|mov|mkv|avi|webm|m4v|mpe?g|wmv|flv|3gp|m?ts|m2ts|mxf|ogv)$"


def note(
    samples: Any, key: str, kind: str, what: str = "", basis: Basis | None = None, **about: Any
) -> str:
    """Keep what a number of ``kind`` is made from: the faces of ``samples`` as they are now.

    Args:
        samples: faces dataset or view
        key: detector key
        kind: of :data:`CATALOGUE`
        what: which one, where there are several
        basis: taken before the scores were read; by default that of now
        about: more for the config of the run

    Returns:
        name of the custom run
    """
    view = views.flat(samples)
    level = CATALOGUE[kind].level
    name = "_".join(filter(None, (kind, key, what)))
    basis = basis or made_from.basis_of(view, key, level)
    about |= {"key": key, "level": level, "what": what, made_from.FIELD: basis.to_json()}
    stored_runs.put(view, name, method=PREFIX + kind, **about)
    return name


@dataclass(frozen=True, slots=True)
class Stale:
    """A number that does not stand any more.

    Attributes:
        run: custom run that keeps it
        kind, what: of :data:`CATALOGUE`, and which one of that kind
        title: for people
        why: what has changed
        made_by: the operator that makes it again
    """

    run: str
    kind: str
    what: str
    title: str
    why: str
    made_by: str


def stale_numbers(dataset: fo.Dataset, key: str) -> list[Stale]:
    """What has been made from scores of ``key`` and does not stand any more."""
    found = []
    for name in dataset.list_runs():
        config = dataset.get_run_info(name).config
        kind = str(getattr(config, "method", "") or "").removeprefix(PREFIX)
        if kind not in CATALOGUE or getattr(config, "key", None) != key:
            continue
        why = made_from.why_stale(dataset, name, CATALOGUE[kind].ignoring)
        if why:
            what = getattr(config, "what", None) or ""
            title = f"{CATALOGUE[kind].title} {what.replace('_', ' ')}".strip()
            found.append(Stale(name, kind, what, title, why, CATALOGUE[kind].made_by))
    return sorted(found, key=lambda stale: stale.title)


def words(dataset: fo.Dataset, key: str) -> str:
    """What is out of date and what was never checked, in sentences; "" where nothing is."""
    old = _UNCHECKED.get((str(dataset._doc.id), made_from.state(dataset)), lambda: _old(dataset))
    return " ".join(filter(None, (_out_of_date(dataset, key), unchecked(old) if old else "")))


def _old(dataset: fo.Dataset) -> int:
    """Videos whose crops are of version 0.3, which noticed little damage: theirs have no hash."""
    if not dataset.has_field("recipe") or not dataset.has_field("video_path"):
        return 0
    files = {"$regex": _VIDEO_FILE, "$options": "i"}  # pictures and folders have no such damage
    old = {"recipe": {"$gt": ""}, fields.CROP_SHA256: None, "video_path": files}
    stages = [{"$match": old}, {"$group": {"_id": "$video_id"}}, {"$count": "videos"}]
    return next((row["videos"] for row in dataset._aggregate(pipeline=stages)), 0)


def _out_of_date(dataset: fo.Dataset, key: str) -> str:
    found = stale_numbers(dataset, key)
    if not found:
        return ""
    each = "; ".join(f"{stale.title} ({stale.why})" for stale in found)
    makers = ", ".join(sorted({repr(stale.made_by) for stale in found}))
    return f"Out of date for {key}: {each}. Run {makers} again."


def drop_shown(dataset: fo.Dataset, key: str) -> None:
    """Remove what FiftyOne shows of replaced scores: evaluations, maps, indexes, saved views.

    The custom runs stay and say that they are out of date.
    """
    with changing(dataset):
        for name in (f"eval_{key}_faces", f"eval_{key}_videos"):
            if dataset.has_evaluation(name):
                dataset.delete_evaluation(name)
        for part in ("axis", "pca", "umap", "similarity", "plane"):
            if dataset.has_brain_run(f"{key}_{part}"):
                dataset.delete_brain_run(f"{key}_{part}")
        for name in dataset.list_saved_views():
            if name.startswith((f"flips_{key}_", f"regressions_{key}_", f"repaired_{key}_")):
                saved_views.drop(dataset, name)
