"""The tower for scoring in half precision against the tower itself in float32."""

import copy

import pytest
import torch
import torch.nn.functional as F
from media_forensics.detector.model.backbone import load_backbone
from media_forensics.detector.model.half_tower import HalfModule, HalfTower


def pixels(backbone, count=6):
    """Different smooth pictures, as network pixels."""
    generator = torch.Generator().manual_seed(5)
    coarse = torch.randint(0, 256, (count, 3, 9, 9), generator=generator).float()
    side = backbone.preprocess.size
    return F.interpolate(coarse, side, mode="bicubic").clamp(0, 255).to(torch.uint8)


def units(features):
    return F.normalize(features.double(), dim=1)


@pytest.fixture(scope="module")
def offline():
    """The real tower that comes with the plugin, its LayerNorms moved as training moves them."""
    backbone = load_backbone("vit-s14-dinov2-saliency", "cpu")
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in backbone.layer_norm_parameters().values():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    return backbone


@pytest.mark.parametrize("tower", ["offline", "tiny"])
def test_folding_the_factors_changes_nothing_but_rounding(tower, request):
    """In float32 the folded tower is the tower: LayerNorms, QuickGELU, LayerScale and all."""
    backbone = request.getfixturevalue(tower)
    x = backbone.preprocess.normalize(pixels(backbone))
    with torch.no_grad():
        plain = units(backbone(x))
    assert backbone.fast
    folded = units(HalfTower(backbone.visual, torch.float32)(x))
    assert (folded - plain).abs().max() < 2e-6


@pytest.mark.parametrize("dtype,bound", [(torch.float16, 1e-3), (torch.bfloat16, 8e-3)])
@pytest.mark.parametrize("kind", [HalfTower, HalfModule])
def test_half_precision_differs_by_rounding(offline, kind, dtype, bound):
    x = offline.preprocess.normalize(pixels(offline, 3))
    with torch.no_grad():
        plain = units(offline(x))
    rough = kind(offline.visual, dtype)(x)
    assert rough.dtype == torch.float32
    assert 0 < (units(rough) - plain).abs().max() < bound


def test_a_timm_tower_keeps_its_norms_in_float32():
    from media_forensics.detector.model.towers_timm import empty_timm_tower

    torch.manual_seed(2)
    visual, _ = empty_timm_tower("vit_small_patch16_dinov3_qkvb", 224)
    visual.init_weights()
    x = torch.randn(2, 3, 224, 224)
    half = HalfModule(visual, torch.bfloat16)
    norms = [m for m in half._visual.modules() if isinstance(m, torch.nn.LayerNorm)]
    assert norms and all(m.weight.dtype == torch.float32 for m in norms)
    with torch.no_grad():
        plain = units(visual(x))
    assert (units(half(x)) - plain).abs().max() < 2e-2
    assert next(visual.parameters()).dtype == torch.float32


def test_a_changed_parameter_is_in_the_next_score(tiny_detector):
    """No number outlives the weights that it was made from."""
    detector = copy.deepcopy(tiny_detector)
    some = pixels(detector.backbone)
    first = detector.score_pixels(some, "fp16")
    tower = detector.backbone.half(torch.float16)
    assert detector.backbone.half(torch.float16) is tower
    with torch.no_grad():
        next(iter(detector.backbone.layer_norm_parameters().values())).mul_(1.5)
    second = detector.score_pixels(some, "fp16")
    exact = detector.score_pixels(some, "fp32")
    assert abs(second.embeddings - exact.embeddings).max() < 2e-3
    assert abs(second.embeddings - first.embeddings).max() > 1e-2
    assert detector.backbone.half(torch.float16) is not tower


def test_what_overflows_in_half_is_scored_in_float32(tiny_detector):
    """float16 ends at 65,504; a face must not vanish for that."""
    detector = copy.deepcopy(tiny_detector)
    some = pixels(detector.backbone)
    block = detector.backbone.visual.transformer.resblocks[0]
    with torch.no_grad():
        block.mlp.c_proj.bias.fill_(70_000.0)
    assert (
        not detector.backbone.half(torch.float16)(detector.backbone.preprocess.normalize(some))
        .isfinite()
        .all()
    )
    half, exact = detector.score_pixels(some, "fp16"), detector.score_pixels(some, "fp32")
    assert (half.p_fake == exact.p_fake).all() and (half.embeddings == exact.embeddings).all()
