"""Lists every kind of number made from a detector's scores, and finds the ones out of date.

A stored number names what it was made from in a custom run with :data:`.made_from.FIELD`. The kind
of that run is in :data:`CATALOGUE`; tests compare it with the code. What FiftyOne itself shows
(evaluations, maps, indexes) cannot be marked as out of date, so it is deleted with the scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import fiftyone as fo

from ...detector.audit.basis import Basis
from ...detector.crops.coverage import unchecked
from . import fields, made_from, run_names, saved_views, stored_runs, views
from .dataset_changes import changing
from .rebuild_cache import RebuildCache

_ANY_FACE = ("members", "labels", "scores", "kinds")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of number.

    Attributes:
        title: name for the user
        made_by: the operator that makes it
        level: ``video`` if it depends on scores of videos, else ``face``
        ignoring: ingredients that it does not depend on
    """

    title: str
    made_by: str
    level: str = "video"
    ignoring: tuple[str, ...] = ()


#: Kinds by the last part of the custom run's method.
CATALOGUE = {
    "calibration": Kind("calibration", "Calibrate threshold", ignoring=("kinds",)),
    "evaluation": Kind("evaluation", "Evaluate detector"),
    "queue": Kind("queue", "Find hard examples", "face"),
    "map": Kind("map", "Map embeddings", "face", ("labels", "kinds")),
    "heatmaps": Kind("heatmaps", "Explain faces", "face", _ANY_FACE),
    "robustness": Kind("robustness table", "Probe robustness", "face"),
    "comparison": Kind("comparison", "Compare runs"),
}
_UNCHECKED = RebuildCache(16)
_VIDEO_FILE = r"\.(mp4|mov|mkv|avi|webm|m4v|mpe?g|wmv|flv|3gp|m?ts|m2ts|mxf|ogv)$"


def note(
    samples: Any, key: str, kind: str, what: str = "", basis: Basis | None = None, **about: Any
) -> str:
    """Store what a number of ``kind`` is made from: the current faces of ``samples``.

    Args:
        samples: faces dataset or view
        key: detector key
        kind: key of :data:`CATALOGUE`
        what: which number of this kind, if there are several
        basis: basis taken before the scores were read; None: the current one
        about: further values for the config of the run

    Returns:
        name of the custom run
    """
    view = views.flat(samples)
    level = CATALOGUE[kind].level
    name = "_".join(filter(None, (kind, key, what)))
    basis = basis or made_from.basis_of(view, key, level)
    about |= {"key": key, "level": level, "what": what, made_from.FIELD: basis.to_json()}
    stored_runs.put(view, name, method=run_names.OURS + kind, **about)
    return name


def why_stale(dataset: fo.Dataset, key: str, kind: str, what: str = "") -> str | None:
    """Return why the number that :func:`note` stored is out of date, or None if it is valid."""
    name = "_".join(filter(None, (kind, key, what)))
    return made_from.why_stale(dataset, name, CATALOGUE[kind].ignoring)


@dataclass(frozen=True, slots=True)
class Stale:
    """A number that is out of date.

    Attributes:
        run: custom run that stores it
        kind, what: key of :data:`CATALOGUE`, and which number of that kind
        title: name for the user
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
    """Return the numbers made from scores of ``key`` that are out of date."""
    found = []
    for name, info in stored_runs.all_ours(dataset).items():
        config, kind = info.config, info.config.method.removeprefix(run_names.OURS)
        if kind not in CATALOGUE or getattr(config, "key", None) != key:
            continue
        why = made_from.why_stale(dataset, name, CATALOGUE[kind].ignoring)
        if why:
            what = getattr(config, "what", None) or ""
            title = f"{CATALOGUE[kind].title} {what.replace('_', ' ')}".strip()
            found.append(Stale(name, kind, what, title, why, CATALOGUE[kind].made_by))
    return sorted(found, key=lambda stale: stale.title)


def words(dataset: fo.Dataset, key: str) -> str:
    """Say what is out of date and what was never checked; "" if there is nothing."""
    old = _UNCHECKED.get((str(dataset._doc.id), made_from.state(dataset)), lambda: _old(dataset))
    return " ".join(filter(None, (_out_of_date(dataset, key), unchecked(old) if old else "")))


def _old(dataset: fo.Dataset) -> int:
    """Count videos with crops of version 0.3, which noticed little damage and stored no hash."""
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
    """Delete what FiftyOne shows of replaced scores: evaluations, maps, indexes, saved views.

    The custom runs stay and report that they are out of date.
    """
    with changing(dataset):
        for name in (f"eval_{key}_faces", f"eval_{key}_videos"):
            if dataset.has_evaluation(name):
                dataset.delete_evaluation(name)
        for part in ("axis", "pca", "umap", "similarity", "plane"):
            if dataset.has_brain_run(f"{key}_{part}"):
                dataset.delete_brain_run(f"{key}_{part}")
        longer = [k for k in fields.detector_keys(dataset) if k.startswith(f"{key}_")]
        for name in dataset.list_saved_views():
            for kind in ("flips", "regressions", "repaired"):
                of_another = name.startswith(tuple(f"{kind}_{k}_" for k in longer))
                if name.startswith(f"{kind}_{key}_") and not of_another:
                    saved_views.drop(dataset, name)
