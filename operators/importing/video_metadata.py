"""Reads the metadata of many video files at a time; broken files get a reason.

PyAV releases the interpreter lock while it reads. So threads are enough; the App starts no
processes and needs no ffmpeg binary.
"""

from __future__ import annotations

import mimetypes
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fiftyone as fo

from ...detector.errors import Cancelled
from ...detector.files.allowed_roots import require_files
from ...detector.progress import Progress, ShouldStop, never, silent
from ...detector.records import Reason
from ..dataset import fields, views
from ..dataset.dataset_changes import declare

if TYPE_CHECKING:
    from ...detector.frames.frame import VideoInfo

CHUNK = 512
_EXTRA = {
    "codec": fo.StringField,
    "bit_rate": fo.IntField,
    "rotation": fo.IntField,
    "pixel_format": fo.StringField,
    "mirrored": fo.BooleanField,
    "pixel_aspect": fo.FloatField,
    "transfer": fo.StringField,
    "interlaced": fo.BooleanField,
    "missing_frames": fo.IntField,
}


def run(
    samples: Any,
    *,
    workers: int = 0,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Fill ``metadata`` on the videos of ``samples`` that have none, and ``reason`` on broken ones.

    Args:
        samples: a video dataset or view
        workers: threads; 0: two per core
        progress, should_stop: see :mod:`detector.progress`

    Returns:
        ``{"read", "broken", "reasons"}``

    Raises:
        Cancelled: stopped by the user; metadata read so far are kept
    """
    dataset = views.dataset_of(samples)
    declare(dataset, {f"metadata.{name}": kind for name, kind in _EXTRA.items()})
    todo = views.flat(samples).match({"metadata": None, fields.REASON: None})
    ids, paths = todo.values(["id", "filepath"])
    require_files(paths, "videos")
    reasons: dict[str, int] = {}
    done = 0
    progress(0, len(ids), "videos")
    with ThreadPoolExecutor(workers or 2 * (os.cpu_count() or 1)) as pool:
        for start in range(0, len(ids), CHUNK):
            if should_stop():
                raise Cancelled(f"Stopped after the metadata of {done} of {len(ids)} videos.")
            part = slice(start, start + CHUNK)
            good, bad = {}, {}
            found = pool.map(read_metadata, paths[part])
            for sample_id, (metadata, reason) in zip(ids[part], found, strict=True):
                done += 1
                if reason is None:
                    good[sample_id] = metadata
                else:
                    bad[sample_id] = reason.value
                    reasons[reason.value] = reasons.get(reason.value, 0) + 1
                if done % 32 == 0:
                    progress(done, len(ids), "videos")
            views.set_by_id(dataset, "metadata", good)
            views.set_by_id(dataset, fields.REASON, bad)
            progress(done, len(ids), "videos")
    return {
        "read": done - sum(reasons.values()),
        "broken": sum(reasons.values()),
        "reasons": reasons,
    }


def read_metadata(path: str) -> tuple[fo.VideoMetadata | None, Reason | None]:
    """Return the metadata of one file, or the reason why it has none."""
    from ...detector.frames.frame import FrameError
    from ...detector.frames.sources import probe_video

    try:
        return _metadata(path, probe_video(path)), None
    except FrameError as error:
        return None, error.reason
    except OSError:  # deleted or made unreadable since it was listed
        gone = not Path(path).exists()
        return None, Reason.MISSING_FILE if gone else Reason.DECODE_ERROR


def _metadata(path: str, info: VideoInfo) -> fo.VideoMetadata:
    return fo.VideoMetadata(
        size_bytes=Path(path).stat().st_size,
        mime_type=mimetypes.guess_type(path)[0] or "video/mp4",
        frame_width=info.width,
        frame_height=info.height,
        frame_rate=info.fps,
        total_frame_count=info.frame_count,
        duration=info.duration_seconds,
        encoding_str=info.codec,
        **{name: getattr(info, name) for name in _EXTRA},
    )
