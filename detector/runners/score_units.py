"""Describes the faces to score, video by video, as records and as a file without a database.

The file holds JSON lines: the first names the recipe of the crops, each other line one video.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ForensicsError
from ..files.atomic import write_bytes
from ..files.outputs import json_lines_with
from ..files.paths import given, inside

if TYPE_CHECKING:
    from ..crops.store import CropStore
    from ..faces.video_faces import VideoFaces
    from ..records import VideoRecord

_FORMAT = 1
FILES = (json_lines_with("format", "recipe_hash"),)  # allowed files for a list of faces
_SHIFT = 1 << 20  # more than the number of faces in a frame


@dataclass(frozen=True, slots=True)
class FaceFile:
    """A crop: 0-based frame number, number of the face in the frame, file and sha256 of the file.

    The hash is "" if unknown; the file is then not checked.
    """

    frame: int
    face: int
    path: str
    sha256: str = ""

    @property
    def key(self) -> int:
        """The key of frame and face, see :func:`face_key`."""
        return face_key(self.frame, self.face)


def face_key(frame: Any, face: Any) -> Any:
    """Return one number (or array of int64) for frame and face numbers."""
    return frame * _SHIFT + face


@dataclass(frozen=True, slots=True)
class ScoreUnit:
    """The faces of one video to score.

    Attributes:
        video_id: as in the record
        source_sha256: hash of the file from which the crops were cut, "" if unknown
        faces: each (frame, face) once
    """

    video_id: str
    source_sha256: str
    faces: tuple[FaceFile, ...]

    @property
    def keys(self) -> np.ndarray:
        """Sorted face keys (n,) int64."""
        return np.array(sorted(face.key for face in self.faces), np.int64)

    def without(self, done: np.ndarray | None) -> ScoreUnit:
        """Return the unit without the faces whose keys are in ``done``."""
        if done is None or not len(done):
            return self
        gone = set(done.tolist())
        return replace(self, faces=tuple(f for f in self.faces if f.key not in gone))


def shard_of_scores(video_id: str | None, shards: int) -> int:
    """Return the shard, 0 .. shards - 1, that scores a video; equal on every machine."""
    return int(hashlib.sha256(str(video_id).encode()).hexdigest(), 16) % shards


def unit_of(result: VideoFaces, folder: Path) -> ScoreUnit:
    """Return the faces that extraction found in a video as a unit to score.

    Args:
        result: finished video
        folder: base folder of the crop paths, :attr:`CropStore.folder`
    """
    faces = (
        FaceFile(
            frame.index,
            face.face_index,
            str(_crop_file(folder, str(face.crop))),
            face.crop_sha256 or "",
        )
        for frame, face in result.crops
    )
    return ScoreUnit(result.video_id, result.source_sha256, tuple(faces))


def _crop_file(folder: Path, crop: str) -> Path:
    """Return the path of a crop in the store, or of a ready-made crop with an absolute path."""
    return Path(crop) if Path(crop).is_absolute() else inside(folder, crop, "crop")


def units_of_store(records: Sequence[VideoRecord], store: CropStore) -> list[ScoreUnit]:
    """Return the crops of ``records`` in a store; a video without a face gives an empty unit.

    Raises:
        ForensicsError: the store has not finished some videos (listed)
    """
    units, missing = [], []
    for record in records:
        result = store.load(record.video_id)
        if result is None:
            missing.append(record.video_id)
        else:
            units.append(unit_of(result, store.folder))
    if missing:
        raise ForensicsError(
            f"{len(missing)} of {len(records)} videos have no crops of this recipe and count: "
            f"{', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}.",
            "Finish the extraction first.",
        )
    return units


def check_units(units: Iterable[ScoreUnit]) -> None:
    """Raise :class:`ForensicsError` if a video or a face is listed twice."""
    seen: set[str] = set()
    for unit in units:
        if unit.video_id in seen:
            raise ForensicsError(
                f"The video_id {unit.video_id!r} occurs twice.", "Give each video its own id."
            )
        seen.add(unit.video_id)
        if len({face.key for face in unit.faces}) < len(unit.faces):
            raise ForensicsError(
                f"{unit.video_id!r} has two faces with the same frame and face number.",
                "Give each face of a frame its own face_index.",
            )


def write_score_list(path: str | Path, units: Iterable[ScoreUnit], recipe_hash: str) -> int:
    """Write ``units`` as a list; return the number of videos."""
    lines = [json.dumps({"format": _FORMAT, "recipe_hash": recipe_hash})]
    for unit in units:
        faces = [
            [face.frame, face.face, face.path, *([face.sha256] if face.sha256 else [])]
            for face in unit.faces
        ]
        values = {"video_id": unit.video_id, "source_sha256": unit.source_sha256, "faces": faces}
        lines.append(json.dumps(values, ensure_ascii=False))
    write_bytes(Path(path), "".join(f"{line}\n" for line in lines).encode())
    return len(lines) - 1


def read_score_list(path: str | Path) -> tuple[list[ScoreUnit], str]:
    """Return the units of a list and the hash of their crop recipe ("" if there is none).

    Relative paths start at the list's folder.

    Raises:
        ForensicsError: the file does not exist, or a line is not a unit (gives its number)
    """
    path = given(path, "faces")
    folder = path.resolve().parent
    units: list[ScoreUnit] = []
    recipe_hash: str | None = None
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                data = json.loads(line)
                if recipe_hash is None:
                    recipe_hash = _recipe_hash(data)
                else:
                    units.append(_unit(data, folder))
            except (KeyError, TypeError, ValueError) as error:
                raise ForensicsError(
                    f"{path}, line {number}: {type(error).__name__}: {error}",
                    "Make the list with 'score_command list', or with the form of 'Score faces'.",
                ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ForensicsError(
            f"The list of faces {path} cannot be read: {error}.", "Give a list of 'score_command'."
        ) from error
    if recipe_hash is None or not units:
        raise ForensicsError(f"{path} lists no video.", "Write the list again.")
    check_units(units)
    return units, recipe_hash


def _recipe_hash(data: dict[str, Any]) -> str:
    if data["format"] != _FORMAT:
        raise ValueError(f"format {data['format']}, not {_FORMAT}")
    return str(data["recipe_hash"])


def _unit(data: dict[str, Any], folder: Path) -> ScoreUnit:
    faces = (
        FaceFile(int(frame), int(number), str(folder / path), str(more[0]) if more else "")
        for frame, number, path, *more in data["faces"]
    )
    return ScoreUnit(str(data["video_id"]), str(data["source_sha256"]), tuple(faces))
