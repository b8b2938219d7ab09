"""Evaluates one benchmark of a protocol, and lists how it differs from the paper's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fiftyone as fo
from fiftyone import ViewField as F

from ...detector.errors import MetricUndefined
from ...detector.metrics.protocols import Benchmark, Protocol, count_deviations
from ...detector.records import LABELS
from ..dataset import fields
from ..dataset.scored_items import video_items
from ..dataset.seen_material import fitted_on
from ..training.training_records import has, record_name


def view_of(dataset: fo.Dataset, benchmark: Benchmark) -> Any:
    """Return the benchmark's faces in ``dataset``, or None if it holds none of that source.

    A split or compression that is absent is not filtered by; :func:`_deviations` names it.
    """
    view = dataset.match(F("source_dataset") == benchmark.source_dataset)
    for field, value in (("split", benchmark.split), ("compression", benchmark.compression)):
        if value and value in view.distinct(field):
            view = view.match(F(field) == value)
    if benchmark.methods:
        chosen = F("method").is_in(list(benchmark.methods))
        if not len(view.match(chosen)):
            return None
        view = view.match((F(f"{fields.GROUND_TRUTH}.label") == LABELS[0]) | chosen)
    return view if len(view) else None


def row(
    plan: Protocol,
    benchmark: Benchmark,
    parts: Sequence[tuple[fo.Dataset, Any]],
    judged: tuple[str, str],
) -> dict[str, Any]:
    """Return a row of :func:`.run_protocol.run`; ``judged`` is field key and detector name."""
    import numpy as np

    from ...detector.metrics import ranks
    from ...detector.metrics.rates import clustered_interval, equal_error_rate, roc_auc

    out: dict[str, Any] = {
        "short": benchmark.short,
        "source_dataset": benchmark.source_dataset,
        "auroc": None,
        "eer": None,
        "n_real": 0,
        "n_fake": 0,
        "coverage": None,
        "published": dict(benchmark.published),
        "deviations": [],
        "datasets": [dataset.name for dataset, _ in parts],
    }
    if not parts:
        out["deviations"] = ["not imported"]
        return out
    items = [video_items(view, judged[0]) for _, view in parts]
    names = np.concatenate([i.names for i in items])
    _, first = np.unique(names, return_index=True)  # a video in two datasets counts once
    label = np.concatenate([i.label for i in items])[first]
    p_fake = np.concatenate([i.p_fake for i in items])[first]
    margin = np.concatenate([i.margins for i in items])[first]
    group = np.concatenate([i.group.texts() for i in items])[first]
    scored = np.isfinite(p_fake)
    out |= {
        "n_real": int(np.sum(label == 0)),
        "n_fake": int(np.sum(label == 1)),
        "coverage": float(scored.mean()),
    }
    out["deviations"] = _deviations(plan, benchmark, parts, judged, out)
    y, g, s = label[scored], group[scored], ranks.of(p_fake, margin)[scored]
    if remark := ranks.words(p_fake, margin):
        out["deviations"].append(remark)
    try:
        found = clustered_interval(y, s, "auroc", g)
        out["auroc"] = {
            "value": roc_auc(y, s),
            "low": found.low,
            "high": found.high,
            "why": found.why,
        }
        out["eer"] = float(equal_error_rate(y, s))
    except MetricUndefined as error:
        out["deviations"].append(error.message)
    return out


def _deviations(
    plan: Protocol,
    benchmark: Benchmark,
    parts: Sequence[tuple[fo.Dataset, Any]],
    judged: tuple[str, str],
    row: dict[str, Any],
) -> list[str]:
    """Return every way in which this row differs from the paper's."""
    import numpy as np

    key, detector = judged

    out = count_deviations(benchmark, row["n_real"], row["n_fake"])
    if row["coverage"] < 1:
        out.append(f"{1 - row['coverage']:.1%} of the videos have no score and are left out")
    if benchmark.note:
        out.append(benchmark.note)
    for dataset, view in parts:
        if has(dataset, detector):
            training = dataset.load_run_view(record_name(detector))
            trained, judged_on = fitted_on(training), fitted_on(view)
            if seen := trained.units & judged_on.units:
                out.append(f"THE DETECTOR WAS TRAINED ON {len(seen)} OF THESE GROUPS")
            elif seen := trained.contents & judged_on.contents:
                out.append(f"THE DETECTOR WAS TRAINED ON {len(seen)} OF THESE FILES")
        splits, compressions = view.distinct("split"), view.distinct("compression")
        if benchmark.split and splits != [benchmark.split]:
            out.append(f"split {', '.join(splits) or 'unknown'} instead of {benchmark.split}")
        if benchmark.split and "derived" in view.distinct("split_source"):
            out.append("the split is derived, not official")
        if benchmark.compression and compressions != [benchmark.compression]:
            shown = ", ".join(c for c in compressions if c) or "unknown"
            out.append(f"compression {shown} instead of {benchmark.compression}")
        scored = view.match(F(fields.ScoreFields(key).p_fake) != None)  # noqa: E711
        _, counts = np.unique(scored.values("video_id"), return_counts=True)
        short = int(np.sum(counts < plan.frames))
        if short:
            out.append(
                f"{short} videos have fewer than {plan.frames} scored faces (median "
                f"{np.median(counts):g})"
            )
        about = fields.describe(dataset).get("recipe") or {}
        out.append(
            f"crops {about.get('name', 'of the source')} found by "
            f"{about.get('detector', 'others')}, frames {about.get('sampling', 'as they came')}; "
            f"the paper: {plan.face_detector}"
        )
        config: Any = fields.scores_config(dataset, key)
        if config.rule != plan.rule:
            out.append(f"video score by {config.rule} instead of {plan.rule}")
        if config.trained_on_recipe and config.trained_on_recipe != config.recipe_hash:
            out.append("the crops are not of the recipe that the detector was trained on")
    return list(dict.fromkeys(out))
