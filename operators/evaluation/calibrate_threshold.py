"""Defines the operator ``calibrate_threshold``: a threshold and a calibration from one view.

Threshold and calibration are fitted on the chosen view only, and stored with it. Then they are
shown on every other dataset at that fixed threshold. No row that is judged takes part in the fit.
"""

from __future__ import annotations

import datetime
import hashlib
from typing import TYPE_CHECKING, Any

import fiftyone as fo

from ...detector.audit.columns import numbers
from ...detector.audit.units import Units
from ...detector.errors import ForensicsError
from ..app.checks import require_known
from ..app.form import Form
from ..app.markup import plain
from ..dataset import fields, made_from, run_names, stored_runs, views
from ..dataset.dataset_changes import declare
from ..dataset.made_from import checkpoint_of
from ..dataset.scored_items import LEVELS, items_of
from ..dataset.video_scores import compute_video_scores
from ..jobs.workflow import Workflow
from ..thresholds import spans
from ..thresholds.stored_calls import follow
from .transfer_rows import table, transfer_rows

if TYPE_CHECKING:
    from ...detector.audit.basis import Basis

METHODS = (
    ("none", "none: a threshold only"),
    ("temperature", "temperature: one parameter, 0.5 stays where it is"),
    ("platt", "Platt: slope and offset"),
    ("isotonic", "isotonic: any rising function; needs some hundred rows"),
)


def run(
    samples: Any,
    *,
    key: str,
    target_fpr: float = 0.05,
    level: str = "video",
    method: str = "temperature",
    into_checkpoint: bool = False,
) -> dict[str, Any]:
    """Choose a threshold and fit a calibration on ``samples``, and nowhere else.

    Args:
        samples: faces dataset or view with ground truth, for example its validation split
        key: detector key
        target_fpr: share of the reals that may be called fake, in (0, 1)
        level: ``video`` or ``face``, the level of the scores
        method: calibration method, one of :data:`METHODS`
        into_checkpoint: also write the result into the detector's own checkpoint if that is in our
            format, so that it is copied with it

    Returns:
        ``{"threshold", "calibration", "record", "transfer", "excluded", "caution", "table",
        "run"}``; ``transfer`` has one row per other dataset, see
        :class:`detector.metrics.threshold_transfer.TransferRow`; ``caution`` is why the calibration
        is not to be relied on, or ""

    Raises:
        ForensicsError: empty view, no scores, bad rate, unknown level or method
        MetricUndefined: only one class, or too few reals for ``target_fpr``
    """
    import numpy as np

    from ...detector.metrics.calibration import Calibration, fit_calibration, threshold_for_fpr

    _check(target_fpr, level, method)
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    views.require_samples(view, "faces")
    views.require_fields(view, [fields.ScoreFields(key).p_fake], "Score faces")
    basis = made_from.basis_of(view, key, level)  # before reading, so that a change shows
    items = items_of(view, key, level)
    scored = items.take(np.isfinite(items.p_fake))
    threshold = threshold_for_fpr(scored.p_fake[scored.label == 0], target_fpr)
    record = _record(dataset, view, items, key, level, target_fpr, threshold)
    calibration, caution = None, ""
    if method != "none":
        left = ("groups", "threshold", "false_alarm_scores")
        about = {k: v for k, v in record.items() if k not in left}
        fitted: Calibration = fit_calibration(
            scored.label, scored.p_fake, method, about, scored.margin
        )
        calibration, caution = fitted.to_json(), fitted.caution()
        _write_calibrated(dataset, key, level, fitted)
    record |= {"calibration": calibration}
    transfer, excluded = transfer_rows(dataset, scored, key, level, threshold, target_fpr)
    if into_checkpoint:
        _into_checkpoint(dataset, key, record)
    stored = _store(dataset, view, record, transfer, basis)
    follow(dataset, key)
    text = table(record, transfer, excluded)
    if caution:
        text = f"**{plain(caution)}**\n\n{text}"
    stored = _store(dataset, view, record, transfer, basis)
    spans.refresh(dataset, key)
    return {
        "threshold": threshold,
        "calibration": calibration,
        "record": record,
        "transfer": transfer,
        "excluded": excluded,
        "caution": caution,
        "table": text,
        "run": stored,
    }


def _check(target_fpr: float, level: str, method: str) -> None:
    if not 0 < target_fpr < 1:
        raise ForensicsError(
            f"A false-positive rate must be between 0 and 1, not {target_fpr!r}.",
            "Give a share, for example 0.05.",
            "target_fpr",
        )
    require_known("level", level, LEVELS)
    require_known("method", method, METHODS)


def _record(
    dataset: fo.Dataset,
    view: Any,
    items: Units,
    key: str,
    level: str,
    target_fpr: float,
    threshold: float,
) -> dict[str, Any]:
    """Return the facts that make a calibrated number traceable."""
    import numpy as np

    scores = fields.scores_config(dataset, key)
    names = sorted(items.names.tolist())
    scored = np.isfinite(items.p_fake)
    reals = scored & (items.label == 0)
    alarms = items.p_fake[reals]
    return {
        "key": key,
        "level": level,
        "target_fpr": float(target_fpr),
        "threshold": float(threshold),
        "n_real": int(np.sum(scored & (items.label == 0))),
        "n_fake": int(np.sum(scored & (items.label == 1))),
        # for verdicts on single files: how often it errs, and what several people do to that
        "real_groups": len(np.unique(items.cluster[reals])),
        "false_alarm_scores": sorted(alarms[alarms >= threshold].tolist(), reverse=True),
        "not_scored": int(np.sum(~scored)),
        "dataset": dataset.name,
        "source_datasets": sorted(set(items.texts["source_dataset"].texts().tolist())),
        "splits": sorted(items.texts["split"].present()),
        "view_sha256": hashlib.sha256("\n".join(names).encode()).hexdigest(),
        "groups": sorted(set(items.group.texts().tolist())),
        "checkpoint_sha256": checkpoint_of(dataset, key),
        "recipe_hash": getattr(scores, "recipe_hash", None),
        "rule": getattr(scores, "rule", None),
        "date": datetime.date.today().isoformat(),
    }


def _write_calibrated(dataset: fo.Dataset, key: str, level: str, calibration: Any) -> None:
    """Write ``<key>_calibrated`` to the faces, and for the level ``video`` to the videos too."""
    import numpy as np

    names = fields.ScoreFields(key)
    targets = [(dataset, names.p_fake if level == "face" else names.video_p_fake)]
    videos = views.videos_of(dataset)
    margins = compute_video_scores(dataset, key).margins if level == "video" else {}
    if level == "video" and videos is not None and videos.has_field(names.p_fake):
        targets.append((videos, names.p_fake))
    for target, source in targets:
        declare(target, {names.calibrated: fo.FloatField})
        ids, values, of = target.values(["id", source, "video_id"])
        if level == "video":
            margin = numbers(margins.get(video) for video in of)
        else:
            known = target.has_field(names.margin)
            margin = numbers(target.values(names.margin)) if known else None
        raw = numbers(values)
        fitted = calibration.apply(raw, margin)
        clean = {i: None if np.isnan(v) else float(v) for i, v in zip(ids, fitted, strict=True)}
        views.set_by_id(target, names.calibrated, clean)


def _into_checkpoint(dataset: fo.Dataset, key: str, record: dict[str, Any]) -> None:
    from pathlib import Path

    from ...detector.model.checkpoints import read_record, update_record
    from ...detector.weights.known_detectors import find_detector

    config: Any = fields.scores_config(dataset, key)
    path: Path = find_detector(config.detector)
    if read_record(path)["sha256"] != record["checkpoint_sha256"]:
        raise ForensicsError(
            f"{path} is not the checkpoint whose scores {key!r} holds.",
            "Restore it, or leave 'into the checkpoint' off.",
            "into_checkpoint",
        )
    kept = {name: value for name, value in record.items() if name != "groups"}
    update_record(path if path.is_dir() else path.parent, calibration=kept)


def _store(
    dataset: fo.Dataset,
    view: Any,
    record: dict[str, Any],
    transfer: list[dict[str, Any]],
    basis: Basis,
) -> str:
    key = record["key"]
    name = run_names.CALIBRATION + key
    stored_runs.put(
        view,
        name,
        method=run_names.method_of(run_names.CALIBRATION),
        results={"transfer": transfer},
        key=key,
        level=record["level"],
        threshold=record["threshold"],
        checkpoint_sha256=record["checkpoint_sha256"],
        record=record,
        **{made_from.FIELD: basis.to_json()},
    )
    return name


class CalibrateThreshold(Workflow):
    """Operator that fits a threshold for a false-positive rate, and a calibration."""

    label = "Calibrate threshold"
    description = (
        "Choose a threshold for a target false-positive rate and fit a calibration "
        "on this view only; then show both on every other dataset"
    )
    icon = "tune"
    run_name = "Calibrate {key} on {dataset}"
    answer = "Threshold"
    first = ("key", "target_fpr")
    writes = "It stores a threshold that every screen uses from then on, and a calibration."
    then = ("evaluate_detector",)

    def fill(self, form: Form, target: Any) -> None:
        if not form.detector():
            return
        splits = [split or "no split" for split in target.distinct("split")]
        label = f"Fitted on these {len(target)} faces (splits: {', '.join(splits) or 'none'})"
        text = "Choose material that is like what the detector will meet, and that "
        form.notice("fitted_on", label, text + "you will not report results on.")
        if "test" in splits:
            text = "Rates on it will be optimistic, and nothing is left to "
            text += "show the threshold on. Filter the grid to the split val first."
            form.warning("test_split", "The test split is among them", text)
        text = "Share of the reals that may be called fake, for example 0.05"
        form.number("target_fpr", "False-positive rate", text)
        levels = [("video", "videos"), ("face", "faces")]
        form.choice("level", levels, "Scores of", "What the threshold will be applied to")
        text = "Turns scores into probabilities for material like this; ranking stays"
        form.choice("method", METHODS, "Calibration", text)
        text = "Also store it in the detector's checkpoint, for the analysis of single files"
        form.flag("into_checkpoint", "Into the checkpoint", text)
        form.check(lambda: _check(*(form.value(n) for n in ("target_fpr", "level", "method"))))

    def result(self, ctx: Any, found: dict[str, Any]) -> dict[str, Any]:
        return {"threshold": found["threshold"], "table": found["table"]}
