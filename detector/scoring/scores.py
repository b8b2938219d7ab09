"""Defines the scores of crops as columns, shared by batches of files and whole videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np

from ..metrics import ranks
from ..records import Reason

_Scores = TypeVar("_Scores", bound="Scores")


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The scores of n crops. If ``reasons`` has an entry, the row's numbers are NaN.

    Attributes:
        p_fake: (n,) float32 in [0, 1]
        logits: (n, 2) float32, real and fake
        margin: (n,) float32, fake logit minus real logit
        angle: (n,) float32, degrees between embedding and fake axis
        embeddings: (n, D) float32 unit vectors
        reasons: (n,) None if there is a score, else why there is none
    """

    p_fake: np.ndarray
    logits: np.ndarray
    margin: np.ndarray
    angle: np.ndarray
    embeddings: np.ndarray
    reasons: tuple[Reason | None, ...]

    def __len__(self) -> int:
        return len(self.p_fake)

    @property
    def exact(self) -> np.ndarray:
        """(n,) ``p_fake`` in 64 bits, which is below 1 for margins up to 36 instead of 17."""
        return ranks.sigmoid(self.margin)

    def rows(self: _Scores, chosen: np.ndarray) -> _Scores:
        """Return the rows at the positions ``chosen`` (k,) of every column."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        columns: dict[str, Any] = {
            name: value[chosen]
            if isinstance(value, np.ndarray)
            else tuple(value[i] for i in chosen)
            for name, value in values.items()
            if isinstance(value, np.ndarray | tuple)
        }
        return replace(self, **columns)

    def columns(self) -> dict[str, Any]:
        """Return the six columns by name, for a record that extends this one."""
        return {field.name: getattr(self, field.name) for field in fields(Scores)}


def without_scores(reasons: Sequence[Reason | None], width: int) -> Scores:
    """Return rows without a score, each with its reason; ``width`` is D of the embeddings."""
    one, *wide = (
        np.full((len(reasons), *more), np.nan, np.float32) for more in ((), (2,), (width,))
    )
    return Scores(one, wide[0], one, one, wide[1], tuple(reasons))


def joined(parts: Sequence[Scores], width: int) -> Scores:
    """Concatenate the rows of ``parts``; ``width`` is D if there are no parts."""
    if not parts:
        return without_scores((), width)
    columns = [part.columns() for part in parts]
    reasons = tuple(reason for part in parts for reason in part.reasons)
    arrays = {
        name: np.concatenate([column[name] for column in columns])
        for name in columns[0]
        if name != "reasons"
    }
    return Scores(**arrays, reasons=reasons)
