"""Keeps previews of videos that browsers cannot play, in the plugin's cache folder.

A preview holds a span of frames, so that the first one of a long video is there soon. Its name is a
hash of the file's stamp, the span and the encoding: a changed file gets another one. The folder has
a limit; what was shown longest ago goes first.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ....detector.errors import ForensicsError
from ....detector.files.atomic import replacing
from ....detector.files.cache import cache_dir
from ....detector.files.kept_digests import stamp
from ....detector.records import content_hash
from ...dataset.rebuild_cache import RebuildCache

if TYPE_CHECKING:
    from ....detector.frames.frame import VideoInfo
    from ....detector.frames.frame_times import FrameTimes

logger = logging.getLogger(__name__)

VERSION = 2  # of the encoding; another one makes other previews
MOST_BYTES = 2 << 30  # of all previews together
SPAN, LEAST_SPAN = 600, 60  # frames of a preview
_SPAN_PIXELS = SPAN * 1920 * 1080  # larger pictures get shorter spans
_WHOLE = 1.5  # spans; a video of fewer frames gets one preview
_FACTS = RebuildCache(32)


@dataclass(frozen=True)
class Preview:
    """A preview as the player gets it.

    Attributes:
        video: its ``video_id``
        path: the file
        first: 0-based index of its first frame
        frames: number of its frames
        why: why there is one, as far as Python knows
        words: what it is
    """

    video: str
    path: str
    first: int
    frames: int
    why: str
    words: str


def folder() -> Path:
    """Return the folder of previews."""
    return cache_dir() / "previews"


def span_of(index: int, total: int, width: int, height: int) -> range:
    """Return the frames of the preview that holds frame ``index`` of ``total``."""
    size = max(LEAST_SPAN, min(SPAN, _SPAN_PIXELS // max(1, width * height)))
    if total <= _WHOLE * size:
        return range(total)
    start = min(max(index, 0), total - 1) // size * size
    return range(start, min(total, start + size))


def preview_of(video_id: str, path: str, index: int, plays: Sequence[str]) -> Preview:
    """Return the preview with frame ``index`` (0-based) of a video, made now unless it is there.

    Args:
        video_id: of the video
        path: its file
        plays: formats that the browser plays

    Raises:
        ForensicsError: the file cannot be read, or the browser plays nothing that can be written
    """
    from ....detector.frames.preview import encoders, write_preview

    codec = next((name for name in encoders() if name in plays), None)
    if codec is None:
        raise ForensicsError(
            "This browser plays neither H.264 nor VP9 in MP4.", "Use another browser."
        )
    times = times_of(path)
    span = span_of(index, len(times.pts), times.info.width, times.info.height)
    about = [VERSION, asdict(stamp(path)), span.start, len(span), codec]
    target = folder() / f"{content_hash(about)[:40]}.mp4"
    if target.is_file():
        target.touch()  # it was shown just now
    else:
        with replacing(target) as temporary:
            facts = write_preview(path, temporary, codec, times, span)
        if facts.lost:
            logger.info("%s: %d frames of the preview are grey", path, facts.lost)
        forget_old(keep=target)
    words = _words(span, times, codec)
    return Preview(video_id, str(target), span.start, len(span), _why(times), words)


def times_of(path: str) -> FrameTimes:
    """Return the times of a video's frames, from memory if the file has not changed since."""
    from ....detector.frames.frame_times import frame_times

    return _FACTS.get(stamp(path), lambda: frame_times(path))


def _why(times: FrameTimes) -> str:
    if not times.stated:
        return "The file states no times of its frames. "
    return f"This browser does not play {_format_of(times.info)}. "


def _words(span: range, times: FrameTimes, codec: str) -> str:
    part = "" if len(span) == len(times.pts) else f", frames {span.start + 1:,} to {span.stop:,}"
    return (
        f"A preview is shown ({'H.264' if codec == 'h264' else 'VP9'}{part}): the same frames at "
        "the same times, encoded again."
    )


def _format_of(info: VideoInfo) -> str:
    deep = " with 10 or more bits" if any(bits in info.pixel_format for bits in _DEEP) else ""
    container = info.container.split(",")[0]
    return f"{info.codec.upper()}{deep} in {container.upper()}"


_DEEP = ("10le", "10be", "12le", "12be", "14le", "16le", "16be")


def forget_old(keep: Path, most: int = MOST_BYTES) -> int:
    """Remove the previews that were shown longest ago until the rest has at most ``most`` bytes.

    Args:
        keep: the preview that is about to be shown
        most: bytes

    Returns:
        number of removed files
    """
    found = []
    for path in folder().glob("*.mp4"):
        try:
            facts = path.stat()
        except FileNotFoundError:  # another process was faster
            continue
        found.append((facts.st_mtime, facts.st_size, path))
    size, removed = sum(row[1] for row in found), 0
    for _, bytes_, path in sorted(found):
        if size <= most:
            break
        if path != keep:
            path.unlink(missing_ok=True)
            size, removed = size - bytes_, removed + 1
    return removed
