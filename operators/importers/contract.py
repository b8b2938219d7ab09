"""Defines an importer: the contract between one dataset's file and the rest of the package.

An importer turns a root folder into :class:`VideoRecord` rows without opening a video. It only
reports what the tree and the lists say. The modules beside this one do the rest for all datasets:
pairs, groups, derived splits, selection, counting and writing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ...detector.errors import ForensicsError
from ...detector.files.frame_numbers import frame_indices
from ...detector.records import LABELS, UNLABELLED, VideoRecord, known_keys
from .suffixes import join, stem_of
from .tree import Tree

DERIVE = ("auto", "always", "never")
AUDIO_ONLY = ("keep", "exclude")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Options that say what to read from a root and what to keep.

    Attributes:
        splits: keep these splits (``train``, ``val``, ``test``, ``none``); empty: all
        methods: keep fakes of these methods; reals stay; empty: all
        compressions: keep these compressions; empty: all
        labels: keep ``real``, ``fake`` and/or ``unknown``; empty: all
        max_per_class: keep at most so many reals and so many fakes, by whole groups; 0: all
        audio_only: ``keep`` or ``exclude`` videos whose sound alone is manipulated
        derive_splits: ``auto`` (if the dataset has no official split), ``always`` (for each
            video without one), ``never``
        val_share: share of the groups that a derived split gives to ``val``
        test_share: share of the groups that a derived split gives to ``test``
        seed: seed of derived splits and of the choice of groups
        pattern: for ``format="tree"``: the path of a video with named parts
        real_names: for ``format="tree"``: values of the ``label`` part that mean real
        media: for ``format="tree"``: ``auto`` | ``video`` | ``frames``
        aligned: for generic frame sources: the frames are face crops already
        dataset_name: for generic sources: the name that goes into ``source_dataset``
        manifest: for ``format="manifest"``: name of the manifest file in the root; ``""``: find it
        path_prefix: for lists with foreign path prefixes: the prefix to cut off; ``""``: find it
        follow_links: follow links that leave the root
    """

    splits: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    compressions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    max_per_class: int = 0
    audio_only: str = "keep"
    derive_splits: str = "auto"
    val_share: float = 0.1
    test_share: float = 0.2
    seed: int = 0
    pattern: str = ""
    real_names: tuple[str, ...] = ("real", "original", "originals", "0", "pristine", "genuine")
    media: str = "auto"
    aligned: bool = False
    dataset_name: str = ""
    manifest: str = ""
    path_prefix: str = ""
    follow_links: bool = False

    def __post_init__(self) -> None:
        for name, known in (
            ("audio_only", AUDIO_ONLY),
            ("derive_splits", DERIVE),
            ("media", ("auto", "video", "frames")),
        ):
            if getattr(self, name) not in known:
                raise ForensicsError(
                    f"{name} is {getattr(self, name)!r}.", f"Use one of: {', '.join(known)}.", name
                )
        for name, known in (("splits", ("train", "val", "test", "none")), ("labels", _LABELS)):
            for value in getattr(self, name):
                if value not in known:
                    raise ForensicsError(
                        f"{name} holds {value!r}.", f"Use: {', '.join(known)}.", name
                    )
        if self.max_per_class < 0:
            raise ForensicsError("max_per_class is negative.", "0 keeps all.", "max_per_class")
        if min(self.val_share, self.test_share) < 0 or self.val_share + self.test_share >= 1:
            raise ForensicsError(
                f"val_share {self.val_share} and test_share {self.test_share} leave no train.",
                "Their sum must be below 1.",
                "val_share",
            )

    @classmethod
    def from_params(cls, params: dict[str, Any]) -> ImportOptions:
        """Return options from keyword arguments or form values; a list may be a string or None."""
        values = dict(known_keys(cls, {k: v for k, v in params.items() if v is not None}))
        for name in ("splits", "methods", "compressions", "labels", "real_names"):
            if name in values:
                value = values[name]
                values[name] = (value,) if isinstance(value, str) else tuple(value)
        return cls(**values)


_LABELS = (*LABELS, UNLABELLED)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The reasons why a root was recognised.

    Attributes:
        format: name of the importer
        reasons: the signature files and folders that were found, one sentence each
        weak: True where another importer's evidence wins (generic layouts)
    """

    format: str
    reasons: tuple[str, ...]
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Official:
    """A count that the dataset's authors publish; a field that is ``None`` is summed over.

    Attributes:
        count: number of videos (or sequences, images)
        split: ``train`` | ``val`` | ``test`` | None
        method: method name | None
        label: 0 | 1 | None
        per_compression: the count holds for each compression by itself
        certain: False for figures known from secondary sources only
        subset: value of the ``subset`` attribute | None
    """

    count: int
    split: str | None = None
    method: str | None = None
    label: int | None = None
    per_compression: bool = False
    certain: bool = True
    subset: str | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """A file that a list names and the disk lacks: its path under the root, and the list's path."""

    path: str
    listed_in: str


@dataclass(slots=True)
class Reading:
    """The result of reading a root with an importer.

    Attributes:
        records: one per video or frame folder; pairs as ``pair_id`` and ``parents``, no groups yet
        missing: listed files that are not there
        conflicts: statements of the source that contradict each other, one sentence each
        warnings: what the user should know before importing, one sentence each
        skipped: relative path of a media file or folder that was left out on purpose -> why
        unsplit: datasets among the records whose authors define no split (all of them where
            ``Importer.official_split`` is False)
    """

    records: list[VideoRecord] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    unsplit: set[str] = field(default_factory=set)

    def add(self, tree: Tree, rel: str, record: VideoRecord) -> None:
        """Add the record of the file ``rel`` and mark that file as explained."""
        tree.claim(rel)
        self.records.append(record)

    def numbered(self, tree: Tree, folder: str, names: Iterable[str]) -> list[tuple[int, str]]:
        """Return (0-based frame number, relative path) of the frames in ``folder``, and claim them.

        If names clash, the folder is left out with the reason, and the result is empty.
        """
        names = list(names)
        try:
            frames = [(n, join(folder, name)) for n, name in frame_indices(names, folder)]
        except ForensicsError as error:
            self.skipped[folder] = str(error).removeprefix(folder).lstrip(": ")
            tree.claim(*(join(folder, name) for name in names))
            return []
        tree.claim(*(rel for _, rel in frames))
        return frames


@dataclass(frozen=True, slots=True)
class Importer:
    """One dataset or generic layout: its names, its terms, and its two functions.

    Attributes:
        name: the value of ``format``, for example ``celeb-df-v2``
        title: the name that people use; also ``source_dataset`` unless the reader says otherwise
        license_note: one line on the terms of use
        expects: the tree that the root must hold, for error messages and the documentation
        recognise: evidence that a tree is this dataset, or None; looks at a few folders only
        read: the records of a tree
        official: published counts
        official_split: whether the authors define splits
        gotchas: common mistakes with this dataset, one sentence each (form and documentation)
        aliases: other spellings of ``name``
        url: where the dataset and its terms are described
    """

    name: str
    title: str
    license_note: str
    expects: str
    recognise: Callable[[Tree], Evidence | None]
    read: Callable[[Tree, ImportOptions], Reading]
    official: tuple[Official, ...] = ()
    official_split: bool = True
    gotchas: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    url: str = ""


def make_id(dataset: str, subset: str, compression: str, stem: str) -> str:
    """Return the ``video_id`` dataset/subset/compression/stem; empty parts are left out."""
    return "/".join(part for part in (dataset, subset, compression, stem) if part)


def unique_stems(paths: Iterable[str]) -> dict[str, str]:
    """Map each path to its stem if that stem is unique, else to the path without its suffix."""
    listed = list(paths)
    seen = Counter(stem_of(path) for path in listed)
    return {
        path: stem_of(path) if seen[stem_of(path)] == 1 else path.rpartition(".")[0]
        for path in listed
    }


def leak_key(video_id: str, compression: str) -> str:
    """Return ``video_id`` without its compression, a key that all encodings of a video share."""
    if not compression:
        return video_id
    return video_id.replace(f"/{compression}/", "/", 1)
