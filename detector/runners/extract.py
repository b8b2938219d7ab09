"""Extracts face crops of many videos: in this process, in a pool, or as one shard of N.

Each video is one call of :func:`detector.crops.video_work.extract_video`. Workers get picklable
records and write to the same store, so the result does not depend on the worker, shard or run.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2

from ..crops.recipe_check import check_recipe, check_time_limit
from ..crops.store import CropStore, VideoFaces
from ..crops.video_work import extract_video
from ..device import several
from ..errors import Cancelled, ForensicsError
from ..faces.detectors import detector_of
from ..faces.interface import FaceDetector
from ..frames.decoders import require_decoder
from ..progress import Progress, ShouldStop, never
from ..records import CropRecipe, Reason, VideoRecord
from .extraction import (
    Extraction,
    did_not_return,
    one_video,
    worker_died,
)
from .leading import Task, paired_first, stage_of, tasks_of
from .process_pool import PoolWork, cores, cores_each, run_in_pool
from .shared_faces import Ask, FaceServer, is_shared_by_default, shared_of

__all__ = ["extract_video", "extract_videos", "shard_of"]

_GRACE_SECONDS = 5.0  # added to twice a video's limit before its process is killed


def shard_of(record: VideoRecord, shards: int) -> int:
    """Return the shard, 0 .. shards - 1, of a video; a fake goes to the shard of its real."""
    key = record.pair_id or record.video_id
    return int(hashlib.sha256(key.encode()).hexdigest(), 16) % shards


def extract_videos(
    records: Sequence[VideoRecord],
    recipe: CropRecipe,
    store_root: str | Path,
    *,
    workers: int | None = None,
    shard: tuple[int, int] = (0, 1),
    device: str | None = None,
    weights: str | None = None,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
    time_limit_seconds: float | None = None,
    allow_download: bool = False,
) -> Iterator[VideoFaces]:
    """Extract the faces of many videos and yield results as they finish.

    Args:
        records: one per video, ids unique
        recipe: crop recipe; an empty ``detector_sha256`` is filled in
        store_root: folder of the crop stores
        workers: number of processes; 0 works in this process. None: one per core if the face
            detector runs on a GPU, whose network they share, else 0
        shard: (I, N): only the videos of shard I (0-based) of N
        device: torch device of the face detector; None: the GPU if there is one; ``cuda:all``: one
            copy of its network on each GPU
        weights: weight file of the face detector
        progress: called with (videos done, total videos, ``"videos"``) after each video
        should_stop: called often; when it returns True the iterator ends and finished work is kept
        time_limit_seconds: limit per video, checked between its frames; after about twice as long,
            the process of a video that hangs is killed. With a limit, the work runs in a process
            even if ``workers`` is 0
        allow_download: fetch missing detector weights

    Raises:
        ForensicsError: before the first result: duplicate id, unknown option, missing weights,
            weights other than the recipe's, unwritable folder, invalid shard
    """
    mine = in_order(records, recipe, shard)
    extraction, detector = prepare(
        recipe, store_root, device, weights, time_limit_seconds, allow_download
    )
    stop = should_stop or never
    results = extract_prepared(mine, records, extraction, detector, workers, stop)
    return _reported(results, len(mine), progress)


def extract_prepared(
    mine: list[VideoRecord],
    records: Sequence[VideoRecord],
    setup: Extraction,
    detector: FaceDetector,
    workers: int | None,
    should_stop: ShouldStop,
    share: bool | None = None,
) -> Iterator[VideoFaces]:
    """Extract ``mine`` of all ``records`` with the results of :func:`in_order` and :func:`prepare`.

    Args:
        workers: see :func:`extract_videos`
        share: whether processes use this ``detector`` instead of their own; None: on a GPU
    """
    on_gpu = is_shared_by_default(detector)
    if workers is None:
        workers = min(cores(), len(mine)) if on_gpu and len(mine) > 1 else 0
    if workers > 0 or setup.time_limit_seconds is not None:
        lent = detector if share or (share is None and on_gpu) else None
        return _in_pool(mine, records, setup, lent, max(workers, 1), should_stop)
    store = CropStore(setup.root, setup.recipe)
    return _in_process(mine, records, setup, detector, store, should_stop)


def prepare(
    recipe: CropRecipe,
    store_root: str | Path,
    device: str | None = None,
    weights: str | None = None,
    time_limit_seconds: float | None = None,
    allow_download: bool = False,
    detector: FaceDetector | None = None,
) -> tuple[Extraction, FaceDetector]:
    """Check all options before work starts, and create the store.

    Args:
        detector: the recipe's face detector if it is already loaded
        ...: see :func:`extract_videos`

    Returns:
        what a worker process needs, with the detector's hash in its recipe; and the face detector

    Raises:
        ForensicsError: see :func:`extract_videos`
    """
    check_time_limit(time_limit_seconds)
    require_decoder(recipe.decoder)
    if detector is None:
        detector = detector_of(recipe, device, weights, allow_download)
    if recipe.detector_sha256 not in ("", detector.sha256):
        raise ForensicsError(
            f"The recipe was made with other weights of {recipe.detector} "
            f"({recipe.detector_sha256[:12]}) than are loaded ({detector.sha256[:12]}).",
            "Use the same weight file, or a new recipe.",
            "weights",
        )
    recipe = replace(recipe, detector_sha256=detector.sha256)
    CropStore(store_root, recipe).prepare()
    return Extraction(recipe, str(store_root), device, weights, 0, time_limit_seconds), detector


def _reported(
    results: Iterator[VideoFaces], total: int, progress: Progress | None
) -> Iterator[VideoFaces]:
    for done, result in enumerate(results, start=1):
        if progress is not None:
            progress(done, total, "videos")
        yield result


def in_order(
    records: Sequence[VideoRecord], recipe: CropRecipe, shard: tuple[int, int] = (0, 1)
) -> list[VideoRecord]:
    """Check the records and return those of the shard, paired reals first.

    Raises:
        ForensicsError: duplicate id, unknown recipe option, invalid shard
    """
    index, shards = shard
    if not 0 <= index < shards:
        raise ForensicsError(
            f"Shard {index} of {shards} does not exist.",
            f"Count from 0 to {max(shards - 1, 0)}.",
            "shard",
        )
    check_recipe(recipe)
    seen: set[str] = set()
    for record in records:
        if record.video_id in seen:
            raise ForensicsError(
                f"The video_id {record.video_id!r} occurs twice.", "Give each video its own id."
            )
        seen.add(record.video_id)
    mine = [record for record in records if shard_of(record, shards) == index]
    return sorted(mine, key=stage_of(records, recipe))


def _in_process(
    mine: Sequence[VideoRecord],
    records: Sequence[VideoRecord],
    setup: Extraction,
    detector: FaceDetector,
    store: CropStore,
    stop: ShouldStop,
) -> Iterator[VideoFaces]:
    for task in tasks_of(mine, records, setup.recipe):
        if stop():
            return
        try:
            result = one_video(task, setup, detector, store, stop)
        except Cancelled:
            return
        yield result


# ------------------------------------------------------------------------ pool of processes
_worker: dict[str, Any] = {}  # state of one worker process, created by _start_worker


def _start_worker(setup: Extraction, workers: int, stop: Any, ask: Ask | None = None) -> None:
    cv2.setNumThreads(cores_each(workers))
    if ask is None:
        import torch

        torch.set_num_threads(cores_each(workers))
    detector, store = setup.load(ask)
    _worker.update(setup=setup, detector=detector, store=store, stop=stop)


def _do(task: Task) -> VideoFaces | None:
    """Extract one video in a worker; return None if it was stopped.

    Raises:
        MemoryError: which ends this process, because it keeps what a huge video took; the next
            video gets a fresh one
    """
    stop = _worker["stop"].is_set
    try:
        found = one_video(task, _worker["setup"], _worker["detector"], _worker["store"], stop)
    except Cancelled:
        return None
    if found.reason == Reason.WORKER_DIED.value:
        raise MemoryError(found.detail)
    return found


def _in_pool(
    mine: Sequence[VideoRecord],
    records: Sequence[VideoRecord],
    setup: Extraction,
    lent: FaceDetector | None,
    workers: int,
    stop: ShouldStop,
) -> Iterator[VideoFaces]:
    """Extract videos in ``workers`` processes; a video that kills its process gets a reason.

    The processes share the network of ``lent``; if it is None, each loads its own.
    """

    def died(task: Task, hung: bool) -> VideoFaces:
        return (
            did_not_return(task.record, setup) if hung else worker_died(task.record, setup.recipe)
        )

    def limit(task: Task) -> float | None:
        # The video checks its limit between frames; after twice the limit a decoder hangs.
        videos = 1 + (task.real is not None) + len(task.fakes)
        seconds = setup.time_limit_seconds
        return None if seconds is None else 2 * videos * seconds + _GRACE_SECONDS

    setup = replace(setup, threads=1 if workers > 1 else setup.threads)
    with contextlib.ExitStack() as stack:
        answer = None
        if lent is not None:
            setup = replace(setup, shared=shared_of(lent))
            networks = [lent, *_on_other_gpus(setup)]
            answer = stack.enter_context(contextlib.closing(FaceServer(networks))).answer
        work = PoolWork(_start_worker, _do, died, setup, limit, answer=answer)
        for part in paired_first(mine, records, setup.recipe):
            yield from run_in_pool(work, part, workers, stop)


def _on_other_gpus(setup: Extraction) -> list[FaceDetector]:
    """Load the face detector for each GPU except the first, if all GPUs are requested."""
    return [
        replace(setup, device=device, shared=None).load()[0] for device in several(setup.device)[1:]
    ]
