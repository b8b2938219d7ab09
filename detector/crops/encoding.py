"""Encodes a crop as the bytes of its file, and tells whether a file still holds them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np

from ..errors import ForensicsError

# The filter "up" alone is a third faster than trying all, and no larger at level 1.
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]
if hasattr(cv2, "IMWRITE_PNG_FILTER"):  # OpenCV 4.12
    _PNG += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
_ENCODINGS: dict[str, tuple[str, list[int]]] = {
    "png": (".png", _PNG),
    "jpeg": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 95]),
    "webp": (".webp", [cv2.IMWRITE_WEBP_QUALITY, 95]),
}
IMAGE_FORMATS = tuple(_ENCODINGS)


def encode_image(image: np.ndarray, image_format: str) -> bytes:
    """Return an RGB uint8 image as ``png`` (lossless), ``jpeg`` or ``webp`` (quality 95) bytes.

    Raises:
        ForensicsError: unknown format
    """
    suffix, options = _encoding(image_format)
    done, data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise OSError(f"the crop could not be encoded as {image_format}")
    return data.tobytes()


def suffix_of(image_format: str) -> str:
    """Return the suffix of a crop's file, with its dot.

    Raises:
        ForensicsError: unknown format
    """
    return _encoding(image_format)[0]


def _encoding(image_format: str) -> tuple[str, list[int]]:
    if image_format not in _ENCODINGS:
        raise ForensicsError(
            f"Unknown image format {image_format!r}.",
            f"Use one of {', '.join(_ENCODINGS)}.",
            "image_format",
        )
    return _ENCODINGS[image_format]


def crop_sha256(data: bytes) -> str:
    """Return the sha256 of a crop's file, see :attr:`.faces.video_faces.FaceRow.crop_sha256`."""
    return hashlib.sha256(data).hexdigest()


def is_as_written(path: Path, sha256: str | None) -> bool:
    """Return whether the crop at ``path`` is unchanged; without a hash, whether it is not empty.

    Raises:
        OSError: the file cannot be read
    """
    if sha256 is None:
        return path.stat().st_size > 0
    return crop_sha256(path.read_bytes()) == sha256
