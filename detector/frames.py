"""Which frames of a source to look at, and how to get exactly those, whatever the source is.

A source is a video file, one image, a folder of images, or an explicit list of numbered image
files. Frame indices are 0-based positions in presentation order, the same that a sequential
decode of the file counts.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from .errors import ForensicsError
from .files.paths import still_allowed
from .records import Reason

log = logging.getLogger(__name__)

SAMPLING_MODES = ("uniform", "stride", "spread")
MAX_FRAME_PIXELS = 100_000_000  # 8K is 33 million; beyond this one frame alone takes 300 MB


class FrameError(ForensicsError):
    """A source, or some of its frames, cannot be read; ``reason`` says why in one word."""

    def __init__(self, reason: Reason, message: str, hint: str = "") -> None:
        self.reason = reason
        super().__init__(message, hint)

    def __reduce__(self):
        return type(self), (self.reason, self.message, self.hint)


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a source says about itself.

    Attributes:
        frame_count: frames that a sequential decode gives; None where that was not counted
        fps: average frames per second, None for images
        width: pixels across, as shown (rotation applied)
        height: pixels down, as shown
        duration_seconds: length by the container, None for images
        codec: for example ``h264``; the file format for images
        bit_rate: bits per second of the whole file, None if unknown
        rotation: degrees counterclockwise that the metadata asks for (0, 90, 180, 270)
        pixel_format: for example ``yuv420p10le``
        declared_frame_count: what the container's header claims, None if it does not
        container: for example ``mov,mp4,m4a,3gp,3g2,mj2``
    """

    frame_count: int | None
    fps: float | None
    width: int
    height: int
    duration_seconds: float | None
    codec: str
    bit_rate: int | None
    rotation: int
    pixel_format: str
    declared_frame_count: int | None = None
    container: str = ""


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One wanted frame: its pixels, or the reason why there are none.

    Attributes:
        index: 0-based frame number
        pts_seconds: presentation time by the container, None for images and failed frames
        image: RGB uint8 (H, W, 3), upright, or None
        reason: None exactly when ``image`` is there
    """

    index: int
    pts_seconds: float | None
    image: np.ndarray | None
    reason: Reason | None


class FrameSource(Protocol):
    """Something that gives numbered frames."""

    @property
    def info(self) -> VideoInfo: ...

    @property
    def numbers(self) -> Sequence[int]:
        """Every frame number there is, ascending."""
        ...

    def read(self, numbers: Iterable[int]) -> Iterator[DecodedFrame]:
        """One :class:`DecodedFrame` per number, ascending, in one pass; never raises for one."""
        ...


def open_source(
    path: str | Path, frames: Sequence[tuple[int, str]] = (), threads: int = 0
) -> FrameSource:
    """Open a video file, an image, a folder of images, or explicit numbered image files.

    The content decides what a file is, not its extension.

    Args:
        path: file or folder
        frames: ((frame number, image path), ...); ``path`` is then not opened
        threads: decoder threads for video, 0: as many as there are cores

    Raises:
        FrameError: nothing can be read from it
    """
    from .image_frames import ImageSource, image_files, is_image_file
    from .video_frames import VideoSource

    if frames:
        return ImageSource(frames)
    path = Path(path)
    still_allowed(path)
    if path.is_dir():
        return ImageSource(list(enumerate(map(str, image_files(path)))))
    if not path.is_file():
        raise FrameError(Reason.MISSING_FILE, f"{path} is not there.", "Check the path.")
    if path.stat().st_size == 0:
        raise FrameError(Reason.EMPTY_FILE, f"{path} has zero bytes.", "Fetch it again.")
    if is_image_file(path):
        return ImageSource([(0, str(path))])
    return VideoSource(path, threads)


def probe_video(path: str | Path) -> VideoInfo:
    """What the file says about itself, with a counted ``frame_count``.

    Raises:
        FrameError: missing, empty, not a video, no picture stream, or too large
    """
    return open_source(path).info


def read_frames(path: str | Path, indices: Iterable[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Decode the frames ``indices`` of a source in one pass, in ascending order.

    Args:
        path: video, image, or folder of images
        indices: 0-based frame indices, any order, repeats ignored

    Yields:
        (index, RGB uint8 (H, W, 3)), upright

    Raises:
        FrameError: before the first frame if the source cannot be opened; after the last good
            frame if some of the wanted ones could not be read (the message lists them)
    """
    failed: list[DecodedFrame] = []
    for frame in open_source(path).read(indices):
        if frame.image is None:
            failed.append(frame)
        else:
            yield frame.index, frame.image
    if failed:
        shown = ", ".join(str(frame.index) for frame in failed[:10])
        reason = failed[0].reason or Reason.DECODE_ERROR
        raise FrameError(
            reason, f"{path}: {len(failed)} frames could not be read ({reason.value}): {shown}."
        )


def choose_frames(total: int, count: int, mode: str) -> list[int]:
    """Positions to look at among ``total`` frames.

    Args:
        total: number of frames, >= 0
        count: frames wanted, or the step for ``stride``; >= 1
        mode: ``uniform``: ``np.linspace(0, total - 1, count, dtype=int)`` as DeepfakeBench does,
            repeats removed (they occur when ``count > total``); ``stride``: every ``count``-th
            frame from 0; ``spread``: the first ``count`` of :func:`spread_order`

    Returns:
        ascending positions for ``uniform`` and ``stride``; in the order to be tried for ``spread``

    Raises:
        ForensicsError: unknown mode or ``count < 1``
    """
    if mode not in SAMPLING_MODES:
        raise ForensicsError(
            f"Unknown sampling mode {mode!r}.", f"Use one of {', '.join(SAMPLING_MODES)}.", "mode"
        )
    if count < 1:
        raise ForensicsError(f"count is {count}.", "Give 1 or more.", "count")
    if total <= 0:
        return []
    if mode == "uniform":
        return np.unique(np.linspace(0, total - 1, count, dtype=int)).tolist()
    if mode == "stride":
        return list(range(0, total, count))
    return spread_order(total, count)


def spread_order(total: int, count: int | None = None) -> list[int]:
    """Positions 0 .. total-1, each as far as possible from all before it (farthest-first).

    Starts at ``total // 2``; ties go to the smaller position. The order never depends on how many
    are taken, so raising a count only appends. Same goal as the ``at_least`` mode of GenD's
    cropper (arXiv 2508.06248, released code), whose search is quadratic; this one keeps the gaps
    in a heap: O(k log k) for the first k.

    Args:
        total: number of positions
        count: stop after so many; None: all
    """
    wanted = total if count is None else min(count, total)
    if wanted <= 0:
        return []
    middle = total // 2
    order = [middle]
    # (-distance of the best position of the gap, that position, first, last); the two outer gaps
    # have their best position at the end of the video.
    gaps: list[tuple[int, int, int, int]] = []
    if middle > 0:
        gaps.append((-middle, 0, 0, middle - 1))
    if middle < total - 1:
        gaps.append((-(total - 1 - middle), total - 1, middle + 1, total - 1))
    heapq.heapify(gaps)
    while len(order) < wanted:
        _, best, first, last = heapq.heappop(gaps)
        order.append(best)
        for low, high in ((first, best - 1), (best + 1, last)):
            if low <= high:
                position = (low + high) // 2
                distance = min(position - low, high - position) + 1
                heapq.heappush(gaps, (-distance, position, low, high))
    return order
