"""Operator ``import_scores``: another detector's scores as fields, audited like our own."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fiftyone as fo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files.paths import given
from ..app.form import Form, chosen_path
from ..app.open_dataset import require_dataset
from ..dataset import fields, score_state, views
from ..dataset.dataset_changes import changing
from ..dataset.lease import exclusively
from ..dataset.video_scores import RULES, declare, write_video_scores
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import Workflow
from . import score_claim

SCALES = (("probability", "p_fake, 0 to 1"), ("logit", "a logit: its sigmoid is taken"))


@with_paths("path")
@exclusively(
    lambda samples, key, **_: (views.dataset_of(samples).name, f"score with {key}, import")
)
def run(
    samples: Any,
    *,
    path: str,
    key: str,
    scale: str = "probability",
    rule: str = "mean",
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the scores of a CSV or Parquet file as those of detector ``key``.

    A table of faces gives video scores by ``rule``. A table of videos gives every face of a video
    the video's score, so that tables and panels at video level work; its faces then say nothing of
    their own. What the table lacks keeps no score, with the reason ``not_scored``.

    Args:
        samples: faces dataset
        path: ``.csv`` or ``.parquet``, see :mod:`detector.scoring.score_tables`
        key: field key
        scale: ``probability`` or ``logit``
        rule: video score rule, for tables of faces
        overwrite: replace the scores that ``key`` holds

    Returns:
        ``{"key", "level", "matched", "without_score", "not_in_dataset", "not_in_table",
        "videos"}``; the last but one counts faces or videos

    Raises:
        ForensicsError: a bad table (line named), no row that fits the dataset, ``key`` is taken
    """
    from ...detector.files.hashes import file_sha256
    from ...detector.scoring.score_tables import read_scores

    view = views.flat(samples)
    dataset = views.dataset_of(view)
    views.require_fields(view, ["video_id"], "Import deepfake dataset")
    views.require_samples(view, "faces")
    names = fields.ScoreFields(key)
    table = read_scores(path, scale)
    sha256 = file_sha256(path)
    _require_free(dataset, names, sha256, overwrite)
    by_key = dict(zip(table.keys, zip(table.p_fake, table.reasons, strict=True), strict=True))
    rows = _rows(dataset, table.key_columns, set(by_key))
    matched = {row for row in rows.values() if row in by_key}
    if not matched:
        raise ForensicsError(
            f"No row of {Path(path).name} fits {dataset.name!r} by {', '.join(table.key_columns)}.",
            f"The dataset has, for example, {next(iter(rows.values()))}; the table "
            f"{table.keys[0]}.",
            "path",
        )
    with changing(dataset):
        score_claim.require_alone(dataset, key)
        _require_free(dataset, names, sha256, overwrite)  # another process may have been faster
        score_claim.begin(
            dataset,
            key,
            left=score_state.WRITING,
            detector=f"imported from {Path(path).name}",
            checkpoint_sha256=f"table:{sha256}",
            table_level=table.level,
            recipe_hash=None,
            rule=rule if table.level == "face" else "given by the table",
            date=datetime.date.today().isoformat(),
        )
        declare(dataset, names, embeddings=False)
    scores = {i: float(by_key[row][0]) for i, row in rows.items() if row in by_key}
    there = {i: p for i, p in scores.items() if p == p}
    views.set_by_id(dataset, names.p_fake, there)
    labels = {i: fields.classification(p) for i, p in there.items()}
    views.set_by_id(dataset, names.label, labels)
    lost = {i: _reason(by_key.get(row)) for i, row in rows.items() if i not in there}
    views.set_by_id(dataset, names.reason, lost)
    videos = write_video_scores(dataset, key, rule)
    return {
        "key": key,
        "level": table.level,
        "matched": len(matched),
        "without_score": sum(1 for k in matched if by_key[k][0] != by_key[k][0]),
        "not_in_dataset": len(by_key) - len(matched),
        "not_in_table": len({row for row in rows.values() if row not in by_key}),
        "videos": videos,
    }


def _reason(entry: tuple[float, str] | None) -> str:
    from ...detector.records import Reason

    text = "" if entry is None else entry[1]
    return text if text in {r.value for r in Reason} else Reason.NOT_SCORED.value


def _rows(
    dataset: fo.Dataset, key_columns: Sequence[str], wanted: set[tuple[Any, ...]]
) -> dict[str, tuple[Any, ...]]:
    """The table's key of every face, by sample id.

    Raises:
        ForensicsError: a frame with several faces, and a table that does not tell them apart
    """
    ids, *columns = dataset.values(["id", *key_columns])
    rows = dict(zip(ids, zip(*columns, strict=True), strict=True))
    if tuple(key_columns) == ("video_id", "frame_number"):
        twice = [k for k, n in Counter(rows.values()).items() if n > 1 and k in wanted]
        if twice:
            raise ForensicsError(
                f"The frame {twice[0]} has several faces; the table does not say which one it "
                "scored.",
                "Add the column face_index.",
                "path",
            )
    return rows


def _require_free(
    dataset: fo.Dataset, names: fields.ScoreFields, sha256: str, overwrite: bool
) -> None:
    if not dataset.has_run(names.run) or overwrite:
        return
    old = dataset.get_run_info(names.run).config
    if getattr(old, "checkpoint_sha256", None) != f"table:{sha256}":
        raise ForensicsError(
            f"The key {names.key!r} holds other scores.",
            "Choose another key, or allow overwriting.",
            "key",
        )


class ImportScores(Workflow):
    """A table of another detector's scores, as fields."""

    label = "Import scores"
    description = (
        "Read another detector's scores of these videos or faces from CSV or "
        "Parquet, to audit and compare them like ours"
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
        form.path("path", "Table", ".csv or .parquet")
        form.text("key", "Key", "Name of the fields that are written", required=True)
        form.choice("scale", SCALES, "Scale", "Of scores")
        form.choice("rule", RULES, "Video score", "Where the table has one row per face")
        form.flag("overwrite", "Overwrite", "An earlier import")
        if form.params.get("key"):
            form.check(lambda: fields.ScoreFields(form.params["key"]))
        if chosen_path(form.params.get("path")):
            form.check(lambda: _preview(form))

    def show(self, outputs: types.Object, found: dict[str, Any]) -> None:
        text = (
            f"{found['without_score']} of them without a score; {found['not_in_dataset']} rows "
            f"fit nothing here; {found['not_in_table']} {found['level']}s are not in the table"
        )
        label = f"{found['matched']} {found['level']}s as {found['key']!r}"
        outputs.view("done", types.Notice(label=label, description=text))


def _preview(form: Form) -> None:
    from ...detector.scoring.score_tables import read_scores

    path = given(chosen_path(form.params["path"]), "path")
    table = read_scores(path, form.value("scale"))
    columns = ", ".join(table.key_columns)
    form.notice("found", f"{len(table.keys)} {table.level}s by {columns}")
