"""Operator ``extract_faces``: from videos to traceable, aligned face crops and a faces dataset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators import types

from ..detector.allowed_roots import require_allowed
from ..detector.errors import Cancelled, ForensicsError
from ..detector.records import CropRecipe
from . import faces_dataset, fields, forms, jobs, views
from .progress import Progress, ShouldStop, in_app, never, silent, stop_of, terminal

DETECTORS = (
    ("retinaface_mobile0.25", "RetinaFace mobile0.25 (fast; the default)"),
    ("retinaface_resnet50", "RetinaFace ResNet-50 (more exact; wants a GPU)"),
)
SAMPLINGS = (
    ("spread", "spread: from the middle outwards, until enough faces are found"),
    ("uniform", "uniform: evenly over the video, as the papers do"),
    ("stride", "stride: every n-th frame"),
)
SUBJECTS = (
    ("auto", "auto: the manipulation mask where there is one, else the largest face"),
    ("largest", "largest: the largest face, the same person over time"),
    ("mask", "mask: the face that the manipulation mask covers"),
    ("pair", "pair: the face of the paired real video"),
    ("all", "all: every face"),
)


def default_crops_dir(dataset: fo.Dataset) -> Path:
    """Where the crops of ``dataset`` are stored unless the user names another folder."""
    return Path(fo.config.default_dataset_dir) / "media_forensics" / "crops" / dataset.name


def run(
    samples: Any,
    *,
    faces_name: str | None = None,
    recipe: CropRecipe | dict[str, Any] | None = None,
    count: int = 32,
    crops_dir: str | None = None,
    workers: int = 0,
    device: str | None = None,
    weights: str | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Crop the faces of the videos in ``samples`` and write them into FiftyOne.

    Args:
        samples: a video dataset or view (or image samples with ``video_id``, full frames)
        faces_name: name of the faces dataset; ``<dataset>-faces`` by default
        recipe: crop recipe; the reference recipe by default
        count: frames per video, see :class:`CropRecipe`
        crops_dir: folder of the crop store
        workers: processes; 0 works in this process
        device: torch device of the face detector
        weights: file of the face detector's weights
        progress, should_stop: see :mod:`.progress`

    Returns:
        the summary of :func:`faces_dataset.summarise` with ``faces_dataset`` and ``added``

    Raises:
        ForensicsError: nothing to do, wrong dataset, missing weights, unwritable folder
        Cancelled: stopped by the user; what was finished is kept
    """
    from ..detector.extract import extract_videos
    from ..detector.faces import load_face_detector

    view = views.flat(samples)
    videos = views.dataset_of(view)
    _require_videos(view)
    root = Path(crops_dir) if crops_dir else default_crops_dir(videos)
    require_allowed(root, "crops_dir")
    if count < 1:
        raise ForensicsError(f"count is {count}.", "It must be 1 or more.", field="count")
    recipe = CropRecipe.from_json(recipe) if isinstance(recipe, dict) else recipe or CropRecipe()
    detector = load_face_detector(recipe.detector, device=device, weights=weights)
    recipe = replace(recipe, count=count, detector_sha256=detector.sha256)
    del detector

    records = views.video_records(view)
    faces = faces_dataset.open_faces_dataset(faces_name or f"{videos.name}-faces", videos, recipe)
    writer = faces_dataset.FacesWriter(videos, faces, recipe, root / recipe.hash)
    by_id = {record.video_id: record for record in records}
    results = []
    try:
        for result in extract_videos(
            records,
            recipe,
            root,
            workers=workers,
            device=device,
            weights=weights,
            should_stop=should_stop,
        ):
            record = by_id[result.video_id]
            results.append((record, result))
            writer.add(record, result)
            progress(len(results), len(records), "videos")
    finally:
        writer.flush()  # a run that stops keeps what it finished
    faces_dataset.save_views(videos, faces)
    summary = faces_dataset.summarise(results)
    if len(results) < len(records):
        raise Cancelled(
            f"Stopped after {len(results)} of {len(records)} videos.",
            "Run it again to continue where it stopped.",
        )
    return summary | {
        "faces_dataset": faces.name,
        "added": writer.added,
        "recipe_hash": recipe.hash,
        "crops": str(root / recipe.hash),
    }


def _require_videos(view: Any) -> None:
    """Raise :class:`ForensicsError` unless ``view`` holds videos, or whole frames of videos."""
    dataset = views.dataset_of(view)
    about = fields.describe(dataset)
    views.require_samples(view, "videos")
    views.require_fields(view, ["video_id"], "Import deepfake dataset")
    if about.get("kind") == "faces" and about.get("aligned", True):
        raise ForensicsError(
            f"{dataset.name!r} already holds face crops.",
            "Score it directly with 'Score faces', or open a dataset of videos.",
        )


class ExtractFaces(foo.Operator):
    """Videos to aligned face crops, detections on the frames, and a faces dataset."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="extract_faces",
            label="Extract faces",
            description="Detect, choose and align the faces of each video; every frame that gives "
            "none keeps its reason",
            icon="face",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.MEDIUM,
        )

    def __call__(
        self,
        samples: Any,
        *,
        delegate: bool = False,
        progress: Progress | None = None,
        **params: Any,
    ) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`.

        Args:
            samples: a dataset or view of videos
            delegate: queue it for ``fiftyone delegated launch`` instead
            progress: callback; a progress bar by default
        """
        if delegate:
            return foo.execute_operator(
                self.uri, dict(view=samples.view()), params=params, request_delegation=True
            )
        if progress is not None:
            return run(samples, progress=progress, **params)
        with terminal("faces") as bar:
            return run(samples, progress=bar, **params)

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        view = forms.check(inputs, {}, lambda: self._videos(ctx))
        if view is None:
            return types.Property(inputs, view=types.View(label="Extract faces"))
        name = ctx.dataset.name
        inputs.str(
            "faces_name",
            default=f"{name}-faces",
            required=True,
            label="Faces dataset",
            description="One sample per aligned crop; created, or extended with new frames",
        )
        count = inputs.int(
            "count",
            default=32,
            min=1,
            label="Frames per video",
            description="Usable faces wanted per video (for stride: the step in frames). Raising "
            "it later computes only the new frames",
        )
        forms.choice(
            inputs,
            "sampling",
            SAMPLINGS,
            default="spread",
            label="Frames",
            description="Which frames are looked at",
        )
        forms.choice(
            inputs,
            "subject",
            SUBJECTS,
            default="auto",
            label="Which face",
            description="All faces are detected and tracked; this one is cropped and scored",
        )
        forms.choice(
            inputs,
            "detector",
            DETECTORS,
            default="retinaface_mobile0.25",
            label="Face detector",
            description="Gives the box and the five points of the alignment",
        )
        forms.check(inputs, {"count": count}, lambda: _params(ctx.params))
        videos = len(set(view.values("video_id")))
        inputs.view(
            "plan",
            types.Notice(
                label=f"{videos} videos, up to {videos * int(ctx.params.get('count') or 32)} crops",
                description="Crops of 256 x 256 pixels, template and margin of GenD (scale 1.3). "
                "The work runs in a process of its own; closing the App does not end it.",
            ),
        )
        return types.Property(inputs, view=types.View(label="Extract faces"))

    @staticmethod
    def _videos(ctx: Any) -> Any:
        forms.require_dataset(ctx)
        view = views.target(ctx)
        _require_videos(view)
        return view

    def resolve_run_name(self, ctx: Any) -> str:
        """Label of the queued job."""
        return f"Extract faces of {ctx.dataset.name}"

    def execute(self, ctx: Any):
        view = self._videos(ctx)
        params = _params(ctx.params)
        if ctx.delegated:
            yield run(view, progress=in_app(ctx), should_stop=stop_of(ctx), **params)
            return
        job = jobs.start("extract_faces", view, params)
        yield from jobs.follow(ctx, job, "Faces")
        done = job.result()
        lost = f"; {done['without_face']} without a usable face" if done["without_face"] else ""
        yield ctx.ops.notify(
            f"{done['faces']} faces of {done['videos']} videos{lost}",
            variant="warning" if done["without_face"] else "success",
        )
        yield ctx.ops.open_dataset(done["faces_dataset"])


def _params(form: dict[str, Any]) -> dict[str, Any]:
    """The arguments of :func:`run` that a form gives."""
    count = form.get("count", 32)
    if not isinstance(count, int) or count < 1:
        raise ForensicsError(f"{count!r} frames.", "Give a whole number from 1.", field="count")
    recipe = CropRecipe.from_json(
        {
            **(form.get("recipe") or {}),
            **{k: form[k] for k in ("sampling", "subject", "detector") if form.get(k)},
            "count": count,
        }
    )
    keep = ("faces_name", "crops_dir", "workers", "device", "weights")
    given = {k: form[k] for k in keep if form.get(k) is not None}
    return {"recipe": recipe.to_json(), "count": count, **given}
