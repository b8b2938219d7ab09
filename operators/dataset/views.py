"""Reads views, selections and datasets into records and arrays, and writes values in bulk.

Reading goes by columns (``values``), never sample by sample. A dynamic-group view (one tile per
video) stands for all the faces behind its tiles, so it is flattened first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from itertools import islice
from typing import TYPE_CHECKING, Any

import fiftyone as fo
import fiftyone.core.media as fomm
from fiftyone import ViewField as F

from ...detector.errors import ForensicsError
from ...detector.files.allowed_roots import require_files
from ...detector.records import LABELS, UNKNOWN, UNLABELLED, VideoRecord
from . import fields, partners, score_state
from .dataset_changes import require_there

if TYPE_CHECKING:
    pass

SLICE = 10_000  # values per bulk write
_HIDING = (fo.SelectFields, fo.ExcludeFields)


def flat(samples: Any) -> Any:
    """Return ``samples`` without dynamic grouping: every face, not one per video.

    Fields that the view does not show are there as well, because a hidden label is not a missing
    one.
    """
    view = samples.view() if isinstance(samples, fo.Dataset) else samples
    if any(isinstance(stage, _HIDING) for stage in view._stages):
        shown, view = view, view._base_view
        for stage in shown._stages:
            view = view if isinstance(stage, _HIDING) else view.add_stage(stage)
    return view.flatten() if getattr(view, "_is_dynamic_groups", False) else view


def target(ctx: Any) -> Any:
    """Return the samples of a form's *target view*, flattened."""
    return flat(ctx.target_view())


def dataset_of(samples: Any) -> fo.Dataset:
    """Return the dataset that ``samples`` belong to."""
    return samples if isinstance(samples, fo.Dataset) else samples._dataset


def is_empty(samples: Any) -> bool:
    """Return whether there is no sample.

    It queries one sample, because a dataset's length is MongoDB's estimate, which may be 0 for a
    full collection after MongoDB was killed.
    """
    return not samples.limit(1).values("id")


def require_samples(samples: Any, what: str) -> None:
    """Raise :class:`ForensicsError` if ``samples`` is empty, or holds videos in place of faces."""
    if what == "faces":
        require_faces(samples)
    if is_empty(samples):
        raise ForensicsError(
            f"The chosen view holds no {what}.",
            "Clear the filters or choose another view or dataset.",
        )


def require_faces(samples: Any) -> None:
    """Raise :class:`ForensicsError` if ``samples`` are videos; the hint names their faces."""
    if samples.media_type != fomm.VIDEO:
        return
    videos = dataset_of(samples)
    own = None if samples._is_generated else faces_of(videos)
    hint = "Run 'Extract faces' first" if own is None else f"Open {own.name!r}"
    raise ForensicsError(f"{videos.name!r} holds videos, not faces.", f"{hint}.")


def require_fields(samples: Any, names: Iterable[str], made_by: str) -> None:
    """Raise :class:`ForensicsError` if a field is missing; the hint names the operator for it.

    Fields of scores that are being replaced, or whose replacement was killed, count as missing.
    """
    names = list(names)
    schema = dataset_of(samples).get_field_schema()
    missing = [name for name in names if name.split(".")[0] not in schema]
    if missing and samples._is_generated:
        kind = type(samples).__name__.removesuffix("View").lower()
        raise ForensicsError(
            f"These {kind} of {samples._root_dataset.name!r} have no field {missing[0]!r}.",
            "Open the dataset itself, or take them with 'Use dataset'.",
        )
    if missing:
        raise ForensicsError(
            f"{dataset_of(samples).name!r} has no field {missing[0]!r}.", f"Run {made_by!r} first."
        )
    score_state.require_fields_whole(dataset_of(samples), names)


def videos_of(faces: fo.Dataset) -> fo.Dataset | None:
    """Return the video dataset that ``faces`` was cut from, or None if it is missing."""
    return partners.partner(faces, partners.VIDEOS)


def faces_of(videos: fo.Dataset) -> fo.Dataset | None:
    """Return the faces dataset cut from ``videos``, or None if there is none."""
    return partners.partner(videos, partners.FACES)


def video_records(samples: Any) -> list[VideoRecord]:
    """Return one record per video of ``samples``, which are videos, or images by ``video_id``.

    Raises:
        ForensicsError: the samples have no ``video_id`` or no ground truth, or a file is outside
            the allowed folders
    """
    view = taken(samples)
    dataset = dataset_of(view)
    label = fields.here(dataset, fields.GROUND_TRUTH)
    require_fields(view, [fields.here(dataset, "video_id"), label], "Import deepfake dataset")
    names = list(fields.COMMON_FIELDS)
    asked = ["filepath", f"{label}.label", *(fields.here(dataset, name) for name in names)]
    columns = dict(zip(["filepath", "label", *names], view.values(asked), strict=True))
    clips = _clips(view)
    aligned = fields.describe(dataset).get("kind") == "videos" and bool(
        fields.describe(dataset).get("aligned")
    )
    require_files([*columns["filepath"], *columns["mask_path"]], "videos")
    is_video = view.media_type == fomm.VIDEO
    rows: dict[str, dict[str, Any]] = {}
    frames: dict[str, list[tuple[int, str]]] = {}
    numbers = None if is_video else view.values(fields.here(dataset, "frame_number"))
    for i, path in enumerate(columns["filepath"]):
        video_id = columns["video_id"][i]
        if video_id is None:
            raise ForensicsError(
                f"The sample {path!r} has no video_id.", "Import it with 'Import deepfake dataset'."
            )
        values = {name: columns[name][i] for name in names}
        values["label"] = _label(columns["label"][i], path)
        rows.setdefault(video_id, values | {"path": path, "clip": clips[i] if clips else None})
        if numbers is not None:
            index = i if numbers[i] is None else fields.frame_index(numbers[i])
            frames.setdefault(video_id, []).append((index, path))
    return [
        VideoRecord(
            **{k: v if v is not None else _default(k) for k, v in values.items()},
            frames=tuple(sorted(frames.get(video_id, ()))),
            aligned=aligned,
        )
        for video_id, values in rows.items()
    ]


def taken(samples: Any) -> Any:
    """Return ``samples``, flat; of an adopted dataset, only those that 'Use dataset' has taken."""
    view = flat(samples)
    dataset = dataset_of(view)
    name = fields.here(dataset, "video_id")
    if not fields.is_adopted(dataset) or not dataset.has_field(name):
        return view
    return view.match({name: {"$ne": None}})


def _clips(view: Any) -> list[tuple[int, int] | None]:
    """Return first and last 0-based frame of each sample that is a clip, or [] if none is."""
    if not isinstance(view.get_field(fields.CLIP), fo.FrameSupportField):
        return []
    return [
        (fields.frame_index(support[0]), fields.frame_index(support[1])) if support else None
        for support in view.values(fields.CLIP)
    ]


def crop_hashes(view: Any) -> list[str]:
    """Return the sha256 that extraction noted of each face's crop, "" if there is none."""
    if fields.CROP_SHA256 not in dataset_of(view).get_field_schema():
        return [""] * len(view.values("id"))
    return [value or "" for value in view.values(fields.CROP_SHA256)]


def _default(name: str) -> Any:
    return {"group_id": "", "license_note": "", "compression": "", "pair_status": "none"}.get(name)


def _label(name: str | None, path: str) -> int:
    if name in (None, "", UNLABELLED):
        return UNKNOWN
    if name not in LABELS:
        raise ForensicsError(
            f"The ground truth of {path!r} is {name!r}.", f"It must be one of {LABELS}, or nothing."
        )
    return LABELS.index(name)


def subjects(view: Any) -> Any:
    """Return ``view`` without faces of another person than the subject, which do not count."""
    if not view.has_field("subject"):
        return view
    return view.match(F("subject") != False)  # noqa: E712 - builds a database query


def show_saved_view(ctx: Any, name: str) -> Any:
    """Return the App's message that shows a saved view.

    It sends the view's stages, because the App does not find a name that it has not loaded yet.
    """
    ctx.dataset.reload()
    return ctx.ops.set_view(view=ctx.dataset.load_saved_view(name))


def set_by_id(dataset: fo.Dataset, field: str, values: dict[str, Any]) -> None:
    """Write ``{sample id: value}`` in bulk; the field's type comes from the first value.

    It writes in slices, because FiftyOne prepares an operation for every value before it writes
    any.
    """
    left = iter(values.items())
    while part := dict(islice(left, SLICE)):
        require_there(dataset)
        dataset.set_values(field, part, key_field="id")


def set_many_by_id(dataset: fo.Dataset, values: dict[str, dict[str, Any]]) -> None:
    """Write ``{sample id: {field: value}}`` in bulk: a sample gets all its fields at once or none.

    The fields must exist; values are numbers, texts, flags, times or None.
    """
    from bson import ObjectId
    from pymongo import UpdateOne

    now = datetime.now(timezone.utc)
    left = iter(values.items())
    while part := dict(islice(left, SLICE)):
        require_there(dataset)
        updates = [
            UpdateOne({"_id": ObjectId(i)}, {"$set": {**row, "last_modified_at": now}})
            for i, row in part.items()
        ]
        dataset._bulk_write(updates, ids=list(part))


def match_in(dataset: Any, field: str, values: Sequence[Any]) -> Any:
    """Return the samples whose ``field`` is one of ``values``.

    It uses a plain query: in a view expression, a value that starts with ``$`` names another field,
    and a method may have such a name.
    """
    return dataset.match({field: {"$in": list(values)}})
