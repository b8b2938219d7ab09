"""Defines the operator ``compare_runs``: training runs or scored detectors on the same videos."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.records import LABELS
from ...training.config import TrainConfig
from ..app.form import Form
from ..app.markup import plain
from ..dataset import derived, fields, saved_views, views
from ..jobs.workflow import Workflow
from . import training_records

SCORES = (
    ("validation", "of the runs' own validation videos, recorded when the best was chosen"),
    ("stored", "stored on the chosen view ('Score faces' with each of them first)"),
)


def run(
    samples: Any,
    *,
    keys: Sequence[str],
    baseline: str | None = None,
    scores: str = "validation",
    fpr: float = 0.05,
    replicates: int = 2000,
    seed: int = 0,
    save_views: bool = True,
) -> dict[str, Any]:
    """Compare detectors on the videos that all of them have scored.

    Args:
        samples: faces dataset or view
        keys: training runs; with ``scores="stored"`` any keys that have scored ``samples``
        baseline: one of ``keys``, by default the first
        scores: one of :data:`SCORES`
        fpr: false-positive rate at which each run gets its own threshold, for the miss rates and
            the regressions
        replicates, seed: without effect, kept for older calls; no interval is resampled any more
        save_views: whether to save ``regressions_<key>_<baseline>`` and
            ``repaired_<key>_<baseline>``

    Returns:
        ``{"rows": [...], "videos": n, "left_out": {key: n}, "settings": {name: {key: value}},
        "views": [...], "table": str}``; a row is a :class:`training.comparison.RunRow`

    Raises:
        ForensicsError: if there are fewer than two keys, a run has no validation scores, a key has
            not scored the view, or no video is common to all
    """
    from ...training import comparison

    view = views.flat(samples)
    dataset = views.dataset_of(view)
    chosen = list(dict.fromkeys(keys))
    known = [name for name, _ in SCORES]
    if scores not in known:
        raise ForensicsError(
            f"There are no scores {scores!r}.", f"Known: {', '.join(known)}.", "scores"
        )
    if len(chosen) < 2:
        raise ForensicsError("One run cannot be compared.", "Choose two or more.", "keys")
    read = _recorded if scores == "validation" else _stored
    videos = comparison.common_videos({key: read(view, key) for key in chosen})
    base = baseline or chosen[0]
    rows = comparison.compare(videos, base, fpr)
    trained = [key for key in chosen if training_records.has(dataset, key)]
    configs = {key: _config(training_records.training_run(dataset, key).config) for key in trained}
    settings = comparison.differing_settings(configs)
    names = _save_views(dataset, rows, base) if save_views else []
    if names and scores == "stored":
        for key in chosen:
            derived.note(view, key, "comparison", f"with_{base}")
    found = {
        "rows": [row.to_json() for row in rows],
        "videos": len(videos.video_id),
        "left_out": videos.left_out,
        "settings": settings,
        "views": names,
    }
    return {**found, "table": table(found, base, fpr)}


def _config(stored: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a run, with today's defaults for settings that it did not have."""
    is_head = "tune" not in stored  # a retrained head
    return stored if is_head else {**TrainConfig().to_json(), **stored}


def _recorded(view: Any, key: str) -> list[dict[str, Any]]:
    """Return the validation videos of a run with the best checkpoint's scores."""
    run = training_records.training_run(views.dataset_of(view), key)
    path = training_records.own_folder(run, "compared").path / "validation.json"
    if not path.is_file():
        raise ForensicsError(
            f"The training run {key!r} has no validation scores ({run.status}).",
            "Wait for its first validation, or compare stored scores.",
            "keys",
        )
    return json.loads(path.read_text(encoding="utf-8"))["videos"]


def _stored(view: Any, key: str) -> list[dict[str, Any]]:
    """Return the videos of the view with their present scores of ``key``, made from its faces."""
    import numpy as np

    from ..dataset.scored_items import video_items

    names = fields.ScoreFields(key)
    views.require_samples(view, "faces")
    if not view.has_field(names.p_fake):
        views.require_fields(view, [names.video_p_fake], "Score faces")
        return _only_videos(view, names.video_p_fake)
    items = video_items(view, key)
    rows = zip(
        *(items.names, items.label, items.group.texts(), items.p_fake, items.margins), strict=True
    )
    return [
        {
            "video_id": str(video),
            "label": int(label),
            "group_id": str(group),
            "p_fake": None if np.isnan(p_fake) else float(p_fake),
            "margin": None if np.isnan(margin) else float(margin),
        }
        for video, label, group, p_fake, margin in rows
    ]


def _only_videos(view: Any, field: str) -> list[dict[str, Any]]:
    """Return the videos of the view with the score in ``field``, if faces have no score."""
    columns = view.values(["video_id", f"{fields.GROUND_TRUTH}.label", "group_id", field])
    rows = {
        video: {
            "video_id": video,
            "label": LABELS.index(label),
            "group_id": group,
            "p_fake": p_fake,
        }
        for video, label, group, p_fake in zip(*columns, strict=True)
        if label in LABELS
    }
    return list(rows.values())


def _save_views(dataset: fo.Dataset, rows: Sequence[Any], baseline: str) -> list[str]:
    made = []
    for row in rows:
        for kind, videos in (("regressions", row.regressions), ("repaired", row.repaired)):
            name = f"{kind}_{row.key}_{baseline}"
            if row.key == baseline or not videos:
                saved_views.drop(dataset, name)
            if row.key != baseline and videos:
                what = "right before, wrong now" if kind == "regressions" else "wrong before"
                text = f"{row.key} against {baseline}: {what}"
                saved_views.save_chosen(dataset, name, list(videos), text, "video_id")
                made.append(name)
    return made


def table(found: dict[str, Any], baseline: str, fpr: float) -> str:
    """Write the comparison as Markdown: numbers, then settings that differ, then remarks."""
    lines = [
        f"{found['videos']} videos that all have scored; differences to **{baseline}**, paired.",
        "",
        "| run | AUROC [95 %] | difference [95 %] | p (Holm) | EER | FPR / FNR at threshold "
        "| FNR difference [95 %] | regressions | repaired |",
        "|---|---|---|---|---|---|---|---:|---:|",
    ]
    for row in found["rows"]:
        lines.append(
            f"| {plain(row['key'])} "
            f"| {interval(row['auroc'], row['auroc_low'], row['auroc_high'])} "
            f"| {interval(row['difference'], row['low'], row['high'], '+.3f')} "
            f"| {number(row['p_holm'])} | {number(row['eer'])} "
            f"| {number(row['fpr'])} / {number(row['fnr'])} at {row['threshold']:.3f} "
            f"| {interval(row['fnr_difference'], row['fnr_low'], row['fnr_high'], '+.3f')} "
            f"| {len(row['regressions'])} | {len(row['repaired'])} |"
        )
    if found["settings"]:
        keys = list(next(iter(found["settings"].values())))
        lines += [
            "",
            "| setting | " + " | ".join(map(plain, keys)) + " |",
            "|---" * (len(keys) + 1) + "|",
        ]
        for name, values in found["settings"].items():
            shown = ("-" if values[key] is None else plain(str(values[key])) for key in keys)
            lines.append(f"| {name} | " + " | ".join(shown) + " |")
    notes = dict.fromkeys(note for row in found["rows"] for note in row["notes"])
    left = {key: n for key, n in found["left_out"].items() if n}
    if left:
        each = ", ".join(f"{plain(key)} {n}" for key, n in left.items())
        notes[f"Left out, because not all have scored them: {each}."] = None
    notes[
        f"Each threshold: the one of that run at a false-positive rate of at most {fpr:g} on "
        "these videos, so error rates at it are optimistic."
    ] = None
    lines += ["", *(f"- {note}" for note in notes)]
    return "\n".join(lines)


def interval(value: float | None, low: float | None, high: float | None, form: str = ".3f") -> str:
    """Write an interval as ``0.912 [0.850, 0.961]``, or ``n/a``."""
    if value is None:
        return "n/a"
    return f"{value:{form}}" + ("" if low is None else f" [{low:{form}}, {high:{form}}]")


def number(value: float | None) -> str:
    """Write a number as ``0.912``, or ``n/a``."""
    return "n/a" if value is None else f"{value:.3f}"


class CompareRuns(Workflow):
    """Operator that shows paired intervals, settings that differ, and regressions as views."""

    label = "Compare runs"
    description = (
        "Training runs or scored detectors side by side: paired intervals, "
        "settings that differ, videos that were right and are now wrong"
    )
    icon = "compare_arrows"
    answer = "Comparison"

    def fill(self, form: Form, target: Any) -> None:
        form.choice("scores", SCORES, "Scores")
        stored = form.params.get("scores") == "stored"
        known = fields.detector_keys(form.dataset) if stored else _with_validation(form.dataset)
        if len(known) < 2:
            what = "scored detectors" if stored else "runs with a validation"
            form.notice("too_few", f"This dataset has fewer than two {what}")
            return
        options = [(key, key) for key in known]
        form.several("keys", options, "Runs", default=known[-2:], required=True)
        keys = form.params.get("keys") or known[-2:]
        if len(keys) < 2:
            form.refuse("keys", "One run cannot be compared: choose two or more.")
        text = "The others are compared with this one"
        options = [(key, key) for key in keys]
        form.choice("baseline", options, "Baseline", text, default=keys[0] if keys else None)
        text = "At which miss rates and regressions are compared"
        form.number("fpr", "False-positive rate", text, least=0.001, most=0.5)
        text = "Put the videos that are now wrong into the grid"
        form.flag("show_regressions", "Show regressions", text, default=False)

    def resolve_run_name(self, ctx: Any) -> str:
        return f"Compare {', '.join(ctx.params.get('keys') or [])}"

    def arguments(self, ctx: Any) -> dict[str, Any]:
        params = super().arguments(ctx)
        if params.get("baseline") not in params.get("keys", ()):
            params.pop("baseline", None)  # a choice left over from another list
        return params

    def shown(self, ctx: Any, result: dict[str, Any]) -> None:
        ctx.ops.reload_dataset()
        found = [name for name in result["views"] if name.startswith("regressions_")]
        if ctx.params.get("show_regressions") and found:
            views.show_saved_view(ctx, found[0])


def _with_validation(dataset: fo.Dataset) -> list[str]:
    found = training_records.training_runs(dataset)
    return [run.key for run in found if (run.folder / "validation.json").is_file()]
