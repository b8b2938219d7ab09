"""Stores crops: one folder per recipe, one index file per video; a killed run leaves no damage.

    ROOT/<recipe hash>/recipe.json
    ROOT/<recipe hash>/index/<video_id>+.json      every frame ever tried, with its faces
    ROOT/<recipe hash>/crops/<video_id>+/<frame>_<face>.png

Crops are written before the index that names them, each first under a temporary name. A killed run
leaves at most crops that no index names; the next run writes the same bytes again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from ..errors import ForensicsError
from ..faces.selection import crop_wanted, select, video_reason, with_subjects
from ..faces.video_faces import FaceRow, FrameFaces, VideoFaces
from ..files.atomic import replacing, write_bytes, write_json
from ..files.paths import below, inside
from ..records import CropRecipe
from .encoding import encode_image, is_as_written, suffix_of

__all__ = ["CropStore", "FaceRow", "FrameFaces", "StoredVideo", "VideoFaces"]

log = logging.getLogger(__name__)

_FORMAT = 1
_MAX_PART = 200  # bytes of a path component, leaving room for the temporary name


@dataclass(frozen=True, slots=True)
class StoredVideo:
    """The stored data of one video.

    Attributes:
        faces: facts and every row ever created, without tracks and subjects
        numbers: frame numbers of the source; None for 0 .. frame_count - 1
        stamp: size and modification time of the source, a cheap way to notice changes
    """

    faces: VideoFaces
    numbers: tuple[int, ...] | None = None
    stamp: dict[str, Any] = field(default_factory=dict)

    @property
    def all_numbers(self) -> range | tuple[int, ...]:
        """All frame numbers of the source."""
        return range(self.faces.frame_count or 0) if self.numbers is None else self.numbers


def path_parts(video_id: str) -> tuple[str, ...]:
    """Return ``video_id`` as path components that stay inside a folder; ids never collide.

    Characters other than ``A-Z a-z 0-9 _ - . ~`` are percent-encoded (so no component has a ``+``).
    An empty component becomes ``%``, a leading or trailing dot ``%2E``. An overlong component is
    cut and ends in a hash.

    Raises:
        ForensicsError: the id is empty
    """
    if not video_id:
        raise ForensicsError("A video has an empty video_id.", "Give each video an id.")
    return tuple(_safe_part(part) for part in video_id.split("/"))


def _safe_part(part: str) -> str:
    if part == "":
        return "%"
    # A leading dot hides the file or leads upwards; some file systems drop a trailing dot.
    text = quote(part, safe="")
    text = re.sub(r"^\.|\.$", "%2E", text)
    if len(text) <= _MAX_PART:
        return text
    return text[: _MAX_PART - 34] + "%%" + hashlib.sha256(part.encode()).hexdigest()[:32]


def _crop_folder(video_id: str) -> str:
    return "/".join(("crops", *path_parts(video_id))) + "+"


class CropStore:
    """The crops and index files of one recipe below ``root``.

    Args:
        root: folder of all recipes; created at the first write
        recipe: with ``detector_sha256`` filled in
    """

    def __init__(self, root: str | Path, recipe: CropRecipe) -> None:
        self.root = Path(root)
        self.recipe = recipe
        self.folder = self.root / recipe.hash
        self._suffix = suffix_of(recipe.image_format)

    def prepare(self) -> None:
        """Create the folder and write the recipe into it.

        Raises:
            ForensicsError: the folder cannot be written
        """
        path = self.folder / "recipe.json"
        try:
            if not path.is_file():
                write_json(path, self.recipe.to_json())
        except OSError as error:
            raise ForensicsError(
                f"The crop folder {self.folder} cannot be written: {error.strerror or error}.",
                "Choose another folder, or free space on the disk.",
                "crops_dir",
            ) from error

    def crop_path(self, video_id: str, number: int, face_index: int) -> str:
        """Return the path of a crop relative to :attr:`folder`."""
        return f"{_crop_folder(video_id)}/{number:06d}_{face_index:02d}{self._suffix}"

    def _index_path(self, video_id: str) -> Path:
        *parents, last = path_parts(video_id)
        return self.folder.joinpath("index", *parents, f"{last}+.json")

    def load(self, video_id: str) -> VideoFaces | None:
        """Return a video's result for this recipe and count, or None if unfinished or damaged."""
        stored = self.load_stored(video_id)
        return None if stored is None else self.result(stored)

    def result(self, stored: StoredVideo) -> VideoFaces | None:
        """Return the result of ``stored`` for this recipe; None if frames or crops are missing."""
        faces = stored.faces
        if not stored.all_numbers:
            return faces
        rows = {row.index: row for row in faces.frames}
        chosen = select(rows, stored.all_numbers, self.recipe, faces.policy, faces.leads)
        if chosen.missing or any(
            crop_wanted(face) and face.crop is None for f in chosen.frames for face in f.faces
        ):
            return None
        return _replace_frames(faces, chosen.frames)

    def known(self, video_id: str) -> VideoFaces | None:
        """Return the result for this recipe and count, or else every frame ever tried."""
        stored = self.load_stored(video_id)
        if stored is None:
            return None
        rows = {row.index: row for row in stored.faces.frames}
        if not rows:
            return stored.faces
        whole = self.result(stored)
        return whole or _replace_frames(
            stored.faces, with_subjects(rows, stored.faces.policy, stored.faces.leads)
        )

    def load_stored(self, video_id: str) -> StoredVideo | None:
        """Return all stored data of a video, or None; a damaged index counts as missing."""
        try:
            return self._read(video_id)
        except ForensicsError as error:
            log.warning("%s", error)
            return None

    def _read(self, video_id: str) -> StoredVideo | None:
        """Return the index of a video; None if it is missing or of another format or video.

        Raises:
            ForensicsError: the index is damaged, or names a file that is not a crop of its video
        """
        path = self._index_path(video_id)
        inside(self.folder, path.relative_to(self.folder).as_posix(), "index")
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data.get("format") != _FORMAT or data["faces"].get("video_id") != video_id:
                return None
            numbers = data["numbers"]
            stored = StoredVideo(
                VideoFaces.from_json(data["faces"]),
                None if numbers is None else tuple(numbers),
                data["stamp"],
            )
            strange = [
                face.crop
                for frame in stored.faces.frames
                for face in frame.faces
                if face.crop not in (None, self.crop_path(video_id, frame.index, face.face_index))
            ]
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ForensicsError(f"The index {path} is damaged: {error}.", "Remove it.") from error
        if strange:
            raise ForensicsError(
                f"The index {path} names {strange[0]!r}, which is not a crop of its video.",
                "It was changed, or made to be misused. Do not use the folder.",
            )
        return stored

    def save(
        self, stored: StoredVideo, images: Mapping[str, np.ndarray | bytes] | None = None
    ) -> None:
        """Write crops, then the index that names them.

        Args:
            stored: all data of the video
            images: crops as RGB uint8 or as file bytes, by path relative to :attr:`folder`

        Raises:
            OSError: the disk is full or cannot be written
        """
        for path, image in (images or {}).items():
            is_file = isinstance(image, bytes)
            data = image if is_file else encode_image(image, self.recipe.image_format)
            write_bytes(inside(self.folder, path, "crop"), data)
        value = {
            "format": _FORMAT,
            "recipe_hash": self.recipe.hash,
            "faces": stored.faces.to_json(),
            "numbers": stored.numbers,
            "stamp": stored.stamp,
        }
        index = self._index_path(stored.faces.video_id)
        write_json(inside(self.folder, index.relative_to(self.folder).as_posix(), "index"), value)

    def existing_crops(self, video_id: str) -> set[str]:
        """Return the paths of a video's crop files, relative to :attr:`folder`."""
        prefix = _crop_folder(video_id)
        folder = self.folder / prefix
        if not folder.is_dir() or not below(self.folder, prefix):
            return set()
        return {f"{prefix}/{p.name}" for p in folder.iterdir() if p.suffix == self._suffix}

    def is_whole(self, face: FaceRow) -> bool:
        """Return whether the crop of ``face`` exists with the bytes that were written.

        A crop without a hash must only exist and not be empty. Reading and hashing a crop of
        256 pixels takes 0.1 ms.
        """
        if face.crop is None:
            return False
        try:
            return is_as_written(inside(self.folder, face.crop, "crop"), face.crop_sha256)
        except OSError:
            return False

    def forget(self, video_id: str) -> None:
        """Remove index and crops of a video, for example because its source changed."""
        index = self._index_path(video_id)
        inside(self.folder, index.relative_to(self.folder).as_posix(), "index")
        folder = inside(self.folder, _crop_folder(video_id), "crop folder")
        index.unlink(missing_ok=True)
        if folder.is_dir():
            shutil.rmtree(folder)

    def video_ids(self) -> list[str]:
        """Return the ids of all videos with an index, sorted."""
        base = self.folder / "index"
        if base.is_dir():
            inside(self.folder, "index", "index")
        found: list[str] = []
        for path in base.rglob("*+.json") if base.is_dir() else ():
            *parents, last = path.relative_to(base).parts
            parts = (*parents, last.removesuffix("+.json"))
            if any("%%" in part for part in parts):  # cut: read the id from the index
                try:
                    found.append(str(json.loads(path.read_text())["faces"]["video_id"]))
                except (OSError, ValueError, TypeError, KeyError) as error:
                    log.warning("The index %s is damaged: %s", path, error)
            else:
                found.append("/".join("" if part == "%" else unquote(part) for part in parts))
        return sorted(found)

    def merge(self, other: str | Path) -> int:
        """Copy the videos of another store that are missing here or have fewer frames here.

        Args:
            other: root of a store of the same recipe (for example a shard from another machine)

        Returns:
            the number of copied videos

        Raises:
            ForensicsError: there is no store of this recipe, or it names or links to files
                outside it
        """
        source = CropStore(other, self.recipe)
        if not source.folder.is_dir():
            raise ForensicsError(
                f"{other} holds no crops of recipe {self.recipe.hash}.", "Check the folder."
            )
        inside(other, self.recipe.hash, "folder")
        self.prepare()
        copied = 0
        for video_id in source.video_ids():
            theirs, ours = source._read(video_id), self.load_stored(video_id)
            if theirs is None:
                continue
            if ours is not None and len(ours.faces.frames) >= len(theirs.faces.frames):
                continue
            for face in _faces_with_crops(theirs.faces):
                path = str(face.crop)
                crop = inside(source.folder, path, "crop")
                if not source.is_whole(face):
                    log.warning(
                        "%s is gone or was changed; the next extraction makes it again", path
                    )
                    continue
                with replacing(inside(self.folder, path, "crop")) as temporary:
                    shutil.copyfile(crop, temporary)
            self.save(theirs)
            copied += 1
        return copied


def _faces_with_crops(faces: VideoFaces) -> Iterator[FaceRow]:
    """Yield faces with a crop; reading the index has checked that the paths are the video's."""
    for frame in faces.frames:
        for face in frame.faces:
            if face.crop is not None:
                yield face


def _replace_frames(faces: VideoFaces, frames: tuple[FrameFaces, ...]) -> VideoFaces:
    reason = video_reason(frames)
    return replace(faces, frames=frames, reason=reason, detail="")
