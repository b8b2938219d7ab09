"""Extracts the face crops of one video, the unit of work in one process, a pool or a shard.

Frames are decoded once, in order. Faces are found in batches and aligned while their frame is in
memory. Only the crops of the chosen faces are written. All results are kept in the store: a second
request does nothing, and a request for more reads only new frames.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import Cancelled, is_shortage
from ..faces.interface import FaceDetector
from ..faces.leads import Lead, joined
from ..faces.selection import Selection, crop_wanted, select, video_reason, with_pair
from ..faces.video_faces import FaceRow, FrameFaces, VideoFaces
from ..frames.frame import FrameError, FrameSource
from ..frames.masks import MaskSource
from ..frames.sampling import choose_frames
from ..frames.source_identity import source_sha256, source_stamp
from ..progress import ShouldStop
from ..records import CropRecipe, Reason, VideoRecord
from .align import warp
from .encoding import crop_sha256, encode_image
from .face_rows import RowMaker
from .known_sources import known_or_opened, opened
from .store import CropStore, StoredVideo
from .subject_policy import resolve_policy

log = logging.getLogger(__name__)

IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


class _TimeUpError(Exception):
    """Raised when the time limit of the video has passed."""


def extract_video(
    record: VideoRecord,
    recipe: CropRecipe,
    detector: FaceDetector,
    store: CropStore,
    paired: VideoFaces | None = None,
    *,
    leads: Sequence[Lead] = (),
    threads: int = 0,
    thorough: bool = False,
    time_limit_seconds: float | None = None,
    should_stop: ShouldStop | None = None,
) -> VideoFaces:
    """Find, choose, align and store the faces of one video.

    Args:
        record: a video, an image, a folder of images, or a list of frames (``record.frames``);
            ready-made crops (``record.aligned``) get one row each and are not changed
        recipe: with the detector's hash; must be the store's recipe
        detector: loaded face detector
        store: destination of crops and index
        paired: result of the paired real, for the policy ``pair``
        leads: leads of a real's fakes; stored leads of other fakes are kept
        threads: decoder threads, 0: as many as there are cores
        thorough: whether hidden damage is looked for at any price, see :func:`.open_source`
        time_limit_seconds: time after which to stop; the next run uses what was found
        should_stop: called between batches; returns True to stop

    Returns:
        every tried frame with its faces or its reason; a source that cannot be read gives a result
        with a reason, not an error

    Raises:
        Cancelled: ``should_stop`` returned True; nothing of this video was written
        ForensicsError: unknown policy or recipe option
    """
    policy = resolve_policy(record, recipe)
    work: _VideoWork | None = None
    try:
        if record.aligned:
            return _ready_made(record, recipe, policy)
        stored, source = known_or_opened(record, policy, store, threads, thorough)
        if stored.faces.reason and not stored.all_numbers:
            return stored.faces
        stored = _led(stored, leads, store)
        limit = float("inf") if time_limit_seconds is None else time_limit_seconds
        check = _stopper(time.monotonic() + limit, should_stop)
        masks = MaskSource(record.mask_path, threads) if policy == "mask" else None
        maker = RowMaker(recipe, detector, masks, check)
        work = _VideoWork(record, store, policy, threads, maker, stored, source, None, thorough)
        return work.finish(paired)
    except FrameError as error:
        return _unreadable(record, store, policy, error)
    except _TimeUpError:
        if work is None:
            raise
        return work.partial(Reason.TIME_LIMIT, f"Stopped after {time_limit_seconds} seconds.")
    except OSError as error:
        if is_shortage(error):  # of a thread that converts a frame, too
            raise MemoryError(str(error)) from error
        if work is None:
            return _unreadable(
                record, store, policy, FrameError(Reason.DECODE_ERROR, f"{record.path}: {error}.")
            )
        return work.partial(Reason.WRITE_ERROR, f"Crops could not be written: {error}.")


def _led(stored: StoredVideo, leads: Sequence[Lead], store: CropStore) -> StoredVideo:
    """Return ``stored`` with ``leads`` added; save it if they are new."""
    known = joined(stored.faces.leads, leads)
    if known == stored.faces.leads:
        return stored
    led = replace(stored, faces=replace(stored.faces, leads=known))
    if stored.faces.frames:
        store.save(led)
    return led


def _stopper(deadline: float, should_stop: ShouldStop | None) -> Callable[[], None]:
    def check() -> None:
        if should_stop is not None and should_stop():
            raise Cancelled("Stopped.", "Run it again to continue.")
        if time.monotonic() > deadline:
            raise _TimeUpError

    return check


@dataclass(slots=True)
class _VideoWork:
    """The state of one video during extraction."""

    record: VideoRecord
    store: CropStore
    policy: str
    threads: int
    maker: RowMaker
    stored: StoredVideo
    source: FrameSource | None
    rows: dict[int, FrameFaces] | None = None
    thorough: bool = False

    def finish(self, paired: VideoFaces | None) -> VideoFaces:
        """Read frames until the selection is complete, and write what is missing."""
        faces = self.stored.faces
        rows = self.rows = {row.index: row for row in faces.frames}
        before = dict(rows)
        images: dict[str, np.ndarray] = {}
        frames: tuple[FrameFaces, ...] | None = None
        while frames is None:
            frames = self._choose(rows, paired)
            lost = self._make_crops(rows, frames, images)
            if lost:  # readable before, unreadable now: choose again without them
                rows.update(lost)
                frames = None
        files = self._encoded(rows, images)
        if files or rows != before or not before:
            made = tuple(rows[i] for i in sorted(rows))
            self.stored = replace(self.stored, faces=replace(faces, frames=made))
            self.store.save(self.stored, files)
        chosen = self._selected(rows).frames
        return replace(faces, frames=chosen, reason=video_reason(chosen))

    def _choose(
        self, rows: dict[int, FrameFaces], paired: VideoFaces | None
    ) -> tuple[FrameFaces, ...]:
        """Return the frames that the recipe selects, reading those missing in ``rows``."""
        faces = self.stored.faces
        while True:
            if self.policy == "pair":
                rows.update(with_pair(rows, paired, (faces.width or 0, faces.height or 0)))
            chosen = self._selected(rows)
            if not chosen.missing:
                return chosen.frames
            for row in self.maker.rows(self._open(), chosen.missing):
                rows[row.index] = row

    def _selected(self, rows: dict[int, FrameFaces]) -> Selection:
        numbers, leads = self.stored.all_numbers, self.stored.faces.leads
        return select(rows, numbers, self.store.recipe, self.policy, leads)

    def _open(self) -> FrameSource:
        if self.source is None:
            decoder = self.store.recipe.decoder
            self.source = opened(self.record, self.threads, decoder, self.thorough)
        return self.source

    def _make_crops(
        self,
        rows: dict[int, FrameFaces],
        frames: Sequence[FrameFaces],
        images: dict[str, np.ndarray],
    ) -> dict[int, FrameFaces]:
        """Add chosen crops that are not on disk to ``images``, and their paths to ``rows``.

        Returns:
            new rows of frames that have become unreadable
        """
        there = self.store.existing_crops(self.record.video_id)
        again: dict[int, list[FaceRow]] = {}
        for frame in frames:
            for face in filter(crop_wanted, frame.faces):
                path = self._path(frame.index, face)
                whole = face.crop == path and path in there and self.store.is_whole(face)
                if whole or path in images:
                    continue
                crop = self.maker.crops.get((frame.index, face.face_index))
                if crop is None:
                    again.setdefault(frame.index, []).append(face)
                else:
                    images[path] = crop
                _note_crop(rows, frame.index, face.face_index, path)
        lost: dict[int, FrameFaces] = {}
        recipe = self.store.recipe
        for frame in self._open().read(again) if again else ():
            if frame.image is None:
                reason = (frame.reason or Reason.DECODE_ERROR).value
                lost[frame.index] = FrameFaces(frame.index, reason=reason)
                continue
            for face in again[frame.index]:
                size = face.crop_size or recipe.size
                matrix = np.array(face.matrix)
                crop = warp(frame.image, matrix, size, recipe.border, recipe.interpolation)
                images[self._path(frame.index, face)] = crop
        return lost

    def _encoded(
        self, rows: dict[int, FrameFaces], images: dict[str, np.ndarray]
    ) -> dict[str, bytes]:
        """Return the files of the new crops; store their hashes in ``rows``."""
        files: dict[str, bytes] = {}
        for row in list(rows.values()):
            for face in row.faces:
                if face.crop is not None and face.crop in images:
                    data = encode_image(images[face.crop], self.store.recipe.image_format)
                    files[face.crop] = data
                    _note_crop(rows, row.index, face.face_index, face.crop, crop_sha256(data))
        return files

    def _path(self, number: int, face: FaceRow) -> str:
        return self.store.crop_path(self.record.video_id, number, face.face_index)

    def partial(self, reason: Reason, detail: str) -> VideoFaces:
        """Return the results of an unfinished video, with only those crops that exist.

        The rows are stored if possible, so that the next run continues from here.
        """
        there = self.store.existing_crops(self.record.video_id)
        known: list[FrameFaces] = []
        shown: list[FrameFaces] = []
        for _, row in sorted((self.rows or {}).items()):
            faces = [
                face if face.crop in there else replace(face, crop=None, crop_sha256=None)
                for face in row.faces
            ]
            known.append(replace(row, faces=tuple(faces)))
            faces = [replace(f, reason=f.reason or reason.value) for f in faces if f.crop is None]
            shown.append(replace(row, faces=tuple(faces), reason=row.reason or reason.value))
        stored = replace(self.stored, faces=replace(self.stored.faces, frames=tuple(known)))
        try:
            self.store.save(stored)
        except OSError as error:
            log.warning("%s: what was found is not kept: %s", self.record.video_id, error)
        return replace(stored.faces, frames=tuple(shown), reason=reason.value, detail=detail)


def _note_crop(
    rows: dict[int, FrameFaces], index: int, face_index: int, path: str, sha256: str | None = None
) -> None:
    faces = list(rows[index].faces)
    faces[face_index] = replace(faces[face_index], crop=path, crop_sha256=sha256)
    rows[index] = replace(rows[index], faces=tuple(faces))


def _unreadable(
    record: VideoRecord, store: CropStore, policy: str, error: FrameError
) -> VideoFaces:
    """Return the result of an unreadable source; it is stored unless the file is missing."""
    faces = VideoFaces(
        record.video_id,
        store.recipe.hash,
        reason=error.reason.value,
        detail=error.message,
        policy=policy,
    )
    if error.reason is Reason.MISSING_FILE:
        return faces
    try:
        faces = replace(faces, source_sha256=source_sha256(record))
        store.save(StoredVideo(faces, (), source_stamp(record)))
    except (OSError, FrameError) as problem:
        log.warning("%s: its reason could not be stored: %s", record.video_id, problem)
    return faces


def _ready_made(record: VideoRecord, recipe: CropRecipe, policy: str) -> VideoFaces:
    """Return rows of crops that the source ships; nothing is decoded, resized or copied."""
    listed = sorted(record.frames)
    positions = choose_frames(len(listed), recipe.count, recipe.sampling)
    rows = tuple(_ready_row(*listed[p]) for p in sorted(positions))
    size = next(((row.width, row.height) for row in rows if row.width), (None, None))
    return VideoFaces(
        record.video_id,
        recipe.hash,
        source_sha256(record) if listed else "",
        len(listed),
        None,
        *size,
        video_reason(rows) if rows else Reason.MISSING_FILE.value,
        rows,
        policy=policy,
        info={"container": "crops"},
    )


def _ready_row(number: int, path: str) -> FrameFaces:
    from PIL import Image

    from ..frames.pictures import BROKEN_IMAGE

    try:
        with Image.open(path) as image:  # reads the header only
            width, height = image.size
    except FileNotFoundError:
        return FrameFaces(number, reason=Reason.MISSING_FILE.value)
    except Image.DecompressionBombError:
        return FrameFaces(number, reason=Reason.TOO_LARGE.value)
    except BROKEN_IMAGE:
        empty = Path(path).stat().st_size == 0
        reason = Reason.EMPTY_FILE if empty else Reason.UNREADABLE_IMAGE
        return FrameFaces(number, reason=reason.value)
    box = (0.0, 0.0, float(width), float(height))
    face = FaceRow(0, box, path, subject=True, matrix=IDENTITY, crop_size=width)
    return FrameFaces(number, None, None, (face,), width, height)
