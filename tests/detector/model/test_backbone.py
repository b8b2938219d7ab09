import copy

import numpy as np
import open_clip
import pytest
import torch
from media_forensics.detector.model.backbone import Backbone, frozen_sha256, load_backbone
from media_forensics.detector.model.preprocess import Preprocess
from media_forensics.detector.model.towers import build_visual
from torch import nn


@pytest.fixture(scope="module")
def reference(tiny_folder):
    """open_clip's own tower, without its projection: features before it."""
    model = open_clip.create_model(f"local-dir:{tiny_folder}")
    model.visual.proj = None
    return model.visual.eval()


def inputs(count=5, side=32, seed=0):
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_features_equal_open_clips_own_forward(tiny, reference):
    x = inputs()
    with torch.no_grad():
        ours, theirs = tiny(x), reference(x)
    assert tiny.fast and ours.shape == (5, 64) and tiny.width == 64
    assert (ours - theirs).abs().max() < 1e-5


def test_layer_norm_gradients_equal_open_clips(tiny, reference):
    x, weight = inputs(), torch.randn(5, 64, generator=torch.Generator().manual_seed(1))
    gradients = {}
    for name, model in (("ours", tiny), ("theirs", copy.deepcopy(reference))):
        norms = {
            n.removeprefix("visual."): m
            for n, m in model.named_modules()
            if isinstance(m, nn.LayerNorm)
        }
        model.requires_grad_(False)
        for module in norms.values():
            module.requires_grad_(True)
        (model(x) * weight).sum().backward()
        gradients[name] = {n: (m.weight.grad, m.bias.grad) for n, m in norms.items()}
    assert gradients["ours"].keys() == gradients["theirs"].keys()
    for name, pair in gradients["ours"].items():
        for ours, theirs in zip(pair, gradients["theirs"][name], strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_features_are_the_same_with_and_without_gradients(tiny):
    x = inputs()
    with torch.no_grad():
        without = tiny(x)
    assert tiny.visual.transformer.resblocks[0].mlp.gelu.__class__.__name__ == "QuickGELU"
    assert torch.equal(tiny(x), without)


def test_checkpointing_changes_nothing(tiny):
    x = inputs(3)
    gradients = []
    for value in (False, True):
        tiny.checkpointing = value
        for parameter in tiny.layer_norm_parameters().values():
            parameter.requires_grad_(True)
            parameter.grad = None
        tiny(x).square().sum().backward()
        gradients.append([p.grad.clone() for p in tiny.layer_norm_parameters().values()])
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


def test_layer_norms_are_found_by_type_and_in_order(tiny):
    names = list(tiny.layer_norms())
    assert names[0] == "visual.ln_pre" and names[-1] == "visual.ln_post"
    assert len(names) == 2 + 2 * 3
    parameters = tiny.layer_norm_parameters()
    assert sum(p.numel() for p in parameters.values()) == 8 * 2 * 64
    assert not any(p.requires_grad for p in tiny.parameters())


def test_reference_tower_has_fifty_layer_norms_and_102400_parameters():
    config = open_clip.get_model_config("ViT-L-14-quickgelu")
    visual = build_visual(config)  # on the meta device: no memory
    norms = [m for m in visual.modules() if isinstance(m, nn.LayerNorm)]
    assert len(norms) == 50
    assert sum(p.numel() for m in norms for p in m.parameters()) == 102_400
    assert sum(p.numel() for p in visual.parameters()) == 303_179_776


@pytest.mark.parametrize(
    "change",
    [
        {"pool_type": "avg"},
        {"attentional_pool": True, "attn_pooler_heads": 2},
        {"qk_norm": True},
        {"final_ln_after_pool": True},
        {"no_ln_pre": True},
        {"ls_init_value": 0.1},
        {"norm_kwargs": {"eps": 1e-6}},
    ],
)
def test_other_open_clip_towers_run_unchanged(change):
    vision = {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8, "head_width": 32}
    vision |= change
    torch.manual_seed(0)
    from open_clip.model import _build_vision_tower

    visual = _build_vision_tower(64, vision).eval()
    theirs = copy.deepcopy(visual)
    theirs.proj = None
    ours = Backbone(visual, "other", Preprocess({"size": 32}))
    x = inputs(2)
    with torch.no_grad():
        expected = theirs(x)
        assert ours(x).shape == (2, ours.width)
        assert (ours(x) - expected).abs().max() < 1e-5


def test_timm_towers_share_the_interface():
    pytest.importorskip("timm")
    config = {
        "embed_dim": 192,
        "vision_cfg": {
            "timm_model_name": "vit_tiny_patch16_224",
            "timm_pool": "token",
            "timm_proj": None,
            "image_size": 224,
        },
    }
    torch.manual_seed(0)
    tower = Backbone(build_visual(config), "timm", Preprocess({"size": 224}))
    with torch.no_grad():
        assert tower(inputs(1, 224)).shape == (1, tower.width)
    assert len(tower.layer_norms()) == 25


def test_identity_ignores_layer_norms_and_nothing_else(tiny, tiny_folder):
    again = load_backbone(f"local-dir:{tiny_folder}", "cpu")
    assert again.sha256 == tiny.sha256 == frozen_sha256(tiny.visual)
    with torch.no_grad():
        tiny.visual.ln_post.weight.mul_(2)
    assert frozen_sha256(tiny.visual) == again.sha256
    with torch.no_grad():
        tiny.visual.conv1.weight[0, 0, 0, 0] += 1
    assert frozen_sha256(tiny.visual) != again.sha256


@pytest.mark.weights
def test_offline_tower_equals_open_clip(weights_dir):
    folder = weights_dir / "vit-s14-dinov2-saliency"
    tower = load_backbone("vit-s14-dinov2-saliency", "cpu")
    model = open_clip.create_model(f"local-dir:{folder}")
    model.visual.proj = None
    x = inputs(2, 224)
    with torch.no_grad():
        ours, theirs = tower(x), model.visual.eval()(x)
    assert ours.shape == (2, 384)
    assert float((ours - theirs).abs().max()) < 1e-5 * float(theirs.abs().max())
    assert np.isfinite(ours.numpy()).all()
