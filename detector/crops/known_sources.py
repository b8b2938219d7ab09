"""Checks whether the stored faces of a video still belong to its source."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from typing import Any

from ..faces.video_faces import VideoFaces
from ..frames.clip import Clip
from ..frames.frame import FrameSource, VideoInfo
from ..frames.source_identity import source_sha256, source_stamp
from ..frames.sources import open_source
from ..records import VideoRecord
from .store import CropStore, StoredVideo

log = logging.getLogger(__name__)


def known_or_opened(
    record: VideoRecord, policy: str, store: CropStore, threads: int, thorough: bool = False
) -> tuple[StoredVideo, FrameSource | None]:
    """Return the stored data of this unchanged source, or new facts, and the source if opened.

    Raises:
        FrameError: the source does not exist or cannot be read
    """
    stamp, decoder = source_stamp(record), store.recipe.decoder
    stored = store.load_stored(record.video_id)
    if stored is not None and stored.faces.policy == policy:
        same = stored.stamp == stamp
        if not same and stored.faces.source_sha256:  # touched or copied: compare the bytes
            same = stored.faces.source_sha256 == source_sha256(record)
        known = not same or _shown_is_known(stored)
        source = None if known else opened(record, threads, decoder, thorough)
        if same and (source is None or _shown_as_before(stored.faces, source.info)):
            if source is not None:
                info = stored.faces.info | _facts(source)
                stored = replace(stored, faces=replace(stored.faces, info=info))
            if stored.stamp != stamp or source is not None:
                stored = replace(stored, stamp=stamp)
                store.save(stored)
            return stored, source
    if stored is not None:
        log.info("%s: its source, policy or reading changed; starting anew", record.video_id)
        store.forget(record.video_id)
    source = opened(record, threads, decoder, thorough)
    faces = VideoFaces(
        record.video_id,
        store.recipe.hash,
        source_sha256(record),
        len(source.numbers),
        source.info.fps,
        source.info.width,
        source.info.height,
        policy=policy,
        info=_facts(source),
    )
    listed = None if isinstance(source.numbers, range) else tuple(source.numbers)
    return StoredVideo(faces, listed, stamp), source


def opened(record: VideoRecord, threads: int, decoder: str, thorough: bool = False) -> FrameSource:
    """Open the frames of a record with the recipe's ``decoder``."""
    source = open_source(record.path, record.frames, threads, thorough, decoder)
    return source if record.clip is None else Clip(source, *record.clip)


def _facts(source: FrameSource) -> dict[str, Any]:
    """Return the properties of a source that have no column in the result."""
    kept = asdict(source.info)
    if not kept["decoder"]:  # the usual one
        del kept["decoder"]
    return {k: v for k, v in kept.items() if k not in ("fps", "width", "height", "frame_count")}


def _shown_is_known(stored: StoredVideo) -> bool:
    """Return False for a video read by version 0.3, which applied only the rotation."""
    info = stored.faces.info
    return "mirrored" in info or info.get("container") in (None, "", "images", "crops")


def _shown_as_before(faces: VideoFaces, info: VideoInfo) -> bool:
    """Return whether 0.3 gave the same pictures of a video, and as many, as now."""
    changed = info.mirrored or info.pixel_aspect != 1 or info.transfer or info.missing_frames
    return not changed and (faces.width, faces.height) == (info.width, info.height)
