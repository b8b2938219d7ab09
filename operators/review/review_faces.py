"""Operator ``review_faces``: decisions of people on the selected faces, each with an undo."""

from __future__ import annotations

from typing import Any

import fiftyone.operators as foo
from fiftyone.operators import types

from ...detector.audit.words import count
from ...detector.errors import ForensicsError
from ...detector.queues.catalogue import CATALOGUE
from ..app import forms
from ..dataset import views
from . import decisions as review

UNDO, REDO = "undo", "redo"


def run(
    samples: Any,
    *,
    action: str,
    note: str | None = None,
    reviewer: str | None = None,
    key: str | None = None,
) -> dict[str, Any]:
    """Apply a review action to every face of ``samples``; changes no label, deletes nothing.

    Args:
        samples: faces dataset or view
        action: a key of :data:`.decisions.ACTIONS`; or ``undo`` (``redo``), which takes the
            reviewer's own newest action back (does it again), whatever ``samples`` holds
        note: kept with the faces; None leaves their notes
        reviewer: who decides; the user of this process by default
        key: detector whose scores were in sight, kept with the decision; the newest by default

    Returns:
        ``{"faces": n, "progress": {queue: {"faces", "reviewed", ...}}}``

    Raises:
        ForensicsError: unknown action, empty view, nothing to undo
    """
    dataset = views.dataset_of(views.flat(samples))
    if action in (UNDO, REDO):
        faces = (review.undo if action == UNDO else review.redo)(dataset, reviewer)
    else:
        faces = review.act(samples, action, note, reviewer, key)
    ranks = [name for name in dataset.get_field_schema() if "_rank_" in name]
    return {"faces": faces, "progress": review.progress(dataset, ranks)}


class ReviewFaces(foo.Operator):
    """What a person says about the selected faces."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="review_faces",
            label="Review faces",
            description="Confirm or doubt the selected faces: right or wrong label, wrong face, "
            "unusable, keep for training, note; every action can be undone",
            icon="rate_review",
            dynamic=True,
            allow_immediate_execution=True,
            allow_delegated_execution=False,
            risk_level=types.RiskLevel.LOW,
        )

    def __call__(self, samples: Any, **params: Any) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`."""
        return run(samples, **params)

    def resolve_placement(self, ctx: Any) -> types.Placement:
        """A button above the grid."""
        return types.Placement(
            types.Places.SAMPLES_GRID_SECONDARY_ACTIONS,
            types.Button(label="Review faces", icon="rate_review", prompt=True),
        )

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        form = types.Property(inputs, view=types.View(label="Review faces"))
        if forms.check(inputs, {}, lambda: forms.require_dataset(ctx, "faces")) is None:
            return form
        action = forms.choice(
            inputs,
            "action",
            [*review.ACTIONS.items(), (UNDO, "Undo my newest action"), (REDO, "Redo it")],
            default=review.CONFIRMED,
            label="Action",
            description="Labels stay as they are; nothing is deleted",
        )
        note = inputs.str("note", label="Note", description="Kept with these faces")
        inputs.str(
            "reviewer",
            label="Your name",
            description="Kept with the decision; undo takes back your own. Empty: the App's user",
        )
        if ctx.params.get("action") in (UNDO, REDO):
            if ctx.params["action"] == UNDO:
                number = review.next_undo(ctx.dataset, ctx.params.get("reviewer"))
                label = f"Action {number} is taken back" if number else "There is nothing to undo"
                inputs.view("undo", types.Notice(label=label))
            return form
        properties = {"action": action, "note": note}
        faces = forms.check(inputs, properties, lambda: self._faces(ctx))
        if faces is not None:
            inputs.view("count", types.Notice(label=f"{len(faces):,} selected faces"))
        return form

    @staticmethod
    def _faces(ctx: Any) -> Any:
        """The selected faces, or the one that is open."""
        dataset = forms.require_dataset(ctx, "faces")
        chosen = list(ctx.selected or []) or list(filter(None, [ctx.current_sample]))
        if not chosen:
            raise ForensicsError(
                "No face is selected.", "Tick faces in the grid, then open this form again."
            )
        return dataset.select(chosen)

    def resolve_run_name(self, ctx: Any) -> str:
        """Label of the action."""
        return f"Review of {ctx.dataset.name}"

    def execute(self, ctx: Any) -> dict[str, Any]:
        action = ctx.params.get("action") or review.CONFIRMED
        faces = ctx.dataset if action in (UNDO, REDO) else self._faces(ctx)
        given = {name: ctx.params.get(name) or None for name in ("note", "reviewer")}
        result = run(faces, action=action, **given)
        ctx.ops.set_selected_samples([])
        ctx.ops.reload_samples()
        told = {UNDO: "your newest action is undone", REDO: "the action is done again"}
        what = {**review.ACTIONS, **told}[action]
        text = f"{count(result['faces'], 'face')}: {what}"
        ctx.ops.notify(text, variant="success")
        return result

    def resolve_output(self, ctx: Any) -> types.Property:
        outputs = types.Object()
        for name, counts in ((ctx.results or {}).get("progress") or {}).items():
            if not counts["faces"]:  # an empty queue needs no review
                continue
            line = f"{counts['reviewed']:,} of {counts['faces']:,} reviewed"
            outputs.view(name, types.Notice(label=_title(name), description=line))
        return types.Property(outputs, view=types.View(label="Progress of the review"))


def _title(name: str) -> str:
    """A queue's rank field in words; ``all`` is no queue."""
    if name == "all":
        return "All faces"
    key, _, queue = name.partition("_rank_")
    return f"{CATALOGUE[queue].label if queue in CATALOGUE else queue} ({key})"
