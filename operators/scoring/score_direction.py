"""Finds out whether a table's scores rise with "fake", from the labels that the dataset has.

Tools differ: an alphabet of folders gives fake 0 and real 1. A table that says nothing about it is
compared with the labels here before anything is written.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import fiftyone as fo
import numpy as np

from ...detector.errors import ForensicsError
from ...detector.metrics import ranks
from ...detector.metrics.curve import roc_auc
from ...detector.records import FAKE, LABELS, REAL
from ...detector.scoring.score_tables import AUTO, ScoreTable
from .score_matching import Matches

#: Standard errors below 0.5 from which an AUROC is asked about; chance gives them once in 50.
_CLEARLY = 2.1


@dataclass(frozen=True, slots=True)
class Direction:
    """How the scores of a table order the videos here.

    Attributes:
        auroc: of fakes over reals, by the mean score of each video
        reals, fakes: how many videos of each it is of
    """

    auroc: float
    reals: int
    fakes: int

    @property
    def turned(self) -> bool:
        """Whether they order reals over fakes more clearly than chance does."""
        error = math.sqrt((self.reals + self.fakes + 1) / (12 * self.reals * self.fakes))
        return 0.5 - self.auroc > _CLEARLY * error

    def words(self) -> str:
        text = (
            f"Their AUROC by the labels here is {self.auroc:.2f} "
            f"({self.reals} real, {self.fakes} fake videos)."
        )
        if self.auroc < 0.5:
            text += " Below 0.5: scores_of='real' turns them, if their class 1 is real."
        return text


def direction(dataset: fo.Dataset, table: ScoreTable, found: Matches) -> Direction | None:
    """Return how the scores order the labelled videos of ``dataset``; None without both classes."""
    if "ground_truth" not in dataset.get_field_schema():
        return None
    values = ranks.of(table.p_fake, table.margin)
    scores: dict[tuple[str, int], list[float]] = defaultdict(list)
    columns = dataset.values(["id", "video_id", "ground_truth.label"])
    for sample_id, video, label in zip(*columns, strict=True):
        row = found.by_id.get(sample_id)
        if row is not None and label in LABELS and not np.isnan(values[row]):
            scores[video, LABELS.index(label)].append(float(values[row]))
    labels = np.array([label for _, label in scores])
    counts = [int((labels == label).sum()) for label in (REAL, FAKE)]
    if not all(counts):
        return None
    means = np.array([np.mean(of_video) for of_video in scores.values()])
    return Direction(roc_auc(labels, means), *counts)


def require_fake_above_real(
    dataset: fo.Dataset, table: ScoreTable, found: Matches, scores_of: str
) -> str:
    """Return a sentence on how the scores order the labels here; "" without labels.

    Raises:
        ForensicsError: they order reals over fakes clearly, and ``scores_of`` does not say which
            class they are of
    """
    there = direction(dataset, table, found)
    if there is None:
        return ""
    if there.turned and scores_of == AUTO:
        raise ForensicsError(
            f"By the labels here, {table.score_column!r} is higher for reals: AUROC "
            f"{there.auroc:.2f} over {there.reals} real and {there.fakes} fake videos.",
            "Its class 1 may be real. Say scores_of='real' to turn the scores, or 'fake' to take "
            "them as they are.",
            "scores_of",
        )
    return there.words()
