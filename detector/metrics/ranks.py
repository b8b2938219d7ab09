"""Defines the values by which scores are ranked: margins if known, else probabilities.

A 32-bit probability is 1 for every margin (logit of fake minus logit of real) above 17, a 64-bit
one for every margin above 37. All code that orders scores therefore takes its column from
:func:`of`. Only thresholds, calibrations and labels for people use the probability itself.
"""

from __future__ import annotations

import numpy as np

#: Allowed difference of a stored margin's probability; tables round to two digits.
AGREEMENT = 0.01
#: Distance of a margin from 0 at which its probability (0.0025 of 1) leaves little to differences.
RANGE = 6.0
_LEAST, _MOST = np.nextafter(0.0, 1.0), np.nextafter(1.0, 0.0)


def sigmoid(margin: np.ndarray) -> np.ndarray:
    """Return p_fake (N,) float64 of margins, accurate to the last digit near 0."""
    margin = np.asarray(margin, np.float64)
    small = np.exp(-np.abs(margin))
    return np.where(margin >= 0, 1.0, small) / (1.0 + small)


def logit(p_fake: np.ndarray) -> np.ndarray:
    """Return margins (N,) of probabilities; finite, about 37 for 1 and -745 for 0."""
    p = np.clip(np.asarray(p_fake, np.float64), _LEAST, _MOST)
    return np.log(p) - np.log1p(-p)


def margins(p_fake: np.ndarray, margin: np.ndarray | None) -> np.ndarray | None:
    """Return the margin (N,) of every score, NaN without a score; None to rank by p_fake.

    If some scores have a margin, those without one get the logit of their probability.

    Args:
        p_fake: (N,) NaN without a score
        margin: (N,) NaN if unknown, or None
    """
    if margin is None:
        return None
    p_fake, margin = np.asarray(p_fake, np.float64), np.asarray(margin, np.float64)
    known = np.isfinite(p_fake) & np.isfinite(margin)
    if not known.any() or contradict(p_fake, margin):
        return None
    return np.where(np.isnan(p_fake), np.nan, np.where(known, margin, logit(p_fake)))


def contradict(p_fake: np.ndarray, margin: np.ndarray) -> bool:
    """Return whether a probability (N,) differs from that of its margin (N,); NaN agrees."""
    with np.errstate(invalid="ignore"):
        return bool((np.abs(sigmoid(margin) - p_fake) > AGREEMENT).any())


def of(p_fake: np.ndarray, margin: np.ndarray | None) -> np.ndarray:
    """Return the values (N,) that order the scores; see :func:`margins` for the arguments."""
    found = margins(p_fake, margin)
    return p_fake if found is None else found


def levels(p_fake: np.ndarray, margin: np.ndarray | None) -> tuple[np.ndarray, bool]:
    """Return scores whose differences mean something, and whether they were moved.

    Where the margins lie within :data:`RANGE` of 0, these are the probabilities. Wider margins are
    divided to fit. Margins that all lie farther away (nearly every probability is 0 or 1, so that
    no threshold is between them) are also moved to their median.

    Args:
        p_fake: (N,) NaN without a score
        margin: (N,) NaN if unknown, or None

    Returns:
        (N,) in [0, 1], NaN without a score; True if the margins were moved
    """
    found = margins(p_fake, margin)
    if found is None:
        return np.asarray(p_fake, np.float64), False
    low, middle, high = np.nanpercentile(found, (5, 50, 95))
    moved = bool(low > RANGE or high < -RANGE)
    centre = middle if moved else 0.0
    scale = max(1.0, max(high - centre, centre - low) / RANGE)
    return np.where(np.isnan(found), np.nan, sigmoid((found - centre) / scale)), moved


def words(p_fake: np.ndarray, margin: np.ndarray | None) -> str:
    """Return a sentence with a caution about the ranks, or ""."""
    if margins(p_fake, margin) is not None:
        return ""
    scored = np.asarray(p_fake, np.float64)
    scored = scored[np.isfinite(scored)]
    text = []
    if margin is not None and np.isfinite(margin).any():
        text.append("The stored margins contradict the probabilities.")
    for end in (1.0, 0.0):
        count = int((scored == end).sum())
        if count > 1:
            text.append(f"Ranked by probability; {count:,} ties at {end:.1f}.")
    if text:
        text.append("Score again, or import logits, to rank by margins.")
    return " ".join(text)


def mean_by(margin: np.ndarray, unit: np.ndarray, count: int) -> np.ndarray:
    """Return (count,) the margin of the mean probability of each unit; NaN without a score.

    Args:
        margin: (N,) NaN without a score
        unit: (N,) in [0, count)
        count: number of units
    """
    there = ~np.isnan(margin)
    values, unit = margin[there], unit[there]
    fake = _log_sum(-np.logaddexp(0.0, -values), unit, count)
    real = _log_sum(-np.logaddexp(0.0, values), unit, count)
    with np.errstate(invalid="ignore"):  # both -inf: no score
        return fake - real


def mean(margin: np.ndarray) -> float:
    """Return the margin of the mean probability of margins (N,), N > 0."""
    return float(mean_by(margin, np.zeros(len(margin), np.int64), 1)[0])


def losses(p_fake: np.ndarray, margin: np.ndarray | None, label: np.ndarray) -> np.ndarray:
    """Return the cross-entropy −log p of the true label (N,), in nats; NaN without a score.

    It is exact and unbounded with margins, else at most 16 nats.
    """
    found = margins(p_fake, margin)
    if found is not None:
        return np.logaddexp(0.0, np.where(label == 1, -found, found))
    p_true = np.where(label == 1, p_fake, 1.0 - p_fake)
    return -np.log(np.clip(p_true, 1e-7, 1.0))  # a saturated error ranks first but stays finite


def _log_sum(values: np.ndarray, unit: np.ndarray, count: int) -> np.ndarray:
    """Return (count,) the log of the sum of exp(values) of each unit, -inf for no values."""
    peak = np.full(count, -np.inf)
    np.maximum.at(peak, unit, values)
    total = np.bincount(unit, np.exp(values - peak[unit]), count)
    with np.errstate(divide="ignore"):
        return peak + np.log(total)
