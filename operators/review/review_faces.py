"""Defines the operator ``review_faces``: people's decisions on selected faces, with undo."""

from __future__ import annotations

from typing import Any, ClassVar

from fiftyone.operators import types

from ...detector.audit.audit_words import count
from ...detector.errors import ForensicsError
from ...detector.queues.catalogue import CATALOGUE
from ..app.form import Form
from ..app.open_dataset import require_dataset
from ..dataset import views
from ..jobs.workflow import Workflow
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
        action: a key of :data:`.decisions.ACTIONS`; or ``undo`` (``redo``), which undoes (redoes)
            the reviewer's own newest action, whatever ``samples`` holds
        note: stored with the faces; None keeps their notes
        reviewer: who decides; the user of this process by default
        key: detector whose scores the reviewer saw, stored with the decision; the current one by
            default

    Returns:
        ``{"faces": n, "progress": {queue: {"faces", "reviewed", ...}}}``

    Raises:
        ForensicsError: if the action is unknown, the view is empty, or there is nothing to undo
    """
    dataset = views.dataset_of(views.flat(samples))
    if action in (UNDO, REDO):
        faces = (review.undo if action == UNDO else review.redo)(dataset, reviewer)
    else:
        faces = review.act(samples, action, note, reviewer, key)
    ranks = [name for name in dataset.get_field_schema() if "_rank_" in name]
    return {"faces": faces, "progress": review.progress(dataset, ranks)}


class ReviewFaces(Workflow):
    """Operator that stores what a person decides about the selected faces."""

    label = "Review faces"
    description = (
        "Confirm or doubt the selected faces: right or wrong label, wrong face, "
        "unusable, keep for training, note; every action can be undone"
    )
    icon = "rate_review"
    run_name = "Review of {dataset}"
    answer = "Progress of the review"
    options: ClassVar = {"allow_delegated_execution": False}

    def __call__(self, samples: Any, **params: Any) -> Any:
        """Run the operator from Python, with the arguments and the result of :func:`run`."""
        return self.call(samples, params)

    def target(self, ctx: Any) -> Any:
        return require_dataset(ctx, "faces")

    def fill(self, form: Form, target: Any) -> None:
        options = [*review.ACTIONS.items(), (UNDO, "Undo my newest action"), (REDO, "Redo it")]
        text = "Labels stay as they are; nothing is deleted"
        form.choice("action", options, "Action", text, default=review.CONFIRMED)
        form.text("note", "Note", "Kept with these faces")
        text = "Kept with the decision; undo takes back your own. Empty: the App's user"
        form.text("reviewer", "Your name", text)
        action = form.params.get("action")
        if action == UNDO:
            number = review.next_undo(target, form.params.get("reviewer"))
            label = f"Action {number} will be undone" if number else "There is nothing to undo"
            form.notice("undo", label)
        elif action != REDO:
            faces = form.check(lambda: _chosen(form.ctx))
            if faces is not None:
                form.notice("count", count(len(faces), "selected face"))

    def execute(self, ctx: Any) -> dict[str, Any]:
        action = ctx.params.get("action") or review.CONFIRMED
        faces = ctx.dataset if action in (UNDO, REDO) else _chosen(ctx)
        result = run(faces, **{**self.arguments(ctx), "action": action})
        ctx.ops.set_selected_samples([])
        ctx.ops.reload_samples()
        told = {UNDO: "your newest action is undone", REDO: "the action is done again"}
        what = {**review.ACTIONS, **told}[action]
        text = f"{count(result['faces'], 'face')}: {what}"
        ctx.ops.notify(text, variant="success")
        return result

    def show(self, outputs: types.Object, found: dict[str, Any]) -> None:
        for name, counts in found["progress"].items():
            if not counts["faces"]:  # an empty queue needs no review
                continue
            line = f"{counts['reviewed']:,} of {counts['faces']:,} reviewed"
            outputs.view(name, types.Notice(label=_title(name), description=line))


def _chosen(ctx: Any) -> Any:
    """Return the selected faces, or the one that is open."""
    dataset = require_dataset(ctx, "faces")
    chosen = list(ctx.selected or []) or list(filter(None, [ctx.current_sample]))
    if not chosen:
        raise ForensicsError(
            "No face is selected.", "Tick faces in the grid, then open this form again."
        )
    return dataset.select(chosen)


def _title(name: str) -> str:
    """Return a queue's rank field in words; ``all`` is not a queue."""
    if name == "all":
        return "All faces"
    key, _, queue = name.partition("_rank_")
    return f"{CATALOGUE[queue].label if queue in CATALOGUE else queue} ({key})"
