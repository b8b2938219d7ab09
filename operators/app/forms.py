"""Input widgets and checks that several operator forms share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import fiftyone as fo
from fiftyone.operators import types

from ...detector.device import described
from ...detector.errors import ForensicsError
from ..dataset import fields

#: Choice of a checkpoint by its path. Not "": the App would show nothing for it.
A_FILE = "a checkpoint file or folder ..."


def choice(
    inputs: types.Object,
    name: str,
    options: Iterable[tuple[str, str]],
    *,
    default: str | None,
    label: str,
    description: str,
) -> types.Property:
    """A drop-down of (value, label) pairs."""
    view = types.DropdownView()
    values = []
    for value, text in options:
        values.append(value)
        view.add_choice(value, label=text)
    return inputs.enum(
        name, values, default=default, label=label, description=description, view=view
    )


def detector_or_file(
    inputs: types.Object, form: dict[str, Any], known: Iterable[tuple[str, str]]
) -> types.Property | None:
    """A drop-down of the ``known`` detectors, and a field for a checkpoint where it is asked for.

    Returns:
        the checkpoint's field, if it is shown
    """
    known = list(known)
    if known:
        choice(
            inputs,
            "detector",
            [*known, (A_FILE, A_FILE)],
            default=known[-1][0],
            label="Detector",
            description="Trained on this dataset, published or registered",
        )
    if known and form.get("detector") not in ("", A_FILE):
        return None
    return inputs.str(
        "checkpoint",
        required=True,
        label="Checkpoint",
        description="Folder of our format or of GenD, model.safetensors, or model.ckpt",
    )


def chosen_detector(form: Mapping[str, Any]) -> str:
    """The detector, or the checkpoint's path, that :func:`detector_or_file` asked for; or ""."""
    named = form.get("detector")
    return str((form.get("checkpoint") if named in (None, "", A_FILE) else named) or "")


def flag(
    inputs: types.Object, name: str, *, default: bool, label: str, description: str
) -> types.Property:
    """An on/off switch."""
    return inputs.bool(
        name, default=default, label=label, description=description, view=types.SwitchView()
    )


def detector_choice(
    inputs: types.Object, dataset: fo.Dataset, *, name: str = "key", label: str = "Detector"
) -> types.Property | None:
    """A drop-down of the detectors that have scored ``dataset``; a warning where none has."""
    keys = fields.detector_keys(dataset)
    if not keys:
        inputs.view(
            "no_scores",
            types.Warning(
                label="No detector has scored this dataset yet",
                description="Run 'Score faces' first; it writes the scores that this form needs.",
            ),
        )
        return None
    return choice(
        inputs,
        name,
        [(key, key) for key in keys],
        default=keys[-1],
        label=label,
        description="Key of the detector whose stored scores are used",
    )


def check(inputs: types.Object, properties: dict[str, types.Property], call: Callable[[], Any]):
    """Run a check while the form is resolved and show its error at the field that is wrong.

    Returns:
        what ``call`` returns, or None where it raised
    """
    try:
        return call()
    except ForensicsError as error:
        prop = properties.get(error.field or "")
        if prop is not None:
            prop.invalid = True
            prop.error_message = str(error)
        else:
            notice = types.Error(label=error.message, description=error.hint)
            inputs.view("input_error", notice)
        return None


def device(inputs: types.Object, form: Mapping[str, Any], made: dict[str, types.Property]) -> None:
    """Check the chosen device, and say at its field which one that is on this machine.

    Args:
        form: what is filled in; its ``device`` is checked
        made: the form's properties by name, ``device`` among them
    """
    shown = check(inputs, made, lambda: described(form.get("device")))
    if shown is not None:
        made["device"].view.description = f"{made['device'].view.description}; {shown}"


def require_dataset(ctx: Any, kind: str | None = None) -> fo.Dataset:
    """The current dataset, checked to be one of ours.

    Args:
        ctx: execution context
        kind: ``"faces"``, ``"videos"`` or None for either

    Raises:
        ForensicsError: no dataset is open, or it is of the other kind
    """
    dataset = ctx.dataset
    if dataset is None:
        raise ForensicsError("No dataset is open.", "Open one, or run 'Import deepfake dataset'.")
    found = fields.describe(dataset).get("kind")
    if kind is None or found == kind:
        return dataset
    linked = fields.describe(dataset).get(f"{'faces' if kind == 'faces' else 'video'}_dataset")
    what = "a faces dataset" if kind == "faces" else "a video dataset"
    hint = f"Open {linked!r}." if linked else "Run 'Extract faces' first."
    raise ForensicsError(f"{dataset.name!r} is not {what}.", hint)
