"""Holds the contents of a report, from the settings to the examples; :mod:`.facts` collects it."""

from __future__ import annotations

from dataclasses import dataclass

from ...detector.audit import threshold as audit_threshold
from ...detector.audit.table import Row
from ...detector.audit.threshold import Threshold
from ...detector.audit.units import Units
from .thumbnails import Thumbnail


@dataclass(frozen=True)
class Settings:
    """Settings that the user chose for a report.

    Attributes:
        key: detector key
        level: ``face``, ``person`` or ``video``: what the rates count
        source: where the threshold comes from, see :mod:`detector.audit.threshold`
        threshold: its value, if the source is ``hand``
        breakdowns: fields with a table of their own; None for :data:`.facts.BREAKDOWNS`
        examples: number of faces shown per kind
        blur: whether to hide the persons in the examples
        hash_files: whether to hash every source video (sha256)
        title, note: texts by the person who makes the report
    """

    key: str
    level: str = "video"
    source: str = audit_threshold.FIXED
    threshold: float = 0.5
    breakdowns: tuple[str, ...] | None = None
    examples: int = 12
    blur: bool = False
    hash_files: bool = True
    title: str = ""
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table of rates: title, names of the parts of a row, the total, and rows, worst first."""

    title: str
    columns: list[str]
    total: Row
    rows: list[Row]


@dataclass(frozen=True)
class Video:
    """One video that was examined.

    Attributes:
        video_id, label, source_dataset, method, split: as imported; "" if unknown
        p_fake: its score, None without one
        rank: its place in the table, highest first, see :mod:`detector.metrics.ranks`
        verdict: ``called fake``, ``called real`` or ``not scored``
        reason: why it has no score
        faces, scored: faces cut from it, and those with a score
        path, sha256: of its file; None if there is none or it was not hashed
        file_reason: why there is no hash
    """

    video_id: str
    label: str
    source_dataset: str
    method: str
    split: str
    p_fake: float | None
    rank: float | None
    verdict: str
    reason: str
    faces: int
    scored: int
    path: str | None
    sha256: str | None
    file_reason: str
    seen: str = ""


@dataclass(frozen=True)
class Example:
    """One face that is shown, with its picture; frames count from 1."""

    kind: str
    video_id: str
    frame_number: int | None
    track: int
    label: str
    method: str
    p_fake: float
    picture: Thumbnail


@dataclass(frozen=True)
class Facts:
    """Everything that a report says."""

    settings: Settings
    about: list[tuple[str, str]]
    threshold: Threshold
    units: Units
    total: Row
    tables: list[Table]
    outliers: str
    coverage: str
    videos: list[Video]
    examples: list[Example]
    limits: list[str]
