"""Computes the bars of the score histogram and a ROC curve with few enough points to draw."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .units import Units

BARS = 25
ROC_POINTS = 400


class Roc(NamedTuple):
    """A ROC curve with few enough points to draw.

    Attributes:
        fpr, tpr: (P,) from (0, 0) to (1, 1)
        thresholds: (P,) on p_fake; NaN at a point that no threshold on p_fake reaches, because
            p_fake is 1 (or 0) on both sides of it
    """

    fpr: np.ndarray
    tpr: np.ndarray
    thresholds: np.ndarray


def edges() -> np.ndarray:
    """Return (BARS + 1,) borders of the histogram's bars, 0 to 1."""
    return np.arange(BARS + 1) / BARS


def bar_of(scores: np.ndarray) -> np.ndarray:
    """Return (N,) the bar of each score: low <= p < high, the last one closed; -1 for NaN."""
    bar = np.searchsorted(edges(), scores, side="right") - 1
    return np.where(np.isnan(scores), -1, np.clip(bar, 0, BARS - 1))


def roc(units: Units) -> Roc | None:
    """Return the curve of the scored units, or None if there is only one class.

    It has at most about ``ROC_POINTS`` points, always with both ends. Every point is reached by a
    threshold.
    """
    from ..metrics.rates import MetricUndefined, roc_curve

    chosen = units.scored
    try:
        label, p_fake = units.label[chosen], units.p_fake[chosen]
        fpr, tpr, _ = roc_curve(label, units.rank[chosen])
        thresholds = _on_p_fake(roc_curve(label, p_fake), fpr, tpr)
    except MetricUndefined:
        return None
    # The drawn curve comes from the ranks, the selectable thresholds from the probabilities.
    step_x, step_y = np.diff(fpr), np.diff(tpr)
    keep = np.ones(fpr.size, bool)  # drop points on straight stretches of the curve
    keep[1:-1] = np.abs(step_x[:-1] * step_y[1:] - step_x[1:] * step_y[:-1]) > 1e-15
    index = np.flatnonzero(keep)
    if index.size > ROC_POINTS:
        length = np.concatenate([[0.0], np.cumsum(np.diff(fpr[index]) + np.diff(tpr[index]))])
        wanted = np.linspace(0, length[-1], ROC_POINTS)
        index = np.unique(np.append(index[np.searchsorted(length, wanted)], index[[0, -1]]))
    return Roc(fpr[index], tpr[index], thresholds[index])


def _on_p_fake(
    reachable: tuple[np.ndarray, np.ndarray, np.ndarray], fpr: np.ndarray, tpr: np.ndarray
) -> np.ndarray:
    """Return (K,) the threshold on p_fake of each point, NaN if the curve of p_fake lacks it."""
    on_x, on_y, thresholds = reachable
    at = np.minimum(np.searchsorted(on_x + on_y, fpr + tpr), len(on_x) - 1)
    same = (on_x[at] == fpr) & (on_y[at] == tpr) & (thresholds[at] <= 1)
    return np.where(same, thresholds[at], np.nan)
