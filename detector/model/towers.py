"""Loads pretrained visual towers by known name, from local folders or from open_clip's caches.

Nothing is downloaded unless requested. Only the visual tower is built. The text tower of a CLIP
file is neither built nor kept, which halves the memory of ViT-L/14.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import ForensicsError
from ..files.kept_digests import kept_sha256, note_read
from ..files.paths import given
from ..files.tensor_files import load_exact, read_tensors
from ..weights.download import Expected, fetch
from ..weights.hub_files import HubFile, NotOnHub, check_file, fetch_file, origin_of
from .known_towers import CACHED, KNOWN_TOWERS
from .preprocess import Preprocess
from .towers_timm import load_timm_tower

_CONFIG = "open_clip_config.json"
_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
# Hugging Face repositories that hold the same tensors under other names (models/vision_model.*)
_HF_MODELS = {("ViT-L-14-quickgelu", "openai"): ("openai/clip-vit-large-patch14",)}


@dataclass(frozen=True, slots=True)
class _Source:
    """A file with the weights of an open_clip tower."""

    path: Path
    script: bool = False  # a TorchScript archive; opened only if its hash is known


def load_tower(name: str, allow_download: bool = False) -> tuple[nn.Module, Preprocess]:
    """Return visual tower and preprocessing of the backbone called ``name``.

    Args:
        name: see :func:`detector.model.backbone.load_backbone`
        allow_download: fetch missing weights; they are checked and recorded
            (:mod:`detector.weights.hub_files`)

    Raises:
        ForensicsError: unknown name, or weights that are missing or do not fit
    """
    known = KNOWN_TOWERS.get(name)
    if known is not None and known.source == CACHED:
        from ..files.cache import cache_dir

        return _from_folder(cache_dir() / "weights" / name, known.hint)
    kind, _, rest = (name if known is None else known.source).partition(":")
    if kind == "local-dir" and rest:
        # the folder may come from a checkpoint's record
        return _from_folder(given(rest, "backbone"), "Check the path.")
    if kind == "open_clip" and rest:
        model, _, pretrained = rest.partition(":")
        return _from_open_clip(model, pretrained, name, allow_download)
    if kind == "timm" and rest:
        model, _, size = rest.partition(":")
        return load_timm_tower(model, size, name)
    raise ForensicsError(
        f"There is no backbone {name!r}.",
        f"Known: {', '.join(KNOWN_TOWERS)}, local-dir:FOLDER, open_clip:MODEL:PRETRAINED, "
        "timm:MODEL:SIZE.",
        "backbone",
    )


def build_visual(config: Mapping[str, Any]) -> nn.Module:
    """Return the visual tower of an open_clip model config, without projection.

    Plain ViTs are built on the meta device (no memory, no time), timm trunks with random weights.

    Raises:
        ForensicsError: open_clip cannot build this config
    """
    from open_clip.model import _build_vision_tower

    vision = dict(config["vision_cfg"])
    vision["timm_model_pretrained"] = False
    device = "cpu" if vision.get("timm_model_name") else "meta"
    try:
        with torch.device(device):
            visual = _build_vision_tower(
                config["embed_dim"], vision, config.get("quick_gelu", False)
            )
    except (TypeError, AssertionError, RuntimeError, KeyError) as error:
        raise ForensicsError(
            f"open_clip cannot build this vision tower ({error}).", "", "backbone"
        ) from error
    if isinstance(getattr(visual, "proj", None), nn.Parameter):
        visual.proj = None
    return visual


def _model_config(model: str) -> dict[str, Any]:
    import open_clip

    config = open_clip.get_model_config(model)
    if config is None:
        raise ForensicsError(
            f"open_clip has no architecture {model!r}.",
            "See open_clip.list_models().",
            "backbone",
        )
    return config


def _image_size(model: str) -> int:
    size = _model_config(model)["vision_cfg"].get("image_size", 224)
    return int(size if isinstance(size, int) else size[0])


def _from_folder(folder: Path, hint: str) -> tuple[nn.Module, Preprocess]:
    """Return the tower of an open_clip model folder."""
    path = next((folder / file for file in _WEIGHTS if (folder / file).is_file()), None)
    if path is None or not (folder / _CONFIG).is_file():
        raise ForensicsError(
            f"The backbone's files are not there: {folder}/{_CONFIG} and {_WEIGHTS[0]}.",
            hint,
            "backbone",
        )
    try:
        config = json.loads((folder / _CONFIG).read_text())
        model, preprocess = config["model_cfg"], dict(config.get("preprocess_cfg", {}))
        preprocess.setdefault("size", model["vision_cfg"].get("image_size", 224))
        visual = build_visual(model)
    except (json.JSONDecodeError, KeyError, AttributeError) as error:
        raise ForensicsError(
            f"{folder / _CONFIG} is not an open_clip model config ({error!r}).", "", "backbone"
        ) from error
    _fill(visual, read_tensors(path, "backbone"), str(path))
    return visual, Preprocess(preprocess)


def _fill(visual: nn.Module, tensors: Mapping[str, torch.Tensor], what: str) -> None:
    """Fill the tower from a CLIP file with open_clip's or Hugging Face's names."""
    from .published_layouts import hf_vision_to_open_clip

    own = {
        name.removeprefix("visual."): tensor
        for name, tensor in tensors.items()
        if name.startswith("visual.")
    }
    if not own and any("vision_model." in name for name in tensors):
        own = hf_vision_to_open_clip(tensors)
    own.pop("proj", None)
    load_exact(visual, own, what, "backbone")


def _from_open_clip(
    model: str, pretrained: str, name: str, allow_download: bool
) -> tuple[nn.Module, Preprocess]:
    """Return the tower of an open_clip architecture with a pretrained tag or a weights file."""
    from open_clip.pretrained import get_pretrained_cfg

    config = _model_config(model)
    settings = get_pretrained_cfg(model, pretrained)
    if Path(pretrained).is_absolute() or Path(pretrained).is_file():
        given(pretrained, "backbone")
    source = (
        _Source(Path(pretrained))
        if Path(pretrained).is_file()
        else _find_local(model, pretrained, name, settings)
    )
    if source is None and settings and allow_download:
        source = _fetched(name, settings)
    if source is None:
        raise _missing(model, pretrained, name, settings)
    visual = build_visual(config)
    tensors = _read_script(source.path) if source.script else read_tensors(source.path, "backbone")
    _fill(visual, tensors, str(source.path))
    return visual, Preprocess({"size": _image_size(model), **settings})


def _find_local(
    model: str, pretrained: str, name: str, settings: Mapping[str, Any]
) -> _Source | None:
    """Return the weights from the folders of the plugin, open_clip, Hugging Face or OpenAI."""
    own = _own_folder(name)
    url = settings.get("url", "")
    script = Path(url).name if "openaipublic" in url else ""
    repository, named = _on_hub(settings)
    for file in (*_WEIGHTS, "model.safetensors", *named):
        if (own / file).is_file():
            if origin_of(own):  # downloaded by the plugin: check that it is unchanged
                check_file(HubFile(repository, file), own)
            return _Source(own / file)
    for folder in (own, Path("~/.cache/clip").expanduser()):
        if script and (folder / script).is_file():
            expected = url.split("/")[-2]
            if kept_sha256(folder / script) != expected:
                raise ForensicsError(
                    f"{folder / script} is not OpenAI's file (its sha256 is not {expected}).",
                    "Delete it and fetch it again.",
                    "backbone",
                )
            return _Source(folder / script, script=True)
    repositories = [
        repository,
        *_HF_MODELS.get((model, pretrained), ()),
    ]
    return next((found for repo in repositories if repo and (found := _in_hub_cache(repo))), None)


def _own_folder(name: str) -> Path:
    """Return the plugin's folder for the weights of the tower ``name``."""
    from ..files.cache import cache_dir

    return cache_dir() / "weights" / name.replace(":", "-").replace("/", "-")


def _on_hub(settings: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return the repository of an open_clip tag ("" if none) and its possible weights files."""
    repository, _, file = settings.get("hf_hub", "").rpartition("/")
    if not file:
        return repository, _WEIGHTS
    stem, dot, ending = file.rpartition(".")
    safe = (f"{stem}.safetensors",) if dot and ending in ("bin", "pth", "pt") else ()
    return repository, (*safe, file)


def _fetched(name: str, settings: Mapping[str, Any]) -> _Source:
    """Fetch a tower's weights, published with a digest, from the hub or from OpenAI.

    Raises:
        ForensicsError: the weights cannot be fetched, or have no digest
    """
    own, url = _own_folder(name), settings.get("url", "")
    repository, files = _on_hub(settings)
    for file in files if repository else ():
        try:
            return _Source(fetch_file(HubFile(repository, file), own))
        except NotOnHub:
            if file == files[-1] and "openaipublic" not in url:
                raise
    if "openaipublic" not in url:
        raise ForensicsError(
            f"The weights of {name} are published without a digest, so they are not fetched.",
            f"Download {url or 'them'} yourself and give the path: open_clip:MODEL:PATH.",
            "backbone",
        )
    script = own / Path(url).name
    fetch(url, script, Expected(name, url.split("/")[-2]))
    return _Source(script, script=True)


def _in_hub_cache(repository: str) -> _Source | None:
    """Return a weights file of ``repository`` from Hugging Face's cache, without network access."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    for file in (*_WEIGHTS, "model.safetensors"):
        path = try_to_load_from_cache(repository, file)
        if isinstance(path, str | os.PathLike):
            return _Source(Path(path))
    return None


def _read_script(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of OpenAI's TorchScript archive, whose sha256 is already checked."""
    note_read(path)
    return dict(torch.jit.load(path, map_location="cpu").state_dict())


def _command(repository: str, folder: Path) -> str:
    """Return the shell command that fetches a tower by hand."""
    return shlex.join(["hf", "download", repository, _WEIGHTS[0], "--local-dir", os.fspath(folder)])


def _missing(model: str, pretrained: str, name: str, settings: Mapping[str, Any]) -> ForensicsError:
    """Return the error for weights of an open_clip tower that are not on this machine."""
    if not settings:
        import open_clip

        tags = ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none"
        return ForensicsError(
            f"open_clip knows no weights {pretrained!r} for {model}.", f"Known: {tags}.", "backbone"
        )
    folder = _own_folder(name)
    count = sum(
        tensor.numel() for tensor in build_visual(_model_config(model)).state_dict().values()
    )
    repository = settings.get("hf_hub", "").rstrip("/")
    or_url = f" or {settings['url']}" if settings.get("url") else ""
    return ForensicsError(
        f"The weights of {name} (open_clip {model}, {pretrained}) are not on this machine: "
        f"{_WEIGHTS[0]}, visual part {count * 4 / 1e6:.0f} MB in float32, from the Hugging Face "
        f"repository {repository or 'unknown'}{or_url}.",
        f"Allow the download, copy the file into {folder}, or run "
        f"`{_command(repository, folder)}`.",
        "backbone",
    )
