"""Attention maps: the tower's own numbers, the formulas by loops, their place in the picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.explain import attention_maps, explain, on_frame, relevance


@pytest.fixture
def x(tiny_detector, pictures):
    preprocess = tiny_detector.backbone.preprocess
    return preprocess.normalize(preprocess.batch(pictures[:3]))


def test_the_forward_pass_is_the_detectors_own(tiny_detector, x):
    maps, features = attention_maps(tiny_detector.backbone, x)
    with torch.no_grad():
        assert torch.allclose(features, tiny_detector.backbone(x), atol=1e-4, rtol=1e-5)
    assert len(maps) == 3 and maps[0].shape == (3, 4, 17, 17)
    for attention in maps:
        assert torch.allclose(attention.sum(-1), torch.ones(3, 4, 17), atol=1e-5)


def test_rollout_is_the_product_of_the_blocks(tiny_detector, x):
    maps, _ = attention_maps(tiny_detector.backbone, x)
    found = relevance(tiny_detector, x, "rollout").numpy()
    for row in range(3):
        product = np.eye(17)
        for attention in maps:
            mean = attention[row].detach().double().numpy().mean(axis=0)
            product = (mean + np.eye(17)) / 2 @ product
        assert np.allclose(found[row].ravel(), product[0, 1:], atol=1e-5)


def test_gradients_are_those_of_the_margin(tiny_detector, x):
    """Change one attention weight of the last block by hand and see the margin move."""
    maps, features = attention_maps(tiny_detector.backbone, x[:1])
    logits, _ = tiny_detector.classify(features)
    gradient = torch.autograd.grad((logits[:, 1] - logits[:, 0]).sum(), maps[-1])[0]
    visual = tiny_detector.backbone.visual
    block = visual.transformer.resblocks[-1]
    inputs = {}
    hook = block.register_forward_pre_hook(lambda _, args: inputs.update(x=args[0]))
    with torch.no_grad():
        visual(x[:1])
        hook.remove()
        before = inputs["x"]

        def margin(weights):
            normed = block.ln_1(before)
            value = (
                torch.nn.functional.linear(
                    normed, block.attn.in_proj_weight[128:], block.attn.in_proj_bias[128:]
                )
                .view(1, 17, 4, 16)
                .transpose(1, 2)
            )
            out = block.attn.out_proj((weights @ value).transpose(1, 2).reshape(1, 17, 64))
            y = before + out
            y = y + block.mlp(block.ln_2(y))
            logits, _ = tiny_detector.classify(visual.ln_post(y[:, 0]))
            return float(logits[0, 1] - logits[0, 0])

        weights = maps[-1].detach()
        for head, token in ((0, 3), (2, 0), (3, 16)):
            step = torch.zeros_like(weights)
            step[0, head, 0, token] = 1e-2
            slope = (margin(weights + step) - margin(weights - step)) / 2e-2
            assert slope == pytest.approx(float(gradient[0, head, 0, token]), rel=0.05, abs=2e-3)


@pytest.mark.parametrize("method", ["gradient", "rollout"])
def test_maps_cover_the_picture_and_do_not_depend_on_the_batch(tiny_detector, pictures, method):
    alone = [next(explain(tiny_detector, [p], method)) for p in pictures[:4]]
    together = list(explain(tiny_detector, pictures[:4], method, batch_size=4))
    for picture, one, other in zip(pictures, alone, together, strict=False):
        assert one.shape == picture.shape[:2]
        assert one.min() >= 0 and one.max() == pytest.approx(1)
        assert np.allclose(one, other, atol=1e-3)
    assert not any(p.requires_grad for p in tiny_detector.backbone.parameters())


@pytest.mark.parametrize("method", ["gradient", "rollout"])
def test_half_precision_gives_the_map(tiny_detector, pictures, method):
    """As on a GPU; what overflows there is computed again in float32."""
    exact = list(explain(tiny_detector, pictures[:2], method))
    rough = list(explain(tiny_detector, pictures[:2], method, precision="fp16"))
    gaps = [float(np.abs(a - b).max()) for a, b in zip(exact, rough, strict=True)]
    assert 0 < max(gaps) < 0.005
    with torch.no_grad():
        tiny_detector.backbone.visual.transformer.resblocks[0].mlp.c_proj.bias.fill_(70_000.0)
    exact = next(explain(tiny_detector, pictures[:1], method))
    again = next(explain(tiny_detector, pictures[:1], method, precision="fp16"))
    assert np.isfinite(exact).all() and (exact == again).all()


def test_a_strip_that_the_network_does_not_see_is_zero(tiny_detector, pictures):
    wide = pictures[3]  # 33 x 77
    found = next(explain(tiny_detector, [wide], "rollout"))
    assert not found[:, :22].any() and not found[:, 55:].any()


def test_on_the_frame_the_map_lies_where_the_crop_was_cut():
    crop = np.zeros((100, 100), np.float32)
    crop[40:60, 70:90] = 1
    matrix = [[0.5, 0, -100], [0, 0.5, -50]]  # frame (360, 200) is crop (80, 50)
    found = on_frame(crop, matrix, 640, 360, longest=320)
    assert found.shape == (180, 320)
    ys, xs = np.nonzero(found > 0.5)
    assert (xs.mean() * 2, ys.mean() * 2) == pytest.approx((360, 200), abs=3)


def test_what_cannot_be_explained_is_said(tiny_detector, pictures):
    with pytest.raises(ForensicsError, match="no explanation"):
        next(explain(tiny_detector, pictures[:1], "magic"))
    tiny_detector.backbone.fast = False
    with pytest.raises(ForensicsError, match="plain vision transformer"):
        next(explain(tiny_detector, pictures[:1]))
