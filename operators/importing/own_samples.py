"""Reads a person's samples in FiftyOne as videos: ids, frames, groups, splits, pairs.

It writes nothing.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fiftyone.core.media as fomm

from ...detector.errors import ForensicsError
from ...detector.files.frame_numbers import natural_key
from ...detector.records import FAKE, LABELS, REAL
from ..dataset import views
from ..importers.names import split_named
from .own_labels import CLIPS, FRAMES, PEOPLE, SLICES, Choice, labels, texts


@dataclass(frozen=True, slots=True)
class OwnSample:
    """One sample as we use it; ``label`` is None if it is unknown."""

    sample_id: str
    path: str
    label: int | None
    values: dict[str, Any]
    frame_number: int | None


def read(view: Any, kind: str, choice: Choice, name: str) -> list[OwnSample]:
    """Return the samples of ``view``, with everything that we keep of them.

    Args:
        view: result of :func:`.own_labels.flat_samples`
        kind: result of :func:`.own_labels.kind_of`
        choice: statements of the person
        name: beginning of every ``video_id``

    Raises:
        ForensicsError: see :func:`.own_labels.labels`; also if a split is unknown, two frames have
            the same number, or the frames of a video are real and fake
    """
    views.require_samples(view, "samples")
    ids, paths = view.values(["id", "filepath"])
    found = labels(view, choice)
    said = {
        argument: _column(view, getattr(choice, argument), argument)
        for argument in (
            *("source_field", "method_field", "compression_field", "split_field"),
            *("person_field", "video_field"),
        )
    }
    video_ids = _video_ids(view, kind, choice, name, paths, said["video_field"])
    rows = []
    numbers = _frame_numbers(view, kind, choice, video_ids, paths)
    splits = (
        _splits_of_tags(view)
        if choice.split_field == "tags"
        else [_split(text, choice.split_field) for text in said["split_field"]]
    )
    for i, label in enumerate(found):
        method = said["method_field"][i] or ("unknown" if label == FAKE else "")
        values: dict[str, Any] = {
            "video_id": video_ids[i],
            "source_dataset": said["source_field"][i] or name,
            "method": "original" if label == REAL else method or None,
            "family": {REAL: "none", FAKE: "unknown"}.get(label) if label is not None else None,
            "compression": said["compression_field"][i],
            "split": splits[i],
            "split_source": "official" if splits[i] else None,
            "target_id": said["person_field"][i],
            "pair_status": "none",
        }
        rows.append(OwnSample(ids[i], paths[i], label, values, numbers[i]))
    _require_one_label(rows, kind, choice)
    _group(rows, view, kind, choice)
    if kind == SLICES:
        _pair(rows, view)
    return rows


def _column(view: Any, field: str | None, argument: str) -> list[str | None]:
    if not field:
        return [None] * len(view)
    return [row[0] if row else None for row in texts(view, field, argument)]


def _split(text: str | None, field: str | None) -> str | None:
    if text is None:
        return None
    found = split_named(text)
    if found is None:
        raise ForensicsError(
            f"{field!r} holds {text!r}, which is not a split.",
            "Splits are train, val (validation, dev) and test.",
            "split_field",
        )
    return found


def _splits_of_tags(view: Any) -> list[str | None]:
    """Return the split that a sample's tags say; other tags are about other things.

    Raises:
        ForensicsError: the tags of one sample say two splits
    """
    out: list[str | None] = []
    for tags in view.values("tags"):
        found = sorted({split for tag in tags or () if (split := split_named(tag))})
        if len(found) > 1:
            raise ForensicsError(
                f"A sample is tagged {' and '.join(found)}.", "Keep one of them.", "split_field"
            )
        out.append(found[0] if found else None)
    return out


def _video_ids(
    view: Any, kind: str, choice: Choice, name: str, paths: list[str], said: list[str | None]
) -> list[str]:
    """Return an id for each sample: the same for frames of one video, else all different."""
    if choice.video_field:
        if view.media_type == fomm.VIDEO:
            raise ForensicsError(
                "Each sample is a video itself.", "Leave the field out.", "video_field"
            )
        missing = next((path for path, text in zip(paths, said, strict=True) if not text), None)
        if missing is not None:
            raise ForensicsError(
                f"{choice.video_field!r} has no value for {missing!r}.",
                "Choose a field that names the video of every image.",
                "video_field",
            )
        return [f"{name}/{text}" for text in said]
    root = os.path.commonpath([str(Path(path).parent) for path in paths])
    stems = [str(Path(path).relative_to(root).with_suffix("")) for path in paths]
    if kind == FRAMES:
        return [f"{name}/{source}" for source in view.values("sample_id")]
    if kind == CLIPS:
        parts = [f"{first}-{last}" for first, last in view.values("support")]
        stems = [f"{stem}/{part}" for stem, part in zip(stems, parts, strict=True)]
    if kind == PEOPLE:
        stems = [f"{stem}/{i[-8:]}" for stem, i in zip(stems, view.values("id"), strict=True)]
    count = Counter(stems)
    last = [sample_id[-8:] for sample_id in view.values("id")]
    return [
        f"{name}/{s}" if count[s] == 1 else f"{name}/{s}-{i}"
        for s, i in zip(stems, last, strict=True)
    ]


def _frame_numbers(
    view: Any, kind: str, choice: Choice, video_ids: list[str], paths: list[str]
) -> list[int | None]:
    """Return 1-based frame numbers of images: from a field, else in the order of the file names."""
    if view.media_type == fomm.VIDEO:
        return [None] * len(paths)
    field = choice.frame_field or ("frame_number" if kind == FRAMES else None)
    of_video: dict[str, list[int]] = defaultdict(list)
    for i, video_id in enumerate(video_ids):
        of_video[video_id].append(i)
    out: list[int | None] = [None] * len(paths)
    if field is None:
        for rows in of_video.values():
            ordered = sorted(rows, key=lambda i: natural_key(paths[i]))
            for number, i in enumerate(ordered, 1):
                out[i] = number
        return out
    for i, text in enumerate(_column(view, field, "frame_field")):
        if text is None or not text.isdigit() or int(text) < 1:
            raise ForensicsError(
                f"{field!r} gives {text!r} for {paths[i]!r}, which is not a frame number.",
                "Frames are whole numbers from 1.",
                "frame_field",
            )
        out[i] = int(text)
    for video_id, rows in of_video.items():
        if len({out[i] for i in rows}) < len(rows):
            raise ForensicsError(
                f"Two images of the video {video_id!r} have the same frame number.",
                "Choose other fields for the video and the frame.",
                "frame_field",
            )
    return out


def _require_one_label(rows: Sequence[OwnSample], kind: str, choice: Choice) -> None:
    seen: dict[str, int | None] = {}
    whole: dict[str, int | None] = {}
    for row in rows:
        if kind not in (CLIPS, PEOPLE) and whole.setdefault(row.path, row.label) != row.label:
            raise ForensicsError(
                f"The file {row.path!r} is in two samples with different labels.",
                "Delete one of them, or correct its label.",
                "label_field",
            )
        video_id = row.values["video_id"]
        if seen.setdefault(video_id, row.label) != row.label:
            raise ForensicsError(
                f"The images of the video {video_id!r} have different labels.",
                f"A video is {LABELS[0]} or {LABELS[1]}; choose another field.",
                "video_field" if choice.video_field else "label_field",
            )


def _group(rows: Sequence[OwnSample], view: Any, kind: str, choice: Choice) -> None:
    """Give each sample its ``group_id``: samples with a common file, source or value share it."""
    columns: list[tuple[str, list[str | None]]] = [
        ("video", [row.values["video_id"] for row in rows]),
        ("file", [row.path for row in rows]),
    ]
    if kind in (CLIPS, PEOPLE, FRAMES):
        columns.append(("source", [str(i) for i in view.values("sample_id")]))
    if kind == SLICES:
        columns.append(("group", view.values(f"{_group_field(view)}.id")))
    for name in dict.fromkeys(filter(None, (*choice.group_fields, choice.person_field))):
        argument = "group_fields" if name in choice.group_fields else "person_field"
        columns.append((f"field {name}", _column(view, name, argument)))
    above: dict[Any, Any] = {}

    def top(node: Any) -> Any:
        while above.setdefault(node, node) != node:
            above[node] = node = above[above[node]]
        return node

    for i, _ in enumerate(rows):
        for name, values in columns:
            if values[i] is not None:
                above[top((name, values[i]))] = top(("sample", i))
    first: dict[Any, str] = {}
    for i, row in enumerate(rows):
        row.values["group_id"] = first.setdefault(top(("sample", i)), row.values["video_id"])


def _group_field(view: Any) -> str:
    return view._root_dataset.group_field


def _pair(rows: Sequence[OwnSample], view: Any) -> None:
    """Pair each fake with the only real of its group."""
    reals: dict[str, list[str]] = defaultdict(list)
    groups = view.values(f"{_group_field(view)}.id")
    for row, group in zip(rows, groups, strict=True):
        if row.label == REAL:
            reals[group].append(row.values["video_id"])
    for row, group in zip(rows, groups, strict=True):
        if row.label == FAKE:
            there = reals[group]
            status = {0: "missing", 1: "present"}.get(len(there), "ambiguous")
            row.values["pair_id"] = there[0] if len(there) == 1 else None
            row.values["pair_status"] = status
