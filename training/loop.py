"""Runs the training loop: epochs of steps and a validation, in a folder that survives a kill.

:func:`fit` can be called anywhere; :mod:`training.entry` calls it in a separate process. Random
choices depend only on (seed, epoch, row or step), so the state is only parameters, optimiser
moments and a few numbers. A run that was killed and started again ends with the same bits (float32
on the CPU). Another number of ranks gives the same numbers up to rounding.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ..detector.errors import ForensicsError
from ..detector.files.paths import given
from ..detector.model.backbone import default_device
from . import distributed, runs
from .augment import feature_generator
from .batches.sampler import Batch, epoch_batches, indices
from .config import TrainConfig
from .event_files import EventFiles
from .manifest import Manifest
from .position import Position, RunResult
from .schedule import set_rate
from .source import FeatureSource, PixelSource
from .step import LossTerms, gradient_norm, precision_of
from .trained import (
    build_optimizer,
    new_detector,
    save_checkpoint,
    step_tower,
    trainable,
    weights_of,
)
from .validate import judge

log = logging.getLogger(__name__)

Progress = Callable[[dict[str, Any]], None]


def fit(
    config: TrainConfig,
    manifest: Manifest,
    run_dir: str | Path,
    progress: Progress | None = None,
    *,
    should_stop: Callable[[], bool] | None = None,
    device: str | None = None,
    crop_recipe: dict[str, Any] | None = None,
    crop_recipe_hash: str | None = None,
) -> RunResult:
    """Train a detector on ``manifest`` in ``run_dir``, or resume the run in that folder.

    Args:
        config: settings that decide the result
        manifest: the crops; checked first
        run_dir: folder of the run; one with another config or manifest is refused
        progress: called with each record of ``metrics.jsonl`` (kinds ``start``, ``step``,
            ``unreadable``, ``epoch``, ``end``)
        should_stop: asked after each step, as is the file ``stop`` in the folder
        device: torch device; None: a GPU if there is one
        crop_recipe, crop_recipe_hash: recorded in the checkpoints

    Returns:
        the result; a run that is already completed is not trained again

    Raises:
        ForensicsError: what :meth:`Manifest.check` refuses, missing tower weights, a folder in use
            or of another run, a loss that is not finite (``nan_batch.json`` names the batch), or a
            disk that cannot be written (the last good checkpoint stays)
    """
    manifest.check(batch_size=config.batch_size)
    run = runs.RunFolder(given(run_dir, "run_dir"))
    lead = distributed.rank() == 0
    if lead:
        runs.prepare(run.path, config, manifest, crop_recipe, crop_recipe_hash)
    distributed.wait_for_all()
    if run.status["status"] == runs.COMPLETED:
        return RunResult.from_json(run.read("result"))
    if not lead:
        return _Training(config, manifest, run, None, should_stop, device).run_to_end()
    with run.locked():
        try:
            return _Training(config, manifest, run, progress, should_stop, device).run_to_end()
        except Exception as error:  # recorded in the folder, which other processes read
            hint = error.hint if isinstance(error, ForensicsError) else ""
            message = str(error) if not isinstance(error, ForensicsError) else error.message
            run.set_status(
                runs.FAILED, error={"message": message, "hint": hint, "type": type(error).__name__}
            )
            raise


class _Training:
    """One run from start to end. Methods are in the order of their first call."""

    def __init__(
        self,
        config: TrainConfig,
        manifest: Manifest,
        run: runs.RunFolder,
        progress: Progress | None,
        should_stop: Callable[[], bool] | None,
        device: str | None,
    ) -> None:
        self.config, self.manifest, self.run = config, manifest, run
        self.rows, self.progress = manifest.train, progress
        self.lead = distributed.rank() == 0
        self.should_stop = should_stop or (lambda: False)
        self.device = default_device(device)
        self.detector = new_detector(config, self.device, run.read("run")["key"])
        self.tower_parameters, head = trainable(self.detector, config)
        self.optimizer = build_optimizer(self.tower_parameters, head, config)
        kind = FeatureSource if config.caches_embeddings else PixelSource
        self.source = kind(
            self.detector,
            step_tower(self.detector, config),
            manifest,
            config,
            lambda crop, reason: self._report("unreadable", crop=crop, reason=reason),
        )
        self.steps_per_epoch = len(epoch_batches(self.rows, config, 0))
        self.position = Position()
        self.began = self.saved = time.monotonic()
        self.crops_at_start = 0  # to compute the speed
        self.events: EventFiles | None = None

    def run_to_end(self) -> RunResult:
        """Resume, train, and return how the run ended."""
        self._resume()
        if self.lead:
            facts = runs.environment(str(self.device), distributed.ranks())
            runs.write_json(self.run.path / "environment.json", facts)
            if self.config.tensorboard:
                self.events = EventFiles(self.run.path, self.position.step)
            weights = weights_of(self.detector, self.config)
            precision = precision_of(self.config, self.device)
            self._report("start", precision=precision, frozen_weights=weights, **facts)
            self.run.set_status(runs.RUNNING, step=self.position.step)
        self.source.prepare()
        self.began = time.monotonic()
        stopped = False
        while not stopped and not self._finished():
            stopped = not self._train_epoch()
            if not stopped:
                self._end_epoch()
        return self._end(stopped)

    def _resume(self) -> None:
        state = self.run.load_state()
        if state is None:
            if self.lead:
                (self.run.path / "metrics.jsonl").unlink(missing_ok=True)
            return
        if state["ids"] != self._ids():
            raise ForensicsError(
                f"The state in {self.run.path} belongs to another run ({state['ids']}).",
                "Choose another name.",
                "run_dir",
            )
        own = dict(self.detector.named_parameters())
        with torch.no_grad():
            for name, tensor in state["parameters"].items():
                own[name].copy_(tensor)
        self.optimizer.load_state_dict(state["optimizer"])
        self.position = Position(**state["position"])
        self.crops_at_start = self.position.crops
        if self.lead:
            self.run.rewind_metrics(self.position.step, self.position.epoch)
        log.info("resumed at epoch %d, step %d", self.position.epoch, self.position.step)

    def _ids(self) -> dict[str, str]:
        return {
            "config": self.config.hash,
            "manifest": self.manifest.sha256,
            "backbone": self.detector.backbone.sha256,
        }

    def _finished(self) -> bool:
        at, config = self.position, self.config
        return bool(
            at.epoch >= config.epochs
            # Within an epoch its end (validation, checkpoints) is still missing.
            or (config.max_steps and at.step >= config.max_steps and at.step_in_epoch == 0)
            or (config.patience and at.waited >= config.patience)
        )

    def _train_epoch(self) -> bool:
        """Run the remaining steps of one epoch; return False if a stop was requested."""
        at, config = self.position, self.config
        batches = epoch_batches(self.rows, config, at.epoch)
        self.source.start(at.epoch, batches[at.step_in_epoch :])
        while at.step_in_epoch < len(batches):
            if config.max_steps and at.step >= config.max_steps:
                break
            self._train_step(batches[at.step_in_epoch], len(batches))
            stop = self.should_stop() or self.run.stop_file.exists()
            if distributed.any_rank(stop, self.device):
                return False
            if time.monotonic() - self.saved >= config.save_every_seconds:
                self._save_state()
        return True

    def _train_step(self, batch: Batch, steps: int) -> None:
        at, config = self.position, self.config
        began = time.monotonic()
        rate = set_rate(self.optimizer, config, at.epoch + at.step_in_epoch / steps)
        generator = feature_generator(config.seed, at.epoch, at.step_in_epoch)
        self.optimizer.zero_grad(set_to_none=True)
        computed = self.source.backward(batch, generator)
        head = list(self.detector.head.parameters())
        distributed.reduce_gradients(self.tower_parameters, head)
        terms, (norm,) = computed.read(gradient_norm([*self.tower_parameters, *head]))
        self._refuse_non_finite(terms, norm, batch)
        self.optimizer.step()
        at.step, at.step_in_epoch = at.step + 1, at.step_in_epoch + 1
        at.crops, at.loss_sum = at.crops + terms.crops, at.loss_sum + terms.total
        spent = time.monotonic() - self.began
        speed = (at.crops - self.crops_at_start) / max(spent, 1e-9)
        # epochs of pairs differ by a batch: done ones count as they were, the rest like the first
        rest = config.epochs - at.epoch - 1
        total = at.step - at.step_in_epoch + steps + self.steps_per_epoch * rest
        total = min(total, config.max_steps) if config.max_steps else total
        self._report(
            "step",
            **terms.to_json(),
            learning_rate=rate,
            gradient_norm=norm,
            seconds=time.monotonic() - began,
            crops_per_second=speed,
            steps=total,
            seconds_left=(total - at.step) * at.crops / max(at.step, 1) / max(speed, 1e-9),
        )

    def _refuse_non_finite(self, terms: LossTerms, norm: float, batch: Batch) -> None:
        """Raise an error before NaN reaches the parameters (the authors set the loss to 0)."""
        if math.isfinite(terms.total) and math.isfinite(norm):
            return
        at = self.position
        rows = [self.rows[i] for i in indices(batch)]
        if self.lead:
            crops = [{"crop": r.crop, "video_id": r.video_id, "label": r.label} for r in rows]
            values = {k: repr(v) for k, v in terms.to_json().items()}
            record = {"epoch": at.epoch, "step": at.step, "terms": values, "rows": crops}
            runs.write_json(self.run.path / "nan_batch.json", record)
        raise ForensicsError(
            f"The loss or its gradient is not finite at step {at.step} (loss {terms.total}, "
            f"gradient norm {norm}).",
            f"The batch is listed in {self.run.path / 'nan_batch.json'}. Lower the learning rate, "
            "use fp32, or look at these crops.",
        )

    def _end_epoch(self) -> None:
        """Validate, keep the best, then write ``last`` and the state, in this order.

        A kill in between repeats the epoch's end with the same result.
        """
        at, config = self.position, self.config
        result = judge(self.detector, *self.source.validation(), self.manifest.val)
        if not math.isfinite(result.loss):
            raise ForensicsError(
                f"The validation loss after epoch {at.epoch} is {result.loss}.",
                "Lower the learning rate, or use fp32.",
            )
        key = list(result.rank_by(config.selection))
        better = not at.best_key or key > at.best_key
        train_loss = at.loss_sum / max(at.step_in_epoch, 1)
        record = {"epoch": at.epoch, "step": at.step, **result.to_json()}
        if better:
            at.best, at.best_key, at.waited = record, key, 0
        else:
            at.waited += 1
        if self.lead:
            if better:  # comparisons of runs read these scores, video by video
                self.run.write("validation", {**record, "videos": list(result.videos)})
            names = ["last", "best"] if better else ["last"]
            for name in names:
                self._save_detector(name, record)
        self._report("epoch", **record, train_loss=train_loss, best=better)
        at.epoch, at.step_in_epoch, at.loss_sum = at.epoch + 1, 0, 0.0
        self._save_state()

    def _save_detector(self, name: str, validation: dict[str, Any] | None) -> None:
        position = asdict(self.position)
        save_checkpoint(self.detector, self.run, name, self.config, position, validation)

    def _save_state(self) -> None:
        now = time.monotonic()
        self.position.seconds += now - self.saved
        self.saved = now
        if not self.lead:
            return
        if self.events is not None:
            self.events.flush()
        self.run.save_state(
            {
                "ids": self._ids(),
                "parameters": {
                    name: parameter.detach().cpu().clone()
                    for name, parameter in self.detector.named_parameters()
                    if parameter.requires_grad
                },
                "optimizer": self.optimizer.state_dict(),
                "position": asdict(self.position),
            }
        )
        self.run.set_status(runs.RUNNING, step=self.position.step, epoch=self.position.epoch)

    def _report(self, kind: str, **values: Any) -> None:
        if not self.lead:
            return
        at = self.position
        record = {"kind": kind, "epoch": at.epoch, "step": at.step, **values}
        self.run.append(record)
        if self.events is not None:
            self.events.add(record)
        if self.progress is not None:
            self.progress(record)

    def _end(self, stopped: bool) -> RunResult:
        at = self.position
        self._save_state()
        status = runs.STOPPED if stopped else runs.COMPLETED
        result = RunResult(
            status=status,
            run_dir=str(self.run.path),
            steps=at.step,
            epochs=at.epoch,
            crops=at.crops,
            seconds=at.seconds,
            best=at.best,
            checkpoint=str(self.run.checkpoint("best")) if at.best else None,
            unreadable=tuple(sorted(self.source.unreadable.items())),
            config_hash=self.config.hash,
            manifest_sha256=self.manifest.sha256,
        )
        self._report("end", status=status)
        if self.events is not None:
            self.events.close()
        if self.lead:
            if stopped:
                self._save_detector("last", None)
                self.run.stop_file.unlink(missing_ok=True)
            runs.write_json(self.run.path / "result.json", result.to_json())
            self.run.set_status(status, step=at.step, epoch=at.epoch, best=at.best)
        distributed.wait_for_all()
        return result
