"""Fits probabilities and thresholds on one chosen set of rows, never on the rows to be judged.

A calibration changes how certain a score is (temperature, Platt, isotonic); a threshold turns it
into a call. Both record the rows on which they were fitted. Sources: Platt 1999 with its smoothed
targets; temperature: Guo et al. 2017 (arXiv 1706.04599); isotonic: pool adjacent violators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..errors import ForensicsError, MetricUndefined
from ..records import known_keys
from .curve import ArrayLike, checked, require_both, require_resolution
from .ranks import logit, margins, sigmoid

METHODS = ("temperature", "platt", "isotonic")
SANE = 10.0  # a temperature or slope above it, or below its inverse, gets a caution
FLAT = 0.05  # minimum rise of isotonic probabilities without a caution
_CLIP = 1e-7  # minimum distance of p_fake from 0 and 1 when its logit is taken


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted map from p_fake to a calibrated p_fake, with its provenance.

    Attributes:
        method: one of ``METHODS``
        parameters: temperature: (T,); platt: (a, b) of sigmoid(a * logit(p) + b); isotonic: knots
            p1, q1, p2, q2, ... of a piecewise linear rising function, constant outside
        n_real, n_fake: number of rows used for the fit
        fitted_on: description of those rows: view, dataset, detector and recipe hashes, level
            (``face`` or ``video``), date
    """

    method: str
    parameters: tuple[float, ...]
    n_real: int
    n_fake: int
    fitted_on: dict[str, Any] = field(default_factory=dict)

    def apply(self, scores: ArrayLike, margin: np.ndarray | None = None) -> np.ndarray:
        """Return calibrated p_fake (N,) for p_fake (N,); NaN stays NaN.

        Args:
            scores: (N,) p_fake
            margin: (N,) logits of ``scores`` if known, because p_fake is 1 for many margins

        Raises:
            ForensicsError: a method unknown to this version
        """
        values = np.asarray(scores, np.float64)
        if self.method == "temperature":
            return sigmoid(_logits(values, margin) / self.parameters[0])
        if self.method == "platt":
            return sigmoid(self.parameters[0] * _logits(values, margin) + self.parameters[1])
        if self.method == "isotonic":
            knots = np.array(self.parameters).reshape(-1, 2)
            return np.where(np.isnan(values), np.nan, np.interp(values, knots[:, 0], knots[:, 1]))
        raise ForensicsError(
            f"There is no calibration {self.method!r}.", f"Known: {', '.join(METHODS)}.", "method"
        )

    def caution(self) -> str:
        """Return why its probabilities are unreliable, as a sentence; "" if there is no sign.

        A network's temperature is near 1 (Guo et al. report 0.5 to 3). One far outside
        :data:`SANE` means that scores and labels are hardly related, or that the rows separate by
        chance or because they are few.
        """
        if self.method == "isotonic":
            heights = self.parameters[1::2]
            flat = max(heights) - min(heights) < FLAT
            return (
                "The calibration is flat: the scores carry no information about these labels."
                if flat
                else ""
            )
        scale = self.parameters[0] if self.method == "platt" else 1 / self.parameters[0]
        name, value = ("slope", scale) if self.method == "platt" else ("temperature", 1 / scale)
        what = f"{name} {value:,.0f}" if abs(value) >= 100 else f"{name} {value:.3g}"
        if scale <= 0:
            return f"The calibration has the {what}: a higher score means less fake here."
        if scale < 1 / SANE:
            return (
                f"The calibration has the {what}, far from 1: the scores say next to nothing of "
                "these labels, and every calibrated probability lies near their share of fakes."
            )
        if scale > SANE:
            return (
                f"The calibration has the {what}, far from 1: these rows separate so well that "
                "their number decides how sure a calibrated probability sounds."
            )
        return ""

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict, the inverse of :meth:`from_json`."""
        return {**asdict(self), "parameters": list(self.parameters)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calibration:
        """Return a calibration from :meth:`to_json`; unknown keys raise :class:`ForensicsError`."""
        known = known_keys(cls, dict(data))
        return cls(**{**known, "parameters": tuple(known["parameters"])})


def fit_calibration(
    y_true: ArrayLike,
    scores: ArrayLike,
    method: str = "temperature",
    fitted_on: Mapping[str, Any] | None = None,
    margin: np.ndarray | None = None,
) -> Calibration:
    """Fit a calibration on labelled scores.

    Args:
        y_true: (N,) 0 real, 1 fake
        scores: (N,) p_fake in [0, 1]
        method: ``temperature`` (one parameter, keeps 0.5 fixed), ``platt`` (two, also moves 0.5)
            or ``isotonic`` (any rising function; needs some hundred rows)
        fitted_on: provenance to store
        margin: (N,) logits of ``scores`` if known; isotonic ignores them

    Raises:
        ForensicsError: unknown method, or scores outside [0, 1]
        MetricUndefined: one class only
    """
    labels, values = checked(y_true, scores)
    require_both(labels, "A calibration")
    if values.min() < 0 or values.max() > 1:
        raise ForensicsError("A calibration is fitted on probabilities in [0, 1], not on logits.")
    fits: dict[str, Callable[[], tuple[float, ...]]] = {
        "temperature": lambda: _fit_temperature(labels, _logits(values, margin)),
        "platt": lambda: _fit_platt(labels, _logits(values, margin)),
        "isotonic": lambda: _fit_isotonic(labels, values),
    }
    if method not in fits:
        raise ForensicsError(
            f"There is no calibration {method!r}.", f"Known: {', '.join(METHODS)}.", "method"
        )
    reals, fakes = int((labels == 0).sum()), int((labels == 1).sum())
    return Calibration(method, fits[method](), reals, fakes, dict(fitted_on or {}))


def _logits(p_fake: np.ndarray, margin: np.ndarray | None) -> np.ndarray:
    found = margins(p_fake, margin)
    return logit(np.clip(p_fake, _CLIP, 1 - _CLIP)) if found is None else found


def _fit_temperature(labels: np.ndarray, logits: np.ndarray) -> tuple[float, ...]:
    """Return the temperature of least cross-entropy, by bisection (it is convex in 1/T)."""

    def slope(scale: float) -> float:
        return float(np.mean((sigmoid(scale * logits) - labels) * logits))

    low, high = 1e-3, 1e3  # 1/T; scores without information go to T = 1000
    if slope(low) >= 0:
        return (1 / low,)
    if slope(high) <= 0:
        return (1 / high,)
    for _ in range(100):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return (float(1 / np.sqrt(low * high)),)


def _fit_platt(labels: np.ndarray, values: np.ndarray) -> tuple[float, ...]:
    """Fit a logistic regression with Platt's targets; return its slope and intercept.

    The targets (n + 1) / (n + 2) keep the parameters finite on separable data. Each row counts as
    a fake with its target as weight, and as a real with the rest.
    """
    from sklearn.linear_model import LogisticRegression

    logits = values[:, None]
    solver = "newton-cholesky" if np.ptp(logits) else "lbfgs"  # equal scores: no unique slope
    reals, fakes = int((labels == 0).sum()), int((labels == 1).sum())
    target = np.where(labels == 1, (fakes + 1) / (fakes + 2), 1 / (reals + 2))
    fit = LogisticRegression(C=np.inf, solver=solver, tol=1e-10, max_iter=1000).fit(
        np.concatenate([logits, logits]),
        np.repeat([1, 0], labels.size),
        np.concatenate([target, 1 - target]),
    )
    return float(fit.coef_[0, 0]), float(fit.intercept_[0])


def _fit_isotonic(labels: np.ndarray, values: np.ndarray) -> tuple[float, ...]:
    """Return the least-squares rising function as knots; equal scores get their labels' mean."""
    from sklearn.isotonic import IsotonicRegression

    fit = IsotonicRegression(out_of_bounds="clip").fit(values, labels)
    return tuple(np.stack([fit.X_thresholds_, fit.y_thresholds_], axis=1).ravel().tolist())


def threshold_for_fpr(real_scores: ArrayLike, fpr: float) -> float:
    """Return the lowest threshold at which the share of reals with p_fake >= it is <= ``fpr``.

    It lies in the middle of the gap between the highest real that must stay below and the next
    higher score, or 1 if no real may be called fake. It is above 1, where no score reaches it, if
    reals that must stay below have a p_fake of 1 (:func:`detector.audit.threshold.unreachable`).

    Raises:
        ForensicsError: some scores are not finite
        MetricUndefined: no reals, or fewer than 1 / ``fpr``
    """
    values = np.sort(np.asarray(real_scores, np.float64).ravel())[::-1]
    if not values.size:
        raise MetricUndefined("A threshold for a false-positive rate needs real rows.")
    if not np.isfinite(values).all():
        raise ForensicsError("Some scores are missing or infinite; leave those rows out.")
    require_resolution(values.size, fpr)
    allowed = int(np.floor(values.size * fpr + 1e-9))
    if allowed >= values.size:
        return float(values[-1])
    below = values[allowed]
    higher = values[values > below]
    ceiling = higher[-1] if higher.size else max(1.0, below)
    middle = (below + ceiling) / 2
    return float(middle if middle > below else np.nextafter(below, np.inf))
