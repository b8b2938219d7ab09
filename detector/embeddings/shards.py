"""Stores unit vectors of very many faces on disk: float16 arrays beside the ids of the faces.

    FOLDER/about.json         checkpoint and vector length
    FOLDER/part-NAME.vectors  (n, D) float16, little-endian, row after row
    FOLDER/part-NAME.ids      n ids of 12 bytes (ObjectIds)
    FOLDER/part-NAME.json     n and the sha256 of both, once the part is closed
    FOLDER/part-NAME.lock     held by the writer until then

Each writer has its own parts and only appends: vectors first, ids last. A row counts once its id is
written, so a killed run loses no counted row. If an id was written twice, both vectors come from
one checkpoint and are equal; the first is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ForensicsError
from ..files.atomic import write_json
from ..files.file_lock import try_lock
from ..files.paths import inside

ID_BYTES = 12
#: Rows after which a writer begins a new part: 200 MB at 384 numbers per vector.
ROWS = 1 << 18
#: Maximum length of a vector; a larger one means a damaged file.
MOST_NUMBERS = 65_536
_VECTOR = np.dtype("<f2")
_READ = 1 << 22
_CHECKED: dict[str, tuple[Any, ...]] = {}  # parts whose hash this process has verified


class ShardWriter:
    """Appends vectors to a folder.

    Args:
        folder: created if missing
        checkpoint_sha256: checkpoint of the vectors; a folder holds those of one checkpoint
        numbers: length D of a vector

    Raises:
        ForensicsError: the folder cannot be written, or holds vectors of another checkpoint or D
    """

    def __init__(self, folder: str | Path, checkpoint_sha256: str, numbers: int) -> None:
        self.folder = Path(folder)
        self.numbers = numbers
        self._part: _OpenPart | None = None
        about = {"checkpoint_sha256": checkpoint_sha256, "numbers": numbers}
        with self._naming_errors():
            try:
                there = _about(self.folder)
            except FileNotFoundError:
                there = about
                write_json(self.folder / "about.json", about)
            if there != about:
                raise ForensicsError(
                    f"{self.folder} holds embeddings of {there['numbers']} numbers by checkpoint "
                    f"{there['checkpoint_sha256'][:12]}, not of {numbers} by "
                    f"{checkpoint_sha256[:12]}.",
                    "Choose another folder.",
                    "embeddings_dir",
                )
            _note_those_of_dead_writers(self.folder)

    def add(self, ids: Sequence[str], vectors: np.ndarray) -> None:
        """Append ``vectors`` (n, D) of the faces ``ids``; they are on disk on return.

        Raises:
            ForensicsError: the disk is full or cannot be written
        """
        if not ids:
            return
        if vectors.shape != (len(ids), self.numbers):
            raise ValueError(f"{len(ids)} faces of {self.numbers} numbers, got {vectors.shape}")
        with self._naming_errors():
            if self._part is None:
                self._part = _OpenPart(self.folder)
            self._part.append(ids, vectors)
            if self._part.rows >= ROWS:
                self._close_part()

    def close(self) -> None:
        """Record the hash of the open part; a later row begins a new part.

        Raises:
            ForensicsError: the disk is full; the rows are kept nevertheless
        """
        with self._naming_errors():
            self._close_part()

    def _close_part(self) -> None:
        part, self._part = self._part, None
        if part is not None:
            part.close()

    @contextmanager
    def _naming_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ForensicsError(
                f"Embeddings cannot be written to {self.folder}: {error}.",
                "Free space on the disk or choose another folder, and run it again.",
                "embeddings_dir",
            ) from error


class _OpenPart:
    """A part that this process writes; the lock file beside it marks it as open."""

    def __init__(self, folder: Path) -> None:
        while True:
            self._path = folder / f"part-{secrets.token_hex(8)}"
            lock = try_lock(self._path.with_suffix(".lock"))
            if lock is not None:
                break
        self._lock = lock
        # Unbuffered: a write that fails must fail in append().
        self._vectors = self._path.with_suffix(".vectors").open("xb", buffering=0)
        self._ids = self._path.with_suffix(".ids").open("xb", buffering=0)
        self.rows = 0

    def append(self, ids: Sequence[str], vectors: np.ndarray) -> None:
        """Add n rows to both files; if writing fails, the ids are not added and no row counts."""
        start = self.rows * vectors.shape[1] * _VECTOR.itemsize
        self._vectors.seek(start)  # overwrite what a failed write left
        self._ids.seek(self.rows * ID_BYTES)
        _write(self._vectors, np.ascontiguousarray(vectors, _VECTOR).tobytes())
        _write(self._ids, bytes.fromhex("".join(ids)))
        self.rows += len(ids)

    def close(self) -> None:
        self._vectors.close()
        self._ids.close()
        _note(self._path)
        self._lock.release()
        self._path.with_suffix(".lock").unlink(missing_ok=True)


class Shards:
    """The vectors of a folder, memory-mapped.

    Args:
        folder: written by :class:`ShardWriter`; rows of running and killed writers count too

    Attributes:
        numbers: length D of a vector
        ids: (N,) unique ids as ``S12``, sorted

    Raises:
        ForensicsError: the folder does not exist, or a part is damaged
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            about = _about(self.folder)
        except OSError as error:
            raise ForensicsError(
                f"The embeddings in {self.folder} are not there: {error}.",
                "Make the folder reachable again, or clear the key and score the faces again.",
            ) from error
        self.numbers: int = about["numbers"]
        self._parts: list[np.ndarray] = []
        names, starts, total = [], [], 0
        for path in sorted(self.folder.glob("part-*.ids")):
            for suffix in (".ids", ".vectors", ".json"):
                inside(self.folder, path.with_suffix(suffix).name, "part")
            ids, vectors = _part(path.with_suffix(""), self.numbers)
            if len(ids):
                self._parts.append(vectors)
                names.append(ids)
                starts.append(total)
                total += len(ids)
        self._starts = np.array(starts, np.int64)
        every = np.concatenate(names) if names else np.empty(0, f"S{ID_BYTES}")
        self.ids, self._rows = np.unique(every, return_index=True)

    def __len__(self) -> int:
        return len(self.ids)

    def rows_of(self, ids: Sequence[str]) -> np.ndarray:
        """Return the rows of ``ids`` for :meth:`take`: (n,) int64, -1 for ids without vector."""
        if not len(self.ids) or not ids:
            return np.full(len(ids), -1, np.int64)
        wanted = as_bytes(ids)
        place = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        return np.where(self.ids[place] == wanted, self._rows[place], -1)

    def take(self, rows: np.ndarray, out: np.ndarray) -> None:
        """Copy the vectors at ``rows`` to ``out``.

        Args:
            rows: (n,) from :meth:`rows_of`, none of them -1
            out: (n, D) of any floating type
        """
        part = np.searchsorted(self._starts, rows, side="right") - 1
        for number, vectors in enumerate(self._parts):
            chosen = np.flatnonzero(part == number)
            out[chosen] = vectors[rows[chosen] - self._starts[number]]


def opened(folder: str | Path) -> Shards:
    """Return the :class:`Shards` of ``folder``, cached until the folder changes."""
    found = sorted(Path(folder).glob("part-*"))
    states = ((path.name, path.stat()) for path in found)
    return _opened(str(folder), tuple((n, s.st_size, s.st_mtime_ns) for n, s in states))


@lru_cache(4)
def _opened(folder: str, state: tuple[Any, ...]) -> Shards:
    return Shards(folder)


def as_bytes(ids: Sequence[str]) -> np.ndarray:
    """Return hexadecimal ids of 24 characters as (n,) ``S12``, which sort in the same order."""
    return np.frombuffer(bytes.fromhex("".join(ids)), f"S{ID_BYTES}")


def _write(stream: FileIO, data: bytes) -> None:
    """Write all of ``data``; it is on disk on return."""
    left = memoryview(data)
    while left:
        left = left[stream.write(left) :]
    os.fsync(stream.fileno())


def _note(path: Path) -> None:
    """Write row count and hashes of the part ``path`` (without suffix) to its ``.json`` file."""
    ids = path.with_suffix(".ids")
    found = {
        "rows": ids.stat().st_size // ID_BYTES,
        "ids_sha256": _sha256(ids),
        "vectors_sha256": _sha256(path.with_suffix(".vectors")),
    }
    write_json(path.with_suffix(".json"), found)


def _note_those_of_dead_writers(folder: Path) -> None:
    for path in folder.glob("part-*.lock"):
        for suffix in (".lock", ".ids", ".vectors"):
            inside(folder, path.with_suffix(suffix).name, "part")
        lock = try_lock(path)
        if lock is None:
            continue  # its writer is alive
        try:
            if path.with_suffix(".ids").exists():
                _note(path.with_suffix(""))
                path.unlink()
        finally:
            lock.release()


def _about(folder: Path) -> dict[str, Any]:
    path = inside(folder, "about.json", "record")
    try:
        about = json.loads(path.read_bytes())
        numbers = about["numbers"]
        valid = isinstance(about["checkpoint_sha256"], str) and type(numbers) is int
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ForensicsError(f"{path} is damaged: {error}.", "Restore it from a copy.") from error
    if not valid or not 0 < numbers <= MOST_NUMBERS:
        raise ForensicsError(f"{path} is damaged.", "Restore it from a copy.")
    return {name: about[name] for name in ("checkpoint_sha256", "numbers")}


def _part(path: Path, numbers: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ids (n,) and vectors (n, D) of a part; of an open part, only the complete rows."""
    ids, vectors = path.with_suffix(".ids"), path.with_suffix(".vectors")
    try:
        closed = None
        with suppress(FileNotFoundError):
            closed = json.loads(path.with_suffix(".json").read_bytes())
        # Sizes of ids before vectors: a running writer may add a row in between.
        rows = ids.stat().st_size // ID_BYTES
        enough = vectors.stat().st_size >= rows * numbers * _VECTOR.itemsize
        if not enough or (closed is not None and not _unchanged(path, closed, rows)):
            raise ValueError("it does not hold what was written")
        if not rows:
            return np.empty(0, f"S{ID_BYTES}"), np.empty((0, numbers), _VECTOR)
        names = np.fromfile(ids, f"S{ID_BYTES}", rows)
        return names, np.memmap(vectors, _VECTOR, "r", shape=(rows, numbers))
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ForensicsError(
            f"The embeddings in {vectors} are damaged: {error}.",
            "Restore the file from a copy, or clear the key and score the faces again.",
        ) from error


def _unchanged(path: Path, closed: dict[str, Any], rows: int) -> bool:
    """Return whether a closed part matches its record; hashed once per process unless touched."""
    files = [path.with_suffix(".ids"), path.with_suffix(".vectors")]
    state = tuple((f.stat().st_size, f.stat().st_mtime_ns) for f in files)
    hashes = (closed["ids_sha256"], closed["vectors_sha256"])
    if rows != closed["rows"]:
        return False
    if _CHECKED.get(str(path)) != (state, hashes):
        if tuple(map(_sha256, files)) != hashes:
            return False
        _CHECKED[str(path)] = (state, hashes)
    return True


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while data := stream.read(_READ):
            digest.update(data)
    return digest.hexdigest()
