"""Opens a source of any kind and reads the requested frames from it.

A source is a video file, one image, a folder of images, or an explicit list of numbered image
files. Frame indices are 0-based positions in presentation order, as counted by a sequential decode.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ..files.paths import still_allowed
from ..records import Reason
from .decoders import SOFTWARE
from .frame import DecodedFrame, FrameError, FrameSource, VideoInfo

log = logging.getLogger(__name__)


def open_source(
    path: str | Path,
    frames: Sequence[tuple[int, str]] = (),
    threads: int = 0,
    thorough: bool = False,
    decoder: str = SOFTWARE,
) -> FrameSource:
    """Open a video file, an image, a folder of images, or explicit numbered image files.

    The content decides what a file is, not its extension.

    Args:
        path: file or folder
        frames: ((frame number, image path), ...); if given, ``path`` is not opened
        threads: decoder threads for video, 0: as many as there are cores
        thorough: look for damage that the decoder of H.264 hides, which takes three times as long;
            in a file with any other sign of damage, and in HEVC, this is always done
        decoder: one of :data:`detector.frames.decoders.DECODERS`

    Raises:
        FrameError: the source cannot be read
    """
    from .images import ImageSource, PictureSequence, image_files
    from .pictures import is_picture
    from .video import VideoSource

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
    if is_picture(path):
        alone = ImageSource([(0, str(path))])
        try:
            sequence = PictureSequence(path)
        except FrameError as error:
            if error.hint:  # a package is missing
                raise
            return alone  # reports the error when the frame is read
        return sequence if len(sequence.numbers) > 1 else alone
    if decoder != SOFTWARE:
        from .hardware import HardwareSource

        return HardwareSource(path, threads, thorough)
    return VideoSource(path, threads, thorough)


def probe_video(path: str | Path) -> VideoInfo:
    """Return the properties of a source, with a counted ``frame_count``.

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
            frame if some requested frames could not be read (the message lists them)
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
