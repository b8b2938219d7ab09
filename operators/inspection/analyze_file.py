"""Operator ``analyze_file``: a video, a picture or a folder of them to verdicts with reasons."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators import types

from ...detector.errors import Cancelled, ForensicsError
from ...detector.files import packages
from ...detector.files.allowed_roots import require_files
from ...detector.files.paths import given
from ...detector.weights.known_detectors import find_detector
from ..app import forms
from ..app.needs import needs
from ..app.progress import Progress, ShouldStop, never, silent, terminal
from ..dataset import fields, views
from ..dataset.dataset_changes import declare, require_there
from ..evaluation.calibrations import has_calibration, stored_calibration
from ..jobs import job as jobs
from ..jobs.delegated import in_app, stop_of
from ..jobs.path_arguments import absolute, with_paths
from ..training.registry import detector_source, known_detectors
from .analysis_report import in_seconds, markdown, timeline

WAIT_SECONDS = 540  # the App cuts an operator's answer off after 600
DATASET = "analyses"
OWN = "the checkpoint's own"  # threshold


@with_paths("path", "crops_dir", "face_weights", detectors=("detector",))
def run(
    samples: Any = None,
    *,
    path: str,
    detector: str,
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
    """Analyse a file, or each file of a folder, and keep the faces in a dataset to look at.

    Args:
        samples: a dataset or view whose training runs ``detector`` may name, and whose calibration
            ``calibrated_for`` names; None otherwise
        path: a video or picture, or a folder of them
        detector: registered name, path of a checkpoint, or key of a training run
        calibrated_for: detector key of ``samples`` whose calibrated threshold is used; by default
            the one in the checkpoint, else 0.5 with a warning
        rule: how the frames of a person give their score; by default as calibrated, else ``mean``
        count: frames to look at
        dataset: name of the dataset that gets the faces; "" for none
        crops_dir: folder of the crop store
        face_weights: file of the face detector's weights
        device: torch device
        progress, should_stop: see :mod:`operators.app.progress`

    Returns:
        ``{"files", "dataset", "text"}``; a file is a :class:`detector.scoring.verdict.Analysis` as
        a dict

    Raises:
        ForensicsError: nothing at ``path``, unknown detector, missing weights, other calibration
        Cancelled: stopped by the user; finished files stay in the dataset
    """
    from ...detector.faces.detectors import detector_of
    from ...detector.model.checkpoints import load_detector
    from ...detector.scoring.analyse_file import analyse_file, files_of, recipe_of, threshold_for

    root = given(crops_dir or jobs.jobs_dir().parent / "analyses", "crops_dir")
    home = None if samples is None else views.dataset_of(samples)
    source = detector if home is None else detector_source(home, detector)
    find_detector(source)  # an unknown one is refused before anything is read
    files = files_of(path)
    require_files((str(file.absolute()) for file in files), "files")
    model = load_detector(source, device)
    record = None
    if calibrated_for is not None and home is not None:
        record = stored_calibration(home, calibrated_for)
    threshold = threshold_for(model, record)
    face_detector = detector_of(recipe_of(model), device=device, weights=face_weights)
    found = []
    for file in files:
        if should_stop():
            raise Cancelled(f"Stopped after {len(found)} of {len(files)} files.", "Run it again.")
        result = analyse_file(
            file,
            model,
            face_detector,
            root,
            threshold=threshold,
            rule=rule,
            count=count,
            progress=progress if len(files) == 1 else None,
            should_stop=should_stop,
        ).to_json()
        found.append(result)
        if dataset:
            _keep(dataset, result)
        if len(files) > 1:
            progress(len(found), len(files), "files")
    text = "\n\n".join(markdown(result) for result in found)
    if dataset:
        text += (
            f"\n\nThe faces are in the dataset {dataset!r}; `drives` marks the frames named here."
        )
    return {"files": found, "dataset": dataset or None, "text": text}


def _keep(name: str, result: dict[str, Any]) -> None:
    """Replace the faces of a file in the dataset ``name``."""
    if fo.dataset_exists(name):
        dataset = fo.load_dataset(name)
        about = fields.describe(dataset)
        unmade = not about and views.is_empty(dataset)  # of a run that was killed while making it
        if about.get("kind") != "analyses" and not unmade:
            raise ForensicsError(
                f"The dataset {name!r} exists and holds something else.",
                "Choose another name.",
                "dataset",
            )
    else:
        dataset = fo.Dataset(name, persistent=True)
    declare(dataset, _FIELDS | {"score": fo.Classification})
    if not fields.describe(dataset):
        fields.set_description(dataset, kind="analyses")
    file_id = f"{Path(result['path']).name} {result['sha256'][:12]}"
    half = f"{file_id} (being written)"  # until all are there, beside the earlier ones
    dataset.delete_samples(views.match_in(dataset, "file", [half]))
    samples = []
    for rank, person in enumerate(result["persons"], 1):
        for face in person["timeline"]:
            if face["crop"] is None:
                continue
            p_fake = face["p_fake"]
            samples.append(
                fo.Sample(
                    filepath=face["crop"],
                    file=half,
                    file_path=result["path"],
                    person=rank,
                    person_score=person["score"],
                    frame_number=fields.frame_number(face["frame"]),
                    seconds=face["seconds"],
                    p_fake=p_fake,
                    reason=face["reason"],
                    drives=face["frame"] in person["drivers"],
                    verdict=result["verdict"],
                    detector=result["detector"],
                    detector_sha256=result["detector_sha256"],
                    score=None if p_fake is None else fields.classification(p_fake),
                )
            )
    if samples:
        require_there(dataset)
        dataset.add_samples(samples, dynamic=False, progress=False)
    dataset.delete_samples(views.match_in(dataset, "file", [file_id]))
    views.set_by_id(dataset, "file", dict.fromkeys((sample.id for sample in samples), file_id))


_FIELDS = {
    "file": fo.StringField,
    "file_path": fo.StringField,
    "person": fo.IntField,
    "person_score": fo.FloatField,
    "frame_number": fo.IntField,
    "seconds": fo.FloatField,
    "p_fake": fo.FloatField,
    "reason": fo.StringField,
    "drives": fo.BooleanField,
    "verdict": fo.StringField,
    "detector": fo.StringField,
    "detector_sha256": fo.StringField,
}


@needs(packages.PICTURES, packages.MODELS)
class AnalyzeFile(foo.Operator):
    """A file of one's own: per person a timeline, a verdict with its reasons, or an abstention."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="analyze_file",
            label="Analyze file",
            description="Find and score every person of a video, a picture or a folder of them: "
            "timelines, the frames that drive the score, a verdict with its calibration or an "
            "abstention with its reason",
            icon="search",
            dynamic=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.MEDIUM,
        )

    def __call__(
        self,
        path: str,
        *,
        samples: Any = None,
        delegate: bool = False,
        progress: Progress | None = None,
        **params: Any,
    ) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`."""
        if delegate:
            context = {} if samples is None else dict(view=samples.view())
            return foo.execute_operator(
                self.uri,
                context,
                params=absolute(run, {"path": path, **params}),
                request_delegation=True,
            )
        if progress is not None:
            return run(samples, path=path, progress=progress, **params)
        with terminal("analysis") as bar:
            return run(samples, path=path, progress=bar, **params)

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        form = types.Property(inputs, view=types.View(label="Analyze file"))
        path = self._path(inputs, ctx)
        known = known_detectors(ctx.dataset) if ctx.dataset is not None else _everywhere()
        forms.detector_or_file(inputs, ctx.params, known)
        keys = [] if ctx.dataset is None else fields.detector_keys(ctx.dataset)
        keys = [key for key in keys if has_calibration(ctx.dataset, key)]
        if keys:
            forms.choice(
                inputs,
                "calibrated_for",
                [(OWN, OWN), *((key, key) for key in keys)],
                default=OWN,
                label="Threshold of",
                description="A calibration of this dataset; it must be of the same checkpoint",
            )
        inputs.int("count", default=32, min=1, label="Frames", description="Per video")
        inputs.str(
            "dataset",
            default=DATASET,
            label="Keep the faces in",
            description="Name of a dataset; open it to look at them",
        )
        if ctx.params.get("path"):
            forms.check(inputs, {"path": path}, lambda: _require_path(ctx.params))
        return form

    @staticmethod
    def _path(inputs: types.Object, ctx: Any) -> types.Property:
        about = {"required": True, "label": "File", "description": "A video or a picture"}
        if ctx.params.get("folder"):
            about |= {"label": "Folder", "description": "Each video and picture in it is analysed"}
        forms.flag(
            inputs, "folder", default=False, label="A whole folder", description="Every file in it"
        )
        if isinstance(ctx.params.get("path"), str):
            return inputs.str("path", **about)
        view = types.FileExplorerView(
            choose_dir=bool(ctx.params.get("folder")),
            button_label="Choose ...",
            choose_button_label="Use it",
        )
        return inputs.file("path", view=view, **about)

    def resolve_run_name(self, ctx: Any) -> str:
        """Label of the queued job."""
        return f"Analyze {_path_of(ctx.params)}"

    def execute(self, ctx: Any) -> dict[str, Any]:
        samples, params = _params(ctx)
        if ctx.delegated:
            return run(samples, progress=in_app(ctx), should_stop=stop_of(ctx), **params)
        job = jobs.start("analyze_file", samples, params)
        began = time.monotonic()
        while not job.ended:
            if time.monotonic() - began > WAIT_SECONDS:
                text = f"Still running; the faces come into the dataset {params['dataset']!r}."
                return {"text": text}
            time.sleep(0.3)
        done = job.result()
        return {**done, "timeline": timeline(done["files"][0])}

    def resolve_output(self, ctx: Any) -> types.Property:
        outputs, found = types.Object(), ctx.results or {}
        if found.get("text"):
            outputs.str("text", view=types.MarkdownView())
        if found.get("timeline"):
            unit = "seconds" if in_seconds(found["files"][0]) else "frame"
            layout = {
                "xaxis": {"title": {"text": unit}},
                "yaxis": {"title": {"text": "p_fake"}, "range": [0, 1]},
            }
            outputs.plot(
                "timeline",
                label="p_fake of each person over time",
                layout=layout,
                height="280px",
            )
        return types.Property(outputs, view=types.View(label="Analysis"))


def _everywhere() -> list[tuple[str, str]]:
    from ...detector.weights.known_detectors import PUBLISHED, registered_detectors

    names = [*PUBLISHED, *registered_detectors()]
    return [(name, name) for name in names]


def _path_of(form: dict[str, Any]) -> str:
    path = form.get("path")
    if isinstance(path, dict):
        path = path.get("absolute_path")
    return str(path or "").strip()


def _require_path(form: dict[str, Any]) -> None:
    path = given(_path_of(form), "path")
    if not path.exists():
        raise ForensicsError(f"There is nothing at {path}.", "Choose a file.", "path")


def _params(ctx: Any) -> tuple[Any, dict[str, Any]]:
    """Samples and arguments of :func:`run` that a form gives."""
    form = ctx.params
    path = _path_of(form)
    if not path:
        raise ForensicsError("No file is chosen.", "Choose one.", "path")
    detector = forms.chosen_detector(form)
    if not detector:
        raise ForensicsError("No detector is chosen.", "Choose one.", "detector")
    names = ("rule", "count", "dataset", "crops_dir", "face_weights", "device")
    chosen = {k: form[k] for k in names if form.get(k) is not None}
    if form.get("calibrated_for") not in (None, "", OWN):
        chosen["calibrated_for"] = form["calibrated_for"]
    samples = None if ctx.dataset is None else ctx.dataset.view()
    return samples, {"dataset": DATASET, **chosen, "path": path, "detector": detector}
