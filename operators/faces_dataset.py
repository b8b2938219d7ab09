"""From extracted faces to FiftyOne: detections on the videos, samples of the faces dataset.

One writer, bulk writes, idempotent by (video, frame, face): writing the same faces twice adds
nothing, and what a user tagged or scored stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fiftyone as fo
import fiftyone.core.media as fomm
from fiftyone import ViewField as F

from ..detector.errors import ForensicsError
from ..detector.records import CropRecipe, Reason, VideoRecord
from . import appearance, fields, views

if TYPE_CHECKING:
    from ..detector.video_faces import FaceRow, FrameFaces, VideoFaces


def open_faces_dataset(name: str, videos: fo.Dataset, recipe: CropRecipe) -> fo.Dataset:
    """The faces dataset ``name``, created if need be and linked with ``videos``.

    Raises:
        ForensicsError: ``name`` is a dataset of another kind, or holds crops of another recipe
    """
    if fo.dataset_exists(name):
        dataset = fo.load_dataset(name)
        about = fields.describe(dataset)
        if about.get("kind") != "faces" or about.get("video_dataset") != videos.name:
            raise ForensicsError(
                f"The dataset {name!r} exists and is not the faces dataset of {videos.name!r}.",
                "Choose another name for the faces dataset.",
                field="faces_name",
            )
        if about.get("recipe_hash") != recipe.hash:
            raise ForensicsError(
                f"{name!r} holds crops of another recipe ({about.get('recipe_hash')}, asked for: "
                f"{recipe.hash}); scores over different crops must not be mixed.",
                "Choose another name for the faces dataset, or the same recipe.",
                field="faces_name",
            )
    else:
        dataset = fo.Dataset(name, persistent=True)  # hours of work: kept unless deleted
    fields.declare_common_fields(dataset, faces=True)
    _declare_attributes(dataset, videos)
    about = {"recipe": recipe.to_json(), "recipe_hash": recipe.hash}
    fields.set_description(dataset, kind="faces", video_dataset=videos.name, **about)
    appearance.dress(dataset)
    fields.set_description(videos, kind="videos", faces_dataset=name, **about)
    return dataset


def _declare_attributes(dataset: fo.Dataset, videos: fo.Dataset) -> None:
    """Give ``dataset`` the fields of attributes that the source of ``videos`` shipped."""
    have = dataset.get_field_schema()
    for name in shipped_attributes(videos):
        if name not in have:
            ftype = type(videos.get_field(name))
            dataset.add_sample_field(name, ftype)


def shipped_attributes(videos: fo.Dataset) -> list[str]:
    """Names of plain fields on ``videos`` that are neither FiftyOne's nor ours."""
    ours = {*fields.COMMON_FIELDS, fields.GROUND_TRUTH, fields.REASON, fields.COVERAGE}
    plain = (fo.StringField, fo.IntField, fo.FloatField, fo.BooleanField)
    scored = {
        getattr(fields.ScoreFields(key), part)
        for key in fields.detector_keys(videos)
        for part in ("label", "p_fake", "coverage", "reason")
    }
    return [
        name
        for name, field in videos.get_field_schema().items()
        if isinstance(field, plain)
        and name not in ours | scored
        and name not in ("filepath", "tags", "metadata", "id", "created_at", "last_modified_at")
        and not name.startswith("video_")
    ]


class FacesWriter:
    """Collects the faces of several videos and writes them in bulk.

    Args:
        videos: the video dataset
        faces: the faces dataset, see :func:`open_faces_dataset`
        recipe: recipe of the crops
        crop_folder: folder that the crop paths are relative to
        chunk: videos per write
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
        self._waiting: list[tuple[VideoRecord, VideoFaces]] = []
        self._attributes = shipped_attributes(videos)

    def add(self, record: VideoRecord, result: VideoFaces) -> None:
        """Take the result of one video; written when a chunk is full."""
        self._waiting.append((record, result))
        if len(self._waiting) >= self.chunk:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        self._write_faces(waiting)
        self._write_videos(waiting)

    def _write_faces(self, waiting: list[tuple[VideoRecord, VideoFaces]]) -> None:
        ids = [record.video_id for record, _ in waiting]
        there = set(
            zip(
                *views.match_in(self.faces, "video_id", ids).values(
                    ["video_id", "frame_number", "face_index"]
                ),
                strict=True,
            )
        )
        source = self._video_values(ids)
        samples = []
        for record, result in waiting:
            common = fields.record_fields(record) | source.get(record.video_id, {})
            for frame in result.frames:
                for face in frame.faces:
                    key = (record.video_id, fields.frame_number(frame.index), face.face_index)
                    if face.crop is not None and key not in there:
                        samples.append(self._sample(record, result, frame, face, common))
        if samples:
            self.faces.add_samples(samples, dynamic=False, progress=False)
            self.added += len(samples)

    def _video_values(self, video_ids: list[str]) -> dict[str, dict[str, Any]]:
        """Shipped attributes by video id."""
        if not self._attributes:
            return {}
        view = views.match_in(self.videos, "video_id", video_ids)
        columns = view.values(["video_id", *self._attributes])
        rows = zip(*columns, strict=True)
        return {row[0]: dict(zip(self._attributes, row[1:], strict=True)) for row in rows}

    def _sample(
        self,
        record: VideoRecord,
        result: VideoFaces,
        frame: FrameFaces,
        face: FaceRow,
        common: dict[str, Any],
    ) -> fo.Sample:
        box = fields.relative_box(face.box, *_size(result, frame))
        values = dict(common)
        values[fields.GROUND_TRUTH] = common[fields.GROUND_TRUTH].copy()
        return fo.Sample(
            filepath=str(self.crop_folder / str(face.crop)),
            frame_number=fields.frame_number(frame.index),
            track=face.track,
            face_index=face.face_index,
            subject=face.subject,
            video_path=record.path,
            recipe=result.recipe_hash,
            face_box=[float(v) for v in box],
            face_landmarks=_flat(face.landmarks),
            crop_landmarks=_flat(face.crop_landmarks),
            crop_matrix=_flat(face.matrix),
            det_score=face.score,
            eye_distance=face.eye_distance,
            sharpness=face.sharpness,
            brightness=face.brightness,
            contrast=face.contrast,
            yaw=face.yaw,
            roll=face.roll,
            border_share=face.border_share,
            **values,
        )

    def _write_videos(self, waiting: list[tuple[VideoRecord, VideoFaces]]) -> None:
        if self.videos.media_type != fomm.VIDEO:
            return
        by_id = {record.video_id: result for record, result in waiting}
        view = views.match_in(self.videos, "video_id", list(by_id))
        ids, video_ids = view.values(["id", "video_id"])
        reasons, coverage, frames = {}, {}, {}
        for sample_id, video_id in zip(ids, video_ids, strict=True):
            result = by_id[video_id]
            reasons[sample_id] = result.reason
            coverage[sample_id] = result.coverage
            frames[sample_id] = {
                fields.frame_number(frame.index): _detections(result, frame)
                for frame in result.frames
            }
        views.set_by_id(self.videos, fields.REASON, reasons)
        views.set_by_id(self.videos, fields.COVERAGE, coverage)
        self._write_frames(frames)

    def _write_frames(self, frames: dict[str, dict[int, fo.Detections]]) -> None:
        if "faces" not in self.videos.get_frame_field_schema():
            self.videos.add_frame_field(
                fields.FACES, fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections
            )
        # Another process may have added fields of scores since this one loaded the dataset.
        self.videos.reload()
        view = self.videos.select(list(frames)).select_fields(f"frames.{fields.FACES}")
        for sample in view.iter_samples(autosave=True, batch_size=16):
            for number, detections in frames[sample.id].items():
                sample.frames[number][fields.FACES] = detections


def _flat(points: Iterable[Iterable[float]] | None) -> list[float] | None:
    return None if points is None else [float(v) for row in points for v in row]


def _size(result: VideoFaces, frame: FrameFaces) -> tuple[int, int]:
    """Width and height that the boxes of ``frame`` refer to."""
    return frame.width or result.width or 1, frame.height or result.height or 1


def _detections(result: VideoFaces, frame: FrameFaces) -> fo.Detections:
    found = []
    for face in frame.faces:
        box = fields.relative_box(face.box, *_size(result, frame))
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


def save_views(videos: fo.Dataset, faces: fo.Dataset) -> None:
    """The saved views that the App shows first."""
    by_video = faces.group_by("video_id", order_by="frame_number")
    views.save_view(faces, "by_video", by_video, "One tile per video; the faces in frame order")
    first = one_face_per_video(faces)
    views.save_view(faces, "one_face_per_video", first, "The middle face of each video")
    if videos.media_type == fomm.VIDEO:
        lost = videos.match(F(fields.REASON) != None)  # noqa: E711 - builds a database query
        views.save_view(videos, "not_scorable", lost, "Videos without a single usable face")


def one_face_per_video(faces: fo.Dataset) -> Any:
    """One sample per video, for evaluation at video level: its middle face in frame order."""
    ids, video_ids, numbers = faces.values(["id", "video_id", "frame_number"])
    rows: dict[str, list[tuple[int, str]]] = {}
    for sample_id, video_id, number in zip(ids, video_ids, numbers, strict=True):
        rows.setdefault(video_id, []).append((number or 0, sample_id))
    chosen = [sorted(found)[len(found) // 2][1] for found in rows.values()]
    return faces.select(chosen)


def summarise(results: Iterable[tuple[VideoRecord, VideoFaces]]) -> dict[str, Any]:
    """Coverage by dataset, label and method, and how often each reason occurred.

    Returns:
        ``{"videos", "without_face", "faces", "groups": [...], "video_reasons", "frame_reasons",
        "face_reasons"}``; every tried frame is counted, none is dropped
    """
    groups: dict[tuple[str, str, str], Counter] = {}
    of_video, of_frame, of_face = Counter(), Counter(), Counter()
    for record, result in results:
        row = groups.setdefault(
            (record.source_dataset, record.label_name, record.method), Counter()
        )
        crops = len(result.crops)
        row["videos"] += 1
        row["without_face"] += crops == 0
        row["faces"] += crops
        row["frames_tried"] += len(result.frames)
        row["frames_usable"] += sum(frame.usable for frame in result.frames)
        if result.reason:
            of_video[str(Reason(result.reason).value)] += 1
        of_frame.update(str(Reason(f.reason).value) for f in result.frames if f.reason)
        faces = (face for frame in result.frames for face in frame.faces)
        of_face.update(str(Reason(face.reason).value) for face in faces if face.reason)
    table = [
        {"source_dataset": key[0], "label": key[1], "method": key[2], **row}
        for key, row in sorted(groups.items())
    ]
    return {
        "videos": sum(row["videos"] for row in table),
        "without_face": sum(row["without_face"] for row in table),
        "faces": sum(row["faces"] for row in table),
        "groups": table,
        "video_reasons": dict(of_video),
        "frame_reasons": dict(of_frame),
        "face_reasons": dict(of_face),
    }
