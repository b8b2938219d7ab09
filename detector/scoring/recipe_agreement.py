"""Checks whether crops fit a detector, because the same weights score other crops differently.

Our detectors record the crop recipe of their training. The authors' checkpoints record none. They
were trained on crops of one framing: DeepfakeBench's template (Yermakov et al. 2025,
arXiv 2503.19683) and GenD's (arXiv 2508.06248), both at scale 1.3. Their landmarks differ by less
than a hundredth of the crop side.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..records import CropRecipe
from ..weights.known_detectors import PUBLISHED, find_detector

#: Maximum distance between landmarks, in crop sides, for two recipes of the same framing.
SAME_FRAMING = 0.04
#: Settings that do not affect a crop's pixels (``count`` only does for the sampling ``stride``).
_BESIDE = ("name", "count", "decoder")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The crops for which a detector was made.

    Attributes:
        recipe: of its training
        only_framing: True if only the recipe's landmark positions are known
    """

    recipe: CropRecipe
    only_framing: bool = False


def made_for(source: str | Path) -> Wanted | None:
    """Return the crops for which a detector was made; None if it does not record them.

    Args:
        source: see :func:`detector.model.checkpoints.load_detector`; only the record is read

    Raises:
        ForensicsError: the detector does not exist, or its record cannot be read
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
    """Return a sentence for the user if crops are not those for which a detector was made.

    Args:
        wanted: result of :func:`made_for`
        crops: :meth:`CropRecipe.to_json` of the crops; None if unknown
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
