"""Defines the operator ``import_scores``: another detector's scores, audited like our own."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files.paths import given
from ...detector.records import Reason
from ...detector.scoring.score_tables import AUTO, ScoreTable
from ...detector.text.markdown import plain
from ..app.form import Form, chosen_path
from ..app.open_dataset import require_dataset
from ..dataset import fields, score_state, views
from ..dataset.dataset_changes import changing, declare as declare_fields
from ..dataset.lease import exclusively
from ..dataset.video_scores import RULES, declare, write_video_scores
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import Workflow
from ..thresholds import spans
from . import score_claim
from .score_direction import require_fake_above_real
from .score_matching import match, require_one_truth

SCALES = (("probability", "p_fake, 0 to 1"), ("logit", "a logit: its sigmoid is taken"))
CLASSES = (
    (AUTO, "as the column's name says, else fake"),
    ("fake", "fake"),
    ("real", "real: the scores are turned"),
)


@with_paths("path")
@exclusively(lambda samples, key, **_: (views.dataset_of(samples), f"score with {key}, import"))
def run(
    samples: Any,
    *,
    path: str,
    key: str,
    scale: str = "probability",
    rule: str = "mean",
    overwrite: bool = False,
    column: str | None = None,
    scores_of: str = AUTO,
) -> dict[str, Any]:
    """Write the scores of a table as those of detector ``key``.

    Logits are stored in ``K_margin``, from which ranks are computed. For a table of faces, ``rule``
    gives the video scores. A table of videos gives every face of a video the video's score, so that
    tables and panels at video level work; scores of single faces are then meaningless. Faces that
    the table lacks have no score, with the reason ``not_scored``.

    Args:
        samples: faces dataset
        path: CSV, TSV, JSON (lines), Parquet or Excel, see :mod:`detector.scoring.score_tables`;
            rows are matched by id, by video, or by the end of their path
        key: field key
        scale: ``probability`` or ``logit``
        rule: video score rule for tables of faces
        overwrite: replace the scores that ``key`` holds
        column: column with the scores, if the column names do not tell
        scores_of: what high scores mean: ``fake``, ``real`` (they are turned), or ``auto``: what
            the column's name says, else ``fake``, unless the dataset's labels clearly speak against
            it

    Returns:
        ``{"key", "level", "column", "matched", "without_score", "not_in_dataset", "ambiguous",
        "not_in_table", "videos", "other_truth", "remarks"}``; ``matched`` to ``not_in_table`` count
        rows, faces or videos by ``level``; ``other_truth`` the faces with another true label in the
        table; ``remarks`` say how the table was understood

    Raises:
        ForensicsError: a bad table (names the line), no row that matches, ``key`` is taken, or
            scores that by the labels here are higher for reals
    """
    from ...detector.files.hashes import file_sha256
    from ...detector.scoring.score_tables import read_scores

    view = views.flat(samples)
    dataset = views.dataset_of(view)
    views.require_faces(view)
    views.require_fields(view, ["video_id"], "Import deepfake dataset")
    views.require_samples(view, "faces")
    names = fields.ScoreFields(key)
    table = read_scores(path, scale, column, scores_of)
    sha256 = file_sha256(path)
    _require_free(dataset, names, sha256, overwrite)
    found = match(dataset, table)
    if not found.by_id:
        raise ForensicsError(
            f"No row of {Path(path).name} fits {dataset.name!r} by {', '.join(table.key_columns)}.",
            f"The dataset has, for example, {found.asked}; the table {table.keys[0]}.",
            "path",
        )
    stated = bool(column) or scores_of != AUTO
    other = 0 if stated else require_one_truth(dataset, table, found)
    order = require_fake_above_real(dataset, table, found, scores_of)
    with changing(dataset):
        score_claim.require_alone(dataset, key)
        _require_free(dataset, names, sha256, overwrite)  # another process may have taken it since
        score_claim.begin(
            dataset,
            key,
            left=score_state.WRITING,
            detector=f"imported from {Path(path).name}",
            checkpoint_sha256=f"table:{sha256}",
            table_level=found.level,
            table_column=table.score_column,
            recipe_hash=None,
            rule=rule if found.level == "face" else "given by the table",
            date=datetime.date.today().isoformat(),
        )
        declare(dataset, names, embeddings=False)
        if table.margin is not None:
            declare_fields(dataset, {names.margin: fo.FloatField})
    ids, of = dataset.values(["id", "video_id"])
    there = {i: row for i, row in found.by_id.items() if not np.isnan(table.p_fake[row])}
    views.set_by_id(dataset, names.p_fake, {i: float(table.p_fake[r]) for i, r in there.items()})
    if table.margin is not None:
        margins = {i: float(table.margin[r]) for i, r in there.items()}
        views.set_by_id(dataset, names.margin, {i: m for i, m in margins.items() if m == m})
    labels = {i: fields.classification(float(table.p_fake[r])) for i, r in there.items()}
    views.set_by_id(dataset, names.label, labels)
    lost = {i: _reason(table, found.by_id.get(i)) for i in ids if i not in there}
    views.set_by_id(dataset, names.reason, lost)
    videos = write_video_scores(dataset, key, rule)
    spans.refresh(dataset, key)
    rows = set(found.by_id.values())
    missing = [v if found.level == "video" else i for i, v in zip(ids, of, strict=True)]
    missing = {m for m, i in zip(missing, ids, strict=True) if i not in found.by_id}
    return {
        "key": key,
        "level": found.level,
        "column": table.score_column,
        "matched": len(rows),
        "without_score": sum(bool(np.isnan(table.p_fake[row])) for row in rows),
        "not_in_dataset": len(table.keys) - len(rows) - len(found.ambiguous),
        "ambiguous": len(found.ambiguous),
        "not_in_table": len(missing),
        "videos": videos,
        "other_truth": other,
        "remarks": [*table.remarks, order] if order else list(table.remarks),
    }


def _reason(table: ScoreTable, row: int | None) -> str:
    text = "" if row is None else table.reasons[row]
    return text if text in {reason.value for reason in Reason} else Reason.NOT_SCORED.value


def _require_free(
    dataset: fo.Dataset, names: fields.ScoreFields, sha256: str, overwrite: bool
) -> None:
    old = fields.scores_config(dataset, names.key)
    if old is None or overwrite:
        return
    if getattr(old, "checkpoint_sha256", None) != f"table:{sha256}":
        raise ForensicsError(
            f"The key {names.key!r} holds other scores.",
            "Choose another key, or allow overwriting.",
            "key",
        )


class ImportScores(Workflow):
    """Operator that imports a table of another detector's scores as fields."""

    label = "Import scores"
    description = (
        "Read another detector's scores of these videos or faces from a table, "
        "to audit and compare them like ours"
    )
    icon = "upload"
    risk = types.RiskLevel.MEDIUM
    run_name = "Import scores as {key} into {dataset}"
    answer = "Scores"

    def target(self, ctx: Any) -> Any:
        return require_dataset(ctx, "faces").view()

    def arguments(self, ctx: Any) -> dict[str, Any]:
        return {**super().arguments(ctx), "path": chosen_path(ctx.params.get("path"))}

    def fill(self, form: Form, target: Any) -> None:
        form.path("path", "Table", "CSV, TSV, JSON, Parquet or Excel")
        form.text("key", "Key", "Name of the fields that are written", required=True)
        form.choice("scale", SCALES, "Scale", "Of scores")
        form.text("column", "Score column", "If the column names do not show it")
        form.choice("scores_of", CLASSES, "Scores of", "What a high score means")
        form.choice("rule", RULES, "Video score", "Where the table has one row per face")
        form.flag("overwrite", "Overwrite", "An earlier import")
        if form.params.get("key"):
            form.check(lambda: fields.ScoreFields(form.params["key"]))
        if chosen_path(form.params.get("path")):
            form.check(lambda: _preview(form, target))

    def show(self, outputs: types.Object, found: dict[str, Any]) -> None:
        text = (
            f"{found['without_score']} of them without a score; {found['not_in_dataset']} rows "
            f"match nothing here, {found['ambiguous']} match several; {found['not_in_table']} "
            f"{found['level']}s are not in the table"
        )
        label = f"{found['matched']} {found['level']}s as {found['key']!r}"
        if found["other_truth"]:
            text += f"; {found['other_truth']} faces have another true label in the table"
        text = ". ".join([text, *found["remarks"]])
        outputs.view("done", types.Notice(label=label, description=text))


def _preview(form: Form, view: Any) -> None:
    """Show what matches before anything is written."""
    from ...detector.scoring.score_tables import read_scores

    path = given(chosen_path(form.params["path"]), "path")
    column, scores_of = form.params.get("column") or None, form.value("scores_of")
    table = read_scores(path, form.value("scale"), column, scores_of)
    dataset = views.dataset_of(view)
    found = match(dataset, table)
    rows, fitting = len(table.keys), set(found.by_id.values())
    lost = [table.keys[r] for r in range(rows) if r not in fitting and r not in found.ambiguous]
    text = f"Scores of the column {table.score_column!r}, by {', '.join(table.key_columns)}."
    if lost:
        text += f" Not in the dataset: {len(lost)} rows, for example {lost[0]}."
    if found.ambiguous:
        text += f" {len(found.ambiguous)} rows match several {found.level}s and give no score."
    stated = bool(column) or scores_of != AUTO
    other = 0 if stated else require_one_truth(dataset, table, found)
    order = require_fake_above_real(dataset, table, found, scores_of)
    if other:
        text += f" {other} faces have another true label in the table than here."
    text = " ".join([text, *table.remarks, order]).strip()
    form.notice("found", f"{len(fitting)} of {rows} rows fit {found.level}s here", plain(text))
