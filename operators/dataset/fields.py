"""Defines every field name, and converts between our records and FiftyOne samples.

Only this module handles FiftyOne's conventions: 1-based frame numbers, relative xywh boxes,
``Classification`` labels. It computes no score and reads no file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.faces.video_faces import MEASURES
from ...detector.frames import numbering
from ...detector.records import FAKE, LABELS, REAL, VideoRecord
from . import run_names, stored_runs
from .dataset_changes import changing, declare

INFO_KEY = "media_forensics"
CALLED_AT = "called_at"  # entry of a scores run: the threshold of its stored labels
UNCHOSEN = 0.5  # where none was chosen: the likelier class
SCORES_METHOD = run_names.method_of(run_names.SCORES)  # of the runs that hold the provenance
GROUND_TRUTH = "ground_truth"
REASON = "reason"
COVERAGE = "coverage"
CLIP = "clip"  # FrameSupport [first, last] of a video sample that is a part of its file
PREFIX = "mf_"  # prefix of our fields on a dataset that was adopted in place
ADOPTED = "adopted"  # entry in the description of such a dataset
FACES = "faces"  # Detections on the frames of a video dataset, or on whole frames
PERSONS = "persons"  # TemporalDetections of a video: each person's first and last appearance
LANDMARKS = "landmarks"  # Keypoints of a face on its crop; on frames, those of all faces
CROP_SHA256 = "crop_sha256"  # hash of the crop's file, as extraction wrote it
SOURCE_SHA256 = "source_sha256"  # hash of the file that the faces were cut from

#: Fields of every sample of both datasets, with their FiftyOne types.
COMMON_FIELDS: dict[str, type] = {
    "video_id": fo.StringField,
    "source_dataset": fo.StringField,
    "method": fo.StringField,
    "family": fo.StringField,
    "compression": fo.StringField,
    "split": fo.StringField,
    "split_source": fo.StringField,
    "audio_label": fo.StringField,
    "target_id": fo.StringField,
    "source_id": fo.StringField,
    "pair_id": fo.StringField,
    "pair_status": fo.StringField,
    "group_id": fo.StringField,
    "mask_path": fo.StringField,
    "license_note": fo.StringField,
}

#: Fields of a faces dataset in addition to the common ones.
FACE_FIELDS: dict[str, type] = {
    "frame_number": fo.IntField,
    "track": fo.IntField,
    "face_index": fo.IntField,
    "subject": fo.BooleanField,
    "chosen_by": fo.StringField,
    "video_path": fo.StringField,
    "recipe": fo.StringField,
    SOURCE_SHA256: fo.StringField,
    CROP_SHA256: fo.StringField,
    "det_score": fo.FloatField,
    **dict.fromkeys(MEASURES, fo.FloatField),
    "reason": fo.StringField,
}

#: Lists of floats on each face: box [x, y, w, h] relative to the frame; 5 x (x, y) pixels of the
#: frame and of the crop; the 2x3 frame-to-crop matrix by rows.
SHOWN_FOR = "shown_for"  # ids of the fakes of this person, if a real has several subjects
FACE_LISTS = ("face_box", "face_landmarks", "crop_landmarks", "crop_matrix")
#: The five landmarks in their order; lines join the eyes, and the corners of the mouth.
LANDMARK_NAMES = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")
SKELETON = fo.KeypointSkeleton(labels=list(LANDMARK_NAMES), edges=[[0, 1], [3, 4]])

#: Fields that panels and the sidebar filter by; without an index, a filter freezes a large App.
INDEXED = ("video_id", "source_dataset", "method", "compression", "split", "group_id", "pair_id")


@dataclass(frozen=True, slots=True)
class ScoreFields:
    """The field names of a detector key."""

    key: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", str(self.key)) or self.key is None:
            raise ForensicsError(
                f"{self.key!r} cannot name a detector's fields.",
                "Use a lower-case word of letters, digits and underscores, for example ln_tuned.",
                field="key",
            )
        if self.key in COMMON_FIELDS or self.key in FACE_FIELDS or self.key == GROUND_TRUTH:
            raise ForensicsError(
                f"{self.key!r} is the name of another field.", "Choose another key.", field="key"
            )

    @property
    def label(self) -> str:
        """Classification field: label, confidence, logits."""
        return self.key

    @property
    def p_fake(self) -> str:
        """Probability of fake, in [0, 1]."""
        return f"{self.key}_p_fake"

    @property
    def margin(self) -> str:
        """Logit difference, fake - real."""
        return f"{self.key}_margin"

    @property
    def angle(self) -> str:
        """Angle to the fake axis, in degrees."""
        return f"{self.key}_angle"

    @property
    def embedding(self) -> str:
        """Unit-sphere embedding (VectorField)."""
        return f"{self.key}_embedding"

    @property
    def video_label(self) -> str:
        """On faces: Classification of the face's video by the aggregation rule."""
        return f"{self.key}_video"

    @property
    def video_p_fake(self) -> str:
        """On faces: score of the face's video by the aggregation rule."""
        return f"{self.key}_video_p_fake"

    @property
    def track_p_fake(self) -> str:
        """On faces: score of the face's person (track) by the aggregation rule."""
        return f"{self.key}_track_p_fake"

    @property
    def spans(self) -> str:
        """On videos: TemporalDetections of each person's scores over the threshold."""
        return f"{self.key}_spans"

    @property
    def calibrated(self) -> str:
        """Score of the calibrated level after its calibration, see ``calibrate_threshold``."""
        return f"{self.key}_calibrated"

    @property
    def coverage(self) -> str:
        """On videos: share of the tried frames that have a scored face, in [0, 1]."""
        return f"{self.key}_coverage"

    @property
    def reason(self) -> str:
        """Reason why a face or video has no score."""
        return f"{self.key}_reason"

    @property
    def run(self) -> str:
        """Name of the custom run that holds the provenance of these fields."""
        return run_names.SCORES + self.key


def fields_of_key(dataset: fo.Dataset, key: str) -> list[str]:
    """Return the fields of ``dataset`` with scores of ``key`` or with results made from them."""
    names = ScoreFields(key)
    own = {
        *(names.label, names.p_fake, names.margin, names.angle, names.embedding, names.reason),
        *(names.video_label, names.video_p_fake, names.track_p_fake, names.calibrated),
        *(names.coverage, names.spans, f"{names.label}_decision", f"{names.video_label}_decision"),
        *(f"{key}_{part}" for part in ("gradient", "rollout", "knn_fake", "knn_cosine")),
        f"{key}_recompression_reason",
    }
    derived = (delta_field(key, ""), margin_field(key, ""), f"{key}_rank_")
    others = [k for k in detector_keys(dataset) if k.startswith(f"{key}_")]
    return [
        name
        for name in dataset.get_field_schema()
        if (name in own or name.startswith(derived))
        and not any(name == other or name.startswith(f"{other}_") for other in others)
    ]


def delta_field(key: str, perturbation: str) -> str:
    """Return the field of p_fake of ``key`` under a corruption minus that of the unchanged crop."""
    return f"{key}_delta_{perturbation}"


def margin_field(key: str, perturbation: str) -> str:
    """Return the field with the margin of detector ``key`` under a corruption."""
    return f"{key}_margin_{perturbation}"


frame_number, frame_index = numbering.shown_number, numbering.index_of


def relative_box(
    box: Sequence[float], width: int, height: int
) -> tuple[float, float, float, float]:
    """Return FiftyOne's [x, y, w, h] in [0, 1] of an xyxy box in pixels, clipped to the image."""
    x1, x2 = (min(max(v, 0.0), width) for v in (box[0], box[2]))
    y1, y2 = (min(max(v, 0.0), height) for v in (box[1], box[3]))
    return x1 / width, y1 / height, (x2 - x1) / width, (y2 - y1) / height


def keypoints(
    points: Sequence[Sequence[float]] | None, width: int, height: int, **about: Any
) -> fo.Keypoint | None:
    """Return the landmarks ``points`` (5, 2), in pixels of a picture of that size, for FiftyOne."""
    if not points or not width or not height:
        return None
    relative = [(float(x) / width, float(y) / height) for x, y in points]
    return fo.Keypoint(label="face", points=relative, **about)


def declare_landmarks(dataset: fo.Dataset, frames: bool = False) -> None:
    """Create the field of landmarks, and tell FiftyOne how its points are called and joined."""
    name = here(dataset, LANDMARKS)
    with changing(dataset):
        declare(dataset, {name: fo.Keypoints}, frames)
        path = f"frames.{name}" if frames else name
        if path not in dataset.skeletons:
            dataset.skeletons = {**dataset.skeletons, path: SKELETON}
            dataset.save()


def call(p_fake: float, threshold: float = UNCHOSEN) -> tuple[str, float]:
    """Return the label of a score and its confidence: ``fake`` from p_fake >= threshold."""
    fake = p_fake >= threshold
    return LABELS[FAKE if fake else REAL], float(p_fake if fake else 1.0 - p_fake)


def classification(
    p_fake: float, logits: Sequence[float] | None = None, threshold: float = UNCHOSEN
) -> fo.Classification:
    """Return the label of a score: ``fake`` from p_fake >= threshold, with its own probability."""
    import numpy as np

    label, confidence = call(p_fake, threshold)
    logits_array = None if logits is None else np.asarray(logits, dtype=np.float32)
    return fo.Classification(label=label, confidence=confidence, logits=logits_array)


def record_fields(record: VideoRecord) -> dict[str, Any]:
    """Return the common sample fields of ``record``, with shipped attributes.

    Raises:
        ForensicsError: a shipped attribute has the name of one of our fields
    """
    values: dict[str, Any] = {name: getattr(record, name) for name in COMMON_FIELDS}
    known = record.label in (REAL, FAKE)
    values[GROUND_TRUTH] = fo.Classification(label=record.label_name) if known else None
    for name, value in record.attributes.items():
        if name in COMMON_FIELDS or name in FACE_FIELDS or name in (GROUND_TRUTH, "filepath"):
            raise ForensicsError(
                f"The attribute {name!r} of {record.video_id} has the name of a field of this "
                "plugin.",
                "Rename the column.",
            )
        values[name] = value
    return values


def here(dataset: fo.Dataset, name: str) -> str:
    """Return the name of our field ``name`` of videos on ``dataset``.

    On a dataset that a person made and we use in place, our fields begin with :data:`PREFIX`, so
    that none of that person's fields is changed.
    """
    return f"{PREFIX}{name}" if is_adopted(dataset) else name


def is_adopted(dataset: fo.Dataset) -> bool:
    """Return whether a person made ``dataset``, and 'Use dataset' adopted it in place."""
    return bool(describe(dataset).get(ADOPTED))


def declare_common_fields(dataset: fo.Dataset, faces: bool = False) -> None:
    """Create the fields and indexes of a video dataset or of a faces dataset."""
    wanted = {**COMMON_FIELDS, **(FACE_FIELDS if faces else {})}
    if not faces:
        wanted |= {REASON: fo.StringField, COVERAGE: fo.FloatField}
    indexed = [here(dataset, name) for name in (*INDEXED, f"{GROUND_TRUTH}.label")]
    with changing(dataset):
        wanted |= {GROUND_TRUTH: fo.Classification}
        declare(dataset, {here(dataset, name): kind for name, kind in wanted.items()})
        if faces:
            declare_landmarks(dataset)
            indexed += ["frame_number"]
            for name in FACE_LISTS:
                if not dataset.has_field(name):
                    dataset.add_sample_field(name, fo.ListField, subfield=fo.FloatField)
            if not dataset.has_field(SHOWN_FOR):
                dataset.add_sample_field(SHOWN_FOR, fo.ListField, subfield=fo.StringField)
        for name in indexed:
            dataset.create_index(name)


def describe(dataset: fo.Dataset) -> dict[str, Any]:
    """Return our notes on ``dataset``: kind, linked dataset, recipe; empty if it is not ours."""
    info = dataset.info.get(INFO_KEY) or {}
    return dict(info) if isinstance(info, Mapping) else {}


def set_description(dataset: fo.Dataset, **values: Any) -> None:
    """Merge ``values`` into what :func:`describe` returns, and save it."""
    with changing(dataset):
        dataset.info[INFO_KEY] = {**describe(dataset), **values}
        dataset.save()


def detector_keys(dataset: fo.Dataset) -> list[str]:
    """Return the keys of the detectors that have scored ``dataset``, oldest first."""
    return stored_runs.listed(dataset, run_names.SCORES)


def scores_config(dataset: fo.Dataset, key: str) -> Any | None:
    """Return the config of the run with the provenance of ``key``'s scores, or None."""
    return stored_runs.config_of(dataset, run_names.SCORES, key)


def called_at(dataset: fo.Dataset, key: str) -> float:
    """Return the threshold from which the stored labels of ``key`` are ``fake``.

    Every writer of labels uses it; :mod:`operators.thresholds.stored_calls` changes it.
    """
    return float(getattr(scores_config(dataset, key), CALLED_AT, UNCHOSEN))
