"""Evaluates a checkpoint during training on validation videos, never on a test split."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..detector.device import default_batch
from ..detector.errors import MetricUndefined
from ..detector.metrics.ranks import sigmoid
from ..detector.metrics.rates import average_precision, clustered_interval, roc_auc
from ..detector.model.detector import Detector
from ..detector.scoring.aggregate import grouped_margins, grouped_scores
from .batches.crop_cache import CropCache
from .batches.data import plain_batches
from .distributed import gather_rows, rank, ranks
from .losses import alignment, uniformity
from .manifest import ManifestRow

MOST_FOR_GEOMETRY = 4096
"""Most crops for alignment and uniformity of the validation set."""


@dataclass(frozen=True, slots=True)
class Validation:
    """One validation pass, scored as the checkpoint will be. An undefined metric is None.

    Attributes:
        auroc: on videos, with the mean of p_fake over a video's crops, ranked by its margin
        auroc_low, auroc_high: 95 % interval over groups, None if there are too few groups
        macro_ap: mean of the average precisions of fake and of real, on videos (the authors'
            ``mAP_video``)
        auroc_frames: on crops
        loss: mean cross-entropy over crops, nats
        alignment, uniformity: losses of the unit embeddings
        n_real, n_fake: numbers of videos
        crops: number of scored crops
        unreadable: number of crops that could not be read
        videos: one row per video: ``video_id``, ``label``, ``group_id``, ``p_fake`` (mean over its
            crops), ``margin`` of that mean and ``crops``; not in :meth:`to_json`
    """

    auroc: float | None
    auroc_low: float | None
    auroc_high: float | None
    macro_ap: float | None
    auroc_frames: float | None
    loss: float
    alignment: float
    uniformity: float
    n_real: int
    n_fake: int
    crops: int
    unreadable: int
    videos: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as a plain dict, without ``videos``."""
        return {k: v for k, v in asdict(self).items() if k != "videos"}

    def rank_by(self, selection: str) -> tuple[float, float]:
        """Return a key that is larger for a better checkpoint; ties go to the lower loss."""
        value = -self.loss if selection == "loss" else getattr(self, selection)
        return (-np.inf if value is None else value, -self.loss)


@torch.no_grad()
def embed_rows(
    detector: Detector, rows: Sequence[ManifestRow], cache: CropCache
) -> tuple[Tensor, Tensor, list[tuple[int, str]]]:
    """Return raw features of each readable crop, not augmented; each rank embeds its share.

    They equal those of :func:`detector.scoring.crop_scores.score_crops` on the same device. So a
    checkpoint scores as its record says, whatever the precision of its steps.

    Args:
        detector: its tower computes the features, without the training wrapper
        rows: rows of the manifest
        cache: cache of decoded crops

    Returns:
        features (n, D) float32 and row indices (n,), in row order on all ranks; (row index,
        reason) of this rank's unreadable crops
    """
    mine = range(rank(), len(rows), ranks())
    features = [torch.zeros((0, detector.backbone.width), device=detector.device)]
    found, unreadable = [], []
    on_gpu = detector.device.type == "cuda"
    for batch in plain_batches(
        [rows[i] for i in mine],
        detector.backbone.preprocess,
        cache,
        default_batch(detector.device),
        min(16, os.cpu_count() or 1) if on_gpu else 2,
    ):
        if len(batch.pixels):
            features.append(detector.features(batch.pixels))
            found += [mine[i] for i in batch.rows]
        unreadable += [(mine[i], reason) for i, reason in batch.unreadable]
    index = gather_rows(torch.tensor(found, dtype=torch.int64, device=detector.device))
    gathered = gather_rows(torch.cat(features))
    order = torch.argsort(index)
    return gathered[order], index[order], unreadable


@torch.no_grad()
def judge(
    detector: Detector, features: Tensor, index: Tensor, rows: Sequence[ManifestRow]
) -> Validation:
    """Return the metrics of the head on the features of :func:`embed_rows`."""
    used = [rows[i] for i in index.tolist()]
    labels = torch.tensor([row.label for row in used], device=features.device)
    logits, units = detector.classify(features)
    margins = (logits[:, 1].double() - logits[:, 0].double()).cpu().numpy()
    names = [row.video_id for row in used]
    videos = grouped_scores(sigmoid(margins), names, "mean")
    order = np.array(list(grouped_margins(margins, names, "mean").values()), dtype=np.float64)
    first = {row.video_id: row for row in reversed(used)}
    truth = np.array([first[video].label for video in videos])
    means = np.array(list(videos.values()), dtype=np.float64)
    counts = Counter(row.video_id for row in used)
    groups = [first[video].group_id or video for video in videos]
    step = -(-len(units) // MOST_FOR_GEOMETRY)

    interval = _defined(lambda: clustered_interval(truth, order, "auroc", groups))
    return Validation(
        auroc=_defined(lambda: roc_auc(truth, order)),
        auroc_low=interval.low if interval else None,
        auroc_high=interval.high if interval else None,
        macro_ap=_defined(lambda: _macro_ap(truth, order)),
        auroc_frames=_defined(lambda: roc_auc(labels.cpu().numpy(), margins)),
        loss=F.cross_entropy(logits, labels).item(),
        alignment=alignment(units[::step], labels[::step]).item(),
        uniformity=uniformity(units[::step]).item(),
        n_real=int((truth == 0).sum()),
        n_fake=int((truth == 1).sum()),
        crops=len(used),
        unreadable=len(rows) - len(used),
        videos=tuple(
            {
                "video_id": video,
                "label": first[video].label,
                "group_id": group,
                "p_fake": float(p_fake),
                "margin": float(margin),
                "crops": counts[video],
            }
            for video, group, p_fake, margin in zip(videos, groups, means, order, strict=True)
        ),
    )


def _macro_ap(truth: np.ndarray, scores: np.ndarray) -> float:
    return (average_precision(truth, scores) + average_precision(truth, scores, positive=0)) / 2


def _defined(metric: Any) -> Any:
    """Return the metric's value, or None if it has none (too few videos of a class or groups)."""
    try:
        return metric()
    except MetricUndefined:
        return None
