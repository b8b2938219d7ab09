"""Makes brain runs from stored embeddings; a finished run replaces the older one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..dataset import dataset_changes, stored_runs, views

if TYPE_CHECKING:
    from .stored_vectors import Vectors

UMAP_NEIGHBOURS = 15  # umap-learn's own default


def make(view: Any, faces: Vectors, key: str, part: str, head: Any, stored: Any, seed: int) -> str:
    """Compute one brain run, and replace the older one when it is finished.

    Args:
        view: the faces
        faces: their embeddings
        key: detector key
        part: name of :data:`map_embeddings.PARTS`
        head: weight (2, D) of the detector's head, for ``axis``
        stored: embeddings for the similarity index: the field's name (no second copy is stored, but
            the index covers every vector in the field), or an array of the wanted vectors

    Returns:
        its brain key

    Raises:
        ForensicsError: another process has been making the same map for a long time
    """
    import fiftyone.brain as fob  # pulls in most of scikit-learn

    from ...detector.embeddings.sphere import fake_axis_projection

    name, dataset, vectors = f"{key}_{part}", views.dataset_of(view), faces.vectors
    new = f"{name}_new"
    with dataset_changes.alone(dataset, f"make {name}"):
        stored_runs.drop(dataset, new, stored_runs.BRAIN)  # left by a killed run
        # Not under the dataset's lease: this takes minutes, and adding a run is atomic by itself.
        if part == "similarity":
            fob.compute_similarity(
                view, embeddings=stored, brain_key=new, backend="sklearn", metric="cosine"
            )
        else:
            options: dict[str, Any] = {"method": part, "embeddings": vectors, "seed": seed}
            if part == "axis":
                options = {"method": "manual", "points": fake_axis_projection(vectors, head).xy}
            elif part == "umap":
                # Not the field's name: FiftyOne would then store the fitted model as a pickle.
                near = min(UMAP_NEIGHBOURS, len(vectors) - 1)
                options |= {"metric": "cosine", "num_neighbors": near, "verbose": False}
            with _quiet():
                fob.compute_visualization(view, brain_key=new, num_dims=2, **options)
        stored_runs.replace(dataset, name, new, stored_runs.BRAIN)
    return name


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence umap-learn's warning that a seed means one thread; repeatable maps are worth it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_jobs value", category=UserWarning)
        yield
