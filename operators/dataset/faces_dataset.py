"""The faces dataset: how it is opened, linked with its videos, and which views it offers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.core.media as fomm
from fiftyone import ViewField as F

from ...detector.errors import ForensicsError
from ...detector.records import CropRecipe
from . import appearance, fields, saved_views, views
from .dataset_changes import declare


def open_faces_dataset(
    name: str, videos: fo.Dataset, recipe: CropRecipe, crop_root: Path
) -> fo.Dataset:
    """The faces dataset ``name``, created if need be and linked with ``videos``.

    Args:
        crop_root: root of the crop store, kept so that others find the index of the crops

    Raises:
        ForensicsError: ``name`` is a dataset of another kind, or holds crops of another recipe
    """
    if fo.dataset_exists(name):
        dataset = fo.load_dataset(name)
        about = fields.describe(dataset)
        if not about and views.is_empty(dataset):  # of a run that was killed right after making it
            about = {"kind": "faces", "video_dataset": videos.name, "recipe_hash": recipe.hash}
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
    about = {"recipe": recipe.to_json(), "recipe_hash": recipe.hash, "crops": str(crop_root)}
    fields.set_description(dataset, kind="faces", video_dataset=videos.name, **about)
    appearance.dress(dataset)
    kind = fields.describe(videos).get("kind", "videos")  # whole frames are imported as faces
    fields.set_description(videos, kind=kind, faces_dataset=name, **about)
    return dataset


def _declare_attributes(dataset: fo.Dataset, videos: fo.Dataset) -> None:
    """Give ``dataset`` the fields of attributes that the source of ``videos`` shipped."""
    declare(dataset, {name: type(videos.get_field(name)) for name in shipped_attributes(videos)})


def shipped_attributes(videos: fo.Dataset) -> list[str]:
    """Names of plain fields on ``videos`` that are neither FiftyOne's nor ours."""
    ours = {*fields.COMMON_FIELDS, *fields.FACE_FIELDS, fields.GROUND_TRUTH, fields.COVERAGE}
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


def save_views(videos: fo.Dataset, faces: fo.Dataset) -> None:
    """The saved views that the App shows first."""
    by_video = faces.group_by("video_id", order_by="frame_number")
    saved_views.save(faces, "by_video", by_video, "One tile per video; the faces in frame order")
    first = one_face_per_video(faces)
    saved_views.save(faces, "one_face_per_video", first, "The middle face of each video")
    what = "Videos" if videos.media_type == fomm.VIDEO else "Frames"
    lost = videos.match(F(fields.REASON) != None)  # noqa: E711 - builds a database query
    saved_views.save(videos, "not_scorable", lost, f"{what} without a single usable face")


def renew_one_face(faces: fo.Dataset) -> None:
    """Save the view of one face per video again where faces have come or gone since."""
    name = "one_face_per_video"
    if not faces.has_saved_view(name):
        return
    now = one_face_per_video(faces)
    if set(faces.load_saved_view(name).values("id")) != set(now.values("id")):
        saved_views.save(faces, name, now, "The middle face of each video")


def one_face_per_video(faces: fo.Dataset) -> Any:
    """One sample per video, for evaluation at video level: its middle face in frame order."""
    ids, video_ids, numbers = faces.values(["id", "video_id", "frame_number"])
    rows: dict[str, list[tuple[int, str]]] = {}
    for sample_id, video_id, number in zip(ids, video_ids, numbers, strict=True):
        rows.setdefault(video_id, []).append((number or 0, sample_id))
    chosen = [sorted(found)[len(found) // 2][1] for found in rows.values()]
    return faces.select(chosen)
