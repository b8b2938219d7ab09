"""Finds copies of a file, and videos that look like it, in the datasets of this database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fiftyone as fo

from ...detector.file_facts.frame_hashes import frame_hashes, near
from ...detector.frames.frame import FrameError
from ...detector.progress import Progress, ShouldStop
from ..dataset import fields, run_names, stored_runs, views
from ..dataset.dataset_changes import documents

OWN = ""  # stands for the file itself among what could not be read
_NONE = "no frame to compare (unreadable, or all of one colour)"


@dataclass(frozen=True)
class Compared:
    """The videos that a file is compared with.

    Attributes:
        hashes: frame hashes by "dataset: video"
        unread: by dataset, a sentence on what cannot be compared; "" for nothing
    """

    hashes: dict[str, tuple[int, ...]]
    unread: dict[str, str]

    def looks_of(self, mine: Sequence[int]) -> list[str]:
        """Return the videos that look like frames with the hashes ``mine``, the nearest first."""
        return [
            f"{one.name} ({one.frames} of {one.of} frames, {one.bits:g} of 64 bits apart)"
            for one in near(mine, self.hashes)
        ]

    def unread_for(self, mine: Sequence[int], earlier: dict[str, str]) -> dict[str, str]:
        """Return what is still not compared with a file, after what was said ``earlier``."""
        own = "" if mine else f"It has {_NONE}: only the same bytes were looked for."
        said = {**earlier, **self.unread, OWN: own}
        return {dataset: sentence for dataset, sentence in said.items() if sentence}


def compared_with(
    datasets: Sequence[fo.Dataset], progress: Progress, should_stop: ShouldStop
) -> Compared:
    """Return the videos of ``datasets``, each read once; its hashes are kept with its dataset.

    Raises:
        ForensicsError: a dataset names no videos
        Cancelled: ``should_stop`` returned True; what was hashed is kept
    """
    hashes: dict[str, tuple[int, ...]] = {}
    unread: dict[str, str] = {}
    for dataset in datasets:
        found = _hashes_of(dataset, progress, should_stop)
        hashes |= {f"{dataset.name}: {video}": values for video, values in found.items()}
        lost = sum(not values for values in found.values())
        words = f"{dataset.name}: {lost} of {len(found)} videos have {_NONE} and are left out."
        unread[dataset.name] = words if lost else ""
    return Compared(hashes, unread)


def copies(sha256: str, case: fo.Dataset) -> list[str]:
    """Return where the very file is in other datasets of ours than ``case``, by its sha256."""
    kinds = {f"info.{fields.INFO_KEY}.kind": {"$in": ["faces", "analyses"]}}
    found = []
    for row in documents("datasets").find(kinds, {"name": 1}):
        if row["_id"] == case._doc.id or not fo.dataset_exists(row["name"]):
            continue
        dataset = fo.load_dataset(row["name"])
        if not dataset.has_field(fields.SOURCE_SHA256):
            continue
        same = dataset.match({fields.SOURCE_SHA256: sha256})
        names = same.distinct("file_path" if dataset.has_field("file_path") else "video_id")
        found += [f"{dataset.name}: {name} (the same bytes)" for name in names]
    return found


def _hashes_of(
    dataset: fo.Dataset, progress: Progress, should_stop: ShouldStop
) -> dict[str, tuple[int, ...]]:
    """Return the frame hashes of each video, none for one that cannot be read."""
    path = "video_path" if dataset.has_field("video_path") else "filepath"
    views.require_fields(dataset, ["video_id", path], "Import deepfake dataset")
    wanted = dict(zip(*dataset.values(["video_id", path]), strict=True))
    name = run_names.FRAME_HASHES + "files"
    kept: dict[str, Any] = {}
    if stored_runs.info_of(dataset, run_names.FRAME_HASHES, "files") is not None:
        kept = stored_runs.results_of(dataset, name).get("videos") or {}
    found: dict[str, list[Any]] = {}
    try:
        for number, (video, file) in enumerate(wanted.items(), 1):
            state = _state(file)
            if state and kept.get(video, [""])[0] == state:
                found[video] = kept[video]
            elif state:
                try:
                    values = frame_hashes(file, should_stop)
                except (FrameError, OSError):
                    values, state = (), ""  # tried again the next time
                found[video] = [state, [f"{value:016x}" for value in values]]
            progress(number, len(wanted), "videos compared")
    finally:
        if any(kept.get(video) != row for video, row in found.items()):
            method = run_names.method_of(run_names.FRAME_HASHES)
            results = {"videos": {**kept, **found}}
            stored_runs.put(dataset, name, method=method, results=results)
    return {
        video: tuple(int(value, 16) for value in found.get(video, ["", []])[1]) for video in wanted
    }


def _state(file: str | None) -> str:
    """Return what changes when a file does, so that no hash is of other bytes; "" if it is gone."""
    if not file:
        return ""
    try:
        about = Path(file).stat()
    except OSError:
        return ""
    return f"{file} {about.st_size} {about.st_mtime_ns}"
