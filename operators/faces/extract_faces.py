"""Defines the operator ``extract_faces``: from videos to aligned crops and a faces dataset."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fiftyone.operators import types

from ...detector.errors import Cancelled, ForensicsError
from ...detector.files import packages
from ...detector.files.paths import given
from ...detector.progress import Progress, ShouldStop, never, silent
from ...detector.records import CropRecipe
from ..app import outcome
from ..app.form import Form
from ..app.open_dataset import require_dataset
from ..app.outcome import Ending
from ..dataset import appearance, faces_dataset, fields, label_sync, saved_views, views
from ..dataset.lease import exclusively
from ..dataset.video_scores import refresh_video_scores
from ..jobs import runners, shard_plan
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import JobWorkflow
from ..thresholds import spans
from . import extract_form
from .faces_writer import FacesWriter

if TYPE_CHECKING:
    from ...detector.faces.interface import FaceDetector
    from ...detector.faces.video_faces import VideoFaces
    from ...detector.records import VideoRecord
    from ...detector.runners.extraction import Extraction


@with_paths("crops_dir", "weights", "merge_from")
@exclusively(lambda samples, **_: (views.dataset_of(samples), "extract faces"))
def run(
    samples: Any,
    *,
    faces_name: str | None = None,
    recipe: CropRecipe | dict[str, Any] | None = None,
    count: int | None = None,
    crops_dir: str | None = None,
    workers: int = 0,
    device: str | None = None,
    weights: str | None = None,
    allow_download: bool = False,
    merge_from: Sequence[str] = (),
    runner: str | None = None,
    ray_address: str | None = None,
    shards: int | None = None,
    time_limit_seconds: float | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Crop the faces of the videos in ``samples`` and write them into FiftyOne.

    Args:
        samples: a video dataset or view (or image samples with ``video_id``, full frames)
        faces_name: name of the faces dataset; None: that of earlier runs, or ``<dataset>-faces``
        recipe: crop recipe; None: the reference recipe
        count: frames per video, see :class:`CropRecipe`; None: the recipe's (32)
        crops_dir: folder of the crop store; None: that of earlier runs, or a new one
        workers: processes of the runner; 0 without a named runner works in this process, which on a
            GPU uses one decoder process per core
        device: torch device of the face detector
        weights: file of the face detector's weights
        allow_download: fetch missing weights (checked by sha256)
        merge_from: crop folders that shards made elsewhere; they are copied into the store first
        runner: ``here``, ``pool``, ``ray`` or ``shards``, see :mod:`operators.jobs.runners`;
            ``shards`` computes nothing and returns the commands, see
            :meth:`operators.jobs.shard_plan.ShardPlan.result`
        ray_address: address of a Ray cluster; None: a Ray on this machine
        shards: number of parts that ``shards`` prepares, 4 by default
        time_limit_seconds: limit for one video, which then gets the reason ``time_limit``; see
            :func:`detector.runners.extract.extract_videos`
        progress, should_stop: see :mod:`detector.progress`

    Returns:
        :meth:`detector.crops.coverage.Coverage.to_json` with ``faces_dataset``, ``added``,
        ``removed`` (see :class:`faces_writer.FacesWriter`), ``relabelled`` (number of videos whose
        older faces had other labels than the video), ``recipe_hash``, ``crops`` (folder) and
        ``table`` (Markdown)

    Raises:
        ForensicsError: no videos, wrong dataset, missing weights, unwritable folder, another run
            extracts faces of this dataset, Ray is missing, or a shard of ``merge_from`` is still
            running or contradicts another
        Cancelled: stopped by the user; finished videos are kept
    """
    from ...detector.crops.coverage import Coverage, coverage_table
    from ...detector.crops.recipe_check import check_time_limit
    from ...detector.faces.detectors import detector_of
    from ...detector.runners import extract
    from ...detector.runners.store_merge import examine_stores, merge_stores

    view = views.flat(samples)
    videos = views.dataset_of(view)
    _require_videos(view)
    recipe = CropRecipe.from_json(recipe) if isinstance(recipe, dict) else recipe or CropRecipe()
    count = recipe.count if count is None else count
    root = given(crops_dir or faces_dataset.usual_crops(videos), "crops_dir")
    if count < 1:
        raise ForensicsError(f"count is {count}.", "It must be 1 or more.", field="count")
    records = extract.in_order(views.video_records(view), recipe)  # also checks the recipe
    by_id = {record.video_id: record for record in records}
    check_time_limit(time_limit_seconds)
    where = runners.chosen(runner, workers, ray_address, shards)
    detector = detector_of(recipe, device, weights, allow_download)
    recipe = replace(recipe, count=count, detector_sha256=detector.sha256)
    if where.kind == runners.SHARDS:
        options = {"device": device, "weights": weights, "time-limit": time_limit_seconds}
        return shard_plan.extraction(
            videos.name, records, recipe, root, where.shards, options, str(videos._doc.id)
        ).result()
    name = faces_name or faces_dataset.usual_name(videos)
    limit = time_limit_seconds
    setup, detector = extract.prepare(recipe, root, device, weights, limit, detector=detector)
    results = _results(records, setup, detector, where, should_stop)
    del detector  # the runner holds it now
    if merge_from:  # missing videos are extracted now
        examine_stores(merge_from, records).require(allow_gaps=True)
    merged = merge_stores(root, merge_from)
    if merge_from and recipe.hash not in [row.recipe_hash for row in merged]:
        raise ForensicsError(
            f"The shards hold crops of other recipes ({', '.join(r.recipe_hash for r in merged)}) "
            f"than the one asked for ({recipe.hash}).",
            "Give the recipe and weights that the shards were made with.",
            field="merge_from",
        )
    faces = faces_dataset.open_faces_dataset(name, videos, recipe, root)
    writer = FacesWriter(videos, faces, recipe, root / recipe.hash)
    coverage = Coverage()
    try:
        for result in results:
            record = by_id[result.video_id]
            coverage.add(record, result)
            writer.add(record, result)
            progress(coverage.videos, len(records), "videos")
    finally:
        writer.flush()  # a stopped run keeps its finished videos
    faces_dataset.save_views(videos, faces)
    relabelled = label_sync.sync_faces(videos, faces)
    saved_views.save_pairs(faces)
    for key in fields.detector_keys(faces):
        refresh_video_scores(faces, key)  # because faces were added or removed
        spans.refresh(faces, key)
    appearance.dress(videos)
    if coverage.videos < len(records):
        raise Cancelled(
            f"Stopped after {coverage.videos} of {len(records)} videos.",
            "Run it again to continue where it stopped.",
        )
    summary = coverage.to_json()
    return summary | {
        "faces_dataset": faces.name,
        "added": writer.added,
        "removed": dict(writer.removed),
        "relabelled": relabelled,
        "recipe_hash": recipe.hash,
        "crops": str(root / recipe.hash),
        "table": coverage_table(summary),
    }


def _results(
    records: list[VideoRecord],
    setup: Extraction,
    detector: FaceDetector,
    where: runners.Runner,
    should_stop: ShouldStop,
) -> Iterator[VideoFaces]:
    """Return the videos as the runner finishes them; mistakes raise an error at once."""
    if where.kind != runners.RAY:
        from ...detector.runners.extract import extract_prepared

        workers = where.workers if where.kind == runners.POOL else None
        return extract_prepared(records, records, setup, detector, workers, should_stop)
    from ...detector.runners.ray_cluster import on_ray
    from ...detector.runners.ray_runner import extract_on_ray
    from ...detector.runners.ray_stages import extract_stage

    def results() -> Iterator[VideoFaces]:
        with on_ray(where.ray_address) as ray:
            stage = extract_stage(ray, where.workers, setup.device)
            yield from extract_on_ray(ray, records, setup, stage, should_stop)

    return results()


def _require_videos(view: Any) -> None:
    """Raise :class:`ForensicsError` unless ``view`` holds videos or whole frames of videos."""
    dataset = views.dataset_of(view)
    about = fields.describe(dataset)
    views.require_samples(view, "videos")
    made_by = "Import deepfake dataset" if about.get("kind") else "Use dataset"
    views.require_fields(view, [fields.here(dataset, "video_id")], made_by)
    if about.get("kind") == "faces" and about.get("aligned", True):
        raise ForensicsError(
            f"{dataset.name!r} already holds face crops.",
            "Score it directly with 'Score faces', or open a dataset of videos.",
        )


class ExtractFaces(JobWorkflow):
    """Operator that turns videos into aligned crops, boxes on the frames, and a faces dataset."""

    label = "Extract faces"
    description = (
        "Detect, choose and align the faces of each video; every frame "
        "without a face keeps a reason"
    )
    icon = "face"
    risk = types.RiskLevel.MEDIUM
    parts = (packages.PICTURES, packages.MODELS)
    run_name = "Extract faces of {dataset}"
    bar, doing = "faces", "Faces"
    first = ("count", "subject", "faces_name", "allow_download", "weights")
    writes = "It writes crops to disk, a dataset of faces, and boxes to the videos' frames."
    then = ("score_faces",)

    def target(self, ctx: Any) -> Any:
        require_dataset(ctx)
        view = views.target(ctx)
        _require_videos(view)
        return view

    def fill(self, form: Form, target: Any) -> None:
        extract_form.fill(form, target)

    def arguments(self, ctx: Any) -> dict[str, Any]:
        return extract_form.arguments(ctx.params)

    def as_form(self, samples: Any, params: dict[str, Any]) -> dict[str, Any]:
        return extract_form.as_form(params)

    def before(self, ctx: Any, target: Any, params: dict[str, Any]) -> Generator[Any, None, bool]:
        if params.get("runner") != runners.SHARDS:
            return False
        yield outcome.show_table(ctx, "Shards", run(target, **params)["table"])
        return True

    def ending(self, ctx: Any, done: dict[str, Any]) -> Ending:
        lost = f"; {done['without_face']} without a usable face" if done["without_face"] else ""
        lost += (
            f"; {done['relabelled']} videos' faces got the labels of their videos"
            if done["relabelled"]
            else ""
        )
        lost += "".join(f"; {n} removed ({why})" for why, n in done["removed"].items())
        where = "The videos without a face are the saved view 'not_scorable' of the videos."
        return Ending(
            f"{done['faces']} faces of {done['videos']} videos{lost}",
            warn=bool(lost),
            title="Extracted faces",
            table=done["table"],
            notes=(where,) if done["without_face"] else (),
            opens=done["faces_dataset"],
        )
