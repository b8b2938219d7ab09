"""Describes the known quality of a detector for verdicts on single files: ranking and errors.

A verdict states the known quality, and it is withheld if that is too low: the lower bound of the
AUROC (the AUROC itself if too few groups give no interval) is not above :data:`LEAST_AUROC`, more
than :data:`MOST_FALSE_ALARMS` false alarms cannot be ruled out, or the threshold was chosen on
fewer than :data:`LEAST_REALS` reals. Whatever is not known weakens the words of the verdict, see
:func:`detector.scoring.verdict.headline`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..metrics.intervals import wilson_interval

if TYPE_CHECKING:
    from ..model.detector import Detector

LEAST_AUROC = 0.6  # the lower bound must be above it; 0.5 is chance
MOST_FALSE_ALARMS = 0.2  # the upper bound must not be above it
LEAST_REALS = 20  # minimum number of reals for the choice of a threshold


@dataclass(frozen=True, slots=True)
class Ranking:
    """The held-out AUROC of a detector.

    Attributes:
        auroc: of videos
        low, high: 95 % interval, None if there were too few groups
        videos: number of reals and fakes
    """

    auroc: float
    low: float | None
    high: float | None
    videos: int

    def words(self) -> str:
        """Return ``AUROC 0.912 ([0.850, 0.961]) on 60 videos held out of its training``."""
        bounds = "no interval, too few groups"
        if self.low is not None and self.high is not None:
            bounds = f"[{self.low:.3f}, {self.high:.3f}]"
        return f"AUROC {self.auroc:.3f} ({bounds}) on {self.videos} videos held out of its training"


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """The rate of reals called fake at a calibrated threshold.

    Attributes:
        threshold: on p_fake
        target: share of reals that may be called fake
        hits, reals: number of reals called fake, and of all reals on which it was chosen
        independent: number of groups of these reals, on which the interval is based
        on: description of these reals
        tail: their scores from the threshold up, descending; None in older records
    """

    threshold: float
    target: float
    hits: int
    reals: int
    independent: int
    on: str
    tail: tuple[float, ...] | None

    @property
    def rate(self) -> float:
        """Share of the reals that were called fake."""
        return self.hits / self.reals

    def bounds(self) -> tuple[float, float]:
        """Return Wilson's 95 % interval of :attr:`rate`, as if there were one real per group."""
        hits = min(self.independent, -(-self.hits * self.independent // self.reals))
        low, high = wilson_interval(hits, self.independent)
        return min(low, self.rate), max(high, self.rate)

    def words(self) -> str:
        """Return a phrase: ``2 of the 100 real videos of FaceForensics++ that chose it ...``."""
        return (
            f"{self.hits} of the {self.reals} {self.on} that chose it were called fake "
            f"({self.rate:.1%}, 95 % interval {self.bounds()[0]:.1%} to {self.bounds()[1]:.1%})"
        )

    def of_any(self, persons: int) -> tuple[float, float]:
        """Return rate and upper bound of a false alarm on any of ``persons`` real people."""
        return 1 - (1 - self.rate) ** persons, 1 - (1 - self.bounds()[1]) ** persons

    def corrected(self, persons: int) -> float | None:
        """Return the threshold for each of ``persons`` that keeps them together below the target.

        Each person gets the share 1 - (1 - target)^(1 / persons) (Šidák 1967).

        Returns:
            the threshold, or None if the record lacks the scores that it needs
        """
        if persons < 2:
            return self.threshold
        if self.tail is None:
            return None
        share = 1 - (1 - self.target) ** (1 / persons)
        allowed = int(self.reals * share + 1e-9)
        if allowed >= len(self.tail):
            return self.threshold
        higher = self.tail[allowed - 1] if allowed else 1.0
        return max(self.threshold, (self.tail[allowed] + higher) / 2)


@dataclass(frozen=True, slots=True)
class Quality:
    """The known quality of a detector at a threshold; a part is None if unknown."""

    ranking: Ranking | None = None
    false_alarms: FalseAlarms | None = None

    def sentence(self) -> str:
        """Return a sentence on what is known, with intervals and the measured material."""
        known = [part.words() for part in (self.ranking, self.false_alarms) if part is not None]
        if not known:
            return "Nothing is known here about how often this detector errs."
        missing = "" if len(known) == 2 else self._missing()
        return f"Known about this detector: {'; '.join(known)}{missing}."

    def _missing(self) -> str:
        if self.ranking is None:
            return "; no held-out AUROC is recorded"
        return "; how often reals are called fake at this threshold is not known"

    def too_weak(self, persons: int = 1) -> str:
        """Return why there is no verdict, as a sentence; "" if the quality suffices."""
        ranking, alarms = self.ranking, self.false_alarms
        if ranking is not None:
            low = ranking.auroc if ranking.low is None else ranking.low
            if low <= LEAST_AUROC:
                return (
                    f"No verdict: the detector hardly tells real from fake ({ranking.words()}; "
                    f"a verdict needs a lower bound above {LEAST_AUROC:g})."
                )
        if alarms is None:
            return ""
        if alarms.reals < LEAST_REALS:
            return (
                f"No verdict: its threshold was chosen on {alarms.reals} reals; a verdict needs "
                f"{LEAST_REALS}."
            )
        corrected = alarms.corrected(persons) is not None
        high = alarms.bounds()[1] if corrected else alarms.of_any(persons)[1]
        if high > MOST_FALSE_ALARMS:
            return (
                f"No verdict: {alarms.words()}, so {high:.0%} false alarms cannot be ruled out; a "
                f"verdict needs less than {MOST_FALSE_ALARMS:.0%}."
            )
        return ""


UNKNOWN = Quality()


def quality_of(detector: Detector, calibration: Mapping[str, Any] | None) -> Quality:
    """Return the quality recorded in the checkpoint and in a calibration.

    Args:
        detector: a loaded detector
        calibration: record of 'Calibrate threshold' with the threshold, None for other thresholds
    """
    found = (detector.info.get("training") or {}).get("validation") or {}
    ranking = None
    if found.get("auroc") is not None:
        count = int(found.get("n_real") or 0) + int(found.get("n_fake") or 0)
        ranking = Ranking(found["auroc"], found.get("auroc_low"), found.get("auroc_high"), count)
    if not calibration or not calibration.get("n_real"):
        return Quality(ranking)
    reals, target = int(calibration["n_real"]), float(calibration["target_fpr"])
    tail = calibration.get("false_alarm_scores")
    hits = int(reals * target + 1e-9) if tail is None else len(tail)
    on = f"real {calibration['level']}s of {', '.join(calibration['source_datasets'])}"
    alarms = FalseAlarms(
        threshold=float(calibration["threshold"]),
        target=target,
        hits=hits,
        reals=reals,
        independent=int(calibration.get("real_groups") or reals),
        on=on,
        tail=None if tail is None else tuple(float(score) for score in tail),
    )
    return Quality(ranking, alarms)
