"""What a number was made from, as a small record that can be compared with what is there now.

A calibration, a threshold, an evaluation, a queue or a map is a statement on certain faces with
certain labels and certain scores. Its :class:`Basis` names them; where that of today differs, the
number is stale, and :meth:`Basis.differences` says why in words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..records import known_keys

#: What may differ; a number that does not depend on one of them may ignore it.
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
    """What a number was made from.

    Attributes:
        checkpoint: sha256 of the detector's checkpoint, or of the table its scores came from
        recipe: hash of the crop recipe
        rule: how a video has its score; None for a number that is of faces only
        faces: how many there are
        members: digest of their ids
        labels: digest of ids and ground truth, and of who is the video's subject
        scores: digest of ids and scores
        kinds: digest of ids, videos, groups, datasets, methods, compressions and splits
        code: version of the plugin; named, and no reason by itself to distrust a number
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
        """Plain dict, the inverse of :meth:`from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Basis:
        """Basis from :meth:`to_json`; unknown keys raise :class:`ForensicsError`."""
        return cls(**known_keys(cls, dict(data)))

    def differences(self, now: Basis, ignoring: Sequence[str] = ()) -> tuple[str, ...]:
        """Why a number with this basis does not hold for ``now``, in words; empty where it does.

        Args:
            now: what is there
            ignoring: names of :data:`INGREDIENTS` that the number does not depend on
        """
        found = []
        for name in INGREDIENTS:
            if name not in ignoring and getattr(self, name) != getattr(now, name):
                found.append((name, self._words(name, now)))
        if self.members != now.members:  # then every digest differs
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
    """What rows that are judged must not share with those that something was chosen on.

    Attributes:
        units: ``group_id`` of each face, its video where it has none
        contents: sha256 of the files that they were cut from, where known
    """

    units: frozenset[str]
    contents: frozenset[str]

    def shared(self, other: FittedOn) -> str:
        """How much of this is in ``other``, in words; "" where nothing is."""
        units, contents = len(self.units & other.units), len(self.contents & other.contents)
        if units:
            return f"{units} of its groups are among those judged, so these rates flatter"
        if contents:
            return f"{contents} of its files are among those judged, so these rates flatter"
        return ""


def _other_faces(before: int, now: int) -> str:
    if now < before:
        return f"{before - now:,} of its {before:,} faces {_are(before - now)} gone"
    if now > before:
        return f"faces have been added: {now:,} instead of {before:,}"
    return "its faces are others"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def digest(ids: Sequence[str], *columns: np.ndarray) -> str:
    """128 bits (hex) of rows that are given in the order of their ids.

    The same rows give the same digest wherever they were read.

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
    """(N,) uint64 of texts or tuples of texts, that depend on nothing but the value."""
    known: dict[Any, int] = {}
    out = []
    for value in values:
        code = known.get(value)
        if code is None:
            raw = hashlib.blake2b(repr(value).encode(), digest_size=8).digest()
            code = known[value] = int.from_bytes(raw, "little")
        out.append(code)
    return np.array(out, np.uint64)
