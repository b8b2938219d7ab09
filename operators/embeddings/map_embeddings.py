"""Defines the operator ``map_embeddings``: stored embeddings for FiftyOne's own panels.

It makes visualizations and a similarity index, which are FiftyOne brain runs, so that the
Embeddings and Similarity Search panels work on them. It also finds each face's nearest training
faces of other groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import fiftyone as fo
from fiftyone import ViewField as F

from ...detector.errors import ForensicsError
from ...detector.files import packages
from ...detector.progress import Progress, ShouldStop, never, silent
from ...detector.records import FAKE, LABELS
from ..app.form import Form
from ..app.outcome import Ending
from ..dataset import derived, fields, made_from, marked_views, views
from ..dataset.dataset_changes import declare
from ..jobs.workflow import JobWorkflow
from . import embedding_files, embedding_geometry, embedding_maps

if TYPE_CHECKING:
    from .stored_vectors import Vectors

PARTS = (
    ("pca", "2-D map by principal components"),
    ("umap", "2-D map by UMAP (cosine); needs the package umap-learn, compiles itself first"),
    ("axis", "2-D map: fake axis and largest spread at right angles"),
    ("similarity", "Similarity index (cosine)"),
    ("neighbours", "Nearest training faces of other people"),
    ("field", "Embeddings of these faces from files into the field, for other plugins"),
)
#: Parts that are made only on request.
ON_REQUEST = ("umap", "field")
#: Fewest faces that a part needs.
LEAST = {"pca": 2, "axis": 2, "umap": 4}
NEIGHBOURS = 10
#: Fields that are read with the embeddings.
COLUMNS = (*embedding_geometry.COLUMNS, "group_id", "video_id")
CHUNK = 20_000  # faces per bulk write of neighbour fields


def run(
    samples: Any,
    *,
    key: str,
    parts: Sequence[str] = ("pca", "axis", "similarity", "neighbours"),
    seed: int = 0,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Make maps, an index and neighbour fields from the stored embeddings of detector ``key``.

    Args:
        samples: faces dataset or view; faces without an embedding are left out and counted
        key: detector key
        parts: names of :data:`PARTS`
        seed: seed of UMAP
        progress, should_stop: see :mod:`detector.progress`

    Returns:
        ``{"faces", "without_embedding", "runs": [brain keys], "fields": [...], "geometry",
        "table"}``; ``geometry`` has, per class and method, the alignment (in-class spread), the
        concentration and the angles in degrees of its mean to the fake axis and to the mean real,
        and the uniformity of all faces. A face whose stored embedding is not finite counts as
        having none.

    Raises:
        ForensicsError: unknown part, empty view, no or too few embeddings, no training face with an
            embedding, or umap-learn is missing
    """
    from . import stored_vectors

    _check(parts)
    view = marked_views.compact(views.flat(samples), f"map {key}")
    dataset = views.dataset_of(view)
    names = fields.ScoreFields(key)
    views.require_fields(view, [names.embedding], "Score faces")
    basis = made_from.basis_of(view, key, "face")
    found = stored_vectors.read(view, names.embedding, COLUMNS)
    filed = embedding_files.are_noted(dataset, names.embedding)
    there = view.match(F(names.embedding) != None)  # noqa: E711 - builds a database query
    if found.not_finite or filed:
        there = marked_views.marked(view, f"map {key}", found.ids)
        marked_views.forget_others(dataset, f"map {key}", there, 2 * len(PARTS))
    views.require_samples(there, f"faces with an embedding of {key!r}")
    for part in parts:
        if len(found.ids) < LEAST.get(part, 1):
            raise ForensicsError(
                f"The part {part!r} needs {LEAST[part]} faces with an embedding, not "
                f"{len(found.ids)}.",
                "Choose more faces, or leave it off.",
                part,
            )
    references = _references(dataset, key) if "neighbours" in parts else None
    head = _head(dataset, names)
    runs, made = [], []
    for done, part in enumerate(parts):
        if should_stop():
            break
        progress(done, len(parts), part)
        if references is not None and part == "neighbours":
            made += _neighbours(dataset, found, references, key)
        elif part == "field":
            made += [names.embedding] if embedding_files.into_field(there, key) else []
        elif part != "axis" or head is not None:
            stored = found.vectors if found.not_finite or filed else names.embedding
            runs.append(embedding_maps.make(there, found, key, part, head, stored, seed))
            derived.note(view, key, "map", part, basis)
    progress(len(parts), len(parts), "done")
    measured = embedding_geometry.geometry(found, head)
    return {
        "faces": len(found.ids),
        "without_embedding": len(view) - len(found.ids),
        "runs": runs,
        "fields": made,
        "geometry": measured,
        "table": embedding_geometry.table(measured),
    }


def _check(parts: Sequence[str]) -> None:
    known = [name for name, _ in PARTS]
    for part in parts:
        if part not in known:
            raise ForensicsError(
                f"There is no part {part!r}.", f"Known: {', '.join(known)}.", "parts"
            )
    if not parts:
        raise ForensicsError("Nothing is chosen.", "Choose at least one part.", "parts")
    if "umap" in parts:
        packages.require(packages.UMAP, "umap")


def _head(dataset: fo.Dataset, names: fields.ScoreFields) -> Any:
    """Return the weight (2, D) of the detector's head, or None for imported scores."""
    import numpy as np

    config = dataset.get_run_info(names.run).config if dataset.has_run(names.run) else None
    weight = getattr(config, "head_weight", None)
    return None if weight is None else np.array(weight, np.float64)


def _references(dataset: fo.Dataset, key: str) -> Vectors:
    """Return every training face with an embedding.

    Raises:
        ForensicsError: there is no such face
    """
    from . import stored_vectors

    training = dataset.match(F("split") == "train")
    found = stored_vectors.read(training, fields.ScoreFields(key).embedding, COLUMNS)
    if not found.ids:
        raise ForensicsError(
            "No face of the split train has an embedding.",
            "Score the training faces too, or leave the neighbours off.",
            "neighbours",
        )
    return found


def _neighbours(dataset: fo.Dataset, faces: Vectors, training: Vectors, key: str) -> list[str]:
    """Write two fields: share of fakes among the nearest training faces, and mean cosine to them.

    Only training faces of other groups count. Return the names of the fields.
    """
    import numpy as np

    from ...detector.embeddings.neighbours import nearest

    labels = training.columns[COLUMNS[0]]
    is_fake = np.array([label == LABELS[FAKE] for label in labels])
    found = nearest(faces.vectors, training.vectors, NEIGHBOURS, _groups(faces), _groups(training))
    there = found.indices >= 0
    count = there.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(there, is_fake[found.indices], False).sum(axis=1) / count
        near = np.nansum(np.where(there, found.cosine, 0), axis=1) / count
    made = []
    for field, values in ((f"{key}_knn_fake", share), (f"{key}_knn_cosine", near)):
        declare(dataset, {field: fo.FloatField})
        for start in range(0, len(faces.ids), CHUNK):
            part = slice(start, start + CHUNK)
            rows = zip(faces.ids[part], values[part], strict=True)
            views.set_by_id(dataset, field, {i: None if np.isnan(v) else float(v) for i, v in rows})
        made.append(field)
    return made


def _groups(faces: Vectors) -> list[str]:
    """Return the leakage group of each face, or its video if the source has no groups."""
    keys = zip(faces.columns["group_id"], faces.columns["video_id"], strict=True)
    return [group or video for group, video in keys]


class MapEmbeddings(JobWorkflow):
    """Operator that makes maps, a similarity index and neighbours from stored embeddings."""

    label = "Map embeddings"
    description = (
        "From a detector's stored embeddings: 2-D maps for the Embeddings panel, a "
        "similarity index, nearest training faces of other people"
    )
    icon = "scatter_plot"
    run_name = "Map embeddings of {key} in {dataset}"
    bar, doing = "maps", "Maps"

    def fill(self, form: Form, target: Any) -> None:
        if not form.detector():
            return
        for name, text in PARTS:
            if name == "field" and not _filed(form):
                continue
            title, _, detail = text.partition("; ")
            form.flag(name, title, detail or title, default=name not in ON_REQUEST)
        form.check(lambda: _check(_parts(form.params)))

    def arguments(self, ctx: Any) -> dict[str, Any]:
        return {"key": ctx.params.get("key"), "parts": _parts(ctx.params)}

    def ending(self, ctx: Any, done: dict[str, Any]) -> Ending:
        text = f"{done['faces']} faces: {', '.join([*done['runs'], *done['fields']])}"
        return Ending(text, title="Maps", table=done["table"], notes=_next_steps(done))


def _filed(form: Form) -> bool:
    key = form.params.get("key")
    return embedding_files.are_noted(form.dataset, fields.ScoreFields(key).embedding if key else "")


def _next_steps(done: dict[str, Any]) -> tuple[str, ...]:
    """Return sentences that say where the results are shown, and which embeddings are missing."""
    maps = [name for name in done["runs"] if not name.endswith("_similarity")]
    steps = [f"Maps: open the Embeddings panel and choose {' or '.join(maps)}."] if maps else []
    if len(maps) < len(done["runs"]):
        steps.append("Similar faces: tick a face, then 'Sort by similarity' above the grid.")
    if done["fields"]:
        steps.append(f"Neighbours: the fields {' and '.join(done['fields'])}.")
    if done["without_embedding"]:
        steps.append(f"{done['without_embedding']} faces have no usable embedding.")
    return tuple(steps)


def _parts(form: dict[str, Any]) -> list[str]:
    given = form.get("parts")
    return list(given) if given else [n for n, _ in PARTS if form.get(n, n not in ON_REQUEST)]
