"""Views the same rows of face columns per face, per person or per video.

Nothing is dropped: a face, person or video without a score stays a row with NaN and a reason, and a
video in which no face was found is a row of the video level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import ForensicsError
from ..metrics import ranks
from ..records import Reason
from .columns import Coded, FaceColumns

LEVELS = ("face", "person", "video")


@dataclass(frozen=True)
class Units:
    """The units to judge: faces, persons or videos.

    Attributes:
        level: one of ``LEVELS``
        label: (U,) 0 real, 1 fake, -1 unknown
        p_fake: (U,) NaN without a score; for thresholds and for display
        cluster: (U,) number shared by dependent units: from ``group_id`` or, without one, the video
        group: the same as text; no value if there is neither
        reason: (U,) why there is no score
        texts, numbers: columns (U,)
        video: (U,) the video of the unit
        unit_of_face: (N,) unit of each face
        faces: (U,) number of faces
        ids: (U,) sample id of its first face, "" without one
        margin: (U,) logit of ``p_fake``, None if unknown
    """

    level: str
    label: np.ndarray
    p_fake: np.ndarray
    cluster: np.ndarray
    group: Coded
    reason: Coded
    texts: dict[str, Coded]
    numbers: dict[str, np.ndarray]
    video: Coded
    unit_of_face: np.ndarray
    faces: np.ndarray
    ids: Sequence[str]
    margin: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.label)

    @property
    def rank(self) -> np.ndarray:
        """(U,) values that order the units, see :func:`detector.metrics.ranks.of`."""
        return ranks.of(self.p_fake, self.margin)

    @property
    def margins(self) -> np.ndarray:
        """(U,) :attr:`margin`, NaN if unknown."""
        return np.full(len(self), np.nan) if self.margin is None else self.margin

    @property
    def names(self) -> np.ndarray:
        """(U,) sample id of a face, or ``video_id`` of a person or video."""
        return np.array(self.ids, str) if self.level == "face" else self.video.texts()

    def take(self, index: np.ndarray) -> Units:
        """Return the units of ``index`` (indices or a mask); faces of others get the unit -1."""
        index = np.flatnonzero(index) if index.dtype == bool else index
        place = np.full(len(self) + 1, -1, np.int64)
        place[index] = np.arange(len(index))
        return replace(
            self,
            label=self.label[index],
            p_fake=self.p_fake[index],
            cluster=self.cluster[index],
            group=self.group.take(index),
            reason=self.reason.take(index),
            texts={name: column.take(index) for name, column in self.texts.items()},
            numbers={name: column[index] for name, column in self.numbers.items()},
            video=self.video.take(index),
            unit_of_face=place[self.unit_of_face],
            faces=self.faces[index],
            ids=[self.ids[int(i)] for i in index],
            margin=None if self.margin is None else self.margin[index],
        )

    @property
    def scored(self) -> np.ndarray:
        """(U,) mask of the units with a score and a ground truth; rates are computed on them."""
        return ~np.isnan(self.p_fake) & (self.label >= 0)


def at_level(columns: FaceColumns, level: str) -> Units:
    """Return the rows of ``columns`` per face, person (track within a video) or video.

    The score of a person is the mean over its scored faces. The score of a video is the stored one
    if there is one, else the mean over its scored faces. A unit's texts are those of its first
    face, its numbers the means over its faces.

    Raises:
        ForensicsError: unknown level
    """
    if level not in LEVELS:
        raise ForensicsError(
            f"There is no level {level!r}.", f"Known: {', '.join(LEVELS)}.", "level"
        )
    if level == "face":
        return _faces(columns)
    video = columns.video.codes.astype(np.int64)
    # A face without a video_id is its own video; such faces must not form one unknown video.
    video = np.where(video < 0, len(columns.video.values) + np.arange(len(video)), video)
    key = video if level == "video" else video * (np.abs(columns.track).max(initial=0) + 2)
    key = key if level == "video" else key + columns.track + 1
    _, first, unit = np.unique(key, return_index=True, return_inverse=True)
    unit = unit.ravel()
    scores = _means(columns.p_fake, unit, len(first))
    margin = ranks.margins(columns.p_fake, columns.margin)
    margin = None if margin is None else ranks.mean_by(margin, unit, len(first))
    if level == "video" and columns.video_p_fake is not None:
        scores = columns.video_p_fake[first]
        margin = None if columns.video_margin is None else columns.video_margin[first]
    units = Units(
        level=level,
        label=columns.label[first],
        p_fake=scores,
        cluster=_clusters(columns)[first],
        group=columns.groups.take(first),
        reason=_unit_reasons(columns, scores, first),
        texts={name: column.take(first) for name, column in columns.texts.items()},
        numbers={n: _means(c, unit, len(first)) for n, c in columns.numbers.items()},
        video=columns.video.take(first),
        unit_of_face=unit,
        faces=np.bincount(unit, minlength=len(first)),
        ids=[columns.ids[int(i)] for i in first],
        margin=margin,
    )
    if level == "video" and columns.faceless is not None and len(columns.faceless):
        return _with_faceless(units, columns.faceless)
    return units


def _faces(columns: FaceColumns) -> Units:
    everyone = np.arange(len(columns))
    return Units(
        level="face",
        label=columns.label,
        p_fake=columns.p_fake,
        cluster=_clusters(columns),
        group=columns.groups,
        reason=_unit_reasons(columns, columns.p_fake, everyone),
        texts=columns.texts,
        numbers=columns.numbers,
        video=columns.video,
        unit_of_face=everyone,
        faces=np.ones(len(columns), np.int64),
        ids=columns.ids,
        margin=ranks.margins(columns.p_fake, columns.margin),
    )


def _clusters(columns: FaceColumns) -> np.ndarray:
    """Return (N,) the group of each face, else its video, else the face itself."""
    group, video = columns.group.codes.astype(np.int64), columns.video.codes.astype(np.int64)
    groups, videos = len(columns.group.values), len(columns.video.values)
    own = groups + videos + np.arange(len(columns))
    return np.where(group >= 0, group, np.where(video >= 0, groups + video, own))


def _means(values: np.ndarray, unit: np.ndarray, count: int) -> np.ndarray:
    """Return (count,) the mean of each unit's values, ignoring NaN; NaN if there are none."""
    there = ~np.isnan(values)
    total = np.bincount(unit[there], weights=values[there], minlength=count)
    weight = np.bincount(unit[there], minlength=count)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weight > 0, total / weight, np.nan)


def _unit_reasons(columns: FaceColumns, scores: np.ndarray, first: np.ndarray) -> Coded:
    """Return each unscored unit's reason (its first face's, else ``not_scored``), else no value."""
    values = columns.reason.values
    if Reason.NOT_SCORED.value not in values:
        values = (*values, Reason.NOT_SCORED.value)
    unknown = values.index(Reason.NOT_SCORED.value)
    codes = columns.reason.codes[first]
    codes = np.where(codes < 0, unknown, codes)
    return Coded(np.where(np.isnan(scores), codes, -1).astype(np.int32), values)


def _with_faceless(units: Units, lost: FaceColumns) -> Units:
    """Return ``units`` followed by the videos without any face."""
    count = len(lost)
    reasons = _unit_reasons(lost, np.full(count, np.nan), np.arange(count))
    offset = int(units.cluster.max(initial=-1)) + 1
    nothing = np.full(count, np.nan)
    return replace(
        units,
        label=np.concatenate([units.label, lost.label]),
        p_fake=np.concatenate([units.p_fake, nothing]),
        cluster=np.concatenate([units.cluster, offset + np.arange(count)]),
        group=_joined(units.group, lost.groups),
        reason=_joined(units.reason, reasons),
        texts={
            name: _joined(column, lost.texts.get(name, Coded(np.full(count, -1, np.int32), ())))
            for name, column in units.texts.items()
        },
        numbers={name: np.concatenate([c, nothing]) for name, c in units.numbers.items()},
        video=_joined(units.video, lost.video),
        faces=np.concatenate([units.faces, np.zeros(count, np.int64)]),
        ids=[*units.ids, *lost.ids],
        margin=None if units.margin is None else np.concatenate([units.margin, nothing]),
    )


def _joined(first: Coded, second: Coded) -> Coded:
    """Concatenate two columns under one list of values."""
    values = (*first.values, *(v for v in second.values if v not in set(first.values)))
    place = {value: index for index, value in enumerate(values)}
    moved = np.array([place[v] for v in second.values] + [-1], np.int32)  # code -1 reads the last
    return Coded(np.concatenate([first.codes, moved[second.codes]]).astype(np.int32), values)
