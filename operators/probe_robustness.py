"""Operator ``probe_robustness``: how much each face's score moves under named corruptions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone import ViewField as F
from fiftyone.operators import types

from ..detector.allowed_roots import require_files
from ..detector.errors import Cancelled, ForensicsError
from . import fields, forms, from_python, jobs, views
from .evaluation_items import face_items
from .evaluation_tables import interval_text, number_text
from .markup import plain
from .progress import Progress, ShouldStop, in_app, never, silent, stop_of
from .registry import scored_model

RUN_PREFIX = "robustness_"
CHUNK = 512  # faces per bulk write


def delta_field(key: str, perturbation: str) -> str:
    """Field with p_fake under a corruption minus p_fake of the crop as it is."""
    return f"{key}_delta_{perturbation}"


def flips_view(key: str, perturbation: str) -> str:
    """Saved view of the faces whose call changes under a corruption."""
    return f"flips_{key}_{perturbation}"


def run(
    samples: Any,
    *,
    key: str,
    perturbations: Sequence[str] | None = None,
    threshold: float = 0.5,
    batch_size: int = 32,
    device: str | None = None,
    precision: str | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Score faces under corruptions; write the differences, views of the flips, and a table.

    Faces that have all the differences already are left alone, so a killed run continues.

    Args:
        samples: faces dataset, view or selection
        key: detector key; the checkpoint of its scores is used
        perturbations: names of :data:`detector.perturbations.PERTURBATIONS`; ``USUAL`` by default
        threshold: p_fake from which a face counts as fake, for flips and rates
        batch_size: crops per forward pass
        device, precision: as in ``score_faces``
        progress, should_stop: see :mod:`.progress`

    Returns:
        ``{"scored", "already", "not_scored": {reason: n}, "rows", "table", "views", "run"}``; a row
        is one corruption on one dataset

    Raises:
        ForensicsError: empty view, unknown corruption, no scores, imported scores
        Cancelled: stopped by the user; what was scored is kept
    """
    from ..detector.perturbations import USUAL, known, score_perturbed

    names = list(perturbations or USUAL)
    known(names)
    if not 0.0 <= threshold <= 1.0:
        raise ForensicsError(
            f"The threshold {threshold} is outside [0, 1].", "p_fake is a probability.", "threshold"
        )
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    p_fake = fields.ScoreFields(key).p_fake
    views.require_fields(view, [p_fake], "Score faces")
    views.require_samples(view, "faces")
    require_files(view.values("filepath"), "faces")
    model = scored_model(dataset, key, device)
    columns = [delta_field(key, name) for name in names]
    for column in columns:
        if not dataset.has_field(column):
            dataset.add_sample_field(column, fo.FloatField)
    rows = [r for r in zip(*view.values(["id", "filepath", p_fake, *columns]), strict=True)]
    scored = [row for row in rows if row[2] is not None]
    todo = [row for row in scored if None in row[3:]]
    lost: Counter = Counter()
    if len(rows) > len(scored):
        lost["not_scored"] = len(rows) - len(scored)
    waiting: dict[str, dict[str, float]] = defaultdict(dict)
    done = 0

    def flush() -> None:
        for column, values in waiting.items():
            views.set_by_id(dataset, column, values)
        waiting.clear()

    try:
        for batch in score_perturbed(
            model,
            [row[1] for row in todo],
            names,
            batch_size,
            should_stop=should_stop,
            precision=precision,
        ):
            for position, index in enumerate(batch.indices):
                done += 1
                reason = batch.reasons[position]
                if reason is not None:
                    lost[reason.value] += 1
                    continue
                for name, column in zip(names, columns, strict=True):
                    value = float(batch.p_fake[name][position]) - todo[index][2]
                    waiting[column][todo[index][0]] = value
            progress(done, len(todo), "faces")
            if len(waiting[columns[0]]) >= CHUNK:
                flush()
    finally:
        flush()
    if done < len(todo):
        raise Cancelled(f"Stopped after {done} of {len(todo)} faces.", "Run it again to continue.")
    saved = _save_views(dataset, key, names, threshold)
    found = curves(view, key, names, threshold)
    text = table(found, threshold)
    return {
        "scored": done - sum(n for r, n in lost.items() if r != "not_scored"),
        "already": len(scored) - len(todo),
        "not_scored": dict(lost),
        "rows": found,
        "table": text,
        "views": saved,
        "run": _record(dataset, view, key, names, threshold, found),
    }


def _save_views(dataset: fo.Dataset, key: str, names: Sequence[str], threshold: float) -> list[str]:
    p_fake = F(fields.ScoreFields(key).p_fake)
    made = []
    for name in names:
        delta = F(delta_field(key, name))
        there = delta != None  # noqa: E711 - builds a database query
        after = p_fake + delta
        flips = dataset.match(
            there & ((p_fake >= threshold) & (after < threshold))
            | there & ((p_fake < threshold) & (after >= threshold))
        )
        text = f"Faces whose call changes under {name}; {key}, threshold {threshold:g}"
        made.append(views.save_view(dataset, flips_view(key, name), flips, text))
    return made


def curves(view: Any, key: str, names: Sequence[str], threshold: float) -> list[dict[str, Any]]:
    """One row per dataset and corruption, ``none`` first, on the faces that have them all."""
    import numpy as np

    from ..detector.errors import MetricUndefined
    from ..detector.metrics import rates_at_threshold, roc_auc
    from ..detector.metrics_clusters import clustered_auroc

    items = face_items(view, key)
    deltas = {}
    for name in names:
        stored = dict(zip(*view.values(["id", delta_field(key, name)]), strict=True))
        found = [stored[i] for i in items.name]
        deltas[name] = np.array([np.nan if v is None else v for v in found], np.float64)
    there = np.isfinite(items.p_fake) & np.all([np.isfinite(d) for d in deltas.values()], axis=0)
    rows = []
    for source in np.unique(items.source_dataset[there]).tolist():
        chosen = there & (items.source_dataset == source)
        label, group, before = items.label[chosen], items.group[chosen], items.p_fake[chosen]
        for name in ("none", *names):
            delta = np.zeros(len(before)) if name == "none" else deltas[name][chosen]
            after = np.clip(before + delta, 0, 1)
            rates = rates_at_threshold(label, after, threshold, groups=group)
            auroc = None
            try:
                value = roc_auc(label, after)
                low, high = clustered_auroc(label, after, group)
                auroc = {"value": value, "low": low, "high": high}
            except MetricUndefined:
                pass  # one class or one group only: shown as n/a
            flips = (before >= threshold) != (after >= threshold)
            rows.append(
                {
                    "source_dataset": source,
                    "perturbation": name,
                    "faces": int(chosen.sum()),
                    "auroc": auroc,
                    "fpr": rates.fpr,
                    "tpr": rates.tpr,
                    "flips": float(flips.mean()),
                    "mean_delta_real": _mean(delta[label == 0]),
                    "mean_delta_fake": _mean(delta[label == 1]),
                }
            )
    return rows


def _mean(values: Any) -> float | None:
    return float(values.mean()) if len(values) else None


def table(rows: list[dict[str, Any]], threshold: float) -> str:
    """The rows as Markdown."""
    lines = [
        f"Faces, threshold {threshold:g}; corruptions of the crop, not of the video.",
        "",
        "| dataset | corruption | faces | AUROC [95 %] | FPR | TPR | flips | mean change of reals "
        "| of fakes |",
        "|---|---|---:|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(
            f"| {plain(row['source_dataset'])} | {row['perturbation']} | {row['faces']} "
            f"| {interval_text(row['auroc'])} | {number_text(row['fpr'])} "
            f"| {number_text(row['tpr'])} | {row['flips']:.1%} "
            f"| {number_text(row['mean_delta_real'])} | {number_text(row['mean_delta_fake'])} |"
        )
    return "\n".join(lines)


def _record(
    dataset: fo.Dataset,
    view: Any,
    key: str,
    names: Sequence[str],
    threshold: float,
    rows: list[dict[str, Any]],
) -> str:
    name = RUN_PREFIX + key
    if dataset.has_run(name):
        dataset.delete_run(name)
    scores = dataset.get_run_info(fields.ScoreFields(key).run).config
    config = dataset.init_run(
        method="media_forensics/robustness",
        key=key,
        perturbations=list(names),
        threshold=threshold,
        checkpoint_sha256=scores.checkpoint_sha256,
    )
    view.register_run(name, config)
    results = dataset.init_run_results(name, rows=rows)
    dataset.save_run_results(name, results, overwrite=True)
    return name


class ProbeRobustness(foo.Operator):
    """Score differences under JPEG, blur, resizing, noise, H.264 and crop jitter."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="probe_robustness",
            label="Probe robustness",
            description="Score faces again under named corruptions: differences as fields, saved "
            "views of the flips, error rates per corruption",
            icon="blur_on",
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
            self, run, samples, params, delegate=delegate, progress=progress, bar="corruptions"
        )

    def resolve_input(self, ctx: Any) -> types.Property:
        from ..detector.perturbations import PERTURBATIONS, USUAL

        inputs = types.Object()
        form = types.Property(inputs, view=types.View(label="Probe robustness"))
        view = forms.check(inputs, {}, lambda: self._faces(ctx))
        if view is None or forms.detector_choice(inputs, ctx.dataset) is None:
            return form
        inputs.list(
            "perturbations",
            types.String(),
            default=list(USUAL),
            label="Corruptions",
            description=f"Of the crop: {', '.join(PERTURBATIONS)}",
        )
        inputs.float(
            "threshold", default=0.5, label="Threshold", description="p_fake that counts as fake"
        )
        count = len(ctx.params.get("perturbations") or USUAL)
        inputs.view(
            "plan",
            types.Notice(
                label=f"{len(view)} faces under {count} corruptions: {len(view) * count} passes",
                description="Faces that have the differences already are left alone.",
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
        return f"Robustness of {ctx.params.get('key')} on {ctx.dataset.name}"

    def execute(self, ctx: Any):
        view, form = self._faces(ctx), ctx.params
        names = ("key", "perturbations", "threshold", "batch_size", "device", "precision")
        params = {k: form[k] for k in names if form.get(k) is not None}
        if ctx.delegated:
            yield run(view, progress=in_app(ctx), should_stop=stop_of(ctx), **params)
            return
        job = jobs.start("probe_robustness", view, params)
        yield from jobs.follow(ctx, job, "Corruptions")
        done = job.result()
        lost = sum(done["not_scored"].values())
        text = f"{done['scored']} faces under {len(done['views'])} corruptions"
        text += f"; {lost} without a score" if lost else ""
        yield ctx.ops.notify(text, variant="warning" if lost else "success")
        yield ctx.ops.reload_dataset()
