"""Defines the operator ``analyze_file``: a verdict with reasons for a file or each of a folder."""

from __future__ import annotations

import time
from typing import Any

from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files import packages
from ...detector.files.installation import require_installed
from ...detector.files.paths import given
from ...detector.progress import Progress, ShouldStop, never, silent
from ...detector.weights.known_detectors import named_detectors
from ..app.form import Form, chosen_detector, chosen_path
from ..app.progress_bar import terminal
from ..dataset import default_folders, fields, views
from ..jobs import job as jobs
from ..jobs.delegated import in_app, stop_of
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import Workflow
from ..thresholds.calibrations import has_calibration
from ..training.detector_list import known_detectors
from .analysis_report import in_seconds, timeline

WAIT_SECONDS = 540  # the App cuts an operator's answer off after 600
DATASET = "analyses"
DETECTOR = "demo_vits14"  # comes along and scores offline; the analysis says what it is
BY_RULE = "as in all panels: this dataset's calibration, else the checkpoint's own"


@with_paths("path", "crops_dir", "face_weights", detectors=("detector", "second"))
def run(
    samples: Any = None,
    *,
    path: str | list[str],
    detector: str = DETECTOR,
    second: str | None = None,
    calibrated_for: str | None = None,
    rule: str | None = None,
    count: int = 32,
    dataset: str = DATASET,
    compression: str = "",
    compare_with: list[str] | None = None,
    crops_dir: str | None = None,
    face_weights: str | None = None,
    device: str | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Analyze files and keep what is found in the dataset of a case, to look at and to continue.

    A file that the case has already, by its sha256 and with the same settings, is listed and not
    computed again. A file that cannot be read is named, and the others go on.

    Args:
        samples: a dataset or view; ``detector`` may name one of its training runs, and
            ``calibrated_for`` one of its calibrations; None for neither
        path: a video or picture, a folder of them, or a list of these
        detector: name, path of a checkpoint, or key of a training run; by default the small one
            that comes along, a demonstration and no evidence
        second: a further detector, at its own threshold
        calibrated_for: detector key of ``samples`` whose calibrated threshold is used; by default
            that of ``samples`` for this checkpoint, else the checkpoint's own, else 0.5 with a
            warning: the rule of :class:`detector.audit.threshold.Stored`
        rule: how the score of a person follows from its frames; by default as calibrated, else
            ``mean``
        count: number of frames to look at
        dataset: name of the case: the dataset that gets the faces and the records; "" for none
        compression: of the audited material that the error rates are for, as it is called there
        compare_with: datasets whose videos are searched for near duplicates; the frames of each
            are read once. Copies of a file are found in all datasets, by their sha256
        crops_dir: folder of the crop store
        face_weights: file of the face detector's weights
        device: torch device
        progress, should_stop: see :mod:`detector.progress`

    Returns:
        ``{"files", "dataset", "text", "known", "failed"}``; each file is a
        :class:`detector.scoring.analysis.Analysis` as a dict, with ``comparable``: error rates on
        material like each person; ``known``: number of files that were not computed again;
        ``failed``: [path, why]

    Raises:
        ForensicsError: if nothing is at ``path``, no file can be read, the detector is unknown,
            weights are missing, or the calibration is of another checkpoint
        Cancelled: if the user stopped it; finished files stay in the dataset
    """
    from .case_analysis import Case

    given_paths = [path] if isinstance(path, str) else list(path)
    sources = [detector] if second in (None, "") else [detector, str(second)]
    usual = default_folders.of_kind(default_folders.ANALYSES)
    case = Case(
        home=None if samples is None else views.dataset_of(samples),
        name=dataset,
        crops=given(crops_dir or usual, "crops_dir"),
        rule=rule,
        count=count,
        compression=compression,
        device=device,
        face_weights=face_weights,
    )
    return case.run(given_paths, sources, calibrated_for, compare_with, progress, should_stop)


class AnalyzeFile(Workflow):
    """Operator that analyzes a file: per person a timeline, and a verdict or an abstention."""

    label = "Analyze file"
    description = (
        "Find and score every person of a video, a picture or a folder of them: "
        "timelines, the frames that drive the score, a verdict with its calibration or an "
        "abstention with its reason"
    )
    icon = "search"
    risk = types.RiskLevel.MEDIUM
    works_on = None
    parts = (packages.PICTURES, packages.MODELS)
    answer = "Analysis"
    first = ("folder", "path", "detector", "checkpoint", "dataset")
    writes = "It keeps faces and findings in the dataset of the case; the files stay as they are."

    def __call__(
        self,
        path: str | list[str],
        *,
        samples: Any = None,
        delegate: bool = False,
        progress: Progress | None = None,
        **params: Any,
    ) -> Any:
        """Run the operator from Python, with the arguments and the result of :func:`run`."""
        params = {"path": path, **params}
        if delegate or progress is not None:
            more = {} if delegate else {"progress": progress}
            return self.call(samples, {**params, **more}, delegate=delegate)
        with terminal("analysis") as bar:
            return self.call(samples, {**params, "progress": bar})

    def target(self, ctx: Any) -> Any:
        return None if ctx.dataset is None else ctx.dataset.view()

    def fill(self, form: Form, target: Any) -> None:
        folder = bool(form.params.get("folder"))
        form.flag("folder", "A whole folder", "Every file in it", default=False)
        about = ("Folder", "Each video and picture in it is analyzed")
        form.path("path", *(about if folder else ("File", "A video or a picture")), folder=folder)
        is_open = form.dataset is not None
        form.detector_or_file(known_detectors(form.dataset) if is_open else named_detectors())
        keys = fields.detector_keys(form.dataset) if is_open else []
        keys = [(key, key) for key in keys if has_calibration(form.dataset, key)]
        if keys:
            text = "A calibration of this dataset; it must be of the same checkpoint"
            options = [(BY_RULE, BY_RULE), *keys]
            form.choice("calibrated_for", options, "Threshold of", text, default=BY_RULE)
        text = "A second opinion, at its own threshold"
        form.choice(
            "second", [("", "none"), *named_detectors()], "Second detector", text, default=""
        )
        form.whole("count", "Frames", "Per video", least=1)
        text = "Name of a dataset, new or to continue; files that it has are not computed again"
        form.text("dataset", "Case", text)
        text = "Of the audited material whose error rates are shown, as it is called there; any"
        form.text("compression", "Compression", text)
        text = "Datasets whose videos are searched for near duplicates; each is read once"
        form.texts("compare_with", "Compare with", text)
        form.device()
        if form.params.get("path"):
            form.check(lambda: _require_path(form.params))

    def amount(self, target: Any) -> str:
        return "One file, or every file of a folder"

    def how_long(self) -> str:
        return "A picture takes seconds, a video up to minutes without a GPU."

    def resolve_run_name(self, ctx: Any) -> str:
        return f"Analyze {chosen_path(ctx.params.get('path'))}"

    def arguments(self, ctx: Any) -> dict[str, Any]:
        path = chosen_path(ctx.params.get("path"))
        if not path:
            raise ForensicsError("No file is chosen.", "Choose one.", "path")
        detector = chosen_detector(ctx.params)
        if not detector:
            raise ForensicsError("No detector is chosen.", "Choose one.", "detector")
        given = {**super().arguments(ctx), "path": path, "detector": detector}
        if ctx.params.get("dataset") == "":
            given["dataset"] = ""  # none
        empty = (("calibrated_for", BY_RULE), ("second", ""))
        return {n: v for n, v in given.items() if (n, v) not in empty and v != []}

    def execute(self, ctx: Any) -> dict[str, Any]:
        require_installed(*self.parts)
        samples, params = self.target(ctx), self.arguments(ctx)
        if ctx.delegated:
            return run(samples, progress=in_app(ctx), should_stop=stop_of(ctx), **params)
        job = jobs.start("analyze_file", samples, params)
        began = time.monotonic()
        while not job.ended:
            if time.monotonic() - began > WAIT_SECONDS:
                where = params.get("dataset", DATASET)
                return {"text": f"Still running; the faces come into the dataset {where!r}."}
            time.sleep(0.3)
        done = job.result()
        return {**done, "timeline": timeline(done["files"][0])}

    def show(self, outputs: types.Object, found: dict[str, Any]) -> None:
        super().show(outputs, found)
        if found.get("timeline"):
            unit = "seconds" if in_seconds(found["files"][0]) else "frame"
            layout = {
                "xaxis": {"title": {"text": unit}},
                "yaxis": {"title": {"text": "p_fake"}, "range": [0, 1]},
            }
            label = "p_fake of each person over time"
            outputs.plot("timeline", label=label, layout=layout, height="280px")


def _require_path(form: dict[str, Any]) -> None:
    path = given(chosen_path(form.get("path")), "path")
    if not path.exists():
        raise ForensicsError(f"There is nothing at {path}.", "Choose a file.", "path")
