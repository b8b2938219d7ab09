"""Operator ``find_hard_examples``: ranked queues of faces as fields, tags and saved views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone import ViewField as F
from fiftyone.operators import types

from ...detector.errors import Cancelled, ForensicsError
from ...detector.queues.catalogue import CATALOGUE
from ..app import forms
from ..app.progress import Progress, ShouldStop, never, silent
from ..dataset import dataset_changes, derived, fields, made_from, saved_views, views
from ..jobs import from_python, job as jobs
from ..jobs.delegated import in_app, stop_of
from .queue_columns import check_columns, read, untuned_key

DEFAULT = tuple(name for name, queue in CATALOGUE.items() if queue.default)
#: Columns that take minutes on many faces: the work runs in a process of its own.
HEAVY = ("embedding", "generic")


def queue_field(key: str, queue: str) -> str:
    """Field with the rank of a face in a queue; 1 is the most urgent."""
    return f"{key}_rank_{queue}"


def queue_tag(queue: str) -> str:
    """Sample tag of a queue's faces: the reason code."""
    return f"hard:{queue}"


def run(
    samples: Any,
    *,
    key: str,
    queues: Sequence[str] = DEFAULT,
    threshold: float = 0.5,
    limit: int = 200,
    per_video: int = 2,
    other: str | None = None,
    generic: str | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Fill review queues from the stored scores of detector ``key``. Deletes no sample.

    Args:
        samples: faces dataset or view
        key: detector key
        queues: names of :data:`detector.queues.catalogue.CATALOGUE`
        threshold: p_fake from which a face counts as fake
        limit: faces per queue at most
        per_video: faces of one video per queue at most
        other: key of the second detector, for ``disagreement``
        generic: key of a detector on an untuned tower (a linear probe), whose embeddings
            ``near_duplicate`` and ``leak`` need; found by itself where it was trained here
        progress, should_stop: see :mod:`operators.app.progress`

    Returns:
        ``{queue: {"faces": n, "videos": n, "view": saved view, "field": rank field}}``

    Raises:
        ForensicsError: unknown queue, empty view, no scores, threshold outside [0, 1], or a column
            that a queue needs is not there
        Cancelled: stopped by the user; queues that are filled stay
    """
    from ...detector.queues.by_score import capped

    _check(queues, threshold, limit, per_video)
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    needed = {column for queue in queues for column in CATALOGUE[queue].needs}
    if "generic" in needed:
        generic = generic or untuned_key(dataset)
    check_columns(dataset, key, needed, other, generic)
    basis = made_from.basis_of(view, key, "face")  # before it is read: a change shows
    ids, faces = read(view, key, needed, other, generic)
    out = {}
    for number, queue in enumerate(queues):
        if should_stop():
            raise Cancelled("The queues were stopped.", "Those that are filled stay.")
        progress(number, len(queues), CATALOGUE[queue].label)
        order = CATALOGUE[queue].rank(faces, threshold)
        chosen = capped(order, faces.video_id, per_video, limit)
        names = [str(ids[i]) for i in chosen]
        out[queue] = {
            "faces": len(names),
            "videos": len(set(faces.video_id[chosen])),
            **_write(dataset, key, queue, names, threshold),
        }
        derived.note(view, key, "queue", queue, basis)
    progress(len(queues), len(queues), "queues")
    return out


def _check(queues: Sequence[str], threshold: float, limit: int, per_video: int) -> None:
    for queue in queues:
        if queue not in CATALOGUE:
            raise ForensicsError(
                f"There is no queue {queue!r}.", f"Known: {', '.join(CATALOGUE)}.", field="queues"
            )
    if not queues:
        raise ForensicsError("No queue is chosen.", "Choose at least one.", field="queues")
    if not 0.0 <= threshold <= 1.0:
        raise ForensicsError(
            f"The threshold {threshold} is outside [0, 1].", "p_fake is a probability.", "threshold"
        )
    for name, value in (("limit", limit), ("per_video", per_video)):
        if value < 1:
            raise ForensicsError(f"{name} is {value}.", "It must be 1 or more.", field=name)


def _write(
    dataset: fo.Dataset, key: str, queue: str, ids: list[str], threshold: float
) -> dict[str, str]:
    """Replace the earlier content of a queue: its ranks, its tags and its saved view."""
    field, tag = queue_field(key, queue), queue_tag(queue)
    name = f"hard_{key}_{queue}"
    with dataset_changes.alone(dataset, "fill a queue"):
        saved_views.drop(dataset, name)  # it comes back when all is written
        dataset_changes.declare(dataset, {field: fo.IntField})
        old = dataset.match(F(field) != None)  # noqa: E711 - builds a database query
        old.set_values(field, [None] * len(old))
        dataset.match_tags(tag).untag_samples(tag)
        views.set_by_id(dataset, field, {sample_id: n for n, sample_id in enumerate(ids, 1)})
        if ids:
            dataset.select(ids).tag_samples(tag)
        text = f"{CATALOGUE[queue].label}: {CATALOGUE[queue].why}; {key}, threshold {threshold:g}"
        view = dataset.match(F(field) != None).sort_by(field)  # noqa: E711
        saved_views.save(dataset, name, view, text)
    return {"view": name, "field": field}


class FindHardExamples(foo.Operator):
    """Ranks the faces that are worth a look and saves them as views."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="find_hard_examples",
            label="Find hard examples",
            description="Queues of errors, odd pairs, unsteady persons, doubtful labels, "
            "duplicates, hard examples to train on; as ranks, tags and saved views",
            icon="troubleshoot",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.LOW,
        )

    def __call__(
        self,
        samples: Any,
        *,
        delegate: bool = False,
        progress: Progress | None = None,
        **params: Any,
    ) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`."""
        return from_python.call(
            self, run, samples, params, delegate=delegate, progress=progress, bar="queues"
        )

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        form = types.Property(inputs, view=types.View(label="Find hard examples"))
        if forms.check(inputs, {}, lambda: self._faces(ctx)) is None:
            return form
        if forms.detector_choice(inputs, ctx.dataset) is None:
            return form
        properties = {
            "threshold": inputs.float(
                "threshold",
                default=0.5,
                label="Threshold",
                description="p_fake from which a face counts as fake, 0 to 1",
            )
        }
        for name, queue in CATALOGUE.items():
            forms.flag(
                inputs, name, default=queue.default, label=queue.label, description=queue.why
            )
        params = _params(ctx.params)
        keys = [(key, key) for key in fields.detector_keys(ctx.dataset)]
        needed = {column for name in params["queues"] for column in CATALOGUE[name].needs}
        if "other_p_fake" in needed:
            properties["other"] = forms.choice(
                inputs,
                "other",
                [pair for pair in keys if pair[0] != params["key"]],
                default=None,
                label="Second detector",
                description="For 'Detectors disagree'",
            )
        if "generic" in needed:
            properties["generic"] = forms.choice(
                inputs,
                "generic",
                keys,
                default=untuned_key(ctx.dataset),
                label="Untuned embeddings of",
                description="A linear probe: a tuned tower puts different persons in one place",
            )
        inputs.int("limit", default=200, min=1, label="Faces per queue", description="At most")
        inputs.int(
            "per_video",
            default=2,
            min=1,
            label="Faces per video",
            description="At most, so that one video does not flood a queue",
        )

        def looked_at() -> None:
            _check(params["queues"], params["threshold"], params["limit"], params["per_video"])
            if params["key"]:
                generic = params.get("generic") or untuned_key(ctx.dataset)
                check_columns(ctx.dataset, params["key"], needed, params.get("other"), generic)

        forms.check(inputs, properties, looked_at)
        return form

    @staticmethod
    def _faces(ctx: Any) -> Any:
        forms.require_dataset(ctx, "faces")
        view = views.target(ctx)
        views.require_samples(view, "faces")
        return view

    def resolve_run_name(self, ctx: Any) -> str:
        """Label of the queued job."""
        return f"Hard examples of {ctx.params.get('key')} in {ctx.dataset.name}"

    def execute(self, ctx: Any) -> Iterator[Any]:
        faces, params = self._faces(ctx), _params(ctx.params)
        if ctx.delegated:
            yield run(faces, progress=in_app(ctx), should_stop=stop_of(ctx), **params)
            return
        if any(column in HEAVY for name in params["queues"] for column in CATALOGUE[name].needs):
            job = jobs.start("find_hard_examples", faces, params)
            yield from jobs.follow(ctx, job, "Queues")
            result = job.result()
        else:
            result = run(faces, **params)
        yield ctx.ops.reload_dataset()
        first = next((r["view"] for r in result.values() if r["faces"]), None)
        if first:
            yield views.show_saved_view(ctx, first)
        counts = ", ".join(f"{q.replace('_', ' ')} {r['faces']}" for q, r in result.items())
        yield ctx.ops.notify(f"Queues, as saved views: {counts}", variant="success")


def _params(form: dict[str, Any]) -> dict[str, Any]:
    """The arguments of :func:`run` that a form gives."""
    queues = form.get("queues") or [
        name for name, queue in CATALOGUE.items() if form.get(name, queue.default)
    ]
    default = {"threshold": 0.5, "limit": 200, "per_video": 2}
    given = {k: form[k] if form.get(k) is not None else v for k, v in default.items()}
    more = {k: form[k] for k in ("other", "generic") if form.get(k)}
    return {"key": form.get("key"), "queues": queues, **given, **more}
