"""Compares error rates at a threshold chosen elsewhere with those at each dataset's own threshold.

AUROC hides that one detector needs different thresholds on different datasets. The table shows the
rates at the fixed threshold beside those at the best threshold for each dataset (an oracle, because
it uses the labels). The gap is the risk of deployment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import MetricUndefined
from .curve import ArrayLike, OperatingPoint, checked, operating_point
from .rates import Rates, rates_at_threshold

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class TransferRow:
    """One dataset under a fixed threshold.

    Attributes:
        name: the dataset
        fixed: rates at the fixed threshold, with intervals
        oracle: threshold chosen on this dataset's own labels for the same target FPR; None if
            undefined
        undefined: why ``oracle`` is None, or ""
        real_quantiles: quantiles ``QUANTILES`` of the reals' scores (empty without reals); their
            shift predicts the FPR without any fake
    """

    name: str
    fixed: Rates
    oracle: OperatingPoint | None
    undefined: str
    real_quantiles: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict of numbers, None and texts."""
        return {
            "name": self.name,
            "fixed": self.fixed.to_json(),
            "oracle": None if self.oracle is None else self.oracle._asdict(),
            "undefined": self.undefined,
            "real_quantiles": list(self.real_quantiles),
        }


def transfer_table(
    threshold: float,
    target_fpr: float,
    datasets: Mapping[str, Sequence[ArrayLike]],
    level: float = 0.95,
) -> list[TransferRow]:
    """Return one row per dataset, in the given order.

    Args:
        threshold: chosen elsewhere, see :func:`detector.metrics.calibration.threshold_for_fpr`
        target_fpr: the false-positive rate for which it was chosen
        datasets: by name: labels, p_fake and, if rows are not independent, their groups
        level: coverage of the intervals
    """
    rows = []
    for name, (y_true, scores, *groups) in datasets.items():
        labels, values = checked(y_true, scores)
        oracle, undefined = None, ""
        try:
            oracle = operating_point(labels, values, target_fpr)
        except MetricUndefined as error:
            undefined = str(error)
        reals = values[labels == 0]
        quantiles = np.quantile(reals, QUANTILES) if reals.size else np.zeros(0)
        rows.append(
            TransferRow(
                name,
                rates_at_threshold(labels, values, threshold, level, *groups),
                oracle,
                undefined,
                tuple(float(q) for q in quantiles),
            )
        )
    return rows
