"""Holds the analysis of one file by one detector: persons, verdict, and the data behind it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..audit.threshold import CALIBRATION, Threshold
from ..faces.video_faces import VideoFaces
from ..records import CropRecipe, VideoRecord
from .file_threshold import statement
from .scores import Scores


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
