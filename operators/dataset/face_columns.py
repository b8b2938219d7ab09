"""Reads a FiftyOne dataset into the columns of the panels, and tells when they are out of date.

It reads by columns, once per detector. A later change of threshold, level or grouping reads no
sample.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import fiftyone as fo
import fiftyone.core.media as fomm
import numpy as np

from ...detector.audit.columns import CONTENT, Coded, FaceColumns, coded, numbers
from ...detector.errors import ForensicsError
from ...detector.metrics import ranks
from . import fields, partners, run_names, stored_runs, views
from .face_table import face_table, faceless
from .rebuild_cache import RebuildCache
from .seen_material import marked
from .video_scores import compute_video_scores, rule_of

#: Fields that name a sample or a file, which are useless for grouping.
NAMES = (
    "id",
    "filepath",
    "video_id",
    "video_path",
    "mask_path",
    "group_id",
    "pair_id",
    "target_id",
    "source_id",
    "license_note",
    "recipe",
    CONTENT,
    fields.CROP_SHA256,
    "created_at",
    "last_modified_at",
    "reason",
)
YES, NO = "yes", "no"  # how flags are shown
P_FAKE = "_p_fake"
VIDEO_P_FAKE = "_video_p_fake"
WIDER = (VIDEO_P_FAKE, "_track_p_fake")  # scores of a face's video and person, not of the face
_COLUMNS = RebuildCache(4)


@dataclass(frozen=True)
class Source:
    """The dataset that a panel shows.

    Attributes:
        faces: the faces
        shown: the dataset that is open in the App: ``faces``, or their video dataset
        videos: the video dataset, or None
    """

    faces: fo.Dataset
    shown: fo.Dataset
    videos: fo.Dataset | None

    @property
    def shows_faces(self) -> bool:
        """Whether the App's grid holds faces (else videos)."""
        return self.shown.name == self.faces.name


def source_of(dataset: fo.Dataset | None) -> Source:
    """Return the faces behind the dataset that is open in the App.

    Raises:
        ForensicsError: no dataset, not one of ours, or no faces yet; the hint says what to do
    """
    if dataset is None:
        raise ForensicsError("No dataset is open.", "Open one, or run 'Create demo'.")
    kind = fields.describe(dataset).get("kind")
    if kind == "videos" or (kind is None and dataset.media_type == fomm.VIDEO):
        faces = views.faces_of(dataset)
        if faces is None:
            why = partners.why_lost(dataset, partners.FACES)
            raise ForensicsError(
                f"{dataset.name!r} has no faces yet{f': {why}' if why else ''}.",
                "Run 'Extract faces', then 'Score faces', then refresh the panel.",
            )
        return Source(faces, dataset, dataset)
    if dataset.media_type not in (fomm.IMAGE, None):
        raise ForensicsError(
            f"{dataset.name!r} holds {dataset.media_type} samples.", "Open a faces dataset."
        )
    return Source(dataset, dataset, views.videos_of(dataset))


def detector_keys(faces: fo.Dataset) -> list[str]:
    """Return the detectors with scores on ``faces``: custom runs, then other ``<key>_p_fake``.

    Raises:
        ForensicsError: there is none
    """
    schema = faces.get_field_schema()
    keys = [key for key in fields.detector_keys(faces) if f"{key}{P_FAKE}" in schema]
    for name in schema:
        key = name.removesuffix(P_FAKE)
        if name.endswith(P_FAKE) and not name.endswith(WIDER) and key not in keys:
            keys.append(key)
    if not keys:
        raise ForensicsError(
            f"No detector has scored {faces.name!r} yet.",
            "Run 'Score faces', then refresh the panel.",
        )
    return keys


def state_token(source: Source, key: str) -> tuple[Hashable, ...]:
    """Return a token that changes when the samples, or the scores of ``key``, may have changed."""
    faces = source.faces
    when = getattr(stored_runs.info_of(faces, run_names.SCORES, key), "timestamp", None)
    stamps = [faces._max("last_modified_at")]  # by the index that FiftyOne keeps on it
    if source.videos is not None:
        stamps.append(source.videos._max("last_modified_at"))
    return (str(faces._doc.id), key, faces.count(), str(when), *(str(s) for s in stamps))


def group_fields(faces: fo.Dataset, key: str) -> list[str]:
    """Return the fields that the table can be grouped by, in the order of the schema.

    These are texts, flags and numbers, but not names of things and not the scores themselves.
    """
    plain = (fo.StringField, fo.BooleanField, fo.FloatField, fo.IntField)
    out = []
    for name, field in faces.get_field_schema().items():
        scored = name == key or name.startswith(f"{key}_")
        if isinstance(field, plain) and not scored and name not in NAMES:
            out.append(name)
    return [name for name in out if not name.endswith(P_FAKE) and "_rank_" not in name]


def columns_of(source: Source, key: str, token: Hashable) -> FaceColumns:
    """Return the columns that every audit of ``key`` needs, ids ascending, cached by ``token``."""
    return _COLUMNS.get(("columns", token), lambda: _load(source, key))


def field_column(source: Source, name: str, token: Hashable) -> Coded | np.ndarray:
    """Return one more field of every face: texts and flags coded, numbers as floats; cached."""
    return field_columns(source, (name,), token)[name]


def field_columns(
    source: Source, names: tuple[str, ...], token: Hashable
) -> dict[str, Coded | np.ndarray]:
    """Return several fields of every face, read in one pass over the database; cached."""
    return _COLUMNS.get(("fields", names, token), lambda: _read_fields(source, names))


def _read_fields(source: Source, names: tuple[str, ...]) -> dict[str, Coded | np.ndarray]:
    missing = [name for name in names if not source.faces.has_field(name)]
    if missing:
        raise ForensicsError(f"There is no field {missing[0]!r}.", "Choose another.", "group")
    out: dict[str, Coded | np.ndarray] = {}
    faces = views.subjects(source.faces).sort_by("id")  # the order of :func:`columns_of`
    columns = faces.values(list(names)) if names else []
    for name, values in zip(names, columns, strict=True):
        field = source.faces.get_field(name)
        if isinstance(field, (fo.FloatField, fo.IntField)):
            out[name] = numbers(values)
        elif isinstance(field, fo.BooleanField):
            out[name] = coded(None if v is None else (YES if v else NO) for v in values)
        else:
            out[name] = coded(values)
    return out


def _load(source: Source, key: str) -> FaceColumns:
    found = marked(source.faces, key, face_table(views.subjects(source.faces), key))
    lost = faceless(source.videos, found.video.present())
    if found.video_p_fake is None or fields.scores_config(source.faces, key) is None:
        return replace(found, faceless=lost)  # the rule is unknown
    scores, margins = _of_videos(source, key, found)
    return replace(found, video_p_fake=scores, video_margin=margins, faceless=lost)


def _of_videos(
    source: Source, key: str, faces: FaceColumns
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return (N,) present score and margin of each face's video, by its detector's rule."""
    rule = rule_of(source.faces, key)
    p_fake, video = faces.p_fake, faces.video
    margin = known_margin = ranks.margins(p_fake, faces.margin)
    if rule == "mean":
        there = ~np.isnan(p_fake) & (video.codes >= 0)
        size = len(video.values)
        count = np.bincount(video.codes[there], minlength=size)
        total = np.bincount(video.codes[there], weights=p_fake[there], minlength=size)
        with np.errstate(invalid="ignore", divide="ignore"):
            known = np.where(count > 0, total / count, np.nan)
        if margin is not None:
            mine = np.where(video.codes >= 0, margin, np.nan)
            known_margin = ranks.mean_by(mine, np.maximum(video.codes, 0), size)
    else:
        scores = compute_video_scores(source.faces, key, rule)
        known = np.array([scores.of_video.get(name, np.nan) for name in video.values])
        known_margin = np.array([scores.margins.get(name, np.nan) for name in video.values])

    def of_faces(of_video: np.ndarray, own: np.ndarray) -> np.ndarray:
        return np.where(video.codes >= 0, np.append(of_video, np.nan)[video.codes], own)

    if margin is None or known_margin is None:
        return of_faces(known, p_fake), None
    return of_faces(known, p_fake), of_faces(known_margin, margin)
