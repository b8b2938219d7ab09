"""Decides whether stored numbers are still valid, by what they were made from.

A custom run that stores a number also stores its :class:`.basis.Basis` under :data:`FIELD`. Every
reader of the number calls :func:`why_stale` first; no other code decides whether a number is valid.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import fiftyone as fo
import numpy as np

from ...detector.audit.basis import Basis, digest, text_codes
from ...detector.errors import ForensicsError
from . import fields, run_names, score_state, stored_runs, views
from .face_reading import read
from .rebuild_cache import RebuildCache

FIELD = "made_from"  # entry in the config of a custom run
UNKNOWN = "its record does not say what it was made from (an older version wrote it)"
_SHARED = {
    "video": "video_id",
    "group": "group_id",
    "source": "source_dataset",
    "method": "method",
    "compression": "compression",
    "split": "split",
}
_KEPT = RebuildCache(64)


def basis_of(samples: Any, key: str, level: str = "video") -> Basis:
    """Return the current basis of a number made from the scores of ``key`` on ``samples``.

    Args:
        samples: faces dataset or view
        key: detector key
        level: ``video`` if the number depends on scores of videos, else ``face``
    """
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    schema = dataset.get_field_schema()
    names = fields.ScoreFields(key)
    shared = {name: field for name, field in _SHARED.items() if field in schema}
    if fields.GROUND_TRUTH in schema:
        shared["label"] = f"{fields.GROUND_TRUTH}.label"
    shared |= {name: name for name in ("subject", "recipe") if name in schema}
    own = {"p_fake": names.p_fake}
    own |= {"margin": names.margin} if names.margin in schema else {}
    got = read(view, shared, own)
    count = len(got.group)

    def codes(*columns: str) -> np.ndarray:
        lists = [got.shared[name] for name in columns if name in got.shared]
        if not lists:
            return np.zeros(count, np.uint64)
        return text_codes(zip(*lists, strict=True))[got.group]

    config = fields.scores_config(dataset, key)
    return Basis(
        checkpoint=getattr(config, "checkpoint_sha256", None),
        recipe=_recipes(got.shared.get("recipe"), config),
        rule=getattr(config, "rule", None) if level == "video" else None,
        faces=count,
        members=digest(got.ids),
        labels=digest(got.ids, codes("label", "subject")),
        scores=digest(got.ids, *_scores(got.own)),
        kinds=digest(got.ids, codes(*_SHARED)),
        code=code_version(),
    )


def _scores(own: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return the part of the scores that a number may depend on.

    That is p_fake, and the margins of scores that are 1 or 0, because only the margin tells these
    apart. Other scores keep the digest that they had in 0.3.
    """
    p_fake, margin = own["p_fake"], own.get("margin")
    saturated = (p_fake == 1) | (p_fake == 0)
    if margin is None or not (saturated & ~np.isnan(margin)).any():
        return [p_fake]
    return [p_fake, np.where(saturated, margin, 0.0)]


def _recipes(of_faces: list[Any] | None, config: Any) -> str | None:
    """Return the crop recipes of the faces, or the one noted with the scores if they name none."""
    found = sorted({str(recipe) for recipe in of_faces or () if recipe})
    return ", ".join(found) or getattr(config, "recipe_hash", None)


def code_version() -> str:
    """Return the plugin's version, from its manifest."""
    from .code_version import code_version as version

    return version()


def why_not(
    stored: Mapping[str, Any] | None,
    samples: Any,
    key: str,
    level: str = "video",
    ignoring: Sequence[str] = (),
) -> str | None:
    """Return why a number with the basis ``stored`` is not valid for ``samples`` now, or None.

    Args:
        stored: result of :meth:`Basis.to_json`
        samples, key, level: as for :func:`basis_of`
        ignoring: see :meth:`Basis.differences`
    """
    found = why_scores_stale(views.dataset_of(samples), key)
    if found:
        return found
    if not stored:
        return UNKNOWN
    try:
        before = Basis.from_json(stored)
    except (ForensicsError, TypeError):
        return UNKNOWN  # written by another version
    reasons = before.differences(basis_of(samples, key, level), ignoring)
    return "; ".join(reasons) or None


def why_stale(
    dataset: fo.Dataset, run: str, ignoring: Sequence[str] = (), fresh: bool = False
) -> str | None:
    """Return why the content of the custom run ``run`` is out of date, or None if it is valid.

    The faces are read again only if the dataset has changed since the last call.

    Args:
        dataset: dataset with that run; its config has ``key`` and :data:`FIELD`, and ``level`` if
            scores of videos do not matter
        run: name of the run
        ignoring: see :meth:`Basis.differences`
        fresh: always read the faces again, for numbers that are used and not only shown
    """
    info = stored_runs.any_info(dataset, run)
    if info is None:
        return UNKNOWN
    config = info.config
    about = (state(dataset), run, str(info.timestamp), tuple(ignoring))

    def look() -> str | None:
        level = getattr(config, "level", None) or "video"
        stored = getattr(config, FIELD, None)
        view = _view_of(dataset, run)
        return (
            "its view cannot be opened"
            if view is None
            else why_not(stored, view, config.key, level, ignoring)
        )

    return look() if fresh else _KEPT.get(about, look)


def _view_of(dataset: fo.Dataset, run: str) -> Any | None:
    """Return the view that ``run`` was made on, or None if a field of its filters is missing."""
    try:
        return dataset.load_run_view(run)
    except (AttributeError, KeyError, ValueError):
        return None


def why_scores_stale(dataset: fo.Dataset, key: str) -> str | None:
    """Return why the scores of ``key`` themselves are out of date, or None if they are valid.

    Out-of-fold scores are made from another detector's embeddings and from labels. If either has
    changed, they no longer describe the present data.
    """
    info = stored_runs.info_of(dataset, run_names.SCORES, key)
    config = getattr(info, "config", None)
    base = (getattr(config, "out_of_fold", None) or {}).get("detector")
    if info is None or base is None:
        return None
    run = fields.ScoreFields(key).run
    about = (state(dataset), "scores", run, str(info.timestamp))

    def look() -> str | None:
        stored = getattr(config, FIELD, None)
        if not dataset.has_field(fields.ScoreFields(base).p_fake):
            return f"the scores of {base!r}, whose embeddings they are made from, no longer exist"
        view = _view_of(dataset, run)
        if view is None:
            return "its view cannot be opened"
        why = why_not(stored, view, base, "face")
        return why and f"made from the embeddings of {base!r}: {why}"

    return _KEPT.get(about, look)


def require_current_scores(dataset: fo.Dataset, key: str) -> None:
    """Raise an error if the scores of ``key`` are incomplete or out of date.

    Raises:
        ForensicsError: they are being replaced, or their replacement was killed; or they were made
            from other embeddings or labels than the present ones
    """
    score_state.require_whole(dataset, key)
    why = why_scores_stale(dataset, key)
    if why:
        raise ForensicsError(
            f"The scores of {key!r} are no longer valid: {why}.",
            "Run 'Retrain head' again.",
            "key",
        )


def state(dataset: fo.Dataset) -> Hashable:
    """Return a token that changes when a sample, or the maker of any scores, may have changed."""
    runs = []
    for key in sorted(fields.detector_keys(dataset)):
        info = stored_runs.info_of(dataset, run_names.SCORES, key)
        config, when = getattr(info, "config", None), getattr(info, "timestamp", None)
        names = ("checkpoint_sha256", "recipe_hash", "rule")
        runs.append((key, str(when), *(getattr(config, name, None) for name in names)))
    newest = str(dataset._max("last_modified_at"))  # by the index that FiftyOne keeps on it
    return str(dataset._doc.id), dataset.count(), newest, tuple(runs)


def checkpoint_of(dataset: fo.Dataset, key: str) -> str | None:
    """Return the hash of the checkpoint behind the scores of ``key``, or None if imported."""
    return getattr(fields.scores_config(dataset, key), "checkpoint_sha256", None)
