"""Defines the folder of a run: its task, its progress and its result. No torch at the top.

``config.json`` ``manifest.jsonl`` ``run.json``: the task · ``environment.json``: software and
device · ``metrics.jsonl``: one line per step and epoch · ``state.pt``: everything needed to resume
· ``status.json``: how far it is or how it ended · ``validation.json``: the best checkpoint's score
of each validation video · ``checkpoints/best`` ``checkpoints/last``: detectors · ``stop``: asks the
run to stop · ``lock``: held by the process that works on it · ``log.txt``: output of a launched
process · ``events``: TensorBoard files, on request.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ..detector.errors import ForensicsError
from ..detector.files.allowed_roots import require_files
from ..detector.files.atomic import holds_nothing, replacing, saying_disk, write_bytes, write_json
from ..detector.files.file_lock import try_lock
from ..detector.files.paths import given
from ..detector.runners.process_identity import ProcessIdentity
from .config import EXECUTION, TrainConfig, differences
from .event_files import require_package
from .manifest import Manifest

RUNNING, STOPPED, COMPLETED, FAILED = "running", "stopped", "completed", "failed"

# Files that an interrupted preparation leaves behind.
_BEFORE = ("lock", "config.json", "manifest.jsonl")


class BusyRun(ForensicsError):
    """The error if another process works on the run."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths and records of one run. Creating the object does not touch the disk."""

    path: Path

    @property
    def config(self) -> TrainConfig:
        """The config as prepared."""
        return TrainConfig.from_json(self.read("config"))

    @property
    def manifest(self) -> Manifest:
        """The manifest as prepared.

        Raises:
            ForensicsError: it is damaged, or it names crops outside the allowed folders
        """
        found = Manifest.load(self.path / "manifest.jsonl")
        require_files((row.crop for row in found.rows), "crops of the run")
        return found

    def read(self, name: str) -> dict[str, Any]:
        """Return the content of ``<name>.json``.

        Raises:
            ForensicsError: the file is missing or is not JSON
        """
        path = self.path / f"{name}.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError) as error:
            raise ForensicsError(
                f"{self.path} is not a training run: {path.name} cannot be read ({error}).",
                "Check the path, or prepare the run again.",
                "run_dir",
            ) from error

    def write(self, name: str, value: dict[str, Any]) -> None:
        """Replace ``<name>.json`` atomically."""
        write_json(self.path / f"{name}.json", value)

    @property
    def status(self) -> dict[str, Any]:
        """Content of ``status.json``; ``{"status": "prepared"}`` before the first start."""
        if not (self.path / "status.json").is_file():
            return {"status": "prepared"}
        return self.read("status")

    def set_status(self, status: str, **more: Any) -> None:
        """Replace ``status.json``."""
        me = ProcessIdentity.of().record()
        write_json(self.path / "status.json", {"status": status, **me, **more})

    def checkpoint(self, name: str) -> Path:
        """Return the folder of the detector ``best`` or ``last``."""
        return self.path / "checkpoints" / name

    @property
    def stop_file(self) -> Path:
        """The file whose existence asks the run to stop after the current step."""
        return self.path / "stop"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder's lock, which always ends with the process.

        Raises:
            BusyRun: another process works on this run
        """
        with saying_disk(self.path, "run_dir"):
            self.path.mkdir(parents=True, exist_ok=True)
            # is_running() of another process holds the lock for a moment.
            lock = try_lock(self.path / "lock", wait_seconds=0.5)
        if lock is None:
            raise BusyRun(
                f"Another process is working on the run {self.path}.",
                "Wait for it, stop it, or choose another name.",
                "run_dir",
            )
        try:
            yield
        finally:
            lock.release()

    def is_running(self) -> bool:
        """Return whether some process holds the lock."""
        path = self.path / "lock"
        if not path.is_file():
            return False
        lock = try_lock(path)
        if lock is not None:
            lock.release()
        return lock is None

    def append(self, record: dict[str, Any]) -> None:
        """Add a line to ``metrics.jsonl``."""
        path = self.path / "metrics.jsonl"
        with saying_disk(path), path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """Return the lines of ``metrics.jsonl``; a half-written last line is left out."""
        path = self.path / "metrics.jsonl"
        if not path.is_file():
            return []
        records = []
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError:
                break  # the process was killed while it wrote this line
        return records

    def last_metrics(self, most_bytes: int = 1 << 16) -> list[dict[str, Any]]:
        """Return the last lines of ``metrics.jsonl`` without reading the whole file."""
        path = self.path / "metrics.jsonl"
        if not path.is_file():
            return []
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - most_bytes))
            lines = stream.read().splitlines()
        records = []
        for line in lines[size > most_bytes :]:  # the first line may be incomplete
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError:
                break  # half-written
        return records

    def rewind_metrics(self, step: int, epoch: int) -> None:
        """Drop the lines of steps after ``step`` and of epochs from ``epoch`` on.

        A resumed run repeats them.
        """
        kept = [
            record
            for record in self.metrics()
            if record.get("step", 0) <= step
            and not (record["kind"] == "epoch" and record["epoch"] >= epoch)
        ]
        lines = [json.dumps(record, separators=(",", ":")) + "\n" for record in kept]
        write_bytes(self.path / "metrics.jsonl", "".join(lines).encode())

    def save_state(self, state: dict[str, Any]) -> None:
        """Write ``state.pt`` (tensors and plain values) atomically.

        Raises:
            ForensicsError: it cannot be written; the previous file is intact
        """
        import torch

        try:
            with replacing(self.path / "state.pt") as temporary:
                torch.save(state, temporary)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
            raise ForensicsError(
                f"The state of the run could not be saved in {self.path} ({error}).",
                "Free space and start it again: it resumes from the last state that was saved.",
            ) from error

    def load_state(self) -> dict[str, Any] | None:
        """Return the content of ``state.pt``, or None before the first save.

        Raises:
            ForensicsError: it is damaged, or holds anything but tensors and plain values
        """
        path = self.path / "state.pt"
        if not path.is_file():
            return None
        import torch

        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises pickle, zip, runtime and value errors here
            raise ForensicsError(
                f"{path} cannot be resumed from ({str(error).splitlines()[0]}).",
                "Delete it to begin the run again.",
                "run_dir",
            ) from error


def prepare(
    run_dir: str | Path,
    config: TrainConfig,
    manifest: Manifest,
    crop_recipe: dict[str, Any] | None = None,
    crop_recipe_hash: str | None = None,
    key: str | None = None,
) -> RunFolder:
    """Write the task of a run to its folder, or recognise a run that was prepared before.

    Args:
        run_dir: folder of the run; created if missing
        config, manifest: the task; an existing run must have the same ones, apart from settings
            that only say how it is carried out
        crop_recipe, crop_recipe_hash: recorded in the checkpoints
        key: ``key_name`` of the checkpoints; None: the folder's name

    Raises:
        ForensicsError: the folder holds a run of another config or manifest (the message says what
            differs) or something else, another process works on it, or TensorBoard is requested but
            not installed
    """
    if config.tensorboard:
        require_package()
    run = RunFolder(given(run_dir, "run_dir"))
    before: dict[str, Any] = {}
    if (run.path / "run.json").is_file():
        refuse_another(run, config, manifest)
        before = run.read("run")
    elif run.path.is_dir() and not holds_nothing(run.path, _BEFORE):
        raise ForensicsError(
            f"{run.path} is not empty and holds no training run.",
            "Choose another folder.",
            "run_dir",
        )
    info = {
        "crop_recipe": crop_recipe or before.get("crop_recipe"),
        "crop_recipe_hash": crop_recipe_hash or before.get("crop_recipe_hash"),
        "key": key or before.get("key") or run.path.name,
        "config_hash": config.hash,
        "manifest_sha256": manifest.sha256,
    }
    try:
        with run.locked():
            run.stop_file.unlink(missing_ok=True)
            write_json(run.path / "config.json", config.to_json())
            manifest.save(run.path / "manifest.jsonl")
            write_json(run.path / "run.json", info)
    except OSError as error:
        raise ForensicsError(
            f"The folder of the run, {run.path}, cannot be written ({error}).",
            "Choose another, or free space.",
            "runs_dir",
        ) from error
    return run


def refuse_another(run: RunFolder, config: TrainConfig, manifest: Manifest) -> None:
    """Raise an error that says what differs if ``run`` has other settings or crops."""
    before = run.config
    changed = {k: v for k, v in differences(before, config).items() if k not in EXECUTION}
    if changed:
        each = [f"{name} {was!r} -> {now!r}" for name, (was, now) in changed.items()]
        raise ForensicsError(
            f"{run.path} holds a run with other settings: {'; '.join(each)}.",
            "Resume it with its own settings, or choose another name.",
            "run_dir",
        )
    stored = run.read("run").get("manifest_sha256")
    if stored == manifest.sha256:
        return
    old, new = run.manifest, manifest
    before_crops, after_crops = {r.crop: r for r in old.rows}, {r.crop: r for r in new.rows}
    gone, come = before_crops.keys() - after_crops.keys(), after_crops.keys() - before_crops.keys()
    other = [c for c, r in after_crops.items() if c in before_crops and before_crops[c] != r]
    example = next(iter(sorted([*gone, *come, *other])), "")
    raise ForensicsError(
        f"{run.path} holds a run on another manifest ({str(stored)[:12]}, now "
        f"{manifest.sha256[:12]}): {len(come)} crops are new, {len(gone)} are gone, "
        f"{len(other)} have other values (for example {example}).",
        "Choose another name, or give the same view as before.",
        "run_dir",
    )


def environment(device: str, ranks: int) -> dict[str, Any]:
    """Return what a run's numbers depend on besides config and manifest."""
    import torch

    packages = "torch torchvision open_clip_torch numpy pillow opencv-python-headless"
    versions = {}
    for name in packages.split():
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    is_gpu = device.startswith("cuda")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": versions,
        "device": device,
        "device_name": torch.cuda.get_device_name(device) if is_gpu else platform.processor(),
        "threads": torch.get_num_threads(),
        "ranks": ranks,
        "code_sha256": code_sha256(),
    }


def code_sha256() -> str:
    """Return the sha256 over the source files of ``detector`` and ``training``, a code version."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for folder in ("detector", "training"):
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
