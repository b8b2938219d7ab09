"""Finds the faces that a detector has seen: trained on, validated on, or calibrated on.

Rates on seen faces are too good. A face counts as seen if its group, its video or its own file was
in what the detector was trained or fitted on. This is known of detectors whose training run is on
this machine, and of calibrations of the dataset.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np

from ...detector.audit.basis import FittedOn
from ...detector.audit.columns import CONTENT, SEEN, Coded, FaceColumns
from ...detector.errors import ForensicsError
from ...detector.files.paths import given
from ...training.manifest import Manifest
from . import fields, run_names, stored_runs, views
from .rebuild_cache import RebuildCache

TRAINED, VALIDATED, CALIBRATED = "trained on", "validated on", "calibrated on"
KINDS = (TRAINED, VALIDATED, CALIBRATED)  # the first that applies is reported
_MANIFESTS = RebuildCache(8)


@dataclass(frozen=True)
class Seen:
    """The material that a detector has seen.

    Attributes:
        parts: kind of :data:`KINDS` -> groups (videos if there are none) and files
        known: whether its training material is known here
    """

    parts: dict[str, FittedOn]
    known: bool


def seen_by(faces: fo.Dataset, key: str) -> Seen:
    """Return what the detector behind the scores of ``key`` has seen, if known on this machine."""
    parts: dict[str, FittedOn] = {}
    manifest = _manifest(faces, key)
    if manifest is not None:
        for kind, rows in ((TRAINED, manifest.train), (VALIDATED, manifest.val)):
            units = {row.group_id or row.video_id for row in rows}
            files = {row.source_sha256 for row in rows} - {""}
            parts[kind] = FittedOn(frozenset(units), frozenset(files))
    if stored_runs.config_of(faces, run_names.CALIBRATION, key) is not None:
        # its view cannot be opened if a field that it filters by is gone
        with contextlib.suppress(AttributeError, KeyError, ValueError):
            parts[CALIBRATED] = fitted_on(faces.load_run_view(run_names.CALIBRATION + key))
    return Seen(parts, manifest is not None)


def fitted_on(samples: Any) -> FittedOn:
    """Return the groups and files of the faces of ``samples``."""
    view = views.flat(samples)
    names = {"group": "$group_id", "video": "$video_id", "file": f"${fields.SOURCE_SHA256}"}
    rows = [row["_id"] for row in view._aggregate(pipeline=[{"$group": {"_id": names}}])]
    units = {row.get("group") or row.get("video") for row in rows}
    contents = {row.get("file") for row in rows}
    return FittedOn(frozenset(units - {None, ""}), frozenset(contents - {None, ""}))


def marked(faces: fo.Dataset, key: str, table: FaceColumns) -> FaceColumns:
    """Return ``table`` with the text column :data:`SEEN`: one of :data:`KINDS`, or no value."""
    found = seen_by(faces, key)
    codes = np.full(len(table), -1, np.int32)
    group, content = table.groups, table.texts.get(CONTENT)
    for code, kind in reversed(list(enumerate(KINDS))):
        part = found.parts.get(kind)
        if part is None:
            continue
        codes[_among(group, part.units)] = code
        if content is not None:
            codes[_among(content, part.contents)] = code
    return replace(table, texts={**table.texts, SEEN: Coded(codes, KINDS)})


def _among(column: Coded, names: frozenset[str]) -> np.ndarray:
    """Return (N,) whether the value is one of ``names``."""
    known = np.array([*(value in names for value in column.values), False])
    return known[column.codes]


def words(seen: Coded | None, unit: str) -> str:
    """Say in a sentence how many of some units the detector has seen; "" for none.

    Args:
        seen: column of the units, see :func:`marked`
        unit: face, person or video
    """
    if seen is None or not (seen.codes >= 0).any():
        return ""
    counts = np.bincount(seen.codes[seen.codes >= 0], minlength=len(seen.values))
    each = ", ".join(f"{n:,} {seen.values[i]}" for i, n in enumerate(counts.tolist()) if n)
    return (
        f"The detector has seen {int(counts.sum()):,} of these {len(seen.codes):,} {unit}s "
        f"({each}): rates on them are optimistic."
    )


def _manifest(faces: fo.Dataset, key: str) -> Manifest | None:
    """Return what the checkpoint behind ``key`` was trained on, or None if unknown here."""
    config = fields.scores_config(faces, key)
    # out-of-fold heads have not seen what they score, but the embeddings' detector may have
    base = (getattr(config, "out_of_fold", None) or {}).get("detector")
    if base:
        config = fields.scores_config(faces, base)
    source = getattr(config, "detector", None)
    if not isinstance(source, str) or not Path(source).is_absolute():
        return None
    try:
        path = given(source, "detector").parent.parent / "manifest.jsonl"
        if path.parent.name == "" or not path.is_file():
            return None
        stat = path.stat()
        return _MANIFESTS.get(
            (str(path), stat.st_mtime_ns, stat.st_size), lambda: Manifest.load(path)
        )
    except (ForensicsError, OSError):  # outside the allowed folders, damaged, or gone meanwhile
        return None
