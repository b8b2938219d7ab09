"""Projects the embeddings of a detector to the points that the sphere draws, kept as a file.

A *whole* picture takes as long as reading all embeddings. If that is long, a *first* picture of a
seeded sample is made before it. The first picture fixes the directions, and its faces come first in
the whole one. So the whole picture only adds faces: no face moves or gets another number.
"""

from __future__ import annotations

import hashlib
import logging
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...detector.audit.columns import FaceColumns
from ...detector.audit.threshold import UNCHOSEN
from ...detector.embeddings.geometry_words import geometry, sample
from ...detector.errors import ForensicsError
from ...detector.records import FAKE, REAL

logger = logging.getLogger(__name__)

#: Faces up to which there is no first picture, because all are read in about a second.
READ_AT_ONCE = 30_000
#: Faces of the first picture; if there are more faces, the directions are fitted on these.
FIRST = 10_000
#: Most faces that are drawn; of more, the errors come first, then a seeded sample of the rest.
MOST_DRAWN = 1_000_000
#: Faces from which a picture is kept in a file.
WORTH_KEEPING = 3000
_BLOCK = 20_000  # faces read at a time

#: (rows of faces) -> unit embeddings (M, D), and which of the rows have one (M,)
Reader = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Picture:
    """The projection of the embeddings, small enough to keep.

    Attributes:
        rows: (N,) rows of the drawn faces
        first: how many of them the first picture holds; N if there is no separate one
        there: faces with an embedding, drawn or not
        fitted: faces from which the directions and ``words`` were computed
        xyz: (N, 3) float32 in the unit ball, see
            :func:`detector.embeddings.sphere.fake_axis_projection`
        basis: (3, D) of that projection
        explained: share of the residual spread that is shown
        anchored: description of the first axis
        words: see :func:`detector.embeddings.geometry_words.geometry`
        threshold: on p_fake, at which the errors were found that are drawn before others
    """

    rows: np.ndarray
    first: int
    there: int
    fitted: int
    xyz: np.ndarray
    basis: np.ndarray
    explained: float
    anchored: str
    words: list[list[str]]
    threshold: float = UNCHOSEN.value

    @property
    def partial(self) -> bool:
        """Whether this is a first picture, so that more faces will be drawn."""
        return self.first == len(self.rows) < min(self.there, MOST_DRAWN)


def first_picture(
    read: Reader, there: np.ndarray, columns: FaceColumns, config: Any, name: str
) -> Picture:
    """Return the whole picture of few faces, or the first picture of many.

    Args:
        there: (M,) rows of the faces with an embedding
        config: configuration of the run that wrote the scores, or None
        name: name of the dataset, for the message

    Raises:
        ForensicsError: fewer than two faces, or nothing to anchor the picture on
    """
    chosen = there
    if len(there) > READ_AT_ONCE:
        chosen = there[sample(len(there), FIRST)]
    vectors, rows = read(chosen)
    if len(rows) < 2:
        raise ForensicsError(
            f"Fewer than two faces of {name!r} have an embedding of this detector.",
            "Run 'Score faces', then refresh the panel.",
        )
    label = columns.label[rows]
    xyz, basis, explained, anchored = project(vectors, label, config)
    return Picture(
        rows=rows,
        first=len(rows),
        there=len(rows) if len(there) == len(chosen) else len(there),
        fitted=len(rows),
        xyz=xyz,
        basis=basis,
        explained=explained,
        anchored=anchored,
        words=geometry(vectors, label),
    )


def whole_picture(
    first: Picture, read: Reader, there: np.ndarray, columns: FaceColumns, threshold: float
) -> Picture:
    """Return ``first`` with all other faces that are drawn, in its directions.

    If there are too many, those that are wrong at ``threshold`` come first.
    """
    from ...detector.embeddings.sphere import fake_axis_projection

    others = np.setdiff1d(there, first.rows)
    if len(there) > MOST_DRAWN:
        label, p_fake = columns.label[others], columns.p_fake[others]
        others = others[_worth_drawing(label, p_fake, threshold, first.first)]
    rows, xyz = [first.rows], [first.xyz]
    lost = 0
    for start in range(0, len(others), _BLOCK):
        asked = others[start : start + _BLOCK]
        vectors, found = read(asked)
        lost += len(asked) - len(found)
        if not len(found):
            continue
        if vectors.shape[1] != first.basis.shape[1]:
            raise ForensicsError(
                "The embeddings have different lengths: "
                f"{sorted({vectors.shape[1], first.basis.shape[1]})}.",
                "They come from different networks; score the faces again with one checkpoint.",
            )
        xyz.append(fake_axis_projection(vectors, None, basis=first.basis).xyz)
        rows.append(found)
    return replace(
        first,
        rows=np.concatenate(rows),
        xyz=np.concatenate(xyz),
        there=len(there) - lost,
        threshold=threshold,
    )


def _worth_drawing(
    label: np.ndarray, p_fake: np.ndarray, threshold: float, taken: int
) -> np.ndarray:
    """Return the indices of the errors at ``threshold`` and of a sample of the rest.

    The errors are at most half of the drawn faces.
    """
    most = MOST_DRAWN - taken
    alarms, misses = (label == REAL) & (p_fake >= threshold), (label == FAKE) & (p_fake < threshold)
    wrong = alarms | misses
    errors = np.flatnonzero(wrong)
    errors = errors[sample(len(errors), most // 2)]
    rest = np.flatnonzero(~wrong)
    rest = rest[sample(len(rest), most - len(errors))]
    return np.sort(np.concatenate([errors, rest]))


def project(
    embeddings: np.ndarray, label: np.ndarray, config: Any
) -> tuple[np.ndarray, np.ndarray, float, str]:
    """Return coordinates (N, 3), basis (3, D), explained share and anchor of embeddings (N, D).

    The embeddings have unit length. The anchor is the head's fake axis. Without a head (imported
    scores) it is the direction from the mean real to the mean fake, which needs both classes.

    Raises:
        ForensicsError: there is neither a head nor both classes
    """
    from ...detector.embeddings.sphere import fake_axis_projection

    head = getattr(config, "head_weight", None)
    if head is not None:
        anchored = "the head's fake axis (w_fake - w_real)"
        weight = np.asarray(head, np.float64)
    else:
        if not ((label == REAL).any() and (label == FAKE).any()):
            raise ForensicsError(
                "The scores come without the detector's head, and one class is missing.",
                "Run 'Score faces' with a checkpoint.",
            )
        anchored = "the line from the mean real to the mean fake face (no head is stored)"
        weight = np.stack([embeddings[label == code].mean(axis=0) for code in (REAL, FAKE)])
    found = fake_axis_projection(embeddings, weight)
    return found.xyz, found.basis, found.explained, anchored


def file_of(about: str, columns: FaceColumns, threshold: float) -> Path:
    """Return the path of the file that keeps the whole picture of these faces.

    Another threshold makes another picture only where not all faces are drawn.

    Args:
        about: names the dataset, the detector and the time of its scores. Scores and embeddings are
            written together, so the set of scored faces shows whether the picture is still valid.
    """
    from ...detector.files.cache import cache_dir

    limits = (READ_AT_ONCE, FIRST, MOST_DRAWN, 4)
    judged = threshold if len(columns) > MOST_DRAWN else None
    mark = hashlib.sha256(f"{about} {limits} {judged}".encode())
    mark.update("".join(columns.ids).encode())
    mark.update(columns.label.tobytes() + np.isnan(columns.p_fake).tobytes())
    return cache_dir() / "projections" / f"{mark.hexdigest()[:32]}.npz"


def kept(path: Path) -> Picture | None:
    """Return the picture in a file, or None if there is no readable one."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as data:
            return Picture(
                rows=data["rows"],
                first=int(data["first"]),
                there=int(data["there"]),
                fitted=int(data["fitted"]),
                xyz=data["xyz"],
                basis=data["basis"],
                explained=float(data["explained"]),
                anchored=str(data["anchored"]),
                words=[[str(cell) for cell in row] for row in data["words"]],
                threshold=float(data["threshold"]),
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        logger.warning("%s cannot be read (%s); it is built again", path.name, error)
        return None


def keep(path: Path, picture: Picture) -> None:
    """Write a picture; if the folder cannot be written, log a warning and continue."""
    from ...detector.files.atomic import replacing

    try:
        with replacing(path) as temporary, temporary.open("wb") as handle:
            np.savez(handle, **{**vars(picture), "words": np.array(picture.words)})
    except OSError as error:
        logger.warning("the projection was not kept: %s", error)
