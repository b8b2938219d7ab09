"""AUROC and EER as FiftyOne evaluation metrics, so that the Model Evaluation panel shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fiftyone.operators as foo
from fiftyone.operators import types

from ...detector.records import FAKE, LABELS

POSITIVE = LABELS[FAKE]


def _scores(results: Any) -> tuple[Any, Any]:
    """Labels (N,) 0/1 and p_fake (N,) of the evaluated samples that have a prediction."""
    import numpy as np

    truth = np.array(results.ytrue) == POSITIVE
    confidence = np.array([np.nan if c is None else c for c in results.confs], dtype=np.float64)
    p_fake = np.where(np.array(results.ypred) == POSITIVE, confidence, 1.0 - confidence)
    scored = np.isfinite(p_fake)
    return truth[scored].astype(int), p_fake[scored]


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
    # FiftyOne 1.22 reads the direction from here, not from its own argument
    config.kwargs["lower_is_better"] = lower_is_better
    return config


def _value(metric: Callable[[Any, Any], float], results: Any) -> float | None:
    """``metric`` of the scores; None where it is undefined, so that the cell stays empty."""
    from ...detector.errors import MetricUndefined

    try:
        return float(metric(*_scores(results)))
    except MetricUndefined:
        return None


class Auroc(foo.EvaluationMetric):
    """P(score of a fake > score of a real) + half the ties."""

    @property
    def config(self) -> foo.EvaluationMetricConfig:
        text = "Area under the ROC curve for p_fake, mid-ranks for ties"
        return _config("auroc", "AUROC", text, lower_is_better=False)

    def compute(self, samples: Any, results: Any) -> float | None:
        from ...detector.metrics.rates import roc_auc

        return _value(roc_auc, results)

    def resolve_input(self, ctx: Any) -> types.Property:
        return types.Property(types.Object())


class EqualErrorRate(foo.EvaluationMetric):
    """The error rate where FPR = FNR."""

    @property
    def config(self) -> foo.EvaluationMetricConfig:
        text = "Equal error rate, interpolated between the two ROC points that straddle it"
        return _config("eer", "EER", text, lower_is_better=True)

    def compute(self, samples: Any, results: Any) -> float | None:
        from ...detector.metrics.rates import equal_error_rate

        return _value(lambda label, p_fake: equal_error_rate(label, p_fake).rate, results)

    def resolve_input(self, ctx: Any) -> types.Property:
        return types.Property(types.Object())
