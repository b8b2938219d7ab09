"""Judges one file: fake, no sign of manipulation, or an abstention, with reasons.

A verdict is a statement about one detector at one threshold, and it states the origin of the
threshold. If the file does not allow a verdict, the result is an abstention with reasons, never
"real".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..audit.threshold import CALIBRATION, FIXED, UNCHOSEN, Threshold, of_calibration, unreachable
from ..crops.coverage import before_damage_checks, cut_off, unchecked
from ..errors import ForensicsError
from ..faces.video_faces import VideoFaces
from ..frames.frame import UNSEEN
from ..records import CropRecipe, Reason, VideoRecord
from ..weights.shipped_detectors import caution_about
from .aggregate import RULES
from .known_quality import UNKNOWN as UNKNOWN_QUALITY, Quality
from .scores import Scores

if TYPE_CHECKING:
    from ..model.detector import Detector

SMALL_EYES = 24.0  # pixels between the eyes below which a face is considered small


@dataclass(frozen=True, slots=True)
class PersonFrame:
    """One face of a person.

    Attributes:
        frame: 0-based frame number
        seconds: presentation time, None for images
        p_fake: None if there is no score
        reason: why there is none, a value of :class:`detector.records.Reason`
        crop: absolute path of the crop, or None
        box: (x1, y1, x2, y2) in frame pixels
        eye_distance: pixels between the eyes
        margin: logit of fake minus logit of real, None without a score
    """

    frame: int
    seconds: float | None
    p_fake: float | None
    reason: str | None
    crop: str | None
    box: tuple[float, ...]
    eye_distance: float | None
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """One track of the file.

    Attributes:
        track: its number
        timeline: its faces in the order of frames
        score: aggregated score of the scored faces, None without one
        scored: number of faces with a score
        drivers: numbers of the frames that weigh most for the verdict, the strongest first
        enough: True if there are enough faces for a verdict
        verdict: in words, no stronger than what is known of the detector
        at: the threshold at which it was judged, raised where several persons were; else None
    """

    track: int
    timeline: tuple[PersonFrame, ...]
    score: float | None
    scored: int
    drivers: tuple[int, ...]
    enough: bool
    verdict: str = ""
    at: float | None = None

    @property
    def name(self) -> str:
        """Words for it, with the number that the fields and the panels show."""
        return f"Person {self.track}" if self.track >= 0 else "The person"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The data behind an analysis.

    Attributes:
        record: the file as a video without a label
        faces: all faces found in it
        recipe: of the crops
        crop_folder: base folder of the crops' paths
        scores: of ``faces.crops``, in their order
    """

    record: VideoRecord
    faces: VideoFaces
    recipe: CropRecipe
    crop_folder: Path
    scores: Scores


@dataclass(frozen=True, slots=True)
class Analysis:
    """The analysis of one file by one detector.

    Attributes:
        path, sha256: the file
        verdict: ``fake``, ``real`` (no sign of what the detector knows) or ``abstain``
        score: the highest score of a person with enough faces; None without one
        reasons: sentences: why there is no verdict, or what to consider
        threshold: with its provenance
        persons: sorted by score, the highest first
        frames_tried, frames_usable: numbers of frames
        detector, detector_sha256, recipe_hash, rule: provenance
        source: properties of the source
        headline: the verdict in words, no stronger than what is known of the detector
        evidence: the data behind it, not part of its JSON
    """

    path: str
    sha256: str
    verdict: str
    score: float | None
    reasons: tuple[str, ...]
    threshold: Threshold
    persons: tuple[Person, ...]
    frames_tried: int
    frames_usable: int
    detector: str
    detector_sha256: str
    recipe_hash: str
    rule: str
    source: dict[str, Any]
    headline: str
    evidence: Evidence | None = None

    def to_json(self) -> dict[str, Any]:
        """Return lists, dicts, numbers and texts; the threshold is ``operating``, as in 0.3."""
        found = asdict(replace(self, evidence=None))
        del found["evidence"]
        threshold = self.threshold
        found["operating"] = {
            "threshold": threshold.value,
            "statement": statement(threshold),
            "calibrated": threshold.source == CALIBRATION,
            "rule": threshold.rule or "mean",
        }
        del found["threshold"]
        return found


def threshold_for(detector: Detector, calibration: Mapping[str, Any] | None = None) -> Threshold:
    """Return the threshold in ``calibration``, in the detector's own record, or 0.5.

    Args:
        detector: a loaded detector
        calibration: a record stored by ``calibrate_threshold``; by default the detector's own

    Raises:
        ForensicsError: the calibration belongs to another checkpoint
    """
    record = calibration or detector.info.get("calibration")
    if not record or record.get("threshold") is None:
        return UNCHOSEN
    made_for = record.get("checkpoint_sha256")
    if made_for != detector.sha256:
        raise ForensicsError(
            f"The calibration belongs to the checkpoint {str(made_for)[:12]}, not to this one "
            f"({detector.sha256[:12]}).",
            "Calibrate this detector.",
            "calibration",
        )
    threshold = of_calibration(record)
    return threshold if threshold.rule in RULES else replace(threshold, rule="mean")


def statement(threshold: Threshold) -> str:
    """Return the origin of a threshold and what it implies, without a full stop."""
    if threshold.source == FIXED:
        return (
            f"The threshold {threshold.value:g} was chosen on no data: the error rates on material "
            "like this are unknown"
        )
    return (
        f"The threshold {threshold.value:.3f} was {threshold.provenance}. On material unlike that "
        "it promises nothing"
    )


def judge(
    found: VideoFaces,
    persons: tuple[Person, ...],
    threshold: Threshold,
    least: int,
    quality: Quality = UNKNOWN_QUALITY,
) -> tuple[str, float | None, list[str]]:
    """Return the verdict, the score and the reasons.

    The verdict is ``fake`` if one person reaches the threshold, which is raised for several people.
    It abstains without a person to judge, or if the known quality of the detector is too low.
    """
    judged = [person for person in persons if person.enough]
    if judged and unreachable(threshold.value):  # every file would get the same verdict
        return "abstain", None, [statement(threshold) + "."]
    if not judged:
        reason = found.reason or Reason.NOT_SCORED.value
        if any(person.scored for person in persons):
            most = max(person.scored for person in persons)
            text = f"At most {most} faces of one person could be scored; a verdict needs {least}."
        else:
            text = f"No face could be scored ({reason})."
            text += f" {found.detail}" if found.detail else ""
        return "abstain", None, [text]
    score = max(person.score for person in judged if person.score is not None)
    said = [statement(threshold) + ".", quality.sentence()]
    if weak := quality.too_weak(len(judged)):
        return "abstain", score, [weak, *said]
    at, several = several_people(len(judged), threshold, quality)
    verdict = "fake" if score >= at else "real"
    reasons = [*said, *several]
    if verdict == "real":
        reasons.append(
            "Below the threshold means no sign of the face manipulations that this detector knows; "
            "it does not prove that the file is genuine."
        )
    return verdict, score, reasons


def headline(verdict: str, quality: Quality) -> str:
    """Return a verdict in words, which are weaker if the detector's errors are not known."""
    if verdict == "fake":
        unknown = "over the threshold; how often reals are is not known"
        return "called fake" if quality.false_alarms is not None else unknown
    if verdict == "real":
        unknown = "under the threshold; how often fakes are is not known"
        known = "no sign of what this detector knows"
        return known if quality.ranking is not None else unknown
    return "no verdict"


def judged_each(
    persons: tuple[Person, ...], verdict: str, threshold: Threshold, quality: Quality
) -> tuple[Person, ...]:
    """Return the persons with their verdicts in words, at the threshold of all together.

    Args:
        persons: of the file
        verdict: of the file, from :func:`judge`; without one no person has one
        threshold, quality: as for :func:`judge`
    """
    at, _ = several_people(sum(person.enough for person in persons), threshold, quality)

    def of(person: Person) -> str:
        if verdict == "abstain" or not person.enough or person.score is None:
            return "abstain"
        return "fake" if person.score >= at else "real"

    return tuple(
        replace(person, verdict=headline(of(person), quality), at=at) for person in persons
    )


def several_people(persons: int, threshold: Threshold, quality: Quality) -> tuple[float, list[str]]:
    """Return the threshold for each of ``persons``, and sentences on the effect on false alarms."""
    if persons < 2:
        return threshold.value, []
    alarms = quality.false_alarms
    if alarms is None:
        return threshold.value, [
            f"{persons} people were judged, each at the threshold of one: a false alarm on any of "
            "them is likelier than on one, by how much is not known."
        ]
    at = alarms.corrected(persons)
    if at is None:
        rate, high = alarms.of_any(persons)
        return threshold.value, [
            f"{persons} people were judged, each at the threshold of one: a false alarm on any of "
            f"them comes in {rate:.1%} (up to {high:.1%}) of such files."
        ]
    return at, [
        f"{persons} people were judged, each at {at:.3f} instead of {threshold.value:.3f}, so that "
        f"a false alarm on any of them stays at {alarms.target:.1%} (Šidák's correction; at the "
        f"threshold of one it would be {alarms.of_any(persons)[0]:.1%})."
    ]


def cautions(
    found: VideoFaces,
    persons: tuple[Person, ...],
    threshold: Threshold,
    rule: str,
    detector: Detector,
    recipe: CropRecipe,
) -> list[str]:
    """Return sentences about what weakens a verdict on this file."""
    caution = caution_about(detector.sha256)
    out = [caution] if caution else []
    tried, usable = len(found.frames), sum(frame.usable for frame in found.frames)
    if tried and usable < 0.5 * tried:
        out.append(f"Only {usable} of {tried} frames show a usable face.")
    out += _of_the_source(found)
    lost = [person for person in persons if not person.enough]
    if lost and len(lost) < len(persons):
        out.append(f"{len(lost)} more people have too few faces to be judged.")
    if threshold.rule and rule != threshold.rule:
        out.append(f"The threshold was chosen for the rule {threshold.rule!r}, not for {rule!r}.")
    for person in persons:
        scored = [row for row in person.timeline if row.p_fake is not None]
        if not person.enough or person.score is None:
            continue
        values = np.array([row.p_fake for row in scored], np.float64)
        error = float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else 0.0
        if abs(person.score - threshold.value) < 2 * error:
            out.append(
                f"{person.name} is close to the threshold: {person.score:.3f} with a "
                f"standard error of {error:.3f} over its frames."
            )
        eyes = [row.eye_distance for row in scored if row.eye_distance is not None]
        if eyes and float(np.median(eyes)) < SMALL_EYES:
            out.append(f"{person.name} is small: {np.median(eyes):.0f} pixels between the eyes.")
    trained = detector.info.get("crop_recipe")
    known = CropRecipe.from_json(trained) if trained else None
    if known is None:
        out.append("The checkpoint does not say on which crops it was trained.")
    elif known.detector_sha256 not in ("", recipe.detector_sha256):
        out.append("The faces were found by another face detector than in training.")
    return out


def _of_the_source(found: VideoFaces) -> list[str]:
    """Return sentences about properties and damage of the file that weaken a verdict."""
    out, info = [], found.info
    if missing := info.get("missing_frames"):
        whole = found.frame_count or missing
        out.append(f"{cut_off(missing)}: {whole - missing} of {whole} are judged.")
    broken = sum(frame.reason == Reason.DECODE_ERROR.value for frame in found.frames)
    if broken:
        out.append(
            f"{broken} of {len(found.frames)} tried frames are damaged, or predicted from damaged "
            "ones, and are left out; damage that the decoder does not notice may remain in others."
        )
    if info.get("codec") in UNSEEN:
        out.append(
            f"Damage inside the pictures of {info['codec'].upper()} mostly stays unseen: its "
            "decoder shows other pictures in place of an error."
        )
    if before_damage_checks(found):
        out.append(unchecked(1))
    if info.get("interlaced"):
        out.append("The video is interlaced: moving edges are combed, as in no training material.")
    if transfer := info.get("transfer"):
        out.append(
            f"The file has a high dynamic range ({transfer.upper()}), mapped to the standard one; "
            "detectors are trained on material that was recorded in the standard range."
        )
    return out
