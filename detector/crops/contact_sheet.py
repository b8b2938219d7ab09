"""Draws one picture of a video's extraction: every tried frame with its boxes, crops or reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ..faces.video_faces import FaceRow, FrameFaces, VideoFaces
from ..files.paths import inside
from ..frames.frame import FrameError
from ..frames.images import read_image
from ..frames.numbering import shown_number
from ..frames.sources import open_source
from ..records import Reason, VideoRecord
from .store import is_as_written

_DARK, _LINE = 40, 24  # grey level behind a reason; height of a text line in pixels
_GREEN, _GREY, _RED, _WHITE = (70, 200, 90), (170, 170, 170), (220, 70, 60), (255, 255, 255)


def contact_sheet(
    record: VideoRecord,
    result: VideoFaces,
    crop_folder: str | Path,
    columns: int = 6,
    tile: int = 160,
    limit: int = 64,
) -> np.ndarray:
    """Draw the tried frames in order: the frame with its boxes, and below it the crops or reason.

    Args:
        record: the source of the frames
        result: its extraction result
        crop_folder: :attr:`store.CropStore.folder`
        columns: tiles per row
        tile: side of a tile in pixels
        limit: maximum number of frames, taken evenly from all

    Returns:
        RGB uint8 (H, W, 3); for a source without frames, a strip with the reason
    """
    folder = Path(crop_folder)
    rows = shown_frames(result, limit)
    if not rows:
        strip = np.full((_LINE * 2, tile * columns, 3), _DARK, np.uint8)
        return _caption(strip, result.reason or "", _RED)
    pictures = dict(_frames(record, rows))
    columns = min(columns, len(rows))
    lines = []
    for start in range(0, len(rows), columns):
        line = [
            [_frame_tile(row, pictures.get(row.index), tile), *_crop_tiles(row, folder, tile)]
            for row in rows[start : start + columns]
        ]
        lines.append(np.hstack(_filled([np.vstack(tiles) for tiles in line], columns)))
    return np.vstack(lines)


def shown_frames(result: VideoFaces, limit: int = 64) -> tuple[FrameFaces, ...]:
    """Return the frames that a sheet shows: all, or ``limit`` taken evenly from them."""
    rows = result.frames
    if len(rows) > limit:
        rows = tuple(rows[i] for i in np.linspace(0, len(rows) - 1, limit, dtype=int))
    return rows


def _filled(tiles: list[np.ndarray], columns: int) -> list[np.ndarray]:
    """Return a line's tiles padded to equal height and filled up to ``columns`` with empty ones."""
    height = max(len(tile) for tile in tiles)
    padded = [cv2.copyMakeBorder(t, 0, height - len(t), 0, 0, cv2.BORDER_CONSTANT) for t in tiles]
    return padded + [np.zeros_like(padded[0])] * (columns - len(padded))


def _frames(record: VideoRecord, rows: tuple[FrameFaces, ...]) -> Iterator[tuple[int, np.ndarray]]:
    try:
        source = open_source(record.path, record.frames)
    except FrameError:
        return  # the tiles then show only the reasons
    for frame in source.read(row.index for row in rows):
        if frame.image is not None:
            yield frame.index, frame.image


def _frame_tile(row: FrameFaces, image: np.ndarray | None, tile: int) -> np.ndarray:
    canvas = np.full((tile * 3 // 4, tile, 3), 25, np.uint8)
    if image is not None:
        height, width = image.shape[:2]
        factor = min(canvas.shape[0] / height, tile / width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        canvas[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        for face in row.faces:
            x1, y1, x2, y2 = (round(value * factor) for value in face.box)
            cv2.rectangle(canvas, (x1, y1), (x2, y2), _colour(face), 1)
    return _caption(canvas, f"{shown_number(row.index)}", _WHITE)


def _colour(face: FaceRow) -> tuple[int, int, int]:
    if face.crop is not None:
        return _GREEN
    return _RED if face.subject else _GREY


def _crop_tiles(row: FrameFaces, folder: Path, tile: int) -> list[np.ndarray]:
    tiles: list[np.ndarray] = []
    for face in row.faces:
        if face.crop is None:
            continue
        try:
            path = inside(folder, face.crop, "crop")
            crop = read_image(path)
            if not is_as_written(path, face.crop_sha256):
                raise FrameError(Reason.CHANGED_CROP, f"{path} is not what extraction wrote.")
        except FrameError as error:
            crop = _caption(np.full((tile, tile, 3), _DARK, np.uint8), error.reason.value, _RED)
        crop = cv2.resize(crop, (tile, tile), interpolation=cv2.INTER_AREA)
        tiles.append(_caption(crop, f"person {face.track}", _WHITE))
    if not tiles:
        strip = np.full((_LINE, tile, 3), _DARK, np.uint8)
        tiles.append(_caption(strip, row.reason or "", _RED))
    return tiles


def _caption(image: np.ndarray, text: str, colour: tuple[int, int, int]) -> np.ndarray:
    """Return ``image`` with a line of text at its lower edge."""
    image = np.ascontiguousarray(image)
    place = (4, image.shape[0] - 6)
    for thickness, shade in ((3, (0, 0, 0)), (1, colour)):
        cv2.putText(
            image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, shade, thickness, cv2.LINE_AA
        )
    return image
