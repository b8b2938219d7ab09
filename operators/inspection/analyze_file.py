"""Defines the operator ``analyze_file``: a verdict with reasons for a file or each of a folder."""

from __future__ import annotations

import time
from typing import Any

from fiftyone.operators import types

from ...detector.errors import Cancelled, ForensicsError
from ...detector.files import packages
from ...detector.files.allowed_roots import require_files
from ...detector.files.installation import require_installed
from ...detector.files.paths import given
from ...detector.progress import Progress, ShouldStop, never, silent
from ...detector.text.markdown import plain
from ...detector.weights.known_detectors import find_detector, named_detectors
from ..app.form import Form, chosen_detector, chosen_path
from ..app.progress_bar import terminal
from ..dataset import default_folders, fields, views
from ..jobs import job as jobs
from ..jobs.delegated import in_app, stop_of
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import Workflow
from ..thresholds.calibrations import (
    calibration_of_checkpoint,
    has_calibration,
    stored_calibration,
)
from ..training.detector_list import detector_source, known_detectors
from . import analyses_dataset
from .analysis_report import in_seconds, markdown, timeline

WAIT_SECONDS = 540  # the App cuts an operator's answer off after 600
DATASET = "analyses"
DETECTOR = "demo_vits14"  # comes along and scores offline; the analysis says what it is
BY_RULE = "as in all panels: this dataset's calibration, else the checkpoint's own"


@with_paths("path", "crops_dir", "face_weights", detectors=("detector",))
def run(
    samples: Any = None,
    *,
    path: str,
    detector: str = DETECTOR,
    calibrated_for: str | None = None,
    rule: str | None = None,
    count: int = 32,
    dataset: str = DATASET,
    crops_dir: str | None = None,
    face_weights: str | None = None,
    device: str | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Analyze a file, or each file of a folder, and keep the faces in a dataset to look at.

    Args:
        samples: a dataset or view; ``detector`` may name one of its training runs, and
            ``calibrated_for`` one of its calibrations; None for neither
        path: a video or picture, or a folder of them
        detector: name, path of a checkpoint, or key of a training run; by default the small one
            that comes along, a demonstration and no evidence
        calibrated_for: detector key of ``samples`` whose calibrated threshold is used; by default
            that of ``samples`` for this checkpoint, else the checkpoint's own, else 0.5 with a
            warning: the rule of :class:`detector.audit.threshold.Stored`
        rule: how the score of a person follows from its frames; by default as calibrated, else
            ``mean``
        count: number of frames to look at
        dataset: name of the dataset that gets the faces; "" for none
        crops_dir: folder of the crop store
        face_weights: file of the face detector's weights
        device: torch device
        progress, should_stop: see :mod:`detector.progress`

    Returns:
        ``{"files", "dataset", "text"}``; each file is a :class:`detector.scoring.verdict.Analysis`
        as a dict

    Raises:
        ForensicsError: if nothing is at ``path``, the detector is unknown, weights are missing, or
            the calibration is of another checkpoint
        Cancelled: if the user stopped it; finished files stay in the dataset
    """
    from ...detector.faces.detectors import detector_of
    from ...detector.model.checkpoints import load_detector
    from ...detector.scoring.file_analysis import (
        analyze_file,
        files_of,
        left_out,
        recipe_of,
        threshold_for,
    )

    usual = default_folders.of_kind(default_folders.ANALYSES)
    root = given(crops_dir or usual, "crops_dir")
    home = None if samples is None else views.dataset_of(samples)
    source = detector if home is None else detector_source(home, detector)
    find_detector(source)  # an unknown one is refused before anything is read
    files = files_of(path)
    require_files((str(file.absolute()) for file in files), "files")
    model = load_detector(source, device)
    record = None
    if home is not None:
        record = (
            calibration_of_checkpoint(home, model.sha256)
            if calibrated_for is None
            else stored_calibration(home, calibrated_for)
        )
    threshold = threshold_for(model, record)
    face_detector = detector_of(recipe_of(model), device=device, weights=face_weights)
    found, kept = [], 0
    for file in files:
        if should_stop():
            raise Cancelled(f"Stopped after {len(found)} of {len(files)} files.", "Run it again.")
        analysis = analyze_file(
            file,
            model,
            face_detector,
            root,
            threshold=threshold,
            calibration=record,
            rule=rule,
            count=count,
            progress=progress if len(files) == 1 else None,
            should_stop=should_stop,
        )
        found.append(analysis.to_json())
        if dataset:
            kept += analyses_dataset.keep(dataset, analysis, model, source)
        if len(files) > 1:
            progress(len(found), len(files), "files")
    text = "\n\n".join(markdown(result) for result in found)
    if others := left_out(path):
        text += f"\n\n{plain(others)}"
    if kept:
        text += (
            f"\n\nThe faces are in the dataset {dataset!r}; `drives` marks the frames named here."
        )
    return {"files": found, "dataset": dataset or None, "text": text}


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
    first = ("folder", "path", "detector", "checkpoint")
    writes = "It keeps the faces in a dataset for a closer look; the file stays as it is."

    def __call__(
        self,
        path: str,
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
        form.whole("count", "Frames", "Per video", least=1)
        text = "Name of a dataset; open it to look at them"
        form.text("dataset", "Keep the faces in", text)
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
        return {n: v for n, v in given.items() if (n, v) != ("calibrated_for", BY_RULE)}

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
