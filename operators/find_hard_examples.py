"""Operator ``find_hard_examples``: ranked queues of errors as fields, tags and saved views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone import ViewField as F
from fiftyone.operators import types

from ..detector.errors import ForensicsError
from . import forms, views

QUEUES = (
    ("false_positive", "False positives: reals that score as fake"),
    ("false_negative", "False negatives: fakes that score as real"),
    ("high_loss", "High loss, in turn from each method"),
    ("pair_anomaly", "Pair anomaly: fakes that score no higher than their own real"),
)


def queue_field(key: str, queue: str) -> str:
    """Field with the rank of a face in a queue; 1 is the most urgent."""
    return f"{key}_rank_{queue}"


def queue_tag(queue: str) -> str:
    """Sample tag of a queue's faces."""
    return f"hard:{queue}"


def run(
    samples: Any,
    *,
    key: str,
    queues: Sequence[str] = tuple(name for name, _ in QUEUES),
    threshold: float = 0.5,
    limit: int = 200,
    per_video: int = 2,
) -> dict[str, Any]:
    """Fill review queues from the stored scores of detector ``key``. Deletes no sample.

    Args:
        samples: faces dataset or view
        key: detector key
        queues: names of :data:`QUEUES`
        threshold: p_fake from which a face counts as fake
        limit: faces per queue at most
        per_video: faces of one video per queue at most

    Returns:
        ``{queue: {"faces": n, "videos": n, "view": saved view, "field": rank field}}``

    Raises:
        ForensicsError: unknown queue, empty view, no scores, threshold outside [0, 1]
    """
    from ..detector.queues import QUEUES as RANKINGS
    from ..detector.queues import ScoredFaces, capped

    _check(queues, threshold, limit, per_video)
    columns = views.face_scores(samples, key)
    dataset = views.dataset_of(views.flat(samples))
    faces = ScoredFaces(
        p_fake=columns.p_fake,
        label=columns.label,
        video_id=columns.video_id,
        method=columns.method,
        pair_id=columns.pair_id,
        frame_number=columns.frame_number,
    )
    out = {}
    for queue in queues:
        order = RANKINGS[queue](faces, threshold)
        chosen = capped(order, faces.video_id, per_video, limit)
        ids = [str(i) for i in columns.ids[chosen]]
        out[queue] = {
            "faces": len(ids),
            "videos": len(set(faces.video_id[chosen])),
            **_write(dataset, key, queue, ids, threshold),
        }
    return out


def _check(queues: Sequence[str], threshold: float, limit: int, per_video: int) -> None:
    known = [name for name, _ in QUEUES]
    for queue in queues:
        if queue not in known:
            raise ForensicsError(
                f"There is no queue {queue!r}.", f"Known: {', '.join(known)}.", field="queues"
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
    if not dataset.has_field(field):
        dataset.add_sample_field(field, fo.IntField)
    old = dataset.match(F(field) != None)  # noqa: E711 - builds a database query
    old.set_values(field, [None] * len(old))
    dataset.match_tags(tag).untag_samples(tag)
    views.set_by_id(dataset, field, {sample_id: n for n, sample_id in enumerate(ids, 1)})
    if ids:
        dataset.select(ids).tag_samples(tag)
    name = f"hard_{key}_{queue}"
    view = dataset.match(F(field) != None).sort_by(field)  # noqa: E711
    views.save_view(dataset, name, view, f"{dict(QUEUES)[queue]}; {key}, threshold {threshold:g}")
    return {"view": name, "field": field}


class FindHardExamples(foo.Operator):
    """Ranks the errors that are worth a look and saves them as views."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="find_hard_examples",
            label="Find hard examples",
            description="Queues of false positives, false negatives, high loss and odd pairs, from "
            "the stored scores; ranks, tags and saved views, nothing is deleted",
            icon="troubleshoot",
            dynamic=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.LOW,
        )

    def __call__(self, samples: Any, *, delegate: bool = False, **params: Any) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`."""
        if delegate:
            return foo.execute_operator(
                self.uri, dict(view=samples.view()), params=params, request_delegation=True
            )
        return run(samples, **params)

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        form = types.Property(inputs, view=types.View(label="Find hard examples"))
        if forms.check(inputs, {}, lambda: self._faces(ctx)) is None:
            return form
        if forms.detector_choice(inputs, ctx.dataset) is None:
            return form
        threshold = inputs.float(
            "threshold",
            default=0.5,
            label="Threshold",
            description="p_fake from which a face counts as fake, 0 to 1",
        )
        for name, text in QUEUES:
            title, _, detail = text.partition(": ")
            forms.flag(inputs, name, default=True, label=title, description=detail or title)
        inputs.int("limit", default=200, min=1, label="Faces per queue", description="At most")
        inputs.int(
            "per_video",
            default=2,
            min=1,
            label="Faces per video",
            description="At most, so that one video does not flood a queue",
        )
        params = _params(ctx.params)
        forms.check(
            inputs,
            {"threshold": threshold},
            lambda: _check(
                params["queues"], params["threshold"], params["limit"], params["per_video"]
            ),
        )
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

    def execute(self, ctx: Any) -> dict[str, Any]:
        result = run(self._faces(ctx), **_params(ctx.params))
        if not ctx.delegated and ctx.executor:
            ctx.ops.reload_dataset()
            first = next((r["view"] for r in result.values() if r["faces"]), None)
            if first:
                ctx.ops.set_view(name=first)
            counts = ", ".join(f"{q.replace('_', ' ')} {r['faces']}" for q, r in result.items())
            ctx.ops.notify(f"Queues: {counts}", variant="success")
        return result

    def resolve_output(self, ctx: Any) -> types.Property:
        outputs = types.Object()
        for name, text in QUEUES:
            found = (ctx.results or {}).get(name)
            if found:
                line = f"{found['faces']} faces of {found['videos']} videos: view {found['view']}"
                outputs.view(name, types.Notice(label=text.split(":")[0], description=line))
        return types.Property(outputs, view=types.View(label="Queues"))


def _params(form: dict[str, Any]) -> dict[str, Any]:
    """The arguments of :func:`run` that a form, or a call from Python, gives."""
    queues = form.get("queues") or [name for name, _ in QUEUES if form.get(name, True)]
    default = {"threshold": 0.5, "limit": 200, "per_video": 2}
    given = {k: form[k] if form.get(k) is not None else v for k, v in default.items()}
    return {"key": form.get("key"), "queues": queues, **given}
