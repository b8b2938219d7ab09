"""From a FiftyOne dataset to the columns of the panels, and what tells that they are out of date.

Reads by columns, once per detector; a threshold, a level or a grouping later touches no sample.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import fiftyone as fo
import fiftyone.core.media as fomm
import numpy as np

from ...detector.audit.columns import CONTENT, Coded, FaceColumns, coded, label_codes, numbers
from ...detector.errors import ForensicsError
from . import fields, made_from, run_names, views
from .face_reading import Reading, read
from .rebuild_cache import RebuildCache
from .video_scores import compute_video_scores, rule_of

#: Text columns that every audit needs.
TEXTS = ("source_dataset", "method", "family", "compression", "split")
#: Fields that name a sample or a file: nothing to group by.
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
    "created_at",
    "last_modified_at",
    "reason",
)
YES, NO = "yes", "no"  # how flags are shown
P_FAKE = "_p_fake"
VIDEO_P_FAKE = "_video_p_fake"
WIDER = (VIDEO_P_FAKE, "_track_p_fake")  # scores of a face's video and person, not its own
_COLUMNS = RebuildCache(4)


@dataclass(frozen=True)
class Source:
    """The dataset that a panel speaks of.

    Attributes:
        faces: its faces
        shown: the dataset that is open in the App: ``faces``, or the video dataset they are from
        videos: the video dataset, where there is one
    """

    faces: fo.Dataset
    shown: fo.Dataset
    videos: fo.Dataset | None

    @property
    def shows_faces(self) -> bool:
        """Whether the App's grid holds faces (else videos)."""
        return self.shown.name == self.faces.name


def source_of(dataset: fo.Dataset | None) -> Source:
    """The faces behind the dataset that is open in the App.

    Raises:
        ForensicsError: no dataset, not one of ours, or no faces yet; the hint says what to do
    """
    if dataset is None:
        raise ForensicsError("No dataset is open.", "Open one, or run 'Create demo'.")
    kind = fields.describe(dataset).get("kind")
    if kind == "videos" or (kind is None and dataset.media_type == fomm.VIDEO):
        faces = views.faces_of(dataset)
        if faces is None:
            raise ForensicsError(
                f"{dataset.name!r} has no faces yet.",
                "Run 'Extract faces', then 'Score faces', and come back.",
            )
        return Source(faces, dataset, dataset)
    if dataset.media_type not in (fomm.IMAGE, None):
        raise ForensicsError(
            f"{dataset.name!r} holds {dataset.media_type} samples.", "Open a faces dataset."
        )
    return Source(dataset, dataset, views.videos_of(dataset))


def detector_keys(faces: fo.Dataset) -> list[str]:
    """Detectors with scores on ``faces``: its custom runs, then other fields ``<key>_p_fake``.

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
            f"No detector has scored {faces.name!r} yet.", "Run 'Score faces', and come back."
        )
    return keys


def run_config(faces: fo.Dataset, key: str) -> Any | None:
    """Config of the custom run that wrote the scores of ``key``, or None."""
    name = run_names.SCORES + key
    return faces.get_run_info(name).config if faces.has_run(name) else None


def state_token(source: Source, key: str) -> tuple[Hashable, ...]:
    """Changes whenever the samples, or the scores of ``key``, may have changed."""
    faces = source.faces
    run = run_names.SCORES + key
    when = faces.get_run_info(run).timestamp if faces.has_run(run) else None
    stamps = [faces._max("last_modified_at")]  # by the index that FiftyOne keeps on it
    if source.videos is not None:
        stamps.append(source.videos._max("last_modified_at"))
    return (str(faces._doc.id), key, faces.count(), str(when), *(str(s) for s in stamps))


def group_fields(faces: fo.Dataset, key: str) -> list[str]:
    """Fields that the table can be grouped by, in the order of the schema.

    Texts, flags and numbers; not names of things, not the scores themselves.
    """
    plain = (fo.StringField, fo.BooleanField, fo.FloatField, fo.IntField)
    out = []
    for name, field in faces.get_field_schema().items():
        scored = name == key or name.startswith(f"{key}_")
        if isinstance(field, plain) and not scored and name not in NAMES:
            out.append(name)
    return [name for name in out if not name.endswith(P_FAKE) and "_rank_" not in name]


def columns_of(source: Source, key: str, token: Hashable) -> FaceColumns:
    """The columns that every audit of ``key`` needs, ids ascending, cached under ``token``."""
    return _COLUMNS.get(("columns", token), lambda: _load(source, key))


def field_column(source: Source, name: str, token: Hashable) -> Coded | np.ndarray:
    """One more field of every face: texts and flags coded, numbers as floats; cached."""
    return field_columns(source, (name,), token)[name]


def field_columns(
    source: Source, names: tuple[str, ...], token: Hashable
) -> dict[str, Coded | np.ndarray]:
    """Several fields of every face, read in one pass over the database; cached."""
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
    made_from.require_current_scores(source.faces, key)
    schema = source.faces.get_field_schema()

    def path(name: str) -> str | None:
        return name if name.split(".")[0] in schema else None

    label_path = f"{fields.GROUND_TRUTH}.label"
    shared = {
        "label": path(label_path),
        "video_p_fake": path(f"{key}{VIDEO_P_FAKE}"),
        "video": path("video_id"),
        "group": path("group_id"),
        "pair": path("pair_id"),
        "reason": path(f"{key}_reason") or path("reason"),
        **{name: path(name) for name in (*TEXTS, CONTENT)},
    }
    own = {"p_fake": f"{key}{P_FAKE}", "track": path("track"), "number": path("frame_number")}
    if shared["label"] is None:
        raise ForensicsError(
            f"{source.faces.name!r} has no field {fields.GROUND_TRUTH!r}.",
            "An audit needs to know which faces are real: import the dataset with its labels.",
        )
    got = read(
        views.subjects(source.faces),
        {name: field for name, field in shared.items() if field is not None},
        {name: field for name, field in own.items() if field is not None},
    )
    if not got.ids:
        raise ForensicsError(
            f"{source.faces.name!r} holds no faces.", "Run 'Extract faces', and come back."
        )
    groups = len(next(iter(got.shared.values())))

    def text(name: str) -> Coded:
        return coded(got.shared.get(name, [None] * groups)).take(got.group)

    track = got.own.get("track", np.full(len(got.ids), np.nan))
    stored = got.shared.get("video_p_fake")
    return FaceColumns(
        ids=got.ids,
        label=label_codes(got.shared["label"])[got.group],
        p_fake=got.own["p_fake"],
        video=text("video"),
        track=np.where(np.isnan(track), -1, track).astype(np.int64),
        group=text("group"),
        reason=text("reason"),
        texts={name: text(name) for name in (*TEXTS, CONTENT) if name in TEXTS or shared[name]},
        video_p_fake=None if stored is None else _of_videos(source, key, text("video"), got),
        faceless=_faceless(source, set(got.shared.get("video", ()))),
        pair=text("pair") if "pair" in got.shared else None,
        frame_number=got.own.get("number"),
    )


def _of_videos(source: Source, key: str, video: Coded, got: Reading) -> np.ndarray:
    """(N,) score of each face's video as its faces say now, by the rule of its detector."""
    if run_config(source.faces, key) is None:  # nobody knows by which rule
        return numbers(got.shared["video_p_fake"])[got.group]
    rule = rule_of(source.faces, key)
    p_fake = got.own["p_fake"]
    if rule == "mean":
        there = ~np.isnan(p_fake) & (video.codes >= 0)
        size = len(video.values)
        count = np.bincount(video.codes[there], minlength=size)
        total = np.bincount(video.codes[there], weights=p_fake[there], minlength=size)
        with np.errstate(invalid="ignore", divide="ignore"):
            known = np.where(count > 0, total / count, np.nan)
    else:
        scores = compute_video_scores(source.faces, key, rule).of_video
        known = np.array([scores.get(name, np.nan) for name in video.values], np.float64)
    return np.where(video.codes >= 0, np.append(known, np.nan)[video.codes], p_fake)


def _faceless(source: Source, with_faces: set[Any]) -> FaceColumns | None:
    """The videos of the linked video dataset that gave no face at all."""
    videos = source.videos
    if videos is None or not videos.has_field("video_id"):
        return None
    label_path = f"{fields.GROUND_TRUTH}.label"
    names = ["video_id", label_path, "group_id", fields.REASON, *TEXTS]
    have = [name for name in names if videos.has_field(name.split(".")[0])]
    got = dict(zip(have, videos.values(have), strict=True))
    lost = [i for i, video_id in enumerate(got["video_id"]) if video_id not in with_faces]
    if not lost:
        return None

    def column(name: str) -> list[Any]:
        return [got[name][i] for i in lost] if name in got else [None] * len(lost)

    return FaceColumns(
        ids=[""] * len(lost),
        label=label_codes(column(label_path)),
        p_fake=np.full(len(lost), np.nan),
        video=coded(column("video_id")),
        track=np.full(len(lost), -1, np.int64),
        group=coded(column("group_id")),
        reason=coded(column(fields.REASON)),
        texts={name: coded(column(name)) for name in TEXTS},
    )
