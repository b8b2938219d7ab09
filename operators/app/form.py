"""Builds an operator's form: one call per field, with the defaults of the function that runs.

A field's default is that of the argument of the same name of the operator's ``run``, unless the
call gives another. A mistake is shown at the field that causes it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import fiftyone as fo
from fiftyone.operators import types

from ...detector.device import described
from ...detector.errors import ForensicsError
from ...detector.files.installation import require_installed
from ..dataset import fields
from ..thresholds.stored_thresholds import stored_of
from .checks import require_threshold
from .current_detector import current

#: The choice of a checkpoint by its path. Not "", for which the App would show nothing.
A_FILE = "a checkpoint file or folder ..."
#: Stands for the default of the argument of ``run`` with the field's name.
OF_RUN: Any = object()
#: Arguments of ``run`` that no form has.
_OF_CALLS = ("samples", "progress", "should_stop")
_EMPTY = (None, "")


class Form:
    """The fields of one form, and the values filled in so far.

    Attributes:
        ctx: the execution context; ``params`` are its values, ``dataset`` is the open dataset
        inputs: FiftyOne's object to which the fields are added
        made: property by field name; a checked mistake is shown at its field's property
    """

    def __init__(self, ctx: Any, run: Callable[..., Any] | None = None) -> None:
        self.ctx = ctx
        self.params: dict[str, Any] = ctx.params
        self.inputs = types.Object()
        self.made: dict[str, types.Property] = {}
        self._defaults = {} if run is None else defaults(run)

    @property
    def dataset(self) -> fo.Dataset:
        return self.ctx.dataset

    def default(self, name: str) -> Any:
        """Return the default of the argument ``name`` of ``run``, or None."""
        value = self._defaults.get(name)
        return list(value) if isinstance(value, tuple) else value

    def value(self, name: str) -> Any:
        """Return the value of ``name``, or the default of ``run`` while the field is empty."""
        given = self.params.get(name)
        return self.default(name) if given is None or given == "" else given

    def property(self, label: str) -> types.Property:
        """Return the form as a FiftyOne property."""
        return types.Property(self.inputs, view=types.View(label=label))

    # -- fields

    def choice(
        self,
        name: str,
        options: Iterable[tuple[str, str]],
        label: str,
        description: str = "",
        *,
        default: Any = OF_RUN,
        required: bool = False,
    ) -> types.Property:
        """Add a drop-down of (value, label) pairs."""
        options = list(options)
        given = self._given(name, label, description, default, required)
        given["view"] = _drop_down(options)
        return self._keep(name, self.inputs.enum(name, [value for value, _ in options], **given))

    def several(
        self,
        name: str,
        options: Iterable[tuple[str, str]],
        label: str,
        description: str = "",
        *,
        default: Any = OF_RUN,
        required: bool = False,
    ) -> types.Property:
        """Add a drop-down for any number of choices."""
        given = self._given(name, label, description, default, required)
        given["view"] = _drop_down(options, multiple=True)
        return self._keep(name, self.inputs.list(name, types.String(), **given))

    def flag(
        self, name: str, label: str, description: str = "", *, default: Any = OF_RUN
    ) -> types.Property:
        """Add an on/off switch."""
        given = self._given(name, label, description, default)
        return self._keep(name, self.inputs.bool(name, **given, view=types.SwitchView()))

    def text(
        self,
        name: str,
        label: str,
        description: str = "",
        *,
        default: Any = OF_RUN,
        required: bool = False,
    ) -> types.Property:
        """Add a line of text."""
        given = self._given(name, label, description, default, required)
        return self._keep(name, self.inputs.str(name, **given))

    def texts(self, name: str, label: str, description: str = "") -> types.Property:
        """Add any number of lines of text."""
        given = self._given(name, label, description, None)
        return self._keep(name, self.inputs.list(name, types.String(), **given))

    def whole(
        self,
        name: str,
        label: str,
        description: str = "",
        *,
        least: int | None = None,
        most: int | None = None,
        default: Any = OF_RUN,
    ) -> types.Property:
        """Add a whole number."""
        given = self._given(name, label, description, default)
        return self._keep(name, self.inputs.int(name, min=least, max=most, **given))

    def number(
        self,
        name: str,
        label: str,
        description: str = "",
        *,
        least: float | None = None,
        most: float | None = None,
        default: Any = OF_RUN,
    ) -> types.Property:
        """Add a number."""
        given = self._given(name, label, description, default)
        return self._keep(name, self.inputs.float(name, min=least, max=most, **given))

    def path(
        self, name: str, label: str, description: str = "", *, folder: bool = False
    ) -> types.Property:
        """Add a chooser for a file or ``folder``; a script may give a plain path."""
        given = self._given(name, label, description, None, required=True)
        if isinstance(self.params.get(name), str):
            return self._keep(name, self.inputs.str(name, **given))
        given["view"] = types.FileExplorerView(
            choose_dir=folder, button_label="Choose ...", choose_button_label="Use it"
        )
        return self._keep(name, self.inputs.file(name, **given))

    def threshold(self, key: str, text: str, level: str = "face") -> None:
        """Add the threshold of detector ``key``; the text says the usual one and its origin.

        Args:
            key: detector key
            text: what the threshold decides
            level: what is judged, see :func:`operators.thresholds.applied.applied`
        """
        usual = stored_of(self.dataset, key).judging(level=level)
        where = f"{usual.value:g}, {usual.provenance}"
        self.number("threshold", "Threshold", f"{text}, 0 to 1; empty: {where}", default=None)
        self.check(lambda: require_threshold(self.params.get("threshold")))

    def device(self, description: str = "Where it is computed", label: str = "Device") -> None:
        """Add the torch device, with the meaning of ``auto`` on this machine once it is known."""
        known = "auto, cpu, cuda, cuda:1, cuda:all, mps; empty is auto"
        self.text("device", label, f"{description}: {known}")
        self.describe_device()

    def describe_device(self) -> None:
        """Check the chosen device, and show at its field which device of this machine it is."""
        shown = self.check(lambda: described(self.params.get("device")))
        if shown:
            view = self.made["device"].view
            view.description = f"{view.description}; {shown}"

    def detector(
        self, name: str = "key", label: str = "Detector", dataset: fo.Dataset | None = None
    ) -> bool:
        """Add a drop-down of the detectors that have scored the dataset, or a warning if none has.

        Returns:
            whether a detector has scored it
        """
        among = self.dataset if dataset is None else dataset
        keys = fields.detector_keys(among)
        if not keys:
            self.warning(
                "no_scores",
                "No detector has scored this dataset yet",
                "Run 'Score faces' first; it writes the scores that this form needs.",
            )
            return False
        text = "Key of the detector whose stored scores are used"
        self.choice(name, [(key, key) for key in keys], label, text, default=current(among, keys))
        return True

    def detector_or_file(self, known: Iterable[tuple[str, str]]) -> types.Property | None:
        """Add a drop-down of the ``known`` detectors, and on request a field for a checkpoint.

        Returns:
            the checkpoint's field, if it is shown
        """
        known = list(known)
        if known:
            self.choice(
                "detector",
                [*known, (A_FILE, A_FILE)],
                "Detector",
                "Trained on this dataset, published or registered",
                default=known[-1][0],
            )
        if known and self.params.get("detector") not in ("", A_FILE):
            return None
        text = "Folder of our format or of GenD, model.safetensors, or model.ckpt"
        return self.text("checkpoint", "Checkpoint", text, required=True)

    # -- words

    def notice(self, name: str, label: str, description: str = "") -> None:
        """Add a fact above or between the fields."""
        self.inputs.view(name, types.Notice(label=label, description=description))

    def warning(self, name: str, label: str, description: str = "") -> None:
        """Add a warning that the user should read before pressing the button."""
        self.inputs.view(name, types.Warning(label=label, description=description))

    def refuse(self, name: str, error: str) -> None:
        """Show ``error`` at the field ``name``."""
        self.made[name].invalid = True
        self.made[name].error_message = error

    def check(self, call: Callable[[], Any], **at: str) -> Any:
        """Run a check while the form is resolved; show its error at the wrong field.

        Args:
            call: function that raises :class:`ForensicsError` if something is wrong
            **at: field of an error -> field of the form that shows it, if they differ

        Returns:
            the result of ``call``, or None if it raised an error
        """
        try:
            return call()
        except ForensicsError as error:
            field = at.get(error.field or "", error.field or "")
            if field in self.made:
                self.refuse(field, str(error))
            else:
                notice = types.Error(label=error.message, description=error.hint)
                self.inputs.view("input_error", notice)
            return None

    def has_parts(self, parts: Iterable[str]) -> bool:
        """Return whether the packages are installed; if not, say so in place of the form."""
        try:
            require_installed(*parts)
        except ForensicsError as error:
            notice = types.Error(label=error.message, description=error.hint)
            self.made["not_installed"] = self.inputs.view("not_installed", notice)
            self.refuse("not_installed", str(error))
            return False
        return True

    def _given(
        self, name: str, label: str, description: str, default: Any, required: bool = False
    ) -> dict[str, Any]:
        default = self.default(name) if default is OF_RUN else default
        given = {"default": default, "label": label, "description": description}
        return {**given, "required": required}

    def _keep(self, name: str, made: types.Property) -> types.Property:
        self.made[name] = made
        return made


def defaults(run: Callable[..., Any]) -> dict[str, Any]:
    """Return the arguments of ``run`` that a form may show, each with its default or None."""
    return {
        name: None if parameter.default is parameter.empty else parameter.default
        for name, parameter in inspect.signature(run).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in _OF_CALLS
    }


def arguments(run: Callable[..., Any], form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``run`` among a form's values; empty ones are left to ``run``."""
    given = {name: form.get(name) for name in defaults(run)}
    return {n: v for n, v in given.items() if not (v is None or v == "")}


def chosen_path(value: Any) -> str:
    """Return the path of :meth:`Form.path`: the chooser gives an object, a script a string."""
    if isinstance(value, dict):
        value = value.get("absolute_path")
    return str(value or "").strip()


def chosen_detector(form: Mapping[str, Any]) -> str:
    """Return the detector, or the checkpoint's path, of :meth:`Form.detector_or_file`; or ""."""
    named = form.get("detector")
    return str((form.get("checkpoint") if named in (*_EMPTY, A_FILE) else named) or "")


def _drop_down(options: Iterable[tuple[str, str]], **more: Any) -> types.DropdownView:
    view = types.DropdownView(**more)
    for value, text in options:
        view.add_choice(value, label=text)
    return view
