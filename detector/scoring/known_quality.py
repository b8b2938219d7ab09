"""What is known of a detector when it judges a single file: how well it ranks, how often it errs.

A verdict carries it, and is withheld below a stated quality: an AUROC whose interval reaches down
to :data:`LEAST_AUROC`, false alarms of which more than :data:`MOST_FALSE_ALARMS` cannot be ruled
out, or a threshold chosen on fewer than :data:`LEAST_REALS` reals. Where nothing is known the
verdict says that, and stands on nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..metrics.intervals import wilson_interval

if TYPE_CHECKING:
    from ..model.detector import Detector

LEAST_AUROC = 0.6  # the lower bound must lie above it; 0.5 is a coin
MOST_FALSE_ALARMS = 0.2  # the upper bound must not lie above it
LEAST_REALS = 20  # that a threshold was chosen on


@dataclass(frozen=True, slots=True)
class Ranking:
    """Held-out AUROC of a detector.

    Attributes:
        auroc: of videos
        low, high: 95 % interval, None where there were too few groups for one
        videos: reals and fakes
    """

    auroc: float
    low: float | None
    high: float | None
    videos: int

    def words(self) -> str:
        """``AUROC 0.912 [0.850, 0.961] on 60 videos held out of its training``."""
        bounds = "no interval, too few groups"
        if self.low is not None and self.high is not None:
            bounds = f"[{self.low:.3f}, {self.high:.3f}]"
        return f"AUROC {self.auroc:.3f} ({bounds}) on {self.videos} videos held out of its training"


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """How often reals were called fake at a calibrated threshold.

    Attributes:
        threshold: on p_fake
        target: share of reals that may be called fake
        hits, reals: reals called fake, and all, of those that it was chosen on
        independent: groups of these reals: what the interval goes by
        on: what they were, in words
        tail: their scores from the threshold up, descending; None in records of old
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
        """Wilson's 95 % interval of :attr:`rate`, as if there were one real per group."""
        hits = min(self.independent, -(-self.hits * self.independent // self.reals))
        low, high = wilson_interval(hits, self.independent)
        return min(low, self.rate), max(high, self.rate)

    def words(self) -> str:
        """``2 of 100 real videos (2.0 %, at most 7.0 %) of FaceForensics++ were called fake``."""
        return (
            f"{self.hits} of the {self.reals} {self.on} that chose it were called fake "
            f"({self.rate:.1%}, 95 % interval {self.bounds()[0]:.1%} to {self.bounds()[1]:.1%})"
        )

    def of_any(self, persons: int) -> tuple[float, float]:
        """Rate and upper bound of a false alarm on any of ``persons`` real people."""
        return 1 - (1 - self.rate) ** persons, 1 - (1 - self.bounds()[1]) ** persons

    def corrected(self, persons: int) -> float | None:
        """Threshold for one of ``persons``, so that all together stay below :attr:`target`.

        Each person gets the share 1 - (1 - target)^(1 / persons) (Šidák 1967).

        Returns:
            the threshold, None where the record does not hold the scores that it needs
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
    """What is known of a detector at a threshold; None where nothing is."""

    ranking: Ranking | None = None
    false_alarms: FalseAlarms | None = None

    def sentence(self) -> str:
        """What is known, with its intervals and what it was measured on."""
        known = [part.words() for part in (self.ranking, self.false_alarms) if part is not None]
        if not known:
            return "Nothing is known here of how often this detector errs."
        missing = "" if len(known) == 2 else self._missing()
        return f"Known of this detector: {'; '.join(known)}{missing}."

    def _missing(self) -> str:
        if self.ranking is None:
            return "; no held-out AUROC is recorded"
        return "; how often reals are called fake at this threshold is not known"

    def too_weak(self, persons: int = 1) -> str:
        """Why there is no verdict, in a sentence; "" where the stated quality is met."""
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
    """What the checkpoint's record and a calibration say.

    Args:
        detector: loaded
        calibration: record of 'Calibrate threshold' that the threshold is of, None for another
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
