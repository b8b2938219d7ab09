"""Defines the records of one video's extraction: every frame tried, every face, every reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ..records import known_keys
from .leads import Lead, lead_from_json

Points = tuple[tuple[float, float], ...]
#: Values of a :class:`FaceRow` that samples get as fields. A new one takes an entry here, a field
#: below and its measure in :mod:`.quality`.
MEASURES = ("eye_distance", "sharpness", "brightness", "contrast", "yaw", "roll", "border_share")


@dataclass(frozen=True, slots=True)
class FaceRow:
    """One face of one frame.

    Attributes:
        face_index: position among the faces of the frame, best detector score first
        box: (x1, y1, x2, y2) in frame pixels, not clipped; the whole image for ready-made crops
        crop: path relative to the store's folder (absolute for ready-made crops), or None
        crop_sha256: of the crop's file, to detect a replaced or truncated one; None if unknown
            (ready-made, or extracted before 0.4)
        reason: None exactly if there is a crop; else a value of :class:`detector.records.Reason`
        landmarks: five (x, y) in frame pixels, empty for ready-made crops
        score: detector score in [0, 1], None for ready-made crops
        track: number of the person across the sampled frames
        subject: True for a face that the recipe's subject policy chose
        chosen_by: why it is the subject: ``mask``, ``pair``, ``all``, ``only`` (no other person),
            ``fakes`` (they manipulate this person), ``largest``, or ``ambiguous`` (there are
            fakes, but which person they manipulate is unknown); "" for other faces
        shown_for: ids of the fakes that manipulate this person, if a real has several subjects
        matrix: 2 x 3, frame -> crop; None if alignment failed
        crop_landmarks: five (x, y) in crop pixels, or None
        crop_size: side of the crop in pixels, or None
        eye_distance, sharpness, brightness, contrast, yaw, roll: see :mod:`quality`
        border_share: share of the crop outside the frame
        mask_overlap: share of the manipulation mask inside the box (policy ``mask``)
        pair_overlap: IoU with the paired real's subject (policy ``pair``)
    """

    face_index: int
    box: tuple[float, float, float, float]
    crop: str | None = None
    reason: str | None = None
    landmarks: Points = ()
    score: float | None = None
    track: int = 0
    subject: bool = False
    matrix: tuple[tuple[float, ...], ...] | None = None
    crop_landmarks: Points | None = None
    crop_size: int | None = None
    eye_distance: float | None = None
    sharpness: float | None = None
    brightness: float | None = None
    contrast: float | None = None
    yaw: float | None = None
    roll: float | None = None
    border_share: float | None = None
    mask_overlap: float | None = None
    pair_overlap: float | None = None
    crop_sha256: str | None = None
    chosen_by: str = ""
    shown_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FrameFaces:
    """One tried frame.

    Attributes:
        index: 0-based frame number
        pts_seconds: presentation time from the container, None for images and failed frames
        reason: None if the frame gave a crop of the subject; else why not
        faces: every face found, best score first
        width, height: size of this frame in pixels, None if it could not be decoded
    """

    index: int
    pts_seconds: float | None = None
    reason: str | None = None
    faces: tuple[FaceRow, ...] = ()
    width: int | None = None
    height: int | None = None

    @property
    def usable(self) -> bool:
        """True if the frame gave at least one crop."""
        return any(face.crop is not None for face in self.faces)


@dataclass(frozen=True, slots=True)
class VideoFaces:
    """The extraction result of one video; :meth:`to_json` and :meth:`from_json` are inverse.

    Attributes:
        video_id: as in the record
        recipe_hash: :attr:`detector.records.CropRecipe.hash`
        source_sha256: hash of the file (of names and sizes for a folder of images), "" if unread
        frame_count: number of frame numbers; the last ``info["missing_frames"]`` of them are
            declared but not in the file. None if the source cannot be opened
        fps: average frames per second, None for images
        width, height: size of the frames as shown, in pixels
        reason: None if there is at least one crop; else the most frequent reason, or why the
            source cannot be read
        frames: every frame tried, by index
        detail: a sentence on ``reason``, or ""
        policy: the subject policy used (never ``auto``)
        leads: for a real, the places of the manipulated person in its fakes
        info: properties of the source, see :class:`detector.frames.frame.VideoInfo`
    """

    video_id: str
    recipe_hash: str
    source_sha256: str = ""
    frame_count: int | None = None
    fps: float | None = None
    width: int | None = None
    height: int | None = None
    reason: str | None = None
    frames: tuple[FrameFaces, ...] = ()
    detail: str = ""
    policy: str = ""
    leads: tuple[Lead, ...] = ()
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def coverage(self) -> float:
        """Share of the tried frames that gave a crop, in [0, 1]; 0 if none was tried."""
        return sum(frame.usable for frame in self.frames) / len(self.frames) if self.frames else 0.0

    @property
    def crops(self) -> list[tuple[FrameFaces, FaceRow]]:
        """(frame, face) of every face with a crop, by frame and face index."""
        return [(f, face) for f in self.frames for face in f.faces if face.crop is not None]

    def to_json(self) -> dict[str, Any]:
        """Return plain lists, dicts, numbers and strings."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> VideoFaces:
        """Return the result of :meth:`to_json` as an object.

        Raises:
            ForensicsError: an unknown key
        """
        values = dict(known_keys(cls, data))
        values["frames"] = tuple(frame_from_json(row) for row in values.get("frames", ()))
        values["leads"] = tuple(lead_from_json(row) for row in values.get("leads", ()))
        return cls(**values)


def frame_from_json(data: dict[str, Any]) -> FrameFaces:
    """Return a :class:`FrameFaces` from its plain dict."""
    values = dict(known_keys(FrameFaces, data))
    values["faces"] = tuple(_face_from_json(row) for row in values.get("faces", ()))
    return FrameFaces(**values)


def _face_from_json(data: dict[str, Any]) -> FaceRow:
    values = dict(known_keys(FaceRow, data))
    values["box"] = tuple(values["box"])
    values["shown_for"] = tuple(values.get("shown_for", ()))
    for name in ("landmarks", "matrix", "crop_landmarks"):
        if values.get(name) is not None:
            values[name] = tuple(tuple(point) for point in values[name])
    return FaceRow(**values)
