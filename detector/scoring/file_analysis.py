"""Analyzes one file: finds its persons and their scores over time; ``verdict.py`` judges them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..audit.threshold import CALIBRATION, Threshold
from ..crops.store import CropStore
from ..crops.video_work import extract_video
from ..errors import Cancelled, ForensicsError
from ..faces.video_faces import VideoFaces
from ..files.companions import is_companion, is_hidden, is_unseen
from ..files.hashes import file_sha256
from ..files.paths import given, readable
from ..files.video_suffixes import VIDEO_SUFFIXES
from ..frames.pictures import SUFFIXES as PICTURES, is_picture
from ..progress import Progress
from ..records import UNKNOWN, CropRecipe, Reason, VideoRecord
from .aggregate import video_margin, video_score
from .analysis import Analysis, Evidence, Person, PersonFrame
from .crop_scores import score_crops
from .file_threshold import threshold_for
from .known_quality import quality_of
from .scores import joined
from .verdict import cautions, headline, judge, judged_each

if TYPE_CHECKING:
    from ..faces.interface import FaceDetector
    from ..model.detector import Detector

MIN_FACES = 4  # minimum number of a person's scored faces in a video for a verdict
DRIVERS = 5  # number of frames named as driving a verdict
VIDEOS = VIDEO_SUFFIXES | {".gif"}


def files_of(path: str | Path) -> list[Path]:
    """Return the file itself, or every video and picture in a folder, by name.

    Raises:
        ForensicsError: nothing was found
    """
    path = given(path, "path")
    if path.is_file():
        return [path]
    found = sorted(
        file
        for file in (path.iterdir() if path.is_dir() else ())
        if file.is_file() and _is_media(file)
    )
    if not found:
        what = "holds no video or picture" if path.is_dir() else "is not there"
        raise ForensicsError(f"{path} {what}.", "Choose a file or another folder.", "path")
    return found


def left_out(path: str | Path) -> str:
    """Return a text about a folder's entries that :func:`files_of` leaves out; "" if none."""
    path = given(path, "path")
    if not path.is_dir():
        return ""
    entries = sorted(entry for entry in path.iterdir() if not is_companion(entry.name))
    hidden = [entry.name for entry in entries if is_hidden(entry.name)]
    entries = [entry for entry in entries if not is_hidden(entry.name)]
    others = [entry.name for entry in entries if entry.is_file() and not _is_media(entry)]
    folders = [entry.name for entry in entries if entry.is_dir()]
    said = []
    for names, what in (
        (others, "no video or picture"),
        (folders, "folders are not entered"),
        (hidden, "hidden, or in a bin"),
    ):
        if names:
            more = f" and {len(names) - 10} more" if len(names) > 10 else ""
            shown = ", ".join(readable(name) for name in names[:10])
            said.append(f"{shown}{more} ({what})")
    return f"Not looked at: {'; '.join(said)}." if said else ""


def _is_media(file: Path) -> bool:
    return file.suffix.lower() in PICTURES | VIDEOS and not is_unseen(file.name)


def recipe_of(detector: Detector) -> CropRecipe:
    """Return the recipe on which the detector was trained, or else the reference recipe."""
    trained = detector.info.get("crop_recipe")
    return CropRecipe.from_json(trained) if trained else CropRecipe()


def recipe_for(detector: Detector, face_detector: FaceDetector, count: int) -> CropRecipe:
    """Return the detector's training recipe (else the reference), applied to every person."""
    from ..faces.landmarks import RefinedDetector

    return replace(
        recipe_of(detector),
        subject="all",
        sampling="spread",
        count=count,
        detector=face_detector.name,
        detector_sha256=face_detector.sha256,
        refine_landmarks=isinstance(face_detector, RefinedDetector),
    )


def analyze_file(
    path: str | Path,
    detector: Detector,
    face_detector: FaceDetector,
    crops_dir: str | Path,
    *,
    threshold: Threshold | None = None,
    calibration: Mapping[str, Any] | None = None,
    rule: str | None = None,
    count: int = 32,
    name: str | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Analysis:
    """Find and score every person in a video or picture, and judge the file.

    Args:
        path: a video or a picture
        detector: a loaded detector
        face_detector: a loaded face detector
        crops_dir: folder for the crops; a repeated call reuses them
        threshold: with its provenance; by default :func:`threshold_for` the detector
        calibration: the record of ``threshold``; by default the detector's own if it has this
            threshold
        rule: video score rule for each person, see :func:`.aggregate.video_score`; by default the
            rule of the threshold
        count: number of frames to read
        name: by which the crops of these bytes are stored; by default that of the file
        progress: called with (done, total, text)
        should_stop: called often; True stops

    Raises:
        ForensicsError: the file does not exist
        Cancelled: ``should_stop`` returned True
    """
    path = given(path, "path")
    if not path.is_file():
        raise ForensicsError(f"There is no file {path}.", "Check the path.", "path")
    threshold = threshold or threshold_for(detector, calibration)
    own = detector.info.get("calibration") or {}
    if calibration is None and threshold.source == CALIBRATION:
        calibration = own if own.get("threshold") == threshold.value else None
    quality = quality_of(detector, calibration)
    rule = rule or threshold.rule or "mean"
    sha256 = file_sha256(path)
    recipe = recipe_for(detector, face_detector, count)
    store = CropStore(crops_dir, recipe)
    store.prepare()
    record = VideoRecord(
        video_id=f"analysis/{Path(name or path.name).stem}-{sha256[:16]}",
        path=str(path.resolve()),
        label=UNKNOWN,
        source_dataset="analysis",
        method="unknown",
        family="unknown",
    )
    found = extract_video(
        record, recipe, face_detector, store, thorough=True, should_stop=should_stop
    )
    crops = [str(store.folder / str(face.crop)) for _, face in found.crops]
    scores: list[tuple[float, float] | None] = []
    why: list[str | None] = []
    hashes = [face.crop_sha256 or "" for _, face in found.crops]
    batches = []
    for batch in score_crops(
        detector, crops, batch_size=16, should_stop=should_stop, hashes=hashes
    ):
        batches.append(batch)
        values = zip(batch.exact.tolist(), batch.margin.tolist(), batch.reasons, strict=True)
        for value, margin, reason in values:
            scores.append(None if reason is not None else (value, margin))
            why.append(None if reason is None else Reason(reason).value)
        if progress is not None:
            progress(len(scores), len(crops), "faces")
    if len(scores) < len(crops):
        raise Cancelled(f"Stopped after {len(scores)} of {len(crops)} faces.", "Run it again.")
    is_image = path.stat().st_size > 0 and is_picture(path) and found.frame_count == 1
    least = 1 if is_image else MIN_FACES
    persons = _persons(found, store.folder, scores, why, rule, threshold.value, least)
    verdict, score, reasons = judge(found, persons, threshold, least, quality)
    persons = judged_each(persons, verdict, threshold, quality)
    if score is not None:
        reasons += cautions(found, persons, threshold, rule, detector, recipe)
    return Analysis(
        path=str(path),
        sha256=sha256,
        verdict=verdict,
        score=score,
        reasons=tuple(reasons),
        threshold=threshold,
        persons=persons,
        frames_tried=len(found.frames),
        frames_usable=sum(frame.usable for frame in found.frames),
        detector=detector.key_name,
        detector_sha256=detector.sha256,
        recipe_hash=recipe.hash,
        rule=rule,
        source={"fps": found.fps, "frame_count": found.frame_count, **found.info},
        headline=headline(verdict, quality),
        evidence=Evidence(
            record, found, recipe, store.folder, joined(batches, detector.backbone.width)
        ),
    )


def _persons(
    found: VideoFaces,
    folder: Path,
    scores: list[tuple[float, float] | None],
    why: list[str | None],
    rule: str,
    threshold: float,
    least: int,
) -> tuple[Person, ...]:
    """Return one timeline per track, the highest score first.

    ``scores`` holds (p_fake, margin) of each crop, or None.
    """
    given_scores = iter(zip(scores, why, strict=True))
    rows: dict[int, list[PersonFrame]] = {}
    for frame in found.frames:
        for face in frame.faces:
            value, reason = (None, face.reason) if face.crop is None else next(given_scores)
            p_fake, margin = value or (None, None)
            rows.setdefault(face.track, []).append(
                PersonFrame(
                    frame.index,
                    frame.pts_seconds,
                    p_fake,
                    reason,
                    None if face.crop is None else str(folder / face.crop),
                    face.box,
                    face.eye_distance,
                    margin,
                )
            )
    persons: list[Person] = []
    order_of: dict[int, float] = {}
    for track, timeline in rows.items():
        scored = [row for row in timeline if row.p_fake is not None]
        values = np.array([row.p_fake for row in scored], np.float64)
        score = video_score(values, rule)
        side = -1 if score is not None and score >= threshold else 1
        margins = np.array([row.margin for row in scored], np.float64)
        order_of[track] = -(video_margin(margins, rule) or 0.0) if scored else np.inf
        order = np.argsort(side * margins, kind="stable")[:DRIVERS]
        drivers = tuple(scored[int(i)].frame for i in order)
        enough = len(scored) >= least
        persons.append(Person(track, tuple(timeline), score, len(scored), drivers, enough))
    persons.sort(key=lambda p: (not p.enough, order_of[p.track], p.track))
    return tuple(persons)
