"""Defines the operator ``manage_runs``: list, stop, resume, rename, delete and export runs."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files import packages
from ...detector.files.outputs import claim_folder
from ..app.checks import require_known
from ..app.form import Form
from ..app.open_dataset import require_dataset
from ..dataset import fields, views
from ..jobs import heartbeat
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import Workflow
from . import rename_run, training_records, training_words

ACTIONS = (
    ("list", "List all runs"),
    ("stop", "Save and stop after the current step"),
    ("resume", "Resume where it stopped"),
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
        action: one of :data:`ACTIONS`
        key: key of the run; not used for ``list``
        new_key: for ``rename``, the new key
        delete_files: for ``delete``, whether to delete the run's folder with its checkpoints too
        format: for ``export``, one of :data:`FORMATS`
        folder: for ``export``, where to write; created if needed, must be empty
        device, processes: for ``resume``, see :func:`devices.placement`; both may differ from those
            the run began with

    Returns:
        ``{"runs": [...], "table": str}``; ``rename`` adds ``"key"``, ``export`` adds ``"export"``
        (files with sha256, and the parity check)

    Raises:
        ForensicsError: if there is no such run, or its state does not allow the action
    """
    dataset = views.dataset_of(samples)
    require_known("action", action, ACTIONS)
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
    """Ask a run to stop after its current step, and return at once.

    Raises:
        ForensicsError: if there is no such run, or it is not in progress
    """
    from ...training import launch

    run = training_records.training_run(dataset, key)
    training_records.refuse_copy(run, "stopped")
    if run.status == training_records.OUTSIDE:
        training_records.own_folder(run, "stopped")
    if not run.live:
        raise ForensicsError(
            f"The training run {key!r} is {run.status}.",
            "Only a run in progress can be stopped.",
            "key",
        )
    heartbeat.ask_to_stop(key, dataset)
    if (run.folder / "run.json").is_file():  # else it runs on another machine
        launch.stop(training_records.own_folder(run, "stopped").path)


def resume(dataset: fo.Dataset, key: str, device: str | None = None, processes: int = 1) -> None:
    """Start a stopped, interrupted or failed run again in its own process, and return at once.

    Raises:
        ForensicsError: if there is no such run, it is in progress or finished, its folder is gone,
            or the device does not exist
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
        ForensicsError: if there is no such run or format, no checkpoint yet, the folder is not
            empty, a package is not installed, or the scores differ
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


class ManageRuns(Workflow):
    """Operator that lists, stops, resumes, renames, deletes and exports training runs."""

    label = "Manage training runs"
    description = "List, stop, resume, rename, delete or export the training runs of this dataset"
    icon = "tune"
    risk = types.RiskLevel.HIGH
    answer = "Training runs"

    def target(self, ctx: Any) -> Any:
        return require_dataset(ctx, "faces")

    def fill(self, form: Form, target: Any) -> None:
        found = training_records.training_runs(form.dataset)
        if not found:
            form.notice("none", "This dataset has no training runs yet")
            return
        form.choice("action", ACTIONS, "Action")
        action = form.value("action")
        if action == "list":
            form.inputs.md(training_words.table(found), name="table")
            return
        chosen = [run for run in found if action in possible(run)]
        if not chosen:
            form.notice("none", f"No run can be {_done(action)} now")
            return
        keys = [(run.key, f"{run.key} ({training_words.status(run)})") for run in chosen]
        form.choice("key", keys, "Run", required=True)
        if action == "rename":
            form.text("new_key", "New name", required=True)
            if form.params.get("new_key"):
                form.check(lambda: fields.ScoreFields(form.params["new_key"]), key="new_key")
        elif action == "delete":
            text = "The run's folder with its checkpoints; this cannot be undone"
            form.flag("delete_files", "Delete the files too", text)
        elif action == "export":
            form.choice("format", FORMATS, "Format")
            if form.params.get("format") == "onnx":
                form.check(lambda: packages.require(packages.ONNX, "format"))
            text = "On the machine of the App; created if needed, must be empty"
            form.text("folder", "Folder", text, required=True)

    def resolve_run_name(self, ctx: Any) -> str:
        return f"{ctx.params.get('action') or 'list'} {ctx.params.get('key') or 'training runs'}"

    def shown(self, ctx: Any, result: Any) -> None:
        if (ctx.params.get("action") or "list") != "list":
            ctx.ops.reload_dataset()

    def show(self, outputs: types.Object, found: dict[str, Any]) -> None:
        super().show(outputs, found)
        if found.get("export"):
            outputs.obj("export", label="Export", view=types.JSONView())


def possible(run: training_records.TrainingRun) -> tuple[str, ...]:
    """Return the actions that the state of ``run`` allows."""
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
