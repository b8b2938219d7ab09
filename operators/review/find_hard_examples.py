"""Defines the operator ``find_hard_examples``: ranked queues of faces as views, tags, fields."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import fiftyone as fo
from fiftyone import ViewField as F

from ...detector.audit.threshold import Threshold
from ...detector.errors import Cancelled, ForensicsError
from ...detector.progress import Progress, ShouldStop, never, silent
from ...detector.queues.catalogue import CATALOGUE
from ..app.checks import require_from, require_threshold
from ..app.current_detector import current
from ..app.form import Form
from ..app.outcome import Ending
from ..dataset import (
    appearance,
    dataset_changes,
    derived,
    fields,
    made_from,
    marked_views,
    saved_views,
    views,
)
from ..dataset.scored_items import unlabelled
from ..jobs.workflow import JobWorkflow
from ..thresholds.applied import applied
from .queue_columns import check_columns, read, untuned_key

DEFAULT = tuple(name for name, queue in CATALOGUE.items() if queue.default)
NO_TRUTH = "{} Queues of errors leave them out; unsteady persons and change points do not."
#: Columns that take minutes on many faces, so the work runs in a process of its own.
HEAVY = ("embedding", "generic")


def queue_field(key: str, queue: str) -> str:
    """Return the field with the rank of a face in a queue; 1 is the most urgent."""
    return f"{key}_rank_{queue}"


def queue_tag(queue: str) -> str:
    """Return the sample tag of a queue's faces, the reason code."""
    return f"hard:{queue}"


def run(
    samples: Any,
    *,
    key: str,
    queues: Sequence[str] = DEFAULT,
    threshold: float | None = None,
    limit: int = 200,
    per_video: int = 2,
    other: str | None = None,
    generic: str | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Fill review queues from the stored scores of detector ``key``, without deleting any sample.

    Args:
        samples: faces dataset or view
        key: detector key
        queues: names in :data:`detector.queues.catalogue.CATALOGUE`
        threshold: p_fake from which a face counts as fake; by default the one that every screen
            uses, see :class:`detector.audit.threshold.Stored`
        limit: most faces per queue
        per_video: most faces of one video per queue
        other: key of the second detector, for ``disagreement``
        generic: key of a detector on an untuned tower (a linear probe), whose embeddings
            ``near_duplicate`` and ``leak`` need; by default the newest one trained here
        progress, should_stop: see :mod:`detector.progress`

    Returns:
        ``{queue: {"faces": n, "videos": n, "view": saved view, "field": rank field, "threshold",
        "threshold_from"}}``

    Raises:
        ForensicsError: if a queue is unknown, the view is empty, there are no scores, the threshold
            is outside [0, 1], or a column that a queue needs is missing
        Cancelled: if the user stopped it; queues that are filled stay
    """
    from ...detector.queues.by_score import capped

    _check(queues, threshold, limit, per_video)
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    needed = {column for queue in queues for column in CATALOGUE[queue].needs}
    if "generic" in needed:
        generic = generic or untuned_key(dataset)
    check_columns(dataset, key, needed, other, generic)
    basis = made_from.basis_of(view, key, "face")  # before reading, so that a change shows
    at = applied(view, key, threshold, rates=False)
    faces = read(view, key, needed, other, generic)
    out = {}
    for number, queue in enumerate(queues):
        if should_stop():
            raise Cancelled("The queues were stopped.", "Queues that are filled are kept.")
        progress(number, len(queues), CATALOGUE[queue].label)
        order = _ranked(queue, faces, at.value)
        chosen = capped(order, faces.video.codes, per_video, limit)
        names = [faces.ids[int(i)] for i in chosen]
        out[queue] = {
            "faces": len(names),
            "videos": len(set(faces.video.codes[chosen].tolist())),
            **_write(dataset, key, queue, names, at),
            "threshold": at.value,
            "threshold_from": at.provenance,
        }
        derived.note(view, key, "queue", queue, basis)
    progress(len(queues), len(queues), "queues")
    return out


def _ranked(queue: str, faces: Any, threshold: float) -> Any:
    """Return the rows of a queue, most urgent first; if it needs the truth, only labelled rows."""
    import numpy as np

    known = np.flatnonzero(faces.label >= 0)
    if not CATALOGUE[queue].truth or len(known) == len(faces):
        return CATALOGUE[queue].rank(faces, threshold)
    if not len(known):
        return known
    return known[CATALOGUE[queue].rank(faces.take(known), threshold)]


def _check(queues: Sequence[str], threshold: float | None, limit: int, per_video: int) -> None:
    for queue in queues:
        if queue not in CATALOGUE:
            raise ForensicsError(
                f"There is no queue {queue!r}.", f"Known: {', '.join(CATALOGUE)}.", field="queues"
            )
    if not queues:
        raise ForensicsError("No queue is chosen.", "Choose at least one.", field="queues")
    require_threshold(threshold)
    require_from(1, limit=limit, per_video=per_video)


def _write(
    dataset: fo.Dataset, key: str, queue: str, ids: list[str], threshold: Threshold
) -> dict[str, str]:
    """Replace the earlier content of a queue: its ranks, its tags and its saved view."""
    field, tag = queue_field(key, queue), queue_tag(queue)
    name = f"hard_{key}_{queue}"
    with dataset_changes.alone(dataset, "fill a queue"):
        saved_views.drop(dataset, name)  # saved again when everything is written
        dataset_changes.declare(dataset, {field: fo.IntField})
        appearance.dress(dataset)
        old = dataset.match(F(field) != None)  # noqa: E711 - builds a database query
        old.set_values(field, [None] * len(old))
        dataset.match_tags(tag).untag_samples(tag)
        views.set_by_id(dataset, field, {sample_id: n for n, sample_id in enumerate(ids, 1)})
        for part in marked_views.slices(ids):
            dataset.select(part).tag_samples(tag)
        at = f"threshold {threshold.value:g} ({threshold.provenance})"
        text = f"{CATALOGUE[queue].label}: {CATALOGUE[queue].why}; {key}, {at}"
        view = dataset.match(F(field) != None).sort_by(field)  # noqa: E711
        saved_views.save(dataset, name, view, text)
    return {"view": name, "field": field}


class FindHardExamples(JobWorkflow):
    """Operator that ranks the faces that are worth a look and saves them as views."""

    label = "Find hard examples"
    description = (
        "Queues of errors, odd pairs, unsteady persons, doubtful labels, "
        "duplicates, hard examples to train on; as ranks, tags and saved views"
    )
    icon = "troubleshoot"
    run_name = "Hard examples of {key} in {dataset}"
    bar, doing = "queues", "Queues"
    first = ("key", "threshold", *DEFAULT, "other", "generic")
    writes = "It writes ranks, tags and a saved view for each queue, and deletes nothing."
    then = ("review_faces", "train_detector")

    def fill(self, form: Form, target: Any) -> None:
        if not form.detector():
            return
        key = str(form.params.get("key") or current(form.dataset))
        form.threshold(key, "p_fake from which a face counts as fake")
        if text := unlabelled(target):
            form.notice("unlabelled", "Not all faces have a ground truth", NO_TRUTH.format(text))
        for name, queue in CATALOGUE.items():
            form.flag(name, queue.label, queue.why, default=queue.default)
        chosen = _queues(form.params)
        keys = [(key, key) for key in fields.detector_keys(form.dataset)]
        needed = {column for name in chosen for column in CATALOGUE[name].needs}
        if "other_p_fake" in needed:
            others = [pair for pair in keys if pair[0] != key]
            form.choice("other", others, "Second detector", "For 'Detectors disagree'")
        if "generic" in needed:
            text = "A linear probe: a tuned tower puts different persons in one place"
            untuned = untuned_key(form.dataset)
            form.choice("generic", keys, "Untuned embeddings of", text, default=untuned)
        form.whole("limit", "Faces per queue", "At most", least=1)
        text = "At most, so that one video does not flood a queue"
        form.whole("per_video", "Faces per video", text, least=1)

        def looked_at() -> None:
            _check(chosen, *(form.value(name) for name in ("threshold", "limit", "per_video")))
            generic = form.params.get("generic") or untuned_key(form.dataset)
            check_columns(form.dataset, key, needed, form.params.get("other"), generic)

        form.check(looked_at)

    def arguments(self, ctx: Any) -> dict[str, Any]:
        return {**super().arguments(ctx), "queues": _queues(ctx.params)}

    def before(self, ctx: Any, target: Any, params: dict[str, Any]) -> Generator[Any, None, bool]:
        needed = {column for name in params["queues"] for column in CATALOGUE[name].needs}
        if needed.intersection(HEAVY):
            return False
        yield from self._end(ctx, run(target, **params))
        return True

    def ending(self, ctx: Any, done: dict[str, Any]) -> Ending:
        first = next((r["view"] for r in done.values() if r["faces"]), "")
        counts = ", ".join(f"{q.replace('_', ' ')} {r['faces']}" for q, r in done.items())
        one = next(iter(done.values()))
        at = f"Threshold {one['threshold']:g}: {one['threshold_from']}"
        return Ending(f"Queues, as saved views: {counts}. {at}", shows=first)


def _queues(form: dict[str, Any]) -> list[str]:
    """Return the queues that a form, or a queued call, asks for."""
    ticked = [name for name, queue in CATALOGUE.items() if form.get(name, queue.default)]
    return form.get("queues") or ticked
