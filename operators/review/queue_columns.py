"""What the queues are made from: columns of the faces, and which of them are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fiftyone as fo

from ...detector.errors import ForensicsError
from ..dataset import face_table, fields, views
from ..training.training_records import record_name

if TYPE_CHECKING:
    from ...detector.queues.by_score import ScoredFaces


def untuned_key(dataset: fo.Dataset) -> str | None:
    """The newest detector of ``dataset`` that was trained here with its tower left as it was."""
    for key in reversed(fields.detector_keys(dataset)):
        name = record_name(key)
        if dataset.has_run(name):
            config = dataset.get_run_info(name).config.config
            if config.get("tune") == "head":
                return key
    return None


def probed_fields(dataset: fo.Dataset, key: str) -> list[str]:
    """Fields of 'Probe robustness': changes of p_fake under a corruption."""
    prefix = fields.delta_field(key, "")
    return [name for name in dataset.get_field_schema() if name.startswith(prefix)]


def check_columns(
    dataset: fo.Dataset, key: str, needed: set[str], other: str | None, generic: str | None
) -> None:
    """Say what is missing before anything is read."""
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
) -> tuple[Any, ScoredFaces]:
    """Ids and columns of the faces of ``view``."""
    import numpy as np

    from ...detector.queues.by_score import ScoredFaces

    view = views.subjects(view)
    columns = face_table.face_scores(view, key)
    embedding = generic_vectors = other_scores = None
    if "embedding" in needed:
        embedding = _vectors(view, fields.ScoreFields(key).embedding)
    if "generic" in needed and generic:
        generic_vectors = (
            embedding
            if generic == key and embedding is not None
            else _vectors(view, fields.ScoreFields(generic).embedding)
        )
    if "other_p_fake" in needed and other:
        other_scores = face_table.face_scores(view, other).p_fake
    changes = None
    if "changes" in needed:
        found = view.values(probed_fields(views.dataset_of(view), key))
        changes = np.array([[np.nan if v is None else v for v in column] for column in found]).T
    return columns.ids, ScoredFaces(
        p_fake=columns.p_fake,
        label=columns.label,
        video_id=columns.video_id,
        method=columns.method,
        pair_id=columns.pair_id,
        frame_number=columns.frame_number,
        track=columns.track,
        group_id=columns.group_id,
        source_dataset=columns.source_dataset,
        split=columns.split,
        other_p_fake=other_scores,
        changes=changes,
        embedding=embedding,
        generic=generic_vectors,
    )


def _vectors(view: Any, name: str) -> Any:
    """(N, D) float32 unit vectors of a field, NaN where a face has none."""
    import numpy as np

    from ..embeddings.stored_vectors import read

    found = read(view, name)
    out = np.full((len(view), max(1, found.vectors.shape[1])), np.nan, np.float32)
    place = {sample_id: row for row, sample_id in enumerate(view.values("id"))}
    if found.ids:
        out[[place[sample_id] for sample_id in found.ids]] = found.vectors
    return out
