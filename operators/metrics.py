"""AUROC and EER as FiftyOne evaluation metrics, so that the Model Evaluation panel shows them."""

from __future__ import annotations

from typing import Any

import fiftyone.operators as foo
from fiftyone.operators import types

from ..detector.records import FAKE, LABELS

POSITIVE = LABELS[FAKE]


def _scores(results: Any) -> tuple[Any, Any]:
    """Labels (N,) 0/1 and p_fake (N,) of the evaluated samples that have a prediction."""
    import numpy as np

    truth = np.array(results.ytrue) == POSITIVE
    confidence = np.array(
        [np.nan if c is None else c for c in results.confs], dtype=np.float64
    )
    p_fake = np.where(np.array(results.ypred) == POSITIVE, confidence, 1.0 - confidence)
    scored = np.isfinite(p_fake)
    return truth[scored].astype(int), p_fake[scored]


class _ScoreMetric(foo.EvaluationMetric):
    """A number from the scores of a real/fake classification; None where it is undefined."""

    NAME = LABEL = DESCRIPTION = ""
    LOWER_IS_BETTER = False

    @property
    def config(self) -> foo.EvaluationMetricConfig:
        config = foo.EvaluationMetricConfig(
            name=self.NAME,
            label=self.LABEL,
            description=self.DESCRIPTION,
            aggregate_key=self.NAME,
            eval_types=["classification"],
            lower_is_better=self.LOWER_IS_BETTER,
            unlisted=True,
        )
        # FiftyOne 1.22 reads the direction from here, not from its own argument
        config.kwargs["lower_is_better"] = self.LOWER_IS_BETTER
        return config

    def value(self, label: Any, p_fake: Any) -> float:
        """The metric on labels (N,) and scores (N,)."""
        raise MetricNotNamed(self.NAME)

    def compute(self, samples: Any, results: Any) -> float | None:
        from ..detector.errors import MetricUndefined

        try:
            return float(self.value(*_scores(results)))
        except MetricUndefined:
            return None  # one class only: the panel shows an empty cell, never 0.5

    def resolve_input(self, ctx: Any) -> types.Property:
        return types.Property(types.Object())


class MetricNotNamed(TypeError):
    """A subclass that forgot to say how its value is computed."""


class Auroc(_ScoreMetric):
    """P(score of a fake > score of a real) + half the ties."""

    NAME = "auroc"
    LABEL = "AUROC"
    DESCRIPTION = "Area under the ROC curve for p_fake, mid-ranks for ties"

    def value(self, label: Any, p_fake: Any) -> float:
        from ..detector.metrics import roc_auc

        return roc_auc(label, p_fake)


class EqualErrorRate(_ScoreMetric):
    """The error rate where FPR = FNR."""

    NAME = "eer"
    LABEL = "EER"
    DESCRIPTION = "Equal error rate, interpolated between the two ROC points that straddle it"
    LOWER_IS_BETTER = True

    def value(self, label: Any, p_fake: Any) -> float:
        from ..detector.metrics import equal_error_rate

        found = equal_error_rate(label, p_fake)
        return found[0] if isinstance(found, tuple) else getattr(found, "rate", found)
