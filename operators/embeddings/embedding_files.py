"""Embeddings that are kept in files beside the database, for datasets of very many faces.

A million vectors of 768 numbers are 3 GB in MongoDB and slow everything that reads the faces. Above
:data:`MOST_IN_FIELD` faces they lie in memory-mapped shards (:mod:`detector.embeddings.shards`);
the dataset notes the folder. Whoever reads embeddings asks :mod:`.stored_vectors`, which knows
both places; a view that is explored can have them in the field too.
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
#: Faces of a dataset up to which embeddings are a field.
MOST_IN_FIELD = 200_000
_NOTE = "embedding_files"  # {embedding field: folder} in the dataset's description
_OF = "embedding_files_of"  # {embedding field: id of the dataset whose folder it is}
CHUNK = 10_000


def check(where: str, folder: str | Path | None) -> None:
    """Raise :class:`ForensicsError` for a place that there is not."""
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
    """What takes the embeddings of a run, None for the field.

    Args:
        dataset: faces dataset; the folder is noted in it
        checkpoint_sha256: of the detector that scores
        numbers: of one of its embeddings
        where: of :data:`CHOICES`
        folder: None: that of earlier runs with this key, or one below FiftyOne's dataset folder;
            one that is not noted has to be empty: faces whose scores were cleared have no vector

    Raises:
        ForensicsError: the folder holds other embeddings, or is not allowed
    """
    from ...detector.embeddings.shards import ShardWriter

    dataset._doc.reload("info")  # another shard may have noted its folder meanwhile
    noted = _folders(dataset).get(names.embedding)
    few = len(dataset) <= MOST_IN_FIELD
    if where == FIELD or (where == AUTO and few and not (folder or noted)):
        return None
    if noted and folder and given(noted) != given(folder, "embeddings_dir"):
        raise ForensicsError(
            f"The embeddings of {names.key!r} lie in {noted} already.",
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
    """A folder for a copy of a dataset, with what the original's holds now: that is not written."""
    own = _default(dataset, names, checkpoint_sha256)
    with saying_disk(own):
        shutil.copytree(theirs, own, dirs_exist_ok=True)
    return own


def are_noted(dataset: fo.Dataset, field: str) -> bool:
    """Whether embeddings of ``field`` are in files."""
    return field in _folders(dataset)


def shards_of(dataset: fo.Dataset, field: str) -> Shards | None:
    """The embeddings of ``field`` that are in files, None where all are in the field.

    Raises:
        ForensicsError: the folder is gone, damaged, or outside the allowed ones
    """
    from ...detector.embeddings.shards import opened

    folder = _folders(dataset).get(field)
    if folder is None:
        return None
    return opened(given(folder))


def forget(dataset: fo.Dataset, field: str) -> None:
    """Leave out the files of ``field`` from now on: its scores are cleared. They stay on disk."""
    left = _folders(dataset)
    if left.pop(field, None) is not None:
        fields.set_description(dataset, **{_NOTE: left})


def into_field(view: Any, key: str) -> int:
    """Write the embeddings of ``view`` that are only in files into their field too.

    FiftyOne's own similarity search and other plugins read the field.

    Args:
        view: faces view of at most :data:`MOST_IN_FIELD` faces

    Returns:
        faces written

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
    found = fields.describe(dataset).get(_NOTE)  # also of a dataset from elsewhere
    if not isinstance(found, dict):
        return {}
    return {name: folder for name, folder in found.items() if isinstance(folder, str)}


def _owners(dataset: fo.Dataset) -> dict[str, str]:
    found = fields.describe(dataset).get(_OF)
    return found if isinstance(found, dict) else {}


def _default(dataset: fo.Dataset, names: fields.ScoreFields, checkpoint_sha256: str) -> Path:
    """Of the dataset's id: another dataset of the same name has other faces. A folder that scores
    which were cleared have left is not continued."""
    root = default_folders.of_kind(default_folders.EMBEDDINGS)
    name = f"{names.key}-{checkpoint_sha256[:16]}"
    tried = (root / str(dataset._doc.id) / f"{name}{more}" for more in _suffixes())
    return next(folder for folder in tried if not _holds_rows(folder))


def _suffixes() -> Iterator[str]:
    yield ""
    yield from (f"-{number}" for number in count(2))


def _holds_rows(folder: Path) -> bool:
    return any(folder.glob("part-*.ids"))
