"""Compares the runs whose curves are shown: validation, settings, and videos that changed.

The validation has paired intervals; the videos are those that were right and are now wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fiftyone.operators import types

from ....detector.errors import ForensicsError
from ...app.markup import plain
from ...dataset import views
from ...training import compare_runs
from .tables import table_data, table_view

COLUMNS = (
    ("run", "Run"),
    ("auroc", "AUROC [95 %]"),
    ("difference", "Difference [95 %]"),
    ("p", "p (Holm)"),
    ("fnr", "Miss rate"),
    ("changed", "Now wrong / now right"),
)
REGRESSIONS, REPAIRED = "regressions", "repaired"
ACTIONS = (
    (REGRESSIONS, "wrong", "trending_down"),
    (REPAIRED, "right", "trending_up"),
)
MOST_SETTINGS = 30


def compared(faces: Any, keys: Sequence[str], fpr: float = 0.05) -> tuple[dict, dict]:
    """Compare the runs ``keys`` with the first of them, and save the views of changed videos.

    Returns:
        what the panel keeps in its state (small), and its tables

    Raises:
        ForensicsError: if there are fewer than two runs, or one has no validation
    """
    if len(keys) < 2:
        raise ForensicsError(
            "One run cannot be compared.", "Show the curves of two or more, the baseline first."
        )
    found = compare_runs.run(faces, keys=keys, fpr=fpr)
    rows, base = found["rows"], keys[0]
    made = set(found["views"])
    offered = [
        [kind for kind in (REGRESSIONS, REPAIRED) if f"{kind}_{row['key']}_{base}" in made]
        for row in rows
    ]
    settings = list(found["settings"].items())
    kept = {
        "keys": [row["key"] for row in rows],
        "offered": offered,
        "words": _words(found, base, fpr, len(settings)),
        "settings": bool(settings),
    }
    values = [
        [name, *(_short(values.get(row["key"])) for row in rows)]
        for name, values in settings[:MOST_SETTINGS]
    ]
    tables = {
        "comparison": table_data(COLUMNS, [_cells(row, base) for row in rows]),
        "settings": table_data(_setting_columns(kept["keys"]), values),
    }
    return kept, tables


def _words(found: dict[str, Any], base: str, fpr: float, settings: int) -> str:
    text = (
        f"{found['videos']} validation videos that all have scored, against **{plain(base)}**. "
        f"Miss rates each at a threshold of its own, at a false-positive rate of at most {fpr:g} "
        "on these videos. *wrong* shows the videos that were right and are now wrong, *right* "
        "the others."
    )
    notes = dict.fromkeys(note for row in found["rows"] for note in row["notes"])
    left = ", ".join(f"{plain(key)} {n}" for key, n in found["left_out"].items() if n)
    if left:
        notes[f"Left out, because not all have scored them: {left}."] = None
    if settings > MOST_SETTINGS:
        notes[f"{settings - MOST_SETTINGS} more settings differ."] = None
    return " ".join([text, *notes])


def _cells(row: dict[str, Any], base: str) -> list[str]:
    is_base = row["key"] == base
    return [
        row["key"] + (" (baseline)" if is_base else ""),
        compare_runs.interval(row["auroc"], row["auroc_low"], row["auroc_high"]),
        "—"
        if is_base
        else compare_runs.interval(row["difference"], row["low"], row["high"], "+.3f"),
        "—" if is_base else compare_runs.number(row["p_holm"]),
        compare_runs.number(row["fnr"]),
        "—" if is_base else f"{len(row[REGRESSIONS])} / {len(row[REPAIRED])}",
    ]


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _setting_columns(keys: Sequence[str]) -> list[tuple[str, str]]:
    return [("setting", "Setting"), *((f"run_{n}", key) for n, key in enumerate(keys))]


def show(panel: types.Object, kept: dict[str, Any], on_row: Callable, on_close: Callable) -> None:
    """Draw what :func:`compared` returned for the panel's state."""
    panel.md("**Compared.** " + kept["words"], name="comparison_words")
    view = table_view(COLUMNS, ACTIONS, kept["offered"], on_row)
    panel.list("comparison", types.Object(), view=view)
    if kept["settings"]:
        panel.md("Settings that differ:", name="settings_title")
        columns = _setting_columns(kept["keys"])
        panel.list("settings", types.Object(), view=table_view(columns))
    else:
        panel.md("Their settings are the same.", name="settings_title")
    panel.btn("close_comparison", label="Close the comparison", on_click=on_close)


def to_grid(ctx: Any, kept: dict[str, Any], row: int, kind: str) -> None:
    """Show the changed videos of a row in the grid.

    Raises:
        ForensicsError: if the row or its view is gone
    """
    keys = kept["keys"]
    if not 0 < row < len(keys) or kind not in (REGRESSIONS, REPAIRED):
        raise ForensicsError("This row no longer exists.", "Compare the runs again.")
    name = f"{kind}_{keys[row]}_{keys[0]}"
    ctx.dataset.reload()
    if not ctx.dataset.has_saved_view(name):
        raise ForensicsError(
            f"The saved view {name!r} no longer exists.", "Compare the runs again."
        )
    views.show_saved_view(ctx, name)
