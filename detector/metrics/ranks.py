"""Decides what scores are ranked by: the margin where there is one, else the probability.

A probability of 32 bits is 1 for every margin (logit of fake minus logit of real) above 17, one of
64 bits for every margin above 37. So whatever orders scores takes its column from :func:`of`, and
nothing but a threshold, a calibration or a label for people reads the probability itself.
"""

from __future__ import annotations

import numpy as np

#: What a stored margin and its probability may differ by: tables round to two digits.
AGREEMENT = 0.01
_LEAST, _MOST = np.nextafter(0.0, 1.0), np.nextafter(1.0, 0.0)


def sigmoid(margin: np.ndarray) -> np.ndarray:
    """p_fake (N,) float64 of margins, to the last digit at the lower end."""
    margin = np.asarray(margin, np.float64)
    small = np.exp(-np.abs(margin))
    return np.where(margin >= 0, 1.0, small) / (1.0 + small)


def logit(p_fake: np.ndarray) -> np.ndarray:
    """Margins (N,) of probabilities; finite, about 37 for 1 and -745 for 0."""
    p = np.clip(np.asarray(p_fake, np.float64), _LEAST, _MOST)
    return np.log(p) - np.log1p(-p)


def margins(p_fake: np.ndarray, margin: np.ndarray | None) -> np.ndarray | None:
    """Margin (N,) of every score, NaN without a score; None where ranks come from p_fake.

    A score without a margin among others that have one gets the logit of its probability.

    Args:
        p_fake: (N,) NaN where there is no score
        margin: (N,) NaN where there is none, or None
    """
    if margin is None:
        return None
    p_fake, margin = np.asarray(p_fake, np.float64), np.asarray(margin, np.float64)
    known = np.isfinite(p_fake) & np.isfinite(margin)
    if not known.any() or contradict(p_fake, margin):
        return None
    return np.where(np.isnan(p_fake), np.nan, np.where(known, margin, logit(p_fake)))


def contradict(p_fake: np.ndarray, margin: np.ndarray) -> bool:
    """Whether a probability (N,) is another than its margin (N,) gives; NaN contradicts nothing."""
    with np.errstate(invalid="ignore"):
        return bool((np.abs(sigmoid(margin) - p_fake) > AGREEMENT).any())


def of(p_fake: np.ndarray, margin: np.ndarray | None) -> np.ndarray:
    """The numbers (N,) that scores are ordered by; see :func:`margins` for the arguments."""
    found = margins(p_fake, margin)
    return p_fake if found is None else found


def words(p_fake: np.ndarray, margin: np.ndarray | None) -> str:
    """What to keep in mind about the ranks, as a sentence; "" where there is nothing."""
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
    """(count,) margin of the mean probability of each unit; NaN where it has no score.

    Args:
        margin: (N,) NaN where there is no score
        unit: (N,) in [0, count)
        count: number of units
    """
    there = ~np.isnan(margin)
    values, unit = margin[there], unit[there]
    fake = _log_sum(-np.logaddexp(0.0, -values), unit, count)
    real = _log_sum(-np.logaddexp(0.0, values), unit, count)
    with np.errstate(invalid="ignore"):  # -inf of both: nothing scored
        return fake - real


def mean(margin: np.ndarray) -> float:
    """Margin of the mean probability of margins (N,), N > 0."""
    return float(mean_by(margin, np.zeros(len(margin), np.int64), 1)[0])


def losses(p_fake: np.ndarray, margin: np.ndarray | None, label: np.ndarray) -> np.ndarray:
    """Cross-entropy −log p of the true label (N,), in nats; NaN where there is no score.

    Exact and without a bound where there are margins, else at most 16 nats.
    """
    found = margins(p_fake, margin)
    if found is not None:
        return np.logaddexp(0.0, np.where(label == 1, -found, found))
    p_true = np.where(label == 1, p_fake, 1.0 - p_fake)
    return -np.log(np.clip(p_true, 1e-7, 1.0))  # a saturated error ranks first and stays finite


def _log_sum(values: np.ndarray, unit: np.ndarray, count: int) -> np.ndarray:
    """(count,) log of the sum of exp(values) of each unit, -inf of none."""
    peak = np.full(count, -np.inf)
    np.maximum.at(peak, unit, values)
    total = np.bincount(unit, np.exp(values - peak[unit]), count)
    with np.errstate(divide="ignore"):
        return peak + np.log(total)
