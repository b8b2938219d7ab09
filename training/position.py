"""Records the position of a run and its result, without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Position:
    """The position of a run, saved with the parameters.

    Attributes:
        epoch: the current epoch, 0-based
        step_in_epoch: finished steps in it
        step: finished optimiser steps in total
        crops: training crops seen in total
        loss_sum: sum of the losses in this epoch
        best: validation record of the best checkpoint, empty before the first validation
        best_key: ranking key of that record
        waited: epochs since that record
        seconds: time spent so far, over all starts
    """

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    crops: int = 0
    loss_sum: float = 0.0
    best: dict[str, Any] = field(default_factory=dict)
    best_key: list[float] = field(default_factory=list)
    waited: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a run.

    Attributes:
        status: ``completed`` or ``stopped`` (the same call resumes it)
        run_dir: folder of the run
        steps, epochs, crops, seconds: done so far, over all starts
        best: validation record of the best checkpoint with its ``epoch`` and ``step``
        checkpoint: folder of the best detector, or None before the first validation
        unreadable: training crops that could not be read since the last start, with reasons
        config_hash, manifest_sha256: config and manifest of the run
    """

    status: str
    run_dir: str
    steps: int
    epochs: int
    crops: int
    seconds: float
    best: dict[str, Any]
    checkpoint: str | None
    unreadable: tuple[tuple[str, str], ...]
    config_hash: str
    manifest_sha256: str

    def to_json(self) -> dict[str, Any]:
        """Return the result as a plain dict."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> RunResult:
        """Return the result of :meth:`to_json`, read back from JSON."""
        return cls(**{**values, "unreadable": tuple(map(tuple, values["unreadable"]))})
