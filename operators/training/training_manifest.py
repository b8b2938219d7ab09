"""Freezes the chosen view into a training manifest: which faces train, and which validate."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.records import LABELS
from ...training.leaks import unit_names
from ...training.manifest import Manifest, ManifestReport, ManifestRow
from ..dataset import derived, fields, views

OFFICIAL, ASIDE = "split", "groups"
_COLUMNS = (
    "filepath",
    f"{fields.GROUND_TRUTH}.label",
    "video_id",
    "frame_number",
    "track",
    "pair_id",
    "group_id",
    "split",
    "method",
    "source_dataset",
    "recipe",
    "crop_landmarks",
    "subject",
    "target_id",
    "source_id",
    "tags",
    fields.SOURCE_SHA256,
    fields.CROP_SHA256,
    fields.SHOWN_FOR,
)
_OPTIONAL = ("target_id", "source_id", "tags", *_COLUMNS[-3:])


@dataclass(frozen=True)
class Contents:
    """A manifest, and what a user should know about it before the start.

    Attributes:
        manifest: its rows
        report: result of :meth:`Manifest.check`
        left_out: number of faces of the view that are not used, by reason
        validation: how the validation videos were chosen, in words
        warnings: those of the report, and identities on both sides
        weighted: number of training faces by the factor that their tags gave them
    """

    manifest: Manifest
    report: ManifestReport
    left_out: dict[str, int]
    validation: str
    warnings: tuple[str, ...]
    weighted: dict[float, int]


def read(
    samples: Any,
    *,
    validation: str = "auto",
    validation_fraction: float = 0.2,
    tag_weights: Mapping[str, float] | None = None,
    seed: int = 0,
    files: bool = True,
) -> Contents:
    """Freeze the faces of ``samples`` into training and validation rows, and check them.

    Faces of split ``test`` are never used, nor are faces that do not show the video's subject.

    Args:
        samples: faces dataset or view
        validation: ``split`` (faces of split ``val`` validate), ``groups`` (whole groups are drawn
            from all faces, whatever their split), the name of a saved view (its videos validate,
            the others train), or ``auto``: ``split`` if there is a face of it, else ``groups``
        validation_fraction: share of the groups that ``groups`` draws
        tag_weights: sample tag -> how much more often such a face is drawn, for example
            ``{"hard:high_loss": 3}``; of several tags the largest factor counts
        seed: seed of the draw
        files: whether to check that each crop is on disk

    Raises:
        ForensicsError: if the view is empty or holds only test faces, or :meth:`Manifest.check`
            refuses it
    """
    view = views.flat(samples)
    used, left_out = usable_rows(view)
    words = _choose_validation(used, view, validation, validation_fraction, seed)
    factors = _factors(used, tag_weights or {})
    manifest = Manifest(
        manifest_row(row, factor) for row, factor in zip(used, factors, strict=True)
    )
    report = manifest.check(files=files)
    return Contents(
        manifest,
        report,
        left_out,
        words,
        (*report.warnings, *_identity_warnings(used), *_queue_warnings(view, tag_weights or {})),
        dict(Counter(f for row, f in zip(used, factors, strict=True) if row["split"] == "train")),
    )


def usable_rows(view: Any) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return the usable faces as dicts of their columns, and how many others there are, by reason.

    Raises:
        ForensicsError: if the view is empty or holds only test faces, or fields are missing
    """
    views.require_samples(view, "faces")
    names = [name for name in _COLUMNS if name not in _OPTIONAL]
    views.require_fields(view, names, "Extract faces")
    schema = view.get_field_schema()
    names += [name for name in _OPTIONAL if name in schema]
    names.append("id")
    rows = [dict(zip(names, row, strict=True)) for row in zip(*view.values(names), strict=True)]
    used, left_out = [], Counter()
    for row in rows:
        if row["split"] == "test":
            left_out["test split, never trained on"] += 1
        elif row["subject"] is False:
            left_out["not the subject"] += 1
        elif row[f"{fields.GROUND_TRUTH}.label"] not in LABELS:
            left_out["neither real nor fake by its ground truth"] += 1
        else:
            used.append(row)
    if not used:
        raise ForensicsError(
            "The view holds only faces of the test split, and those are never trained on."
            if left_out.keys() == {"test split, never trained on"}
            else f"No face of the view can be learnt from: {_some(left_out)}.",
            "Choose a view with faces of the training split.",
        )
    return used, dict(left_out)


def _some(left_out: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {reason}" for reason, n in left_out.items())


def _choose_validation(
    rows: Sequence[dict[str, Any]], view: Any, how: str, fraction: float, seed: int
) -> str:
    """Set ``split`` of each row to ``train`` or ``val``; return in words how it was chosen."""
    official = any(row["split"] == "val" for row in rows)
    if how == "auto":
        how = OFFICIAL if official else ASIDE
    if how == OFFICIAL:
        if not official:
            raise ForensicsError(
                "No face of the view has split 'val'.",
                "Widen the view, or have groups set aside for validation.",
                "validation",
            )
        val = {id(row) for row in rows if row["split"] == "val"}
        words = "the split 'val' of the source"
    elif how == ASIDE:
        # the same file in two groups, or a pair across groups, joins them to one unit
        named = unit_names([manifest_row({**row, "split": "train"}) for row in rows])
        groups = groups_aside(named, fraction, seed)
        val = {id(row) for row, name in zip(rows, named, strict=True) if name in groups}
        words = f"{len(groups)} groups set aside here (seed {seed})"
    else:
        videos = _videos_of(views.dataset_of(view), how)
        val = {id(row) for row in rows if row["video_id"] in videos}
        words = f"the videos of the saved view {how!r}"
    for row in rows:
        row["split"] = "val" if id(row) in val else "train"
    return words


def _videos_of(dataset: fo.Dataset, name: str) -> set[str]:
    if not dataset.has_saved_view(name):
        raise ForensicsError(
            f"{dataset.name!r} has no saved view {name!r} to validate on.",
            f"Give 'split', 'groups' or one of: {', '.join(dataset.list_saved_views())}.",
            "validation",
        )
    chosen = views.flat(dataset.load_saved_view(name))
    if "test" in chosen.distinct("split"):
        raise ForensicsError(
            f"The saved view {name!r} holds faces of the test split.",
            "A checkpoint is never chosen on test material; filter the view.",
            "validation",
        )
    return set(chosen.distinct("video_id"))


def groups_aside(groups: Sequence[str], fraction: float, seed: int) -> set[str]:
    """Return about ``fraction`` of the distinct ``groups``, at least one and never all.

    Raises:
        ForensicsError: if there is only one group, or the share is outside (0, 1)
    """
    import numpy as np

    if not isinstance(fraction, Real) or not 0 < fraction < 1:
        raise ForensicsError(
            f"A validation share of {fraction} leaves nothing on one side.",
            "It must be between 0 and 1.",
            "validation_fraction",
        )
    names = sorted(set(groups))
    if len(names) < 2:
        raise ForensicsError(
            "All faces belong to one group, so nothing independent is left to validate on.",
            "Choose a view with more videos.",
        )
    count = min(max(1, round(fraction * len(names))), len(names) - 1)
    chosen = np.random.default_rng(seed).permutation(len(names))[:count]
    return {names[i] for i in chosen}


def _group(row: dict[str, Any]) -> str:
    return row["group_id"] or row["video_id"]


def _factors(rows: Sequence[dict[str, Any]], tag_weights: Mapping[str, float]) -> list[float]:
    for tag, factor in tag_weights.items():
        if not isinstance(factor, Real) or not factor > 0:
            raise ForensicsError(
                f"The weight {factor} of the tag {tag!r} cannot be used.",
                "It must be more than 0; 1 changes nothing.",
                "tag_weights",
            )
    found = [
        max((float(tag_weights[t]) for t in row.get("tags") or () if t in tag_weights), default=1.0)
        for row in rows
    ]
    if tag_weights and all(f == 1.0 for f in found):
        raise ForensicsError(
            f"No face of the view has a tag of {', '.join(map(repr, tag_weights))}.",
            "Fill the queues with 'Find hard examples' first, or widen the view.",
            "tag_weights",
        )
    return found


def manifest_row(row: dict[str, Any], weight: float = 1.0) -> ManifestRow:
    """Return the manifest row of one of :func:`usable_rows`, whose ``split`` is set."""
    points = row["crop_landmarks"]
    return ManifestRow(
        crop=row["filepath"],
        label=LABELS.index(row[f"{fields.GROUND_TRUTH}.label"]),
        video_id=row["video_id"],
        frame_number=fields.frame_index(row["frame_number"] or 1),
        track=row["track"] or 0,
        pair_id=row["pair_id"],
        group_id=_group(row),
        split=row["split"],
        weight=weight if row["split"] == "train" else 1.0,
        method=row["method"] or "",
        source_dataset=row["source_dataset"] or "",
        recipe_hash=row["recipe"] or "",
        crop_landmarks=tuple(zip(points[::2], points[1::2], strict=True)) if points else None,
        source_sha256=row.get(fields.SOURCE_SHA256) or "",
        crop_sha256=row.get(fields.CROP_SHA256) or "",
        shown_for=tuple(row.get(fields.SHOWN_FOR) or ()),
    )


def _identity_warnings(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Warn of persons in training and validation, which is allowed because groups are apart."""
    sides: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        for name in ("target_id", "source_id"):
            if row.get(name):
                sides[row["source_dataset"] or "", row[name]].add(row["split"])
    both = sorted(" / ".join(who) for who, found in sides.items() if len(found) > 1)
    if not both:
        return []
    shown = ", ".join(both[:5]) + (f" and {len(both) - 5} more" if len(both) > 5 else "")
    return [f"{len(both)} identities are in training and in validation: {shown}."]


def _queue_warnings(view: Any, tag_weights: Mapping[str, float]) -> list[str]:
    """Warn of tags whose queues were filled from other scores, labels or faces than the present."""
    dataset = views.dataset_of(view)
    return [
        f"Faces are weighted by the tag 'hard:{stale.what}', but that queue of {key} is out of "
        f"date: {stale.why}. Run {stale.made_by!r} again."
        for key in fields.detector_keys(dataset)
        for stale in derived.stale_numbers(dataset, key)
        if stale.kind == "queue" and f"hard:{stale.what}" in tag_weights
    ]


def counts(manifest: Manifest) -> dict[str, dict[str, int]]:
    """Count the faces, videos and groups of each split and label."""
    out: dict[str, dict[str, int]] = {}
    for split, rows in (("train", manifest.train), ("val", manifest.val)):
        out[split] = {
            "real_faces": sum(row.label == 0 for row in rows),
            "fake_faces": sum(row.label == 1 for row in rows),
            "videos": len({row.video_id for row in rows}),
            "groups": len({row.group_id for row in rows}),
        }
    return out
