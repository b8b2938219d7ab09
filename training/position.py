"""Where a run is, and how it ended: the few numbers beside its parameters. No torch here."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Position:
    """Where a run is; saved with the parameters.

    Attributes:
        epoch: the epoch in hand, 0-based
        step_in_epoch: steps done in it
        step: optimiser steps done in all
        crops: training crops seen in all
        loss_sum: sum of the epoch's losses
        best: validation record of the best checkpoint, empty before the first validation
        best_key: what that record is ranked by
        waited: epochs since then
        seconds: spent so far, over all starts
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
    """How a run ended.

    Attributes:
        status: ``completed`` or ``stopped`` (the same call resumes it)
        run_dir: its folder
        steps, epochs, crops, seconds: done so far, over all starts
        best: validation record of the best checkpoint with its ``epoch`` and ``step``
        checkpoint: folder of the best detector, None before the first validation
        unreadable: training crops that could not be read in this start, with reasons
        config_hash, manifest_sha256: what the numbers belong to
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
        """Plain dict."""
        return asdict(self)
