"""Keeps the scores of a key in one precision, which its run records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fiftyone as fo

from ...detector.device import CPU, default_precision
from ...detector.errors import ForensicsError
from ..dataset import fields, stored_runs

if TYPE_CHECKING:
    from ...detector.model.detector import Detector


def _own_run(dataset: fo.Dataset, key: str, model: Detector) -> Any | None:
    """Return the run of the scores of ``key`` if ``model`` made them, or None."""
    config: Any = fields.scores_config(dataset, key)
    same = getattr(config, "checkpoint_sha256", None) == model.sha256
    return config if same else None


def beside(dataset: fo.Dataset, key: str, model: Detector) -> str:
    """Return the precision of scores that are compared with those of ``key``.

    On a CPU that is fp32 for scores in fp16, which a CPU emulates and which are within 0.0001.
    """
    known = getattr(_own_run(dataset, key, model), "precision", None)
    usual = default_precision(model.device)
    return usual if known is None or (known, usual) == ("fp16", "fp32") else known


def settled(
    dataset: fo.Dataset,
    key: str,
    model: Detector,
    asked: str | None,
    kind: str | None,
    overwrite: bool = False,
) -> str | None:
    """Return the precision in which faces are scored with ``model`` under ``key``.

    A key that has scores goes on in theirs. An earlier version did not record it; it used
    :func:`detector.device.default_precision`.

    Args:
        asked: precision that the caller names
        kind: type of the device that scores, ``cpu`` or ``cuda``; None: not known yet, and the
            result is None if it decides
        overwrite: allow another precision than that of the scores that are there

    Raises:
        ForensicsError: ``asked`` is not the precision of the scores that are there
    """
    from ...detector.model.scoring_precision import scoring_precision

    run = _own_run(dataset, key, model)
    known = getattr(run, "precision", None)
    if asked:
        if known not in (None, asked) and not overwrite:
            raise ForensicsError(
                f"The key {key!r} holds scores in {known}, not {asked}.",
                f"Use {known}, choose another key, or allow overwriting.",
                "precision",
            )
        return asked
    if known is None and kind is not None:
        return scoring_precision(model, None, kind) if run is None else default_precision(kind)
    if known == "fp16" and kind == CPU:
        raise ForensicsError(
            f"The key {key!r} holds scores in fp16, which a CPU only emulates.",
            "Score on a GPU, give the precision fp16 (slow), or choose another key.",
            "precision",
        )
    return known


def note(dataset: fo.Dataset, names: fields.ScoreFields, precision: str) -> None:
    """Record the precision of a key whose faces are about to get their first scores."""
    config: Any = fields.scores_config(dataset, names.key)
    if getattr(config, "precision", None) is None and not len(dataset.exists(names.p_fake)):
        stored_runs.change(dataset, names.run, precision=precision)
