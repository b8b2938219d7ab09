"""Opens the faces dataset, links it with its videos, and saves its views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.core.media as fomm
from fiftyone import ViewField as F

from ...detector.errors import ForensicsError
from ...detector.records import CropRecipe
from . import appearance, default_folders, fields, partners, saved_views, views
from .dataset_changes import declare, documents

ONE_FACE = "one_face_per_video"  # a saved view


def open_faces_dataset(
    name: str, videos: fo.Dataset, recipe: CropRecipe, crop_root: Path
) -> fo.Dataset:
    """Return the faces dataset ``name``, created if needed and linked with ``videos``.

    Args:
        crop_root: root of the crop store, noted so that others find the index of the crops

    Raises:
        ForensicsError: ``name`` is a dataset of another kind, or holds crops of another recipe
    """
    if fo.dataset_exists(name):
        dataset = fo.load_dataset(name)
        about = fields.describe(dataset)
        nobodys = about.get("kind", "faces") == "faces" and not about.get(partners.VIDEOS)
        if nobodys and views.is_empty(dataset):  # its run was killed right after creating it
            about = {"kind": "faces", "recipe_hash": recipe.hash}
        elif about.get("kind") != "faces" or not _belongs(dataset, videos):
            why = partners.why_lost(dataset, partners.VIDEOS)
            raise ForensicsError(
                f"The dataset {name!r} exists and is not the faces dataset of {videos.name!r}"
                f"{f': {why}' if why else ''}.",
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
        dataset = fo.Dataset(name, persistent=True)  # hours of work, so kept until it is deleted
    fields.declare_common_fields(dataset, faces=True)
    _declare_attributes(dataset, videos)
    about = {"recipe": recipe.to_json(), "recipe_hash": recipe.hash, "crops": str(crop_root)}
    fields.set_description(dataset, kind="faces", **about)
    appearance.dress(dataset)
    kind = fields.describe(videos).get("kind", "videos")  # whole frames are imported as faces
    fields.set_description(videos, kind=kind, **about)
    partners.link(videos, dataset)
    return dataset


def usual_name(videos: fo.Dataset) -> str:
    """Return the faces dataset's name that an extraction of ``videos`` continues or creates."""
    own = partners.partner(videos, partners.FACES)
    return f"{videos.name}-faces" if own is None else own.name


def usual_crops(videos: fo.Dataset) -> Path:
    """Return the crop store of earlier extractions of ``videos``, or a new one.

    A renamed dataset keeps its store. A dataset that took the name of another one does not write
    into the other's store.
    """
    known = fields.describe(videos).get("crops")
    if known and partners.is_own(videos, partners.FACES):
        return Path(known)
    usual = default_folders.of_dataset(default_folders.CROPS, videos)
    own = str(videos._doc.id)
    path = f"info.{fields.INFO_KEY}"
    rows = documents("datasets").find(
        {f"{path}.crops": str(usual), f"{path}.{partners.LINKS}.{partners.FACES}.of": {"$ne": own}},
        {f"{path}.{partners.LINKS}": 1},
    )
    for row in rows:
        links = row["info"][fields.INFO_KEY].get(partners.LINKS) or {}
        if partners.name_of(links.get(partners.FACES, {}).get("of")) is not None:
            return usual.with_name(f"{usual.name}-{own[-8:]}")
    return usual


def _belongs(faces: fo.Dataset, videos: fo.Dataset) -> bool:
    own = partners.partner(faces, partners.VIDEOS)
    mine = own is not None and own._doc.id == videos._doc.id
    return mine or partners.are_copies(videos, faces)


def _declare_attributes(dataset: fo.Dataset, videos: fo.Dataset) -> None:
    """Add the fields of attributes that the source of ``videos`` shipped to ``dataset``."""
    declare(dataset, {name: type(videos.get_field(name)) for name in shipped_attributes(videos)})


def shipped_attributes(videos: fo.Dataset) -> list[str]:
    """Return the names of plain fields on ``videos`` that are neither FiftyOne's nor ours."""
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
        and name not in ours | scored | {fields.here(videos, name) for name in ours}
        and name not in ("filepath", "tags", "metadata", "id", "created_at", "last_modified_at")
        and not name.startswith("video_")
    ]


def save_views(videos: fo.Dataset, faces: fo.Dataset) -> None:
    """Save the views that the App shows first."""
    by_video = faces.group_by("video_id", order_by="frame_number")
    saved_views.save(faces, "by_video", by_video, "One tile per video; the faces in frame order")
    saved_views.save_chosen(faces, ONE_FACE, middle_faces(faces), "The middle face of each video")
    what = "Videos" if videos.media_type == fomm.VIDEO else "Frames"
    lost = videos.match(F(fields.here(videos, fields.REASON)) != None)  # noqa: E711 - a query
    saved_views.save(videos, "not_scorable", lost, f"{what} without a single usable face")


def renew_one_face(faces: fo.Dataset) -> None:
    """Save the view of one face per video again if faces were added or removed."""
    if not faces.has_saved_view(ONE_FACE):
        return
    now = middle_faces(faces)
    if set(faces.load_saved_view(ONE_FACE).values("id")) != set(now):
        saved_views.save_chosen(faces, ONE_FACE, now, "The middle face of each video")


def middle_faces(faces: Any) -> list[str]:
    """Return the id of one face of each video, the middle one in frame order.

    They are for evaluation at video level.
    """
    ids, video_ids, numbers = faces.values(["id", "video_id", "frame_number"])
    rows: dict[str, list[tuple[int, str]]] = {}
    for sample_id, video_id, number in zip(ids, video_ids, numbers, strict=True):
        rows.setdefault(video_id, []).append((number or 0, sample_id))
    return [sorted(found)[len(found) // 2][1] for found in rows.values()]
