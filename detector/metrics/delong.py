"""DeLong's variance of the AUROC: one detector's interval, and a test of two on the same rows."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from ..errors import MetricUndefined
from .curve import ArrayLike, checked
from .intervals import Comparison


def delong(
    y_true: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike, level: float = 0.95
) -> Comparison:
    """DeLong's test for two correlated AUROCs on the same rows, in O(N log N).

    DeLong, DeLong & Clarke-Pearson 1988 (Biometrics 44), mid-rank form of Sun & Xu 2014 (IEEE SPL
    21). It takes rows as independent: with grouped videos prefer :func:`paired_bootstrap`. Equal
    scorings give p = 1.

    Raises:
        MetricUndefined: fewer than two reals or two fakes
    """
    labels, first = checked(y_true, scores_a)
    _, second = checked(y_true, scores_b)
    aucs, covariance = _delong_covariance(labels, np.stack([first, second]))
    difference = float(aucs[0] - aucs[1])
    variance = max(0.0, float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))
    error = float(np.sqrt(variance))
    z = NormalDist().inv_cdf((1 + level) / 2)
    if error <= 1e-12:
        p_value = 1.0 if abs(difference) < 1e-12 else 0.0
    else:
        p_value = math.erfc(abs(difference) / error / math.sqrt(2))
    low, high = difference - z * error, difference + z * error
    return Comparison(float(aucs[0]), float(aucs[1]), difference, low, high, p_value)


def delong_interval(
    y_true: ArrayLike, scores: ArrayLike, level: float = 0.95
) -> tuple[float, float]:
    """DeLong's normal interval of one AUROC, cut to [0, 1]; rows taken as independent."""
    labels, values = checked(y_true, scores)
    aucs, covariance = _delong_covariance(labels, values[None])
    half = NormalDist().inv_cdf((1 + level) / 2) * float(np.sqrt(covariance[0, 0]))
    return max(0.0, float(aucs[0]) - half), min(1.0, float(aucs[0]) + half)


def _delong_covariance(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AUROCs (M,) and their covariance (M, M) for scores (M, N)."""
    reals, fakes = int((labels == 0).sum()), int((labels == 1).sum())
    if reals < 2 or fakes < 2:
        raise MetricUndefined(
            f"DeLong's test needs two of each class; here are {reals} real and {fakes} fake."
        )
    from scipy.stats import rankdata

    fake, real = scores[:, labels == 1], scores[:, labels == 0]
    joint = rankdata(np.concatenate([fake, real], axis=1), axis=1)
    below = joint[:, :fakes] - rankdata(fake, axis=1)  # reals below each fake, ties by half
    above = joint[:, fakes:] - rankdata(real, axis=1)  # fakes below each real
    of_fakes, of_reals = below / reals, 1 - above / fakes
    covariance = np.atleast_2d(np.cov(of_fakes)) / fakes + np.atleast_2d(np.cov(of_reals)) / reals
    return of_fakes.mean(axis=1), covariance
