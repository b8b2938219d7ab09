"""Finds the sources of crops in a faces dataset: video, frame and transform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import fiftyone as fo

from ...detector.files.allowed_roots import require_files
from ..dataset import fields, marked_views

if TYPE_CHECKING:
    from ...detector.scoring.recompressed_scores import SourceFace


def source_faces(dataset: fo.Dataset, face_ids: Sequence[str]) -> list[SourceFace]:
    """Return the sources of the crops of ``face_ids``, in that order.

    Raises:
        ForensicsError: a video is outside the allowed folders
    """
    from ...detector.records import CropRecipe, Reason
    from ...detector.scoring.crop_files import read_crop
    from ...detector.scoring.recompressed_scores import SourceFace

    stored = fields.describe(dataset).get("recipe")
    recipe = CropRecipe.from_json(stored) if stored else CropRecipe()
    names = ["id", "filepath", "video_path", "frame_number", "crop_matrix"]
    names += [fields.SOURCE_SHA256, fields.CROP_SHA256]
    schema = dataset.get_field_schema()
    known = [name for name in names if name in schema]
    columns = marked_views.columns(dataset, face_ids, known)
    rows = {row[0]: dict(zip(known, row, strict=True)) for row in zip(*columns, strict=True)}
    require_files((row.get("video_path") for row in rows.values()), "videos")
    faces = []
    for face_id in face_ids:
        row = rows[face_id]
        matrix, number = row.get("crop_matrix"), row.get("frame_number")
        size, reason = recipe.size, Reason.ALIGN_FAILED
        if size == 0 and matrix:  # cut at the frame's resolution
            crop = read_crop(row["filepath"], row.get(fields.CROP_SHA256) or "")
            if isinstance(crop, Reason):
                matrix, reason = None, crop
            else:
                size = crop.width
        whole = bool(matrix) and number is not None
        faces.append(
            SourceFace(
                row.get("video_path"),
                row.get(fields.SOURCE_SHA256) or "",
                fields.frame_index(number) if number is not None else -1,
                (tuple(matrix[:3]), tuple(matrix[3:])) if matrix and whole else None,
                size,
                recipe.border,
                recipe.interpolation,
                reason,
            )
        )
    return faces
