import hashlib
import json
import shutil

import open_clip
import pytest
import torch
from hub_server import running_hub
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model import towers
from media_forensics.detector.model.backbone import load_backbone
from media_forensics.detector.model.published_layouts import open_clip_to_hf_vision
from media_forensics.detector.model.towers import build_visual
from safetensors.torch import load_file, save_file


@pytest.fixture(autouse=True)
def empty_caches(tmp_path, monkeypatch):
    """No weights anywhere, and no network."""
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *a, **k: None)


def state_of(model):
    """Seeded random weights of an open_clip architecture's tower, named as in a CLIP file."""
    generator = torch.Generator().manual_seed(0)
    shapes = build_visual(open_clip.get_model_config(model)).state_dict()
    return {
        f"visual.{name}": torch.randn(t.shape, generator=generator) * 0.02
        for name, t in shapes.items()
    }


def test_missing_reference_weights_name_file_source_size_and_command(tmp_path):
    with pytest.raises(ForensicsError) as caught:
        load_backbone("clip-vit-l14", "cpu")
    text = str(caught.value)
    assert "open_clip_model.safetensors" in text and "1213 MB" in text
    assert "timm/vit_large_patch14_clip_224.openai" in text and "hf download" in text
    assert str(tmp_path / "cache" / "weights" / "clip-vit-l14") in text
    assert caught.value.field == "backbone"


def test_missing_offline_weights_name_the_command():
    with pytest.raises(ForensicsError, match="offline_assets"):
        load_backbone("vit-s14-dinov2-saliency", "cpu")


@pytest.mark.parametrize("name", ["nothing", "local-dir:", "open_clip:", "hf-hub:a/b"])
def test_unknown_names(name):
    with pytest.raises(ForensicsError, match="Known"):
        load_backbone(name, "cpu")


def test_unknown_open_clip_model_and_tag():
    with pytest.raises(ForensicsError, match="no architecture 'ViT-Q'"):
        load_backbone("open_clip:ViT-Q:openai", "cpu")
    with pytest.raises(ForensicsError, match=r"Known: .*openai"):
        load_backbone("open_clip:ViT-B-32:mine", "cpu")


def test_weights_are_found_in_the_plugins_folder(tmp_path):
    folder = tmp_path / "cache" / "weights" / "open_clip-ViT-B-32-quickgelu-openai"
    folder.mkdir(parents=True)
    state = state_of("ViT-B-32-quickgelu")
    state["visual.proj"] = torch.zeros(768, 512)  # a CLIP file has the projection and a text tower
    state["token_embedding.weight"] = torch.zeros(3, 3)
    save_file(state, folder / "open_clip_model.safetensors")
    tower = load_backbone("open_clip:ViT-B-32-quickgelu:openai", "cpu")
    assert torch.equal(tower.visual.conv1.weight, state["visual.conv1.weight"])
    assert tower.preprocess.mean[0] == pytest.approx(0.48145466) and tower.preprocess.size == 224
    assert tower.visual.transformer.resblocks[0].mlp.gelu.__class__.__name__ == "QuickGELU"


def test_hugging_face_names_are_read_too(tmp_path):
    state = {name.removeprefix("visual."): t for name, t in state_of("ViT-B-32").items()}
    theirs = {k: v.contiguous() for k, v in open_clip_to_hf_vision(state).items()}
    theirs["text_model.embeddings.position_ids"] = torch.arange(3)
    theirs["visual_projection.weight"] = torch.zeros(2, 2)
    theirs["logit_scale"] = torch.zeros(())
    path = tmp_path / "model.safetensors"
    save_file(theirs, path)
    tower = load_backbone(f"open_clip:ViT-B-32:{path}", "cpu")
    assert torch.equal(tower.visual.ln_post.bias, state["ln_post.bias"])


def test_openais_script_file_is_opened_only_with_its_hash(tmp_path, monkeypatch):
    from open_clip import pretrained

    class Clip(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.visual = build_visual(open_clip.get_model_config("ViT-B-32"))
            self.visual.load_state_dict(
                {k.removeprefix("visual."): v.half() for k, v in state_of("ViT-B-32").items()},
                assign=True,
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    folder = tmp_path / "home" / ".cache" / "clip"
    folder.mkdir(parents=True)
    script = torch.jit.trace(Clip(), torch.zeros(1))
    torch.jit.save(script, folder / "ViT-B-32.pt")
    with pytest.raises(ForensicsError, match="not OpenAI's file"):
        load_backbone("open_clip:ViT-B-32:openai", "cpu")
    digest = hashlib.sha256((folder / "ViT-B-32.pt").read_bytes()).hexdigest()
    settings = dict(pretrained.get_pretrained_cfg("ViT-B-32", "openai"))
    settings["url"] = f"https://openaipublic.example/clip/models/{digest}/ViT-B-32.pt"
    monkeypatch.setattr(pretrained, "get_pretrained_cfg", lambda *_: settings)
    tower = load_backbone("open_clip:ViT-B-32:openai", "cpu")
    assert tower.visual.conv1.weight.dtype == torch.float32


def test_hub_cache_is_used_without_the_network(tmp_path, monkeypatch):
    state = state_of("ViT-B-32")
    save_file(state, tmp_path / "cached.safetensors")

    def cached(repository, file):
        wanted = repository == "timm/vit_base_patch32_clip_224.openai"
        return str(tmp_path / "cached.safetensors") if wanted and "safetensors" in file else None

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", cached)
    tower = load_backbone("open_clip:ViT-B-32:openai", "cpu")
    assert torch.equal(tower.visual.conv1.weight, state["visual.conv1.weight"])


def test_download_only_with_consent(tmp_path, monkeypatch):
    state = state_of("ViT-B-32")
    save_file(state, tmp_path / "served.safetensors")
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path / "cache"))
    with running_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        hub.main = "c" * 40
        data = (tmp_path / "served.safetensors").read_bytes()
        hub.commits[hub.main] = {"open_clip_model.safetensors": data}
        with pytest.raises(ForensicsError, match="Allow the download"):
            load_backbone("open_clip:ViT-B-32:openai", "cpu")
        assert not hub.asked
        tower = load_backbone("open_clip:ViT-B-32:openai", "cpu", allow_download=True)
        assert torch.equal(tower.visual.conv1.weight, state["visual.conv1.weight"])
        seen = len(hub.asked)
        load_backbone("open_clip:ViT-B-32:openai", "cpu", allow_download=True)
        assert len(hub.asked) == seen


def test_local_folder_mistakes_are_named(tiny_folder, tmp_path):
    with pytest.raises(ForensicsError, match="open_clip_config"):
        load_backbone(f"local-dir:{tmp_path}", "cpu")
    folder = tmp_path / "copy"
    shutil.copytree(tiny_folder, folder)
    config = json.loads((folder / "open_clip_config.json").read_text())
    for change, words in (
        ({"vision_cfg": {**config["model_cfg"]["vision_cfg"], "width": 80}}, "instead of"),
        ({"vision_cfg": {**config["model_cfg"]["vision_cfg"], "layers": 2}}, "unexpected"),
        ({"vision_cfg": {**config["model_cfg"]["vision_cfg"], "layers": 4}}, "missing"),
        ({"vision_cfg": {"nonsense": 1}}, "cannot build"),
    ):
        changed = {**config, "model_cfg": {**config["model_cfg"], **change}}
        (folder / "open_clip_config.json").write_text(json.dumps(changed))
        with pytest.raises(ForensicsError, match=words):
            load_backbone(f"local-dir:{folder}", "cpu")
    (folder / "open_clip_config.json").write_text("{}")
    with pytest.raises(ForensicsError, match="model config"):
        load_backbone(f"local-dir:{folder}", "cpu")


def test_half_precision_files_become_float32(tiny_folder, tmp_path):
    folder = tmp_path / "half"
    shutil.copytree(tiny_folder, folder)
    state = load_file(folder / "open_clip_model.safetensors")
    save_file({k: v.half() for k, v in state.items()}, folder / "open_clip_model.safetensors")
    tower = load_backbone(f"local-dir:{folder}", "cpu")
    assert all(p.dtype == torch.float32 for p in tower.parameters())


def test_towers_module_has_no_download_of_its_own():
    assert not hasattr(towers, "urlopen")
