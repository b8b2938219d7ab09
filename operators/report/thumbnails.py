"""Makes small pictures of face crops for the page, blurred if persons must not be shown."""

from __future__ import annotations

import base64
import hashlib
import io
from pathlib import Path
from typing import NamedTuple

SIDE = 128  # pixels


class Thumbnail(NamedTuple):
    """A picture for the page.

    Attributes:
        uri: data URI, or None if the file gives no picture
        sha256: of the crop file, or None
        reason: why there is no picture, or None
    """

    uri: str | None
    sha256: str | None
    reason: str | None


def thumbnail(path: str | Path, wanted: str, blur: bool = False) -> Thumbnail:
    """Return the crop at ``path`` as a JPEG of at most ``SIDE`` pixels; ``blur`` hides the person.

    The picture is first shrunk to 16 pixels a side and then blurred, so that it cannot be sharpened
    again. A file whose sha256 is not the ``wanted`` one ("" if unknown) is not shown, because its
    score is not that of the picture.
    """
    from PIL import Image, ImageFilter

    from ...detector.records import Reason

    try:
        data = Path(path).read_bytes()
    except OSError:
        return Thumbnail(None, None, Reason.MISSING_FILE.value)
    digest = hashlib.sha256(data).hexdigest()
    if wanted and digest != wanted:
        return Thumbnail(None, digest, Reason.CHANGED_CROP.value)
    try:
        with Image.open(io.BytesIO(data)) as opened:
            picture = opened.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        return Thumbnail(None, digest, Reason.UNREADABLE_IMAGE.value)
    picture.thumbnail((SIDE, SIDE))
    if blur:
        size = picture.size
        picture = picture.resize((max(1, size[0] * 16 // SIDE), max(1, size[1] * 16 // SIDE)))
        picture = picture.resize(size).filter(ImageFilter.GaussianBlur(6))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=82)
    text = base64.b64encode(stream.getvalue()).decode()
    return Thumbnail(f"data:image/jpeg;base64,{text}", digest, None)
