"""Defines the operator ``use_dataset``: adopts videos and images already in FiftyOne."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import fiftyone as fo
import fiftyone.core.media as fomm
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.progress import Progress, ShouldStop, never, silent
from ...detector.records import LABELS
from ..app.form import Form
from ..app.markup import plain
from ..app.open_dataset import require_dataset
from ..app.outcome import Ending
from ..dataset import fields, views
from ..dataset.dataset_changes import declare
from ..dataset.lease import exclusively
from ..jobs.workflow import JobWorkflow
from . import own_labels, own_samples, own_units
from .own_labels import CLIPS, FRAMES, IN_PLACE, PEOPLE, SLICES, Choice
from .own_samples import OwnSample

_FIELDS = (
    ("source_field", "Source", "Which dataset a sample is from; our source_dataset"),
    ("method_field", "Method", "How a fake was made"),
    ("compression_field", "Compression", "For example c23"),
    ("split_field", "Split", "train, val or test; 'tags' too"),
    ("person_field", "Person", "Who is seen: never on both sides of a split"),
)
NOT_SAID = "unlabelled"  # name of these samples in counts
_SUFFIX = {SLICES: "slices", CLIPS: "clips", FRAMES: "frames", PEOPLE: "people"}


@exclusively(lambda samples, **_: (samples._root_dataset, "use"))
def run(
    samples: Any,
    *,
    label_field: str,
    real: Sequence[str] | None = None,
    fake: Sequence[str] | None = None,
    unlabelled: Sequence[str] = (),
    source_field: str | None = None,
    method_field: str | None = None,
    compression_field: str | None = None,
    split_field: str | None = None,
    person_field: str | None = None,
    group_fields: Sequence[str] = (),
    video_field: str | None = None,
    frame_field: str | None = None,
    slices: Sequence[str] = (),
    aligned: bool = False,
    name: str | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Use a dataset or view that a person has put into FiftyOne; its own fields do not change.

    A flat dataset or view of videos or images is used in place: our fields are added to its
    samples, with names that begin with ``mf_``. Clips, frames, patches and grouped samples have no
    lasting sample of their own, so a dataset of ours is made beside them. No media are copied
    except the pictures of patches.

    Args:
        samples: dataset or view
        label_field: field whose values say real or fake: a label, text, number, flag, ``tags``, or
            the group field of a grouped dataset (its slices)
        real, fake, unlabelled: its values with this meaning; None: the usual words (``real``,
            ``original``, ``0`` ...; ``fake``, ``deepfake``, ``1`` ...). A sample without a value is
            unlabelled
        source_field, method_field, compression_field, split_field, person_field: fields with these
            facts, if there are any
        group_fields: samples that share a value of one of these fields are never divided by a split
        video_field: of images: the field that names the video they are frames of; without it each
            image counts by itself
        frame_field: of images: the field of their frame number, from 1; else they are in the order
            of the file names
        slices: slices of a grouped dataset; by default all of its videos or images
        aligned: whether the images are already face crops, which are not cropped again
        name: name of the dataset beside it; ``<dataset>-clips`` and so on by default
        progress, should_stop: see :mod:`detector.progress`

    Returns:
        ``{"dataset", "in_place", "kind", "counts", "videos", "groups", "left_out", "text"}``;
        ``dataset`` is the one to continue with, ``counts`` is label -> samples

    Raises:
        ForensicsError: if the samples cannot be used; the error names the argument it is about
    """
    choice = Choice(
        label_field=label_field,
        real=None if real is None else tuple(map(str, real)),
        fake=None if fake is None else tuple(map(str, fake)),
        unlabelled=tuple(map(str, unlabelled)),
        source_field=source_field,
        method_field=method_field,
        compression_field=compression_field,
        split_field=split_field,
        person_field=person_field,
        group_fields=tuple(group_fields),
        video_field=video_field,
        frame_field=frame_field,
        slices=tuple(slices),
        aligned=aligned,
    )
    kind, view, rows = _read(samples, choice)
    root = view._root_dataset
    lost: dict[str, int] = {}
    if kind == IN_PLACE:
        dataset = root
        _write_in_place(dataset, rows, choice, view.media_type == fomm.IMAGE)
    else:
        own_units.require_pictures(view, kind)
        dataset, is_new = own_units.open_units(name or f"{root.name}-{_SUFFIX[kind]}", root, kind)
        try:
            lost = own_units.write(dataset, view, rows, kind, aligned, progress, should_stop)
        except BaseException:
            if is_new:
                fo.delete_dataset(dataset.name)
            raise
    counts = Counter(NOT_SAID if row.label is None else LABELS[row.label] for row in rows)
    found = {
        "dataset": dataset.name,
        "in_place": kind == IN_PLACE,
        "kind": kind,
        "counts": dict(counts),
        "videos": len({row.values["video_id"] for row in rows}),
        "groups": len({row.values["group_id"] for row in rows}),
        "left_out": lost,
    }
    return {**found, "text": _words(found)}


def _read(samples: Any, choice: Choice) -> tuple[str, Any, list[OwnSample]]:
    kind = own_labels.kind_of(samples)
    views.require_samples(samples, "samples")
    view = own_labels.flat_samples(samples, choice)
    if choice.aligned and view.media_type != fomm.IMAGE:
        raise ForensicsError("Videos are not face crops.", "Switch it off.", "aligned")
    if kind == PEOPLE and choice.aligned:
        raise ForensicsError(
            "Patches of people are not aligned crops.", "Switch it off.", "aligned"
        )
    return kind, view, own_samples.read(view, kind, choice, view._root_dataset.name)


def _write_in_place(
    dataset: fo.Dataset, rows: list[OwnSample], choice: Choice, images: bool
) -> None:
    """Add our fields to the samples; those that were taken before keep their ids."""
    if not fields.is_adopted(dataset):
        theirs = [n for n in dataset.get_field_schema() if n.startswith(fields.PREFIX)]
        if theirs:
            raise ForensicsError(
                f"{dataset.name!r} has a field {theirs[0]!r}; ours begin with {fields.PREFIX!r}.",
                "Rename it, or take a clone of the dataset that lacks it.",
            )
    about = {fields.ADOPTED: True, "label_field": choice.label_field, "aligned": choice.aligned}
    fields.set_description(dataset, kind="videos", **about)
    fields.declare_common_fields(dataset)
    if images:
        declare(dataset, {fields.here(dataset, "frame_number"): fo.IntField})
    values = {}
    for row in rows:
        said = {fields.here(dataset, name): value for name, value in row.values.items()}
        if images:
            said[fields.here(dataset, "frame_number")] = row.frame_number
        values[row.sample_id] = said
    views.set_many_by_id(dataset, values)
    labels = {
        row.sample_id: None if row.label is None else fo.Classification(label=LABELS[row.label])
        for row in rows
    }
    views.set_by_id(dataset, fields.here(dataset, fields.GROUND_TRUTH), labels)
    dataset.reload()


def _words(found: dict[str, Any]) -> str:
    counts = ", ".join(f"{n:,} {label}" for label, n in found["counts"].items())
    where = "in place" if found["in_place"] else f"as the dataset {plain(found['dataset'])}"
    lost = "".join(f"; {n:,} left out ({why})" for why, n in found["left_out"].items())
    return (
        f"{counts}; {found['videos']:,} videos in {found['groups']:,} groups, taken {where}{lost}. "
        "Go on with 'Extract faces'."
    )


class UseDataset(JobWorkflow):
    """Operator that uses videos and images that are already in FiftyOne, where they are."""

    label = "Use dataset"
    description = (
        "Work on a dataset or view that is in FiftyOne already: choose which field says real or "
        "fake; its own fields stay as they are"
    )
    icon = "playlist_add_check"
    risk = types.RiskLevel.MEDIUM
    run_name = "Use {dataset}"
    bar, doing = "samples", "Samples"

    def target(self, ctx: Any) -> Any:
        require_dataset(ctx)
        view = ctx.target_view()
        own_labels.kind_of(view)
        views.require_samples(view, "samples")
        return view

    def fill(self, form: Form, target: Any) -> None:
        kind = own_labels.kind_of(target)
        if kind == SLICES and target.media_type == fomm.GROUP:
            media = target.group_media_types
            names = [(n, n) for n, m in media.items() if m in (fomm.VIDEO, fomm.IMAGE)]
            form.several("slices", names, "Slices", "All of its videos or images by default")
        choice = Choice("", slices=tuple(form.params.get("slices") or ()))
        view = form.check(lambda: own_labels.flat_samples(target, choice))
        if view is None:
            return
        own = [(name, name) for name in own_labels.candidates(view)]
        nothing = [("", "nothing says it"), *own]
        text = "The field whose values say real or fake"
        form.choice("label_field", own, "Label", text, required=True)
        self._meanings(form, view)
        for name, label, text in _FIELDS:
            form.choice(name, nothing, label, text, default="")
        text = "Samples that share a value of one of these are never divided by a split"
        form.several("group_fields", own, "Groups", text)
        if view.media_type == fomm.IMAGE:
            text = "The field that names the video; without it each image stands for itself"
            form.choice("video_field", nothing, "Frames of", text, default="")
            text = "From 1; else the order of the files' names"
            form.choice("frame_field", nothing, "Frame number", text, default="")
            form.flag("aligned", "Face crops already", "They are not cropped again")
        if kind != IN_PLACE:
            usual = f"{form.dataset.name}-{_SUFFIX[kind]}"
            text = "These samples do not last: a dataset beside this one holds them"
            form.text("name", "Dataset", text, default=usual)
        if form.params.get("label_field"):
            form.check(lambda: self._looked_at(form, target))

    def _meanings(self, form: Form, view: Any) -> None:
        field = form.params.get("label_field") or ""
        found = form.check(lambda: own_labels.values_of(view, field)) if field else None
        if not found:
            return
        usual = own_labels.meanings(found, Choice(field))
        options = [(value, f"{value} ({n:,})") for value, n in found.most_common()]
        for place, label in enumerate(LABELS):
            default = [value for value, meant in usual.items() if meant == place]
            form.several(label, options, label.capitalize(), f"Mean {label}", default=default)
        form.several("unlabelled", options, "Unlabelled", "Say nothing of real or fake")

    def _looked_at(self, form: Form, target: Any) -> None:
        given = self.arguments(form.ctx)
        names = {n: given[n] for n in Choice.__dataclass_fields__ if n in given}
        _, _, rows = _read(target, Choice(**{n: _fixed(v) for n, v in names.items()}))
        counts = Counter(NOT_SAID if row.label is None else LABELS[row.label] for row in rows)
        text = ", ".join(f"{n:,} {label}" for label, n in counts.items())
        groups = len({row.values["group_id"] for row in rows})
        form.notice("plan", text, f"{groups:,} groups that no split divides")

    def ending(self, ctx: Any, done: dict[str, Any]) -> Ending:
        beside = "" if done["in_place"] else done["dataset"]
        return Ending(done["text"], warn=bool(done["left_out"]), opens=beside)


def _fixed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
