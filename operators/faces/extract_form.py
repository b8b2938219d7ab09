"""The form of ``extract_faces``: what it asks, and the arguments of ``run`` that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files.cache import cache_dir
from ...detector.records import CropRecipe
from ...detector.weights.fetch import weights_path
from ...detector.weights.known import LANDMARKS, known
from ..app import forms
from ..jobs import runners

DETECTORS = (
    ("retinaface_mobile0.25", "RetinaFace mobile0.25 (fast; the default)"),
    ("retinaface_mobile0.25-facexlib", "RetinaFace mobile0.25, facexlib's own weights"),
    ("retinaface_resnet50", "RetinaFace ResNet-50 (more exact; wants a GPU)"),
    ("yunet", "YuNet of OpenCV (fast on a CPU)"),
)
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
TEMPLATES = (
    ("gend", "GenD (the reference)"),
    ("dfb", "DeepfakeBench"),
    ("ffhq", "FFHQ, as facexlib (use scale 1)"),
)
BORDERS = (("zero", "black (the reference)"), ("reflect", "mirrored"), ("replicate", "repeated"))
INTERPOLATIONS = (
    ("linear", "linear (the reference)"),
    ("cubic", "cubic"),
    ("area", "area: averages when shrinking"),
)
FORMATS = (("png", "PNG (lossless, the reference)"), ("jpeg", "JPEG 95"), ("webp", "WebP 95"))
_RECIPE = (
    *("sampling", "subject", "detector", "template", "scale", "size", "border", "interpolation"),
    *("image_format", "score_threshold", "max_side", "min_eye_distance", "refine_landmarks"),
)
_PLAIN = (
    *("faces_name", "crops_dir", "device", "weights", "allow_download", "merge_from"),
    "time_limit_seconds",
)


def fill(inputs: types.Object, ctx: Any, view: Any) -> None:
    """Add every field of the form; mistakes are shown at the field that is wrong."""
    made = {
        "faces_name": inputs.str(
            "faces_name",
            default=f"{ctx.dataset.name}-faces",
            label="Faces dataset",
            description="One sample per aligned crop; created, or extended with new frames",
        ),
        "count": inputs.int(
            "count",
            default=32,
            min=1,
            label="Frames per video",
            description="Usable faces wanted per video (for stride: the step in frames). Raising "
            "it later computes only the new frames",
        ),
    }
    for name, options, label, description in (
        ("sampling", SAMPLINGS, "Frames", "Which frames are looked at"),
        (
            "subject",
            SUBJECTS,
            "Which face",
            "All faces are detected and tracked; this one is cropped and scored",
        ),
        (
            "detector",
            DETECTORS,
            "Face detector",
            "Gives the box and the five points of the alignment",
        ),
    ):
        made[name] = forms.choice(
            inputs, name, options, default=options[0][0], label=label, description=description
        )
    made["refine_landmarks"] = forms.flag(
        inputs,
        "refine_landmarks",
        default=False,
        label="Refine the landmarks",
        description="A second network (O-Net) places the five points of each face: better on "
        "small, tilted and grimacing faces. Not the reference procedure, so off by default",
    )
    _weights(inputs, ctx.params, made)
    runners.fill(inputs, ctx.params, made)
    forms.flag(
        inputs,
        "more",
        default=False,
        label="More settings",
        description="Alignment, thresholds, storage, device. Another recipe makes another "
        "faces dataset: the same detector scores other crops differently",
    )
    if ctx.params.get("more"):
        _alignment(inputs, made)
        _work(inputs, ctx.params, made)
    forms.check(inputs, made, lambda: arguments(ctx.params))
    videos = len(set(view.values("video_id")))
    crops = "" if ctx.params.get("sampling") == "stride" else _crops(videos, ctx.params)
    inputs.view(
        "plan",
        types.Notice(
            label=f"{videos} videos{crops}",
            description="Crops of 256 x 256 pixels, template and margin of GenD (scale 1.3), "
            "unless set otherwise. The work runs in a process of its own; closing the App does "
            "not end it.",
        ),
    )


def _crops(videos: int, form: Mapping[str, Any]) -> str:
    count = form.get("count")
    return f", up to {videos * (count if isinstance(count, int) else 32)} crops"


def _weights(inputs: types.Object, form: Mapping[str, Any], made: dict[str, Any]) -> None:
    """Ask for the weights of the chosen detector where they are not on this machine."""
    detector = form.get("detector") or DETECTORS[0][0]
    needed = [detector] + [LANDMARKS] * bool(form.get("refine_landmarks"))
    missing = [e for e in map(known, needed) if not (cache_dir() / e.file).is_file()]
    if not missing:
        return
    made["allow_download"] = forms.flag(
        inputs,
        "allow_download",
        default=False,
        label=f"Fetch the weights ({sum(e.size for e in missing) / 1e6:.1f} MB)",
        description="; ".join(f"{e.origin}; {e.license}" for e in missing) + ". Checked by sha256",
    )
    made["weights"] = made["allow_download"]  # where a mistake is shown
    if missing[0].name == detector:
        made["weights"] = inputs.str(
            "weights",
            label="Or a weight file",
            description="A file on the machine that does the work",
        )


def _alignment(inputs: types.Object, made: dict[str, Any]) -> None:
    for name, options, label, description in (
        ("template", TEMPLATES, "Template", "Where the five points go in the crop"),
        ("border", BORDERS, "Border", "What lies outside the frame"),
        ("interpolation", INTERPOLATIONS, "Interpolation", "Between pixels"),
        ("image_format", FORMATS, "Format", "Of the crop files"),
    ):
        made[name] = forms.choice(
            inputs, name, options, default=options[0][0], label=label, description=description
        )
    plain = CropRecipe()
    made["scale"] = inputs.float(
        "scale", default=plain.scale, label="Scale", description="Margin around the template"
    )
    for name, label, description in (
        ("size", "Size", "Side of a crop in pixels; 0 keeps the face's own resolution"),
        ("max_side", "Detection size", "Frames are shrunk to it for detection only; 0: never"),
    ):
        made[name] = inputs.int(
            name, default=getattr(plain, name), min=0, label=label, description=description
        )
    for name, label, description in (
        ("score_threshold", "Least detector score", "0 to 1"),
        ("min_eye_distance", "Least distance of the eyes", "In pixels; smaller is too_small"),
    ):
        made[name] = inputs.float(
            name, default=getattr(plain, name), label=label, description=description
        )


def _work(inputs: types.Object, form: Mapping[str, Any], made: dict[str, Any]) -> None:
    made["device"] = inputs.str(
        "device", label="Device", description="auto, cpu, cuda, cuda:1, mps; empty is auto"
    )
    forms.device(inputs, form, made)
    made["time_limit_seconds"] = inputs.float(
        "time_limit_seconds",
        label="Seconds per video",
        description="A video that takes longer gets the reason time_limit and the others go on, "
        "even if reading it hangs. Empty: no limit",
    )
    made["crops_dir"] = inputs.str(
        "crops_dir", label="Crop folder", description="Empty: beside FiftyOne's datasets"
    )
    made["merge_from"] = inputs.list(
        "merge_from",
        types.String(),
        label="Crop folders of shards",
        description="Made elsewhere by extract_command; copied into the crop folder first",
    )


def arguments(form: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``extract_faces.run`` that a form gives, checked.

    Raises:
        ForensicsError: a value that cannot be, with its field; weights that are not there
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
    """The arguments of ``extract_faces.run`` as form values; the inverse of :func:`arguments`.

    Every part of the recipe is spelled out, because FiftyOne fills what is missing with the
    defaults of the form.
    """
    recipe = params.get("recipe") or CropRecipe()
    recipe = recipe if isinstance(recipe, CropRecipe) else CropRecipe.from_json(recipe)
    spelled = {name: getattr(recipe, name) for name in _RECIPE}
    count = recipe.count if params.get("count") is None else params["count"]
    return {**params, **spelled, "recipe": recipe.to_json(), "count": count}
