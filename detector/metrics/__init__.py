"""Computes the metrics that judge a detector. Definitions: docs/metrics.md."""

from __future__ import annotations

from .curve import average_precision, equal_error_rate, roc_auc, tpr_at_fpr
from .jackknife import bootstrap_interval
from .rates import rates_at_threshold

__all__ = [
    "average_precision",
    "bootstrap_interval",
    "equal_error_rate",
    "rates_at_threshold",
    "roc_auc",
    "tpr_at_fpr",
]
