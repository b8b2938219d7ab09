"""Makes a dataset of ours beside a person's own, for views that FiftyOne creates each time.

Clips, frames, patches of people and slices of groups have no lasting sample to store a score on.
Each becomes one sample here. Its file stays where it is, except that of a patch, which is cut out
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.core.media as fomm

from ...detector.errors import Cancelled, ForensicsError
from ...detector.progress import Progress, ShouldStop
from ...detector.records import LABELS
from ..dataset import appearance, default_folders, fields, views
from ..dataset.dataset_changes import changing, declare
from . import import_views
from .import_target import new_dataset
from .own_labels import CLIPS, FRAMES, PEOPLE
from .own_samples import OwnSample

UNITS_OF = "units_of"  # entry in the description: id, name and kind of the units' dataset
SOURCE = "source_sample"  # id of the sample that a unit is of
_PLAIN = (fo.StringField, fo.BooleanField, fo.IntField, fo.FloatField)


def open_units(name: str, root: fo.Dataset, kind: str) -> tuple[fo.Dataset, bool]:
    """Return the dataset ``name`` for the units of ``root``, and whether it was created now.

    Raises:
        ForensicsError: if it exists and is something else
    """
    about = {"id": str(root._doc.id), "name": root.name, "kind": kind}
    if fo.dataset_exists(name):
        dataset = fo.load_dataset(name)
        there = fields.describe(dataset).get(UNITS_OF) or {}
        if (there.get("id"), there.get("kind")) != (about["id"], kind):
            raise ForensicsError(
                f"The dataset {name!r} exists and does not hold the {kind} of {root.name!r}.",
                "Choose another name.",
                "name",
            )
        return dataset, False
    dataset = new_dataset(name)
    fields.set_description(dataset, kind="videos", **{UNITS_OF: about})
    return dataset, True


def require_pictures(view: Any, kind: str) -> None:
    """Raise :class:`ForensicsError` if frames have no pictures of their own."""
    if kind != FRAMES and not (kind == PEOPLE and "frame_number" in view.get_field_schema()):
        return
    for path in view.values("filepath"):
        if fomm.get_media_type(path) != fomm.IMAGE:
            raise ForensicsError(
                f"These frames have no pictures of their own: {path!r} is not an image.",
                "Give the videos or a view of clips, or to_frames(sample_frames=True).",
            )


def write(
    dataset: fo.Dataset,
    view: Any,
    rows: Sequence[OwnSample],
    kind: str,
    aligned: bool,
    progress: Progress,
    should_stop: ShouldStop,
) -> dict[str, int]:
    """Add the units that ``dataset`` lacks, and update the others.

    Returns:
        reasons why units are left out -> how many

    Raises:
        Cancelled: if the user stopped it; what is written stays
    """
    is_video = view.media_type == fomm.VIDEO
    with changing(dataset):
        dataset.media_type = fomm.VIDEO if is_video else fomm.IMAGE
    fields.declare_common_fields(dataset)
    attributes = _attributes(view)
    wanted: dict[str, type] = {SOURCE: fo.StringField, **attributes}
    if not is_video:
        wanted["frame_number"] = fo.IntField
    if kind == CLIPS:
        wanted[fields.CLIP] = fo.FrameSupportField
    declare(dataset, wanted)
    fields.set_description(dataset, aligned=aligned)
    there = _there(dataset, is_video)
    more = {name: view.values(name) for name in attributes}
    sources = view.values("id" if kind not in (CLIPS, FRAMES, PEOPLE) else "sample_id")
    supports = view.values("support") if kind == CLIPS else None
    boxes = view.values(f"{_patches_field(view)}.bounding_box") if kind == PEOPLE else None
    folder = default_folders.of_kind(default_folders.PATCHES) / str(dataset._doc.id)
    lost: dict[str, int] = {}
    samples: list[fo.Sample] = []
    known: dict[str, dict[str, Any]] = {}
    labels: dict[str, fo.Classification | None] = {}
    for i, row in enumerate(rows):
        if should_stop():
            raise Cancelled("Stopped.", "Run it again to continue.")
        label = None if row.label is None else fo.Classification(label=LABELS[row.label])
        own = there.get((row.values["video_id"], row.frame_number))
        if own is not None:
            known[own], labels[own] = row.values, label
            continue
        path = row.path
        if boxes is not None:
            path = _cut(row, boxes[i], folder, lost)
        if path is not None:
            values = {**{n: v[i] for n, v in more.items()}, **row.values, SOURCE: str(sources[i])}
            if supports is not None:
                values[fields.CLIP] = list(supports[i])
            if not is_video:
                values["frame_number"] = row.frame_number
            samples.append(fo.Sample(filepath=path, **{fields.GROUND_TRUTH: label}, **values))
        progress(i + 1, len(rows), "samples")
    if samples:
        dataset.add_samples(samples, dynamic=False, progress=False)
    views.set_many_by_id(dataset, known)
    views.set_by_id(dataset, fields.GROUND_TRUTH, labels)
    import_views.save_views(dataset)
    appearance.dress(dataset)
    return lost


def _attributes(view: Any) -> dict[str, type]:
    """Return the plain fields of the samples whose names none of our fields has."""
    ours = {
        *fields.COMMON_FIELDS,
        *fields.FACE_FIELDS,
        fields.GROUND_TRUTH,
        fields.COVERAGE,
        SOURCE,
    }
    theirs = {
        fields.CLIP,
        "id",
        "filepath",
        "sample_id",
        "frame_id",
        "created_at",
        "last_modified_at",
    }
    return {
        name: type(field)
        for name, field in view.get_field_schema().items()
        if isinstance(field, _PLAIN) and name not in ours | theirs
    }


def _there(dataset: fo.Dataset, is_video: bool) -> dict[tuple[str, int | None], str]:
    names = ["id", "video_id"] + ([] if is_video else ["frame_number"])
    rows = zip(*dataset.values(names), strict=True)
    return {(row[1], None if is_video else row[2]): row[0] for row in rows}


def _patches_field(view: Any) -> str:
    """Return the field of a patches view that holds the one box of each sample.

    Raises:
        ForensicsError: if it holds no boxes
    """
    for name, field in view.get_field_schema().items():
        kind = getattr(field, "document_type", None)
        if isinstance(kind, type) and issubclass(kind, fo.Detection):
            return name
    raise ForensicsError(
        "These patches are not of boxes.", "Give to_patches() of a field of Detections."
    )


def _cut(row: OwnSample, box: Any, folder: Path, lost: dict[str, int]) -> str | None:
    """Cut a person out of the picture, once; return the file, or None if it is not possible."""
    from ...detector.crops.encoding import encode_image
    from ...detector.files.atomic import write_bytes
    from ...detector.frames.frame import FrameError
    from ...detector.frames.sources import read_frames

    target = folder / f"{row.sample_id}.png"
    if target.is_file():
        return str(target)
    try:
        _, image = next(iter(read_frames(row.path, [0])))
    except FrameError as error:
        lost[error.reason.value] = lost.get(error.reason.value, 0) + 1
        return None
    height, width = image.shape[:2]
    x, y, w, h = box
    left, top = max(0, round(x * width)), max(0, round(y * height))
    part = image[top : max(0, round((y + h) * height)), left : max(0, round((x + w) * width))]
    if not part.size:
        lost["empty_box"] = lost.get("empty_box", 0) + 1
        return None
    write_bytes(target, encode_image(part, "png"))
    return str(target)
