"""Where a threshold comes from, in a value and in words that stay beside every number."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...detector.errors import ForensicsError, MetricUndefined
from ...detector.records import REAL
from .audit_units import Units
from .audit_words import count

HAND = "hand"
FIXED = "fixed"
EVALUATION = "evaluation"
CALIBRATION = "calibration"
ORACLE = "oracle_eer"
#: source -> highest false-positive rate allowed on the validation split
VALIDATION = {"val_fpr_5": 0.05, "val_fpr_1": 0.01}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold on p_fake: fake is called where p_fake >= value.

    Attributes:
        value: in [0, 1]
        source: :data:`HAND`, :data:`FIXED`, :data:`EVALUATION`, :data:`CALIBRATION`,
            :data:`ORACLE` or a key of :data:`VALIDATION`
        provenance: what it was chosen on, in words
        honest: False where it was chosen on the very units that are judged
    """

    value: float
    source: str
    provenance: str
    honest: bool = True

    def to_json(self) -> dict[str, Any]:
        """Plain dict."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Stored:
    """Thresholds that were chosen earlier for these scores, each None where there is none.

    Attributes:
        stored: thresholds that were chosen earlier
        groups: ``group_id`` of what is judged
        calibration: threshold of 'Calibrate threshold', how it was chosen, and the groups that it
            was chosen on
    """

    evaluation: tuple[float, str] | None = None
    calibration: tuple[float, str, frozenset[str]] | None = None

    @property
    def default(self) -> str:
        """The most honest source that there is."""
        return CALIBRATION if self.calibration is not None else FIXED


def sources(stored: Stored) -> list[tuple[str, str]]:
    """(source, label) of every way to choose a threshold."""
    chosen = [(FIXED, "Fixed at 0.5")]
    if stored.calibration is not None:
        chosen.insert(0, (CALIBRATION, "Calibrated"))
    if stored.evaluation is not None:
        chosen.append((EVALUATION, "As in the last evaluation"))
    chosen += [(name, f"At most {rate:.0%} of val reals") for name, rate in VALIDATION.items()]
    return [*chosen, (ORACLE, "Equal errors here (oracle)"), (HAND, "Moved by hand")]


def choose(
    source: str,
    everything: Units,
    judged: Units,
    *,
    value: float = 0.5,
    stored: Stored = Stored(),
    groups: Collection[str] = (),
) -> Threshold:
    """The threshold of ``source``.

    Args:
        source: see :class:`Threshold`
        everything: all units of the dataset at the chosen level
        judged: those that the audit is of
        value: threshold of :data:`HAND`
        evaluation: threshold of the last evaluation and where it had it from

    Raises:
        ForensicsError: unknown source, or it has no threshold here (:class:`MetricUndefined`)
    """
    if source == HAND:
        if not 0 <= value <= 1:
            raise ForensicsError(f"The threshold {value} is outside [0, 1].", field="threshold")
        return Threshold(float(value), HAND, "moved by hand, chosen on no data")
    if source == FIXED:
        return Threshold(0.5, FIXED, "fixed, chosen on no data")
    if source == EVALUATION and stored.evaluation is not None:
        value, text = stored.evaluation
        return Threshold(value, EVALUATION, f"of the last evaluation: {text}")
    if source == CALIBRATION and stored.calibration is not None:
        value, text, chosen_on = stored.calibration
        seen = len(chosen_on & set(groups))
        if seen:
            text += f"; {seen} of its groups are among those shown, so these rates flatter"
        return Threshold(value, CALIBRATION, text, honest=not seen)
    if source == ORACLE:
        return _oracle(judged)
    if source in VALIDATION:
        return _validation(source, everything, judged)
    raise ForensicsError(f"There is no threshold {source!r} here.", field="source")


def _oracle(judged: Units) -> Threshold:
    from ...detector.metrics import equal_error_rate

    found = equal_error_rate(judged.label[judged.scored], judged.p_fake[judged.scored])
    text = f"oracle: equal errors on the very {judged.level}s shown, so these rates flatter"
    return Threshold(float(np.clip(found.threshold, 0, 1)), ORACLE, text, honest=False)


def _validation(source: str, everything: Units, judged: Units) -> Threshold:
    from ...detector.calibration import threshold_for_fpr

    rate = VALIDATION[source]
    reals = _validation_reals(everything)
    if not reals.any():
        raise MetricUndefined(
            "The dataset has no scored reals of a validation split to choose a threshold on.",
            "Choose a fixed threshold, or import a split.",
        )
    value = threshold_for_fpr(everything.p_fake[reals], rate)
    seen = bool(_validation_reals(judged).any())
    text = (
        f"chosen on {count(int(reals.sum()), f'real {everything.level}')} of split val: at most "
        f"{rate:.0%} of them called fake"
    )
    text += "; they are among those shown, so these rates flatter" if seen else ""
    return Threshold(float(np.clip(value, 0, 1)), source, text, honest=not seen)


def _validation_reals(units: Units) -> np.ndarray:
    """(U,) mask of the scored reals of split ``val``."""
    split = units.texts.get("split")
    if split is None or "val" not in split.values:
        return np.zeros(len(units), bool)
    is_val = split.codes == split.values.index("val")
    return is_val & units.scored & (units.label == REAL)
