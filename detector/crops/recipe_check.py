"""Checks before any work starts that a crop recipe and a time limit are valid."""

from __future__ import annotations

from ..errors import ForensicsError
from ..faces.detectors import detector_names
from ..frames.decoders import DECODERS
from ..frames.sampling import SAMPLING_MODES
from ..records import CropRecipe
from .align import BORDERS, INTERPOLATIONS, TEMPLATES
from .encoding import IMAGE_FORMATS
from .subject_policy import SUBJECT_POLICIES


def check_recipe(recipe: CropRecipe) -> None:
    """Raise :class:`ForensicsError`, with its field, for an invalid value of the recipe."""
    for name, allowed in (
        ("detector", detector_names()),
        ("sampling", SAMPLING_MODES),
        ("subject", SUBJECT_POLICIES),
        ("template", TEMPLATES),
        ("border", BORDERS),
        ("interpolation", INTERPOLATIONS),
        ("image_format", IMAGE_FORMATS),
        ("decoder", DECODERS),
    ):
        value = getattr(recipe, name)
        if value not in allowed:
            raise ForensicsError(
                f"The recipe's {name} is {value!r}.", f"Use one of {', '.join(allowed)}.", name
            )
    if not isinstance(recipe.refine_landmarks, bool):
        raise ForensicsError(
            f"The recipe's refine_landmarks is {recipe.refine_landmarks!r}.",
            "Use true or false.",
            "refine_landmarks",
        )
    for name, low, high in (
        ("count", 1, 1_000_000_000),
        ("score_threshold", 0.0, 1.0),
        ("scale", 0.1, 10.0),
        ("size", 0, 4096),
        ("max_side", 0, 100_000),
        ("min_eye_distance", 0.0, 10_000.0),
    ):
        value = getattr(recipe, name)
        if not low <= value <= high:
            raise ForensicsError(
                f"The recipe's {name} is {value}.", f"Choose {low} to {high}.", name
            )


def check_time_limit(seconds: float | None) -> None:
    """Raise :class:`ForensicsError` unless ``seconds`` is None or a positive number."""
    if seconds is None:
        return
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
        raise ForensicsError(
            f"The time limit cannot be {seconds!r} seconds.",
            "Give a number above 0, or nothing.",
            "time_limit_seconds",
        )
