"""Defines the operator ``export_scores``: stored scores as a table, in the shape of any tool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fiftyone.core.media as fomm
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files import packages
from ...detector.files.outputs import OutputKind, claim_output, first_line, json_lines_with
from ...detector.scoring.table_shapes import FULL, KEYS, SAMPLE_ID, SHAPES
from ..app.checks import require_known
from ..app.form import Form
from ..app.markup import plain
from ..dataset import fields, views
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import Workflow
from . import scored_rows

LEVELS = (("face", "one row per face"), ("video", "one row per video"))
PREVIEWED = 3  # number of rows
_OURS = {"video_id", "label", "p_fake", "checkpoint_sha256", "recipe_hash", "detector"}
_COMMON = ("source_dataset", "method", "compression", "split", "group_id", "pair_id")


@with_paths("path")
def run(
    samples: Any,
    *,
    key: str,
    path: str,
    level: str = "video",
    overwrite: bool = False,
    shape: str = FULL,
    by: str | None = None,
) -> dict[str, Any]:
    """Write the scores of detector ``key`` on ``samples``, from margins in full precision.

    Args:
        samples: faces dataset or view
        key: detector key
        path: ``.csv``, ``.tsv``, ``.parquet``, ``.jsonl`` or ``.xlsx``
        level: ``face`` or ``video``; videos without any face get rows too
        overwrite: whether to replace an existing file if it is such a table of :data:`FULL`; a
            table in another tool's shape is never replaced, because nothing shows whose it is
        shape: :data:`FULL` (every column, rows without a score with their reason) or one of
            :data:`detector.scoring.table_shapes.SHAPES`
        by: what the rows of that shape are keyed by, one of
            :data:`detector.scoring.table_shapes.KEYS`; by default as usual for the shape

    Returns:
        ``{"path", "rows", "without_score", "left_out"}``; ``left_out`` counts the rows without a
        score if the shape has no place for them

    Raises:
        ForensicsError: if the view is empty, there are no scores, the path is bad, the file exists,
            the disk is full, two rows have the same key, or the dataset does not know a key
    """
    from ...detector.scoring.score_tables import write_scores
    from ...detector.scoring.table_shapes import shaped

    target = check(path, level, overwrite, shape, by)
    view = views.flat(samples)
    names = fields.ScoreFields(key)
    views.require_fields(view, [names.p_fake], "Score faces")
    views.require_samples(view, "faces")
    if shape == FULL:
        columns = _faces(view, names) if level == "face" else _videos(view, key, names)
        config = fields.scores_config(views.dataset_of(view), key)
        count = len(columns["p_fake"])
        for name in ("checkpoint_sha256", "recipe_hash"):
            columns[name] = [getattr(config, name, None)] * count
        columns["detector"] = [key] * count
        lost, left_out = sum(value is None for value in columns["p_fake"]), 0
    else:
        rows = scored_rows.of_view(view, key, level, by or SHAPES[shape].key)
        columns = shaped(rows, shape)
        count = len(next(iter(columns.values())))
        lost = len(rows) - int(rows.scored.sum())
        left_out = len(rows) - count
    write_scores(check(target, level, overwrite, shape, by), columns)
    return {"path": str(target), "rows": count, "without_score": lost, "left_out": left_out}


def check(path: Any, level: str, overwrite: bool, shape: str, by: str | None) -> Path:
    """Return the file to write; raise :class:`ForensicsError` if it could not be written."""
    from ...detector.scoring.score_tables import FORMATS, require_package

    require_known("level", level, [name for name, _ in LEVELS])
    require_known("shape", shape, [FULL, *SHAPES])
    if by is not None:
        require_known("by", by, [name for name, _ in KEYS])
        if by == SAMPLE_ID and level == "video":
            raise ForensicsError(
                "A video has no sample id in a dataset of faces.", "Choose another key.", "by"
            )
    ours = _OURS_BY_SUFFIX if shape == FULL else {}
    kinds = [OutputKind(suffix, ours.get(suffix, lambda _: False)) for suffix in FORMATS]
    target = claim_output(path, kinds, "path", overwrite)
    require_package(target)
    return target


def _is_our_text(path: Path) -> bool:
    return set(first_line(path).strip().split("\t" if path.suffix == ".tsv" else ",")) >= _OURS


def _is_our_parquet(path: Path) -> bool:
    parquet = packages.load(packages.PARQUET, "pyarrow.parquet", "path")
    return set(parquet.read_schema(path).names) >= _OURS


_OURS_BY_SUFFIX = {
    ".csv": _is_our_text,
    ".tsv": _is_our_text,
    ".jsonl": json_lines_with(*_OURS).is_ours,
    ".parquet": _is_our_parquet,
}


def _faces(view: Any, names: fields.ScoreFields) -> dict[str, list[Any]]:
    dataset = views.dataset_of(view)
    own = [n for n in (names.margin, names.angle) if dataset.has_field(n)]
    plain = ["video_id", "frame_number", "face_index", "track", "filepath", *_COMMON]
    label = f"{fields.GROUND_TRUTH}.label"
    reason = [names.reason] if dataset.has_field(names.reason) else []
    got = view.values([*plain, label, names.p_fake, *own, *reason])
    titles = [
        *plain,
        "label",
        "p_fake",
        *(n.removeprefix(f"{names.key}_") for n in [*own, *reason]),
    ]
    columns = dict(zip(titles, got, strict=True))
    columns.setdefault("reason", [None] * len(columns["p_fake"]))
    columns["reason"] = [
        (r or "not_scored") if p is None else None
        for r, p in zip(columns["reason"], columns["p_fake"], strict=True)
    ]
    return columns


def _videos(view: Any, key: str, names: fields.ScoreFields) -> dict[str, list[Any]]:
    import numpy as np

    from ...detector.records import LABELS
    from ..dataset.scored_items import all_videos

    items = all_videos(view, key)
    names_of = items.names.tolist()
    p_fake = [None if np.isnan(p) else float(p) for p in items.p_fake]
    why: dict[str, str] = {}
    videos = views.videos_of(views.dataset_of(view))
    if videos is not None and videos.media_type == fomm.VIDEO:
        own = fields.here(videos, fields.REASON)
        field = names.reason if videos.has_field(names.reason) else own
        why = dict(zip(*videos.values([fields.here(videos, "video_id"), field]), strict=True))
    return {
        "video_id": names_of,
        "label": [LABELS[code] if code >= 0 else None for code in items.label],
        "p_fake": p_fake,
        "reason": [
            (why.get(v) or "not_scored") if p is None else None
            for v, p in zip(names_of, p_fake, strict=True)
        ],
        **{
            name: items.texts[name].texts().tolist()
            for name in ("source_dataset", "method", "compression", "split")
        },
        "group_id": items.group.texts().tolist(),
    }


class ExportScores(Workflow):
    """Operator that writes scores as a table for other tools."""

    label = "Export scores"
    description = (
        "Write a detector's stored scores as a table: ours, or in the shape of GenD, DeepfakeBench "
        "or DFDC"
    )
    icon = "download"
    risk = types.RiskLevel.MEDIUM
    run_name = "Export scores of {key} in {dataset}"
    answer = "Scores"

    def fill(self, form: Form, target: Any) -> None:
        if not form.detector():
            return
        form.choice("level", LEVELS, "Rows", "Faces or videos")
        shapes = [(FULL, "ours, with every column"), *((s.name, s.label) for s in SHAPES.values())]
        form.choice("shape", shapes, "Shape", "The columns of the table")
        shape = form.value("shape")
        if shape in SHAPES:
            text = "What identifies the face or video of a row"
            form.choice("by", KEYS, "Rows are keyed by", text, default=SHAPES[shape].key)
        text = "On the App's machine: .csv, .tsv, .parquet, .jsonl, .xlsx"
        form.text("path", "File", text, required=True)
        if shape == FULL:
            form.flag("overwrite", "Overwrite", "An existing table of this plugin")
        if form.params.get("path"):
            overwrite = shape == FULL and bool(form.params.get("overwrite"))
            form.check(
                lambda: check(form.value("path"), form.value("level"), overwrite, shape, None)
            )
        if shape in SHAPES:
            form.check(lambda: _preview(form, target, shape))

    def arguments(self, ctx: Any) -> dict[str, Any]:
        found = super().arguments(ctx)
        return {k: v for k, v in found.items() if k != "by" or found.get("shape", FULL) != FULL}

    def shown(self, ctx: Any, result: Any) -> None:
        """Do nothing; the dataset has not changed."""

    def show(self, outputs: types.Object, found: dict[str, Any]) -> None:
        text = f"{found['rows']} rows, {found['without_score']} of them without a score"
        if found["left_out"]:
            text = f"{found['rows']} rows; {found['left_out']} without a score are left out"
        outputs.view("done", types.Notice(label=found["path"], description=text))


def _preview(form: Form, target: Any, shape: str) -> None:
    """Show the first rows as they will be written."""
    from ...detector.scoring.table_shapes import shaped

    by = form.params.get("by") or SHAPES[shape].key
    check("preview.csv", form.value("level"), False, shape, by)
    rows = scored_rows.of_view(
        views.flat(target), form.params["key"], form.value("level"), by, first=PREVIEWED
    )
    columns = shaped(rows, shape)
    lines = [", ".join(columns)]
    for row in list(zip(*columns.values(), strict=True))[:PREVIEWED]:
        lines.append(", ".join("" if value is None else str(value) for value in row))
    form.notice("preview", "First rows", plain(" | ".join(lines)))
