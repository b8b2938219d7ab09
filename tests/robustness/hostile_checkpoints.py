"""Checkpoints that lie about their tensors, want to run code, or are of another world."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as to_bytes


class Evil:
    """Unpickled, it makes the file of this name."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def safetensors(header: Any, body: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file of any header (JSON, or raw bytes)."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def _entry(dtype: str = "F32", shape: Any = (2, 2), offsets: Any = (0, 16)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def mis_declared() -> dict[str, bytes]:
    """Headers that do not fit the body, the format, or any machine."""
    body = bytes(16)
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    return {
        "head empty": b"",
        "head short": b"\x08\0\0",
        "head length 0": struct.pack("<Q", 0),
        "head length huge": safetensors({}, body, 2**63),
        "head length 100 MB": safetensors({}, body, 100_000_000),
        "head no json": safetensors(b"{not json", body),
        "head list": safetensors([], body),
        "head number": safetensors(b"3", body),
        "head deep": safetensors(b"[" * 100_000, body),
        "head latin": safetensors(b'{"\xff": 1}', body),
        "head deep metadata": safetensors({"__metadata__": {"a": deep}}, body),
        "head metadata number": safetensors({"__metadata__": {"a": 3}}, body),
        "head nan": safetensors(
            b'{"a": {"dtype": "F32", "shape": [NaN], "data_offsets": [0, 16]}}'
        ),
        "entry no dtype": safetensors({"a": {"shape": [2, 2], "data_offsets": [0, 16]}}, body),
        "entry dtype": safetensors({"a": _entry("F33")}, body),
        "entry negative": safetensors({"a": _entry(shape=[-2, -2])}, body),
        "entry fraction": safetensors({"a": _entry(shape=[1.5, 2])}, body),
        "entry overflow": safetensors({"a": _entry(shape=[2**40, 2**40])}, body),
        "entry larger": safetensors({"a": _entry(shape=[2**20, 2**20], offsets=[0, 2**42])}, body),
        "entry smaller": safetensors({"a": _entry(shape=[1])}, body),
        "entry backwards": safetensors({"a": _entry(offsets=[16, 0])}, body),
        "entry outside": safetensors({"a": _entry(offsets=[16, 32])}, body),
        "entry overlap": safetensors({"a": _entry(), "b": _entry(offsets=[8, 24])}, bytes(24)),
        "entry hole": safetensors({"a": _entry(), "b": _entry(offsets=[20, 36])}, bytes(36)),
        "entry twice": safetensors(
            b'{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},'
            b'"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}',
            body,
        ),
        "entry no tensors": safetensors({}),
        "entry scalar": safetensors({"a": _entry(shape=[], offsets=[0, 4])}, bytes(4)),
    }


def pickled(marker: Path) -> dict[str, bytes]:
    """Torch files that would run code, explode, or hold something else."""
    buffer = io.BytesIO()
    torch.save({"state_dict": {"a": torch.zeros(2)}}, buffer)
    good = buffer.getvalue()
    evil = Evil(marker)

    def saved(value: Any, new: bool = True) -> bytes:
        out = io.BytesIO()
        torch.save(value, out, _use_new_zipfile_serialization=new)
        return out.getvalue()

    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(200_000_000))
        archive.writestr("archive/version", "3")
    climb = io.BytesIO()
    with zipfile.ZipFile(climb, "w") as archive:
        archive.writestr("../../evil/data.pkl", b"x")
    return {
        "code plain": pickle.dumps(evil),
        "code old": saved(evil, new=False),
        "code new": saved(evil),
        "code inside": saved({"state_dict": {"a": torch.zeros(2)}, "hyper_parameters": evil}),
        "code in a list": saved([evil]),
        "code protocol 0": b"cos\nsystem\n(S'touch " + str(marker).encode() + b"'\ntR.",
        "code builtins": b"cbuiltins\neval\n(S'1'\ntR.",
        "code getattr": b"c__builtin__\ngetattr\n(S'1'\nS'join'\ntR.",
        "zip bomb": bomb.getvalue(),
        "zip climbs": climb.getvalue(),
        "zip cut": good[: len(good) // 2],
        "zip tail": good[-300:],
        "zip head": b"PK\x03\x04" + good[4:60],
        "torch number": saved(3),
        "torch list": saved([torch.zeros(2)]),
        "torch empty": saved({}),
        "torch no tensors": saved({"state_dict": {"a": 1}}),
        "torch endless": saved({"state_dict": {"a": torch.zeros(1).expand(2**40)}}),
        "script": _script(),
        "text": b"weights\n" * 40,
    }


def _script() -> bytes:
    out = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), out)
    return out.getvalue()


def strange_records(tensors: dict[str, torch.Tensor], record: dict[str, Any]) -> dict[str, bytes]:
    """Files in our own format whose record is not what we write."""
    texts = {
        "record absent": None,
        "record no json": "{",
        "record list": "[]",
        "record number": "7",
        "record null": "null",
        "record deep": "[" * 100_000,
        "record nan": json.dumps({**record, "width": float("nan")}),
        "record twice": json.dumps(record)[:-1] + ', "format": 1, "format": 0}',
    }
    changes: dict[str, dict[str, Any]] = {
        "format word": {"format": "new"},
        "format null": {"format": None},
        "format true": {"format": [1]},
        "format newer": {"format": 99},
        "backbone number": {"backbone": 7},
        "backbone list": {"backbone": ["a"]},
        "backbone null": {"backbone": None},
        "backbone unknown": {"backbone": "no such tower"},
        "backbone nowhere": {"backbone": "local-dir:/nowhere"},
        "backbone etc": {"backbone": "local-dir:/etc"},
        "backbone climbs": {"backbone": "open_clip:../../etc:passwd"},
        "backbone other": {"backbone_sha256": "0" * 64},
        "backbone sha number": {"backbone_sha256": 7},
        "sha256 other": {"sha256": "0" * 64},
        "sha256 null": {"sha256": None},
        "normalize word": {"normalize": "no"},
        "key_name": {"key_name": "<img src=x onerror=alert(1)>"},
        "recipe number": {"crop_recipe": 7},
        "recipe unknown": {"crop_recipe": {"sky": "blue"}},
        "calibration word": {"calibration": "high"},
    }
    for missing in ("backbone", "backbone_sha256", "normalize", "sha256", "format"):
        kept = {key: value for key, value in record.items() if key != missing}
        texts[f"record lacks {missing}"] = json.dumps(kept)
    texts |= {f"record {name}": json.dumps({**record, **new}) for name, new in changes.items()}
    out = {
        name: to_bytes(tensors, None if text is None else {"media_forensics": text})
        for name, text in texts.items()
    }
    header = {"media_forensics": json.dumps(record)}
    first = next(iter(tensors))
    other: dict[str, dict[str, torch.Tensor]] = {
        "tensor missing": {k: v for k, v in tensors.items() if k != first},
        "tensor extra": {**tensors, "more": torch.zeros(1)},
        "tensor shape": {**tensors, first: torch.zeros(3, 3)},
        "tensor nan": {**tensors, first: torch.full_like(tensors[first], np.nan)},
        "tensor inf": {**tensors, first: torch.full_like(tensors[first], np.inf)},
        "tensor integers": {**tensors, first: torch.ones_like(tensors[first], dtype=torch.int64)},
        "tensor other values": {**tensors, first: tensors[first] + 1},
        "tensor none": {},
    }
    return out | {name: to_bytes(value, header) for name, value in other.items()}


def strange_published() -> dict[str, bytes]:
    """Files that look like the authors' and describe a tower that cannot be."""
    base = "feature_extractor.vision_model."
    head = {"model.linear.weight": torch.zeros(2, 8), "model.linear.bias": torch.zeros(2)}
    patch = {
        f"{base}embeddings.patch_embedding.weight": torch.zeros(8, 3, 4, 4),
        f"{base}embeddings.position_embedding.weight": torch.zeros(5, 8),
    }
    layer = f"{base}encoder.layers"
    return {
        "tower nothing": to_bytes({f"{base}x": torch.zeros(1), **head}),
        "tower no head": to_bytes(patch),
        "tower patch flat": to_bytes(
            {**patch, f"{base}embeddings.patch_embedding.weight": torch.zeros(8), **head}
        ),
        "tower position scalar": to_bytes(
            {**patch, f"{base}embeddings.position_embedding.weight": torch.zeros(()), **head}
        ),
        "tower no tokens": to_bytes(
            {**patch, f"{base}embeddings.position_embedding.weight": torch.zeros(0, 8), **head}
        ),
        "tower billion layers": to_bytes(
            {**patch, f"{layer}.999999999.layer_norm1.weight": torch.zeros(8), **head}
        ),
        "tower layer word": to_bytes(
            {**patch, "transformer.resblocks.x.y": torch.zeros(8), **head}
        ),
        "tower mlp scalar": to_bytes({**patch, f"{layer}.0.mlp.fc1.bias": torch.zeros(()), **head}),
        "tower width zero": to_bytes(
            {**patch, f"{base}embeddings.patch_embedding.weight": torch.zeros(0, 3, 4, 4), **head}
        ),
        "tower half attention": to_bytes(
            {**patch, f"{layer}.0.self_attn.q_proj.weight": torch.zeros(8, 8), **head}
        ),
        "tower integers": to_bytes(
            {**patch, f"{layer}.0.layer_norm1.weight": torch.ones(8, dtype=torch.int64), **head}
        ),
    }


def tiny_tower(folder: Path) -> Path:
    """An open_clip model folder with a tiny random tower."""
    import open_clip
    from safetensors.torch import save_file

    vision = {"image_size": 32, "layers": 2, "width": 32, "patch_size": 16, "head_width": 16}
    text = {"context_length": 4, "vocab_size": 64, "width": 16, "heads": 1, "layers": 1}
    config = {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text}
    torch.manual_seed(1)
    model = open_clip.model.CLIP(**config)
    place = folder / "tower"
    place.mkdir()
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, place / "open_clip_model.safetensors")
    (place / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
    return place


def tiny_detector(folder: Path, seed: int = 2) -> Path:
    """A detector in our format on :func:`tiny_tower`, which loads."""
    from media_forensics.detector.model.backbone import load_backbone
    from media_forensics.detector.model.checkpoints import save_detector
    from media_forensics.detector.model.detector import Detector

    backbone = load_backbone(f"local-dir:{tiny_tower(folder)}", "cpu")
    torch.manual_seed(seed)
    return save_detector(Detector(backbone, key_name="tiny").eval(), folder / "sound")
