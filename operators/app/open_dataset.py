"""Checks the dataset that is open when an operator's form is filled in."""

from __future__ import annotations

from typing import Any

import fiftyone as fo

from ...detector.errors import ForensicsError
from ..dataset import fields, partners


def require_dataset(ctx: Any, kind: str | None = None) -> fo.Dataset:
    """Return the current dataset after a check that it is one of ours.

    Args:
        ctx: execution context
        kind: ``"faces"``, ``"videos"`` or None for either

    Raises:
        ForensicsError: no dataset is open, or it is of the other kind
    """
    dataset = ctx.dataset
    if dataset is None:
        raise ForensicsError("No dataset is open.", "Open one, or run 'Import deepfake dataset'.")
    found = fields.describe(dataset).get("kind")
    if kind is None or found == kind or (kind == "faces" and found == "analyses"):
        return dataset
    role = partners.FACES if kind == "faces" else partners.VIDEOS
    linked, why = partners.partner(dataset, role), partners.why_lost(dataset, role)
    what = "a faces dataset" if kind == "faces" else "a video dataset"
    hint = f"Open {linked.name!r}." if linked is not None else "Run 'Extract faces' first."
    hint = f"{hint} Note that {why}." if why else hint
    raise ForensicsError(f"{dataset.name!r} is not {what}.", hint)
