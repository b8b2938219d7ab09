from __future__ import annotations

import numpy as np
import pytest
import torch
from media_forensics.training.manifest import ManifestRow
from media_forensics.training.trained import new_detector
from media_forensics.training.validate import Validation, judge


@pytest.fixture
def detector(tiny_config):
    return new_detector(tiny_config(), torch.device("cpu"))


def rows_and_features(counts: dict[tuple[str, int], int]):
    """Rows of videos (name, label) -> crops, with random features."""
    rows = [
        ManifestRow(f"/{video}/{i}.png", label, video, i, group_id=video[-1], split="val")
        for (video, label), count in counts.items()
        for i in range(count)
    ]
    features = torch.randn((len(rows), 32), generator=torch.Generator().manual_seed(4))
    return rows, features


def test_video_level_numbers_by_hand(detector):
    from sklearn.metrics import average_precision_score, roc_auc_score

    counts = {("ra", 0): 3, ("fa", 1): 1, ("rb", 0): 2, ("fb", 1): 4, ("rc", 0): 1, ("fc", 1): 2}
    counts |= {("rd", 0): 1, ("fd", 1): 1, ("re", 0): 2, ("fe", 1): 1}
    rows, features = rows_and_features(counts)
    found = judge(detector, features, torch.arange(len(rows)), rows)
    logits, _ = detector.classify(features)
    p = logits.softmax(1)[:, 1].double().detach().numpy()
    truth = [label for _, label in counts]
    means = [np.mean([p[i] for i, r in enumerate(rows) if r.video_id == v]) for v, _ in counts]
    assert found.auroc == pytest.approx(roc_auc_score(truth, means))
    both = (
        average_precision_score(truth, means),
        average_precision_score([1 - y for y in truth], [1 - m for m in means]),
    )
    assert found.macro_ap == pytest.approx(np.mean(both))
    labels = [r.label for r in rows]
    assert found.auroc_frames == pytest.approx(roc_auc_score(labels, p))
    assert found.loss == pytest.approx(
        -np.mean([np.log(q if y else 1 - q) for q, y in zip(p, labels, strict=True)]), rel=1e-5
    )
    assert (found.n_real, found.n_fake, found.crops, found.unreadable) == (5, 5, 18, 0)
    assert found.auroc_low <= found.auroc <= found.auroc_high


def test_unreadable_rows_and_undefined_metrics(detector):
    rows, features = rows_and_features({("ra", 0): 3, ("fa", 1): 2})
    found = judge(detector, features[:3], torch.arange(3), rows)  # no fake could be read
    assert (found.auroc, found.macro_ap, found.auroc_low) == (None, None, None)
    assert (found.n_real, found.n_fake, found.unreadable) == (1, 0, 2)
    assert found.rank_by("auroc")[0] == -np.inf


@pytest.mark.parametrize("groups", ["a", "abcd"])
def test_few_groups_have_no_interval(detector, groups):
    counts = {(kind + g, label): 2 for g in groups for kind, label in (("r", 0), ("f", 1))}
    rows, features = rows_and_features(counts)
    found = judge(detector, features, torch.arange(len(rows)), rows)
    assert found.auroc is not None
    assert found.auroc_low is None and found.auroc_high is None


def test_ties_go_to_the_lower_loss():
    def made(auroc, loss):
        return Validation(auroc, None, None, 0.5, None, loss, 0.0, 0.0, 1, 1, 2, 0)

    assert made(0.9, 0.5).rank_by("auroc") > made(0.8, 0.1).rank_by("auroc")
    assert made(0.9, 0.4).rank_by("auroc") > made(0.9, 0.5).rank_by("auroc")
    assert made(0.1, 0.4).rank_by("loss") > made(0.9, 0.5).rank_by("loss")
    assert made(None, 0.1).rank_by("auroc") < made(0.0, 9.0).rank_by("auroc")
