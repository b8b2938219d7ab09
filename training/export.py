"""Exports a trained detector to other formats, and checks that the written files score the same.

Formats: ``detector`` is our folder (LayerNorm and head parameters; the tower is needed beside it).
``gend`` is the layout that the authors' code loads. ``torchscript`` and ``onnx`` hold the whole
network in one file: uint8 RGB crops (N, 3, S, S) in, logits (N, 2) out (0 real, 1 fake).
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..detector.errors import ForensicsError
from ..detector.files import packages
from ..detector.files.atomic import saying_disk, write_bytes
from ..detector.files.hashes import file_sha256
from ..detector.files.paths import given, still_allowed

if TYPE_CHECKING:
    import numpy as np

    from ..detector.model.detector import Detector

LARGEST_DIFFERENCE = 1e-3
"""Largest accepted difference of a logit; float32 sums run in another order."""
PICTURES = 8
LARGEST_ONNX = 1 << 31
"""Most bytes of a protobuf message; larger weights are stored in a file beside it."""

_FILES = {"torchscript": "detector.torchscript", "onnx": "detector.onnx"}


def export_detector(
    checkpoint: str | Path,
    folder: str | Path,
    format: str,
    crops: Sequence[tuple[str | Path, str]] = (),
) -> dict[str, Any]:
    """Write the detector at ``checkpoint`` to ``folder`` and check it.

    Args:
        checkpoint: any source of :func:`detector.checkpoints.load_detector`
        folder: created if missing; must be empty
        format: ``detector``, ``gend``, ``torchscript`` or ``onnx``
        crops: image files for the check, each with its sha256 or ""; if none is readable, the check
            runs on noise and the record says so

    Returns:
        the content of ``export.json`` in the folder: format, sha256 of the detector and of each
            file,
        and ``parity`` (number and kind of pictures, largest difference of a logit)

    Raises:
        ForensicsError: unknown format, a folder in use, a tower that the format cannot hold, a
            missing package, or scores that differ (then nothing is left in ``folder``)
    """
    from ..detector.model.checkpoints import load_detector

    _check_format(format)
    target = given(folder, "folder")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ForensicsError(f"{target} is not an empty folder.", "Choose another.", "folder")
    detector = load_detector(checkpoint, device="cpu")
    pixels, kind = _pictures(detector, crops)
    work = target.parent / f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    with saying_disk(target, "folder"):
        work.mkdir(parents=True)
    try:
        with saying_disk(target, "folder"):
            again = _write(detector, Path(checkpoint), work, format)
        worst = _largest_difference(detector, again, pixels)
        if not worst <= LARGEST_DIFFERENCE:
            raise ForensicsError(
                f"The exported detector scores differently: a logit is off by {worst:.2g}.",
                "Nothing was written. Please report this with the tower's name.",
            )
        record = {
            "format": format,
            "detector_sha256": detector.sha256,
            "backbone": detector.backbone.name,
            "normalize": detector.normalize,
            "preprocess": detector.backbone.preprocess.config,
            "crop_recipe": detector.info.get("crop_recipe"),
            "classes": ["real", "fake"],
            "files": {p.name: file_sha256(p) for p in sorted(work.iterdir())},
            "parity": {"pictures": len(pixels), "kind": kind, "largest_difference": worst},
        }
        text = json.dumps(record, indent=1, sort_keys=True, default=list)
        write_bytes(work / "export.json", text.encode())
        with saying_disk(target, "folder"):
            still_allowed(target.parent)
            if target.exists():
                target.rmdir()  # empty, see above
            work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return {**json.loads(text), "folder": str(target)}


def _check_format(format: str) -> None:
    known = ("detector", "gend", *_FILES)
    if format not in known:
        raise ForensicsError(
            f"There is no export format {format!r}.", f"Known: {', '.join(known)}.", "format"
        )
    if format == "onnx":  # onnxruntime is needed too, for the check
        packages.require(packages.ONNX, "format")


def _pictures(detector: Detector, crops: Sequence[tuple[str | Path, str]]) -> tuple[Any, str]:
    """Return uint8 network pixels (n, 3, S, S) for the check, and their kind."""
    import torch

    from ..detector.scoring.crop_files import read_crop

    step = max(1, len(crops) // PICTURES)
    read = [read_crop(path, sha256) for path, sha256 in list(crops)[::step][:PICTURES]]
    good = [picture for picture in read if not isinstance(picture, str)]
    if good:
        return detector.backbone.preprocess.batch(good), "validation crops"
    side = detector.backbone.preprocess.size
    generator = torch.Generator().manual_seed(0)
    shape = (PICTURES, 3, side, side)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator), "noise"


Scorer = Callable[[Any], "np.ndarray"]


def _write(detector: Detector, checkpoint: Path, folder: Path, format: str) -> Scorer:
    """Write the files; return a function that scores pixels with them, read back from disk."""
    from ..detector.model.checkpoints import export_gend, load_detector, save_detector

    if format in ("detector", "gend"):
        if format == "detector":
            save_detector(detector, folder)
        else:
            export_gend(detector, folder)
        again = load_detector(folder, device="cpu")
        return lambda pixels: again.score_pixels(pixels, "fp32").logits
    path = folder / _FILES[format]
    if format == "torchscript":
        return _torchscript(detector, path)
    return _onnx(detector, path)


def _whole(detector: Detector) -> Any:
    """Return a module from uint8 crops to logits, and an example of its input."""
    import torch

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.detector = detector

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            normalize = self.detector.backbone.preprocess.normalize
            return self.detector(normalize(pixels))[0]

    side = detector.backbone.preprocess.size
    return Whole().eval(), torch.zeros((2, 3, side, side), dtype=torch.uint8)


def _torchscript(detector: Detector, path: Path) -> Scorer:
    import torch

    module, example = _whole(detector)
    with torch.no_grad(), warnings.catch_warnings():
        # Tracer warnings about constants: the result is compared with the detector afterwards.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(module, example, check_trace=False)
        torch.jit.save(torch.jit.freeze(traced), path)
        again = torch.jit.load(path)

    def score(pixels: Any) -> Any:
        with torch.no_grad():
            return again(pixels).numpy()

    return score


def _onnx(detector: Detector, path: Path) -> Scorer:
    import torch

    onnxruntime = packages.load(packages.ONNX, "onnxruntime", "format")

    module, example = _whole(detector)
    batch = torch.export.Dim("batch", min=1)
    weights = sum(p.numel() * p.element_size() for p in detector.parameters())
    torch.onnx.export(
        module,
        (example,),
        path,
        input_names=["pixels"],
        output_names=["logits"],
        dynamic_shapes={"pixels": {0: batch}},
        dynamo=True,
        external_data=weights > 0.95 * LARGEST_ONNX,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(None, {"pixels": pixels.numpy()})[0]


def _largest_difference(detector: Detector, again: Scorer, pixels: Any) -> float:
    """Return the largest difference over several batch sizes, in case one size was baked in."""
    import numpy as np
    import torch

    differences = [
        np.abs(detector.score_pixels(part, "fp32").logits - again(part)).max()
        for part in (pixels, pixels[:1], torch.cat([pixels, pixels[:1]]))
    ]
    return float(max(differences))
