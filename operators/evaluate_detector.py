"""Operator ``evaluate_detector``: what stored scores are worth, per dataset and method.

Faces are one level, videos the other. Videos that gave no face are read from the video dataset, so
that they stay in the counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fiftyone as fo
import fiftyone.core.media as fomm
import fiftyone.operators as foo
from fiftyone import ViewField as F
from fiftyone.operators import types

from ..detector.errors import ForensicsError
from ..detector.records import LABELS
from . import fields, forms, views
from .markup import plain

if TYPE_CHECKING:
    import numpy as np

PLUGIN = "@mediaforensics/deepfake"
RUN_PREFIX = "evaluation_"
ALL = "all"


@dataclass(frozen=True)
class Items:
    """Faces or videos to be evaluated, by columns (N,); ``p_fake`` is NaN without a score."""

    label: np.ndarray
    p_fake: np.ndarray
    group: np.ndarray
    source_dataset: np.ndarray
    method: np.ndarray


def run(
    samples: Any,
    *,
    key: str,
    threshold: float = 0.5,
    threshold_from: str = "fixed",
    replicates: int = 1000,
    seed: int = 0,
    write_evaluations: bool = True,
) -> dict[str, Any]:
    """Evaluate the stored scores of detector ``key`` on ``samples``.

    Args:
        samples: faces dataset or view; its videos are those behind these faces, and those videos
            of the same splits and datasets that gave no face
        key: detector key
        threshold: p_fake from which an item counts as fake
        threshold_from: where the threshold comes from, kept with the result
        replicates, seed: of the group bootstrap
        write_evaluations: also write FiftyOne evaluations ``eval_<key>_faces`` and
            ``eval_<key>_videos`` for the Model Evaluation panel

    Returns:
        ``{"rows": [...], "table": str, "run": name, "evaluations": [...]}``; a row is an
        :class:`detector.evaluation.EvaluationRow` as a dict with ``level``, ``source_dataset`` and
        ``method``. A method's row compares its fakes with all reals of the same dataset

    Raises:
        ForensicsError: empty view, no scores, threshold outside [0, 1]
    """
    if not 0.0 <= threshold <= 1.0:
        raise ForensicsError(
            f"The threshold {threshold} is outside [0, 1].", "p_fake is a probability.", "threshold"
        )
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    columns = views.face_scores(view, key)
    faces = Items(
        columns.label, columns.p_fake, columns.group_id, columns.source_dataset, columns.method
    )
    rows = []
    for level, items in (("face", faces), ("video", video_items(view, key))):
        rows += evaluate_items(level, items, threshold, replicates, seed)
    names = _write_evaluations(dataset, view, key, threshold) if write_evaluations else []
    run_name = _record(dataset, view, key, threshold, threshold_from, rows)
    return {"rows": rows, "table": table(rows), "run": run_name, "evaluations": names}


def video_items(view: Any, key: str) -> Items:
    """The videos behind the faces of ``view``, and those of the same kind without any face."""
    import numpy as np

    names = fields.ScoreFields(key)
    dataset = views.dataset_of(view)
    plain = ["video_id", "group_id", "source_dataset", "method", "split"]
    label_path = f"{fields.GROUND_TRUTH}.label"
    rows = {}
    for row in zip(*view.values([*plain, label_path, names.video_p_fake]), strict=True):
        rows[row[0]] = row[1:]
    videos = views.videos_of(dataset)
    if videos is not None and videos.media_type == fomm.VIDEO:
        for row in _videos_without_face(dataset, view, videos, [*plain, label_path]):
            rows[row[0]] = (*row[1:], None)
    found = list(rows.values())
    return Items(
        label=np.array([LABELS.index(row[4]) for row in found], dtype=np.int64),
        p_fake=np.array([np.nan if row[5] is None else row[5] for row in found], dtype=np.float64),
        group=np.array([row[0] or "" for row in found]),
        source_dataset=np.array([row[1] or "" for row in found]),
        method=np.array([row[2] or "" for row in found]),
    )


def _videos_without_face(
    dataset: fo.Dataset, view: Any, videos: fo.Dataset, columns: list[str]
) -> list[tuple[Any, ...]]:
    """Rows of the videos that belong to ``view`` but have no face in the faces dataset.

    They belong to it by dataset and split, unless the view leaves their method out.
    """
    kind = ["source_dataset", "split", "method"]
    everywhere = set(zip(*dataset.values(kind), strict=True))
    chosen = set(zip(*view.values(kind), strict=True))
    filtered_out = everywhere - chosen
    parts = {(source, split) for source, split, _ in chosen}
    cut = set(dataset.distinct("video_id"))
    return [
        row
        for row, what in zip(
            zip(*videos.values(columns), strict=True),
            zip(*videos.values(kind), strict=True),
            strict=True,
        )
        if row[0] not in cut and what[:2] in parts and what not in filtered_out
    ]


def evaluate_items(
    level: str, items: Items, threshold: float, replicates: int, seed: int
) -> list[dict[str, Any]]:
    """Rows for everything, for each dataset, and for each method against its dataset's reals."""
    import numpy as np

    from ..detector.evaluation import evaluate

    real = items.label == 0
    parts: list[tuple[str, str, Any]] = [(ALL, ALL, np.ones(len(real), dtype=bool))]
    for source in np.unique(items.source_dataset):
        here = items.source_dataset == source
        methods = np.unique(items.method[here & ~real])
        if len(np.unique(items.source_dataset)) > 1:
            parts.append((str(source), ALL, here))
        parts += [(str(source), str(m), here & (real | (items.method == m))) for m in methods]
    rows = []
    for source, method, chosen in parts:
        row = evaluate(
            items.label[chosen],
            items.p_fake[chosen],
            items.group[chosen],
            threshold,
            replicates=replicates,
            seed=seed,
        )
        rows.append({"level": level, "source_dataset": source, "method": method, **row.to_json()})
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| level | dataset | method | real | fake | AUROC [95 %] | EER | FPR [95 %] | FNR [95 %] "
        "| coverage |",
        "|---|---|---|---:|---:|---|---:|---|---|---:|",
    ]
    for row in rows:
        eer = "n/a" if row["eer"] is None else f"{row['eer']:.3f}"
        lines.append(
            f"| {row['level']} | {plain(row['source_dataset'])} | {plain(row['method'])} "
            f"| {row['n_real']} "
            f"| {row['n_fake']} | {interval_text(row['auroc'])} | {eer} "
            f"| {interval_text(row['fpr'])} | {interval_text(row['fnr'])} "
            f"| {row['coverage']:.2f} |"
        )
    return "\n".join(lines)


def interval_text(estimate: dict[str, float | None] | None) -> str:
    """``0.912 [0.850, 0.961]``, or ``n/a``."""
    if estimate is None:
        return "n/a"
    if estimate["low"] is None:
        return f"{estimate['value']:.3f} [too few groups]"
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"


def _write_evaluations(dataset: fo.Dataset, view: Any, key: str, threshold: float) -> list[str]:
    """FiftyOne evaluations at face level and, on one face per video, at video level."""
    from .faces_dataset import one_face_per_video

    names = fields.ScoreFields(key)
    levels = (
        ("faces", view, names.p_fake, names.label),
        ("videos", one_face_per_video(view), names.video_p_fake, names.video_label),
    )
    made = []
    for level, part, p_fake, label in levels:
        scored = part.match(F(p_fake) != None)  # noqa: E711 - builds a database query
        if len(scored) == 0:
            continue
        field = label if threshold == 0.5 else _decide(scored, p_fake, label, threshold)
        name = f"eval_{key}_{level}"
        if dataset.has_evaluation(name):
            dataset.delete_evaluation(name)
        scored.evaluate_classifications(
            field,
            gt_field=fields.GROUND_TRUTH,
            eval_key=name,
            method="binary",
            classes=list(LABELS),
            custom_metrics={f"{PLUGIN}/auroc": {}, f"{PLUGIN}/eer": {}},
            progress=False,
        )
        made.append(name)
    return made


def _decide(view: Any, p_fake: str, label: str, threshold: float) -> str:
    """Write the labels at ``threshold`` to a field of their own and return its name."""
    field = f"{label}_decision"
    dataset = views.dataset_of(view)
    if not dataset.has_field(field):
        dataset.add_sample_field(
            field, fo.EmbeddedDocumentField, embedded_doc_type=fo.Classification
        )
    ids, scores = view.values(["id", p_fake])
    decided = {}
    for sample_id, score in zip(ids, scores, strict=True):
        fake = score >= threshold
        decided[sample_id] = fo.Classification(
            label=LABELS[int(fake)], confidence=score if fake else 1.0 - score
        )
    views.set_by_id(dataset, field, decided)
    return field


def _record(
    dataset: fo.Dataset,
    view: Any,
    key: str,
    threshold: float,
    threshold_from: str,
    rows: list[dict[str, Any]],
) -> str:
    """Keep the table with its provenance as a custom run of the dataset."""
    name = RUN_PREFIX + key
    if dataset.has_run(name):
        dataset.delete_run(name)
    scores = dataset.get_run_info(fields.ScoreFields(key).run).config
    config = dataset.init_run(
        method="media_forensics/evaluation",
        key=key,
        threshold=threshold,
        threshold_from=threshold_from,
        rule=scores.rule,
        checkpoint_sha256=scores.checkpoint_sha256,
        recipe_hash=scores.recipe_hash,
    )
    view.register_run(name, config)
    results = dataset.init_run_results(name, rows=rows)
    dataset.save_run_results(name, results, overwrite=True)
    return name


class EvaluateDetector(foo.Operator):
    """Metrics with intervals from stored scores, per dataset and method."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="evaluate_detector",
            label="Evaluate detector",
            description="AUROC, EER, AP and error rates with intervals from the stored scores, at "
            "face and video level, per dataset and method",
            icon="assessment",
            dynamic=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.LOW,
        )

    def __call__(self, samples: Any, *, delegate: bool = False, **params: Any) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`."""
        if delegate:
            return foo.execute_operator(
                self.uri, dict(view=samples.view()), params=params, request_delegation=True
            )
        return run(samples, **params)

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        form = types.Property(inputs, view=types.View(label="Evaluate detector"))
        if forms.check(inputs, {}, lambda: self._faces(ctx)) is None:
            return form
        if forms.detector_choice(inputs, ctx.dataset) is None:
            return form
        threshold = inputs.float(
            "threshold",
            default=0.5,
            label="Threshold",
            description="p_fake from which a face or video counts as fake, 0 to 1",
        )
        value = ctx.params.get("threshold")
        if value is not None and not 0.0 <= value <= 1.0:
            threshold.invalid = True
            threshold.error_message = "p_fake is a probability: choose a threshold from 0 to 1."
        forms.flag(
            inputs,
            "write_evaluations",
            default=True,
            label="For the Model Evaluation panel",
            description="Also write FiftyOne evaluations of the faces and of the videos",
        )
        return form

    @staticmethod
    def _faces(ctx: Any) -> Any:
        forms.require_dataset(ctx, "faces")
        view = views.target(ctx)
        views.require_samples(view, "faces")
        return view

    def resolve_run_name(self, ctx: Any) -> str:
        """Label of the queued job."""
        return f"Evaluate {ctx.params.get('key')} on {ctx.dataset.name}"

    def execute(self, ctx: Any) -> dict[str, Any]:
        names = ("key", "threshold", "replicates", "seed", "write_evaluations", "threshold_from")
        params = {k: ctx.params[k] for k in names if ctx.params.get(k) is not None}
        result = run(self._faces(ctx), **params)
        if not ctx.delegated and ctx.executor:
            ctx.ops.reload_dataset()
        return result

    def resolve_output(self, ctx: Any) -> types.Property:
        outputs = types.Object()
        found = ctx.results or {}
        if found.get("table"):
            outputs.view("table", types.MarkdownView(label=""))
            outputs.str("table", view=types.MarkdownView())
        return types.Property(outputs, view=types.View(label="Evaluation"))
