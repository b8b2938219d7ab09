"""Operator ``manage_runs``: list, stop, resume, rename, delete and export training runs."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files import packages
from ...detector.files.outputs import claim_folder
from ..app import forms
from ..dataset import fields, views
from ..jobs import from_python
from ..jobs.path_arguments import with_paths
from . import live_status, rename_run, training_records, training_words

ACTIONS = (
    ("list", "List all runs"),
    ("stop", "Stop after the step in hand, saved"),
    ("resume", "Resume where it was"),
    ("rename", "Rename"),
    ("delete", "Delete"),
    ("export", "Export the detector"),
)
FORMATS = (
    ("detector", "our folder: LayerNorm and head only (needs the same tower)"),
    ("gend", "GenD: config.json and model.safetensors (CLIP towers)"),
    ("torchscript", "TorchScript: the whole network in one file"),
    ("onnx", "ONNX: the whole network in one file (needs onnx, onnxscript, onnxruntime)"),
)


@with_paths("folder")
def run(
    samples: Any,
    *,
    action: str = "list",
    key: str | None = None,
    new_key: str | None = None,
    delete_files: bool = False,
    format: str = "detector",
    folder: str | None = None,
    device: str | None = None,
    processes: int = 1,
) -> dict[str, Any]:
    """Do one thing to the training runs of a dataset.

    Args:
        samples: the faces dataset, or a view of it
        action: name of :data:`ACTIONS`
        key: the run; not for ``list``
        new_key: for ``rename``
        delete_files: for ``delete``: also delete the run's folder with its checkpoints
        format: for ``export``, name of :data:`FORMATS`
        folder: for ``export``, where to write; made if needed, must be empty
        device, processes: for ``resume``, see :func:`devices.placement`;
            neither has to be what the run began with

    Returns:
        ``{"runs": [...], "table": str}``; ``rename`` adds ``"key"``, ``export`` adds ``"export"``
        (files with sha256, and the parity check)

    Raises:
        ForensicsError: no such run, or one whose state does not allow the action
    """
    dataset = views.dataset_of(samples)
    known = [name for name, _ in ACTIONS]
    if action not in known:
        raise ForensicsError(
            f"There is no action {action!r}.", f"Known: {', '.join(known)}.", "action"
        )
    more: dict[str, Any] = {}
    if action != "list":
        if not key:
            raise ForensicsError("No run is chosen.", "Give its key.", "key")
        if action == "resume":
            resume(dataset, key, device, processes)
        else:
            more = _act(dataset, action, key, new_key, delete_files, format, folder)
    found = training_records.training_runs(dataset)
    return {
        "runs": [run.to_json() for run in found],
        "table": training_words.table(found),
        **more,
    }


def _act(
    dataset: fo.Dataset,
    action: str,
    key: str,
    new_key: str | None,
    delete_files: bool,
    format: str,
    folder: str | None,
) -> dict[str, Any]:
    if action == "stop":
        stop(dataset, key)
    elif action == "rename":
        return {"key": rename_run.rename(dataset, key, new_key or "").key}
    elif action == "delete":
        training_records.delete(dataset, key, delete_files)
    else:
        return {"export": export(dataset, key, format, folder)}
    return {}


def stop(dataset: fo.Dataset, key: str) -> None:
    """Ask a run to stop after the step in hand; returns at once.

    Raises:
        ForensicsError: no such run, or it is not in progress
    """
    from ...training import launch

    run = training_records.training_run(dataset, key)
    if run.status == training_records.OUTSIDE:
        training_records.own_folder(run, "stopped")
    if not run.live:
        raise ForensicsError(
            f"The training run {key!r} is {run.status}.", "Only a run in progress stops.", "key"
        )
    live_status.ask_to_stop(dataset, key)
    if (run.folder / "run.json").is_file():  # else it runs on another machine
        launch.stop(training_records.own_folder(run, "stopped").path)


def resume(dataset: fo.Dataset, key: str, device: str | None = None, processes: int = 1) -> None:
    """Start a stopped, interrupted or failed run again in a process of its own; returns at once.

    Raises:
        ForensicsError: no such run, in progress or finished already, its folder is gone, or a
            device that is not there
    """
    from ...training import devices, launch

    run = training_records.training_run(dataset, key)
    folder = training_records.own_folder(run, "resumed")
    if run.live or run.status in ("completed", training_records.GONE):
        raise ForensicsError(
            f"The training run {key!r} is {run.status} and cannot be resumed.",
            training_records.WORDS[run.status].capitalize() + ".",
            "key",
        )
    where = devices.placement(device, processes, run.config.get("batch_size"))
    launch.start(folder.path, device=where.device, processes=where.processes)


def export(dataset: fo.Dataset, key: str, format: str, folder: str | None) -> dict[str, Any]:
    """Write the best detector of a run elsewhere, and check that what was written scores the same.

    Raises:
        ForensicsError: no such run or format, no checkpoint yet, a folder that is not empty, a
            package that is not installed, or scores that differ
    """
    from ...training.export import export_detector

    target = claim_folder(folder, "folder") if folder else None
    run = training_records.training_run(dataset, key)
    if run.checkpoint is None:
        raise ForensicsError(
            f"The training run {key!r} has no checkpoint yet ({run.status}).",
            "Wait for its first validation.",
            "key",
        )
    if target is None:
        raise ForensicsError("No folder is chosen.", "Give one to write to.", "folder")
    rows = training_records.own_folder(run, "exported").manifest.val
    crops = [(row.crop, row.crop_sha256) for row in rows]
    return export_detector(run.checkpoint, target, format, crops)


class ManageRuns(foo.Operator):
    """Lists, stops, resumes, renames, deletes and exports training runs."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="manage_runs",
            label="Manage training runs",
            description="List, stop, resume, rename, delete or export the training runs of this "
            "dataset",
            icon="tune",
            dynamic=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.HIGH,
        )

    def __call__(self, samples: Any, *, delegate: bool = False, **params: Any) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`."""
        return from_python.call(self, run, samples, params, delegate=delegate)

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        form = types.Property(inputs, view=types.View(label="Manage training runs"))
        if forms.check(inputs, {}, lambda: forms.require_dataset(ctx, "faces")) is None:
            return form
        found = training_records.training_runs(ctx.dataset)
        if not found:
            inputs.view("none", types.Notice(label="This dataset has no training runs yet"))
            return form
        forms.choice(inputs, "action", ACTIONS, default="list", label="Action", description="")
        action = ctx.params.get("action") or "list"
        if action == "list":
            inputs.md(training_words.table(found), name="table")
            return form
        chosen = [run for run in found if action in possible(run)]
        if not chosen:
            inputs.view("none", types.Notice(label=f"No run can be {_done(action)} now"))
            return form
        forms.choice(
            inputs,
            "key",
            [(run.key, f"{run.key} ({training_words.status(run)})") for run in chosen],
            default=None,
            label="Run",
            description="",
        ).required = True
        self._more(inputs, ctx, action)
        return form

    @staticmethod
    def _more(inputs: types.Object, ctx: Any, action: str) -> None:
        if action == "rename":
            name = inputs.str("new_key", required=True, label="New name")
            if ctx.params.get("new_key"):
                forms.check(
                    inputs, {"key": name}, lambda: fields.ScoreFields(ctx.params["new_key"])
                )
        elif action == "delete":
            forms.flag(
                inputs,
                "delete_files",
                default=False,
                label="Delete the files too",
                description="The run's folder with its checkpoints; this cannot be undone",
            )
        elif action == "export":
            format = forms.choice(
                inputs, "format", FORMATS, default="detector", label="Format", description=""
            )
            if ctx.params.get("format") == "onnx":
                forms.check(
                    inputs, {"format": format}, lambda: packages.require(packages.ONNX, "format")
                )
            inputs.str(
                "folder",
                required=True,
                label="Folder",
                description="On the machine of the App; made if needed, must be empty",
            )

    def resolve_run_name(self, ctx: Any) -> str:
        """Label of the queued job."""
        return f"{ctx.params.get('action') or 'list'} {ctx.params.get('key') or 'training runs'}"

    def execute(self, ctx: Any) -> dict[str, Any]:
        names = ("action", "key", "new_key", "delete_files", "format", "folder", "device")
        names = (*names, "processes")
        params = {k: ctx.params[k] for k in names if ctx.params.get(k) is not None}
        result = run(forms.require_dataset(ctx, "faces"), **params)
        if not ctx.delegated and ctx.executor and params.get("action", "list") != "list":
            ctx.ops.reload_dataset()
        return result

    def resolve_output(self, ctx: Any) -> types.Property:
        outputs = types.Object()
        found = ctx.results or {}
        if found.get("table"):
            outputs.str("table", view=types.MarkdownView())
        if found.get("export"):
            outputs.obj("export", label="Export", view=types.JSONView())
        return types.Property(outputs, view=types.View(label="Training runs"))


def possible(run: training_records.TrainingRun) -> tuple[str, ...]:
    """The actions that the state of ``run`` allows."""
    out = []
    if run.live:
        out.append("stop")
    elif run.status in ("stopped", training_records.INTERRUPTED, "failed"):
        out.append("resume")
    if not run.live:
        out += ["delete"] if run.status == training_records.OUTSIDE else ["rename", "delete"]
    if run.checkpoint is not None:
        out.append("export")
    return tuple(out)


def _done(action: str) -> str:
    return {"stop": "stopped"}.get(action, f"{action.removesuffix('e')}ed")
