"""Turns frames into rows: detects, measures and aligns every face while its frame is in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ..faces.interface import FaceDetector, NonFiniteError
from ..faces.quality import OF_LANDMARKS, mask_share, measure_pixels
from ..faces.video_faces import FaceRow, FrameFaces
from ..frames.frame import DecodedFrame, FrameSource
from ..frames.masks import MaskSource
from ..records import CropRecipe, Face, Reason
from .align import AlignError, align_face, border_share, transform

_BATCH_PIXELS = 12_000_000  # pixels per batch of frames: 13 frames of 720p, 1 of 8K
_BATCH_FRAMES = 64
_HELD_BYTES = 128 << 20  # bytes of crops kept in memory until the subject is known
Mask = np.ndarray | Reason | None


class RowMaker:
    """Creates the rows of one source and keeps their crops.

    Args:
        recipe: settings of detection and alignment
        detector: loaded face detector
        masks: manipulation masks, or None if the policy needs none
        check: called for each frame; may raise to stop

    Attributes:
        crops: RGB crops by (frame number, face index), as many as fit into 128 MB
    """

    def __init__(
        self,
        recipe: CropRecipe,
        detector: FaceDetector,
        masks: MaskSource | None,
        check: Callable[[], None],
    ) -> None:
        self._recipe = recipe
        self._detector = detector
        self._masks = masks
        self._check = check
        self._held_bytes = 0
        self.crops: dict[tuple[int, int], np.ndarray] = {}

    def rows(self, source: FrameSource, numbers: Iterable[int]) -> list[FrameFaces]:
        """Decode ``numbers`` in one pass and return one row per frame with all its faces."""
        wanted = sorted(set(numbers))
        masks = iter(self._masks.read(wanted)) if self._masks is not None else None
        made: list[FrameFaces] = []
        batch: list[tuple[DecodedFrame, Mask]] = []
        pixels = 0
        for frame in source.read(wanted):
            self._check()
            batch.append((frame, None if masks is None else next(masks)))
            pixels += 0 if frame.image is None else frame.image.shape[0] * frame.image.shape[1]
            if pixels >= _BATCH_PIXELS or len(batch) >= _BATCH_FRAMES:
                made += self._batch(batch)
                batch, pixels = [], 0
        self._check()
        return made + self._batch(batch)

    def _batch(self, batch: Sequence[tuple[DecodedFrame, Mask]]) -> list[FrameFaces]:
        found = self._detect([frame.image for frame, _ in batch if frame.image is not None])
        faces = iter(found)
        return [
            FrameFaces(frame.index, reason=(frame.reason or Reason.DECODE_ERROR).value)
            if frame.image is None
            else self._row(frame, frame.image, next(faces), mask)
            for frame, mask in batch
        ]

    def _detect(self, images: list[np.ndarray]) -> list[list[Face] | Reason]:
        """Return the faces of each image, or the reason if the network fails on it."""
        options: dict[str, Any] = {
            "score_threshold": self._recipe.score_threshold,
            "max_side": self._recipe.max_side,
        }
        try:
            return list(self._detector.detect(images, **options))
        except NonFiniteError:
            single: list[list[Face] | Reason] = []
            for image in images:
                try:
                    single.append(self._detector.detect([image], **options)[0])
                except NonFiniteError:
                    single.append(Reason.NON_FINITE)
            return single

    def _row(
        self, frame: DecodedFrame, image: np.ndarray, faces: list[Face] | Reason, mask: Mask
    ) -> FrameFaces:
        height, width = image.shape[:2]
        row = FrameFaces(frame.index, frame.pts_seconds, None, (), width, height)
        if isinstance(faces, Reason):
            return replace(row, reason=faces.value)
        if not faces:
            return replace(row, reason=Reason.NO_FACE.value)
        if isinstance(mask, Reason):
            row = replace(row, reason=mask.value)
        elif mask is not None and not mask.any():
            row = replace(row, reason=Reason.MASK_EMPTY.value)
        made = [self._face(frame.index, image, n, face, mask) for n, face in enumerate(faces)]
        return replace(row, faces=tuple(made))

    def _face(self, index: int, image: np.ndarray, number: int, face: Face, mask: Mask) -> FaceRow:
        """Measure and align one face; return its row."""
        measured: dict[str, Any] = {n: of(face.landmarks) for n, of in OF_LANDMARKS.items()}
        row = FaceRow(
            face_index=number,
            box=face.box,
            landmarks=face.landmarks,
            score=face.score,
            **measured,
        )
        if isinstance(mask, np.ndarray):
            row = replace(row, mask_overlap=mask_share(mask, face.box, image.shape[:2]))
        if measured["eye_distance"] < self._recipe.min_eye_distance:
            return replace(row, reason=Reason.TOO_SMALL.value)
        recipe = self._recipe
        try:
            crop, matrix = align_face(
                image,
                face.landmarks,
                recipe.template,
                recipe.size,
                recipe.scale,
                recipe.border,
                recipe.interpolation,
            )
        except AlignError:
            return replace(row, reason=Reason.ALIGN_FAILED.value)
        if self._held_bytes + crop.nbytes <= _HELD_BYTES:
            self.crops[index, number] = crop
            self._held_bytes += crop.nbytes
        points = transform(face.landmarks, matrix)
        return replace(
            row,
            matrix=tuple(tuple(line) for line in matrix.tolist()),
            crop_landmarks=tuple(tuple(point) for point in points.tolist()),
            crop_size=crop.shape[0],
            border_share=border_share(matrix, crop.shape[0], image.shape),
            **asdict(measure_pixels(crop, points)),
        )
