"""Encode clips and masks. Reals and fakes go through the same few lines."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np

from ...detector.atomic import replacing
from .plan import FPS

CRF = {"c23": 23, "c40": 40}  # as FaceForensics++
_MASK_CRF = 10
_PRESET = "medium"
_COMMENT_LENGTH = 96


def write_clip(path: Path, frames: Iterable[np.ndarray], crf: int, comment: str) -> None:
    """Write an H.264 mp4 atomically; equal input gives equal bytes with one version of x264.

    Args:
        path: file to write
        frames: one or more of RGB or grey uint8 (H, W, 3) or (H, W), even sides
        crf: quality of x264, 0 (lossless) to 51
        comment: metadata, padded to one length so that the file size tells nothing about it

    Raises:
        OSError: the folder cannot be written, or the disk is full
        ValueError: the comment is too long
    """
    if len(comment) > _COMMENT_LENGTH:
        raise ValueError(f"comment longer than {_COMMENT_LENGTH}: {comment}")
    frames = iter(frames)
    first = next(frames)
    with (
        replacing(path) as temporary,
        av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as out,
    ):
        out.metadata["comment"] = comment.ljust(_COMMENT_LENGTH, ".")
        stream = out.add_stream("libx264", rate=FPS, options={"crf": str(crf), "preset": _PRESET})
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuv420p"
        # One thread: the pool has others to do, and the bytes do not depend on the machine's cores.
        stream.codec_context.thread_count = 1
        for image in itertools.chain([first], frames):
            layout = "rgb24" if image.ndim == 3 else "gray"
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format=layout)))
        out.mux(stream.encode(None))


def write_mask(path: Path, masks: Iterable[np.ndarray], comment: str) -> None:
    """Write masks (H, W) uint8 as a video; 255 is decoded as more than 127, 0 as less."""
    write_clip(path, masks, _MASK_CRF, comment)
