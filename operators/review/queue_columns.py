"""Reads the columns of the faces that the queues are made from, and checks which exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import fiftyone as fo

from ...detector.audit.columns import FaceColumns
from ...detector.errors import ForensicsError
from ..dataset import fields, made_from, views
from ..dataset.face_table import face_table
from ..training.training_records import record_of


def untuned_key(dataset: fo.Dataset) -> str | None:
    """Return the newest detector trained on ``dataset`` with its tower unchanged."""
    for key in reversed(fields.detector_keys(dataset)):
        record = record_of(dataset, key)
        if record is not None and record.config.get("tune") == "head":
            return key
    return None


def probed_fields(dataset: fo.Dataset, key: str) -> list[str]:
    """Return the fields of 'Probe robustness': changes of p_fake under a corruption."""
    prefix = fields.delta_field(key, "")
    return [name for name in fields.fields_of_key(dataset, key) if name.startswith(prefix)]


def check_columns(
    dataset: fo.Dataset, key: str, needed: set[str], other: str | None, generic: str | None
) -> None:
    """Raise :class:`ForensicsError` if a needed column is missing, before anything is read."""
    if "embedding" in needed and not dataset.has_field(fields.ScoreFields(key).embedding):
        raise ForensicsError(
            f"The scores of {key!r} come without embeddings.",
            "Run 'Score faces' with its checkpoint, or leave out the queues that need them.",
            field="queues",
        )
    if "other_p_fake" in needed and (
        not other or other == key or not dataset.has_field(fields.ScoreFields(other).p_fake)
    ):
        raise ForensicsError(
            "The queue 'disagreement' needs a second detector that has scored these faces.",
            f"Choose one of: {', '.join(k for k in fields.detector_keys(dataset) if k != key)}.",
            field="other",
        )
    if "changes" in needed and not probed_fields(dataset, key):
        raise ForensicsError(
            f"The faces have not been scored under corruptions with {key!r}.",
            "Run 'Probe robustness' first, or leave out the queue 'fragile'.",
            field="queues",
        )
    if "generic" in needed and (
        not generic or not dataset.has_field(fields.ScoreFields(generic).embedding)
    ):
        raise ForensicsError(
            "Duplicates are found in the embeddings of an untuned tower, and there are none.",
            "Train a linear_probe, score the faces with it, and choose its key.",
            field="generic",
        )


def read(
    view: Any, key: str, needed: set[str], other: str | None, generic: str | None
) -> FaceColumns:
    """Return the faces of ``view`` with the columns ``needed`` beside their scores."""
    import numpy as np

    view = views.subjects(view)
    probed = probed_fields(views.dataset_of(view), key) if "changes" in needed else []
    second = fields.ScoreFields(other).p_fake if "other_p_fake" in needed and other else None
    if second and other:
        made_from.require_current_scores(views.dataset_of(view), other)
    prefix = fields.delta_field(key, "")
    under = [fields.margin_field(key, name.removeprefix(prefix)) for name in probed]
    under = under if all(map(views.dataset_of(view).has_field, under)) else []
    table = face_table(view, key, [*probed, *under, *([second] if second else [])])
    vectors = {}
    if "embedding" in needed:
        vectors["embedding"] = _vectors(view, fields.ScoreFields(key).embedding, table.ids)
    if "generic" in needed and generic:
        vectors["generic"] = (
            vectors["embedding"]
            if generic == key and "embedding" in vectors
            else _vectors(view, fields.ScoreFields(generic).embedding, table.ids)
        )
    for column, names in (("changes", probed), ("changed_margins", under)):
        if names:
            vectors[column] = np.stack([table.numbers[name] for name in names], axis=1)
    numbers = {"other_p_fake": table.numbers[second]} if second else {}
    return replace(table, numbers=numbers, vectors=vectors)


def _vectors(view: Any, name: str, ids: Sequence[str]) -> Any:
    """Return (N, D) float32 unit vectors of a field for ``ids``, NaN if a face has none."""
    import numpy as np

    from ..embeddings.stored_vectors import read

    found = read(view, name)
    out = np.full((len(ids), max(1, found.vectors.shape[1])), np.nan, np.float32)
    place = {sample_id: row for row, sample_id in enumerate(ids)}
    rows = [(place[i], row) for row, i in enumerate(found.ids) if i in place]
    if rows:
        to, of = np.array(rows).T
        out[to] = found.vectors[of]
    return out
