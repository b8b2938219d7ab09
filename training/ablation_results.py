"""Writes the result of an ablation: a table in Markdown and a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..detector.files.atomic import replacing, write_bytes, write_json
from ..detector.files.paths import given
from .ablation import Cell, RecipeRow

STEP_WORDS = {
    "linear_probe": "linear probe",
    "ln": "+ LN-tuning",
    "ln_l2": "+ Norm",
    "ln_l2_unal": "+ UnAl",
    "ln_l2_unal_slerp": "+ Slerp",
}


def save(folder: str | Path, cells: Sequence[Cell], rows: Sequence[RecipeRow]) -> dict[str, Path]:
    """Write ``results.json``, ``results.md`` and ``figure.png`` to the ablation's folder."""
    root = given(folder, "folder")
    write_json(root / "results.json", {"rows": [asdict(row) for row in rows]})
    write_bytes(root / "results.md", (table(rows, len(cells)) + "\n").encode())
    _draw(root / "figure.png", rows)
    names = {"json": "results.json", "table": "results.md", "figure": "figure.png"}
    return {kind: root / name for kind, name in names.items()}


def table(rows: Sequence[RecipeRow], cells: int) -> str:
    """Return the rows as Markdown."""
    done = sum(len(row.seeds) for row in rows)
    lines = [
        f"{done} of {cells} runs are done. Validation AUROC, video level, best checkpoint.",
        "",
        "| recipe | seeds | mean ± spread | each seed | to the one before [95 %] | p (Holm) |",
        "|---|---:|---|---|---|---|",
    ]
    for row in rows:
        spread = "" if row.spread is None else f" ± {row.spread:.3f}"
        mean = "n/a" if row.mean is None else f"{row.mean:.3f}{spread}"
        each = ", ".join("n/a" if v is None else f"{v:.3f}" for v in row.aurocs)
        if row.difference is None:
            difference, p_value = ("—" if row.before is None else "n/a"), "—"
        else:
            difference = (
                f"{row.difference:+.3f} [{row.difference_low:+.3f}, {row.difference_high:+.3f}]"
            )
            p_value = f"{row.p_holm:.3f}"
        lines.append(
            f"| {row.recipe} | {len(row.seeds)} | {mean} | {each} | {difference} | {p_value} |"
        )
    lines += [
        "",
        "Spread: standard deviation over seeds. Differences: of each video's mean score over "
        "seeds, paired, groups resampled. The checkpoint was chosen on these same videos, so all "
        "values are optimistic alike.",
    ]
    return "\n".join(lines)


def _draw(path: Path, rows: Sequence[RecipeRow]) -> None:
    """Draw a point per seed and the mean as a line, without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.6 + 1.3 * max(len(rows), 2), 3.6), layout="constrained")
    axes = figure.add_subplot()
    for place, row in enumerate(rows):
        values = [value for value in row.aurocs if value is not None]
        axes.scatter([place] * len(values), values, s=28, color="#4c8dd6", zorder=3)
        if row.mean is not None:
            axes.hlines(row.mean, place - 0.3, place + 0.3, color="#e8833a", linewidth=2)
            if row.spread is not None:
                axes.errorbar(place, row.mean, row.spread, color="#e8833a", capsize=4)
    axes.set_xticks(range(len(rows)), [STEP_WORDS.get(row.recipe, row.recipe) for row in rows])
    axes.tick_params(axis="x", rotation=20)
    axes.set_ylabel("validation AUROC (video level)")
    axes.grid(axis="y", alpha=0.3)
    with replacing(path) as temporary:
        FigureCanvasAgg(figure).print_png(temporary)
