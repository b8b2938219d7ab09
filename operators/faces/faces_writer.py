"""Writes extracted faces to samples of the faces dataset, and boxes to the videos.

One writer makes bulk writes, which are idempotent by (video, frame, face): writing the same faces
twice adds nothing. Tags and scores stay as long as it is the same face of the same file.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fiftyone as fo

from ...detector.faces.leads import AMBIGUOUS, LARGEST
from ...detector.faces.video_faces import MEASURES
from ...detector.records import FAKE, CropRecipe, VideoRecord
from ..dataset import fields, views
from ..dataset.dataset_changes import require_there
from ..dataset.faces_dataset import shipped_attributes
from . import extraction_on_videos

if TYPE_CHECKING:
    from ...detector.faces.video_faces import FaceRow, FrameFaces, VideoFaces

log = logging.getLogger(__name__)
_Key = tuple[int, int]  # (FiftyOne's frame number, face index)


@dataclass(frozen=True, slots=True)
class _Written:
    """One sample of the faces dataset, with the values that extraction sets."""

    sample_id: str
    track: int | None
    source_sha256: str | None
    crop_sha256: str | None
    chosen_by: str | None
    shown_for: list[str] | None


class FacesWriter:
    """A writer that collects the faces of several videos and writes them in bulk.

    Args:
        videos: the video dataset
        faces: the faces dataset, see :func:`operators.dataset.faces_dataset.open_faces_dataset`
        recipe: recipe of the crops
        crop_folder: folder that the crop paths are relative to
        chunk: videos per write

    Attributes:
        added: number of samples added
        removed: number of samples removed, by cause: ``changed_file`` (the video file was
            replaced), ``other_person`` (more frames changed who the subject is)
    """

    def __init__(
        self,
        videos: fo.Dataset,
        faces: fo.Dataset,
        recipe: CropRecipe,
        crop_folder: Path,
        chunk: int = 32,
    ) -> None:
        self.videos = videos
        self.faces = faces
        self.recipe = recipe
        self.crop_folder = crop_folder
        self.chunk = chunk
        self.added = 0
        self.removed = Counter[str]()
        self._waiting: list[tuple[VideoRecord, VideoFaces]] = []
        self._attributes = shipped_attributes(videos)

    def add(self, record: VideoRecord, result: VideoFaces) -> None:
        """Take the result of one video; results are written when a chunk is full."""
        self._waiting.append((record, result))
        if len(self._waiting) >= self.chunk:
            self.flush()

    def flush(self) -> None:
        """Write the waiting results."""
        if not self._waiting:
            return
        require_there(self.faces)
        waiting, self._waiting = self._waiting, []
        there = self._read([record.video_id for record, _ in waiting])
        self._drop_outdated(waiting, there)
        # A smaller count than before adds nothing to a video with more frames.
        current = [row for row in waiting if not self._is_part(row[1], there[row[0].video_id])]
        self._settle(current, there)
        self._write_faces(current, there)
        extraction_on_videos.write_found(self.videos, current)

    def _read(self, video_ids: list[str]) -> dict[str, dict[_Key, _Written]]:
        """Return the samples of these videos in the faces dataset."""
        names = ["video_id", "frame_number", "face_index", "id", "track"]
        view = views.match_in(self.faces, "video_id", video_ids)
        found: dict[str, dict[_Key, _Written]] = defaultdict(dict)
        names += [fields.SOURCE_SHA256, fields.CROP_SHA256, "chosen_by", fields.SHOWN_FOR]
        for row in zip(*view.values(names), strict=True):
            found[row[0]][row[1], row[2]] = _Written(*row[3:])
        return found

    def _drop_outdated(
        self,
        waiting: list[tuple[VideoRecord, VideoFaces]],
        there: dict[str, dict[_Key, _Written]],
    ) -> None:
        """Remove samples that were cut from another file than the present one of their video.

        Their scores belong to pixels that no longer exist.
        """
        gone: list[str] = []
        for record, result in waiting:
            old = there[record.video_id]
            if any(
                row.source_sha256 and row.source_sha256 != result.source_sha256
                for row in old.values()
                if result.source_sha256
            ):
                log.warning("%s: its file has changed; its faces are replaced", record.video_id)
                gone += [row.sample_id for row in old.values()]
                old.clear()
        self._remove(gone, "changed_file")

    def _is_part(self, result: VideoFaces, old: dict[_Key, _Written]) -> bool:
        """Return whether the dataset has more frames: a smaller count, or a missing file.

        Only ``spread`` just appends frames; the other modes choose other frames for another count.
        """
        if result.frames and self.recipe.sampling != "spread":
            return False
        numbers = {fields.frame_number(frame.index) for frame in result.frames}
        return bool({number for number, _ in old} - numbers)

    def _settle(
        self,
        found: list[tuple[VideoRecord, VideoFaces]],
        there: dict[str, dict[_Key, _Written]],
    ) -> None:
        """Update the tracks of older samples, and remove samples of other persons.

        More frames can change which person is the subject of a video. Numbers of a video that mix
        two people would be wrong everywhere. So each sample is a face of the subject; crops of
        other people stay in the store.
        """
        tracks: dict[str, int] = {}
        hashes: dict[str, str] = {}
        chosen: dict[str, str] = {}
        shown: dict[str, list[str] | None] = {}
        gone: list[str] = []
        for record, result in found:
            old = there[record.video_id]
            for number, face in _faces(result):
                row = old.get((number, face.face_index))
                if row is not None and not face.subject:
                    gone.append(row.sample_id)
                    continue
                if row is not None and row.track != face.track:
                    tracks[row.sample_id] = face.track
                if row is not None and row.chosen_by != _chosen_by(record, face):
                    chosen[row.sample_id] = _chosen_by(record, face)
                if row is not None and (row.shown_for or []) != list(face.shown_for):
                    shown[row.sample_id] = list(face.shown_for) or None
                if (
                    row is not None
                    and face.subject
                    and face.crop_sha256
                    not in (
                        None,
                        row.crop_sha256,
                    )
                ):
                    hashes[row.sample_id] = face.crop_sha256
        views.set_by_id(self.faces, "track", tracks)
        views.set_by_id(self.faces, "chosen_by", chosen)
        views.set_by_id(self.faces, fields.SHOWN_FOR, shown)
        views.set_by_id(self.faces, fields.CROP_SHA256, hashes)
        self._remove(gone, "other_person")

    def _remove(self, sample_ids: list[str], why: str) -> None:
        if sample_ids:
            self.faces.delete_samples(sample_ids)
            self.removed[why] += len(sample_ids)

    def _write_faces(
        self,
        waiting: list[tuple[VideoRecord, VideoFaces]],
        there: dict[str, dict[_Key, _Written]],
    ) -> None:
        source = self._video_values([record.video_id for record, _ in waiting])
        samples = []
        for record, result in waiting:
            common = fields.record_fields(record) | source.get(record.video_id, {})
            for frame in result.frames:
                for face in frame.faces:
                    key = (fields.frame_number(frame.index), face.face_index)
                    if face.crop is not None and key not in there[record.video_id]:
                        where = self.crop_folder
                        samples.append(face_sample(record, result, frame, face, where, common))
        if samples:
            self.faces.add_samples(samples, dynamic=False, progress=False)
            self.added += len(samples)

    def _video_values(self, video_ids: list[str]) -> dict[str, dict[str, Any]]:
        """Return the shipped attributes by video id."""
        if not self._attributes:
            return {}
        name = fields.here(self.videos, "video_id")
        view = views.match_in(self.videos, name, video_ids)
        columns = view.values([name, *self._attributes])
        rows = zip(*columns, strict=True)
        return {row[0]: dict(zip(self._attributes, row[1:], strict=True)) for row in rows}


def face_sample(
    record: VideoRecord,
    result: VideoFaces,
    frame: FrameFaces,
    face: FaceRow,
    crop_folder: Path,
    common: dict[str, Any],
) -> fo.Sample:
    """Return the sample of a face with a crop in ``crop_folder``; ``common`` is from its video."""
    box = fields.relative_box(face.box, *extraction_on_videos.frame_size(result, frame))
    values = dict(common)
    truth = common[fields.GROUND_TRUTH]
    values[fields.GROUND_TRUTH] = None if truth is None else truth.copy()
    values[fields.SOURCE_SHA256] = result.source_sha256 or None
    points = fields.keypoints(face.crop_landmarks, *[face.crop_size or 0] * 2)
    values[fields.LANDMARKS] = fo.Keypoints(keypoints=[points]) if points else None
    return fo.Sample(
        filepath=str(crop_folder / str(face.crop)),
        frame_number=fields.frame_number(frame.index),
        track=face.track,
        face_index=face.face_index,
        subject=face.subject,
        chosen_by=_chosen_by(record, face),
        shown_for=list(face.shown_for) or None,
        crop_sha256=face.crop_sha256,
        video_path=record.path,
        recipe=result.recipe_hash,
        face_box=[float(v) for v in box],
        face_landmarks=_flat(face.landmarks),
        crop_landmarks=_flat(face.crop_landmarks),
        crop_matrix=_flat(face.matrix),
        det_score=face.score,
        **{name: getattr(face, name) for name in MEASURES},
        **values,
    )


def _faces(result: VideoFaces) -> Iterator[tuple[int, FaceRow]]:
    for frame in result.frames:
        for face in frame.faces:
            yield fields.frame_number(frame.index), face


def _chosen_by(record: VideoRecord, face: FaceRow) -> str:
    """Say why a face is its video's subject; the largest may not be the manipulated one."""
    guessed = record.label == FAKE and face.chosen_by == LARGEST
    return AMBIGUOUS if guessed else face.chosen_by


def _flat(points: Iterable[Iterable[float]] | None) -> list[float] | None:
    return None if points is None else [float(v) for row in points for v in row]
