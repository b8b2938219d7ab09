"""Reads from the folders of two paths whether they can be of one video.

Names repeat: each method of FaceForensics++ has a ``000_003.mp4``, each compression a ``000.mp4``.
A common file name is therefore no proof where folders say different methods, compressions or
labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile

_COMPRESSIONS = {"raw": "raw", "c0": "raw", "c23": "c23", "c40": "c40"}
_SHORT = {"DF": "deepfakes", "F2F": "face2face", "FS": "faceswap", "NT": "neuraltextures"}
_SHORT |= {"FSh": "faceshifter"}
_METHODS = frozenset(
    {*_SHORT.values(), "deepfakedetection", "celeb-synthesis", "method_a", "method_b"}
    | {"end_to_end", "reenact_postprocess", "fakevideo-realaudio", "fakevideo-fakeaudio"}
)
_REALS = frozenset({"celeb-real", "youtube-real", "youtube", "actors", "original_videos"})
_REAL = frozenset({"real", "reals", "original", "originals", "original_sequences", "pristine"})
_FAKE = frozenset({"fake", "fakes", "manipulated_sequences"})


def facts(folders: Iterable[str]) -> dict[str, str]:
    """Return what the folders of a path say: ``compression``, ``label``, ``method``, ``reals``.

    Args:
        folders: names from the file upwards; of two that speak of one thing the nearer counts,
            because ``/data/deepfakes`` holds other methods too
    """
    folders = list(folders)
    found: dict[str, str] = {}
    sequences = any(name.endswith("_sequences") for name in folders)
    for name in folders:
        word = _SHORT.get(name, name.lower())
        if word in _COMPRESSIONS and (word != "raw" or sequences):  # data/raw says nothing
            found.setdefault("compression", _COMPRESSIONS[word])
        if word in _METHODS:
            found.setdefault("method", word)
        if word in _REALS:
            found.setdefault("reals", word)
        if word in _REAL | _REALS:
            found.setdefault("label", "real")
        if word in _FAKE | _METHODS:
            found.setdefault("label", "fake")
    return found


def facts_of_each(paths: Sequence[list[str]]) -> list[dict[str, str]]:
    """Return the facts of each file of one dataset, by its whole path on a disk.

    A folder that all of its files share, as ``/data/deepfakes``, does not tell real from fake.

    Args:
        paths: parts of each path, from the file upwards
    """
    folders = [parts[:0:-1] for parts in paths]
    ends = zip(min(folders), max(folders), strict=False) if len(paths) > 1 else ()
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], ends))
    out = []
    for parts in paths:
        found = facts(parts[1:])
        if shared and "label" not in facts(parts[1 : len(parts) - shared]):
            found.pop("label", None)
            found.pop("reals", None)
        out.append(found)
    return out


def contradict(one: dict[str, str], other: dict[str, str]) -> bool:
    """Return whether two results of :func:`facts` cannot be of one video."""
    return any(one[kind] != other[kind] for kind in one.keys() & other.keys())
