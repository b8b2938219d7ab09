"""Operator ``score_faces``: a detector's scores and unit-sphere embeddings as sample fields."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fiftyone as fo
import fiftyone.core.media as fomm
import fiftyone.operators as foo
from fiftyone.operators import types

from ..detector.allowed_roots import require_allowed, require_files
from ..detector.errors import Cancelled, ForensicsError
from ..detector.records import CropRecipe, Reason
from . import appearance, fields, forms, jobs, views
from .progress import Progress, ShouldStop, in_app, never, silent, stop_of, terminal
from .registry import detector_source, known_detectors

if TYPE_CHECKING:
    from ..detector.model import Detector

RULES = (
    ("mean", "mean over the faces (the papers' rule)"),
    ("median", "median over the faces"),
    ("max", "highest face"),
    ("top_k", "mean of the highest faces"),
)
CHUNK = 512  # faces per bulk write: what a killed run loses at most


def run(
    samples: Any,
    *,
    detector: str,
    key: str | None = None,
    rule: str = "mean",
    batch_size: int = 32,
    device: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Score the faces of ``samples`` and write scores, embeddings and video scores as fields.

    Faces that this checkpoint has scored already are left alone, so a killed run continues.

    Args:
        samples: faces dataset or view
        detector: key of a training run of this dataset, registered name, or path of a checkpoint
        key: field key; the detector's own name by default
        rule: video score rule, see :func:`detector.aggregate.video_score`
        batch_size: crops per forward pass
        device: torch device; a GPU where there is one
        overwrite: replace the scores that another checkpoint wrote under ``key``
        progress, should_stop: see :mod:`.progress`

    Returns:
        ``{"key", "scored", "already", "not_scored": {reason: n}, "videos", "warning"}``

    Raises:
        ForensicsError: empty view, unknown detector, missing weights, or ``key`` is taken
        Cancelled: stopped by the user; what was scored is kept
    """
    from ..detector.checkpoints import load_detector

    view = views.flat(samples)
    dataset = views.dataset_of(view)
    views.require_fields(view, ["video_id"], "Import deepfake dataset")
    if view.media_type != fomm.IMAGE:
        raise ForensicsError(
            f"{dataset.name!r} holds videos, not faces.",
            "Run 'Extract faces' first and score the faces dataset.",
        )
    views.require_samples(view, "faces")
    require_files(view.values("filepath"), "faces")
    source = detector_source(dataset, detector)
    model = load_detector(source, device=device)
    names = fields.ScoreFields(key or default_key(detector))
    _claim(dataset, names, model, source, rule, overwrite)
    _declare(dataset, names)
    scored, already, reasons = _score_missing(view, names, model, batch_size, progress, should_stop)
    videos = write_video_scores(dataset, names.key, rule)
    return {
        "key": names.key,
        "scored": scored,
        "already": already,
        "not_scored": dict(reasons),
        "videos": videos,
        "warning": _recipe_warning(dataset, model),
    }


def default_key(detector: str) -> str:
    """A field key made of a detector's name or path."""
    stem = Path(detector).stem if Path(detector).suffix else Path(detector).name
    key = "".join(c if c.isalnum() else "_" for c in stem.lower()).strip("_")
    return key if key[:1].isalpha() else f"detector_{key}"


def _claim(
    dataset: fo.Dataset,
    names: fields.ScoreFields,
    model: Detector,
    source: str,
    rule: str,
    overwrite: bool,
) -> None:
    """Record whose scores ``names`` hold, before the first one is written."""
    if dataset.has_run(names.run):
        old = dataset.get_run_info(names.run).config
        if old.checkpoint_sha256 == model.sha256:
            return
        if not overwrite:
            raise ForensicsError(
                f"The key {names.key!r} holds scores of another checkpoint "
                f"({old.checkpoint_sha256[:12]}, now {model.sha256[:12]}).",
                "Choose another key, or allow overwriting.",
                field="key",
            )
        dataset.delete_run(names.run)
        for field in (names.p_fake, names.label, names.margin, names.angle, names.embedding):
            if dataset.has_field(field):
                dataset.clear_sample_field(field)
    about = fields.describe(dataset)
    config = dataset.init_run(
        method="media_forensics/scores",
        key=names.key,
        detector=source,
        checkpoint_sha256=model.sha256,
        backbone=model.backbone.name,
        backbone_sha256=model.backbone.sha256,
        head_weight=model.head.weight.detach().cpu().tolist(),
        head_bias=model.head.bias.detach().cpu().tolist(),
        normalize=bool(model.normalize),
        recipe_hash=about.get("recipe_hash"),
        trained_on_recipe=_made_for(model),
        rule=rule,
        code_version=_version(),
    )
    dataset.register_run(names.run, config)


def _version() -> str:
    import yaml

    text = (Path(__file__).resolve().parents[1] / "fiftyone.yml").read_text()
    return str(yaml.safe_load(text)["version"])


def _declare(dataset: fo.Dataset, names: fields.ScoreFields) -> None:
    schema = dataset.get_field_schema()
    for name in (names.p_fake, names.margin, names.angle, names.video_p_fake):
        if name not in schema:
            dataset.add_sample_field(name, fo.FloatField)
    if names.reason not in schema:
        dataset.add_sample_field(names.reason, fo.StringField)
    if names.embedding not in schema:
        dataset.add_sample_field(names.embedding, fo.VectorField)
    for name in (names.label, names.video_label):
        if name not in schema:
            dataset.add_sample_field(
                name, fo.EmbeddedDocumentField, embedded_doc_type=fo.Classification
            )
    dataset.create_index(names.p_fake)
    appearance.dress(dataset)


def _score_missing(
    view: Any,
    names: fields.ScoreFields,
    model: Detector,
    batch_size: int,
    progress: Progress,
    should_stop: ShouldStop,
) -> tuple[int, int, Counter]:
    """Score the faces of ``view`` without a score.

    Returns:
        number scored now, number scored before, and why others were not
    """
    from ..detector.scoring import score_crops

    dataset = views.dataset_of(view)
    rows = zip(*view.values(["id", "filepath", names.p_fake]), strict=True)
    rows = list(rows)
    todo = [(sample_id, path) for sample_id, path, p_fake in rows if p_fake is None]
    waiting: dict[str, dict[str, Any]] = defaultdict(dict)
    reasons: Counter = Counter()
    scored = 0

    def flush() -> None:
        for field, values in waiting.items():
            views.set_by_id(dataset, field, values)
        waiting.clear()

    try:
        for batch in score_crops(
            model, [path for _, path in todo], batch_size=batch_size, should_stop=should_stop
        ):
            for row, index in enumerate(batch.indices):
                sample_id = todo[index][0]
                reason = batch.reasons[row]
                waiting[names.reason][sample_id] = None if reason is None else Reason(reason).value
                if reason is not None:
                    reasons[Reason(reason).value] += 1
                    continue
                scored += 1
                p_fake = float(batch.p_fake[row])
                waiting[names.p_fake][sample_id] = p_fake
                waiting[names.label][sample_id] = fields.classification(p_fake, batch.logits[row])
                waiting[names.margin][sample_id] = float(batch.margin[row])
                waiting[names.angle][sample_id] = float(batch.angle[row])
                waiting[names.embedding][sample_id] = batch.embeddings[row]
            progress(scored + sum(reasons.values()), len(todo), "faces")
            if len(waiting[names.reason]) >= CHUNK:
                flush()
    finally:
        flush()
    if scored + sum(reasons.values()) < len(todo):
        raise Cancelled(
            f"Stopped after {scored} of {len(todo)} faces.", "Run it again to continue."
        )
    return scored, len(rows) - len(todo), reasons


def write_video_scores(dataset: fo.Dataset, key: str, rule: str) -> int:
    """Compute each video's score from its stored face scores and write it on faces and videos.

    Needs no network. A video without a scored face gets no score but a reason.

    Returns:
        number of videos with a score
    """
    import numpy as np

    from ..detector.aggregate import video_score

    names = fields.ScoreFields(key)
    video_ids, sample_ids, p_fake, subject = dataset.values(
        ["video_id", "id", names.p_fake, "subject"]
    )
    faces: dict[str, list[float]] = defaultdict(list)
    for video_id, score, is_subject in zip(video_ids, p_fake, subject, strict=True):
        if score is not None and is_subject is not False:
            faces[video_id].append(score)
    found = {video_id: video_score(np.array(p), rule) for video_id, p in faces.items()}
    scores = {video_id: score for video_id, score in found.items() if score is not None}
    on_faces = {
        sample_id: scores[video_id]
        for sample_id, video_id in zip(sample_ids, video_ids, strict=True)
        if video_id in scores
    }
    views.set_by_id(dataset, names.video_p_fake, on_faces)
    labels = {sample_id: fields.classification(score) for sample_id, score in on_faces.items()}
    views.set_by_id(dataset, names.video_label, labels)
    videos = views.videos_of(dataset)
    if videos is not None and videos.media_type == fomm.VIDEO:
        _write_on_videos(videos, dataset, names, scores, faces)
    return len(scores)


def _write_on_videos(
    videos: fo.Dataset,
    dataset: fo.Dataset,
    names: fields.ScoreFields,
    scores: dict[str, float],
    faces: dict[str, list[float]],
) -> None:
    schema = videos.get_field_schema()
    for name in (names.p_fake, names.coverage):
        if name not in schema:
            videos.add_sample_field(name, fo.FloatField)
    if names.reason not in schema:
        videos.add_sample_field(names.reason, fo.StringField)
    if names.label not in schema:
        videos.add_sample_field(
            names.label, fo.EmbeddedDocumentField, embedded_doc_type=fo.Classification
        )
    rows = zip(*dataset.values(["video_id", "subject"]), strict=True)
    cut = Counter(video_id for video_id, subject in rows if subject is not False)
    rows = zip(*videos.values(["id", "video_id", fields.REASON, fields.COVERAGE]), strict=True)
    columns: dict[str, dict[str, Any]] = defaultdict(dict)
    for sample_id, video_id, reason, coverage in rows:
        score = scores.get(video_id)
        usable = coverage if coverage is not None else 0.0
        share = usable * len(faces.get(video_id, ())) / cut[video_id] if cut[video_id] else 0.0
        columns[names.coverage][sample_id] = share
        columns[names.p_fake][sample_id] = score
        columns[names.label][sample_id] = None if score is None else fields.classification(score)
        lost = None if score is not None else reason or Reason.NOT_SCORED.value
        columns[names.reason][sample_id] = lost
    for field, values in columns.items():
        views.set_by_id(videos, field, values)
    appearance.dress(videos)
    if videos.has_run(names.run):
        videos.delete_run(names.run)
    videos.register_run(names.run, dataset.get_run_info(names.run).config)


def _made_for(model: Detector) -> str | None:
    """Hash of the crop recipe that ``model`` was trained on, where it says so."""
    recipe = model.info.get("crop_recipe")
    return CropRecipe.from_json(recipe).hash if recipe else None


def _recipe_warning(dataset: fo.Dataset, model: Detector) -> str | None:
    """A sentence if the detector was made for crops of another recipe than these."""
    made_for = _made_for(model)
    here = fields.describe(dataset).get("recipe_hash")
    if made_for and here and made_for != here:
        return (
            f"The detector was trained on crops of recipe {made_for}, these are of {here}: the "
            "same weights can score very differently on other crops."
        )
    return None


class ScoreFaces(foo.Operator):
    """A detector's p_fake, margin, angle and embedding per face; a score per video."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="score_faces",
            label="Score faces",
            description="Write a detector's scores and unit-sphere embeddings as fields; a face or "
            "video that cannot be scored keeps its reason",
            icon="speed",
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
        """Run from Python; the arguments and the result are those of :func:`run`."""
        if delegate:
            return foo.execute_operator(
                self.uri, dict(view=samples.view()), params=params, request_delegation=True
            )
        if progress is not None:
            return run(samples, progress=progress, **params)
        with terminal("scores") as bar:
            return run(samples, progress=bar, **params)

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        form = types.Property(inputs, view=types.View(label="Score faces"))
        view = forms.check(inputs, {}, lambda: self._faces(ctx))
        if view is None:
            return form
        known = known_detectors(ctx.dataset)
        if known:
            forms.choice(
                inputs,
                "detector",
                [*known, ("", "a checkpoint file or folder ...")],
                default=known[-1][0],
                label="Detector",
                description="Trained on this dataset, or registered",
            )
        if not known or ctx.params.get("detector") == "":
            checkpoint = inputs.str(
                "checkpoint",
                required=True,
                label="Checkpoint",
                description="Folder of our format or of GenD, model.safetensors, or model.ckpt",
            )
            path = ctx.params.get("checkpoint") or ""
            forms.check(inputs, {"detector": checkpoint}, lambda: require_allowed(path, "detector"))
        chosen = ctx.params.get("detector") or ctx.params.get("checkpoint") or ""
        key = inputs.str(
            "key",
            default=default_key(chosen) if chosen else None,
            required=True,
            label="Key",
            description="Name of the fields that are written: KEY, KEY_p_fake, KEY_embedding, ...",
        )
        if ctx.params.get("key"):
            forms.check(inputs, {"key": key}, lambda: fields.ScoreFields(ctx.params["key"]))
        forms.choice(
            inputs,
            "rule",
            RULES,
            default="mean",
            label="Video score",
            description="How the faces of a video give its score; recomputable without the network",
        )
        inputs.view(
            "plan",
            types.Notice(
                label=f"{len(view)} faces",
                description="Faces that this detector has scored already are left alone. The work "
                "runs in a process of its own; closing the App does not end it.",
            ),
        )
        return form

    @staticmethod
    def _faces(ctx: Any) -> Any:
        forms.require_dataset(ctx, "faces")
        view = views.target(ctx)
        views.require_samples(view, "faces")
        return view

    def resolve_run_name(self, ctx: Any) -> str:
        """Label of the queued job."""
        return f"Score {ctx.dataset.name} with {ctx.params.get('key') or 'a detector'}"

    def execute(self, ctx: Any):
        view = self._faces(ctx)
        form = ctx.params
        detector = form.get("detector") or form.get("checkpoint")
        if not detector:
            raise ForensicsError("No detector is chosen.", "Choose one, or give a checkpoint.")
        names = ("key", "rule", "batch_size", "device", "overwrite")
        params = {k: form[k] for k in names if form.get(k) is not None} | {"detector": detector}
        if ctx.delegated:
            yield run(view, progress=in_app(ctx), should_stop=stop_of(ctx), **params)
            return
        job = jobs.start("score_faces", view, params)
        yield from jobs.follow(ctx, job, "Scores")
        done = job.result()
        lost = sum(done["not_scored"].values())
        text = f"{done['scored']} faces scored as {done['key']!r}"
        text += f"; {lost} not scorable" if lost else ""
        yield ctx.ops.notify(done["warning"] or text, variant="warning" if lost else "success")
        yield ctx.ops.reload_dataset()
