"""Defines the operator ``evaluate_detector``: metrics of stored scores, per dataset and method.

Faces are one level, videos the other; see :mod:`operators.dataset.scored_items`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fiftyone as fo
from fiftyone import ViewField as F

from ...detector.audit.columns import SEEN
from ...detector.audit.threshold import Threshold
from ...detector.metrics import ranks
from ...detector.records import LABELS
from ..app.current_detector import current
from ..app.form import Form
from ..app.markup import plain
from ..dataset import (
    derived,
    faces_dataset,
    fields,
    made_from,
    marked_views,
    run_names,
    seen_material,
    stored_runs,
    views,
)
from ..dataset.dataset_changes import changing
from ..dataset.label_sync import contradiction
from ..dataset.scored_items import LEVELS, items_of, unlabelled
from ..dataset.video_scores import refresh_video_scores
from ..jobs.workflow import Workflow
from ..operator_list import uri_of
from ..thresholds import spans
from ..thresholds.applied import applied
from ..thresholds.calibrations import (
    CALIBRATED,
    calibration_of,
    has_calibration,
    why_no_calibration,
)
from ..thresholds.stored_calls import decide, follow, judged_fields
from .evaluation_tables import compare, evaluate_items, macro, table

if TYPE_CHECKING:
    from ...detector.audit.basis import Basis

_PROVENANCE = ("rule", "checkpoint_sha256", "recipe_hash", "code_version")


def run(
    samples: Any,
    *,
    key: str,
    threshold: float | str | None = None,
    threshold_from: str | None = None,
    compare_with: str | None = None,
    replicates: int = 1000,
    seed: int = 0,
    write_evaluations: bool = True,
) -> dict[str, Any]:
    """Evaluate the stored scores of detector ``key`` on ``samples``.

    Args:
        samples: faces dataset or view; its videos are those behind these faces, and those without
            any face in the same splits and datasets
        key: detector key
        threshold: p_fake from which an item counts as fake, or ``"calibrated"`` for the one that
            'Calibrate threshold' has chosen; by default the one that every screen uses, see
            :class:`detector.audit.threshold.Stored`
        threshold_from: where a number comes from, stored with the result
        compare_with: key of a second detector, compared on the videos that both have scored
        replicates, seed: without effect, kept for older calls
        write_evaluations: also write FiftyOne evaluations ``eval_<key>_faces`` and
            ``eval_<key>_videos`` for the Model Evaluation panel

    Returns:
        ``{"rows", "macro", "comparison", "table", "run", "evaluations", "threshold",
        "threshold_from"}``; a row is an :class:`detector.metrics.evaluation.EvaluationRow` as a
        dict with ``level``, ``source_dataset``, ``method``, ``compression`` and ``split``. A
        method's row compares its fakes with all reals of the same dataset

    Raises:
        ForensicsError: empty view, no scores, threshold outside [0, 1], no calibration
    """
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    views.require_faces(view)
    views.require_fields(view, [fields.ScoreFields(key).p_fake], "Score faces")
    if compare_with is not None:
        views.require_fields(view, [fields.ScoreFields(compare_with).p_fake], "Score faces")
    made_from.require_current_scores(dataset, key)
    waiting = refresh_video_scores(
        dataset, key
    )  # the Model Evaluation panel and the grid read the fields
    spans.refresh(dataset, key)
    faces_dataset.renew_one_face(dataset)
    views.require_samples(view, "faces")
    found_at = applied(view, key, threshold, given=threshold_from, level="")
    basis = made_from.basis_of(view, key)  # before reading, so that a change shows
    rows, said = [], []
    for level in LEVELS:
        items = items_of(view, key, level)
        rows += evaluate_items(level, items, found_at.value)
        if remark := ranks.words(items.p_fake, items.margin):
            said.append(f"{level.capitalize()}s: {remark}")
    seen = seen_material.words(items.texts.get(SEEN), level)
    comparison = None
    if compare_with is not None:
        comparison = compare(view, key, compare_with)
    names = _write_evaluations(dataset, view, key, found_at.value) if write_evaluations else []
    found = {"rows": rows, "macro": macro(rows), "comparison": comparison}
    run_name = _record(dataset, view, key, found_at, found, basis)
    return {
        **found,
        "table": table(rows, found_at, found["macro"], comparison)
        + _remarks([seen, *said], waiting, key, view),
        "run": run_name,
        "evaluations": names,
        "threshold": found_at.value,
        "threshold_from": found_at.provenance,
    }


def _remarks(said: list[str], waiting: int, key: str, view: Any) -> str:
    """Write remarks: ``said``, what is out of date, contradicting labels, faces without a score."""
    dataset = views.dataset_of(view)
    more = (unlabelled(view), contradiction(dataset), derived.words(dataset, key))
    found = [plain(t) for t in (*said, *more) if t]
    if waiting:
        found.append(
            f"{waiting:,} faces have no score although their video has one; their videos are "
            f"judged by the others. Run 'Score faces' with {key} to include them."
        )
    return "".join(f"\n\n{text}" for text in found)


def _write_evaluations(dataset: fo.Dataset, view: Any, key: str, threshold: float) -> list[str]:
    """Write FiftyOne evaluations of the faces and, on one face per video, of the videos."""
    at, made = follow(dataset, key), []
    for level, p_fake, label in judged_fields(fields.ScoreFields(key)):
        mark = f"eval_{key}_{level}"
        if level == "faces":
            part = marked_views.compact(views.subjects(view), mark)
        else:
            part = marked_views.marked(dataset, mark, faces_dataset.middle_faces(view))
        labelled = part.match({f"{fields.GROUND_TRUTH}.label": {"$in": list(LABELS)}})
        scored = labelled.match(F(p_fake) != None)  # noqa: E711 - builds a database query
        if len(scored) == 0:
            continue
        field = label if threshold == at else decide(scored, p_fake, label, threshold)
        name = mark
        with changing(dataset):
            if dataset.has_evaluation(name):
                dataset.delete_evaluation(name)
            scored.evaluate_classifications(
                field,
                gt_field=fields.GROUND_TRUTH,
                eval_key=name,
                method="binary",
                classes=list(LABELS),
                custom_metrics={uri_of("auroc"): {}, uri_of("eer"): {}},
                progress=False,
            )
        marked_views.forget_others(dataset, mark, part)
        made.append(name)
    return made


def _record(
    dataset: fo.Dataset,
    view: Any,
    key: str,
    threshold: Threshold,
    found: dict[str, Any],
    basis: Basis,
) -> str:
    """Store the table with its provenance as a custom run of the dataset."""
    name = run_names.EVALUATION + key
    scores = fields.scores_config(dataset, key)
    stored_runs.put(
        view,
        name,
        method=run_names.method_of(run_names.EVALUATION),
        results=found,
        key=key,
        level="video",
        threshold=threshold.value,
        threshold_from=threshold.provenance,
        threshold_origin=threshold.source,
        **{made_from.FIELD: basis.to_json()},
        **{name: getattr(scores, name, None) for name in _PROVENANCE},
    )
    return name


class EvaluateDetector(Workflow):
    """Operator that computes metrics with intervals from stored scores, per dataset and method."""

    label = "Evaluate detector"
    description = (
        "AUROC, EER, AP and error rates with intervals from the stored scores, at "
        "face and video level, per dataset and method"
    )
    icon = "assessment"
    run_name = "Evaluate {key} on {dataset}"
    answer = "Evaluation"
    writes = "It stores the table, and evaluations for FiftyOne's own panel; no score changes."
    then = ("find_hard_examples",)

    def fill(self, form: Form, target: Any) -> None:
        if not form.detector():
            return
        key = str(form.params.get("key") or current(form.dataset))
        why = why_no_calibration(form.dataset, key)
        if why and calibration_of(form.dataset, key) is not None:
            label = "The calibrated threshold is no longer valid"
            text = f"{plain(why)}. Run 'Calibrate threshold' again to use one."
            form.warning("calibration", label, text)
        if why is None:
            text = "The one that 'Calibrate threshold' has chosen for this detector"
            form.flag("calibrated", "Calibrated threshold", text, default=True)
        if why is not None or form.params.get("calibrated") is False:
            form.threshold(key, "p_fake from which a face or video counts as fake", level="")
        others = [(name, name) for name in fields.detector_keys(form.dataset) if name != key]
        if others:
            text = "A second detector, on the videos that both have scored"
            options = [("", "nothing"), *others]
            form.choice("compare_with", options, "Compare with", text, default="")
        text = "Also write FiftyOne evaluations of the faces and of the videos"
        form.flag("write_evaluations", "For the Model Evaluation panel", text)

    def arguments(self, ctx: Any) -> dict[str, Any]:
        params = super().arguments(ctx)
        if ctx.params.get("calibrated", True) and has_calibration(ctx.dataset, params["key"]):
            params.setdefault("threshold", CALIBRATED)
        return params
