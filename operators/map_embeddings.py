"""Operator ``map_embeddings``: stored embeddings for FiftyOne's own panels, and what is near what.

Visualizations and a similarity index are FiftyOne brain runs, so the Embeddings and Similarity
Search panels work on them. Neighbours are training faces of other groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone import ViewField as F
from fiftyone.operators import types

from ..detector.errors import ForensicsError
from ..detector.records import FAKE, LABELS
from . import fields, forms, from_python, jobs, views
from .markup import plain
from .progress import Progress, ShouldStop, in_app, never, silent, stop_of

PARTS = (
    ("pca", "2-D map by principal components"),
    ("umap", "2-D map by UMAP (cosine); needs the package umap-learn"),
    ("axis", "2-D map: fake axis and largest spread at right angles"),
    ("similarity", "Similarity index (cosine)"),
    ("neighbours", "Nearest training faces of other people"),
)
NEIGHBOURS = 10
CHUNK = 20_000  # faces whose neighbours are written at once


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
        seed: of UMAP
        progress, should_stop: see :mod:`.progress`

    Returns:
        ``{"faces", "without_embedding", "runs": [brain keys], "fields": [...], "geometry",
        "table"}``;
        ``geometry`` has, per class and method, alignment (in-class spread), concentration and the
        angle of its mean to the fake axis and to the mean real in degrees, and the uniformity of
        all faces

    Raises:
        ForensicsError: unknown part, empty view, no embeddings, umap-learn missing
    """
    import numpy as np

    _check(parts)
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    names = fields.ScoreFields(key)
    views.require_fields(view, [names.embedding], "Score faces")
    there = view.match(F(names.embedding) != None)  # noqa: E711 - builds a database query
    views.require_samples(there, f"faces with an embedding of {key!r}")
    vectors = np.stack([np.asarray(v, np.float32) for v in there.values(names.embedding)])
    head = _head(dataset, names)
    runs, made = [], []
    for done, part in enumerate(parts):
        if should_stop():
            break
        progress(done, len(parts), part)
        if part == "neighbours":
            made += _neighbours(dataset, there, vectors, key)
        elif part != "axis" or head is not None:
            runs.append(_brain(there, vectors, key, part, head, names.embedding, seed))
    progress(len(parts), len(parts), "done")
    measured = geometry(there, vectors, head)
    return {
        "faces": len(vectors),
        "without_embedding": len(view) - len(vectors),
        "runs": runs,
        "fields": made,
        "geometry": measured,
        "table": table(measured),
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
        from importlib.util import find_spec

        if find_spec("umap") is None:
            raise ForensicsError(
                "UMAP needs the package umap-learn.", "Install it, or leave UMAP off.", "umap"
            )


def _head(dataset: fo.Dataset, names: fields.ScoreFields) -> Any:
    """Weight (2, D) of the detector's head, or None for imported scores."""
    import numpy as np

    config = dataset.get_run_info(names.run).config if dataset.has_run(names.run) else None
    weight = getattr(config, "head_weight", None)
    return None if weight is None else np.array(weight, np.float64)


def _brain(
    view: Any, vectors: Any, key: str, part: str, head: Any, embedding: str, seed: int
) -> str:
    """Compute one brain run, replacing an older one; returns its key."""
    import fiftyone.brain as fob  # pulls in most of scikit-learn

    from ..detector.sphere import fake_axis_projection

    name = f"{key}_{part}"
    dataset = views.dataset_of(view)
    if dataset.has_brain_run(name):
        dataset.delete_brain_run(name)
    if part == "similarity":
        fob.compute_similarity(
            view, embeddings=embedding, brain_key=name, backend="sklearn", metric="cosine"
        )
        return name
    options: dict[str, Any] = {"method": "manual"}
    if part == "axis":
        options["points"] = fake_axis_projection(vectors, head).xy
    elif part == "pca":
        options = {"method": "pca", "embeddings": vectors}
    else:
        options = {"method": "umap", "embeddings": vectors, "metric": "cosine"}
    if part != "axis":
        options["seed"] = seed
    fob.compute_visualization(view, brain_key=name, num_dims=2, **options)
    return name


def _neighbours(dataset: fo.Dataset, view: Any, vectors: Any, key: str) -> list[str]:
    """Share of fakes among the nearest training faces of other groups, and how near they are."""
    import numpy as np

    from ..detector.neighbours import nearest

    embedding = fields.ScoreFields(key).embedding
    training = dataset.match((F("split") == "train") & (F(embedding) != None))  # noqa: E711
    if len(training) == 0:
        raise ForensicsError(
            "No face of the split train has an embedding.",
            "Score the training faces too, or leave the neighbours off.",
            "neighbours",
        )
    stored = training.values([embedding, f"{fields.GROUND_TRUTH}.label", "group_id", "video_id"])
    references = np.stack([np.asarray(v, np.float32) for v in stored[0]])
    is_fake = np.array([label == LABELS[FAKE] for label in stored[1]])
    ids, *keys = view.values(["id", "group_id", "video_id"])
    found = nearest(
        vectors,
        references,
        NEIGHBOURS,
        [g or v for g, v in zip(*keys, strict=True)],
        [g or v for g, v in zip(*stored[2:], strict=True)],
    )
    there = found.indices >= 0
    count = there.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(there, is_fake[found.indices], False).sum(axis=1) / count
        near = np.nansum(np.where(there, found.cosine, 0), axis=1) / count
    made = []
    for field, values in ((f"{key}_knn_fake", share), (f"{key}_knn_cosine", near)):
        if not dataset.has_field(field):
            dataset.add_sample_field(field, fo.FloatField)
        for start in range(0, len(ids), CHUNK):
            part = slice(start, start + CHUNK)
            rows = zip(ids[part], values[part], strict=True)
            views.set_by_id(dataset, field, {i: None if np.isnan(v) else float(v) for i, v in rows})
        made.append(field)
    return made


def geometry(view: Any, vectors: Any, head: Any) -> dict[str, Any]:
    """Spread and direction of each class and method, as plain numbers.

    ``uniformity`` takes time with the square of the number of faces: above 20,000 it is of a
    seeded sample, and ``uniformity_of`` says of how many.
    """
    import numpy as np

    from ..detector.errors import MetricUndefined
    from ..detector.sphere import alignment, concentration, fake_axis, uniformity

    label, method = view.values([f"{fields.GROUND_TRUTH}.label", "method"])
    keys = np.array([f"{a}/{b}" for a, b in zip(label, method, strict=True)])
    axis = None if head is None else fake_axis(head)
    reals = vectors[np.array([x == LABELS[0] for x in label])]
    real_mean = concentration(reals).direction if len(reals) else None
    groups = {}
    for name in np.unique(keys).tolist():
        part = vectors[keys == name]
        cone = concentration(part)
        try:
            spread = alignment(part)
        except MetricUndefined:
            spread = None  # one face has no spread
        groups[name] = {
            "faces": len(part),
            "alignment": spread,
            "kappa": cone.kappa if np.isfinite(cone.kappa) else None,
            "degrees_to_fake_axis": _degrees(cone.direction, axis),
            "degrees_to_mean_real": _degrees(cone.direction, real_mean),
        }
    chosen = vectors
    if len(vectors) > CHUNK:
        chosen = vectors[np.random.default_rng(0).choice(len(vectors), CHUNK, replace=False)]
    even = uniformity(chosen) if len(chosen) > 1 else None
    return {"groups": groups, "uniformity": even, "uniformity_of": len(chosen)}


def _degrees(first: Any, second: Any) -> float | None:
    import numpy as np

    if second is None:
        return None
    return float(np.degrees(np.arccos(np.clip(first @ second, -1, 1))))


def table(found: dict[str, Any]) -> str:
    """The geometry as Markdown."""
    lines = [
        "| class/method | faces | in-class spread | kappa | degrees to fake axis | to mean real |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in found["groups"].items():
        values = [
            row[n] for n in ("alignment", "kappa", "degrees_to_fake_axis", "degrees_to_mean_real")
        ]
        shown = " | ".join("n/a" if v is None else f"{v:.3g}" for v in values)
        lines.append(f"| {plain(name)} | {row['faces']} | {shown} |")
    even = "n/a" if found["uniformity"] is None else f"{found['uniformity']:.3f}"
    return "\n".join([*lines, "", f"Uniformity of {found['uniformity_of']} faces: {even}."])


class MapEmbeddings(foo.Operator):
    """Maps, a similarity index and neighbours from stored embeddings."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="map_embeddings",
            label="Map embeddings",
            description="From a detector's stored embeddings: 2-D maps for the Embeddings panel, a "
            "similarity index, nearest training faces of other people",
            icon="scatter_plot",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.LOW,
        )

    def __call__(
        self,
        samples: Any,
        *,
        delegate: bool = False,
        progress: Progress | None = None,
        **params: Any,
    ) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`."""
        return from_python.call(
            self, run, samples, params, delegate=delegate, progress=progress, bar="maps"
        )

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        form = types.Property(inputs, view=types.View(label="Map embeddings"))
        if forms.check(inputs, {}, lambda: self._faces(ctx)) is None:
            return form
        if forms.detector_choice(inputs, ctx.dataset) is None:
            return form
        for name, text in PARTS:
            title, _, detail = text.partition("; ")
            forms.flag(
                inputs, name, default=name != "umap", label=title, description=detail or title
            )
        forms.check(inputs, {}, lambda: _check(_parts(ctx.params)))
        return form

    @staticmethod
    def _faces(ctx: Any) -> Any:
        forms.require_dataset(ctx, "faces")
        view = views.target(ctx)
        views.require_samples(view, "faces")
        return view

    def resolve_run_name(self, ctx: Any) -> str:
        """Label of the queued job."""
        return f"Map embeddings of {ctx.params.get('key')} in {ctx.dataset.name}"

    def execute(self, ctx: Any):
        view = self._faces(ctx)
        params = {"key": ctx.params.get("key"), "parts": _parts(ctx.params)}
        if ctx.delegated:
            yield run(view, progress=in_app(ctx), should_stop=stop_of(ctx), **params)
            return
        job = jobs.start("map_embeddings", view, params)
        yield from jobs.follow(ctx, job, "Maps")
        done = job.result()
        text = f"{done['faces']} faces: {', '.join([*done['runs'], *done['fields']])}"
        yield ctx.ops.notify(text, variant="success")
        yield ctx.ops.reload_dataset()


def _parts(form: dict[str, Any]) -> list[str]:
    given = form.get("parts")
    return list(given) if given else [n for n, _ in PARTS if form.get(n, n != "umap")]
