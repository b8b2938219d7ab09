"""Tabulates error rates under each corruption, from the stored score differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...detector.audit.threshold import Threshold
from ...detector.audit.units import Units
from ...detector.metrics import ranks
from ..app.markup import plain
from ..dataset.fields import delta_field, margin_field
from ..dataset.scored_items import all_faces
from ..evaluation.evaluation_tables import interval_text, number_text

NONE = "none"


def curves(
    view: Any, key: str, kinds: Sequence[Sequence[str]], threshold: float
) -> list[dict[str, Any]]:
    """Return one row per dataset and corruption, after one for the unchanged faces.

    Args:
        view: the faces
        key: detector key
        kinds: names of corruptions by kind; those of one kind are compared on the faces that have
            all of them
        threshold: p_fake from which a face counts as fake
    """
    import numpy as np

    items = all_faces(view, key)
    source_dataset = items.texts["source_dataset"].texts()
    rows: list[dict[str, Any]] = []
    before: Any = None
    for names in kinds:
        deltas = {name: _column(view, delta_field(key, name), items) for name in names}
        deltas = {name: values for name, values in deltas.items() if np.isfinite(values).any()}
        finite = [np.isfinite(values) for values in deltas.values()]
        there = np.isfinite(items.p_fake) & np.all(finite, axis=0) if finite else None
        if there is None:
            continue
        same = before is not None and np.array_equal(there, before)
        before = there
        for source in np.unique(source_dataset[there]).tolist():
            chosen = there & (source_dataset == source)
            for name in deltas if same else (NONE, *deltas):
                delta = 0.0 * items.p_fake if name == NONE else deltas[name]
                after = np.clip(items.p_fake + delta, 0, 1)
                margin = items.margins if name == NONE else _margin(view, key, name, items)
                rank = ranks.of(after, margin)[chosen]
                rows.append(_row(items, chosen, source, name, after[chosen], rank, threshold))
    return sorted(rows, key=lambda row: row["source_dataset"])


def _column(view: Any, field: str, items: Units) -> Any:
    """Return (N,) numbers of a field for the faces of ``items``, NaN if a face has none."""
    import numpy as np

    stored = dict(zip(*view.values(["id", field]), strict=True))
    found = [stored[i] for i in items.names]
    return np.array([np.nan if v is None else v for v in found], np.float64)


def _margin(view: Any, key: str, name: str, items: Units) -> Any | None:
    """Return (N,) margins under a corruption, or None if an older version stored none."""
    field = margin_field(key, name)
    return _column(view, field, items) if view.has_field(field) else None


def _row(
    items: Units, chosen: Any, source: str, name: str, after: Any, rank: Any, threshold: float
) -> dict[str, Any]:
    """Return the row of one corruption; ``after`` and ``rank`` hold only the ``chosen`` faces."""
    from ...detector.errors import MetricUndefined
    from ...detector.metrics.rates import clustered_interval, rates_at_threshold, roc_auc

    label, group, before = items.label[chosen], items.group.codes[chosen], items.p_fake[chosen]
    delta = after - before
    known, auroc, rates = label >= 0, None, None
    y, s, r, g = label[known], after[known], rank[known], group[known]
    if len(y):
        rates = rates_at_threshold(y, s, threshold, groups=g)
    try:
        found = clustered_interval(y, r, "auroc", g)
        auroc = {"value": roc_auc(y, r), "low": found.low, "high": found.high}
        auroc["why"] = found.why
    except MetricUndefined:
        pass  # one class or no labels: shown as n/a
    return {
        "source_dataset": source,
        "perturbation": name,
        "faces": int(chosen.sum()),
        "auroc": auroc,
        "fpr": None if rates is None else rates.fpr,
        "tpr": None if rates is None else rates.tpr,
        "flips": float(((before >= threshold) != (after >= threshold)).mean()),
        "mean_delta_real": _mean(delta[label == 0]),
        "mean_delta_fake": _mean(delta[label == 1]),
    }


def _mean(values: Any) -> float | None:
    return float(values.mean()) if len(values) else None


def table(rows: list[dict[str, Any]], at: Threshold, not_recompressed: Mapping[str, int]) -> str:
    """Return the rows as Markdown, and why faces have no score under a recompression."""
    lines = [
        f"Faces, threshold {at.value:g} ({plain(at.provenance)}). `video_...`: the source video "
        "encoded again, the face cut from the same frame with the same transform; the others "
        "change the stored crop.",
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
            f"| {change_text(row['mean_delta_real'])} | {change_text(row['mean_delta_fake'])} |"
        )
    if not_recompressed:
        lost = ", ".join(f"{count} {reason}" for reason, count in not_recompressed.items())
        lines += ["", f"Faces without a score from the video encoded again: {lost}."]
    return "\n".join(lines)


def change_text(value: float | None) -> str:
    """Write a difference of p_fake with its sign."""
    return "n/a" if value is None else f"{value:+.3f}"
