"""Stores scores on disk without a database: Parquet and array parts from any number of runs.

    ROOT/<recipe hash>-<checkpoint hash>/about.json          provenance of the scores
    ROOT/<recipe hash>-<checkpoint hash>/part-<name>.npy     embeddings (n, D) float32
    ROOT/<recipe hash>-<checkpoint hash>/part-<name>.parquet a row per face, or per faceless video
    ROOT/<recipe hash>-<checkpoint hash>/running/            notes of running shards

A part is written completely, the table last. A killed run leaves at most an array that no table
names. Finished parts are never changed, and a run skips what is already scored.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ForensicsError
from ..files import packages
from ..files.atomic import replacing, write_json
from ..files.paths import inside
from ..records import Reason
from ..scoring.scores import Scores
from .score_units import ScoreUnit, face_key

log = logging.getLogger(__name__)
_FORMAT = "1"
_NUMBERS = ("p_fake", "logit_real", "logit_fake", "margin", "angle")


@dataclass(frozen=True, slots=True)
class Provenance:
    """The provenance of the scores in a folder.

    Attributes:
        recipe_hash: of the crops, "" if they have none
        checkpoint_sha256: :attr:`detector.model.detector.Detector.sha256`
        detector: name or path as given
        precision: ``fp32``, ``bf16`` or ``fp16``
        engine: one of :data:`detector.device.ENGINES`; a part records its own
    """

    recipe_hash: str
    checkpoint_sha256: str
    detector: str
    precision: str
    engine: str = "eager"

    @property
    def folder(self) -> str:
        """Name of the folder below the root.

        Raises:
            ForensicsError: an invalid hash, as in a damaged or forged record
        """
        for value in (self.recipe_hash, self.checkpoint_sha256):
            if not isinstance(value, str) or not re.fullmatch(r"[0-9a-zA-Z_-]{0,128}", value):
                raise ForensicsError(
                    f"{value!r} is not the hash of a recipe or checkpoint.",
                    "The record of the scores or of the dataset is damaged; do not use it.",
                )
        return f"{self.recipe_hash or 'no-recipe'}-{self.checkpoint_sha256[:16]}"


@dataclass(frozen=True, slots=True, eq=False)
class ScoredVideo(Scores):
    """The scores of one video's faces.

    Attributes:
        video_id, source_sha256: of the unit
        frame, face: (n,) int64, see :class:`score_units.FaceFile`
    """

    video_id: str
    source_sha256: str
    frame: np.ndarray
    face: np.ndarray

    @property
    def keys(self) -> np.ndarray:
        """Face keys (n,) int64, see :func:`.score_units.face_key`."""
        return face_key(self.frame, self.face)

    @property
    def final(self) -> np.ndarray:
        """(n,) False if the process died on the face; the next run tries it again."""
        return np.array([reason != Reason.WORKER_DIED for reason in self.reasons], bool)


class ScoreParts:
    """The parts of one recipe and checkpoint.

    Args:
        root: folder of all scores; created at the first write
        about: provenance of the scores
    """

    def __init__(self, root: str | Path, about: Provenance) -> None:
        self.about = about
        self.folder = inside(root, about.folder, "folder of scores")

    def prepare(self) -> None:
        """Create the folder and record the provenance of its scores.

        Raises:
            ForensicsError: the folder cannot be written or holds scores of another precision, or
                pyarrow is missing
        """
        _arrow()
        path = self.folder / "about.json"
        try:
            if not path.is_file():
                write_json(path, asdict(self.about))
        except OSError as error:
            raise ForensicsError(
                f"The folder of scores {self.folder} cannot be written: {error}.",
                "Choose another folder, or free space on the disk.",
                "parts_dir",
            ) from error
        there = provenance_of(self.folder)
        if (there.checkpoint_sha256, there.precision) != (
            self.about.checkpoint_sha256,
            self.about.precision,
        ):
            raise ForensicsError(
                f"{self.folder} holds scores in {there.precision}, not {self.about.precision}.",
                "Use the same precision on every machine, or another folder.",
                "precision",
            )

    def write(self, videos: Sequence[ScoredVideo]) -> Path:
        """Write one part; the same videos with the same scores give the same files.

        Raises:
            OSError: the disk is full or cannot be written
        """
        arrow, parquet = _arrow()
        embeddings = np.concatenate([video.embeddings for video in videos])
        columns = _columns(videos)
        digest = hashlib.sha256(embeddings.tobytes())
        digest.update(repr([columns[n] for n in ("video_id", "frame", "face")]).encode())
        inside(self.folder.parent, self.folder.name, "folder of scores")
        path = self.folder / f"part-{digest.hexdigest()[:20]}.parquet"
        arrays = path.with_suffix(".npy")
        with replacing(arrays) as temporary, temporary.open("wb") as stream:
            np.save(stream, embeddings, allow_pickle=False)
        metadata = {
            **asdict(self.about),
            "format": _FORMAT,
            "arrays_sha256": hashlib.sha256(arrays.read_bytes()).hexdigest(),
        }
        table = arrow.table(columns, schema=_schema(arrow).with_metadata(metadata))
        with replacing(path) as temporary:
            parquet.write_table(table, temporary)
        return path

    def paths(self) -> list[Path]:
        """Return the tables of the finished parts, sorted."""
        return sorted(self.folder.glob("part-*.parquet"))

    def done(self) -> dict[tuple[str, str], np.ndarray]:
        """Return the keys of faces with a row, by (video id, source hash), without reading arrays.

        A video without a face has no key. A damaged part, or a face on which a process died, counts
        as missing.
        """
        found: dict[tuple[str, str], list[np.ndarray]] = {}
        for path in self.paths():
            try:
                videos = read_part(path, arrays=False)
            except ForensicsError as error:
                log.warning("%s", error)
                continue
            for video in videos:
                found.setdefault((video.video_id, video.source_sha256), []).append(
                    video.keys[video.final]
                )
        return {name: np.unique(np.concatenate(keys)) for name, keys in found.items()}

    def missing(self, units: Sequence[ScoreUnit]) -> list[ScoreUnit]:
        """Return the missing parts of ``units``; a faceless unit is missing until it has a row."""
        done = self.done()
        left = []
        for unit in units:
            keys = done.get((unit.video_id, unit.source_sha256))
            rest = unit.without(keys)
            if rest.faces or keys is None:
                left.append(rest)
        return left


def provenance_of(folder: Path) -> Provenance:
    """Return the provenance of the scores in ``folder``.

    Raises:
        ForensicsError: it is not a folder of scores
    """
    try:
        about = Provenance(**json.loads(inside(folder, "about.json").read_text()))
        if about.folder:  # raises for invalid hashes
            return about
        raise ValueError("it names no folder")
    except ForensicsError:
        raise
    except (OSError, TypeError, ValueError, RecursionError) as error:
        raise ForensicsError(
            f"{folder} holds no scores: {error}.", "Give the folder of 'score_command'."
        ) from error


def score_folders(root: str | Path) -> list[Path]:
    """Return the folders of scores below ``root``, or ``root`` itself if it is one.

    Raises:
        ForensicsError: there is no such folder
    """
    root = Path(root)
    if (root / "about.json").is_file():
        return [root]
    found = sorted(
        inside(root, path.parent.name, "folder of scores") for path in root.glob("*/about.json")
    )
    if not found:
        raise ForensicsError(
            f"{root} holds no scores.", "Give the folder of 'score_command'.", "merge_from"
        )
    return found


def read_part(path: Path, arrays: bool = True) -> Iterator[ScoredVideo]:
    """Yield the videos of a part, each once; without ``arrays`` the embeddings are (n, 0).

    Raises:
        ForensicsError: the table cannot be read, or the arrays do not match it
    """
    _, parquet = _arrow()
    inside(path.parent, path.name, "part")
    inside(path.parent, path.with_suffix(".npy").name, "part")
    try:
        table = parquet.read_table(path)
        metadata = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
        if metadata.get("format") != _FORMAT:
            raise ValueError(f"format {metadata.get('format')!r}, not {_FORMAT!r}")
        columns = {name: table.column(name).to_pylist() for name in ("video_id", "source_sha256")}
        columns["reason"] = [v and Reason(v) for v in table.column("reason").to_pylist()]
        numbers = {n: table.column(n).to_numpy() for n in ("frame", "face", *_NUMBERS)}
        embeddings = np.zeros((int((numbers["frame"] >= 0).sum()), 0), np.float32)
        if arrays:
            embeddings = _embeddings(path.with_suffix(".npy"), metadata["arrays_sha256"])
    except (OSError, ValueError, KeyError) as error:  # pyarrow's and numpy's errors included
        raise ForensicsError(f"The part {path} is damaged: {error}.", "Remove it.") from error
    return _videos(columns, numbers, embeddings)


def _embeddings(path: Path, sha256: str) -> np.ndarray:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(f"{path.name} is not what the table names")
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _videos(
    text: dict[str, list[Any]], numbers: dict[str, np.ndarray], embeddings: np.ndarray
) -> Iterator[ScoredVideo]:
    names = text["video_id"]
    starts = [i for i in range(len(names)) if i == 0 or names[i] != names[i - 1]]
    position = 0
    for start, end in zip(starts, [*starts[1:], len(names)], strict=True):
        rows = np.arange(start, end)
        rows = rows[numbers["frame"][rows] >= 0]  # -1 marks a video without a face
        logits = np.stack([numbers["logit_real"][rows], numbers["logit_fake"][rows]], axis=1)
        yield ScoredVideo(
            numbers["p_fake"][rows],
            logits,
            numbers["margin"][rows],
            numbers["angle"][rows],
            np.asarray(embeddings[position : position + len(rows)]),
            tuple(text["reason"][i] for i in rows),
            video_id=names[start],
            source_sha256=text["source_sha256"][start],
            frame=numbers["frame"][rows],
            face=numbers["face"][rows],
        )
        position += len(rows)


def _columns(videos: Sequence[ScoredVideo]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {field: [] for field in _schema_names()}
    for video in videos:
        count = len(video.frame)
        columns["video_id"] += [video.video_id] * max(count, 1)
        columns["source_sha256"] += [video.source_sha256] * max(count, 1)
        if not count:
            columns["frame"].append(-1)
            columns["face"].append(-1)
            columns["reason"].append(None)
            for name in _NUMBERS:
                columns[name].append(float("nan"))
            continue
        columns["frame"] += video.frame.tolist()
        columns["face"] += video.face.tolist()
        columns["reason"] += [reason and reason.value for reason in video.reasons]
        values = (video.p_fake, *video.logits.T, video.margin, video.angle)
        for name, value in zip(_NUMBERS, values, strict=True):
            columns[name] += value.tolist()
    return columns


def _schema_names() -> tuple[str, ...]:
    return ("video_id", "source_sha256", "frame", "face", *_NUMBERS, "reason")


def _schema(arrow: Any) -> Any:
    types = {"video_id": arrow.string(), "source_sha256": arrow.string(), "reason": arrow.string()}
    types |= {"frame": arrow.int64(), "face": arrow.int64()}
    return arrow.schema([(name, types.get(name, arrow.float32())) for name in _schema_names()])


def _arrow() -> tuple[Any, Any]:
    arrow = packages.load(packages.PARQUET, "pyarrow", "runner")
    return arrow, packages.load(packages.PARQUET, "pyarrow.parquet", "runner")
