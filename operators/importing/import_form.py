"""Builds the form of ``import_dataset``: folder, recognised format, preview, choices, terms."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import fiftyone as fo
from fiftyone.operators import types

from ..app.form import Form, chosen_path
from ..app.markup import plain
from ..dataset import fields
from ..importers.contract import ImportOptions
from ..importers.partial_import import is_audio_only
from ..importers.plan import ImportPlan, Source, plan_source, read_source
from ..importers.registry import importers

CHOICES = ("splits", "methods", "compressions")
COLUMNS = ("split", "method", "label", "compression", "found", "chosen", "official", "difference")
SHOWN_ROWS = 60


def options_of(params: dict[str, Any]) -> ImportOptions:
    """Return the import options among the form's values."""
    names = ImportOptions.__dataclass_fields__
    given = {k: v for k, v in params.items() if k in names and v not in (None, "", [])}
    return ImportOptions.from_params(given)


def fill(form: Form) -> None:
    """Add the fields that the values so far allow."""
    text = "Root folder of the dataset: it holds the dataset's own folders and lists"
    form.path("root", "Folder", text, folder=True)
    formats = [("auto", "recognise it"), *((i.name, i.title) for i in importers())]
    form.choice("format", formats, "Format", "What kind of dataset it is")
    root = chosen_path(form.params.get("root"))
    if not root:
        return
    if form.params.get("format") == "tree":
        text = "Path of a video below the folder, for example {label}/{method}/{video}.mp4, "
        text += "or of a frame: {split}/{label}/{video}/{frame}.png"
        form.text("pattern", "Pattern", text, required=True)
        text = "They are then never cropped again"
        form.flag("aligned", "The frames are face crops", text, default=False)
    source = form.check(lambda: _source(root, form.value("format"), _reading(form.params)))
    if source is None:
        return
    _recognised(form, source)
    _choices(form, source)
    plan = form.check(lambda: plan_source(source, options_of(form.params)))
    if plan is not None:
        _preview(form, plan)
    _target(form, source)


def _reading(params: dict[str, Any]) -> ImportOptions:
    """Return the options that decide what is read, without those that select from it."""
    names = ("pattern", "real_names", "media", "aligned", "dataset_name", "path_prefix", "manifest")
    return options_of({name: params.get(name) for name in (*names, "follow_links")})


def _source(root: str, format: str, options: ImportOptions) -> Source:
    """Return what the folder holds, cached for a minute because each typed key asks for it."""
    return _source_of_this_minute(root, format, options, int(time.monotonic() // 60))


@lru_cache(maxsize=2)
def _source_of_this_minute(root: str, format: str, options: ImportOptions, minute: int) -> Source:
    return read_source(root, format, options)


def _recognised(form: Form, source: Source) -> None:
    importer, reasons = source.importer, "; ".join(source.evidence.reasons)
    form.notice("recognised", f"{importer.title}, because {reasons}")
    form.warning("terms", "Terms of use", f"{importer.license_note} {importer.url}")
    if importer.gotchas:
        text = "\n".join(f"- {gotcha}" for gotcha in importer.gotchas)
        form.inputs.md(f"**Good to know**\n\n{text}", name="gotchas")


def _choices(form: Form, source: Source) -> None:
    values = {
        "splits": sorted({record.split or "none" for record in source.records}),
        "methods": sorted({record.method for record in source.records if record.label == 1}),
        "compressions": sorted({r.compression for r in source.records if r.compression}),
    }
    for name in CHOICES:
        if len(values[name]) > 1:
            text = "Empty: all"
            text += " (the reals stay in any case)" if name == "methods" else ""
            options = [(value, value) for value in values[name]]
            form.several(name, options, name.capitalize(), text, default=None)
    label = "First look: at most this many reals, and as many fakes"
    text = "By whole groups, so that pairs stay together; 0 imports everything"
    form.whole("max_per_class", label, text, least=0, default=0)
    if any(is_audio_only(record) for record in source.records):
        options = [
            ("keep", "keep them, labelled real with audio_label fake"),
            ("exclude", "leave out"),
        ]
        label = "Videos with manipulated sound only"
        form.choice("audio_only", options, label, "Their pictures are real", default="keep")
    if not source.importer.official_split or "none" in values["splits"]:
        options = [
            ("auto", "where the dataset has no official split"),
            ("always", "wherever a video has none"),
            ("never", "never"),
        ]
        text = "By whole groups, 70:10:20, marked as derived"
        form.choice("derive_splits", options, "Derive splits", text, default="auto")


def _preview(form: Form, plan: ImportPlan) -> None:
    report = plan.report
    rows = [
        {
            **{name: str(getattr(row, name)) for name in COLUMNS[:6]},
            "official": "" if row.official is None else str(row.official),
            "difference": "" if row.difference is None else f"{row.difference:+d}",
        }
        for row in report.counts[:SHOWN_ROWS]
    ]
    table = types.TableView()
    row_type = types.Object()
    for name in COLUMNS:
        if rows and not any(row[name] for row in rows):
            continue  # only some datasets have official counts, or a compression
        table.add_column(name, label=name)
        row_type.str(name)
    form.inputs.list("preview", row_type, default=rows, view=table, label="Preview")
    what = "videos" if report.media == "video" else f"sequences with {report.frames} frames"
    label = f"{report.chosen} of {report.found} {what}, in {report.groups} groups"
    form.notice("plan", label, " ".join(report.warnings))
    problems = report.problems()
    if problems:
        text = "\n".join(f"- {plain(problem)}" for problem in problems)
        form.inputs.md(f"**Check this before you import**\n\n{text}", name="problems")


def _target(form: Form, source: Source) -> None:
    text = "Created; or, if this plugin made it, extended by what it lacks"
    form.text("name", "Dataset", text, default=source.importer.name, required=True)
    name = form.params.get("name")
    if name and fo.dataset_exists(name):
        if fields.describe(fo.load_dataset(name)).get("kind"):
            label = f"{name} exists and is extended; tags and scores stay as they are"
            form.notice("extends", label)
        else:
            form.refuse("name", f"{name} exists and was not made by this plugin.")
    if not source.records[0].frames:
        text = "Size, length, frame rate, codec; broken files get a reason"
        form.flag("metadata", "Read the video files' metadata", text)
    text = "Set the paths of the videos in the dataset to this folder"
    form.flag("relocate", "The folder has moved", text)
    text = "Labels, methods, splits and pairs that differ between the source and the "
    text += "dataset, also onto the faces; without it they are kept and counted"
    form.flag("update", "Take over corrections", text)
