"""Twenty steps against a straightforward loop: transformers tower, PEFT LayerNorm tuning, torch.

The reference is written the way the papers' code is built (CLIPVisionModel, LNTuningConfig,
AdamW, CosineAnnealingLR stepped per batch), on the same batches without augmentation.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from media_forensics.detector.model.checkpoints import load_detector
from media_forensics.training.augment import feature_generator
from media_forensics.training.batches.sampler import epoch_batches, indices
from media_forensics.training.loop import fit
from media_forensics.training.trained import new_detector
from PIL import Image

transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

STEPS = 20


def hf_tower(visual) -> torch.nn.Module:
    """The tiny tower's weights in a transformers CLIP vision model, LayerNorms tuned by PEFT."""
    config = transformers.CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=28,
        patch_size=14,
        hidden_act="quick_gelu",
        projection_dim=32,
        attn_implementation="eager",
    )
    model = transformers.CLIPVisionModel(config)
    names = {
        "embeddings.class_embedding": visual.class_embedding,
        "embeddings.patch_embedding.weight": visual.conv1.weight,
        "embeddings.position_embedding.weight": visual.positional_embedding,
    }
    modules = {"pre_layrnorm": visual.ln_pre, "post_layernorm": visual.ln_post}
    for i, block in enumerate(visual.transformer.resblocks):
        at = f"encoder.layers.{i}."
        modules |= {at + "layer_norm1": block.ln_1, at + "layer_norm2": block.ln_2}
        modules |= {at + "mlp.fc1": block.mlp.c_fc, at + "mlp.fc2": block.mlp.c_proj}
        modules |= {at + "self_attn.out_proj": block.attn.out_proj}
        for place, letter in enumerate("qkv"):
            rows = slice(32 * place, 32 * place + 32)
            names[at + f"self_attn.{letter}_proj.weight"] = block.attn.in_proj_weight[rows]
            names[at + f"self_attn.{letter}_proj.bias"] = block.attn.in_proj_bias[rows]
    for name, module in modules.items():
        names |= {f"{name}.weight": module.weight, f"{name}.bias": module.bias}
    keys = model.state_dict().keys()
    prefix = "vision_model." if any(key.startswith("vision_model.") for key in keys) else ""
    state = {prefix + name: tensor.detach().clone() for name, tensor in names.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected
    assert all("position_ids" in name for name in missing)
    targets = ["pre_layrnorm", "layer_norm1", "layer_norm2", "post_layernorm"]
    return peft.get_peft_model(model, peft.LNTuningConfig(target_modules=targets))


def slerp(features, y, generator):
    for label in (0, 1):
        rows = torch.nonzero(y == label).flatten()
        if len(rows) < 2:
            continue
        a = F.normalize(features[rows], dim=1)
        b = a[torch.randperm(len(rows), generator=generator)]
        t = torch.rand((len(rows), 1), generator=generator)
        theta = (a * b).sum(1, keepdim=True).clamp(-1 + 1e-7, 1 - 1e-7).acos()
        new = ((1 - t) * theta).sin() / theta.sin() * a + (t * theta).sin() / theta.sin() * b
        features = torch.cat(
            [
                features[i : i + 1] if y[i] != label else new[(rows == i).nonzero().item()][None]
                for i in range(len(y))
            ]
        )
    return features


def reference(config, manifest, normalize_pixels, preprocess, start) -> dict[str, torch.Tensor]:
    model = hf_tower(start.backbone.visual)
    head = torch.nn.Linear(32, 2)
    head.load_state_dict(start.head.state_dict())
    trained = [p for p in model.parameters() if p.requires_grad] + list(head.parameters())
    optimizer = torch.optim.AdamW(trained, lr=config.learning_rate, weight_decay=0.0)
    per_epoch = len(epoch_batches(manifest.train, config, 0))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, config.epochs * per_epoch, eta_min=config.min_learning_rate
    )
    done = 0
    for epoch in range(config.epochs):
        for number, batch in enumerate(epoch_batches(manifest.train, config, epoch)):
            rows = [manifest.train[i] for i in indices(batch)]
            x = torch.stack([preprocess(Image.open(r.crop)) for r in rows])
            y = torch.tensor([r.label for r in rows])
            features = model(pixel_values=x).pooler_output
            if config.slerp:
                features = slerp(features, y, feature_generator(config.seed, epoch, number))
            z = F.normalize(features, p=2, dim=1)
            loss = F.cross_entropy(head(z if config.normalize else features), y)
            same = torch.nonzero((y[:, None] == y[None, :]).triu(diagonal=1))
            align = (z[same[:, 0]] - z[same[:, 1]]).norm(p=2, dim=1).pow(2).mean()
            spread = torch.pdist(z).pow(2).mul(-2).exp().mean().clamp(min=1e-6).log()
            loss = loss + config.alignment_weight * align + config.uniformity_weight * spread
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            done += 1
    assert done == STEPS
    parameters = {f"head.{k}": v for k, v in head.named_parameters()}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            parameters[name.split("vision_model.")[-1].split("base_model.model.")[-1]] = parameter
    return {k: v.detach() for k, v in parameters.items()}


def our_names(tensors) -> dict[str, torch.Tensor]:
    """The reference's parameter names in ours."""
    out = {}
    for name, tensor in tensors.items():
        if name.startswith("head."):
            out[name] = tensor
            continue
        name = name.replace(".ln_tuning_layers.default", "")
        name = name.replace("pre_layrnorm", "ln_pre").replace("post_layernorm", "ln_post")
        name = name.replace("encoder.layers", "transformer.resblocks")
        name = name.replace("layer_norm1", "ln_1").replace("layer_norm2", "ln_2")
        out[f"backbone.visual.{name}"] = tensor
    return out


@pytest.mark.parametrize(
    "settings",
    [
        {"normalize": False, "alignment_weight": 0.0, "uniformity_weight": 0.0},
        {"normalize": True, "alignment_weight": 0.1, "uniformity_weight": 0.5},
        {"normalize": True, "alignment_weight": 0.1, "uniformity_weight": 0.1, "slerp": True},
    ],
    ids=["ln", "gend", "ln_l2_unal_slerp"],
)
def test_twenty_steps_are_those_of_transformers_and_peft(
    settings, tiny_config, make_manifest, tmp_path
):
    manifest = make_manifest(train=4, val=2, frames=4)
    config = tiny_config(
        schedule="cosine",
        learning_rate=1e-3,
        min_learning_rate=1e-4,
        augmentation="none",
        epochs=5,
        batch_size=8,
        **settings,
    )
    start = new_detector(config, torch.device("cpu"))
    preprocess = start.backbone.preprocess
    expected = our_names(reference(config, manifest, preprocess.normalize, preprocess, start))
    result = fit(config, manifest, tmp_path / "run", device="cpu")
    assert result.steps == STEPS
    ours = load_detector(tmp_path / "run" / "checkpoints" / "last", "cpu")
    trained = {k: p for k, p in ours.named_parameters() if k in expected}
    assert len(trained) == len(expected) == 14
    for name, parameter in trained.items():
        moved = (parameter - dict(start.named_parameters())[name]).abs().max()
        assert moved > 1e-4, name
        torch.testing.assert_close(parameter.data, expected[name], rtol=0, atol=1e-5)
