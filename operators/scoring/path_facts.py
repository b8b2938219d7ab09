"""Reads from the folders of two paths whether they can be of one video.

Names repeat: each method of FaceForensics++ has a ``000_003.mp4``, each compression a ``000.mp4``.
A common file name is therefore no proof where folders say different methods, compressions or
labels.
"""

from __future__ import annotations

from collections.abc import Iterable

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


def facts(parts: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return what the folders of a path say: ``compression``, ``label``, ``method``, ``reals``."""
    parts = list(parts)
    found: dict[str, set[str]] = {}
    sequences = any(part.endswith("_sequences") for part in parts)
    for part in parts:
        word = _SHORT.get(part, part.lower())
        if word in _COMPRESSIONS and (word != "raw" or sequences):  # data/raw says nothing
            found.setdefault("compression", set()).add(_COMPRESSIONS[word])
        if word in _METHODS:
            found.setdefault("method", set()).add(word)
        if word in _REALS:
            found.setdefault("reals", set()).add(word)
        if word in _REAL | _REALS:
            found.setdefault("label", set()).add("real")
        if word in _FAKE | _METHODS:
            found.setdefault("label", set()).add("fake")
    return {kind: frozenset(words) for kind, words in found.items()}


def contradict(one: dict[str, frozenset[str]], other: dict[str, frozenset[str]]) -> bool:
    """Return whether two results of :func:`facts` cannot be of one video."""
    return any(one[kind].isdisjoint(other[kind]) for kind in one.keys() & other.keys())
