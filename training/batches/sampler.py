"""Chooses which crops form which batch, as a pure function of (rows, config, epoch).

There is no state here. A resumed run asks for the same epoch again and skips the finished steps. A
rank takes its share of each batch. This module needs only numpy.

A batch is a list of units. A unit is one row. With ``paired`` sampling it is a real and its fakes
at one frame, which stay together in the batch and on the rank.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from ...detector.errors import ForensicsError
from ...detector.records import REAL
from ..config import TrainConfig
from ..manifest import ManifestRow

#: Most units that are searched for one that fits the rest of a batch.
LOOKAHEAD = 64
Unit = tuple[int, ...]
Batch = list[Unit]


def epoch_batches(rows: Sequence[ManifestRow], config: TrainConfig, epoch: int) -> list[Batch]:
    """Return the batches of one epoch over all ranks.

    The rows are spread evenly: 1,000 rows at a batch size of 128 give eight batches of 125, not
    seven of 128 and a rest. (The authors drop the rest; if the batch size divides the rows, there
    is no difference.) Without weights and balancing, each chosen row comes exactly once.

    Args:
        rows: training rows in the manifest's order
        config: ``sampling``, ``frames_per_video``, ``use_weights``, ``weight_cap``,
            ``batch_size``, ``seed``
        epoch: 0-based

    Returns:
        batches of units of indices into ``rows``; no batch holds more than ``batch_size`` rows

    Raises:
        ForensicsError: a pair does not fit into a batch, or all weights are 0
    """
    rng = np.random.default_rng([config.seed, epoch, 1])
    chosen = _choose_frames(rows, config, epoch)
    units = _units(rows, chosen, config)
    order = _draw(rows, units, config, rng)
    return _pack([units[i] for i in order], config.batch_size)


def rank_share(batch: Batch, rank: int, ranks: int) -> Batch:
    """Return the units of ``batch`` that ``rank`` of ``ranks`` works on.

    They are consecutive, so that the ranks' shares in rank order form the batch.
    """
    bounds = np.linspace(0, len(batch), ranks + 1).round().astype(int)
    return batch[bounds[rank] : bounds[rank + 1]]


def indices(batch: Batch) -> list[int]:
    """Return the row indices of a batch in order."""
    return [index for unit in batch for index in unit]


def _choose_frames(rows: Sequence[ManifestRow], config: TrainConfig, epoch: int) -> list[int]:
    """Return at most ``frames_per_video`` rows per video and track, for pairs the same frames."""
    most = config.frames_per_video
    if most == 0:
        return list(range(len(rows)))
    faces: dict[tuple[str, int], list[int]] = {}
    for index, row in enumerate(rows):
        faces.setdefault((row.video_id, row.track), []).append(index)

    def turn(index: int) -> bytes:
        # A real and its fakes rank their frames in the same way, even if their frames differ.
        key = f"{config.seed}/{epoch}/{rows[index].scene}/{rows[index].frame_number}"
        return hashlib.blake2b(key.encode(), digest_size=8).digest()

    kept = [i for face in faces.values() for i in sorted(face, key=turn)[:most]]
    return sorted(kept)


def _units(rows: Sequence[ManifestRow], chosen: list[int], config: TrainConfig) -> list[Unit]:
    if config.sampling != "paired":
        return [(index,) for index in chosen]
    together: dict[tuple[str, int], list[int]] = {}
    for index in chosen:
        key = (rows[index].scene, rows[index].frame_number)
        together.setdefault(key, []).append(index)
    units = [part for unit in together.values() for part in _by_person(rows, unit)]
    # The real comes first, because its fakes are compared with it.
    return [tuple(sorted(unit, key=lambda i: (rows[i].label, i))) for unit in units]


def _by_person(rows: Sequence[ManifestRow], unit: list[int]) -> list[list[int]]:
    """Return the crops of one frame by the person they show, if its real shows several."""
    several = [i for i in unit if rows[i].label == REAL and rows[i].shown_for]
    if not several:
        return [unit]
    person = {name: i for i in several for name in rows[i].shown_for}
    parts: dict[int, list[int]] = {i: [i] for i in several}
    for i in unit:
        if i not in several:
            parts.setdefault(person.get(rows[i].video_id, -1), []).append(i)
    return list(parts.values())


def _draw(
    rows: Sequence[ManifestRow], units: list[Unit], config: TrainConfig, rng: np.random.Generator
) -> list[int]:
    """Return the units' numbers in order of use; some occur more than once, some not at all."""
    strata: dict[str, list[int]] = {}
    for number, unit in enumerate(units):
        strata.setdefault(_stratum(rows[unit[0]], config), []).append(number)
    reals = [name for name in strata if name == "real"]
    positions, numbers = [], []
    for name in sorted(strata):
        members = np.array(strata[name])
        draws = len(members)
        if config.sampling.startswith("balanced"):
            share = 0.5 if name == "real" else 0.5 / (len(strata) - len(reals))
            draws = max(1, round(share * len(units)))
        weights = np.ones(len(members))
        if config.use_weights:
            weights = np.array([max(rows[i].weight for i in units[m]) for m in members])
            weights = _capped(weights, config.weight_cap)
        copies = _copies(weights, draws, rng)
        number = np.repeat(members, copies)
        # Copy c of m is at a random place in the c-th of m equal parts of the epoch.
        part = np.concatenate([np.arange(c) for c in copies])
        position = (part + rng.random(len(number))) / np.repeat(np.maximum(copies, 1), copies)
        if len(strata) > 1:  # each stratum is spread evenly, so that each batch is balanced
            rank = np.argsort(np.argsort(position, kind="stable"), kind="stable")
            position = (rank + rng.random(len(number))) / max(len(number), 1)
        positions.append(position)
        numbers.append(number)
    order = np.argsort(np.concatenate(positions), kind="stable")
    return np.concatenate(numbers)[order].tolist()


def _stratum(row: ManifestRow, config: TrainConfig) -> str:
    if not config.sampling.startswith("balanced"):
        return ""
    if row.label == REAL:
        return "real"
    return f"fake {row.method}" if config.sampling == "balanced_methods" else "fake"


def _capped(weights: np.ndarray, cap: float) -> np.ndarray:
    """Return the weights, each at most ``cap`` times their mean before capping."""
    if not weights.any():
        raise ForensicsError("All weights are 0.", "Give some row a weight.", "use_weights")
    return np.minimum(weights, cap * weights.mean())


def _copies(weights: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each unit is drawn: systematic resampling (Kitagawa 1996), total ``draws``.

    Each count is its expectation rounded down or up. Equal weights and as many draws as units give
    one each.
    """
    if draws == len(weights) and np.ptp(weights) == 0:
        return np.ones(len(weights), dtype=int)  # a rounding error must not lose a row
    shuffled = rng.permutation(len(weights))
    ends = np.cumsum(weights[shuffled]) * (draws / weights.sum())
    marks = np.floor(ends + rng.random()).astype(int).clip(0, draws)
    marks[-1] = draws
    copies = np.zeros(len(weights), dtype=int)
    copies[shuffled] = np.diff(marks, prepend=0)
    return copies


def _pack(units: list[Unit], batch_size: int) -> list[Batch]:
    """Return the units in as few batches of near-equal size as fit ``batch_size``.

    Units of one size stay in their order. If the next unit would not fit into a batch, the batch
    takes a smaller one from a little further on. Without this, a rest of a few rows would be
    missing in every batch, and all batches would be smaller than requested.
    """
    largest = max(len(unit) for unit in units)
    if largest > batch_size:
        raise ForensicsError(
            f"A real with its fakes is {largest} crops, more than a batch of {batch_size}.",
            "Use a larger batch_size, or another sampling.",
            "batch_size",
        )
    if all(len(unit) == largest for unit in units):
        count = -(-len(units) // (batch_size // largest))
        batches: list[Batch] = [[] for _ in range(count)]
        for number, unit in enumerate(units):
            batches[number * count // len(units)].append(unit)
        return batches
    return _evened(_filled(units, batch_size))


def _evened(batches: list[Batch]) -> list[Batch]:
    """Move units from larger batches to the smallest, so that none is a mere rest; return them."""
    sizes = np.array([len(indices(batch)) for batch in batches])
    while True:
        least = int(np.argmin(sizes))
        for most in np.argsort(-sizes, kind="stable").tolist():
            room = (sizes[most] - sizes[least]) // 2
            moved = min((u for u in batches[most] if len(u) <= room), key=len, default=None)
            if moved is not None:
                break
        else:
            return batches
        batches[most].remove(moved)
        batches[least].append(moved)
        sizes[most] -= len(moved)
        sizes[least] += len(moved)


def _filled(units: list[Unit], size: int) -> list[Batch]:
    """Return batches of at most ``size`` rows, each filled from the next units."""
    waiting = list(reversed(units))  # the next one is last
    batches: list[Batch] = []
    while waiting:
        batch: Batch = []
        room = size
        while room and waiting:
            ahead = range(len(waiting) - 1, max(-1, len(waiting) - 1 - LOOKAHEAD), -1)
            place = next((i for i in ahead if len(waiting[i]) <= room), None)
            if place is None:
                break
            room -= len(waiting[place])
            batch.append(waiting.pop(place))
        batches.append(batch)
    return batches
