"""Defines AUROC and EER as FiftyOne evaluation metrics for the Model Evaluation panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fiftyone.operators as foo
from fiftyone.operators import types

from ...detector.metrics import ranks
from ...detector.records import FAKE, LABELS
from ..dataset import fields, views
from ..dataset.video_scores import compute_video_scores

POSITIVE = LABELS[FAKE]


def _ranked(samples: Any, results: Any) -> tuple[Any, Any]:
    """Return labels (N,) 0/1 of the evaluated samples with a prediction, and their ranks."""
    import numpy as np

    truth = np.array(results.ytrue) == POSITIVE
    confidence = np.array([np.nan if c is None else c for c in results.confs], dtype=np.float64)
    p_fake = np.where(np.array(results.ypred) == POSITIVE, confidence, 1.0 - confidence)
    scored = np.isfinite(p_fake)
    margin = _margins(samples, str(results.config.pred_field))
    if margin is None or len(margin) != len(p_fake):  # samples have gone since
        margin = None
    return truth[scored].astype(int), ranks.of(p_fake, margin)[scored]


def _margins(samples: Any, pred_field: str) -> Any | None:
    """Return (N,) margins of our predictions in ``pred_field``, or None if they are unknown."""
    from ...detector.audit.columns import numbers

    dataset = views.dataset_of(samples)
    for key in fields.detector_keys(dataset):
        names = fields.ScoreFields(key)
        if not samples.has_field(names.margin):
            continue
        if pred_field in (names.label, f"{names.label}_decision"):
            return numbers(samples.values(names.margin))
        if pred_field in (names.video_label, f"{names.video_label}_decision"):
            found = compute_video_scores(dataset, key).margins
            return numbers(found.get(video) for video in samples.values("video_id"))
    return None


def _config(
    name: str, label: str, description: str, lower_is_better: bool
) -> foo.EvaluationMetricConfig:
    config = foo.EvaluationMetricConfig(
        name=name,
        label=label,
        description=description,
        aggregate_key=name,
        eval_types=["classification"],
        lower_is_better=lower_is_better,
        unlisted=True,
    )
    # FiftyOne 1.22 reads the direction from here, not from its own argument.
    config.kwargs["lower_is_better"] = lower_is_better
    return config


def _value(metric: Callable[[Any, Any], float], samples: Any, results: Any) -> float | None:
    """Return ``metric`` of the ranks, or None if it is undefined, so that the cell stays empty."""
    from ...detector.errors import MetricUndefined

    try:
        return float(metric(*_ranked(samples, results)))
    except MetricUndefined:
        return None


class Auroc(foo.EvaluationMetric):
    """The metric P(score of a fake > score of a real) + half the ties."""

    @property
    def config(self) -> foo.EvaluationMetricConfig:
        text = "Area under the ROC curve, by margin where there is one; mid-ranks for ties"
        return _config("auroc", "AUROC", text, lower_is_better=False)

    def compute(self, samples: Any, results: Any) -> float | None:
        from ...detector.metrics.rates import roc_auc

        return _value(roc_auc, samples, results)

    def resolve_input(self, ctx: Any) -> types.Property:
        return types.Property(types.Object())


class EqualErrorRate(foo.EvaluationMetric):
    """The metric: error rate where FPR = FNR."""

    @property
    def config(self) -> foo.EvaluationMetricConfig:
        text = "Equal error rate, interpolated between the two ROC points that straddle it"
        return _config("eer", "EER", text, lower_is_better=True)

    def compute(self, samples: Any, results: Any) -> float | None:
        from ...detector.metrics.rates import equal_error_rate

        return _value(lambda label, rank: equal_error_rate(label, rank).rate, samples, results)

    def resolve_input(self, ctx: Any) -> types.Property:
        return types.Property(types.Object())
