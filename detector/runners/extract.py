"""Many videos to face crops: in this process, in a pool of processes, or one shard of N.

Each video is one call of :func:`detector.crops.video_work.extract_video`; workers get picklable
records and write into the one store, so it does not matter which worker, shard or run did a video.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..crops.recipe_check import check_recipe, check_time_limit
from ..crops.store import CropStore, VideoFaces
from ..crops.video_work import extract_video, resolve_policy
from ..errors import Cancelled, ForensicsError
from ..faces.detectors import detector_of
from ..faces.interface import FaceDetector
from ..progress import Progress, ShouldStop, never
from ..records import CropRecipe, Reason, VideoRecord
from .process_pool import PoolWork, cores_each, run_in_pool

__all__ = ["extract_video", "extract_videos", "shard_of"]

log = logging.getLogger(__name__)
_GRACE_SECONDS = 5.0  # beyond twice its limit, until the process of a video is ended
_Task = tuple[VideoRecord, VideoRecord | None]  # a video and, where its policy needs it, its real


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a process needs to extract, see :func:`prepare`.

    Attributes:
        recipe: with the hash of the face detector
        root: folder of the crop stores
        device: torch device of the face detector; None: the GPU if there is one
        weights: weight file of the face detector
        threads: of the decoder, 0: as many as there are cores
        time_limit_seconds: limit for one video
    """

    recipe: CropRecipe
    root: str
    device: str | None
    weights: str | None
    threads: int
    time_limit_seconds: float | None

    def load(self) -> tuple[FaceDetector, CropStore]:
        """The face detector and the store.

        Raises:
            ForensicsError: the weights here are not those of the recipe
        """
        detector = detector_of(self.recipe, self.device, self.weights)
        if detector.sha256 != self.recipe.detector_sha256:
            raise ForensicsError(
                f"{self.recipe.detector} has other weights here ({detector.sha256[:12]}) than "
                f"where the work was handed out ({self.recipe.detector_sha256[:12]}).",
                "Give every machine the same weight file.",
                "weights",
            )
        return detector, CropStore(self.root, self.recipe)


def shard_of(record: VideoRecord, shards: int) -> int:
    """The shard, 0 .. shards - 1, that does a video; a fake goes where its real goes."""
    key = record.pair_id or record.video_id
    return int(hashlib.sha256(key.encode()).hexdigest(), 16) % shards


def extract_videos(
    records: Sequence[VideoRecord],
    recipe: CropRecipe,
    store_root: str | Path,
    *,
    workers: int = 0,
    shard: tuple[int, int] = (0, 1),
    device: str | None = None,
    weights: str | None = None,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
    time_limit_seconds: float | None = None,
    allow_download: bool = False,
) -> Iterator[VideoFaces]:
    """Extract the faces of many videos; results come as they are finished.

    Args:
        records: one per video, ids unique
        recipe: crop recipe; an empty ``detector_sha256`` is filled in
        store_root: folder of the crop stores
        workers: processes; 0 works in this process
        shard: (I, N): do only the videos of shard I (0-based) of N
        device: torch device of the face detector; None: the GPU if there is one
        weights: weight file of the face detector
        progress: called with (videos done, videos in all, ``"videos"``) after each
        should_stop: asked often; when true the iterator ends, and what is finished is kept
        time_limit_seconds: for one video, looked at between its frames; the process of a video
            that does not come back at all is ended after twice as long. With a limit the work is
            done in a process even if ``workers`` is 0
        allow_download: fetch missing detector weights

    Raises:
        ForensicsError: before the first result: an id twice, unknown option, missing weights,
            weights other than the recipe's, unwritable folder, bad shard
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
    workers: int,
    should_stop: ShouldStop,
) -> Iterator[VideoFaces]:
    """Extract ``mine`` of all ``records``, with what :func:`in_order` and :func:`prepare` gave."""
    if workers > 0 or setup.time_limit_seconds is not None:
        return _in_pool(mine, records, setup, max(workers, 1), should_stop)
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
    """Check everything that can be wrong before work starts, and make the store.

    Args:
        detector: the recipe's face detector where it is loaded already
        ...: see :func:`extract_videos`

    Returns:
        what a process needs, its recipe with the detector's hash; and the loaded face detector

    Raises:
        ForensicsError: see :func:`extract_videos`
    """
    check_time_limit(time_limit_seconds)
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
    """The records of the shard, paired reals first, after checking what can be checked.

    Raises:
        ForensicsError: an id twice, an unknown option of the recipe, bad shard
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
    targets = {record.pair_id for record in records if record.pair_id}
    mine = [record for record in records if shard_of(record, shards) == index]
    return sorted(mine, key=lambda record: record.video_id not in targets)


def _pair_of(
    record: VideoRecord, recipe: CropRecipe, by_id: dict[str, VideoRecord]
) -> VideoRecord | None:
    """The record of the real that a fake follows, where the policy needs it."""
    return by_id.get(record.pair_id or "") if resolve_policy(record, recipe) == "pair" else None


def one_video(
    record: VideoRecord,
    pair: VideoRecord | None,
    setup: Extraction,
    detector: FaceDetector,
    store: CropStore,
    stop: ShouldStop | None = None,
) -> VideoFaces:
    """One video; its real is done first if the policy needs it and nobody has.

    An error that nobody foresaw is the result of this video, with its text, so that the others
    are still done.
    """
    options: dict[str, Any] = {
        "threads": setup.threads,
        "time_limit_seconds": setup.time_limit_seconds,
        "should_stop": stop,
    }
    paired = None
    try:
        if pair is not None:
            paired = extract_video(pair, setup.recipe, detector, store, **options)
        elif resolve_policy(record, setup.recipe) == "pair" and record.pair_id:
            paired = store.load(record.pair_id)  # done by an earlier run
        return extract_video(record, setup.recipe, detector, store, paired, **options)
    except ForensicsError:
        raise
    except MemoryError:
        detail = "This video needs more memory than there is."
        return _failed(record, setup.recipe, detail, Reason.WORKER_DIED)
    except Exception as error:  # whatever a file does to a library: a row with its reason
        log.exception("%s", record.video_id)
        return _failed(record, setup.recipe, f"{type(error).__name__}: {error}")


def _in_process(
    mine: Sequence[VideoRecord],
    records: Sequence[VideoRecord],
    setup: Extraction,
    detector: FaceDetector,
    store: CropStore,
    stop: ShouldStop,
) -> Iterator[VideoFaces]:
    by_id = {record.video_id: record for record in records}
    for record in mine:
        if stop():
            return
        try:
            pair = _pair_of(record, setup.recipe, by_id)
            result = one_video(record, pair, setup, detector, store, stop)
        except Cancelled:
            return
        yield result


# ------------------------------------------------------------------------ pool of processes
_worker: dict[str, Any] = {}  # state of one worker process, built by _start_worker


def _start_worker(setup: Extraction, workers: int, stop: Any) -> None:
    import torch

    torch.set_num_threads(cores_each(workers))
    detector, store = setup.load()
    _worker.update(setup=setup, detector=detector, store=store, stop=stop)


def _do(task: _Task) -> VideoFaces | None:
    """One video in a worker; None if it was stopped."""
    stop = _worker["stop"].is_set
    try:
        return one_video(*task, _worker["setup"], _worker["detector"], _worker["store"], stop)
    except Cancelled:
        return None


def _in_pool(
    mine: Sequence[VideoRecord],
    records: Sequence[VideoRecord],
    setup: Extraction,
    workers: int,
    stop: ShouldStop,
) -> Iterator[VideoFaces]:
    """Videos in ``workers`` processes; one that kills its process gets a reason, alone."""

    def died(task: _Task, hung: bool) -> VideoFaces:
        return did_not_return(task[0], setup) if hung else worker_died(task[0], setup.recipe)

    def limit(task: _Task) -> float | None:
        # The video itself looks at its limit between frames; twice as long, and no frame comes.
        videos = 1 if task[1] is None else 2
        seconds = setup.time_limit_seconds
        return None if seconds is None else 2 * videos * seconds + _GRACE_SECONDS

    setup = replace(setup, threads=1 if workers > 1 else setup.threads)
    work = PoolWork(_start_worker, _do, died, setup, limit)
    for part in paired_first(mine, records, setup.recipe):
        yield from run_in_pool(work, part, workers, stop)


def paired_first(
    mine: Sequence[VideoRecord], records: Sequence[VideoRecord], recipe: CropRecipe
) -> tuple[list[_Task], list[_Task]]:
    """The videos of ``mine`` with the reals that they follow: those reals, then the rest."""
    by_id = {record.video_id: record for record in records}
    targets = {record.pair_id for record in mine if _pair_of(record, recipe, by_id)}
    tasks = [(record, _pair_of(record, recipe, by_id)) for record in mine]
    return (
        [task for task in tasks if task[0].video_id in targets],
        [task for task in tasks if task[0].video_id not in targets],
    )


def worker_died(record: VideoRecord, recipe: CropRecipe) -> VideoFaces:
    """The result of a video that takes its process with it."""
    detail = "The process that worked on this video died: a crash of a decoder, or out of memory."
    return _failed(record, recipe, detail, Reason.WORKER_DIED)


def did_not_return(record: VideoRecord, setup: Extraction) -> VideoFaces:
    """The result of a video in which a decoder hangs until its process is ended."""
    detail = f"No frame came, also at twice the limit of {setup.time_limit_seconds:g} seconds."
    return _failed(record, setup.recipe, detail, Reason.TIME_LIMIT)


def _failed(
    record: VideoRecord, recipe: CropRecipe, detail: str, reason: Reason = Reason.DECODE_ERROR
) -> VideoFaces:
    return VideoFaces(
        record.video_id,
        recipe.hash,
        reason=reason.value,
        detail=detail,
        policy=resolve_policy(record, recipe),
    )
