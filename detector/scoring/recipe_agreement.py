"""Do crops fit a detector? The same weights on other crops are another detector.

A detector of ours records the crop recipe of its training. The authors' checkpoints record none:
theirs were trained on crops of one framing, by DeepfakeBench's template (Yermakov et al. 2025,
arXiv 2503.19683) and by GenD's (arXiv 2508.06248), both at scale 1.3, which put the landmarks
within a hundredth of the side of each other.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..records import CropRecipe
from ..weights.known_detectors import PUBLISHED, find_detector

#: Largest distance between landmarks, in crop sides, of what counts as one framing.
SAME_FRAMING = 0.04
#: Settings that do not decide a crop's pixels (``count`` does for no sampling mode but stride).
_BESIDE = ("name", "count")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The crops that a detector was made for.

    Attributes:
        recipe: of its training
        only_framing: True if no more of the recipe is known than where it puts the landmarks
    """

    recipe: CropRecipe
    only_framing: bool = False


def made_for(source: str | Path) -> Wanted | None:
    """The crops that a detector was made for; None if it does not say.

    Args:
        source: what :func:`detector.model.checkpoints.load_detector` takes; only its record is read

    Raises:
        ForensicsError: there is no such detector, or its record cannot be read
    """
    from ..model.checkpoints import own_file, read_record

    published = Wanted(CropRecipe(), only_framing=True)
    if str(source) in PUBLISHED and not Path(source).exists():
        return published
    own = own_file(find_detector(source))
    if own is None:
        return published
    recipe = read_record(own).get("crop_recipe")
    return Wanted(CropRecipe.from_json(recipe)) if recipe else None


def mismatch(wanted: Wanted | None, crops: dict[str, Any] | None) -> str | None:
    """A sentence for the user if crops are not what a detector was made for.

    Args:
        wanted: of :func:`made_for`
        crops: :meth:`CropRecipe.to_json` of the crops; None if it is not known how they were cut
    """
    if wanted is None:
        return None
    warning = "The same weights can score very differently on other crops."
    trained = asdict(wanted.recipe)
    if crops is None:
        known = f"template {trained['template']}, scale {trained['scale']}"
        return (
            f"It is not known how these crops were cut; the detector was made for {known}. "
            f"{warning}"
        )
    recipe = CropRecipe.from_json(crops)
    here = asdict(recipe)
    if wanted.only_framing:
        other = [] if _same_framing(wanted.recipe, recipe) else ["template", "scale"]
    else:
        other = [name for name in here if name not in _BESIDE and here[name] != trained[name]]
    if not other:
        return None
    if "detector" in other and "detector_sha256" in other:
        other.remove("detector_sha256")  # another detector has other weights
    words = [f"{name} {_text(here[name])} (trained on {_text(trained[name])})" for name in other]
    return f"These crops are of another recipe than the detector's: {', '.join(words)}. {warning}"


def _same_framing(first: CropRecipe, second: CropRecipe) -> bool:
    from ..crops.align import template_points

    a, b = (template_points(recipe.template, 1, recipe.scale) for recipe in (first, second))
    return float(np.linalg.norm(a - b, axis=1).max()) <= SAME_FRAMING


def _text(value: Any) -> str:
    text = str(value)
    return text[:12] if len(text) == 64 else text or "unknown"
