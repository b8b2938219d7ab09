"""Renames a training run: its folder, the scores that name it, and last its record."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.files.paths import given
from ...training.runs import RunFolder
from ..dataset import stored_runs
from ..dataset.fields import ScoreFields, detector_keys, scores_config
from .training_records import (
    GONE,
    TrainingRun,
    own_folder,
    record_name,
    refuse_copy,
    refuse_live,
    training_run,
)


def rename(dataset: fo.Dataset, key: str, new_key: str) -> TrainingRun:
    """Give a run and its folder another name; scores that were written under the old key stay.

    The record is renamed last, so that a call that was killed can be repeated.

    Raises:
        ForensicsError: if there is no such run, it is in progress, the new name cannot be used, or
            its folder is not allowed or holds something else
    """
    run = training_run(dataset, key)
    refuse_copy(run, "renamed")
    refuse_live(run, "renamed")
    ScoreFields(new_key)
    folder = own_folder(run, "renamed")
    target = run.folder.with_name(new_key)
    moved = _is_of(target, run)
    if not stored_runs.is_free(dataset, record_name(new_key)) or (target.exists() and not moved):
        raise ForensicsError(
            f"There is a run {new_key!r} already.", "Choose another name.", "new_key"
        )
    old = run.folder.with_name(key) if moved and run.folder == target else run.folder
    here = run.status != GONE and not moved
    if here:
        with folder.locked():
            own_folder(run, "renamed").path.rename(target)
    try:
        _point_scores_to(dataset, old, target)
        best = target / "checkpoints" / "best"
        told = {"key": new_key, "run_dir": str(target)}
        told["checkpoint"] = str(best) if best.is_dir() else ""
        stored_runs.rename(dataset, record_name(key), record_name(new_key), **told)
    except Exception:  # record and folder must keep the same name, whatever the database said
        if here:
            target.rename(run.folder)
            _point_scores_to(dataset, target, old)
        raise
    return training_run(dataset, new_key)


def _is_of(target: Path, run: TrainingRun) -> bool:
    """Return whether a killed call has already moved the folder of ``run`` to ``target``."""
    if run.status != GONE and run.folder != target:
        return False
    try:
        folder = RunFolder(given(target, "new_key"))
    except ForensicsError:  # outside the allowed folders, which we may not read
        return False
    return (
        bool(run.manifest_sha256)
        and (folder.path / "run.json").is_file()
        and folder.read("run").get("manifest_sha256") == run.manifest_sha256
    )


def _point_scores_to(dataset: fo.Dataset, old: Path, new: Path) -> None:
    """Make scores that name a checkpoint in the old folder name it in the new one."""
    for key in detector_keys(dataset):
        source = getattr(scores_config(dataset, key), "detector", None)
        if isinstance(source, str):
            path = Path(source)
            if path == old or old in path.parents:
                moved = str(new / path.relative_to(old))
                stored_runs.change(dataset, ScoreFields(key).run, detector=moved)
