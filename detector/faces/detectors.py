"""Loads face detectors by name. A new detector takes one module and one entry here."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from ..errors import ForensicsError
from ..files.installation import require_torch_pair
from ..records import CropRecipe
from .interface import FaceDetector


def _retinaface(
    name: str, device: str | None, weights: str | None, allow_download: bool
) -> FaceDetector:
    require_torch_pair()
    from .retinaface import load_retinaface

    return load_retinaface(name, device, weights, allow_download)


def _yunet(
    name: str, device: str | None, weights: str | None, allow_download: bool
) -> FaceDetector:
    from .yunet import load_yunet

    return load_yunet(name, device, weights, allow_download)


class _Known(NamedTuple):
    load: Callable[[str, str | None, str | None, bool], FaceDetector]
    title: str  # text in a form


_KNOWN = {
    "retinaface_mobile0.25": _Known(_retinaface, "RetinaFace mobile0.25 (fast; the default)"),
    "retinaface_mobile0.25-facexlib": _Known(
        _retinaface, "RetinaFace mobile0.25, facexlib's own weights"
    ),
    "retinaface_resnet50": _Known(
        _retinaface, "RetinaFace ResNet-50 (more exact; slow without a GPU)"
    ),
    "yunet": _Known(_yunet, "YuNet of OpenCV (fast on a CPU)"),
}


def detector_names() -> tuple[str, ...]:
    """Return the names that :func:`load_face_detector` accepts."""
    return tuple(_KNOWN)


def detector_titles() -> list[tuple[str, str]]:
    """Return name and title of each detector for a form, the default first."""
    return [(name, known.title) for name, known in _KNOWN.items()]


def load_face_detector(
    name: str,
    device: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    allow_download: bool = False,
) -> FaceDetector:
    """Load a face detector.

    Args:
        name: one of :func:`detector_names`
        device: torch device; None: the first GPU if there is one, else the CPU
        weights: a local weight file instead of the registered one
        allow_download: True if the user agreed to fetch missing weights

    Raises:
        ForensicsError: unknown name; weights missing, damaged or for another network
    """
    if name not in _KNOWN:
        raise ForensicsError(
            f"Unknown face detector {name!r}.", f"Use one of {', '.join(_KNOWN)}.", "detector"
        )
    local = None if weights is None else os.fspath(weights)
    return _KNOWN[name].load(name, device, local, allow_download)


def detector_of(
    recipe: CropRecipe,
    device: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    allow_download: bool = False,
) -> FaceDetector:
    """Return the face detector of a crop recipe, with refined landmarks if the recipe asks for it.

    Args and errors: see :func:`load_face_detector`.
    """
    detector = load_face_detector(recipe.detector, device, weights, allow_download)
    if not recipe.refine_landmarks:
        return detector
    from .landmarks import RefinedDetector, load_refiner

    return RefinedDetector(detector, load_refiner(detector.device, allow_download))
