from __future__ import annotations

import pytest
import torch
from media_forensics.detector.model.backbone import Backbone
from media_forensics.detector.model.detector import Detector, tuned_tensors
from media_forensics.detector.model.preprocess import Preprocess
from media_forensics.training.config import named_recipe
from media_forensics.training.losses import alignment, uniformity
from media_forensics.training.step import (
    backward_on_pixels,
    gradient_norm,
    objective,
    seconds_per_crop,
)
from media_forensics.training.trained import (
    build_optimizer,
    new_detector,
    step_tower,
    trainable,
)
from waits import Waits

CPU = torch.device("cpu")


def pixels_and_labels(n: int = 10):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (n, 3, 28, 28), dtype=torch.uint8, generator=generator)
    return pixels, torch.arange(n) % 2


def step(config, n: int = 10) -> tuple[Detector, dict[str, torch.Tensor]]:
    detector = new_detector(config, CPU)
    trainable(detector, config)
    pixels, labels = pixels_and_labels(n)
    generator = torch.Generator().manual_seed(3)
    backward_on_pixels(detector, detector.backbone, pixels, labels, config, generator)
    grads = {k: p.grad for k, p in detector.named_parameters() if p.grad is not None}
    return detector, grads


def test_104450_parameters_of_vit_l14():
    """The papers' number, counted on the meta device: no weights needed."""
    from open_clip import get_model_config
    from open_clip.model import _build_vision_tower

    config = get_model_config("ViT-L-14-quickgelu")
    with torch.device("meta"):
        visual = _build_vision_tower(config["embed_dim"], config["vision_cfg"], quick_gelu=True)
        visual.proj = None
        backbone = Backbone.__new__(Backbone)
        torch.nn.Module.__init__(backbone)
        backbone.visual, backbone.width = visual, 1024
        detector = Detector(backbone, torch.nn.Linear(1024, 2), normalize=True)
    tower, head = trainable(detector, named_recipe("ln"))
    assert len(tower) == 100
    assert sum(p.numel() for p in tower) == 102_400
    assert sum(p.numel() for p in [*tower, *head.parameters()]) == 104_450
    every = [p for p in detector.parameters() if p.requires_grad]
    assert sum(p.numel() for p in every) == 104_450
    assert sum(p.numel() for p in detector.parameters()) == 303_181_826


def test_exactly_layer_norms_and_head_get_gradients_and_move(tiny_config):
    config = tiny_config(slerp=True, weight_decay=0.1)
    detector = new_detector(config, CPU)
    before = {k: p.detach().clone() for k, p in detector.named_parameters()}
    tower, head = trainable(detector, config)
    optimizer = build_optimizer(tower, head, config)
    pixels, labels = pixels_and_labels()
    for number in range(3):
        optimizer.zero_grad()
        generator = torch.Generator().manual_seed(number)
        backward_on_pixels(detector, detector.backbone, pixels, labels, config, generator)
        optimizer.step()
    wanted = {f"backbone.{k}" for k in detector.backbone.layer_norm_parameters()}
    wanted |= {"head.weight", "head.bias"}
    moved = {k for k, p in detector.named_parameters() if not torch.equal(p, before[k])}
    assert moved == wanted
    assert {k for k, p in detector.named_parameters() if p.grad is not None} == wanted
    assert len(wanted) == 6 * 2 + 2  # pre, post, two blocks of two


@pytest.mark.parametrize("tune", ["bitfit", "lora", "full"])
def test_what_the_comparisons_tune(tune, tiny_config):
    config = tiny_config(tune=tune, learning_rate=1e-2)
    detector = new_detector(config, CPU)
    pixels, labels = pixels_and_labels()
    untouched = detector.backbone.preprocess.normalize(pixels)
    before = detector.backbone(untouched).detach()
    plain = {k: p.detach().clone() for k, p in detector.backbone.named_parameters()}
    tower, head = trainable(detector, config)
    assert torch.equal(detector.backbone(untouched), before)  # training begins at the tower
    optimizer = build_optimizer(tower, head, config)
    for number in range(2):  # of an adapter only one half gets a gradient at first
        optimizer.zero_grad()
        generator = torch.Generator().manual_seed(number)
        backward_on_pixels(detector, detector.backbone, pixels, labels, config, generator)
        optimizer.step()
    tensors = tuned_tensors(detector)
    moved = {
        name
        for name, tensor in plain.items()
        if not torch.equal(tensors.get(f"backbone.{name}", tensor), tensor)
    }
    blocks = [f"visual.transformer.resblocks.{i}." for i in range(2)]
    if tune == "lora":
        assert moved == {f"{block}attn.in_proj_weight" for block in blocks}
        key_rows = slice(32, 64)
        for name in moved:
            assert torch.equal(tensors[f"backbone.{name}"][key_rows], plain[name][key_rows])
        assert sum(p.numel() for p in tower) == 2 * 4 * 32 * 8
    elif tune == "bitfit":
        assert moved == {name for name in plain if name.endswith("bias")}
        assert len(moved) == 2 + 2 * 6  # pre, post; a block: two norms, attention 2, perceptron 2
    else:
        assert moved == set(plain)


def test_a_linear_probe_moves_the_head_only(tiny_config):
    _, grads = step(tiny_config(tune="head"))
    assert set(grads) == {"head.weight", "head.bias"}


@pytest.mark.parametrize("micro", [1, 3, 4, 9, 10, 64])
@pytest.mark.parametrize("tune", ["ln", "head"])
def test_micro_batches_give_the_gradient_of_the_whole_batch(tiny_config, micro, tune):
    settings = {"slerp": True, "uniformity_weight": 0.7, "alignment_weight": 0.3, "tune": tune}
    _, whole = step(tiny_config(**settings))
    _, parts = step(tiny_config(**settings, micro_batch=micro))
    assert whole.keys() == parts.keys()
    for name in whole:
        torch.testing.assert_close(parts[name], whole[name], rtol=1e-4, atol=1e-6)


def test_activation_checkpointing_changes_nothing(tiny_config):
    config = tiny_config()
    _, plain = step(config)
    detector = new_detector(config, CPU)
    detector.backbone.checkpointing = True
    trainable(detector, config)
    generator = torch.Generator().manual_seed(3)
    backward_on_pixels(detector, detector.backbone, *pixels_and_labels(), config, generator)
    for name, parameter in detector.named_parameters():
        if name in plain:
            torch.testing.assert_close(parameter.grad, plain[name])


@pytest.mark.parametrize("normalize", [True, False])
def test_objective_is_the_weighted_sum(tiny_config, normalize):
    config = tiny_config(
        normalize=normalize,
        ce_weight=0.7,
        alignment_weight=0.2,
        uniformity_weight=0.9,
        label_smoothing=0.1,
    )
    detector = new_detector(config, CPU)
    features = torch.randn((12, 32), generator=torch.Generator().manual_seed(1)) * 4
    y = torch.arange(12) % 2
    total, computed = objective(detector, features, y, config, torch.Generator())
    terms, _ = computed.read()
    z = features / features.norm(dim=1, keepdim=True)
    logits = (z if normalize else features) @ detector.head.weight.T + detector.head.bias
    log_p = logits.log_softmax(1)
    smooth = 0.1 * -log_p.mean(1) + 0.9 * -log_p[torch.arange(12), y]
    assert terms.ce == pytest.approx(smooth.mean().item(), rel=1e-5)
    assert terms.parts["alignment"] == pytest.approx(alignment(z, y).item(), rel=1e-5)
    assert terms.parts["uniformity"] == pytest.approx(uniformity(z).item(), rel=1e-5)
    expected = 0.7 * terms.ce + 0.2 * terms.parts["alignment"] + 0.9 * terms.parts["uniformity"]
    assert total.item() == pytest.approx(expected, rel=1e-5)
    assert terms.crops == 12


def test_terms_without_weight_are_reported_but_not_minimised(tiny_config):
    weightless = tiny_config(alignment_weight=0.0, uniformity_weight=0.0)
    detector = new_detector(weightless, CPU)
    features = torch.randn((6, 32)).requires_grad_()
    labels = torch.arange(6) % 2
    total, computed = objective(detector, features, labels, weightless, torch.Generator())
    terms, more = computed.read(total)
    assert more == [total.item()]
    assert total.item() == pytest.approx(terms.ce)
    assert terms.parts["alignment"] > 0
    assert terms.parts["uniformity"] < 0


def test_the_head_is_drawn_from_the_seed(tiny_config):
    torch.manual_seed(99)
    state = torch.get_rng_state()
    a = new_detector(tiny_config(seed=1), CPU).head.weight
    b = new_detector(tiny_config(seed=1), CPU).head.weight
    c = new_detector(tiny_config(seed=2), CPU).head.weight
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert torch.equal(torch.get_rng_state(), state)


def test_weight_decay_is_on_the_head_matrix_only(tiny_config):
    config = tiny_config(weight_decay=0.3, head_learning_rate=0.5)
    detector = new_detector(config, CPU)
    optimizer = build_optimizer(*trainable(detector, config), config)
    decay = {
        id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]
    }
    assert decay.pop(id(detector.head.weight)) == 0.3
    assert set(decay.values()) == {0.0}
    rates = {id(p): g["lr"] for g in optimizer.param_groups for p in g["params"]}
    assert rates[id(detector.head.bias)] == 0.5
    assert rates[id(next(iter(detector.backbone.layer_norm_parameters().values())))] == 1e-2


def test_a_measured_step_leaves_nothing_behind(tiny_config):
    config = tiny_config()
    detector = new_detector(config, CPU)
    trainable(detector, config)
    before = {k: p.detach().clone() for k, p in detector.named_parameters()}
    assert seconds_per_crop(detector, detector.backbone, config, 4) > 0
    assert all(p.grad is None for p in detector.parameters())
    assert all(torch.equal(p, before[k]) for k, p in detector.named_parameters())


def test_preprocess_is_the_towers(tiny_tower):
    from media_forensics.detector.model.backbone import load_backbone

    assert isinstance(load_backbone(tiny_tower, "cpu").preprocess, Preprocess)


@pytest.mark.parametrize(
    "settings",
    [
        {"uniformity_weight": 0.5},
        {"slerp": True, "alignment_power": 3.0, "precision": "bf16"},
        {"micro_batch": 4},
        {"tune": "lora"},
    ],
    ids=["gend", "slerp", "micro-batches", "lora"],
)
def test_a_step_waits_for_the_device_once(tiny_config, settings):
    """For its terms. What slerp reads of the labels, it reads on the host."""
    config = tiny_config(alignment_weight=0.1, **settings)
    detector = new_detector(config, CPU)
    tower, head = trainable(detector, config)
    run = step_tower(detector, config)
    pixels, labels = pixels_and_labels()
    with Waits() as found:
        terms = backward_on_pixels(detector, run, pixels, labels, config, torch.Generator())
        terms.read(gradient_norm([*tower, *head.parameters()]))
    of_labels = {name for name in found if name.startswith("augment.slerp_within_class")}
    assert bool(of_labels) == config.slerp
    assert {k: v for k, v in found.items() if k not in of_labels} == {"step.read: tolist": 1}
