"""Defines the frozen list of crops that a run trains and validates on, and checks it.

A manifest is written once, before the first step. The run, its checkpoints and the dataset's record
name its sha256, which is that of the file, so that any tool can compare it. This module does not
import torch.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..detector.errors import ForensicsError
from ..detector.files.atomic import write_bytes
from ..detector.files.same_files import same_files, sizes_of
from ..detector.records import FAKE, LABELS, REAL, Reason, canonical_json, known_keys
from .leaks import leaks

SPLITS = ("train", "val")
LEAST_CROPS = 2
"""Fewest training crops of each class: the pair losses need a pair."""


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One crop.

    Attributes:
        crop: absolute path of the image file
        label: 0 real, 1 fake
        video_id: id of its video
        frame_number: 0-based index of the frame
        track: number of the face track in the video
        pair_id: ``video_id`` of the real that a fake was made from, or None
        group_id: the leakage unit: rows of one group share a split
        split: ``train`` or ``val``; rows of a test split are refused
        weight: relative probability of a draw, if the config uses weights; 0 or more
        method: manipulation method, ``original`` for reals
        source_dataset: name of the dataset
        recipe_hash: hash of the crop recipe
        crop_landmarks: five (x, y) points in pixels of the crop, or None
        source_sha256: hash of the video file that the crop was cut from, if known
        crop_sha256: hash of the image file, if extraction stored it; another file is not trained on
        shown_for: of a real that shows several persons: ids of the fakes that manipulate this one
    """

    crop: str
    label: int
    video_id: str
    frame_number: int
    track: int = 0
    pair_id: str | None = None
    group_id: str = ""
    split: str = "train"
    weight: float = 1.0
    method: str = ""
    source_dataset: str = ""
    recipe_hash: str = ""
    crop_landmarks: tuple[tuple[float, float], ...] | None = None
    source_sha256: str = ""
    crop_sha256: str = ""
    shown_for: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict, the inverse of :meth:`from_json`; unknown hashes are left out.

        Without hashes the dict is the same as before version 0.4.
        """
        data = asdict(self)
        for name in ("source_sha256", "crop_sha256", "shown_for"):
            if not data[name]:
                del data[name]
        return data

    @property
    def scene(self) -> str:
        """``video_id`` of the real under this crop, the same for a real and its fakes."""
        return self.pair_id if self.label == FAKE and self.pair_id else self.video_id

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ManifestRow:
        """Return the row from its JSON; unknown keys raise :class:`ForensicsError`."""
        data = dict(known_keys(cls, data))
        data["shown_for"] = tuple(data.get("shown_for", ()))
        points = data.get("crop_landmarks")
        if points is not None:
            data["crop_landmarks"] = tuple((float(x), float(y)) for x, y in points)
        return cls(**data)


@dataclass(frozen=True, slots=True)
class ManifestReport:
    """The content of a manifest in numbers; returned by :meth:`Manifest.check`.

    Attributes:
        crops, videos, groups: per split and label name, for example ``crops["train"]["real"]``
        methods: training crops per method
        paired_fakes: share of training fake crops whose real crop at the same frame is included
        paired_videos: share of training fake videos whose real video is included
        recipe_hash: the one crop recipe of all rows
        warnings: sentences on content that is allowed but risky
    """

    crops: dict[str, dict[str, int]]
    videos: dict[str, dict[str, int]]
    groups: dict[str, int]
    methods: dict[str, int]
    paired_fakes: float | None
    paired_videos: float | None
    recipe_hash: str
    warnings: tuple[str, ...] = field(default=())


class Manifest:
    """The rows in one canonical order, which does not depend on the order given."""

    def __init__(self, rows: Iterable[ManifestRow]) -> None:
        self.rows = tuple(
            sorted(rows, key=lambda r: (r.video_id, r.frame_number, r.track, r.crop, r.split))
        )

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def train(self) -> tuple[ManifestRow, ...]:
        """Rows of split ``train``."""
        return tuple(row for row in self.rows if row.split == "train")

    @cached_property
    def val(self) -> tuple[ManifestRow, ...]:
        """Rows of split ``val``."""
        return tuple(row for row in self.rows if row.split == "val")

    @cached_property
    def _bytes(self) -> bytes:
        return b"".join(canonical_json(row.to_json()).encode() + b"\n" for row in self.rows)

    @cached_property
    def sha256(self) -> str:
        """sha256 (hex) of the file that :meth:`save` writes."""
        return hashlib.sha256(self._bytes).hexdigest()

    def save(self, path: str | Path) -> None:
        """Write the rows as JSON lines, atomically."""
        write_bytes(Path(path), self._bytes)

    @classmethod
    def load(cls, path: str | Path) -> Manifest:
        """Return the manifest from the file of :meth:`save`.

        Raises:
            ForensicsError: there is no such file, or a line is not a row (the message names it)
        """
        path = Path(path)
        if not path.is_file():
            raise ForensicsError(f"There is no manifest {path}.", "Check the path.", "manifest")
        rows = []
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    rows.append(ManifestRow.from_json(json.loads(line)))
                except (json.JSONDecodeError, TypeError, ValueError) as error:
                    raise ForensicsError(
                        f"Line {number} of {path} is not a manifest row ({error}).",
                        "Write the manifest again.",
                        "manifest",
                    ) from error
        return cls(rows)

    def check(self, files: bool = True, batch_size: int | None = None) -> ManifestReport:
        """Raise an error for a manifest that must not be trained on; return a report on others.

        Args:
            files: also check that each crop is on disk
            batch_size: also check that the batch is not larger than the training rows

        Raises:
            ForensicsError: no rows, another split than train and val, a label that is neither 0 nor
                1, a leak (by group, pair or content; the groups are listed), only one class, too
                few crops, crops of more than one recipe, or missing crops
        """
        _check_rows(self.rows)
        _check_leaks(self.rows, files)
        _check_classes(self.train, self.val)
        _check_recipes(self.rows)
        if batch_size is not None and batch_size > len(self.train):
            raise ForensicsError(
                f"A batch of {batch_size} is larger than the {len(self.train)} training crops.",
                f"Set batch_size to {len(self.train)} or less.",
                "batch_size",
            )
        if files:
            _check_files(self.rows)
        return _report(self)


def _check_rows(rows: tuple[ManifestRow, ...]) -> None:
    if not rows:
        raise ForensicsError("The manifest is empty.", "Choose a view with faces.", "manifest")
    for row in rows:
        if row.split not in SPLITS:
            raise ForensicsError(
                f"{row.crop} has split {row.split!r}; a run uses train and val only.",
                "Test material is never trained on, nor used to choose a checkpoint.",
                "split",
            )
        if row.label not in (REAL, FAKE):
            raise ForensicsError(f"{row.crop} has label {row.label!r}.", "0 is real, 1 is fake.")
        if not row.weight >= 0:
            raise ForensicsError(f"{row.crop} has weight {row.weight!r}.", "It is 0 or more.")
    twice = [k for k, n in Counter((r.crop, r.split) for r in rows).items() if n > 1]
    if twice:
        raise ForensicsError(
            f"{len(twice)} crops are listed twice, for example {twice[0][0]}.",
            "List each crop once; use weights to have it drawn more often.",
        )


def _check_leaks(rows: tuple[ManifestRow, ...], files: bool) -> None:
    """Check that no group, video, pair, source file or crop is in both splits, also by content."""
    found = leaks(rows, _same_crops(rows) if files else {})
    if found:
        raise ForensicsError(
            f"{len(found)} groups are in training and in validation: {_some(found, 20)}.",
            "Put all videos of a group, and all copies of a file, into one split.",
            "split",
        )


def _same_crops(rows: tuple[ManifestRow, ...]) -> dict[str, str]:
    """Return the sha256 by path of each crop that has the bytes of another crop.

    Files without a picture are left out: they are equal only because they are broken (for example
        empty),
    and later become rows with a reason.
    """
    from ..detector.scoring.crop_files import read_crop  # imports torch

    contents = same_files(sizes_of(dict.fromkeys(row.crop for row in rows)))
    one = {digest: path for path, digest in contents.items()}
    broken = {digest for digest, path in one.items() if isinstance(read_crop(path, digest), Reason)}
    return {path: digest for path, digest in contents.items() if digest not in broken}


def _check_classes(train: tuple[ManifestRow, ...], val: tuple[ManifestRow, ...]) -> None:
    for name, rows in (("training", train), ("validation", val)):
        if not rows:
            raise ForensicsError(
                f"There are no {name} crops.", "Give faces to both train and val.", "split"
            )
        counts = Counter(row.label for row in rows)
        for label in (REAL, FAKE):
            if not counts[label]:
                raise ForensicsError(
                    f"The {name} crops hold no {LABELS[label]} face: one class cannot be "
                    f"{'learnt' if name == 'training' else 'judged'}.",
                    f"Add {LABELS[label]} videos to the {name} split.",
                    "split",
                )
            if name == "training" and counts[label] < LEAST_CROPS:
                raise ForensicsError(
                    f"{counts[label]} {LABELS[label]} training crop is too few; "
                    f"{LEAST_CROPS} is the least.",
                    "Extract more faces, or choose a larger view.",
                )


def _check_recipes(rows: tuple[ManifestRow, ...]) -> None:
    counts = Counter(row.recipe_hash for row in rows)
    if len(counts) > 1:
        each = [f"{name or 'unknown'} ({n} crops)" for name, n in counts.most_common()]
        raise ForensicsError(
            f"The crops were made by {len(counts)} different recipes: {_some(each, 5)}.",
            "A detector learns the difference between recipes. Extract all faces with one.",
            "recipe",
        )


def _check_files(rows: tuple[ManifestRow, ...]) -> None:
    missing = [row.crop for row in rows if not Path(row.crop).is_file()]
    if missing:
        raise ForensicsError(
            f"{len(missing)} of {len(rows)} crops are not on disk: {_some(missing, 3)}.",
            "Extract the faces again, or mount the folder.",
        )


def _report(manifest: Manifest) -> ManifestReport:
    crops, videos, groups = {}, {}, {}
    for split, rows in (("train", manifest.train), ("val", manifest.val)):
        crops[split] = {n: sum(r.label == k for r in rows) for k, n in enumerate(LABELS)}
        videos[split] = {
            n: len({r.video_id for r in rows if r.label == k}) for k, n in enumerate(LABELS)
        }
        groups[split] = len({r.group_id or r.video_id for r in rows})
    train = manifest.train
    reals = {(r.video_id, r.frame_number) for r in train if r.label == REAL}
    real_videos = {r.video_id for r in train if r.label == REAL}
    fakes = [r for r in train if r.label == FAKE]
    fake_videos = {r.video_id: r.pair_id for r in fakes}
    paired_fakes = sum((r.pair_id, r.frame_number) in reals for r in fakes) / len(fakes)
    paired_videos = sum(p in real_videos for p in fake_videos.values()) / len(fake_videos)
    warnings = []
    if paired_videos < 1:
        warnings.append(
            f"{1 - paired_videos:.0%} of the fake training videos lack their real: unpaired "
            "training fits scenes and codecs (GenD, arXiv 2508.06248)."
        )
    few = min(videos["val"].values())
    if few < 20:
        warnings.append(f"Only {few} validation videos of one class: the interval will be wide.")
    if not all(row.group_id for row in manifest.rows):
        warnings.append("Some rows have no group_id; their leakage is judged by video and pair.")
    return ManifestReport(
        crops,
        videos,
        groups,
        dict(Counter(r.method for r in train)),
        paired_fakes,
        paired_videos,
        manifest.rows[0].recipe_hash,
        tuple(warnings),
    )


def _some(names: list[str], most: int) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
