"""Converts scores to the columns of other tools, from margins in full precision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ForensicsError
from ..metrics import ranks
from ..records import FAKE, REAL

FULL = "full"  # every known column, see operators/scoring/export_scores.py
#: Possible keys of a row.
PATH, NAME, VIDEO_ID, SAMPLE_ID = "path", "name", "video_id", "sample_id"
KEYS = (
    (PATH, "path of the file"),
    (NAME, "name of the file"),
    (VIDEO_ID, "video_id (and frame and face)"),
    (SAMPLE_ID, "sample id (faces only)"),
)


@dataclass(frozen=True, slots=True)
class Scored:
    """Rows of faces or videos to write.

    Attributes:
        keys: columns that identify a row, by name; one column unless a face is keyed by its video
        label: (N,) 0 real, 1 fake, -1 unknown
        p_fake: (N,) NaN if a row has no score
        margin: (N,) logit of ``p_fake``, NaN if unknown
        reason: (N,) why a row has no score, or ""
    """

    keys: dict[str, Sequence[Any]]
    label: np.ndarray
    p_fake: np.ndarray
    margin: np.ndarray
    reason: Sequence[str]

    def __len__(self) -> int:
        return len(self.label)

    def take(self, index: np.ndarray) -> Scored:
        """Return the rows of ``index`` (k,)."""
        return Scored(
            {name: [column[int(i)] for i in index] for name, column in self.keys.items()},
            self.label[index],
            self.p_fake[index],
            self.margin[index],
            [self.reason[int(i)] for i in index],
        )

    @property
    def scored(self) -> np.ndarray:
        """(N,) mask of the rows with a score."""
        return ~np.isnan(self.p_fake)

    @property
    def probabilities(self) -> tuple[np.ndarray, np.ndarray]:
        """(N,) of real and of fake; with a known margin, both are exact near 0."""
        known = ranks.margins(self.p_fake, self.margin)
        if known is None:
            return 1 - self.p_fake, self.p_fake
        return ranks.sigmoid(-known), ranks.sigmoid(known)


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of one tool's table.

    Attributes:
        name, label: of the shape, for arguments and for people
        key: default key of its rows
        key_column: name of the key's column, None for our own names
        complete: True if rows without a score are included, with a reason; else they are left out
        columns: returns the columns besides the key
    """

    name: str
    label: str
    key: str
    key_column: str | None
    complete: bool
    columns: Callable[[Scored], dict[str, Sequence[Any]]]


def _plain(rows: Scored) -> dict[str, Sequence[Any]]:
    _, fake = rows.probabilities
    return {
        "label": _labels(rows, "real", "fake", ""),
        "p_fake": _values(fake),
        "margin": _values(rows.margin),
        "reason": list(rows.reason),
    }


def _gend(rows: Scored) -> dict[str, Sequence[Any]]:
    real, fake = rows.probabilities
    return {
        "labels": _labels(rows, 0, 1, -1),
        "prob_class_0": _values(real),
        "prob_class_1": _values(fake),
    }


def _deepfakebench(rows: Scored) -> dict[str, Sequence[Any]]:
    return {"label": _labels(rows, 0, 1, -1), "pred": _values(rows.probabilities[1])}


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("plain", "generic: key, label, p_fake, margin, reason", VIDEO_ID, None, True, _plain),
        Shape("gend", "GenD's test_predictions.csv", PATH, "files", False, _gend),
        Shape(
            "deepfakebench",
            "DeepfakeBench: image, label, pred",
            PATH,
            "image",
            False,
            _deepfakebench,
        ),
        Shape(
            "dfdc",
            "DFDC's submission: filename, label",
            NAME,
            "filename",
            False,
            lambda rows: {"label": _values(rows.probabilities[1])},
        ),
    )
}


def shaped(rows: Scored, shape: str) -> dict[str, Sequence[Any]]:
    """Return the columns of ``rows`` in a shape of :data:`SHAPES`.

    Raises:
        ForensicsError: unknown shape, no scored row, or two rows with the same key
    """
    if shape not in SHAPES:
        raise ForensicsError(
            f"There is no shape {shape!r}.", f"Known: {', '.join([FULL, *SHAPES])}.", "shape"
        )
    chosen = SHAPES[shape]
    if not chosen.complete:
        rows = rows.take(np.flatnonzero(rows.scored))
    if not len(rows):
        raise ForensicsError("No row here has a score.", "Score faces first.", "shape")
    if None in next(iter(rows.keys.values())):
        raise ForensicsError(
            "Some rows have no such key: the dataset does not know the path of their video.",
            "Key the rows by video_id.",
            "by",
        )
    twice = [k for k, n in Counter(zip(*rows.keys.values(), strict=True)).items() if n > 1]
    if twice:
        shown = ", ".join(map(str, twice[0]))
        raise ForensicsError(
            f"{len(twice)} keys name more than one row, for example {shown}.",
            "Key the rows by their path or by video_id.",
            "by",
        )
    names = list(rows.keys)
    if chosen.key_column and len(names) == 1:
        names = [chosen.key_column]
    return {**dict(zip(names, rows.keys.values(), strict=True)), **chosen.columns(rows)}


def _labels(rows: Scored, real: Any, fake: Any, unknown: Any) -> list[Any]:
    return [{REAL: real, FAKE: fake}.get(int(code), unknown) for code in rows.label]


def _values(column: np.ndarray) -> list[float | None]:
    return [None if value != value else value for value in column.tolist()]
