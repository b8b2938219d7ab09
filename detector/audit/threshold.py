"""Chooses thresholds and records the origin of each, in words that accompany every number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..errors import ForensicsError, MetricUndefined
from ..records import REAL
from .audit_words import count
from .basis import FittedOn
from .columns import CONTENT
from .units import Units

HAND = "hand"
FIXED = "fixed"
EVALUATION = "evaluation"
CALIBRATION = "calibration"
CHECKPOINT = "checkpoint"
ORACLE = "oracle_eer"
NOTHING = FittedOn(frozenset(), frozenset())
SEEN = "it was chosen on the very units that are judged"
BY_HAND = "what it was chosen on is not recorded"
#: source -> maximum false-positive rate on the validation split
VALIDATION = {"val_fpr_5": 0.05, "val_fpr_1": 0.01}


def unreachable(value: float) -> str:
    """Return why a threshold outside [0, 1] puts all scores on one side; "" if it is inside."""
    if value > 1:
        return (
            "no score reaches it, because p_fake is 1 at most (and 1 for reals here): nothing is "
            "called fake"
        )
    return "every score is above it, so everything is called fake" if value < 0 else ""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold on p_fake; fake is called if p_fake >= value.

    Attributes:
        value: in [0, 1]; above 1 if scores of 1 must not be called fake. No score reaches such a
            value, and ``provenance`` says so
        source: :data:`HAND`, :data:`FIXED`, :data:`EVALUATION`, :data:`CALIBRATION`,
            :data:`CHECKPOINT`, :data:`ORACLE` or a key of :data:`VALIDATION`
        provenance: description of the data on which it was chosen
        honest: True if nothing suggests that the value was chosen on the judged data or on related
            data; if False, the rates may be better than elsewhere, and ``provenance`` says why
        rule: rule of the video scores for which it was chosen; "" if unknown
    """

    value: float
    source: str
    provenance: str
    honest: bool = True
    rule: str = ""

    def __post_init__(self) -> None:
        why = unreachable(self.value)
        if why and why not in self.provenance:
            object.__setattr__(self, "provenance", f"{self.provenance}; {why}")

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return asdict(self)

    def doubted(self, why: str) -> Threshold:
        """Return this threshold as not honest for the reason ``why``; unchanged if that is ""."""
        if not why:
            return self
        return replace(self, provenance=f"{self.provenance}; {why}", honest=False)


#: The threshold if nothing is calibrated.
UNCHOSEN = Threshold(0.5, FIXED, "fixed, chosen on no data")


def of_calibration(record: Mapping[str, Any]) -> Threshold:
    """Return the threshold in a record of 'Calibrate threshold', of a dataset or checkpoint."""
    view = f" (view {record['view_sha256'][:12]})" if record.get("view_sha256") else ""
    text = (
        f"chosen {record['date']} on {record['n_real']} real {record['level']}s of "
        f"{', '.join(record['source_datasets'])}{view}: at most {100 * record['target_fpr']:g}% of "
        "them called fake"
    )
    rule = record.get("rule") if record["level"] == "video" else None
    return Threshold(float(record["threshold"]), CALIBRATION, text, rule=rule or "mean")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A threshold that was chosen earlier, with its current validity.

    Attributes:
        threshold: the threshold
        on: groups and files on which it was chosen; None if it was chosen on no data
        level: level of the scores on which it was chosen; "" if on no data
        stale: why it is no longer valid; "" if it is
    """

    threshold: Threshold
    on: FittedOn | None = None
    level: str = ""
    stale: str = ""

    def judging(self, judged: FittedOn, level: str) -> Threshold:
        """Return the threshold for rows judged at ``level``.

        Raises:
            ForensicsError: the threshold is no longer valid
        """
        if self.stale:
            raise ForensicsError(
                f"The threshold of the {self.threshold.source} is no longer valid: {self.stale}.",
                "Calibrate or evaluate again, or choose another source.",
                field="threshold_from",
            )
        why = self.on.shared(judged) if self.on else ""
        if not why and self.level not in ("", level):
            why = f"it was chosen on scores of {self.level}s, and {level}s are judged"
        return self.threshold.doubted(why)


@dataclass(frozen=True, slots=True)
class Stored:
    """Thresholds chosen earlier for these scores; each is None if there is none.

    Attributes:
        evaluation: from the last evaluation
        calibration: from 'Calibrate threshold' on this dataset
        checkpoint: from a 'Calibrate threshold' stored in the checkpoint
    """

    evaluation: Chosen | None = None
    calibration: Chosen | None = None
    checkpoint: Chosen | None = None

    @property
    def default(self) -> str:
        """The default source: the dataset's calibration, else the checkpoint's own, else 0.5.

        Every screen, evaluation, report and analysis uses it.
        """
        if _stands(self.calibration):
            return CALIBRATION
        return CHECKPOINT if _stands(self.checkpoint) else FIXED

    @property
    def for_one(self) -> Threshold:
        """The threshold of :attr:`default`, for uses that show no rates."""
        return self.judging()

    def judging(self, rows: FittedOn = NOTHING, level: str = "") -> Threshold:
        """Return the threshold of :attr:`default` for ``rows`` judged at ``level`` ("": several).

        If the calibration is no longer valid and nothing replaces it, it is 0.5 and says why.
        """
        chosen = {CALIBRATION: self.calibration, CHECKPOINT: self.checkpoint}.get(self.default)
        if chosen is not None:
            return chosen.judging(rows, level or chosen.level)
        late = self.calibration.stale if self.calibration else ""
        if not late:
            return UNCHOSEN
        text = f"{UNCHOSEN.provenance}; the stored threshold is no longer valid: {late}"
        return replace(UNCHOSEN, provenance=text)


def _stands(chosen: Chosen | None) -> bool:
    return chosen is not None and not chosen.stale


def sources(stored: Stored) -> list[tuple[str, str]]:
    """Return (source, label) of every way to choose a threshold."""
    chosen = [(FIXED, "Fixed at 0.5")]
    if stored.calibration is not None:
        label = "Calibrated" if _stands(stored.calibration) else "Calibrated (out of date)"
        chosen.insert(0 if _stands(stored.calibration) else 1, (CALIBRATION, label))
    if stored.checkpoint is not None:
        chosen.insert(len(chosen) - 1, (CHECKPOINT, "The checkpoint's own"))
    if stored.evaluation is not None:
        late = "" if _stands(stored.evaluation) else " (out of date)"
        chosen.append((EVALUATION, f"As in the last evaluation{late}"))
    chosen += [(name, f"At most {rate:.0%} of val reals") for name, rate in VALIDATION.items()]
    return [*chosen, (ORACLE, "Equal errors here (oracle)"), (HAND, "Moved by hand")]


def choose(
    source: str,
    everything: Units,
    judged: Units,
    *,
    value: float = 0.5,
    stored: Stored = Stored(),
    rows: FittedOn = NOTHING,
) -> Threshold:
    """Return the threshold of ``source``.

    Args:
        source: see :class:`Threshold`
        everything: all units of the dataset at the chosen level
        judged: the units of the audit
        value: threshold for :data:`HAND`
        stored: thresholds chosen earlier
        rows: groups and files of the judged units

    Raises:
        ForensicsError: unknown source, no threshold for it here (:class:`MetricUndefined`), or one
            that is no longer valid
    """
    if source == HAND:
        if not 0 <= value <= 1:
            raise ForensicsError(f"The threshold {value} is outside [0, 1].", field="threshold")
        return Threshold(float(value), HAND, "moved by hand").doubted(BY_HAND)
    if source == FIXED:
        return UNCHOSEN
    earlier = {
        EVALUATION: stored.evaluation,
        CALIBRATION: stored.calibration,
        CHECKPOINT: stored.checkpoint,
    }.get(source)
    if earlier is not None:
        return earlier.judging(rows, judged.level)
    if source == ORACLE:
        return _oracle(judged)
    if source in VALIDATION:
        return _validation(source, everything, judged)
    raise ForensicsError(f"There is no threshold {source!r} here.", field="source")


def _oracle(judged: Units) -> Threshold:
    from ..metrics.rates import equal_error_rate

    found = equal_error_rate(judged.label[judged.scored], judged.p_fake[judged.scored])
    text = f"oracle: equal errors on the {judged.level}s shown, so these rates are optimistic"
    return Threshold(found.threshold, ORACLE, text).doubted(SEEN)


def _validation(source: str, everything: Units, judged: Units) -> Threshold:
    from ..metrics.calibration import threshold_for_fpr

    rate = VALIDATION[source]
    reals = _validation_reals(everything)
    if not reals.any():
        raise MetricUndefined(
            "The dataset has no scored reals of a validation split to choose a threshold on.",
            "Choose a fixed threshold, or import a split.",
        )
    value = threshold_for_fpr(everything.p_fake[reals], rate)
    seen = _rows(everything, reals).shared(_rows(judged, judged.scored))
    text = (
        f"chosen on {count(int(reals.sum()), f'real {everything.level}')} of split val: at most "
        f"{rate:.0%} of them called fake"
    )
    return Threshold(value, source, text).doubted(seen)


def _rows(units: Units, chosen: np.ndarray) -> FittedOn:
    """Return the independent units (by number, common to all parts of a dataset) and the files."""
    files = units.texts.get(CONTENT)
    return FittedOn(
        frozenset(np.unique(units.cluster[chosen]).astype(str).tolist()),
        frozenset() if files is None else frozenset(files.take(chosen).present()),
    )


def _validation_reals(units: Units) -> np.ndarray:
    """Return a (U,) mask of the scored reals of split ``val``."""
    split = units.texts.get("split")
    if split is None or "val" not in split.values:
        return np.zeros(len(units), bool)
    is_val = split.codes == split.values.index("val")
    return is_val & units.scored & (units.label == REAL)
