"""Compares fakes with their own reals: how much the manipulation alone adds to the score.

A pair shares person, light and camera. Faces are compared only at the same frame, and a pair of
videos by the mean over those frames. If a real shows several persons, a fake is compared with the
one that it manipulates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..metrics import ranks
from ..records import FAKE, REAL
from .columns import FaceColumns

MOST_POINTS = 20_000


@dataclass(frozen=True)
class Pairs:
    """Pairs of videos with faces at common frames.

    Attributes:
        fake, real: (P,) codes of the videos in ``FaceColumns.video``
        p_fake, p_real: (P,) mean scores over the common frames
        frames: (P,) number of common frames
        unpaired: number of fake videos with a score but without a scored real at a common frame
        margins: (2, P) margins of ``p_fake`` and ``p_real``, None if unknown
    """

    fake: np.ndarray
    real: np.ndarray
    p_fake: np.ndarray
    p_real: np.ndarray
    frames: np.ndarray
    unpaired: int
    margins: np.ndarray | None = None

    @property
    def delta(self) -> np.ndarray:
        """(P,) fake minus real."""
        return self.p_fake - self.p_real

    @property
    def above(self) -> np.ndarray:
        """(P,) True if the fake ranks above its real."""
        fake, real = (self.p_fake, self.p_real) if self.margins is None else self.margins
        return fake > real


def pairs_of(columns: FaceColumns) -> Pairs:
    """Return the pairs among the scored faces with a known frame."""
    video, frames = columns.video.codes.astype(np.int64), columns.frames
    scored = ~np.isnan(columns.p_fake) & (frames >= 0) & (video >= 0)
    number = np.maximum(frames, 0)
    span = int(number.max(initial=0)) + 1
    reals = np.flatnonzero(scored & (columns.label == REAL))
    fakes = np.flatnonzero(scored & (columns.label == FAKE))
    rows, own = _shown_for(columns, reals)
    any_fake = np.setdiff1d(reals, rows)
    wanted = columns.paired_video[fakes]
    asked = [(own, rows, video[fakes]), (video[any_fake], any_fake, wanted)]
    score, margin = np.full(len(fakes), np.nan), np.full(len(fakes), np.nan)
    margins = ranks.margins(columns.p_fake, columns.margin)
    for of_face, faces, of_fake in asked:  # the manipulated person if known, else any person
        of_face = of_face * span + number[faces]
        key, mean = _means(of_face, columns.p_fake[faces])
        if not len(key):
            continue
        name = of_fake * span + number[fakes]
        at = np.minimum(np.searchsorted(key, name), len(key) - 1)
        found = (wanted >= 0) & (key[at] == name) & np.isnan(score)
        score[found] = mean[at[found]]
        if margins is not None:
            of_key = ranks.mean_by(margins[faces], np.searchsorted(key, of_face), len(key))
            margin[found] = of_key[at[found]]
    there = ~np.isnan(score)
    fakes, score, margin, wanted = fakes[there], score[there], margin[there], wanted[there]
    names, first, unit = np.unique(video[fakes], return_index=True, return_inverse=True)
    unit = unit.ravel()
    count = np.bincount(unit, minlength=len(names))
    every = np.unique(video[scored & (columns.label == FAKE)]).size
    return Pairs(
        fake=names,
        real=wanted[first],
        p_fake=np.bincount(unit, columns.p_fake[fakes], len(names)) / np.maximum(count, 1),
        p_real=np.bincount(unit, score, len(names)) / np.maximum(count, 1),
        frames=count,
        unpaired=int(every - len(names)),
        margins=None
        if margins is None
        else np.stack(
            [ranks.mean_by(m, unit, len(names)) for m in (margins[fakes], margin)],
        ),
    )


def _shown_for(columns: FaceColumns, reals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (face of ``reals``, code of a fake's video) for each fake that manipulates it."""
    nothing = np.zeros(0, np.int64)
    if columns.shown_for is None:
        return nothing, nothing
    codes = columns.shown_for.codes[reals]
    place = {value: code for code, value in enumerate(columns.video.values)}
    of_code = [
        [place.get(name, -1) for name in text.split("\n")] for text in columns.shown_for.values
    ]
    pairs = [
        (r, fake)
        for r, c in zip(reals[codes >= 0], codes[codes >= 0], strict=True)
        for fake in of_code[c]
    ]
    rows, fakes = np.array(pairs, np.int64).reshape(-1, 2).T
    return rows, fakes


def _means(key: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct keys, ascending, and the mean value of each."""
    found, unit = np.unique(key, return_inverse=True)
    unit = unit.ravel()
    total = np.bincount(unit, values, len(found))
    return found, total / np.maximum(np.bincount(unit, minlength=len(found)), 1)


def sentence(pairs: Pairs) -> str:
    """Return how many fakes score no higher than their own real, and how many have no real."""
    below = int((~pairs.above).sum())
    text = f"{below:,} of {len(pairs.fake):,} fake videos score no higher than their own real"
    text += f"; on average a fake scores {pairs.delta.mean():+.3f} against it."
    if pairs.unpaired:
        text += f" {pairs.unpaired:,} more have no scored real at a common frame."
    return text
