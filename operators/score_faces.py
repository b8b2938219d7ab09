"""Operator ``score_faces``: a detector's scores and unit-sphere embeddings as sample fields."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fiftyone as fo
import fiftyone.core.media as fomm
import fiftyone.operators as foo
from fiftyone.operators import types

from ..detector.allowed_roots import require_allowed, require_files
from ..detector.errors import Cancelled, ForensicsError
from ..detector.records import CropRecipe
from . import fields, forms, from_python, jobs, views
from .lease import exclusively
from .progress import Progress, ShouldStop, in_app, never, silent, stop_of
from .registry import detector_source, known_detectors
from .score_writer import ScoreWriter
from .video_scores import RULES, declare, write_video_scores

if TYPE_CHECKING:
    from ..detector.model import Detector


@exclusively(
    lambda samples, detector=None, key=None, shard=(0, 1), **_: (
        views.dataset_of(samples).name,
        f"score with {key or default_key(detector or '')}, shard {shard[0]} of {shard[1]}",
    )
)
def run(
    samples: Any,
    *,
    detector: str | None = None,
    key: str | None = None,
    rule: str = "mean",
    batch_size: int = 32,
    device: str | None = None,
    precision: str | None = None,
    shard: Sequence[int] = (0, 1),
    overwrite: bool = False,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Score the faces of ``samples`` and write scores, embeddings and video scores as fields.

    Faces that this checkpoint has scored already are left alone, so a killed run continues.

    Args:
        samples: faces dataset or view
        detector: key of a training run of this dataset, registered name, or path of a checkpoint;
            None computes the scores of videos and persons again, from those that ``key`` has
        key: field key; the detector's own name by default
        rule: video score rule, one of :data:`RULES`
        batch_size: crops per forward pass
        device: torch device; a GPU where there is one
        precision: ``fp32``, ``bf16`` or ``fp16``; bf16 on a GPU and fp32 on a CPU by default
        shard: (I, N): only the videos of shard I (0-based) of N, for several machines at once
        overwrite: replace the scores that another checkpoint wrote under ``key``
        progress, should_stop: see :mod:`.progress`

    Returns:
        ``{"key", "scored", "already", "not_scored": {reason: n}, "videos", "warning"}``

    Raises:
        ForensicsError: empty view, unknown detector or rule, missing weights, ``key`` is taken, or
            another run scores the same shard with it
        Cancelled: stopped by the user; what was scored is kept
    """
    from ..detector.checkpoints import load_detector

    view = views.flat(samples)
    dataset = views.dataset_of(view)
    check(rule, shard)
    if detector is None:
        return _only_aggregate(view, key, rule)
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
    declare(dataset, names)
    scored, already, reasons = _score_missing(
        view, names, model, batch_size, precision, shard, progress, should_stop
    )
    videos = write_video_scores(dataset, names.key, rule)
    if scored and shard[1] == 1:
        from .panels.sphere_source import prepare

        prepare(dataset, names.key)
    return {
        "key": names.key,
        "scored": scored,
        "already": already,
        "not_scored": dict(reasons),
        "videos": videos,
        "warning": _recipe_warning(dataset, model),
    }


def check(rule: str, shard: Sequence[int]) -> None:
    """Raise :class:`ForensicsError` for a rule or shard that there is not."""
    known = [name for name, _ in RULES]
    if rule not in known:
        raise ForensicsError(
            f"There is no video score rule {rule!r}.", f"Known: {', '.join(known)}.", "rule"
        )
    if len(shard) != 2 or not 0 <= shard[0] < shard[1]:
        raise ForensicsError(
            f"There is no shard {tuple(shard)}.", "Give (I, N) with 0 <= I < N.", "shard"
        )


def _only_aggregate(view: Any, key: str | None, rule: str) -> dict[str, Any]:
    """Scores of videos and persons from the stored scores of faces; no network is loaded."""
    if not key:
        raise ForensicsError("Neither a detector nor a key is given.", "Give one.", "detector")
    names = fields.ScoreFields(key)
    views.require_fields(view, [names.p_fake], "Score faces")
    dataset = views.dataset_of(view)
    declare(dataset, names, embeddings=False)
    videos = write_video_scores(dataset, key, rule)
    already = len(view.exists(names.p_fake))
    lost = {"not_scored": len(view) - already} if already < len(view) else {}
    return {
        "key": key,
        "scored": 0,
        "already": already,
        "not_scored": lost,
        "videos": videos,
        "warning": None,
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


def _score_missing(
    view: Any,
    names: fields.ScoreFields,
    model: Detector,
    batch_size: int,
    precision: str | None,
    shard: Sequence[int],
    progress: Progress,
    should_stop: ShouldStop,
) -> tuple[int, int, Counter]:
    """Score the faces of ``view`` and ``shard`` without a score.

    Returns:
        number scored now, number scored before, and why others were not
    """
    from ..detector.scoring import score_crops

    dataset = views.dataset_of(view)
    rows = [
        row
        for row in zip(
            *view.values(["id", "filepath", names.p_fake, "video_id"]),
            strict=True,
        )
        if shard[1] == 1 or _shard_of(row[3], shard[1]) == shard[0]
    ]
    todo = [(sample_id, path) for sample_id, path, p_fake, _ in rows if p_fake is None]
    writer = ScoreWriter(dataset, names)
    try:
        for batch in score_crops(
            model,
            [path for _, path in todo],
            batch_size=batch_size,
            should_stop=should_stop,
            precision=precision,
        ):
            writer.add([todo[index][0] for index in batch.indices], batch)
            progress(writer.done, len(todo), "faces")
    finally:
        writer.flush()
    if writer.done < len(todo):
        raise Cancelled(
            f"Stopped after {writer.scored} of {len(todo)} faces.", "Run it again to continue."
        )
    return writer.scored, len(rows) - len(todo), writer.reasons


def _shard_of(video_id: str | None, shards: int) -> int:
    """The shard of a video's faces: the same on every machine, whatever the view."""
    return int(hashlib.sha256(str(video_id).encode()).hexdigest(), 16) % shards


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
        return from_python.call(
            self, run, samples, params, delegate=delegate, progress=progress, bar="scores"
        )

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
                description="Trained on this dataset, published or registered",
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
