"""Holds the faces of a dataset as columns, with the scores of one detector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from ..metrics import ranks
from ..records import LABELS
from .basis import FittedOn

SEEN = "seen"  # text column: whether the detector was trained, validated or calibrated on a face
CONTENT = "source_sha256"  # text column: hash of the file from which a face was cut


class Coded(NamedTuple):
    """A column of texts as codes.

    Attributes:
        codes: (N,) int32 index into ``values``, -1 without a value
        values: the distinct texts
    """

    codes: np.ndarray
    values: tuple[str, ...]

    def texts(self) -> np.ndarray:
        """Return the texts (N,), "" without a value."""
        return np.array([*self.values, ""], str)[self.codes]

    def present(self) -> set[str]:
        """Return the set of values that occur."""
        return {self.values[code] for code in np.unique(self.codes) if code >= 0}

    def take(self, index: np.ndarray) -> Coded:
        """Return the rows ``index`` of this column, with the same values."""
        return Coded(self.codes[index], self.values)


def coded(column: Iterable[Any]) -> Coded:
    """Return texts (None and "" are no value) as :class:`Coded`, values sorted."""
    numbers: dict[Any, int] = {}
    first = np.fromiter((numbers.setdefault(v, len(numbers)) for v in column), np.int32)
    kept = sorted((v for v in numbers if v is not None and v != ""), key=str)
    rank = {value: index for index, value in enumerate(kept)}
    lookup = np.array([rank.get(value, -1) for value in numbers], np.int32)
    codes = lookup[first] if first.size else first
    return Coded(codes, tuple(str(value) for value in kept))


def label_codes(column: Iterable[Any]) -> np.ndarray:
    """Return ground truth (N,) int8: 0 real, 1 fake, -1 anything else."""
    known = {name: code for code, name in enumerate(LABELS)}
    return np.fromiter((known.get(v, -1) for v in column), np.int8)


def numbers(column: Iterable[Any]) -> np.ndarray:
    """Return floats (N,), NaN without a value."""
    return np.fromiter((np.nan if v is None else v for v in column), np.float64)


@dataclass(frozen=True)
class FaceColumns:
    """The faces of a dataset with the scores of one detector, and the videos without a face.

    Attributes:
        ids: sample ids (N,)
        label: (N,) 0 real, 1 fake, -1 unknown
        p_fake: (N,) score, NaN if the face has none; for thresholds and for display
        video: ``video_id`` of each face
        track: (N,) person within the video, -1 if unknown
        group: ``group_id``, the unit of leakage
        reason: why a face has no score
        texts: other text columns by field name
        numbers: number columns (N,) by field name
        video_p_fake: (N,) the stored score of the face's video, or None if not stored
        pair: ``pair_id``, the video of the real from which a fake was made; None if not stored
        shown_for: ids of the fakes that manipulate the person of a real's face, one per line, if
            the real shows several persons; no value means any of its fakes. None if not stored
        frame_number: (N,) as shown in the App, NaN if unknown; None if not stored
        faceless: videos without any face, one row each (``label``, ``video``, ``group``,
            ``reason`` and ``texts`` only)
        vectors: (N, D) columns by name, NaN if a face has none
        margin: (N,) stored logit of fake minus logit of real, NaN if not stored
        video_margin: (N,) the same for ``video_p_fake``
    """

    ids: Sequence[str]
    label: np.ndarray
    p_fake: np.ndarray
    video: Coded
    track: np.ndarray
    group: Coded
    reason: Coded
    texts: dict[str, Coded]
    numbers: dict[str, np.ndarray] = field(default_factory=dict)
    video_p_fake: np.ndarray | None = None
    faceless: FaceColumns | None = None
    pair: Coded | None = None
    shown_for: Coded | None = None
    frame_number: np.ndarray | None = None
    vectors: dict[str, np.ndarray] = field(default_factory=dict)
    margin: np.ndarray | None = None
    video_margin: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.label)

    @property
    def rank(self) -> np.ndarray:
        """(N,) values that order the faces, see :func:`detector.metrics.ranks.of`."""
        return ranks.of(self.p_fake, self.margin)

    @property
    def rows(self) -> FittedOn:
        """The groups (or videos of faces without a group) and the files of these rows."""
        alone = self.video.take(self.group.codes < 0)
        files = self.texts.get(CONTENT)
        return FittedOn(
            frozenset(self.group.present() | alone.present()),
            frozenset() if files is None else frozenset(files.present()),
        )

    @property
    def groups(self) -> Coded:
        """The independent unit of each face: its group, or its video if it has none."""
        own = self.group.codes >= 0
        mine = self.group.present() | self.video.take(~own).present()
        values = tuple(sorted(mine))
        place = {value: code for code, value in enumerate(values)}

        def moved(column: Coded) -> np.ndarray:
            found = [place.get(value, -1) for value in column.values]
            return np.array([*found, -1], np.int32)[column.codes]

        return Coded(np.where(own, moved(self.group), moved(self.video)), values)

    @property
    def paired_video(self) -> np.ndarray:
        """(N,) code of the video of a fake's real, -1 if it is not among these faces."""
        if self.pair is None:
            return np.full(len(self), -1, np.int64)
        place = {value: code for code, value in enumerate(self.video.values)}
        found = [place.get(value, -1) for value in self.pair.values]
        return np.array([*found, -1], np.int64)[self.pair.codes]

    @property
    def frames(self) -> np.ndarray:
        """(N,) int64 frame numbers, -1 if unknown."""
        if self.frame_number is None:
            return np.full(len(self), -1, np.int64)
        return np.where(np.isnan(self.frame_number), -1, self.frame_number).astype(np.int64)

    def with_text(self, name: str, column: Coded) -> FaceColumns:
        """Return a copy with one more text column."""
        return replace(self, texts={**self.texts, name: column})

    def with_numbers(self, name: str, column: np.ndarray) -> FaceColumns:
        """Return a copy with one more number column."""
        return replace(self, numbers={**self.numbers, name: column})

    def take(self, index: np.ndarray) -> FaceColumns:
        """Return the faces of ``index`` (indices or a mask); ``faceless`` does not change."""
        index = np.flatnonzero(index) if index.dtype == bool else index
        return replace(
            self,
            ids=[self.ids[int(i)] for i in index],
            label=self.label[index],
            p_fake=self.p_fake[index],
            video=self.video.take(index),
            track=self.track[index],
            group=self.group.take(index),
            reason=self.reason.take(index),
            texts={name: column.take(index) for name, column in self.texts.items()},
            numbers={name: column[index] for name, column in self.numbers.items()},
            video_p_fake=None if self.video_p_fake is None else self.video_p_fake[index],
            pair=None if self.pair is None else self.pair.take(index),
            shown_for=None if self.shown_for is None else self.shown_for.take(index),
            frame_number=None if self.frame_number is None else self.frame_number[index],
            vectors={name: column[index] for name, column in self.vectors.items()},
            margin=None if self.margin is None else self.margin[index],
            video_margin=None if self.video_margin is None else self.video_margin[index],
        )
