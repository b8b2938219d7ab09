"""Operator ``export_scores``: stored scores of faces or videos as CSV or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fiftyone.core.media as fomm
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files import packages
from ...detector.files.outputs import OutputKind, claim_output, first_line
from ..app.form import Form
from ..dataset import fields, views
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import Workflow

LEVELS = (("face", "one row per face"), ("video", "one row per video"))
_OURS = {"video_id", "label", "p_fake", "checkpoint_sha256", "recipe_hash", "detector"}
_COMMON = ("source_dataset", "method", "compression", "split", "group_id", "pair_id")


@with_paths("path")
def run(
    samples: Any, *, key: str, path: str, level: str = "video", overwrite: bool = False
) -> dict[str, Any]:
    """Write the scores of detector ``key`` on ``samples``; rows without a score keep a reason.

    Args:
        samples: faces dataset or view
        key: detector key
        path: ``.csv`` or ``.parquet``
        level: ``face`` or ``video``; videos without any face are rows too
        overwrite: replace an existing file, where it is such a table

    Returns:
        ``{"path", "rows", "without_score"}``

    Raises:
        ForensicsError: empty view, no scores, bad path, an existing file, a full disk
    """
    from ...detector.scoring.score_tables import write_scores

    target = check(path, level, overwrite)
    view = views.flat(samples)
    names = fields.ScoreFields(key)
    views.require_fields(view, [names.p_fake], "Score faces")
    views.require_samples(view, "faces")
    columns = _faces(view, names) if level == "face" else _videos(view, key, names)
    config = fields.scores_config(views.dataset_of(view), key)
    count = len(columns["p_fake"])
    for name in ("checkpoint_sha256", "recipe_hash"):
        columns[name] = [getattr(config, name, None)] * count
    columns["detector"] = [key] * count
    write_scores(check(target, level, overwrite), columns)
    lost = sum(value is None for value in columns["p_fake"])
    return {"path": str(target), "rows": count, "without_score": lost}


def check(path: Any, level: str, overwrite: bool) -> Path:
    """The file to write, or :class:`ForensicsError` where this could not be written."""
    if level not in [name for name, _ in LEVELS]:
        raise ForensicsError(f"There is no level {level!r}.", "Known: face, video.", "level")
    if str(path).endswith(".parquet"):
        packages.require(packages.PARQUET, "path")
    kinds = (OutputKind(".csv", _is_our_csv), OutputKind(".parquet", _is_our_parquet))
    return claim_output(path, kinds, "path", overwrite)


def _is_our_csv(path: Path) -> bool:
    return set(first_line(path).strip().split(",")) >= _OURS


def _is_our_parquet(path: Path) -> bool:
    parquet = packages.load(packages.PARQUET, "pyarrow.parquet", "path")
    return set(parquet.read_schema(path).names) >= _OURS


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
        field = names.reason if videos.has_field(names.reason) else fields.REASON
        why = dict(zip(*videos.values(["video_id", field]), strict=True))
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
    """Scores as a table that other tools read."""

    label = "Export scores"
    description = "Write a detector's stored scores, with labels and reasons, as CSV or Parquet"
    icon = "download"
    risk = types.RiskLevel.MEDIUM
    run_name = "Export scores of {key} in {dataset}"
    answer = "Scores"

    def fill(self, form: Form, target: Any) -> None:
        if not form.detector():
            return
        form.choice("level", LEVELS, "Rows", "Faces or videos")
        form.text("path", "File", "On the App's machine: .csv, .parquet", required=True)
        form.flag("overwrite", "Overwrite", "An existing file")
        if form.params.get("path"):
            form.check(lambda: check(*(form.value(n) for n in ("path", "level", "overwrite"))))

    def shown(self, ctx: Any, result: Any) -> None:
        """Nothing in the dataset has changed."""

    def show(self, outputs: types.Object, found: dict[str, Any]) -> None:
        text = f"{found['rows']} rows, {found['without_score']} of them without a score"
        outputs.view("done", types.Notice(label=found["path"], description=text))
