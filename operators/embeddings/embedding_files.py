"""Keeps embeddings in files beside the database, for datasets of very many faces.

A million vectors of 768 numbers take 3 GB in MongoDB and slow down every read of the faces.
Datasets above :data:`MOST_IN_FIELD` faces keep them in memory-mapped shards
(:mod:`detector.embeddings.shards`), and the dataset notes the folder. Readers use
:mod:`.stored_vectors`, which reads both places. For a view that a user explores, the embeddings can
be copied into the field (:func:`into_field`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.files.atomic import saying_disk
from ...detector.files.paths import given
from ..dataset import default_folders, fields, partners, views

if TYPE_CHECKING:
    from ...detector.embeddings.shards import Shards, ShardWriter

AUTO, FIELD, FILES = "auto", "field", "files"
CHOICES = (
    (AUTO, "In the field up to 200,000 faces, beyond that in files"),
    (FIELD, "In the field: 4 bytes a number in MongoDB; FiftyOne's own panels see them"),
    (FILES, "In files: 2 bytes a number, memory-mapped; this plugin's panels and queues see them"),
)
#: Faces of a dataset up to which embeddings are stored in a field.
MOST_IN_FIELD = 200_000
_NOTE = "embedding_files"  # {embedding field: folder} in the dataset's description
_OF = "embedding_files_of"  # {embedding field: id of the dataset that owns the folder}
CHUNK = 10_000


def check(where: str, folder: str | Path | None) -> None:
    """Raise :class:`ForensicsError` if there is no such place, or the folder is not allowed."""
    known = [name for name, _ in CHOICES]
    if where not in known:
        raise ForensicsError(
            f"There is no place {where!r} for embeddings.",
            f"Known: {', '.join(known)}.",
            "embeddings",
        )
    if folder and where == FIELD:
        raise ForensicsError(
            "A folder is given for embeddings that are written into the field.",
            "Leave it out, or choose 'files'.",
            "embeddings_dir",
        )
    if folder:
        given(folder, "embeddings_dir")


def writer(
    dataset: fo.Dataset,
    names: fields.ScoreFields,
    checkpoint_sha256: str,
    numbers: int,
    where: str,
    folder: str | Path | None,
) -> ShardWriter | None:
    """Return the writer of a run's embeddings, or None if they go into the field.

    Args:
        dataset: faces dataset; the folder is noted in it
        checkpoint_sha256: hash of the detector that scores
        numbers: length of one of its embeddings
        where: a name of :data:`CHOICES`
        folder: None: the folder of earlier runs with this key, or one below FiftyOne's dataset
            folder. A folder that is not noted must be empty, because faces whose scores were
            cleared have no vector

    Raises:
        ForensicsError: the folder holds other embeddings, or is not allowed
    """
    from ...detector.embeddings.shards import ShardWriter

    dataset._doc.reload("info")  # another shard may have noted its folder in the meantime
    noted = _folders(dataset).get(names.embedding)
    few = len(dataset) <= MOST_IN_FIELD
    if where == FIELD or (where == AUTO and few and not (folder or noted)):
        return None
    if noted and folder and given(noted) != given(folder, "embeddings_dir"):
        raise ForensicsError(
            f"The embeddings of {names.key!r} are already stored in {noted}.",
            "Leave the folder out, or choose another key.",
            "embeddings_dir",
        )
    place = folder or noted or _default(dataset, names, checkpoint_sha256)
    chosen = given(place, "embeddings_dir")
    owner = partners.original_of(dataset, _owners(dataset).get(names.embedding))
    if noted and owner is not None:
        chosen = _own_copy(dataset, names, checkpoint_sha256, given(noted))
    if not noted and folder and _holds_rows(chosen):
        raise ForensicsError(
            f"{chosen} holds embeddings that do not belong to the scores of {names.key!r}.",
            "Choose an empty folder.",
            "embeddings_dir",
        )
    made = ShardWriter(chosen, checkpoint_sha256, numbers)
    folders = {**_folders(dataset), names.embedding: str(chosen)}
    owners = {**_owners(dataset), names.embedding: str(dataset._doc.id)}
    fields.set_description(dataset, **{_NOTE: folders, _OF: owners})
    return made


def _own_copy(
    dataset: fo.Dataset, names: fields.ScoreFields, checkpoint_sha256: str, theirs: Path
) -> Path:
    """Return a new folder with a copy of the original's embeddings, which are not changed."""
    own = _default(dataset, names, checkpoint_sha256)
    with saying_disk(own):
        shutil.copytree(theirs, own, dirs_exist_ok=True)
    return own


def are_noted(dataset: fo.Dataset, field: str) -> bool:
    """Return whether embeddings of ``field`` are in files."""
    return field in _folders(dataset)


def shards_of(dataset: fo.Dataset, field: str) -> Shards | None:
    """Return the embeddings of ``field`` that are in files, or None if all are in the field.

    Raises:
        ForensicsError: the folder is missing, damaged, or outside the allowed folders
    """
    from ...detector.embeddings.shards import opened

    folder = _folders(dataset).get(field)
    if folder is None:
        return None
    return opened(given(folder))


def forget(dataset: fo.Dataset, field: str) -> None:
    """Forget the files of ``field``, whose scores are cleared; the files stay on disk."""
    left = _folders(dataset)
    if left.pop(field, None) is not None:
        fields.set_description(dataset, **{_NOTE: left})


def into_field(view: Any, key: str) -> int:
    """Write the embeddings of ``view`` that are only in files into the field as well.

    FiftyOne's own similarity search and other plugins read the field.

    Args:
        view: faces view of at most :data:`MOST_IN_FIELD` faces

    Returns:
        number of faces written

    Raises:
        ForensicsError: too many faces
    """
    import numpy as np

    from .vector_format import packed

    dataset, field = views.dataset_of(view), fields.ScoreFields(key).embedding
    shards = shards_of(dataset, field)
    if shards is None:
        return 0
    if len(view) > MOST_IN_FIELD:
        raise ForensicsError(
            f"{len(view)} faces are too many for embeddings in the field; at most {MOST_IN_FIELD}.",
            "Choose a smaller view.",
        )
    ids = view.match({field: None}).values("id")
    places = shards.rows_of(ids)
    there = np.flatnonzero(places >= 0)
    for start in range(0, len(there), CHUNK):
        rows = there[start : start + CHUNK]
        vectors = np.empty((len(rows), shards.numbers), np.float32)
        shards.take(places[rows], vectors)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        _write(dataset, field, {ids[row]: packed(v) for row, v in zip(rows, vectors, strict=True)})
    return len(there)


def _write(dataset: fo.Dataset, field: str, values: dict[str, bytes]) -> None:
    from bson import ObjectId
    from pymongo import UpdateOne

    updates = [UpdateOne({"_id": ObjectId(i)}, {"$set": {field: v}}) for i, v in values.items()]
    dataset._bulk_write(updates, ids=list(values))


def _folders(dataset: fo.Dataset) -> dict[str, str]:
    found = fields.describe(dataset).get(_NOTE)  # may come from another installation
    if not isinstance(found, dict):
        return {}
    return {name: folder for name, folder in found.items() if isinstance(folder, str)}


def _owners(dataset: fo.Dataset) -> dict[str, str]:
    found = fields.describe(dataset).get(_OF)
    return found if isinstance(found, dict) else {}


def _default(dataset: fo.Dataset, names: fields.ScoreFields, checkpoint_sha256: str) -> Path:
    """Return an unused folder named by the dataset's id, key and checkpoint.

    The id is used because another dataset of the same name has other faces. A folder that still
    holds rows, left by scores that were cleared, is not continued.
    """
    root = default_folders.of_kind(default_folders.EMBEDDINGS)
    name = f"{names.key}-{checkpoint_sha256[:16]}"
    tried = (root / str(dataset._doc.id) / f"{name}{more}" for more in _suffixes())
    return next(folder for folder in tried if not _holds_rows(folder))


def _suffixes() -> Iterator[str]:
    yield ""
    yield from (f"-{number}" for number in count(2))


def _holds_rows(folder: Path) -> bool:
    return any(folder.glob("part-*.ids"))
