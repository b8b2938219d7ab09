"""Defines the operator ``probe_robustness``: how each face's score moves under corruptions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import fiftyone as fo
from fiftyone import ViewField as F

from ...detector.audit.threshold import Threshold
from ...detector.errors import Cancelled
from ...detector.files import packages
from ...detector.files.allowed_roots import require_files
from ...detector.progress import Progress, ShouldStop, never, silent
from ..app.checks import require_threshold
from ..app.current_detector import current
from ..app.form import Form
from ..app.outcome import Ending
from ..dataset import fields, made_from, run_names, saved_views, stored_runs, views
from ..dataset.dataset_changes import declare
from ..jobs.workflow import JobWorkflow
from ..scoring.score_precision import beside
from ..thresholds.applied import applied
from ..training.detector_list import scored_model
from .robustness_table import curves, table
from .score_differences import Differences
from .source_faces import source_faces


def reason_field(key: str) -> str:
    """Return the field that says why a face has no score from its video encoded again."""
    return f"{key}_recompression_reason"


def flips_view(key: str, perturbation: str) -> str:
    """Return the name of the saved view of the faces whose call changes under a corruption."""
    return f"flips_{key}_{perturbation}"


def run(
    samples: Any,
    *,
    key: str,
    perturbations: Sequence[str] | None = None,
    threshold: float | None = None,
    batch_size: int = 32,
    device: str | None = None,
    precision: str | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Score faces under corruptions; write the differences, views of the flips, and a table.

    Faces that already have all the differences are skipped, so a killed run can be continued.

    Args:
        samples: faces dataset, view or selection
        key: detector key; the checkpoint that gave its scores is used
        perturbations: names in :data:`detector.scoring.perturbations.PERTURBATIONS` (of the crop)
            and in :data:`detector.frames.recompression.RECOMPRESSIONS` (of the source video, much
            slower); ``USUAL`` by default
        threshold: p_fake from which a face counts as fake, for flips and rates; by default the one
            that every screen uses, see :class:`detector.audit.threshold.Stored`
        batch_size: crops per forward pass
        device: as in ``score_faces``
        precision: that of the key's scores, which the differences are to; by default
        progress, should_stop: see :mod:`detector.progress`

    Returns:
        ``{"scored", "already", "not_scored": {reason: n}, "not_recompressed": {reason: n}, "rows",
        "table", "views", "run", "threshold", "threshold_from"}``; a row is one corruption on one
        dataset. The field ``recompression_reason`` says why a face has no score from its video.

    Raises:
        ForensicsError: if the view is empty, a corruption is unknown, or there are no scores or
            only imported ones
        Cancelled: if the user stopped it; what was scored is kept
    """
    from ...detector.scoring.perturbations import USUAL, score_perturbed
    from ...detector.scoring.recompressed_scores import by_kind, score_recompressed

    names = list(dict.fromkeys(perturbations or USUAL))
    of_crop, of_video = by_kind(names)
    require_threshold(threshold)
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    p_fake = fields.ScoreFields(key).p_fake
    views.require_fields(view, [p_fake], "Score faces")
    views.require_samples(view, "faces")
    require_files(view.values("filepath"), "faces")
    model = scored_model(dataset, key, device)
    made = [f(key, name) for name in names for f in (fields.delta_field, fields.margin_field)]
    declare(dataset, {field: fo.FloatField for field in made})
    every = len(view)
    scored = view.match(F(p_fake) != None)  # noqa: E711 - builds a database query
    crops = Differences(dataset, scored, key, of_crop)
    videos = Differences(dataset, scored, key, of_video, reason_field(key))
    total = len(crops.todo) + len(videos.todo)
    precision = precision or beside(dataset, key, model)
    options = {"batch_size": batch_size, "should_stop": should_stop, "precision": precision}
    for part in (crops, videos):
        if not part.todo:
            continue
        if part is crops:
            paths = [path for _, path, *_ in part.todo]
            hashes = [sha256 for *_, sha256, _ in part.todo]
            batches = score_perturbed(model, paths, of_crop, hashes=hashes, **options)
        else:
            faces = source_faces(dataset, [face_id for face_id, *_ in part.todo])
            batches = score_recompressed(model, faces, of_video, **options)
        try:
            for batch in batches:
                part.take(batch)
                progress(crops.done + videos.done, total, "faces")
        finally:
            part.flush()
        if part.done < len(part.todo):
            done = crops.done + videos.done
            raise Cancelled(f"Stopped after {done} of {total} faces.", "Run it again to continue.")
    lost = Counter(crops.reasons)
    if every > len(scored):
        lost["not_scored"] = every - len(scored)
    at = applied(view, key, threshold)
    found = curves(view, key, [of_crop, of_video], at.value)
    todo = {face_id for part in (crops, videos) for face_id, *_ in part.todo}
    return {
        "scored": len(crops.changed | videos.changed),
        "already": len(scored) - len(todo),
        "not_scored": dict(lost),
        "not_recompressed": dict(videos.reasons),
        "rows": found,
        "table": table(found, at, videos.reasons),
        "views": _save_views(dataset, key, names, at),
        "run": _record(dataset, view, key, names, at, found),
        "threshold": at.value,
        "threshold_from": at.provenance,
    }


def _save_views(dataset: fo.Dataset, key: str, names: Sequence[str], at: Threshold) -> list[str]:
    threshold = at.value
    p_fake = F(fields.ScoreFields(key).p_fake)
    made = []
    for name in names:
        delta = F(fields.delta_field(key, name))
        there = delta != None  # noqa: E711 - builds a database query
        after = p_fake + delta
        flips = dataset.match(
            there & ((p_fake >= threshold) & (after < threshold))
            | there & ((p_fake < threshold) & (after >= threshold))
        )
        text = f"Faces whose call changes under {name}; {key}, threshold {threshold:g} "
        text += f"({at.provenance})"
        made.append(saved_views.save(dataset, flips_view(key, name), flips, text))
    return made


def _record(
    dataset: fo.Dataset,
    view: Any,
    key: str,
    names: Sequence[str],
    at: Threshold,
    rows: list[dict[str, Any]],
) -> str:
    name = run_names.ROBUSTNESS + key
    scores: Any = fields.scores_config(dataset, key)
    stored_runs.put(
        view,
        name,
        method=run_names.method_of(run_names.ROBUSTNESS),
        results={"rows": rows},
        key=key,
        perturbations=list(names),
        threshold=at.value,
        threshold_from=at.provenance,
        checkpoint_sha256=scores.checkpoint_sha256,
        level="face",
        **{made_from.FIELD: made_from.basis_of(view, key, "face").to_json()},
    )
    return name


def _check(names: Sequence[str], threshold: float | None) -> tuple[list[str], list[str]]:
    """Check the threshold, and return the chosen corruptions of the crop and those of the video."""
    from ...detector.scoring.recompressed_scores import by_kind

    require_threshold(threshold)
    return by_kind(list(names))


def _plan(form: Form, view: Any, of_crop: list[str], of_video: list[str]) -> None:
    """Show how much work the choice means."""
    corruptions = len(of_crop) + len(of_video)
    passes = len(view) * corruptions
    text = "Faces that already have the differences are skipped."
    if of_video and "video_path" in form.dataset.get_field_schema():
        videos = len(view.distinct("video_path"))
        text += f" {videos} videos are encoded again with {len(of_video)} settings; where one is "
        text += "missing, its faces get a reason."
    label = f"{len(view)} faces under {corruptions} corruptions: {passes} forward passes"
    form.notice("plan", label, text)


class ProbeRobustness(JobWorkflow):
    """Operator that scores faces again under JPEG, blur, noise, H.264 and other corruptions."""

    label = "Probe robustness"
    description = (
        "Score faces again under named corruptions: differences as fields, saved "
        "views of the flips, error rates per corruption"
    )
    icon = "blur_on"
    parts = (packages.PICTURES, packages.MODELS)
    run_name = "Robustness of {key} on {dataset}"
    bar, doing = "corruptions", "Corruptions"

    def fill(self, form: Form, target: Any) -> None:
        from ...detector.frames.recompression import RECOMPRESSIONS
        from ...detector.scoring.perturbations import PERTURBATIONS, USUAL

        if not form.detector():
            return
        options = [(name, f"{name} (the crop)") for name in PERTURBATIONS]
        slow = "(the whole video encoded again; slow)"
        options += [(name, f"{name} {slow}") for name in RECOMPRESSIONS]
        text = "Each gives a field with the change of p_fake and a view of the flips"
        usual = list(USUAL)
        form.several("perturbations", options, "Corruptions", text, default=usual, required=True)
        key = str(form.params.get("key") or current(form.dataset))
        form.threshold(key, "p_fake from which a face counts as fake, for flips and rates")
        form.device()
        chosen = form.params.get("perturbations") or usual
        split = form.check(lambda: _check(chosen, form.value("threshold")))
        if split is not None:
            _plan(form, target, *split)

    def ending(self, ctx: Any, done: dict[str, Any]) -> Ending:
        lost = sum((*done["not_scored"].values(), *done["not_recompressed"].values()))
        text = f"{done['scored']} faces under {len(done['views'])} corruptions"
        text += f"; {lost} without a score" if lost else ""
        notes = _next_steps(done)
        return Ending(text, bool(lost), title="Robustness", table=done["table"], notes=notes)


def _next_steps(done: dict[str, Any]) -> tuple[str, ...]:
    lost = ", ".join(f"{count} {reason}" for reason, count in done["not_scored"].items())
    notes = (f"Faces whose call changes: saved views {', '.join(done['views'])}.",)
    return (*notes, f"Without a score: {lost}.") if lost else notes
