"""Decides how a video's subject is chosen: by its mask, its real, its fakes or the face's size."""

from __future__ import annotations

from ..errors import ForensicsError
from ..records import FAKE, REAL, CropRecipe, VideoRecord

SUBJECT_POLICIES = ("auto", "mask", "pair", "largest", "all")
_BY_MANIPULATION = ("auto", "pair", "mask")  # policies that follow the manipulation


def resolve_policy(record: VideoRecord, recipe: CropRecipe) -> str:
    """Return the subject policy for one video.

    ``auto`` means ``mask`` if the record has a mask, else ``largest``. Under ``pair``, a fake's own
    mask takes precedence. Reals without a mask get ``largest`` under all of these, and follow their
    fakes if there are several people (:mod:`..faces.leads`).

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
    """Return whether a video's subject follows its fakes: a real with the policy ``largest``."""
    asked = recipe.subject in _BY_MANIPULATION
    return asked and record.label == REAL and resolve_policy(record, recipe) == "largest"


def leads_its_real(record: VideoRecord, recipe: CropRecipe) -> bool:
    """Return whether a video may determine its real's subject: a fake that does not follow it."""
    asked = recipe.subject in _BY_MANIPULATION
    return asked and record.label == FAKE and resolve_policy(record, recipe) != "pair"
