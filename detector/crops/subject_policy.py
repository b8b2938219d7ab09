"""Who decides to which person a video is cropped: its mask, its real, its fakes or its size."""

from __future__ import annotations

from ..errors import ForensicsError
from ..records import FAKE, REAL, CropRecipe, VideoRecord

SUBJECT_POLICIES = ("auto", "mask", "pair", "largest", "all")
_BY_MANIPULATION = ("auto", "pair", "mask")  # policies that ask who was manipulated


def resolve_policy(record: VideoRecord, recipe: CropRecipe) -> str:
    """The subject policy for one video.

    ``auto`` is ``mask`` where the record has one, else ``largest``. Under ``pair`` a fake's mask
    leads as well. Reals without a mask are ``largest`` under any of these, and follow their fakes
    where there are several people (:mod:`..faces.leads`).

    Raises:
        ForensicsError: unknown policy
    """
    if recipe.subject == "auto":
        return "mask" if record.mask_path else "largest"
    if recipe.subject not in SUBJECT_POLICIES:
        raise ForensicsError(
            f"Unknown subject policy {recipe.subject!r}.",
            f"Use one of {', '.join(SUBJECT_POLICIES)}.",
            "subject",
        )
    if recipe.subject == "pair" and record.mask_path:
        return "mask"
    if recipe.subject in ("pair", "mask") and record.label == REAL and not record.mask_path:
        return "largest"
    return recipe.subject


def follows_fakes(record: VideoRecord, recipe: CropRecipe) -> bool:
    """Whether the fakes of a video say whom it is cropped to: of reals, where nobody was named."""
    asked = recipe.subject in _BY_MANIPULATION
    return asked and record.label == REAL and resolve_policy(record, recipe) == "largest"


def leads_its_real(record: VideoRecord, recipe: CropRecipe) -> bool:
    """Whether a video may say whom its real shows: a fake that does not follow that itself."""
    asked = recipe.subject in _BY_MANIPULATION
    return asked and record.label == FAKE and resolve_policy(record, recipe) != "pair"
