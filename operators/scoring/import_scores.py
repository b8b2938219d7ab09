"""Operator ``import_scores``: another detector's scores as fields, audited like our own."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files.paths import given
from ..app import forms
from ..dataset import fields, score_state, views
from ..dataset.dataset_changes import changing
from ..dataset.lease import exclusively
from ..dataset.video_scores import RULES, declare, write_video_scores
from ..jobs import from_python
from ..jobs.path_arguments import with_paths
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


class ImportScores(foo.Operator):
    """A table of another detector's scores, as fields."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="import_scores",
            label="Import scores",
            description="Read another detector's scores of these videos or faces from CSV or "
            "Parquet, to audit and compare them like ours",
            icon="upload",
            dynamic=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.MEDIUM,
        )

    def __call__(self, samples: Any, *, delegate: bool = False, **params: Any) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`."""
        return from_python.call(self, run, samples, params, delegate=delegate)

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        form = types.Property(inputs, view=types.View(label="Import scores"))
        if forms.check(inputs, {}, lambda: forms.require_dataset(ctx, "faces")) is None:
            return form
        about = {"required": True, "label": "Table", "description": ".csv or .parquet"}
        if isinstance(ctx.params.get("path"), str):
            path = inputs.str("path", **about)
        else:
            path = inputs.file("path", view=types.FileExplorerView(button_label="Choose"), **about)
        key = inputs.str(
            "key", required=True, label="Key", description="Name of the fields that are written"
        )
        forms.choice(
            inputs, "scale", SCALES, default="probability", label="Scale", description="Of scores"
        )
        forms.choice(
            inputs,
            "rule",
            RULES,
            default="mean",
            label="Video score",
            description="Where the table has one row per face",
        )
        forms.flag(
            inputs, "overwrite", default=False, label="Overwrite", description="An earlier import"
        )
        if ctx.params.get("key"):
            forms.check(inputs, {"key": key}, lambda: fields.ScoreFields(ctx.params["key"]))
        if _path_of(ctx.params):
            forms.check(inputs, {"path": path}, lambda: _preview(inputs, ctx.params))
        return form

    def resolve_run_name(self, ctx: Any) -> str:
        """Label of the queued job."""
        return f"Import scores as {ctx.params.get('key')} into {ctx.dataset.name}"

    def execute(self, ctx: Any) -> dict[str, Any]:
        forms.require_dataset(ctx, "faces")
        names = ("key", "scale", "rule", "overwrite")
        params = {k: ctx.params[k] for k in names if ctx.params.get(k) is not None}
        result = run(ctx.dataset.view(), path=_path_of(ctx.params), **params)
        if not ctx.delegated and ctx.executor:
            ctx.ops.reload_dataset()
        return result

    def resolve_output(self, ctx: Any) -> types.Property:
        outputs, found = types.Object(), ctx.results or {}
        if found:
            text = (
                f"{found['without_score']} of them without a score; {found['not_in_dataset']} rows "
                f"fit nothing here; {found['not_in_table']} {found['level']}s are not in the table"
            )
            label = f"{found['matched']} {found['level']}s as {found['key']!r}"
            outputs.view("done", types.Notice(label=label, description=text))
        return types.Property(outputs, view=types.View(label="Scores"))


def _path_of(form: dict[str, Any]) -> str:
    path = form.get("path")
    if isinstance(path, dict):
        path = path.get("absolute_path")
    return str(path or "").strip()


def _preview(inputs: types.Object, form: dict[str, Any]) -> None:
    from ...detector.scoring.score_tables import read_scores

    table = read_scores(given(_path_of(form), "path"), form.get("scale") or "probability")
    inputs.view(
        "found",
        types.Notice(label=f"{len(table.keys)} {table.level}s by {', '.join(table.key_columns)}"),
    )
