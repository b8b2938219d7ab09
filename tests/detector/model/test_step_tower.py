"""The tower of a training step against the tower itself in float32 and under autocast."""

import copy

import pytest
import torch
import torch.nn.functional as F
from media_forensics.detector.model.backbone import frozen_sha256, load_backbone
from media_forensics.detector.model.detector import autocast
from media_forensics.detector.model.step_tower import HalfNorm, StepTower, is_frozen


@pytest.fixture(scope="module")
def offline():
    """The real ViT-S/14, whose LayerNorms are moved as training moves them."""
    backbone = load_backbone("vit-s14-dinov2-saliency", "cpu")
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in backbone.layer_norm_parameters().values():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    return backbone


def tuned(backbone, what: str):
    """A copy of which only LayerNorms or only biases have gradients."""
    copied = copy.deepcopy(backbone)
    for name, parameter in copied.named_parameters():
        chosen = name in copied.layer_norm_parameters() if what == "ln" else name.endswith("bias")
        parameter.requires_grad_(chosen)
    return copied


def pictures(backbone, count=2):
    generator = torch.Generator().manual_seed(5)
    coarse = torch.randint(0, 256, (count, 3, 9, 9), generator=generator).float()
    smooth = F.interpolate(coarse, backbone.preprocess.size, mode="bicubic").clamp(0, 255)
    return backbone.preprocess.normalize(smooth.to(torch.uint8))


def gradients(backbone, tower) -> dict[str, torch.Tensor]:
    """Those of a sum over unit features, which weighs each differently."""
    backbone.zero_grad(set_to_none=True)
    units = F.normalize(tower(pictures(backbone)).float(), dim=1)
    weight = torch.randn(units.shape, generator=torch.Generator().manual_seed(2))
    (units * weight).sum().backward()
    named = backbone.named_parameters()
    return {name: p.grad for name, p in named if p.grad is not None}


def gap(found: dict[str, torch.Tensor], exact: dict[str, torch.Tensor]) -> tuple[float, float]:
    """Relative gap and cosine of all gradients as one vector."""
    assert found.keys() == exact.keys()
    a, b = (torch.cat([one[n].double().flatten() for n in exact]) for one in (found, exact))
    return float((a - b).norm() / b.norm()), float(F.cosine_similarity(a, b, dim=0))


@pytest.mark.parametrize("tower,what", [("offline", "ln"), ("tiny", "ln"), ("tiny", "bitfit")])
def test_in_float32_it_is_the_tower(tower, what, request):
    """Nothing but rounding changes: QuickGELU's factors, LayerScale, the class token alone."""
    backbone = tuned(request.getfixturevalue(tower), what)
    step = StepTower(backbone.visual, torch.float32)
    with torch.no_grad():
        x = pictures(backbone)
        torch.testing.assert_close(step(x), backbone(x), rtol=1e-4, atol=1e-4)
    relative, cosine = gap(gradients(backbone, step), gradients(backbone, backbone))
    assert relative < 2e-4 and cosine > 1 - 1e-7


@pytest.mark.parametrize("what", ["ln", "bitfit"])
def test_its_gradients_are_as_close_to_float32_as_autocasts(offline, what):
    backbone = tuned(offline, what)
    exact = gradients(backbone, backbone)

    def cast(x):
        with autocast(torch.device("cpu"), "bf16"):
            return backbone(x)

    wide, cosine = gap(gradients(backbone, cast), exact)
    step = StepTower(backbone.visual, torch.bfloat16)
    lean, lean_cosine = gap(gradients(backbone, step), exact)
    assert 0 < lean < 1.25 * wide and lean < 0.15
    assert lean_cosine > 0.99 and 1 - lean_cosine < 1.5 * (1 - cosine)


def test_it_stores_only_what_the_backward_pass_needs(offline):
    """What autograd keeps, counted once per storage, weights aside."""
    backbone = tuned(offline, "ln")
    kept = {}

    def note(tensor):
        if not tensor.is_leaf:
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = storage  # held, so that no address is used twice
        return tensor

    x, tower = pictures(backbone), StepTower(backbone.visual, torch.bfloat16)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        assert tower(x).requires_grad
    token = 2 * 384  # bytes
    # a block: both LayerNorms' input, query, key, value and their mixture, the hidden layer
    block = 2 * 257 * token * (2 + 3 + 1 + 4)
    assert 11 * block < sum(storage.nbytes() for storage in kept.values()) < 12 * block


def test_blocks_computed_again_change_nothing(tiny):
    backbone = tuned(tiny, "ln")
    plain = gradients(backbone, StepTower(backbone.visual, torch.bfloat16))
    again = gradients(backbone, StepTower(backbone.visual, torch.bfloat16, checkpointing=True))
    assert all(torch.equal(plain[name], again[name]) for name in plain)


def test_what_is_trained_stays_the_towers_own(tiny):
    """A step changes LayerNorms in float32, and the next forward pass has them."""
    backbone = tuned(tiny, "ln")
    identity = frozen_sha256(backbone.visual)
    step, x = StepTower(backbone.visual, torch.bfloat16), pictures(backbone)
    first = step(x)
    first.sum().backward()
    norms = backbone.layer_norm_parameters().values()
    assert all(p.dtype == p.grad.dtype == torch.float32 for p in norms)
    with torch.no_grad():
        for parameter in norms:
            parameter.add_(0.1)
        assert (step(x) - first).abs().max() > 1e-2
        fresh = StepTower(backbone.visual, torch.bfloat16)(x)
        assert torch.equal(step(x), fresh)
    assert frozen_sha256(backbone.visual) == identity
    assert all(p.dtype == torch.float32 for p in backbone.parameters())


def test_only_layer_norms_and_biases_may_be_trained(tiny):
    assert is_frozen(tiny.visual)
    assert is_frozen(tuned(tiny, "ln").visual) and is_frozen(tuned(tiny, "bitfit").visual)
    tiny.visual.transformer.resblocks[1].mlp.c_fc.weight.requires_grad_(True)
    assert not is_frozen(tiny.visual)


@pytest.mark.parametrize("dtype,bound", [(torch.float32, 2e-5), (torch.bfloat16, 2e-2)])
@pytest.mark.parametrize("trained", [(True, True), (False, True)])
def test_the_layer_norm_for_gpus_computes_torchs(dtype, bound, trained):
    """Its kernels on a CPU; there statistics of bfloat16 are rounded, on a GPU they are not."""
    generator = torch.Generator().manual_seed(4)
    x = (2 * torch.randn((3, 40, 64), generator=generator) + 1).to(dtype)
    weight, bias = (torch.randn(64, generator=generator) for _ in range(2))
    upper = torch.randn(x.shape, generator=generator)

    def run(norm, x):
        leaves = [x.detach().requires_grad_()]
        leaves += [
            t.clone().requires_grad_(on) for t, on in zip((weight, bias), trained, strict=True)
        ]
        out = norm(*leaves)
        out.backward(upper.to(out.dtype))
        return [out, *(leaf.grad for leaf in leaves if leaf.grad is not None)]

    ours = run(lambda x, w, b: HalfNorm.apply(x, w, b, 1e-5), x)
    exact = run(lambda x, w, b: F.layer_norm(x, (64,), w, b, 1e-5), x.float())
    assert [t.dtype for t in ours] == [dtype, dtype, *[torch.float32] * sum(trained)]
    for found, wanted in zip(ours, exact, strict=True):
        assert (found.float() - wanted).norm() < bound * wanted.norm()
