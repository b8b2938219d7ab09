"""Do crops fit a detector? The same weights on other crops are another detector.

A detector of ours records the crop recipe of its training. The authors' checkpoints record none;
theirs is the template and margin of the reference recipe (GenD's released cropper), whatever the
face detector.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from .known_detectors import PUBLISHED, find_detector
from .records import CropRecipe

#: What the authors' checkpoints are known to need.
_PUBLISHED_NEED = ("template", "scale")
#: Settings that do not decide a crop's pixels (``count`` does for no sampling mode but stride).
_BESIDE = ("name", "count")


def made_for(source: str | Path) -> dict[str, Any] | None:
    """Settings of the crops that a detector was made for; None if it does not say.

    Args:
        source: what :func:`.checkpoints.load_detector` takes; only its record is read

    Raises:
        ForensicsError: there is no such detector, or its record cannot be read
    """
    from .checkpoints import own_file, read_record

    if str(source) in PUBLISHED and not Path(source).exists():
        return _published()
    path = find_detector(source)
    own = own_file(path)
    if own is None:
        return _published()
    recipe = read_record(own).get("crop_recipe")
    return _settings(CropRecipe.from_json(recipe)) if recipe else None


def _published() -> dict[str, Any]:
    reference = asdict(CropRecipe())
    return {name: reference[name] for name in _PUBLISHED_NEED}


def _settings(recipe: CropRecipe) -> dict[str, Any]:
    return {k: v for k, v in asdict(recipe).items() if k not in _BESIDE}


def mismatch(wanted: dict[str, Any] | None, crops: dict[str, Any] | None) -> str | None:
    """A sentence for the user if crops of recipe ``crops`` are not what a detector was made for.

    Args:
        wanted: of :func:`made_for`
        crops: :meth:`CropRecipe.to_json` of the crops; None if it is not known how they were cut
    """
    if wanted is None:
        return None
    if crops is None:
        known = ", ".join(f"{name} {wanted[name]}" for name in _PUBLISHED_NEED)
        return (
            f"It is not known how these crops were cut; the detector was made for {known}. The "
            "same weights can score very differently on other crops."
        )
    here = _settings(CropRecipe.from_json(crops))
    other = [name for name, value in wanted.items() if value != here[name]]
    if not other:
        return None
    if "detector" in other and "detector_sha256" in other:
        other.remove("detector_sha256")  # another detector has other weights
    words = [f"{name} {_text(here[name])} (trained on {_text(wanted[name])})" for name in other]
    return (
        f"These crops are of another recipe than the detector's: {', '.join(words)}. The same "
        "weights can score very differently on other crops."
    )


def _text(value: Any) -> str:
    text = str(value)
    return text[:12] if len(text) == 64 else text or "unknown"
