"""Computes one row of an evaluation: all metrics of some scored items, with counts and intervals.

Items are faces or videos. Items without a score (NaN) appear only in the counts and the coverage.
An undefined metric is None, and the row gives the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..errors import MetricUndefined
from ..records import FAKE, REAL
from . import ranks
from .intervals import Interval
from .rates import (
    average_precision,
    balanced_accuracy,
    brier,
    clustered_interval,
    ece,
    equal_error_rate,
    rates_at_threshold,
    roc_auc,
    tpr_at_fpr,
    worst_case_fill,
)

TPR_AT = (0.01, 0.05)  # false-positive rates at which the true-positive rate is reported


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval; without one the bounds are None and ``why`` is set."""

    value: float
    low: float | None
    high: float | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """The metrics of one set of items at one threshold.

    Attributes:
        n_real, n_fake: items of each class, scored or not
        scored_real, scored_fake: items with a score
        coverage: scored / all
        groups: independent units (``group_id``) among the scored items
        auroc, ap_fake, ap_real: with intervals over the groups (:mod:`.jackknife`); None if
            undefined
        eer, brier, ece, balanced_accuracy: point values
        tpr_at_fpr: TPR at each rate of ``TPR_AT``, None if the reals are too few for the rate
        fpr, fnr: at ``threshold``, with intervals over the groups (:mod:`.clusters`), as in the
            error audit
        auroc_worst_case: AUROC if unscored fakes count as 0 and unscored reals as 1
        notes: metric name -> why it has no value
    """

    threshold: float
    n_real: int
    n_fake: int
    scored_real: int
    scored_fake: int
    coverage: float
    groups: int
    auroc: Estimate | None
    ap_fake: Estimate | None
    ap_real: Estimate | None
    eer: float | None
    tpr_at_fpr: dict[str, float | None]
    fpr: Estimate | None
    fnr: Estimate | None
    balanced_accuracy: float | None
    brier: float | None
    ece: float | None
    auroc_worst_case: float | None
    notes: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict of numbers, None and texts."""
        return asdict(self)


def evaluate(
    label: np.ndarray,
    p_fake: np.ndarray,
    groups: np.ndarray,
    threshold: float = 0.5,
    *,
    margin: np.ndarray | None = None,
) -> EvaluationRow:
    """Evaluate items.

    Args:
        label: (N,) 0 real, 1 fake
        p_fake: (N,) in [0, 1], NaN without a score
        groups: (N,) leakage unit of each item
        threshold: p_fake from which an item counts as fake
        margin: (N,) logits of ``p_fake``, from which AUROC, APs, EER and TPR are computed, see
            :mod:`.ranks`
    """
    scored = np.isfinite(p_fake)
    order = ranks.of(p_fake, margin)
    y, s, g, r = label[scored], p_fake[scored], groups[scored], order[scored]
    # Values that no score exceeds: 0 and 1, or 1 beyond the extreme margins.
    ends = (0.0, 1.0) if order is p_fake else (r.min(initial=0) - 1, r.max(initial=0) + 1)
    notes: dict[str, str] = {}

    def point(name: str, metric: Callable[[], float]) -> float | None:
        try:
            return float(metric())
        except MetricUndefined as error:
            notes[name] = error.message
            return None

    def estimate(name: str, value: Callable[[], float]) -> Estimate | None:
        found = point(name, value)
        return None if found is None else with_bounds(found, clustered_interval(y, r, name, g))

    def with_bounds(value: float | None, interval: Interval | None) -> Estimate | None:
        if value is None or interval is None:
            return None
        return Estimate(value, interval.low, interval.high, interval.why)

    rates = rates_at_threshold(y, s, threshold, groups=g)
    return EvaluationRow(
        threshold=float(threshold),
        n_real=int(np.sum(label == REAL)),
        n_fake=int(np.sum(label == FAKE)),
        scored_real=int(np.sum(y == REAL)),
        scored_fake=int(np.sum(y == FAKE)),
        coverage=float(scored.mean()) if len(label) else 0.0,
        groups=len(np.unique(g)),
        auroc=estimate("auroc", lambda: roc_auc(y, r)),
        ap_fake=estimate("ap_fake", lambda: average_precision(y, r, FAKE)),
        ap_real=estimate("ap_real", lambda: average_precision(y, r, REAL)),
        eer=point("eer", lambda: equal_error_rate(y, r)),
        tpr_at_fpr={
            f"{rate:g}": point(f"tpr_at_fpr_{rate:g}", lambda rate=rate: tpr_at_fpr(y, r, rate))
            for rate in TPR_AT
        },
        fpr=with_bounds(rates.fpr, rates.fpr_interval),
        fnr=with_bounds(rates.fnr, rates.fnr_interval),
        balanced_accuracy=point("balanced_accuracy", lambda: balanced_accuracy(y, s, threshold)),
        brier=point("brier", lambda: brier(y, s)),
        ece=point("ece", lambda: ece(y, s)),
        auroc_worst_case=point(
            "auroc_worst_case", lambda: roc_auc(label, worst_case_fill(label, order, *ends))
        ),
        notes=notes,
    )
