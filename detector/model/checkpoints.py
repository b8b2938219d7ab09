"""Saves detectors in our small format and loads them from every supported format.

Our format is a folder with ``detector.safetensors`` (only LayerNorm and head parameters, 0.4 MB for
ViT-L/14) and ``detector.json``. The record is stored twice. Loading reads it from the header of the
safetensors file, so that one atomic rename replaces parameters and record together. The JSON file
is for people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..device import several
from ..errors import ForensicsError
from ..files.atomic import write_bytes
from ..files.tensor_files import check_fit, read_tensors
from ..weights.known_detectors import find_detector, register_detector
from ..weights.shipped_detectors import require_not_shipped
from .backbone import Backbone, default_device, load_backbone
from .detector import Detector, tuned_tensors
from .gend import export_gend, load_published, save_tensors

__all__ = [
    "export_gend",
    "load_detector",
    "read_record",
    "register_detector",
    "save_detector",
    "update_record",
]

FORMAT = 1
TENSORS, RECORD = "detector.safetensors", "detector.json"
_HEADER = "media_forensics"
# Keys that loading needs; the rest of a record is for people.
_RECORD_TYPES = {
    "format": int,
    "backbone": str,
    "backbone_sha256": str,
    "normalize": bool,
    "sha256": str,
}


def save_detector(
    detector: Detector, folder: str | Path, info: Mapping[str, Any] | None = None
) -> Path:
    """Write ``detector`` in our format; an earlier one in ``folder`` is replaced.

    Args:
        detector: on any device, in any mode
        folder: created if missing
        info: JSON-compatible additions to ``detector.info``: ``crop_recipe``
            (CropRecipe.to_json()), ``training``, ``calibration``, ...

    Returns:
        ``folder``

    Raises:
        ForensicsError: ``info`` is not JSON-compatible
    """
    record = {
        "crop_recipe": None,
        "training": None,
        "calibration": None,
        **detector.info,
        **(info or {}),
        "format": FORMAT,
        "key_name": detector.key_name,
        "backbone": detector.backbone.name,
        "backbone_sha256": detector.backbone.sha256,
        "width": detector.backbone.width,
        "normalize": detector.normalize,
        "also_tuned": list(detector.backbone.also_tuned),
        "sha256": detector.sha256,
    }
    return _write(Path(folder), tuned_tensors(detector), record)


def update_record(folder: str | Path, **changes: Any) -> dict[str, Any]:
    """Change only the record of a stored detector, for example ``calibration=...``.

    Returns:
        the new record

    Raises:
        ForensicsError: not a detector in our format, or a change that is not JSON-compatible or
            affects the detector's identity
    """
    fixed = {"format", "backbone", "backbone_sha256", "width", "normalize", "also_tuned", "sha256"}
    fixed &= set(changes)
    if fixed:
        raise ForensicsError(f"{', '.join(sorted(fixed))} of a stored detector cannot be changed.")
    record = {**read_record(folder), **changes}
    _write(Path(folder), read_tensors(Path(folder) / TENSORS), record)
    return record


def _write(folder: Path, tensors: dict[str, torch.Tensor], record: dict[str, Any]) -> Path:
    try:
        text = json.dumps(record, sort_keys=True, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ForensicsError(f"The record of a detector must be JSON ({error}).") from error
    require_not_shipped(folder)
    save_tensors(folder / TENSORS, tensors, {_HEADER: text})
    write_bytes(folder / RECORD, f"{text}\n".encode())
    return folder


def read_record(source: str | Path) -> dict[str, Any]:
    """Return the record of a detector in our format, without loading its weights.

    Args:
        source: the folder or its ``detector.safetensors``

    Raises:
        ForensicsError: not a detector in our format, or a newer format
    """
    from safetensors import SafetensorError, safe_open

    path = _tensors(Path(source))
    if not path.is_file():
        raise ForensicsError(f"There is no detector in {source}.", "Check the path.", "detector")
    try:
        with safe_open(path, "pt") as stream:
            header = stream.metadata() or {}
        record = json.loads(header[_HEADER])
    except (SafetensorError, OSError, KeyError, ValueError, RecursionError) as error:
        raise ForensicsError(
            f"{path} is not a detector in our format ({type(error).__name__}: {error}).",
            "It may be truncated, or written by another program.",
            "detector",
        ) from error
    found = record.get("format") if isinstance(record, dict) else None
    if type(found) is int and found > FORMAT:
        raise ForensicsError(
            f"{path} has format {found}; this version reads up to {FORMAT}.",
            "Update the plugin.",
            "detector",
        )
    wrong = [
        name
        for name, kind in _RECORD_TYPES.items()
        if not isinstance(record, dict) or type(record.get(name)) is not kind
    ]
    if wrong or found is None or found < 1:
        raise ForensicsError(
            f"The record of {path} is not one of ours (its {', '.join(wrong) or 'format'}).",
            "It was written or changed by another program.",
            "detector",
        )
    return record


def load_detector(
    source: str | Path,
    device: str | torch.device | None = None,
    backbone: Backbone | str | None = None,
    allow_download: bool = False,
) -> Detector:
    """Return the detector stored at ``source``, in evaluation mode.

    Args:
        source: a published, shipped or registered name; a folder in our format or its
            ``detector.safetensors``; the authors' ``model.ckpt``; a GenD folder (``config.json``
            and ``model.safetensors``) or its ``model.safetensors`` alone
        device: target device; None is the GPU if there is one, ``cuda:all`` all GPUs
        backbone: for our format, a loaded tower or a tower's name to use instead of the recorded
            one; its identity is checked either way
        allow_download: download a published file or a tower that is not on this machine

    Raises:
        ForensicsError: not found, truncated, another architecture, tensors missing, unexpected or
            wrongly shaped (listed), pickled objects, or another tower than the trained one
    """
    path = find_detector(source, allow_download)
    target = default_device(device)
    file = own_file(path)
    if file is not None:
        detector = _load_own(file, target, backbone, allow_download)
    else:
        detector = load_published(path).to(target)
    detector.spread(several(device))
    return detector


def own_file(path: Path) -> Path | None:
    """Return the tensor file of a detector in our format at ``path``; None for other formats."""
    file = _tensors(path)
    ours = file.is_file() and (file.name == TENSORS or (file.parent / RECORD).is_file())
    return file if ours else None


def _tensors(path: Path) -> Path:
    return path / TENSORS if path.is_dir() else path


def _load_own(
    file: Path, device: torch.device, backbone: Backbone | str | None, allow_download: bool
) -> Detector:
    record = read_record(file)
    if isinstance(backbone, Backbone) and (record.get("also_tuned") or backbone.also_tuned):
        raise ForensicsError(
            f"{file} cannot share a loaded tower: more than LayerNorms was trained in one of them.",
            "Load each with a tower of its own.",
            "backbone",
        )
    if not isinstance(backbone, Backbone):
        backbone = load_backbone(backbone or record["backbone"], device, allow_download)
    if backbone.sha256 != record["backbone_sha256"]:
        raise ForensicsError(
            f"{file} was trained on the tower {record['backbone']} with sha256 "
            f"{record['backbone_sha256'][:16]}, but the tower {backbone.name} here has "
            f"{backbone.sha256[:16]}.",
            "Scores over another tower would be meaningless; fetch the right weights.",
            "backbone",
        )
    detector = Detector(
        backbone,
        normalize=bool(record["normalize"]),
        key_name=str(record.get("key_name", "detector")),
        info=record,
    )
    backbone.also_tuned = _also_tuned(record, backbone, file)
    tensors = read_tensors(file)
    check_fit(tuned_tensors(detector), tensors, str(file))
    parameters = dict(detector.named_parameters())
    with torch.no_grad():
        for name, tensor in tensors.items():
            parameters[name].copy_(tensor)
    if record.get("sha256") != detector.sha256:
        raise ForensicsError(
            f"{file}: the parameters do not match the sha256 in its record.",
            "The file was changed after it was written; restore the original.",
            "detector",
        )
    return detector.to(device).eval()


def _also_tuned(record: Mapping[str, Any], backbone: Backbone, file: Path) -> tuple[str, ...]:
    """Return the names of trained tensors other than LayerNorms; all must exist in the tower."""
    names = record.get("also_tuned") or []
    own = {name for name, _ in backbone.named_parameters()}
    if not isinstance(names, list) or not all(isinstance(n, str) and n in own for n in names):
        raise ForensicsError(
            f"The record of {file} names tensors that the tower {backbone.name} does not have.",
            "It was written or changed by another program.",
            "detector",
        )
    return tuple(names)
