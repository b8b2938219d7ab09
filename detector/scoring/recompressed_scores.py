"""Scores stored faces again after their source video was recompressed.

Each face is cut from the same frame with its original matrix. A difference is thus due to the
encoding alone; neither the face detector nor the choice of the face plays a part.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..crops.align import warp
from ..errors import ForensicsError
from ..frames.frame import FrameError
from ..frames.recompression import RECOMPRESSIONS, recompressed
from ..records import Reason
from .perturbations import PERTURBATIONS, PerturbedBatch

if TYPE_CHECKING:
    from ..model.detector import Detector, PendingScores

log = logging.getLogger(__name__)

VIDEO_SECONDS = 600.0  # limit per video; its remaining faces get the reason time_limit
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class SourceFace:
    """The source of a stored crop.

    Attributes:
        video: path of the video; None if unknown
        sha256: of the file from which it was cut; "" if unknown
        index: 0-based frame number
        matrix: (2, 3) frame to crop; None if unknown
        size: side of the crop in pixels
        border, interpolation: of the crop recipe, see :func:`detector.crops.align.warp`
        reason: why there is no matrix
    """

    video: str | None
    sha256: str
    index: int
    matrix: tuple[tuple[float, ...], ...] | None
    size: int
    border: str = "zero"
    interpolation: str = "linear"
    reason: Reason = Reason.ALIGN_FAILED


Crops = list[np.ndarray] | Reason


def score_recompressed(
    detector: Detector,
    faces: Sequence[SourceFace],
    names: Sequence[str],
    batch_size: int = 32,
    workers: int = 2,
    should_stop: Callable[[], bool] | None = None,
    precision: str | None = None,
    seconds: float = VIDEO_SECONDS,
) -> Iterator[PerturbedBatch]:
    """Score faces under each recompression of their videos; every face is yielded exactly once.

    Faces are yielded video by video, not in the given order. Memory holds two batches of crops.

    Args:
        detector: on its device
        faces: stored faces
        names: keys of :data:`detector.frames.recompression.RECOMPRESSIONS`
        batch_size: faces per forward pass
        workers: number of videos encoded at a time
        should_stop: called before each batch; True ends the iteration early
        precision: see :meth:`Detector.score_pixels`
        seconds: time limit per video
    """
    crfs = [RECOMPRESSIONS[name] for name in names]
    by_video: dict[tuple[str | None, str], list[int]] = {}
    for position, face in enumerate(faces):
        by_video.setdefault((face.video, face.sha256), []).append(position)
    ready: queue.Queue[tuple[int, Crops]] = queue.Queue(2 * batch_size)
    ended = threading.Event()

    def give(position: int, crops: Crops) -> None:
        while True:
            if ended.is_set():
                raise _Ended
            try:
                ready.put((position, crops), timeout=_POLL_SECONDS)
                return
            except queue.Full:
                continue

    def cut(positions: list[int]) -> None:
        waiting = set(positions)
        try:
            for position, crops in _crops_of(faces, positions, crfs, ended, seconds):
                waiting.discard(position)
                give(position, crops)
        except _Ended:
            return
        for position in waiting:  # no face may be lost, whatever went wrong
            give(position, Reason.DECODE_ERROR)

    pool = ThreadPoolExecutor(max(1, workers), thread_name_prefix="encode")
    try:
        tasks = [pool.submit(cut, positions) for positions in by_video.values()]
        left = len(faces)
        while left:
            batch: list[tuple[int, Crops]] = []
            while len(batch) < min(batch_size, left):
                if should_stop is not None and should_stop():
                    return
                try:
                    batch.append(ready.get(timeout=_POLL_SECONDS))
                except queue.Empty:
                    for task in tasks:
                        if task.done():
                            task.result()  # raises an unexpected error
            left -= len(batch)
            yield _score(detector, batch, names, precision)
    finally:
        ended.set()
        pool.shutdown(wait=True, cancel_futures=True)


def by_kind(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split ``names`` into corruptions of the crop and recompressions of the video.

    Raises:
        ForensicsError: no names, or an unknown name
    """
    if not names:
        raise ForensicsError("No corruption is chosen.", "Choose one.", "perturbations")
    for name in names:
        if name not in PERTURBATIONS and name not in RECOMPRESSIONS:
            raise ForensicsError(
                f"There is no corruption {name!r}.",
                f"Known: {', '.join((*PERTURBATIONS, *RECOMPRESSIONS))}.",
                "perturbations",
            )
    of_video = [name for name in names if name in RECOMPRESSIONS]
    return [name for name in names if name not in RECOMPRESSIONS], of_video


class _Ended(Exception):
    """Raised when the results are no longer wanted."""


class _TooSlow(Exception):
    """Raised when a video exceeds its time limit."""


def _crops_of(
    faces: Sequence[SourceFace],
    positions: list[int],
    crfs: Sequence[int],
    ended: threading.Event,
    seconds: float,
) -> Iterator[tuple[int, Crops]]:
    """Yield (position, crops in the order of ``crfs``) of the faces of one video."""
    from ..frames.pyav import FFmpegError

    first = faces[positions[0]]
    try:
        reason = _unusable(first)
    except OSError as error:
        log.warning("%s cannot be read: %s", first.video, error)
        reason = Reason.DECODE_ERROR
    left: dict[int, list[int]] = {}
    for position in positions:
        if reason is not None or faces[position].matrix is None:
            yield position, reason or faces[position].reason
        else:
            left.setdefault(faces[position].index, []).append(position)
    if not left:
        return
    deadline = time.monotonic() + seconds

    def check() -> None:
        if ended.is_set():
            raise _Ended
        if time.monotonic() > deadline:
            raise _TooSlow

    try:
        for frame in recompressed(str(first.video), list(left), crfs, check):
            for position in left.pop(frame.index):
                if frame.reason is not None:
                    yield position, frame.reason
                else:
                    yield position, [_cut(faces[position], frame.images[crf]) for crf in crfs]
    except FrameError as error:
        reason = error.reason
    except _TooSlow:
        reason = Reason.TIME_LIMIT
    except (FFmpegError, OSError) as error:
        log.warning("%s cannot be encoded again: %s", first.video, error)
    for rest in left.values():
        for position in rest:
            yield position, reason or Reason.DECODE_ERROR


def _unusable(face: SourceFace) -> Reason | None:
    """Return why the video of ``face`` cannot be used, checked without decoding it, or None."""
    from ..files.hashes import file_sha256

    if not face.video or not Path(face.video).exists():
        return Reason.MISSING_FILE
    if not Path(face.video).is_file():
        return Reason.NO_VIDEO_STREAM  # a folder of pictures
    if face.sha256 and file_sha256(face.video) != face.sha256:
        return Reason.CHANGED_FILE
    return None


def _cut(face: SourceFace, image: np.ndarray) -> np.ndarray:
    matrix = np.asarray(face.matrix, np.float64)
    return warp(image, matrix, face.size, face.border, face.interpolation)


def _score(
    detector: Detector,
    batch: list[tuple[int, Crops]],
    names: Sequence[str],
    precision: str | None,
) -> PerturbedBatch:
    from ..model.preprocess import together

    preprocess = detector.backbone.preprocess
    reasons = [crops if isinstance(crops, Reason) else None for _, crops in batch]
    rows = [row for row, reason in enumerate(reasons) if reason is None]
    out, margins = ({n: np.full(len(batch), np.nan, np.float32) for n in names} for _ in range(2))
    pending: dict[str, PendingScores] = {}
    for column, name in enumerate(names):
        pictures = [crops[column] for _, crops in batch if not isinstance(crops, Reason)]
        if pictures:
            pixels = [preprocess.to_pixels(picture) for picture in pictures]
            pending[name] = detector.enqueue(together(pixels, preprocess.size), precision)
    for name, waiting in pending.items():
        scores = waiting.result()
        out[name][rows], margins[name][rows] = scores.p_fake, scores.margin
    for row in rows:
        if not all(np.isfinite(values[row]) for values in out.values()):
            reasons[row] = Reason.NON_FINITE
    return PerturbedBatch([position for position, _ in batch], out, margins, reasons)
