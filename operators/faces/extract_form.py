"""Builds the form of ``extract_faces``, and turns its values into the arguments of ``run``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...detector.errors import ForensicsError
from ...detector.files.cache import cache_dir
from ...detector.frames.decoders import DECODERS, SOFTWARE, require_decoder
from ...detector.records import CropRecipe
from ...detector.weights.fetch import weights_path
from ...detector.weights.known import LANDMARKS, known
from ..app.form import Form
from ..dataset import faces_dataset, fields
from ..jobs import runners

SAMPLINGS = (
    ("spread", "spread: from the middle outwards, until enough faces are found"),
    ("uniform", "uniform: evenly over the video, as the papers do"),
    ("stride", "stride: every n-th frame"),
)
SUBJECTS = (
    ("auto", "auto: the manipulation mask where there is one, else the largest face"),
    ("largest", "largest: the largest face, the same person over time"),
    ("mask", "mask: the face that the manipulation mask covers"),
    ("pair", "pair: the face of the paired real video"),
    ("all", "all: every face"),
)
BORDERS = (("zero", "black (the reference)"), ("reflect", "mirrored"), ("replicate", "repeated"))
INTERPOLATIONS = (
    ("linear", "linear (the reference)"),
    ("cubic", "cubic"),
    ("area", "area: averages when shrinking"),
)
FORMATS = (("png", "PNG (lossless, the reference)"), ("jpeg", "JPEG 95"), ("webp", "WebP 95"))
_PLAIN_RECIPE = CropRecipe()
_RECIPE = (
    *("sampling", "subject", "detector", "template", "scale", "size", "border", "interpolation"),
    *("image_format", "score_threshold", "max_side", "min_eye_distance", "refine_landmarks"),
    "decoder",
)
_PLAIN = (
    *("faces_name", "crops_dir", "device", "weights", "allow_download", "merge_from"),
    "time_limit_seconds",
)


def fill(form: Form, view: Any) -> None:
    """Add every field of the form; mistakes are shown at the wrong field."""
    from ...detector.faces.detectors import detector_titles

    text = "One sample per aligned crop; created, or extended with new frames"
    form.text("faces_name", "Faces dataset", text, default=faces_dataset.usual_name(form.dataset))
    text = "Usable faces wanted per video (for stride: the step in frames). Raising it later "
    text += "computes only the new frames"
    form.whole("count", "Frames per video", text, least=1, default=_PLAIN_RECIPE.count)
    _recipe(form, "sampling", SAMPLINGS, "Frames", "Which frames are looked at")
    text = "All faces are detected and tracked; this one is cropped and scored"
    _recipe(form, "subject", SUBJECTS, "Which face", text)
    text = "Gives the box and the five points of the alignment"
    _recipe(form, "detector", detector_titles(), "Face detector", text)
    text = "A second network (O-Net) places the five points of each face: better on "
    text += "small, tilted and grimacing faces. Not the reference procedure, so off by default"
    form.flag("refine_landmarks", "Refine the landmarks", text, default=False)
    _weights(form)
    runners.fill(form)
    _alignment(form)
    _work(form)
    form.check(lambda: arguments(form.params))
    videos = len(view.distinct(fields.here(form.dataset, "video_id")))
    crops = "" if form.params.get("sampling") == "stride" else _crops(videos, form.params)
    text = "Crops of 256 x 256 pixels, template and margin of GenD (scale 1.3), unless set "
    text += "otherwise; another recipe makes another faces dataset, because the same detector "
    text += "scores other crops differently. The work runs in a process of its own; closing the "
    form.notice("plan", f"{videos} videos{crops}", text + "App does not end it.")


def _recipe(
    form: Form, name: str, options: Iterable[tuple[str, str]], label: str, text: str
) -> None:
    form.choice(name, options, label, text, default=getattr(_PLAIN_RECIPE, name))


def _crops(videos: int, form: Mapping[str, Any]) -> str:
    count = form.get("count")
    return f", up to {videos * (count if isinstance(count, int) else 32)} crops"


def _weights(form: Form) -> None:
    """Add fields for the weights of the chosen detector if they are not on this machine."""
    detector = form.params.get("detector") or _PLAIN_RECIPE.detector
    needed = [detector] + [LANDMARKS] * bool(form.params.get("refine_landmarks"))
    missing = [e for e in map(known, needed) if not (cache_dir() / e.file).is_file()]
    if not missing:
        return
    label = f"Fetch the weights ({sum(e.size for e in missing) / 1e6:.1f} MB)"
    text = "; ".join(f"{e.origin}; {e.license}" for e in missing) + ". Checked by sha256"
    form.made["weights"] = form.flag("allow_download", label, text)  # a mistake is shown here
    if missing[0].name == detector:
        form.text("weights", "Or a weight file", "A file on the machine that does the work")


def _alignment(form: Form) -> None:
    from ...detector.crops.align import TEMPLATE_TITLES

    text = "Where the five points go in the crop"
    _recipe(form, "template", TEMPLATE_TITLES.items(), "Template", text)
    _recipe(form, "border", BORDERS, "Border", "What lies outside the frame")
    _recipe(form, "interpolation", INTERPOLATIONS, "Interpolation", "Between pixels")
    _recipe(form, "image_format", FORMATS, "Format", "Of the crop files")
    for add, name, label, text in (
        (form.number, "scale", "Scale", "Margin around the template"),
        (form.whole, "size", "Size", "Side of a crop in pixels; 0 keeps the face's own resolution"),
        (
            form.whole,
            "max_side",
            "Detection size",
            "Frames are shrunk to it for detection only; 0: never",
        ),
        (form.number, "score_threshold", "Least detector score", "0 to 1"),
        (
            form.number,
            "min_eye_distance",
            "Least distance of the eyes",
            "In pixels; smaller is too_small",
        ),
    ):
        least = 0 if add == form.whole else None
        add(name, label, text, least=least, default=getattr(_PLAIN_RECIPE, name))


def _work(form: Form) -> None:
    form.device()
    text = "cuda: a GPU decodes the H.264 files of which it gives the same first frames; "
    text += "it does not notice damage within a frame. Another recipe"
    _recipe(form, "decoder", [(name, name) for name in DECODERS], "Decoder", text)
    form.check(lambda: require_decoder(form.params.get("decoder") or SOFTWARE))
    text = "A video that takes longer gets the reason time_limit and the others go on, "
    text += "even if reading it hangs. Empty: no limit"
    form.number("time_limit_seconds", "Seconds per video", text)
    form.text("crops_dir", "Crop folder", "Empty: beside FiftyOne's datasets")
    text = "Made elsewhere by extract_command; copied into the crop folder first"
    form.texts("merge_from", "Crop folders of shards", text)


def arguments(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``extract_faces.run`` that a form gives, checked.

    Raises:
        ForensicsError: an invalid value (with its field), or missing weights
    """
    from ...detector.crops.recipe_check import check_recipe, check_time_limit

    count = form.get("count", 32)
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise ForensicsError(f"{count!r} frames.", "Give a whole number from 1.", field="count")
    given = {name: form[name] for name in _RECIPE if form.get(name) not in (None, "")}
    recipe = CropRecipe.from_json({**(form.get("recipe") or {}), **given, "count": count})
    check_recipe(recipe)
    kept = {name: form[name] for name in _PLAIN if form.get(name) not in (None, "", [])}
    check_time_limit(kept.get("time_limit_seconds"))
    if not kept.get("allow_download"):
        weights_path(recipe.detector, kept.get("weights"))
        if recipe.refine_landmarks:
            weights_path(LANDMARKS)
    return {"recipe": recipe.to_json(), "count": count, **kept, **runners.arguments(form)}


def as_form(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments of ``extract_faces.run`` as form values, the inverse of :func:`arguments`.

    Every part of the recipe is included, because FiftyOne fills missing values with the form's
    defaults.
    """
    recipe = params.get("recipe") or CropRecipe()
    recipe = recipe if isinstance(recipe, CropRecipe) else CropRecipe.from_json(recipe)
    spelled = {name: getattr(recipe, name) for name in _RECIPE}
    count = recipe.count if params.get("count") is None else params["count"]
    return {**params, **spelled, "recipe": recipe.to_json(), "count": count}
