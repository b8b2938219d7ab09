"""Records the data behind a number, so that it can be compared with the current data.

A calibration, a threshold, an evaluation, a queue or a map depends on certain faces with certain
labels and scores. Its :class:`Basis` identifies them. If the current basis differs, the number is
stale, and :meth:`Basis.differences` gives the reasons in words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..records import known_keys

#: The digests; a number that does not depend on one of them may ignore it.
DIGESTS = ("members", "labels", "scores", "kinds")
INGREDIENTS = ("checkpoint", "recipe", "rule", *DIGESTS)
WORDS = {
    "checkpoint": "the scores are of another checkpoint",
    "recipe": "the crops are of another recipe",
    "labels": "labels have been changed",
    "scores": "scores of its faces have changed",
    "kinds": "groups, methods, datasets or splits have been changed",
}


@dataclass(frozen=True, slots=True)
class Basis:
    """The data behind a number.

    Attributes:
        checkpoint: sha256 of the detector's checkpoint, or of the table with the scores
        recipe: hash of the crop recipe
        rule: rule of video scores; None for a number about faces only
        faces: number of faces
        members: digest of their ids
        labels: digest of ids, ground truth and the video's subject
        scores: digest of ids and scores
        kinds: digest of ids, videos, groups, datasets, methods, compressions and splits
        code: version of the plugin; recorded, but a difference alone does not make a number stale
    """

    checkpoint: str | None
    recipe: str | None
    rule: str | None
    faces: int
    members: str
    labels: str
    scores: str
    kinds: str
    code: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return a plain dict, the inverse of :meth:`from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Basis:
        """Return a basis from :meth:`to_json`; unknown keys raise :class:`ForensicsError`."""
        return cls(**known_keys(cls, dict(data)))

    def differences(self, now: Basis, ignoring: Sequence[str] = ()) -> tuple[str, ...]:
        """Return in words why a number with this basis does not hold for ``now``; empty if it does.

        Args:
            now: the current basis
            ignoring: names of :data:`INGREDIENTS` on which the number does not depend
        """
        found = []
        for name in INGREDIENTS:
            if name not in ignoring and getattr(self, name) != getattr(now, name):
                found.append((name, self._words(name, now)))
        if self.members != now.members:  # implies that every digest differs
            found = [(name, text) for name, text in found if name not in DIGESTS[1:]]
        return tuple(text for _, text in found)

    def _words(self, name: str, now: Basis) -> str:
        if name == "rule":
            return f"a video is scored by the rule {now.rule!r} now, not {self.rule!r}"
        if name == "members":
            return _other_faces(self.faces, now.faces)
        return WORDS[name]


@dataclass(frozen=True, slots=True)
class FittedOn:
    """The groups and files of rows on which something was chosen; judged rows must not share them.

    Attributes:
        units: ``group_id`` of each face, or its video if it has none
        contents: sha256 of the files from which they were cut, if known
    """

    units: frozenset[str]
    contents: frozenset[str]

    def shared(self, other: FittedOn) -> str:
        """Return in words how much of this is in ``other``; "" if nothing is."""
        units, contents = len(self.units & other.units), len(self.contents & other.contents)
        if units:
            return f"{units} of its groups are among those judged, so these rates are optimistic"
        if contents:
            return f"{contents} of its files are among those judged, so these rates are optimistic"
        return ""


def _other_faces(before: int, now: int) -> str:
    if now < before:
        return f"{before - now:,} of its {before:,} faces {_are(before - now)} gone"
    if now > before:
        return f"faces have been added: {now:,} instead of {before:,}"
    return "its faces are different ones"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def digest(ids: Sequence[str], *columns: np.ndarray) -> str:
    """Return a digest of 128 bits (hex) of rows in the order of their ids.

    The same rows give the same digest wherever they are read.

    Args:
        ids: (N,) ascending, each of the same length
        columns: (N,) each; floats by value (NaN is one value), integers by value
    """
    found = hashlib.blake2b("".join(ids).encode(), digest_size=16)
    for column in columns:
        values = np.asarray(column)
        if values.dtype.kind == "f":
            values = np.where(np.isnan(values), np.nan, values + 0.0)  # one NaN, one zero
            values = values.astype("<f8")
        else:
            values = values.astype("<u8")
        found.update(b"|" + np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def text_codes(values: Iterable[Any]) -> np.ndarray:
    """Return (N,) uint64 codes of texts or tuples of texts; they depend only on the value."""
    known: dict[Any, int] = {}
    out = []
    for value in values:
        code = known.get(value)
        if code is None:
            raw = hashlib.blake2b(repr(value).encode(), digest_size=8).digest()
            code = known[value] = int.from_bytes(raw, "little")
        out.append(code)
    return np.array(out, np.uint64)
