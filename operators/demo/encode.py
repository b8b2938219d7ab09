"""Encodes clips and masks; reals and fakes use the same code."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ...detector.files.atomic import replacing
from ...detector.frames.pyav import H264Writer, Mpeg4Writer
from .clips import FPS

CRF = {"c23": 23, "c40": 40}  # as in FaceForensics++
_MASK_CRF = 10
_COMMENT_LENGTH = 96


H264, MPEG4 = "h264", "mpeg4"
_WRITERS = {H264: H264Writer, MPEG4: Mpeg4Writer}


def write_clip(
    path: Path,
    frames: Iterable[np.ndarray],
    crf: int,
    comment: str,
    fps: int = FPS,
    encoder: str = H264,
) -> None:
    """Write an mp4 atomically; equal input gives equal bytes with one version of the encoder.

    Args:
        path: file to write
        frames: at least one RGB or grey uint8 image, (H, W, 3) or (H, W), with even sides
        crf: quality of x264, 0 (lossless) to 51; quantiser of MPEG-4, 2 to 31
        fps: frames per second
        encoder: ``h264`` or ``mpeg4``
        comment: metadata, padded to one length so that the file size does not reveal it

    Raises:
        OSError: the folder cannot be written, or the disk is full
        ValueError: the comment is too long
    """
    if len(comment) > _COMMENT_LENGTH:
        raise ValueError(f"comment longer than {_COMMENT_LENGTH}: {comment}")
    frames = iter(frames)
    first = next(frames)
    comment = comment.ljust(_COMMENT_LENGTH, ".")
    with (
        replacing(path) as temporary,
        _WRITERS[encoder](
            temporary, "mp4", first.shape[:2], fps, crf, {"movflags": "+faststart"}, comment
        ) as out,
    ):
        for image in itertools.chain([first], frames):
            out.add(image)


def write_mask(path: Path, masks: Iterable[np.ndarray], comment: str, fps: int = FPS) -> None:
    """Write masks (H, W) uint8 as a video; 255 decodes to more than 127 and 0 to less."""
    write_clip(path, masks, _MASK_CRF, comment, fps)
