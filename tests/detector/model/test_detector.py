import numpy as np
import pytest
import torch
import torch.nn.functional as F
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.detector import Detector, autocast
from media_forensics.detector.model.head import angle, margin
from PIL import Image


def test_scores_are_the_papers_formula(tiny_detector, pictures):
    logits, p_fake, embeddings = tiny_detector.score(pictures)
    x = torch.stack([tiny_detector.backbone.preprocess(p) for p in pictures])
    with torch.no_grad():
        f = tiny_detector.backbone(x)
        z = f / f.norm(dim=1, keepdim=True).clamp(min=1e-12)
        expected = z @ tiny_detector.head.weight.T + tiny_detector.head.bias
    np.testing.assert_allclose(logits, expected.numpy(), atol=1e-5)
    np.testing.assert_allclose(p_fake, expected.softmax(1)[:, 1].numpy(), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)
    assert logits.dtype == p_fake.dtype == embeddings.dtype == np.float32


def test_margin_gives_p_fake(tiny_detector, pictures):
    scores = tiny_detector.score(pictures)
    m = margin(scores.embeddings, tiny_detector.head)
    np.testing.assert_allclose(m, scores.logits[:, 1] - scores.logits[:, 0], atol=1e-5)
    np.testing.assert_allclose(1 / (1 + np.exp(-m)), scores.p_fake, atol=1e-6)


def test_angle_is_measured_to_the_fake_axis(tiny_detector):
    weight = tiny_detector.head.weight.detach()
    axis = F.normalize(weight[1] - weight[0], dim=0)
    other = torch.zeros_like(axis)
    other[0], other[1] = axis[1], -axis[0]
    points = torch.stack([axis, -axis, F.normalize(other, dim=0)]).numpy()
    np.testing.assert_allclose(angle(points, tiny_detector.head), [0, 180, 90], atol=0.05)
    with torch.no_grad():
        tiny_detector.head.weight[1] = tiny_detector.head.weight[0]
    assert np.isnan(angle(points, tiny_detector.head)).all()


def test_raw_head_takes_raw_features(tiny, pictures):
    raw = Detector(tiny, normalize=False)
    logits, _, embeddings = raw.score(pictures[:2])
    x = torch.stack([tiny.preprocess(p) for p in pictures[:2]])
    with torch.no_grad():
        features = tiny(x)
        np.testing.assert_allclose(logits, raw.head(features).numpy(), atol=1e-5)
    np.testing.assert_allclose(embeddings, F.normalize(features, dim=1).numpy(), atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 12, 100])
def test_scores_depend_neither_on_batch_nor_on_order(tiny_detector, pictures, batch_size):
    whole = tiny_detector.score(pictures)
    order = np.random.default_rng(batch_size).permutation(len(pictures))
    mixed = tiny_detector.score([pictures[i] for i in order], batch_size=batch_size)
    np.testing.assert_allclose(mixed.embeddings, whole.embeddings[order], atol=1e-6)
    np.testing.assert_allclose(mixed.p_fake, whole.p_fake[order], atol=1e-6)


def test_no_pictures_give_empty_arrays(tiny_detector):
    logits, p_fake, embeddings = tiny_detector.score([])
    assert logits.shape == (0, 2) and p_fake.shape == (0,) and embeddings.shape == (0, 64)


def test_grey_and_alpha_pictures_are_scored(tiny_detector, pictures):
    rgb = pictures[2]
    grey = np.asarray(Image.fromarray(rgb).convert("L"))
    scores = tiny_detector.score([grey, np.dstack([rgb, rgb[:, :, :1]]), rgb])
    assert np.isfinite(scores.p_fake).all()
    np.testing.assert_allclose(scores.p_fake[1], scores.p_fake[2], atol=1e-6)


def test_what_is_not_a_picture_is_refused(tiny_detector):
    with pytest.raises(ForensicsError, match="uint8"):
        tiny_detector.score([np.zeros((4, 4, 3), np.float32)])


def test_score_leaves_mode_and_gradients_alone(tiny_detector, pictures):
    tiny_detector.train()
    tiny_detector.score(pictures[:1])
    assert tiny_detector.training and tiny_detector.head.weight.requires_grad


def test_head_stays_float32_under_autocast(tiny_detector):
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad(), autocast(torch.device("cpu"), "bf16"):
        logits, units = tiny_detector(x)
    assert logits.dtype == units.dtype == torch.float32
    with torch.no_grad():
        exact, _ = tiny_detector(x)
    assert (logits - exact).abs().max() < 0.2


def test_sha256_follows_everything_that_decides_a_score(tiny_detector):
    before = tiny_detector.sha256
    assert tiny_detector.sha256 == before
    tiny_detector.normalize = False
    assert tiny_detector.sha256 != before
    tiny_detector.normalize = True
    with torch.no_grad():
        tiny_detector.backbone.visual.ln_pre.bias[0] += 1e-3
    assert tiny_detector.sha256 != before


def test_batches_take_turns_and_rows_keep_their_order(tiny_detector, pictures):
    """Copies on several devices; a changed head is in all of them."""
    alone = tiny_detector.score(pictures, batch_size=2)
    tiny_detector.spread(("cpu", "cpu:0", "cpu:1"))
    spread = tiny_detector.score(pictures, batch_size=2)
    np.testing.assert_array_equal(alone.p_fake, spread.p_fake)
    with torch.no_grad():
        tiny_detector.head.bias[1] += 1.0
    later = tiny_detector.score(pictures, batch_size=2)
    np.testing.assert_allclose(
        later.logits[:, 1] - later.logits[:, 0], spread.logits[:, 1] - spread.logits[:, 0] + 1, 1e-4
    )
