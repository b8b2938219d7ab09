"""Defines the operator ``score_faces``: a detector's scores and embeddings as sample fields."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fiftyone.operators import types

from ...detector.errors import Cancelled, ForensicsError
from ...detector.files import packages
from ...detector.files.allowed_roots import require_files
from ...detector.files.paths import given
from ...detector.progress import Progress, ShouldStop, never, silent
from ...detector.runners.score_units import shard_of_scores
from ..app import outcome
from ..app.checks import require_known
from ..app.form import Form
from ..app.outcome import Ending
from ..dataset import default_folders, fields, score_state, views
from ..dataset.lease import exclusively
from ..dataset.video_scores import RULES, declare, write_video_scores
from ..embeddings import embedding_files
from ..jobs import runners, shard_plan
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import JobWorkflow
from ..thresholds import spans
from ..thresholds.stored_calls import follow
from ..training.detector_list import detector_source
from . import score_form, score_runners
from .score_claim import claim, recipe_warning
from .score_form import default_key
from .score_precision import settled
from .score_request import Forward, ScoreRequest
from .score_writer import ScoreWriter

if TYPE_CHECKING:
    from ...detector.model.detector import Detector


@with_paths("parts_dir", "embeddings_dir", "merge_from", detectors=("detector",))
@exclusively(
    lambda samples, detector=None, key=None, shard=(0, 1), **_: (
        views.dataset_of(samples),
        f"score with {key or default_key(detector or '')}, shard {shard[0]} of {shard[1]}",
    )
)
def run(
    samples: Any,
    *,
    detector: str | None = None,
    key: str | None = None,
    rule: str = "mean",
    batch_size: int | None = None,
    device: str | None = None,
    precision: str | None = None,
    engine: str = "eager",
    shard: Sequence[int] = (0, 1),
    overwrite: bool = False,
    runner: str | None = None,
    workers: int = 0,
    ray_address: str | None = None,
    shards: int | None = None,
    parts_dir: str | None = None,
    embeddings: str = "auto",
    embeddings_dir: str | None = None,
    merge_from: Sequence[str] = (),
    allow_gaps: bool = False,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Score the faces of ``samples`` and write scores, embeddings and video scores as fields.

    Faces that this checkpoint has already scored are skipped, so a killed run continues.

    Args:
        samples: faces dataset or view
        detector: key of a training run of this dataset, registered name, or path of a checkpoint;
            None: recompute only the scores of videos and persons from the stored scores of ``key``
        key: field key; None: the detector's own name
        rule: video score rule, one of :data:`RULES`
        batch_size: crops per forward pass; None: 128 on a GPU and 32 on a CPU
        device: torch device; None: a GPU if there is one
        precision: ``fp32``, ``bf16`` or ``fp16``; None: that of the key's scores, else fp16 on a
            GPU, and on a CPU what :func:`detector.model.scoring_precision.settled` says
        engine: ``eager``; ``compile`` or ``graphs`` make another form of the network first, which
            takes up to minutes, see :mod:`detector.model.engines`
        shard: (I, N): only the videos of shard I (0-based) of N, for several machines at once
        overwrite: replace the scores that another checkpoint wrote under ``key``, or this one in
            another ``precision``
        runner: ``here``, ``pool``, ``ray`` or ``shards``, see :mod:`operators.jobs.runners`;
            ``shards`` computes nothing and returns the commands, see
            :meth:`operators.jobs.shard_plan.ShardPlan.result`
        workers: processes of the runner; 0 without a named runner works in this process
        ray_address: address of a Ray cluster; None: a Ray on this machine
        shards: number of parts that ``shards`` prepares, 4 by default
        parts_dir: folder of the scores that a pool, Ray or shards store on disk
        embeddings: ``field``, ``files`` (memory-mapped float16, see
            :mod:`operators.embeddings.embedding_files`), or ``auto``: files if the dataset has more
            than 200,000 faces, or if the key has files
        embeddings_dir: folder for those files; None: below FiftyOne's dataset folder
        merge_from: folders of scores that shards made elsewhere; they are written, and nothing is
            computed
        allow_gaps: merge even if something is missing
        progress, should_stop: see :mod:`detector.progress`

    Returns:
        ``{"key", "scored", "already", "not_scored": {reason: n}, "not_verified", "videos",
        "warning"}``; a crop is not verified if extraction noted no sha256 of it. After a merge also
        ``report``, see :meth:`detector.runners.merge_report.MergeReport.to_json`

    Raises:
        ForensicsError: empty view, unknown detector or rule, missing weights, ``key`` is taken,
            another run scores the same shard with it, Ray is missing, or a merge needs a decision
        Cancelled: stopped by the user; scores so far are kept
    """
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    check(rule, shard)
    embedding_files.check(embeddings, embeddings_dir)
    views.require_faces(view)
    if detector is None:
        return _only_aggregate(view, key, rule)
    _require_crops(view)
    where = runners.chosen(runner, workers, ray_address, shards)
    score_form.require_parts(where.kind, merge_from)
    root = Path(parts_dir or default_folders.of_dataset(default_folders.SCORES, dataset))
    if parts_dir or merge_from or where.kind != runners.HERE:
        root = given(root, "parts_dir")
    source = detector_source(dataset, detector)
    mismatch = recipe_warning(dataset, source)
    if mismatch:
        warnings.warn(mismatch, stacklevel=3)  # before hours of scoring that it may make worthless
    asked = ScoreRequest(
        source=source,
        recipe_hash=fields.describe(dataset).get("recipe_hash") or "",
        names=fields.ScoreFields(key or default_key(detector)),
        rule=rule,
        overwrite=overwrite,
        shard=(shard[0], shard[1]),
        forward=Forward(device, precision, batch_size, engine),
        where=where,
        root=root,
        embeddings=embeddings,
        embeddings_dir=embeddings_dir,
        merge_from=tuple(merge_from),
        allow_gaps=allow_gaps,
    )
    if where.kind == runners.SHARDS:
        return _plan(view, asked)
    return {**_score(view, asked, progress, should_stop), "warning": mismatch}


def _require_crops(view: Any) -> None:
    """Raise :class:`ForensicsError` unless ``view`` holds faces whose files may be read."""
    views.require_fields(view, ["video_id"], "Import deepfake dataset")
    views.require_samples(view, "faces")
    require_files(view.values("filepath"), "faces")


def _plan(view: Any, asked: ScoreRequest) -> dict[str, Any]:
    """Return the list and commands for shards elsewhere, after a check of the detector."""
    from ...detector.model.checkpoints import load_detector

    model = load_detector(asked.source, device=asked.forward.device)
    units, _ = score_runners.units_of_view(view)
    dataset, count = views.dataset_of(view), asked.where.shards
    asked = asked.in_precision(_precision(dataset, asked, model, None))
    about = (units, asked.recipe_hash, asked.source, asked.root, count, asked.options())
    return shard_plan.scoring(dataset.name, *about, str(dataset._doc.id)).result()


def _score(
    view: Any, asked: ScoreRequest, progress: Progress, should_stop: ShouldStop
) -> dict[str, Any]:
    """Score or merge the faces of ``view`` that have no score, and write the scores."""
    from ...detector.model.checkpoints import load_detector
    from ...detector.model.engines import require_engine

    dataset, names = views.dataset_of(view), asked.names
    model = load_detector(asked.source, device=asked.forward.device)
    kind = None if asked.where.kind == runners.RAY else model.device.type
    if kind is not None:
        require_engine(asked.forward.engine, kind)
    precision = _precision(dataset, asked, model, kind)
    asked = asked.in_precision(precision)
    how = (precision, asked.forward.engine)
    claim(dataset, names, model, asked.source, asked.rule, asked.overwrite, *how)
    declare(dataset, names)
    count, todo = _missing(view, names, asked.shard)
    width = model.backbone.width
    filed = embedding_files.writer(
        dataset, names, model.sha256, width, asked.embeddings, asked.embeddings_dir
    )
    writer = ScoreWriter(dataset, names, filed)
    report: dict[str, Any] = {}
    try:
        if asked.is_here:
            score_runners.score_here(model, todo, writer, asked.forward, progress, should_stop)
        else:
            units, ids = score_runners.units_of_view(view, {row[0] for row in todo})
            work = score_runners.ScoreWork(units, ids, model, asked)
            if asked.merge_from:
                found = score_runners.merge(work, writer, progress)
                report = {"report": found.to_json(), "table": found.table()}
            else:
                score_runners.score(work, writer, progress, should_stop)
    finally:
        writer.close()  # a stopped run keeps its finished faces
    if writer.done < len(todo) and not asked.merge_from:
        raise Cancelled(
            f"Stopped after {writer.scored} of {len(todo)} faces.", "Run it again to continue."
        )
    videos = write_video_scores(dataset, names.key, asked.rule)
    follow(dataset, names.key)
    spans.refresh(dataset, names.key)
    if writer.scored and asked.shard[1] == 1:
        from ..embeddings.sphere_source import prepare

        prepare(dataset, names.key)
    return {
        "key": names.key,
        "scored": writer.scored,
        "already": count - len(todo),
        "not_scored": dict(writer.reasons),
        "not_verified": sum(not sha256 for *_, sha256 in todo),
        "videos": videos,
        **report,
    }


def _precision(dataset: Any, asked: ScoreRequest, model: Detector, kind: str | None) -> str | None:
    """Return the precision of the scores, see :func:`.score_precision.settled`."""
    given = asked.forward.precision
    if asked.merge_from:
        given = score_runners.precision_there(asked, model)
    return settled(dataset, asked.names.key, model, given, kind, asked.overwrite)


def check(rule: str, shard: Sequence[int]) -> None:
    """Raise :class:`ForensicsError` for an unknown rule or shard."""
    require_known("rule", rule, RULES, "video score rule")
    if len(shard) != 2 or not 0 <= shard[0] < shard[1]:
        raise ForensicsError(
            f"There is no shard {tuple(shard)}.", "Give (I, N) with 0 <= I < N.", "shard"
        )


def _only_aggregate(view: Any, key: str | None, rule: str) -> dict[str, Any]:
    """Write scores of videos and persons from stored scores of faces; no network is loaded."""
    if not key:
        raise ForensicsError("Neither a detector nor a key is given.", "Give one.", "detector")
    names = fields.ScoreFields(key)
    dataset = views.dataset_of(view)
    if not dataset.has_field(names.p_fake):
        views.require_fields(view, [names.p_fake], "Score faces")
    score_state.require_faces_whole(dataset, key)
    declare(dataset, names, embeddings=False)
    videos = write_video_scores(dataset, key, rule)
    spans.refresh(dataset, key)
    already = len(view.exists(names.p_fake))
    lost = {"not_scored": len(view) - already} if already < len(view) else {}
    return {
        "key": key,
        "scored": 0,
        "already": already,
        "not_scored": lost,
        "not_verified": 0,
        "videos": videos,
        "warning": None,
    }


def _missing(
    view: Any, names: fields.ScoreFields, shard: Sequence[int]
) -> tuple[int, list[tuple[str, str, str]]]:
    """Return the number of faces in the shard, and (id, file, hash) of those without a score."""
    columns = view.values(["id", "filepath", names.p_fake, "video_id"])
    rows = [
        row
        for row in zip(*columns, views.crop_hashes(view), strict=True)
        if shard[1] == 1 or shard_of_scores(row[3], shard[1]) == shard[0]
    ]
    return len(rows), [(row[0], row[1], row[4]) for row in rows if row[2] is None]


class ScoreFaces(JobWorkflow):
    """Operator that writes p_fake, margin, angle and embedding per face, and a score per video."""

    label = "Score faces"
    description = (
        "Write a detector's scores and unit-sphere embeddings as fields; a face or "
        "video that cannot be scored keeps its reason"
    )
    icon = "speed"
    risk = types.RiskLevel.MEDIUM
    parts = (packages.PICTURES, packages.MODELS)
    bar, doing = "scores", "Scores"
    first = ("detector", "checkpoint", "key", "allow_gaps")
    writes = "It writes scores and embeddings to the faces, and scores to their videos."
    then = ("calibrate_threshold", "evaluate_detector")

    def fill(self, form: Form, target: Any) -> None:
        score_form.fill(form, target)

    def resolve_run_name(self, ctx: Any) -> str:
        return f"Score {ctx.dataset.name} with {ctx.params.get('key') or 'a detector'}"

    def arguments(self, ctx: Any) -> dict[str, Any]:
        return score_form.arguments(ctx.params)

    def as_form(self, samples: Any, params: dict[str, Any]) -> dict[str, Any]:
        return score_form.as_form(views.dataset_of(samples), params)

    def before(self, ctx: Any, target: Any, params: dict[str, Any]) -> Generator[Any, None, bool]:
        if params.get("runner") != runners.SHARDS:
            return False
        yield outcome.show_table(ctx, "Shards", run(target, **params)["table"])
        return True

    def ending(self, ctx: Any, done: dict[str, Any]) -> Ending:
        lost = sum(done["not_scored"].values())
        text = f"{done['scored']} faces scored as {done['key']!r}"
        text += f"; {lost} not scorable" if lost else ""
        bare = done["not_verified"]
        text += (
            f"; {bare} crops not verified: extraction recorded no sha256 for them" if bare else ""
        )
        table = done.get("table", "")
        return Ending(done["warning"] or text, bool(lost), title="Merged scores", table=table)
