"""Reads stored heatmaps of faces for a panel, and where their crops lie in the frames."""

from __future__ import annotations

import base64
from typing import Any

import fiftyone as fo
import numpy as np

from ...detector.errors import ForensicsError

#: Heatmaps of 'Explain faces', the one that is shown first.
HEATMAPS = ("gradient", "rollout")


def heat_of(faces: fo.Dataset, face: str, name: str) -> dict[str, Any]:
    """Return a stored heatmap as bytes: rows, columns and base64 of 0 to 255.

    Raises:
        ForensicsError: the face is gone, or has no such map
    """
    found = faces.select(face).values(name) if faces.has_field(name) else []
    heat: Any = found[0] if found else None
    if not isinstance(heat, fo.Heatmap) or heat.map is None:
        raise ForensicsError("This face has no heatmap.", "Run 'Explain faces' on it.")
    low, high = heat.range or (0, 255)
    scaled = (np.asarray(heat.map, np.float32) - low) / max(high - low, 1e-9)
    values = np.round(255 * np.clip(scaled, 0, 1)).astype(np.uint8)
    text = base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
    return {"id": face, "rows": values.shape[0], "columns": values.shape[1], "values": text}


def place_of(faces: fo.Dataset, face: str, width: int, height: int) -> list[float]:
    """Return where a crop lies in its frame: the corner (0, 0), and the steps to (1, 0) and (0, 1).

    Args:
        face: id of the face
        width, height: pixels of its frame

    Returns:
        [x, y, right_x, right_y, down_x, down_y] in parts of the frame's width and height; empty if
        the crop's place is not known
    """
    from PIL import Image

    if not faces.has_field("crop_matrix"):
        return []
    rows = faces.select(face).values(["crop_matrix", "filepath"])
    matrix, path = (row[0] if row else None for row in rows)
    if not matrix or not path:
        return []
    try:
        with Image.open(path) as image:
            size = image.size
    except OSError:
        return []
    to_crop = np.vstack([np.asarray(matrix, np.float64).reshape(2, 3), [0, 0, 1]])
    corners = np.array([[0, 0, 1], [size[0], 0, 1], [0, size[1], 1]], np.float64)
    x, y = (np.linalg.inv(to_crop) @ corners.T)[:2]
    x, y = x / width, y / height
    return [float(v) for v in (x[0], y[0], x[1] - x[0], y[1] - y[0], x[2] - x[0], y[2] - y[0])]
