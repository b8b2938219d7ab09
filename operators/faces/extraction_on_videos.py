"""Writes the results of extraction to the videos, or to whole frames.

A video gets its reason, coverage, source hash, the persons with the time that each was seen, and
boxes on every sampled frame. In a dataset of whole frames, each frame gets its boxes and reason.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import fiftyone as fo
import fiftyone.core.media as fomm

from ...detector.records import VideoRecord
from ..dataset import fields, views
from ..dataset.dataset_changes import changing, declare

if TYPE_CHECKING:
    from ...detector.faces.video_faces import FrameFaces, VideoFaces

    Found = list[tuple[VideoRecord, VideoFaces]]


def write_found(videos: fo.Dataset, found: Found) -> None:
    """Write the results of several videos to the samples of ``videos``, in bulk."""
    if not found:
        return
    if videos.media_type == fomm.VIDEO:
        _write_on_videos(videos, found)
    else:
        _write_on_frames(videos, found)


def _write_on_videos(videos: fo.Dataset, found: Found) -> None:
    _declare(videos)
    by_id = {record.video_id: result for record, result in found}
    name = fields.here(videos, "video_id")
    view = views.match_in(videos, name, list(by_id))
    asked = ["id", name, fields.here(videos, fields.SOURCE_SHA256)]
    rows = zip(*view.values(asked), strict=True)
    columns: dict[str, dict[str, Any]] = defaultdict(dict)
    drawn: dict[str, dict[int, FrameFaces]] = {}
    results: dict[str, VideoFaces] = {}
    changed: set[str] = set()
    for sample_id, video_id, source in rows:
        result = by_id[video_id]
        if source and result.source_sha256 not in ("", source):
            changed.add(sample_id)
        columns[fields.REASON][sample_id] = result.reason
        columns[fields.COVERAGE][sample_id] = result.coverage
        columns[fields.SOURCE_SHA256][sample_id] = result.source_sha256 or None
        columns[fields.PERSONS][sample_id] = persons(result)
        drawn[sample_id] = {fields.frame_number(frame.index): frame for frame in result.frames}
        results[sample_id] = result
    for field, values in columns.items():
        views.set_by_id(videos, fields.here(videos, field), values)
    faces, points = fields.here(videos, fields.FACES), fields.here(videos, fields.LANDMARKS)
    view = videos.select(list(drawn)).select_fields([f"frames.{faces}", f"frames.{points}"])
    for sample in view.iter_samples(autosave=True, batch_size=16):
        if sample.id in changed:  # old boxes belong to another file
            for number in set(sample.frames) - set(drawn[sample.id]):
                sample.frames[number][faces] = sample.frames[number][points] = None
        for number, frame in drawn[sample.id].items():
            sample.frames[number][faces] = detections(results[sample.id], frame)
            sample.frames[number][points] = landmarks(results[sample.id], frame)


def _declare(videos: fo.Dataset) -> None:
    with changing(videos):
        declare(videos, {fields.here(videos, fields.FACES): fo.Detections}, frames=True)
        fields.declare_landmarks(videos, frames=True)
        wanted = {
            fields.REASON: fo.StringField,
            fields.COVERAGE: fo.FloatField,
            fields.SOURCE_SHA256: fo.StringField,
            fields.PERSONS: fo.TemporalDetections,
        }
        declare(videos, {fields.here(videos, name): kind for name, kind in wanted.items()})


def _write_on_frames(frames: fo.Dataset, found: Found) -> None:
    declare(frames, {fields.here(frames, fields.FACES): fo.Detections})
    fields.declare_landmarks(frames)
    name = fields.here(frames, "video_id")
    view = views.match_in(frames, name, [record.video_id for record, _ in found])
    rows = defaultdict(list)
    for sample_id, video_id, path in zip(*view.values(["id", name, "filepath"]), strict=True):
        rows[video_id].append((sample_id, path))
    reasons: dict[str, str | None] = {}
    boxes: dict[str, fo.Detections] = {}
    points: dict[str, fo.Keypoints | None] = {}
    for record, result in found:
        numbers = {path: number for number, path in record.frames}
        tried = {frame.index: frame for frame in result.frames}
        for sample_id, path in rows[record.video_id]:
            frame = tried.get(numbers.get(path, -1))
            if frame is not None:
                reasons[sample_id] = frame.reason
                boxes[sample_id] = detections(result, frame)
                points[sample_id] = landmarks(result, frame)
            elif not tried:  # the source could not be read at all
                reasons[sample_id] = result.reason
    views.set_by_id(frames, fields.here(frames, fields.REASON), reasons)
    views.set_by_id(frames, fields.here(frames, fields.FACES), boxes)
    views.set_by_id(frames, fields.here(frames, fields.LANDMARKS), points)


def frame_size(result: VideoFaces, frame: FrameFaces) -> tuple[int, int]:
    """Return the width and height that the boxes of ``frame`` refer to."""
    return frame.width or result.width or 1, frame.height or result.height or 1


def detections(result: VideoFaces, frame: FrameFaces) -> fo.Detections:
    """Return every face of a frame; ``index`` is the person, which gives persons their colours."""
    found = []
    for face in frame.faces:
        box = fields.relative_box(face.box, *frame_size(result, frame))
        found.append(
            fo.Detection(
                label="subject" if face.subject else "other face",
                bounding_box=list(box),
                confidence=face.score,
                index=face.track,
                reason=face.reason,
                eye_distance=face.eye_distance,
            )
        )
    return fo.Detections(detections=found)


def landmarks(result: VideoFaces, frame: FrameFaces) -> fo.Keypoints | None:
    """Return the landmarks of every face of a frame, None without any; ``index`` as on the box."""
    size = frame_size(result, frame)
    found = [fields.keypoints(face.landmarks, *size, index=face.track) for face in frame.faces]
    found = [points for points in found if points]
    return fo.Keypoints(keypoints=found) if found else None


def persons(result: VideoFaces) -> fo.TemporalDetections | None:
    """Return each track from its first to its last sampled frame; None for images."""
    if result.fps is None:
        return None
    seen: dict[int, list[int]] = defaultdict(list)
    subjects = set()
    for frame in result.frames:
        for face in frame.faces:
            seen[face.track].append(fields.frame_number(frame.index))
            if face.subject:
                subjects.add(face.track)
    return fo.TemporalDetections(
        detections=[
            fo.TemporalDetection(
                label=f"person {track}" + (" (subject)" if track in subjects else ""),
                support=[min(numbers), max(numbers)],
                sampled_frames=len(numbers),
            )
            for track, numbers in sorted(seen.items())
        ]
    )
