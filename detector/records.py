"""Defines the records that cross a layer or a process, with only the standard library.

Conventions of the whole project:

* real = 0, fake = 1, no label = -1; ``p_fake`` in [0, 1]; label strings are ``"real"`` and
  ``"fake"``.
* Images are RGB uint8 (H, W, 3); tensors float32 NCHW; boxes xyxy in source pixels.
* Landmarks are (5, 2) in pixels: image-left eye, image-right eye, nose, image-left mouth corner,
  image-right mouth corner.
* Frame indices are 0-based; only ``operators/dataset/fields.py`` converts to FiftyOne's 1-based
  numbers.
* A missing result is ``None`` and a :class:`Reason`, never a number.
* A video is identified by ``video_id`` = dataset/subset/compression/stem.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, replace
from enum import Enum
from typing import Any

from .errors import ForensicsError

REAL, FAKE, UNKNOWN = 0, 1, -1  # unlabelled material is in no rate and in no training
LABELS = ("real", "fake")
UNLABELLED = "unknown"  # text of a missing label
FAMILIES = (
    "face_swap",
    "reenactment",
    "talking_face",
    "entire_synthesis",
    "lip_sync",
    "unknown",  # a fake whose source does not state the method
    "none",  # reals
)
SPLITS = ("train", "val", "test")


class Reason(str, Enum):
    """Why a face, frame or video has no result."""

    NO_FACE = "no_face"  # the detector found no face above the score threshold
    DECODE_ERROR = "decode_error"  # the frame or the rest of the stream cannot be decoded
    SHORT_VIDEO = "short_video"  # the stream ends before this frame index
    TOO_SMALL = "too_small"  # inter-eye distance below the recipe's minimum
    MASK_EMPTY = "mask_empty"  # the manipulation mask of this frame holds no pixel
    MASK_MISSING = "mask_missing"  # the mask file lacks this frame or cannot be read
    NOT_SUBJECT = "not_subject"  # a face that the subject policy did not choose
    NO_PAIR = "no_pair"  # policy `pair`: the paired real has no track at this frame
    ALIGN_FAILED = "align_failed"  # the five points give no usable similarity transform
    UNREADABLE_IMAGE = "unreadable_image"  # an image or crop file cannot be decoded
    MISSING_FILE = "missing_file"  # the file does not exist
    CHANGED_FILE = "changed_file"  # the file is not the one from which the faces were cut
    CHANGED_CROP = "changed_crop"  # the crop is not the one that extraction wrote
    EMPTY_FILE = "empty_file"  # the file has zero bytes
    NO_VIDEO_STREAM = "no_video_stream"  # the container holds no video
    TOO_LARGE = "too_large"  # more pixels than the limit for one frame
    WRITE_ERROR = "write_error"  # the crop could not be written
    TIME_LIMIT = "time_limit"  # the unit of work ran longer than allowed
    NON_FINITE = "non_finite"  # the network returned NaN or infinity
    WORKER_DIED = "worker_died"  # the worker process crashed or ran out of memory
    NOT_SCORED = "not_scored"  # no detector has scored it yet


def label_text(label: int) -> str:
    """Return ``real``, ``fake`` or ``unknown``."""
    return LABELS[label] if label in (REAL, FAKE) else UNLABELLED


def canonical_json(value: Any) -> str:
    """Return the canonical JSON of ``value`` for hashing: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_hash(value: Any) -> str:
    """Return the sha256 (hex) of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def known_keys(cls: type, data: dict[str, Any]) -> dict[str, Any]:
    """Return ``data`` if each key is a field of the dataclass ``cls``.

    Raises:
        ForensicsError: an unknown key; the hint names the nearest field
    """
    names = [f.name for f in fields(cls)]
    for key in data:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            raise ForensicsError(
                f"{cls.__name__} has no setting {key!r}.",
                f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names)}.",
            )
    return data


@dataclass(frozen=True, slots=True)
class Face:
    """One detected face in source pixels.

    Attributes:
        box: (x1, y1, x2, y2), not clipped to the image
        score: detector confidence in [0, 1]
        landmarks: five (x, y) points in the project's order
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class CropRecipe:
    """All settings that determine the pixels of a crop; its hash names the crop folder.

    The default is the reference recipe ``gend-1.3-256`` (Yermakov et al., GenD, arXiv 2508.06248;
    template and margin as its released cropper) on facexlib's RetinaFace landmarks.

    Attributes:
        detector: face detector name, see :func:`detector.faces.load_face_detector`
        detector_sha256: hash of the detector's weights, set when the detector is loaded
        score_threshold: minimum detector score of a face
        max_side: frames with a longer side are reduced to it, only for detection (0: never)
        sampling: ``uniform`` | ``stride`` | ``spread``
        count: frames per video (``uniform``), usable faces wanted (``spread``) or the
            stride in frames (``stride``)
        template: ``gend`` | ``dfb`` | ``ffhq``
        scale: margin factor around the template
        size: crop side in pixels; 0 keeps the native resolution
        border: ``zero`` | ``reflect`` | ``replicate``
        interpolation: ``linear`` | ``cubic`` | ``area``
        image_format: ``png`` | ``jpeg`` | ``webp``
        subject: ``auto`` (mask if the record has one, else largest) | ``mask`` | ``pair`` |
            ``largest`` | ``all``
        min_eye_distance: minimum inter-eye distance in source pixels; smaller is ``too_small``
        refine_landmarks: replace the detector's points by those of :mod:`.faces.landmarks`, unlike
            the reference procedure
        decoder: ``software``, or ``cuda``: a GPU decodes the files for which it gives the same
            frames, see :mod:`detector.frames.hardware`
    """

    name: str = "gend-1.3-256"
    detector: str = "retinaface_mobile0.25"
    detector_sha256: str = ""
    score_threshold: float = 0.5
    max_side: int = 640
    sampling: str = "spread"
    count: int = 32
    template: str = "gend"
    scale: float = 1.3
    size: int = 256
    border: str = "zero"
    interpolation: str = "linear"
    image_format: str = "png"
    subject: str = "auto"
    min_eye_distance: float = 8.0
    refine_landmarks: bool = False
    decoder: str = "software"

    def same_pixels(self, other: CropRecipe) -> bool:
        """Return whether both make the same crop of a face; which faces they take may differ."""
        taken = {"name": "", "sampling": "", "count": 0, "subject": "", "decoder": ""}
        return replace(self, **taken) == replace(other, **taken)

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict, the inverse of :meth:`from_json`.

        The usual ``decoder`` is left out, so that older versions read the recipe.
        """
        data = asdict(self)
        if self.decoder == "software":
            del data["decoder"]
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CropRecipe:
        """Return a recipe from :meth:`to_json`; unknown keys raise :class:`ForensicsError`."""
        return cls(**known_keys(cls, data))

    @property
    def hash(self) -> str:
        """First 16 hex digits of the sha256 of the settings that determine a crop's pixels.

        ``name`` (a label) and ``count`` (more frames extend the same set) are left out, so that a
        larger count reuses the store. For ``stride``, ``count`` is the step and is included.
        ``refine_landmarks`` and ``decoder`` are included only if they are not the default: older
        recipes keep their hash.
        """
        data = self.to_json()
        del data["name"]
        if self.sampling != "stride":
            del data["count"]
        if not self.refine_landmarks:
            del data["refine_landmarks"]
        return content_hash(data)[:16]


@dataclass(frozen=True, slots=True)
class VideoRecord:
    """One video, or one folder of frames or crops, as an importer describes it.

    Attributes:
        video_id: dataset/subset/compression/stem, unique among all videos imported together
        path: absolute path of the video file, or of the folder that holds ``frames``
        label: 0 real, 1 fake (of the pictures, not of the sound), -1 unknown
        source_dataset: name of the dataset, for example ``FaceForensics++``
        method: manipulation method, ``original`` for reals
        family: one of ``FAMILIES``
        compression: for example ``raw``, ``c23``, ``c40``; ``""`` if the source states none
        split: one of ``SPLITS`` or None
        split_source: ``official`` | ``derived`` or None
        target_id: id of the video or person that provides frames and background
        source_id: id of the video or person that provides the face or the expression
        pair_id: ``video_id`` of the real from which it was made
        pair_status: ``present`` | ``missing`` | ``ambiguous`` | ``none``
        parents: ids that must share a split with this video (its own id excluded)
        group_id: connected component over all parents; the unit for splits without leakage
        mask_path: manipulation mask (video or folder), or None
        audio_label: ``real`` | ``fake`` if the source states it
        license_note: one line on the terms of the dataset
        frames: for frame sources, ((0-based frame index, absolute path), ...)
        clip: (first, last) 0-based frame if the video is a part of its file, else None
        aligned: True if ``frames`` are already face crops (not to be cropped again)
        attributes: fields that the source provides (sex, language, generator parameters, ...)
    """

    video_id: str
    path: str
    label: int
    source_dataset: str
    method: str = "original"
    family: str = "none"
    compression: str = ""
    split: str | None = None
    split_source: str | None = None
    target_id: str | None = None
    source_id: str | None = None
    pair_id: str | None = None
    pair_status: str = "none"
    parents: tuple[str, ...] = ()
    group_id: str = ""
    mask_path: str | None = None
    audio_label: str | None = None
    license_note: str = ""
    frames: tuple[tuple[int, str], ...] = ()
    clip: tuple[int, int] | None = None
    aligned: bool = False
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def label_name(self) -> str:
        """``real``, ``fake`` or ``unknown``."""
        return label_text(self.label)
