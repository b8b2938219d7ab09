"""Offers the next steps: buttons above the grid for what is open, and a sentence below a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fiftyone.operators as foo
from fiftyone.operators import types

from ..dataset import fields
from ..operator_list import name_of


def next_steps(dataset: Any) -> tuple[str, ...]:
    """Return the operators that a user of ``dataset`` is likely to want next, first one first.

    Args:
        dataset: the open dataset, None if there is none
    """
    if dataset is None:
        return ("import_dataset",)
    about = fields.describe(dataset)
    kind = about.get("kind")
    if kind is None:  # not one of ours
        return ("import_dataset", "use_dataset")
    if kind == "analyses":
        return ("analyze_file", "explain_faces", "export_report")
    if kind == "videos" or not about.get("aligned", True):  # whole frames, or videos
        return ("extract_faces",)
    if not fields.detector_keys(dataset):
        return ("score_faces", "import_scores")
    return (
        *("evaluate_detector", "find_hard_examples", "review_faces"),
        *("train_detector", "analyze_file", "export_report"),
    )


def button(operator: foo.Operator, dataset: Any) -> types.Placement | None:
    """Return the button that opens the form of ``operator``, None where it does not fit."""
    if name_of(type(operator).__module__) not in next_steps(dataset):
        return None
    config = operator.config
    return types.Placement(
        types.Places.SAMPLES_GRID_SECONDARY_ACTIONS,
        types.Button(label=config.label, icon=config.icon, prompt=True),
    )


def next_words(then: Sequence[str]) -> str:
    """Return which of the operators ``then`` are likely next, as a sentence; "" for none.

    A button in FiftyOne's window of results does not open another form, so there is none.
    """
    names = " or ".join(f"'{name.replace('_', ' ').capitalize()}'" for name in then)
    return f"Next: {names}, above the grid or by `." if names else ""
