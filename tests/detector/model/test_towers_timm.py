"""Golden tests of GenD's other towers against timm and transformers, with random weights."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.backbone import load_backbone
from media_forensics.detector.model.checkpoints import export_gend, load_detector, save_detector
from media_forensics.detector.model.towers_timm import empty_timm_tower
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

timm = pytest.importorskip("timm")
PE = "vit_pe_core_tiny_patch16_384"


def pixels(count=2):
    return torch.randn(count, 3, 224, 224, generator=torch.Generator().manual_seed(0))


def write(folder, tower, config, width):
    torch.manual_seed(4)
    head = nn.Linear(width, 2)
    state = {f"feature_extractor.backbone.{k}": v for k, v in tower.state_dict().items()}
    state |= {f"model.linear.{k}": v for k, v in head.state_dict().items()}
    save_file({k: v.detach().contiguous() for k, v in state.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    return head


@pytest.fixture(scope="module")
def perception(tmp_path_factory):
    """A GenD folder on the smallest Perception Encoder, and the authors' construction of it."""
    torch.manual_seed(1)
    tower = timm.create_model(PE, pretrained=False, dynamic_img_size=True)
    tower.head = nn.Identity()
    with torch.no_grad():
        for parameter in tower.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    folder = tmp_path_factory.mktemp("pe")
    head = write(folder, tower, {"backbone": PE, "head": "LinearNorm"}, 192)
    return folder, tower.eval(), head


def test_perception_encoder_equals_the_authors_construction(perception):
    folder, tower, head = perception
    detector = load_detector(folder, "cpu")
    with torch.no_grad():
        features = tower(pixels())
        logits, units = detector(pixels())
        expected = head(F.normalize(features, dim=1))
    assert (detector.backbone(pixels()) - features).abs().max() < 1e-5
    assert (logits - expected).abs().max() < 1e-5 and units.shape == (2, 192)
    assert detector.backbone.name == f"timm:{PE}:224"


def test_perception_encoder_preprocessing_equals_timms(perception):
    folder, tower, _ = perception
    settings = timm.data.resolve_model_data_config(tower)
    settings["input_size"] = (3, 224, 224)
    theirs = timm.data.create_transform(**settings, is_training=False)
    image = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    ours = load_detector(folder, "cpu").backbone.preprocess(image)
    assert (ours - theirs(Image.fromarray(image))).abs().max() < 1e-6


def test_perception_encoder_needs_its_config_and_its_tensors(perception, tmp_path):
    folder, _, _ = perception
    tensors = load_file(folder / "model.safetensors")
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ForensicsError, match=r"config\.json"):
        load_detector(tmp_path, "cpu")
    (tmp_path / "config.json").write_text(json.dumps({"backbone": PE, "head": "linear"}))
    assert not load_detector(tmp_path, "cpu").normalize
    del tensors["feature_extractor.backbone.norm_pre.weight"]
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ForensicsError, match=r"missing: norm_pre\.weight"):
        load_detector(tmp_path, "cpu")


def test_own_format_over_a_timm_tower(perception, tmp_path, monkeypatch):
    folder, tower, _ = perception
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *a, **k: None)
    detector = load_detector(folder, "cpu")
    save_detector(detector, tmp_path / "own")
    with pytest.raises(ForensicsError, match=r"hf download timm/vit_pe_core_tiny"):
        load_detector(tmp_path / "own", "cpu")
    weights = tmp_path / "cache" / "weights" / f"timm-{PE}-224"
    weights.mkdir(parents=True)
    state = {k: v.contiguous() for k, v in tower.state_dict().items()}
    state["head.weight"] = torch.ones(3, 192)  # timm's files keep their projection
    save_file(state, weights / "model.safetensors")
    assert load_detector(tmp_path / "own", "cpu").sha256 == detector.sha256
    with pytest.raises(ForensicsError, match="CLIP vision tower"):
        export_gend(detector, tmp_path / "out")


def test_unknown_timm_towers():
    with pytest.raises(ForensicsError, match="timm cannot build"):
        load_backbone("timm:vit_nothing:224", "cpu")


@pytest.fixture(scope="module")
def dinov3(tmp_path_factory):
    """A GenD folder on a DINOv3 ViT-S/16 of transformers with random weights."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(2)
    config = transformers.DINOv3ViTConfig(
        hidden_size=384, intermediate_size=1536, num_hidden_layers=12, num_attention_heads=6,
        num_register_tokens=4, patch_size=16, image_size=224,
    )  # fmt: skip
    tower = transformers.DINOv3ViTModel(config).eval()
    with torch.no_grad():
        for parameter in tower.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    folder = tmp_path_factory.mktemp("dinov3")
    name = "facebook/dinov3-vits16-pretrain-lvd1689m"
    head = write(folder, tower, {"backbone": name, "head": "LinearNorm"}, 384)
    return folder, tower, head


@pytest.mark.parametrize("old_names", [False, True])
def test_dinov3_equals_transformers(dinov3, tmp_path, old_names):
    folder, tower, head = dinov3
    if old_names:  # transformers 4 wrote the blocks without `model.`
        tensors = load_file(folder / "model.safetensors")
        tensors = {
            k.replace("backbone.model.layer", "backbone.layer"): v for k, v in tensors.items()
        }
        save_file(tensors, tmp_path / "model.safetensors")
        folder = tmp_path
    detector = load_detector(folder, "cpu")
    with torch.no_grad():
        features = tower(pixels()).last_hidden_state[:, 0]
        found = detector.backbone(pixels())
        logits, _ = detector(pixels())
        expected = head(F.normalize(features, dim=1))
    assert (found - features).abs().max() < 1e-5 * max(1.0, float(features.abs().max()))
    assert (logits - expected).abs().max() < 1e-5
    assert len(detector.backbone.layer_norms()) == 25


def test_dinov3_preprocessing_differs_by_rounding_only():
    transformers = pytest.importorskip("transformers")
    image = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    processor = transformers.DINOv3ViTImageProcessor()
    theirs = processor(Image.fromarray(image), return_tensors="pt")["pixel_values"][0]
    _, preprocess = empty_timm_tower("vit_small_patch16_dinov3_qkvb", 224)
    assert (preprocess(image) - theirs).abs().max() < 1.1 / 255 / 0.224


def test_dinov3_of_an_unknown_size(tmp_path):
    tensors = {
        "feature_extractor.backbone.embeddings.cls_token": torch.zeros(1, 1, 100),
        "model.linear.weight": torch.zeros(2, 100),
        "model.linear.bias": torch.zeros(2),
    }
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ForensicsError, match="width 100"):
        load_detector(tmp_path, "cpu")
