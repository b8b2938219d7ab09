"""Compares runs on the same videos: paired differences, equal false-positive rate, regressions.

Only videos that all runs have scored count, so that a difference never comes from the material.
This module needs only numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..detector.errors import ForensicsError, MetricUndefined
from ..detector.metrics import ranks
from ..detector.metrics.curve import operating_point
from ..detector.metrics.intervals import Comparison
from ..detector.metrics.rates import (
    clustered_interval,
    equal_error_rate,
    paired_difference,
    roc_auc,
)

FIXED_THRESHOLD = 0.5

VideoRow = Mapping[str, Any]  # video_id, label, group_id, p_fake; margin, but not of version 0.3


@dataclass(frozen=True)
class CommonVideos:
    """The videos that every run has scored.

    Attributes:
        video_id: (V,) ids
        label: (V,) 0 real, 1 fake
        group: (V,) group, the unit of resampling
        p_fake: run -> (V,) scores
        left_out: run -> number of videos that it has scored but another run has not
        rank: run -> (V,) what its videos are ordered by: margins if it has them
    """

    video_id: tuple[str, ...]
    label: np.ndarray
    group: np.ndarray
    p_fake: dict[str, np.ndarray]
    left_out: dict[str, int]
    rank: dict[str, np.ndarray]


@dataclass(frozen=True)
class RunRow:
    """One run compared with the baseline. An undefined value is None, see ``notes``.

    Attributes:
        key: key of the run
        auroc, auroc_low, auroc_high: on videos, with the 95 % interval over groups
        eer: equal error rate
        threshold: threshold of this run at a false-positive rate of at most the requested one
        fpr, fnr: error rates at ``threshold``
        difference, low, high, p_value: AUROC minus the baseline's, paired over groups
        p_holm: ``p_value`` corrected for all compared runs (Holm 1979)
        fnr_difference, fnr_low, fnr_high: miss rate minus the baseline's at equal false-positive
            rate
        regressions: videos that the baseline classifies correctly and this run does not
        repaired: videos that this run classifies correctly and the baseline does not
        notes: which values are undefined, and why
    """

    key: str
    auroc: float | None
    auroc_low: float | None
    auroc_high: float | None
    eer: float | None
    threshold: float
    fpr: float | None
    fnr: float | None
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    p_holm: float | None
    fnr_difference: float | None
    fnr_low: float | None
    fnr_high: float | None
    regressions: tuple[str, ...]
    repaired: tuple[str, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the row as a plain dict."""
        data = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in data.items()}


def common_videos(scored: Mapping[str, Sequence[VideoRow]]) -> CommonVideos:
    """Align the video scores of several runs.

    Args:
        scored: run -> rows of its videos; ``p_fake`` None counts as not scored

    Raises:
        ForensicsError: fewer than two runs, no common video, or runs that disagree on a label
    """
    if len(scored) < 2:
        raise ForensicsError("One run cannot be compared.", "Choose two or more.", "keys")
    by_run = {
        key: {row["video_id"]: row for row in rows if row["p_fake"] is not None}
        for key, rows in scored.items()
    }
    names = sorted(set.intersection(*(set(rows) for rows in by_run.values())))
    if not names:
        raise ForensicsError(
            f"The runs {', '.join(scored)} have no scored video in common.",
            "Score the same view with all of them, and compare their stored scores.",
            "keys",
        )
    first = next(iter(by_run.values()))
    for key, rows in by_run.items():
        wrong = [name for name in names if rows[name]["label"] != first[name]["label"]]
        if wrong:
            raise ForensicsError(
                f"{key!r} holds another label of {wrong[0]!r} than the other runs.",
                "The ground truth was changed between the runs; train or score again.",
                "keys",
            )
    return CommonVideos(
        video_id=tuple(names),
        label=np.array([first[name]["label"] for name in names], dtype=np.int64),
        group=np.array([first[name]["group_id"] or name for name in names]),
        p_fake={
            key: np.array([rows[name]["p_fake"] for name in names], dtype=np.float64)
            for key, rows in by_run.items()
        },
        left_out={key: len(rows) - len(names) for key, rows in by_run.items()},
        rank={key: rank_of([rows[name] for name in names]) for key, rows in by_run.items()},
    )


def rank_of(rows: Sequence[VideoRow]) -> np.ndarray:
    """Return (V,) what the videos of ``rows`` are ordered by, see :mod:`detector.metrics.ranks`."""
    p_fake, margin = (
        np.array([np.nan if row.get(name) is None else row[name] for row in rows], np.float64)
        for name in ("p_fake", "margin")
    )
    return ranks.of(p_fake, margin)


def mean_of(rows: Sequence[VideoRow]) -> VideoRow:
    """Return one row with the mean score of ``rows`` of one video, for example of several seeds."""
    mean: dict[str, Any] = {"p_fake": float(np.mean([row["p_fake"] for row in rows]))}
    if all(row.get("margin") is not None for row in rows):
        mean["margin"] = ranks.mean(np.array([row["margin"] for row in rows]))
    return {**rows[0], "margin": None, **mean}


def compare(videos: CommonVideos, baseline: str, fpr: float = 0.05) -> list[RunRow]:
    """Return one row per run, the baseline first.

    Args:
        videos: see :func:`common_videos`
        baseline: run to compare the others with
        fpr: false-positive rate at which each run gets its threshold; if there are too few reals
            for it, all runs get 0.5 and the notes say so

    Raises:
        ForensicsError: the baseline is not among the runs, or ``fpr`` is outside (0, 1)
    """
    if baseline not in videos.p_fake:
        raise ForensicsError(
            f"The baseline {baseline!r} is not among the runs.",
            f"Choose one of: {', '.join(videos.p_fake)}.",
            "baseline",
        )
    if not 0 < fpr < 1:
        raise ForensicsError(
            f"A false-positive rate must be between 0 and 1, not {fpr}.", "For example 0.05.", "fpr"
        )
    others = [key for key in videos.p_fake if key != baseline]
    thresholds, right, note = _thresholds(videos, fpr)
    paired: dict[str, tuple[Comparison | None, Comparison | None, list[str]]] = {}
    for key in others:
        notes: list[str] = []
        auroc = _paired(videos, key, baseline, "auroc", notes)
        at_rate = None
        if not note:
            at_rate = _paired(videos, key, baseline, f"tpr@{fpr:g}", notes)
        paired[key] = auroc, at_rate, notes
    known = {k: c.p_value for k, (c, _, _) in paired.items() if c is not None}
    corrected = holm({k: p for k, p in known.items() if p is not None})
    rows = []
    for key in [baseline, *others]:
        auroc, at_rate, notes = paired.get(key, (None, None, []))
        rows.append(
            _row(
                videos,
                key,
                thresholds[key],
                auroc,
                at_rate,
                corrected.get(key),
                [*([note] if note else []), *notes],
                right[baseline],
                right[key],
            )
        )
    return rows


def _row(
    videos: CommonVideos,
    key: str,
    threshold: float,
    auroc: Comparison | None,
    at_rate: Comparison | None,
    corrected: float | None,
    notes: list[str],
    base_right: np.ndarray,
    right: np.ndarray,
) -> RunRow:
    label, order = videos.label, videos.rank[key]

    def defined(metric: Any) -> Any:
        try:
            return metric()
        except MetricUndefined as error:
            if error.message not in notes:
                notes.append(error.message)
            return None

    interval = defined(lambda: clustered_interval(label, order, "auroc", videos.group))
    if interval and interval.why and interval.why not in notes:
        notes.append(interval.why)
    eer = defined(lambda: equal_error_rate(label, order))
    real, fake = label == 0, label == 1
    names = np.array(videos.video_id)
    return RunRow(
        key=key,
        auroc=defined(lambda: roc_auc(label, order)),
        auroc_low=interval.low if interval else None,
        auroc_high=interval.high if interval else None,
        eer=eer.rate if eer else None,
        threshold=threshold,
        fpr=float(np.mean(~right[real])) if real.any() else None,
        fnr=float(np.mean(~right[fake])) if fake.any() else None,
        difference=auroc.difference if auroc else None,
        low=auroc.low if auroc else None,
        high=auroc.high if auroc else None,
        p_value=auroc.p_value if auroc else None,
        p_holm=corrected,
        fnr_difference=-at_rate.difference if at_rate else None,
        fnr_low=_minus(at_rate.high) if at_rate else None,
        fnr_high=_minus(at_rate.low) if at_rate else None,
        regressions=tuple(names[base_right & ~right].tolist()),
        repaired=tuple(names[~base_right & right].tolist()),
        notes=tuple(notes),
    )


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _thresholds(
    videos: CommonVideos, fpr: float
) -> tuple[dict[str, float], dict[str, np.ndarray], str]:
    """Return a threshold on p_fake and (V,) right calls per run, at equal false-positive rates, or
    at 0.5 for all and why. Calls are made on the ranks, so that runs with p_fake of 1 compare too.
    """
    fake, found, right = videos.label == 1, {}, {}
    try:
        for key, order in videos.rank.items():
            at = operating_point(videos.label, order, fpr).threshold
            right[key] = (order >= at) == fake
            by_margin = not np.array_equal(order, videos.p_fake[key])
            found[key] = float(ranks.sigmoid(np.array(at))) if by_margin else at
    except MetricUndefined as error:
        right = {key: (p >= FIXED_THRESHOLD) == fake for key, p in videos.p_fake.items()}
        note = f"All at the threshold {FIXED_THRESHOLD}: {error.message}"
        return dict.fromkeys(videos.p_fake, FIXED_THRESHOLD), right, note
    return found, right, ""


def _paired(
    videos: CommonVideos,
    key: str,
    baseline: str,
    metric: str,
    notes: list[str],
) -> Comparison | None:
    try:
        found = paired_difference(
            videos.label, videos.rank[key], videos.rank[baseline], metric, videos.group
        )
    except MetricUndefined as error:
        if error.message not in notes:
            notes.append(error.message)
        return None
    if found.why and found.why not in notes:
        notes.append(found.why)
    return found


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values corrected for their number, step-down (Holm 1979, Scand. J. Statist. 6)."""
    out: dict[str, float] = {}
    largest = 0.0
    for number, key in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, p_values[key] * (len(p_values) - number)))
        out[key] = largest
    return out


def differing_settings(
    configs: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """Return setting -> run -> value for the settings in which the runs differ."""
    names = dict.fromkeys(name for config in configs.values() for name in config)
    values = {name: {key: config.get(name) for key, config in configs.items()} for name in names}
    return {
        name: found
        for name, found in values.items()
        if any(value != next(iter(found.values())) for value in found.values())
    }
