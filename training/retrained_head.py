"""Fits a new head on stored embeddings: logistic regression in seconds, with out-of-fold scores.

It is a baseline for LN-tuning, a way to find wrong labels, and training without a GPU. Each face is
scored by a head that has seen no face of its group. So the scores are honest, although every face
also trains the final head.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..detector.errors import ForensicsError
from ..detector.metrics import ranks
from ..detector.records import FAKE, LABELS, REAL, content_hash


@dataclass(frozen=True, slots=True)
class HeadConfig:
    """Settings of a retrained head.

    Attributes:
        detector: key of the detector whose embeddings are used
        c: inverse strength of the L2 penalty, as in scikit-learn; the embeddings are unit vectors
        folds: number of folds of the group k-fold
        seed: seed of the folds
        name: recipe name that lists show
    """

    detector: str
    c: float = 10.0
    folds: int = 5
    seed: int = 0
    name: str = "retrained_head"

    def __post_init__(self) -> None:
        if not self.c > 0:
            raise ForensicsError(f"c = {self.c} cannot be used.", "It is more than 0.", "c")
        if self.folds < 2:
            raise ForensicsError(f"{self.folds} folds are too few.", "Use 2 or more.", "folds")

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a plain dict."""
        return asdict(self)

    @property
    def hash(self) -> str:
        """First 16 hex digits of the sha256 over all settings."""
        return content_hash(self.to_json())[:16]


@dataclass(frozen=True)
class FittedHead:
    """A head and its out-of-fold margins.

    Attributes:
        weight: (2, D) float32; row 0 real, row 1 fake
        bias: (2,) float32
        margin: (N,) out-of-fold logit of fake; p_fake = sigmoid(margin)
        fold: (N,) fold in which each row was scored
    """

    weight: np.ndarray
    bias: np.ndarray
    margin: np.ndarray
    fold: np.ndarray

    @property
    def p_fake(self) -> np.ndarray:
        """(N,) out-of-fold probabilities of fake."""
        return ranks.sigmoid(self.margin)


def fit_head(
    embeddings: np.ndarray, label: np.ndarray, group: np.ndarray, config: HeadConfig
) -> FittedHead:
    """Fit a logistic regression on all rows; score each row by one that left its group out.

    Args:
        embeddings: (N, D) unit vectors
        label: (N,) 0 real, 1 fake
        group: (N,) group, the leakage unit
        config: see :class:`HeadConfig`

    Raises:
        ForensicsError: only one class, or fewer groups of a class than folds
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    for value in (REAL, FAKE):
        found = len(np.unique(group[label == value]))
        if found < config.folds:
            raise ForensicsError(
                f"The view holds {found} groups with {LABELS[value]} faces, fewer than "
                f"{config.folds} folds.",
                "Use fewer folds, or a view with more videos.",
                "folds",
            )
    x = np.asarray(embeddings, dtype=np.float64)

    def fitted(rows: np.ndarray) -> LogisticRegression:
        model = LogisticRegression(C=config.c, max_iter=5000, tol=1e-6)
        return model.fit(x[rows], label[rows])

    splitter = StratifiedGroupKFold(config.folds, shuffle=True, random_state=config.seed)
    margin, fold = np.full(len(x), np.nan), np.full(len(x), -1)
    for number, (train, held_out) in enumerate(splitter.split(x, label, group)):
        if len(np.unique(label[train])) < 2:
            raise ForensicsError(
                f"Fold {number} leaves one class only to train on.", "Use fewer folds.", "folds"
            )
        margin[held_out] = fitted(train).decision_function(x[held_out])
        fold[held_out] = number
    whole = fitted(np.arange(len(x)))
    half, shift = whole.coef_[0] / 2, float(whole.intercept_[0]) / 2
    return FittedHead(
        weight=np.stack([-half, half]).astype(np.float32),
        bias=np.array([-shift, shift], dtype=np.float32),
        margin=margin,
        fold=fold,
    )


def video_rows(
    margin: np.ndarray, label: np.ndarray, group: np.ndarray, video: np.ndarray
) -> list[dict[str, Any]]:
    """Return one row per video with the mean of its faces, in the form of ``validation.json``."""
    p_fake = ranks.sigmoid(margin)
    rows = []
    for name in np.unique(video):
        here = np.flatnonzero(video == name)
        rows.append(
            {
                "video_id": str(name),
                "label": int(label[here[0]]),
                "group_id": str(group[here[0]]),
                "p_fake": float(p_fake[here].mean()),
                "margin": ranks.mean(margin[here]),
                "crops": len(here),
            }
        )
    return rows


def judge(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the record of out-of-fold videos for lists: AUROC with its interval, and counts."""
    from ..detector.metrics.rates import clustered_interval, roc_auc

    truth = np.array([row["label"] for row in rows])
    scores = np.array([row["margin"] for row in rows])
    low, high = clustered_interval(truth, scores, "auroc", [row["group_id"] for row in rows])
    return {
        "auroc": roc_auc(truth, scores),
        "auroc_low": low,
        "auroc_high": high,
        "n_real": int((truth == REAL).sum()),
        "n_fake": int((truth == FAKE).sum()),
        "out_of_fold": True,
    }
