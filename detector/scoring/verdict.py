"""Judges one file: fake, no sign of manipulation, or an abstention, with reasons.

A verdict is a statement about one detector at one threshold, and it states the origin of the
threshold. If the file does not allow a verdict, the result is an abstention with reasons, never
"real".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..audit.threshold import Threshold, unreachable
from ..crops.coverage import before_damage_checks, cut_off, unchecked
from ..faces.video_faces import VideoFaces
from ..frames.frame import UNSEEN
from ..records import CropRecipe, Reason
from ..weights.shipped_detectors import caution_about
from .analysis import Person
from .file_threshold import statement
from .known_quality import UNKNOWN as UNKNOWN_QUALITY, Quality

if TYPE_CHECKING:
    from ..model.detector import Detector

SMALL_EYES = 24.0  # pixels between the eyes below which a face is considered small


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
