"""Builds the tables of the panel ``training_runs``: rows as text, and each row's actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fiftyone.operators import types

from ...jobs import work_row
from ...training import manage_runs, training_words
from ...training.training_records import TrainingRun

Columns = Sequence[tuple[str, str]]
Actions = Sequence[tuple[str, str, str]]

RUN_COLUMNS = (
    ("run", "Run"),
    ("recipe", "Recipe"),
    ("state", "State"),
    ("auroc", "AUROC [95 %]"),
)
JOB_COLUMNS = (("label", "Job"), ("state", "State"), ("text", "How far"))
RUN_ACTIONS = (
    ("score", "Score its validation faces", "speed"),
    ("stop", "Save and stop", "stop"),
    ("resume", "Resume", "play_arrow"),
    ("toggle", "Show or hide the curve", "show_chart"),
    ("view", "Show its validation faces", "grid_view"),
    ("rename", "Rename …", "edit"),
    ("export", "Export …", "download"),
    ("delete", "Delete …", "delete"),
)
JOB_ACTIONS = (
    (work_row.CANCEL, "Cancel", "stop"),
    (work_row.AGAIN, "Run again", "replay"),
    (work_row.NEXT, "Run next", "low_priority"),
    (work_row.FORGET, "Remove from the list", "clear"),
)
# FiftyOne's tables are at least 650 px wide; a narrower panel would cut the actions off.
_NARROW = {
    "table": {
        "sx": {
            "minWidth": 0,
            "& .MuiTableCell-root": {"padding": "5px 8px", "fontSize": "0.85rem"},
        }
    }
}
SHOWN = "● "
"""Mark before the name of a run whose curve is shown."""


def run_actions(run: TrainingRun) -> list[str]:
    """Return the actions of the row of ``run``."""
    out = ["toggle", *manage_runs.possible(run)]
    if run.status == "completed":
        out.append("score")
    if Path(run.folder / "manifest.jsonl").is_file():
        out.append("view")
    return out


def run_row(run: TrainingRun, shown: Sequence[str]) -> list[str]:
    """Return the cells of :data:`RUN_COLUMNS`."""
    return [
        (SHOWN if run.key in shown else "") + run.key,
        str(run.config.get("name", "")),
        training_words.short(run),
        training_words.auroc(run.best),
    ]


def job_row(row: work_row.WorkRow) -> list[str]:
    """Return the cells of :data:`JOB_COLUMNS`."""
    kind = " (scheduled)" if row.scheduled else ""
    share = "" if row.share is None else f"{row.share:.0%}"
    return [row.label + kind, row.state, ", ".join(filter(None, (share, row.text)))]


def table_data(columns: Columns, rows: list[list[str]]) -> dict[str, Any]:
    """Return what the App's table component reads."""
    return {"columns": [key for key, _ in columns], "rows": rows}


def table_view(
    columns: Columns,
    actions: Actions = (),
    allowed: Sequence[Sequence[str]] = (),
    call: Callable[..., Any] | None = None,
) -> types.TableView:
    """Build a table whose rows offer only the actions that their state allows."""
    table = types.TableView(variant="outlined", max_inline_actions=2, componentsProps=_NARROW)
    for key, label in columns:
        table.add_column(key, label=label)
    for name, label, icon in actions:
        rows = [name in names for names in allowed]
        if any(rows):
            table.add_row_action(name, call, label=label, icon=icon, tooltip=label, rows=rows)
    return table
