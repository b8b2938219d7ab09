"""Operator ``export_report``: one page and its tables for a dataset or a case."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators import types

from ...detector.audit import threshold as audit_threshold
from ...detector.audit.units import LEVELS
from ...detector.errors import ForensicsError
from ...detector.files.outputs import claim_folder
from ...detector.files.paths import one_part
from ..app import forms
from ..app.progress import Progress, ShouldStop, never, silent
from ..dataset import face_columns, views
from ..evaluation.stored_thresholds import stored_of
from ..jobs import from_python, job as jobs
from ..jobs.delegated import in_app, stop_of
from ..jobs.path_arguments import with_paths


def default_folder(dataset: fo.Dataset, key: str) -> Path:
    """A new folder for a report of ``dataset``."""
    root = Path(fo.config.default_dataset_dir) / "media_forensics" / "reports"
    return root / f"{one_part(dataset.name)}-{key}-{time.strftime('%Y%m%d-%H%M%S')}"


@with_paths("folder")
def run(
    samples: Any,
    *,
    key: str,
    folder: str | None = None,
    level: str = "video",
    threshold: float | None = None,
    threshold_from: str | None = None,
    breakdowns: list[str] | None = None,
    examples: int = 12,
    blur: bool = False,
    hash_files: bool = True,
    title: str = "",
    note: str = "",
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Write a report of the stored scores of detector ``key`` on ``samples``.

    The folder gets ``report.html`` (self-contained: opens offline, prints, runs nothing),
    ``report.json``, ``rates.csv``, ``videos.csv`` and ``SHA256SUMS``. It appears complete or not
    at all.

    Args:
        samples: faces dataset or view, or a video dataset or view (a case)
        key: detector key
        folder: a folder that does not exist yet, or is empty; a new one by default
        level: ``face``, ``person`` or ``video``: what the rates count
        threshold: p_fake from which a unit counts as fake
        threshold_from: a source of :mod:`detector.audit.threshold`; by default ``hand`` where a
            threshold is given, else the calibrated one, else that of the last evaluation, else 0.5
        breakdowns: fields with a table of their own; the quality fields by default
        examples: faces shown per kind of error
        blur: blur the faces that are shown
        hash_files: write the sha256 of every video file (reads them all)
        title, note: shown on top
        progress, should_stop: see :mod:`operators.app.progress`

    Returns:
        ``{"folder", "html", "videos", "not_scored", "files": {name: sha256}}``

    Raises:
        ForensicsError: nothing scored, or an argument that does not hold
        Cancelled: stopped by the user; nothing is written
    """
    from .contents import Settings
    from .facts import collect, named
    from .files import write

    view = views.flat(samples)
    dataset = views.dataset_of(view)
    _check(level, threshold, examples)
    target = claim_folder(folder or default_folder(dataset, key), "folder")
    source = threshold_from or _source(dataset, key, threshold)
    settings = Settings(
        key=key,
        level=level,
        source=source,
        threshold=0.5 if threshold is None else threshold,
        breakdowns=None if breakdowns is None else tuple(breakdowns),
        examples=examples,
        blur=blur,
        hash_files=hash_files,
        title=title,
        note=note,
    )
    facts = collect(view, named(settings, f"Report on {dataset.name}"), progress, should_stop)
    hashes = write(claim_folder(target, "folder"), facts)
    return {
        "folder": str(target),
        "html": str(target / "report.html"),
        "videos": len(facts.videos),
        "not_scored": sum(video.p_fake is None for video in facts.videos),
        "files": hashes,
    }


def _check(level: str, threshold: float | None, examples: int) -> None:
    if level not in LEVELS:
        raise ForensicsError(
            f"There is no level {level!r}.", f"Known: {', '.join(LEVELS)}.", "level"
        )
    if threshold is not None and not 0 <= threshold <= 1:
        raise ForensicsError(
            f"The threshold {threshold} is outside [0, 1].", "p_fake is a probability.", "threshold"
        )
    if examples < 0:
        raise ForensicsError(f"examples is {examples}.", "It must be 0 or more.", "examples")


def _source(dataset: fo.Dataset, key: str, threshold: float | None) -> str:
    """Where the threshold comes from unless it is said."""
    if threshold is not None:
        return audit_threshold.HAND
    return stored_of(face_columns.source_of(dataset).faces, key).latest


class ExportReport(foo.Operator):
    """A page and tables of what was examined, found, and not scored."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="export_report",
            label="Export report",
            description="One self-contained page with tables, plots and examples, and CSV and JSON "
            "beside it: what was examined, how, at which threshold, with which errors",
            icon="summarize",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.MEDIUM,
        )

    def __call__(
        self,
        samples: Any,
        *,
        delegate: bool = False,
        progress: Progress | None = None,
        **params: Any,
    ) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`."""
        return from_python.call(
            self, run, samples, params, delegate=delegate, progress=progress, bar="report"
        )

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        form = types.Property(inputs, view=types.View(label="Export report"))
        source = forms.check(inputs, {}, lambda: self._source(ctx))
        if source is None or forms.detector_choice(inputs, source.faces) is None:
            return form
        views.target(ctx)  # offers dataset, view or selection
        key = ctx.params.get("key")
        inputs.str("title", label="Title", description="Of the report; the dataset's name if empty")
        inputs.str("note", label="Note", description="Shown under the title")
        forms.choice(
            inputs,
            "level",
            [(level, f"per {level}") for level in LEVELS],
            default="video",
            label="Judged",
            description="What the error rates count",
        )
        key = key or face_columns.detector_keys(source.faces)[-1]
        origins = audit_threshold.sources(stored_of(source.faces, key))
        forms.choice(
            inputs,
            "threshold_from",
            origins,
            default=_source(ctx.dataset, key, None),
            label="Threshold from",
            description="Stands in the report beside every rate",
        )
        threshold = None
        if ctx.params.get("threshold_from") == audit_threshold.HAND:
            threshold = inputs.float(
                "threshold", default=0.5, label="Threshold", description="On p_fake, 0 to 1"
            )
        inputs.int(
            "examples",
            default=12,
            min=0,
            label="Examples",
            description="Faces shown per kind of error",
        )
        forms.flag(
            inputs,
            "blur",
            default=False,
            label="Blur faces",
            description="Persons cannot be recognised in the examples",
        )
        forms.flag(
            inputs,
            "hash_files",
            default=True,
            label="Hash the video files",
            description="sha256 of every file; reads them all",
        )
        folder = inputs.str(
            "folder", label="Folder", description="A new or empty folder; a default one if empty"
        )
        properties = {"folder": folder}
        if threshold is not None:
            properties["threshold"] = threshold
        forms.check(inputs, properties, lambda: self._checked(ctx.params))
        return form

    @staticmethod
    def _source(ctx: Any) -> face_columns.Source:
        forms.require_dataset(ctx)
        source = face_columns.source_of(ctx.dataset)
        face_columns.detector_keys(source.faces)
        return source

    @staticmethod
    def _checked(form: dict[str, Any]) -> None:
        _check(form.get("level") or "video", form.get("threshold"), form.get("examples") or 0)
        if form.get("folder"):
            claim_folder(form["folder"], "folder")

    def resolve_run_name(self, ctx: Any) -> str:
        """Label of the queued job."""
        return f"Report on {ctx.dataset.name}"

    def execute(self, ctx: Any) -> Iterator[Any]:
        self._source(ctx)
        names = ("key", "folder", "level", "threshold", "threshold_from", "breakdowns", "examples")
        names += ("blur", "hash_files", "title", "note")
        params = {k: ctx.params[k] for k in names if ctx.params.get(k) not in (None, "")}
        view = views.target(ctx)
        if ctx.delegated:
            yield run(view, progress=in_app(ctx), should_stop=stop_of(ctx), **params)
            return
        job = jobs.start("export_report", view, params)
        yield from jobs.follow(ctx, job, "Report")
        done = job.result()
        lost = f"; {done['not_scored']} videos not scored" if done["not_scored"] else ""
        yield ctx.ops.notify(f"The report is in {done['html']}{lost}", variant="success")
