"""Golden tests: the authors' two layouts, written from Hugging Face's own CLIP classes."""

import json

import numpy as np
import open_clip
import pytest
import torch
import torch.nn.functional as F
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.checkpoints import export_gend, load_detector, save_detector
from media_forensics.detector.model.published_layouts import (
    hf_vision_to_open_clip,
    is_published_layout,
    open_clip_to_hf_vision,
)
from media_forensics.detector.model.towers import build_visual
from safetensors.torch import load_file, save_file
from torch import nn

transformers = pytest.importorskip("transformers")
WIDTH, SIDE = 128, 56
TARGETS = ["pre_layrnorm", "layer_norm1", "layer_norm2", "post_layernorm", "layernorm"]


class Encoder(nn.Module):
    """What the authors' code tunes: a holder of ``vision_model``."""

    def __init__(self, vision_model):
        super().__init__()
        self.vision_model = vision_model

    def forward(self, x):
        return self.vision_model(x).pooler_output


def hugging_face_tower(seed):
    config = transformers.CLIPVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=14,
    )
    torch.manual_seed(seed)
    model = transformers.CLIPVisionModel(config)
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0.02, 0.1)
    return getattr(model, "vision_model", model).eval()


def reference_logits(features, head, normalize=True):
    z = F.normalize(features, p=2, dim=1) if normalize else features
    return head(z)


def pixels(count=4):
    return torch.randn(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def head():
    torch.manual_seed(5)
    return nn.Linear(WIDTH, 2)


@pytest.fixture(scope="module")
def paper_checkpoint(tmp_path_factory, head):
    """``model.ckpt`` as PEFT names it, with a tuned copy that differs; and its features."""
    peft = pytest.importorskip("peft")
    encoder = Encoder(hugging_face_tower(1))
    wrapped = peft.get_peft_model(encoder, peft.LNTuningConfig(target_modules=TARGETS))
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "ln_tuning_layers" in name:
                parameter.add_(torch.randn_like(parameter) * 0.2)
        features = wrapped(pixels())
    state = {f"feature_extractor.{k}": v for k, v in wrapped.state_dict().items()}
    state |= {f"model.linear.{k}": v for k, v in head.state_dict().items()}
    path = tmp_path_factory.mktemp("paper") / "model.ckpt"
    lightning = {
        "state_dict": state,
        "hyper_parameters": {"lr": 8e-5, "seed": 42},
        "pytorch-lightning_version": "2.5.0",
        "epoch": 9,
        "optimizer_states": [{"state": {0: {"step": torch.tensor(1.0)}}}],
    }
    torch.save(lightning, path)
    return path, features


@pytest.fixture(scope="module")
def gend_folder(tmp_path_factory, head):
    """A GenD folder, and its features."""
    tower = hugging_face_tower(2)
    with torch.no_grad():
        features = tower(pixels()).pooler_output
    state = {f"feature_extractor.vision_model.{k}": v for k, v in tower.state_dict().items()}
    state = {k: v for k, v in state.items() if "position_ids" not in k}
    state["feature_extractor.visual_projection.weight"] = torch.randn(96, WIDTH)
    state |= {f"model.linear.{k}": v for k, v in head.state_dict().items()}
    folder = tmp_path_factory.mktemp("gend")
    save_file({k: v.detach().contiguous() for k, v in state.items()}, folder / "model.safetensors")
    config = {"architectures": ["GenD"], "head": "LinearNorm", "model_type": "GenD"}
    (folder / "config.json").write_text(json.dumps(config))
    return folder, features


def assert_same(detector, features, head, normalize=True):
    with torch.no_grad():
        found = detector.backbone(pixels())
        logits, units = detector(pixels())
        expected = reference_logits(features, head, normalize)
    assert (found - features).abs().max() < 1e-5
    assert (logits - expected).abs().max() < 1e-5
    assert (units - F.normalize(features, dim=1)).abs().max() < 1e-5


def test_model_ckpt_gives_the_tuned_towers_features(paper_checkpoint, head):
    path, features = paper_checkpoint
    detector = load_detector(path, "cpu")
    assert_same(detector, features, head)
    assert detector.normalize and detector.info["layout"] == "lightning"
    assert len(detector.info["source_sha256"]) == 64


def test_gend_folder_and_file_alone(gend_folder, head):
    folder, features = gend_folder
    for source in (folder, folder / "model.safetensors"):
        detector = load_detector(source, "cpu")
        assert_same(detector, features, head)
        assert detector.backbone.preprocess.size == SIDE


def test_gend_head_without_norm(gend_folder, head, tmp_path):
    folder, features = gend_folder
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    (tmp_path / "config.json").write_text(json.dumps({"head": "linear"}))
    detector = load_detector(tmp_path, "cpu")
    assert not detector.normalize
    assert_same(detector, features, head, normalize=False)
    (tmp_path / "config.json").write_text(json.dumps({"head": "Mystery"}))
    with pytest.raises(ForensicsError, match="Mystery"):
        load_detector(tmp_path, "cpu")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ForensicsError, match="not JSON"):
        load_detector(tmp_path, "cpu")


def test_scores_of_pictures_equal_hugging_faces_slow_pipeline(gend_folder, head, pictures):
    folder, _ = gend_folder
    detector = load_detector(folder, "cpu")
    slow = getattr(transformers, "CLIPImageProcessorPil", transformers.CLIPImageProcessor)
    processor = slow(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    square = [p for p in pictures if p.shape[0] == p.shape[1]]
    x = processor(square, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        features = hugging_face_tower(2)(x).pooler_output
        expected = reference_logits(features, head)
    np.testing.assert_allclose(detector.score(square).logits, expected.numpy(), atol=1e-5)


def test_export_round_trip_is_exact(paper_checkpoint, tmp_path):
    detector = load_detector(paper_checkpoint[0], "cpu")
    export_gend(detector, tmp_path / "out")
    again = load_detector(tmp_path / "out", "cpu")
    assert again.sha256 == detector.sha256
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["head"] == "LinearNorm" and config["model_type"] == "GenD"


def test_exported_file_runs_in_hugging_faces_tower(paper_checkpoint, head, tmp_path):
    path, features = paper_checkpoint
    export_gend(load_detector(path, "cpu"), tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    prefix = "feature_extractor.vision_model."
    state = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    tower = hugging_face_tower(9)
    missing, unexpected = tower.load_state_dict(state, strict=False)
    assert not unexpected and all("position_ids" in name for name in missing)
    with torch.no_grad():
        assert (tower(pixels()).pooler_output - features).abs().max() < 1e-5
    assert torch.equal(tensors["model.linear.weight"], head.weight.detach())
    assert tensors["feature_extractor.visual_projection.weight"].shape == (WIDTH * 3 // 4, WIDTH)


def test_published_detector_continues_in_our_format(gend_folder, tmp_path, pictures):
    detector = load_detector(gend_folder[0], "cpu")
    save_detector(detector, tmp_path)
    again = load_detector(tmp_path, "cpu", backbone=detector.backbone)
    assert again.sha256 == detector.sha256
    with pytest.raises(ForensicsError, match="no backbone"):
        load_detector(tmp_path, "cpu")  # a tower of this size is not known by name


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("feature_extractor.vision_model.post_layernorm.weight"), "ln_post.weight"),
        (lambda s: s.update({"feature_extractor.vision_model.extra": torch.ones(1)}), "extra"),
        (
            lambda s: s.pop(
                "feature_extractor.vision_model.encoder.layers.1.self_attn.k_proj.bias"
            ),
            "only the q, v part",
        ),
        (lambda s: s.pop("model.linear.weight"), "no classification head"),
        (lambda s: s.update({"model.linear.weight": torch.ones(3, WIDTH)}), r"\(3, 128\)"),
        (
            lambda s: s.update(
                {"feature_extractor.vision_model.pre_layrnorm.bias": torch.ones(WIDTH + 1)}
            ),
            r"ln_pre\.bias \(129,\) instead of \(128,\)",
        ),
        (
            lambda s: s.pop("feature_extractor.vision_model.embeddings.patch_embedding.weight"),
            "no patch or position",
        ),
        (
            lambda s: [s.pop(k) for k in list(s) if ".layers.1." in k and "layer_norm1" in k],
            "missing: transformer.resblocks.1.ln_1",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_named(gend_folder, tmp_path, change, words):
    tensors = load_file(gend_folder[0] / "model.safetensors")
    change(tensors)
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ForensicsError, match=words):
        load_detector(tmp_path, "cpu")


@pytest.mark.parametrize(
    ("copy", "words"), [("ln_tuning_layers", "tuned copy"), ("base_layer", "lacks .*base_layer")]
)
def test_both_copies_of_a_layernorm_are_needed(paper_checkpoint, tmp_path, copy, words):
    content = torch.load(paper_checkpoint[0], weights_only=True)
    name = next(k for k in content["state_dict"] if f"post_layernorm.{copy}" in k)
    del content["state_dict"][name]
    torch.save(content, tmp_path / "model.ckpt")
    with pytest.raises(ForensicsError, match=words):
        load_detector(tmp_path / "model.ckpt", "cpu")


def test_export_refuses_a_tower_that_gend_cannot_hold(tmp_path):
    from media_forensics.detector.model.backbone import Backbone
    from media_forensics.detector.model.detector import Detector
    from media_forensics.detector.model.preprocess import Preprocess
    from open_clip.model import _build_vision_tower

    vision = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 8, "no_ln_pre": True}
    detector = Detector(Backbone(_build_vision_tower(8, vision), "x", Preprocess({"size": 32})))
    with pytest.raises(ForensicsError, match="CLIP vision tower"):
        export_gend(detector, tmp_path)


# -- the published files' key lists and shapes, on the meta device ---------------------------------


def published_names(peft):
    """Names and shapes of the two published ViT-L/14 files, written out from the layout."""
    width, layers = 1024, 24
    names = {
        "embeddings.class_embedding": (width,),
        "embeddings.patch_embedding.weight": (width, 3, 14, 14),
        "embeddings.position_embedding.weight": (257, width),
    }
    norms = ["pre_layrnorm", "post_layernorm"]
    for i in range(layers):
        layer = f"encoder.layers.{i}."
        norms += [f"{layer}layer_norm1", f"{layer}layer_norm2"]
        for part in "qkv":
            names[f"{layer}self_attn.{part}_proj.weight"] = (width, width)
            names[f"{layer}self_attn.{part}_proj.bias"] = (width,)
        names[f"{layer}self_attn.out_proj.weight"] = (width, width)
        names[f"{layer}self_attn.out_proj.bias"] = (width,)
        names[f"{layer}mlp.fc1.weight"], names[f"{layer}mlp.fc1.bias"] = (4 * width, width), (4096,)
        names[f"{layer}mlp.fc2.weight"], names[f"{layer}mlp.fc2.bias"] = (
            (width, 4 * width),
            (width,),
        )
    copies = [".base_layer", ".ln_tuning_layers.default"] if peft else [""]
    for norm in norms:
        for copy in copies:
            names[f"{norm}{copy}.weight"] = names[f"{norm}{copy}.bias"] = (width,)
    prefix = "feature_extractor.base_model.model." if peft else "feature_extractor."
    out = {f"{prefix}vision_model.{name}": shape for name, shape in names.items()}
    if not peft:
        out["feature_extractor.visual_projection.weight"] = (768, width)
    return out | {"model.linear.weight": (2, width), "model.linear.bias": (2,)}


@pytest.mark.parametrize(("peft", "count"), [(True, 493), (False, 394)])
def test_published_key_lists_fit_the_reference_tower(peft, count):
    names = published_names(peft)
    assert len(names) == count
    meta = {name: torch.empty(shape, device="meta") for name, shape in names.items()}
    if not peft:
        assert sum(t.numel() for t in meta.values()) == 303_968_258
    assert is_published_layout(meta)
    visual = build_visual(open_clip.get_model_config("ViT-L-14-quickgelu"))
    mapped = hf_vision_to_open_clip(meta)
    assert {n: t.shape for n, t in mapped.items()} == {
        n: t.shape for n, t in visual.state_dict().items()
    }
    back = open_clip_to_hf_vision(mapped)
    plain = {n for n in published_names(False) if "vision_model" in n}
    assert {f"feature_extractor.{n}" for n in back} == plain


def written(source, target, rename=lambda name: name):
    """A copy of a GenD folder under other tensor names."""
    target.mkdir(exist_ok=True)
    tensors = {rename(k): v for k, v in load_file(source / "model.safetensors").items()}
    save_file(tensors, target / "model.safetensors")
    (target / "config.json").write_text((source / "config.json").read_text())
    return target


@pytest.mark.parametrize(
    "rename",
    [
        lambda n: n.replace("vision_model.", ""),  # as transformers 5 writes them
        lambda n: "_orig_mod." + n,
        lambda n: "module._orig_mod." + n,
        lambda n: n.replace("feature_extractor.", "feature_extractor._orig_mod."),
        lambda n: n.replace("feature_extractor.vision_model.", "feature_extractor.module."),
    ],
)
def test_names_of_other_libraries_and_wrappers_are_the_same_network(
    rename, gend_folder, head, tmp_path
):
    folder, features = gend_folder
    detector = load_detector(written(folder, tmp_path / "copy", rename), "cpu")
    assert_same(detector, features, head)
    assert detector.sha256 == load_detector(folder, "cpu").sha256


def test_a_wrapped_and_an_unwrapped_copy_in_one_file_are_refused(gend_folder, tmp_path):
    tensors = load_file(gend_folder[0] / "model.safetensors")
    twice = {"module.model.linear.bias": tensors["model.linear.bias"] + 1}
    save_file(tensors | twice, tmp_path / "model.safetensors")
    with pytest.raises(ForensicsError, match=r"model\.linear\.bias twice"):
        load_detector(tmp_path, "cpu")


def test_two_towers_in_one_file_are_refused(gend_folder, tmp_path):
    """A moving average or a teacher beside the tower has its names under another prefix."""
    tensors = load_file(gend_folder[0] / "model.safetensors")
    name = next(name for name in tensors if "vision_model." in name)
    with pytest.raises(ForensicsError, match="holds two towers"):
        hf_vision_to_open_clip(tensors | {f"ema.{name}": tensors[name] * 0.5})
    shared = hf_vision_to_open_clip(tensors | {f"again.{name}": tensors[name]})  # one module
    assert shared.keys() == hf_vision_to_open_clip(tensors).keys()


@pytest.mark.parametrize("kind", ["safetensors", "bin", "one bin"])
def test_shards_and_torch_files_of_a_folder(kind, gend_folder, head, tmp_path):
    folder, features = gend_folder
    tensors = load_file(folder / "model.safetensors")
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    name = "model.safetensors" if kind == "safetensors" else "pytorch_model.bin"
    save = save_file if kind == "safetensors" else torch.save
    if kind == "one bin":
        torch.save(tensors, tmp_path / name)
    else:
        stem, _, ending = name.partition(".")
        shards = [f"{stem}-0000{i}-of-00002.{ending}" for i in (1, 2)]
        where = {key: shards[i % 2] for i, key in enumerate(sorted(tensors))}
        for shard in shards:
            save({k: v for k, v in tensors.items() if where[k] == shard}, tmp_path / shard)
        (tmp_path / f"{name}.index.json").write_text(json.dumps({"weight_map": where}))
    detector = load_detector(tmp_path, "cpu")
    assert_same(detector, features, head)
    if kind == "safetensors":
        (tmp_path / shards[1]).unlink()
        with pytest.raises(ForensicsError, match=r"no checkpoint file .*00002-of-00002"):
            load_detector(tmp_path, "cpu")
        (tmp_path / f"{name}.index.json").write_text(json.dumps({"weight_map": {"a": "../x"}}))
        with pytest.raises(ForensicsError, match="lies outside"):
            load_detector(tmp_path, "cpu")


@pytest.mark.parametrize(
    ("about", "act"),
    [
        ({"backbone": "laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K"}, "gelu"),
        ({"backbone": "openai/clip-vit-large-patch14"}, "quick_gelu"),
        ({"backbone": "somebody/clip", "hidden_act": "gelu"}, "gelu"),
        (
            {"backbone": "somebody/clip", "vision_config": {"hidden_act": "quick_gelu"}},
            "quick_gelu",
        ),
        ({}, "quick_gelu"),
    ],
)
def test_the_tower_computes_the_activation_of_its_own_config(about, act, head, tmp_path):
    tower = hugging_face_tower(3)
    for layer in tower.encoder.layers:
        layer.mlp.activation_fn = transformers.activations.ACT2FN[act]
    with torch.no_grad():
        features = tower(pixels()).pooler_output
    state = {f"feature_extractor.vision_model.{k}": v for k, v in tower.state_dict().items()}
    state = {k: v.contiguous() for k, v in state.items() if "position_ids" not in k}
    state |= {f"model.linear.{k}": v.detach() for k, v in head.state_dict().items()}
    save_file(state, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(about))  # without a head: LinearNorm
    detector = load_detector(tmp_path, "cpu")
    assert_same(detector, features, head)
    if act == "gelu":
        with pytest.raises(ForensicsError, match="not OpenAI's CLIP vision tower"):
            export_gend(detector, tmp_path / "out")


@pytest.mark.parametrize("about", [{"backbone": "somebody/clip"}, {"hidden_act": "silu"}])
def test_an_activation_that_cannot_be_known_is_asked_for(about, gend_folder, tmp_path):
    folder = written(gend_folder[0], tmp_path / "copy")
    (folder / "config.json").write_text(json.dumps(about))
    with pytest.raises(ForensicsError, match="QuickGELU or GELU is not known") as caught:
        load_detector(folder, "cpu")
    assert "hidden_act" in caught.value.hint
