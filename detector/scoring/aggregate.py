"""Aggregates the scores of faces to the score of a person and of a video.

Pure functions on stored face scores, so that every rule can be applied later without the network. A
face without a score is NaN and is ignored. If no face is scored, the result is None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ForensicsError
from ..metrics import ranks

TOP_K = 10  # number of faces that `top_k` averages
OVER = 0.5  # threshold of `share_over`


def _middle(values: np.ndarray) -> np.ndarray:
    """Return the middle value, or both middle values of an even number."""
    ordered, count = np.sort(values), len(values)
    return ordered[(count - 1) // 2 : count // 2 + 1]


def _top_k(scores: np.ndarray) -> float:
    return float(np.sort(scores)[-TOP_K:].mean())


_RULES: dict[str, Callable[[np.ndarray], float]] = {
    "mean": lambda scores: float(scores.mean()),
    "median": lambda scores: float(np.median(scores)),
    "max": lambda scores: float(scores.max()),
    "top_k": _top_k,
    "share_over": lambda scores: float((scores >= OVER).mean()),
}
#: Each rule for margins: returns the margin of the rule's result on the probabilities. The margin
#: of OVER is 0.
_MARGIN_RULES: dict[str, Callable[[np.ndarray], float]] = {
    "mean": ranks.mean,
    "median": lambda margins: ranks.mean(_middle(margins)),
    "max": lambda margins: float(margins.max()),
    "top_k": lambda margins: ranks.mean(np.sort(margins)[-TOP_K:]),
    "share_over": lambda margins: float(ranks.logit(np.array(np.mean(margins >= 0)))),
}
RULES = tuple(_RULES)
WORST_PERSON = "worst_person"  # rule for a whole video over all persons, see below


def video_score(p_fake: Sequence[float] | np.ndarray, rule: str = "mean") -> float | None:
    """Return the score in [0, 1] of a set of faces, or None if none of them has a score.

    Args:
        p_fake: (N,) in [0, 1]; NaN marks a face that was not scored
        rule: ``mean`` (the papers' rule: arithmetic mean over the frames), ``median``, ``max``,
            ``top_k`` (mean of the ``TOP_K`` highest, for partially manipulated videos) or
            ``share_over`` (share of faces with p_fake >= 0.5)

    Raises:
        ForensicsError: unknown rule, or a score outside [0, 1]
    """
    if rule not in _RULES:
        raise ForensicsError(
            f"There is no video score rule {rule!r}.", f"Known: {', '.join(RULES)}.", "rule"
        )
    scores = np.asarray(p_fake, np.float64).ravel()
    scores = scores[~np.isnan(scores)]
    if scores.size == 0:
        return None
    if scores.min() < 0 or scores.max() > 1:
        raise ForensicsError(
            f"A face score lies outside [0, 1] ({scores.min():g} to {scores.max():g}).",
            "Store probabilities, not logits.",
        )
    return _RULES[rule](scores)


def video_margin(margins: Sequence[float] | np.ndarray, rule: str = "mean") -> float | None:
    """Return the margin of :func:`video_score` for the probabilities of ``margins``.

    It orders videos even if all their probabilities are 1. Arguments, result and errors are those
    of :func:`video_score`.
    """
    if rule not in _RULES:
        return video_score((), rule)
    found = np.asarray(margins, np.float64).ravel()
    found = found[~np.isnan(found)]
    return _MARGIN_RULES[rule](found) if found.size else None


def person_scores(
    p_fake: Sequence[float] | np.ndarray, tracks: Sequence[Any], rule: str = "mean"
) -> dict[Any, float | None]:
    """Return the score of every person (track) of one video, by track.

    Args:
        p_fake: (N,) scores of the video's faces, NaN where not scored
        tracks: (N,) track of each face
        rule: see :func:`video_score`
    """
    return grouped_scores(p_fake, tracks, rule)


def worst_person_score(
    p_fake: Sequence[float] | np.ndarray, tracks: Sequence[Any], rule: str = "mean"
) -> float | None:
    """Return the highest person's score: one manipulated person makes the video manipulated."""
    found = [s for s in person_scores(p_fake, tracks, rule).values() if s is not None]
    return max(found, default=None)


def worst_person_margin(
    margins: Sequence[float] | np.ndarray, tracks: Sequence[Any], rule: str = "mean"
) -> float | None:
    """Return the highest person's :func:`video_margin`."""
    found = [m for m in grouped_margins(margins, tracks, rule).values() if m is not None]
    return max(found, default=None)


def grouped_scores(
    p_fake: Sequence[float] | np.ndarray, keys: Sequence[Any], rule: str = "mean"
) -> dict[Any, float | None]:
    """Return the score of each group of faces with the same key (video id, track, ...).

    Groups are in order of appearance; O(N log N) for N faces.

    Raises:
        ForensicsError: not one key per score
    """
    return _by_key(p_fake, keys, lambda part: video_score(part, rule))


def grouped_margins(
    margins: Sequence[float] | np.ndarray, keys: Sequence[Any], rule: str = "mean"
) -> dict[Any, float | None]:
    """Return the :func:`video_margin` of each group, like :func:`grouped_scores`."""
    return _by_key(margins, keys, lambda part: video_margin(part, rule))


def _by_key(
    values: Sequence[float] | np.ndarray,
    keys: Sequence[Any],
    rule: Callable[[np.ndarray], float | None],
) -> dict[Any, float | None]:
    scores = np.asarray(values, np.float64).ravel()
    if len(keys) != scores.size:
        raise ForensicsError(f"{scores.size} scores have {len(keys)} keys.")
    if not scores.size:
        return {}
    numbers: dict[Any, int] = {}
    group = np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(numbers)))
    parts = np.split(scores[order], starts[1:])
    return {key: rule(part) for key, part in zip(numbers, parts, strict=True)}
