"""The App form of ``import_dataset``: folder, what was recognised, preview, choices, terms."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import fiftyone as fo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ..app import forms
from ..app.markup import plain
from ..dataset import fields
from ..importers.contract import ImportOptions
from ..importers.plan import ImportPlan, Source, plan_source, read_source
from ..importers.registry import importers
from ..importers.selection import is_audio_only

CHOICES = ("splits", "methods", "compressions")
COLUMNS = ("split", "method", "label", "compression", "found", "chosen", "official", "difference")
SHOWN_ROWS = 60


def chosen_root(params: dict[str, Any]) -> str:
    """The folder of the form: the chooser gives an object, Python a string."""
    root = params.get("root")
    if isinstance(root, dict):
        root = root.get("absolute_path")
    return str(root or "").strip()


def options_of(params: dict[str, Any]) -> ImportOptions:
    """The import options among the form's values."""
    names = ImportOptions.__dataclass_fields__
    given = {k: v for k, v in params.items() if k in names and v not in (None, "", [])}
    return ImportOptions.from_params(given)


def build(ctx: Any) -> types.Object:
    """The form for the values that were typed so far."""
    inputs = types.Object()
    params = ctx.params
    props: dict[str, types.Property] = {}
    props["root"] = _root_part(inputs, params)
    props["format"] = forms.choice(
        inputs,
        "format",
        [("auto", "recognise it"), *((i.name, i.title) for i in importers())],
        default="auto",
        label="Format",
        description="What kind of dataset it is",
    )
    root = chosen_root(params)
    if not root:
        return inputs
    if params.get("format") == "tree":
        _tree_part(inputs, props)
    source = forms.check(
        inputs, props, lambda: _source(root, params.get("format") or "auto", _reading(params))
    )
    if source is None:
        return inputs
    _recognised(inputs, source)
    _choices(inputs, props, source)
    plan = forms.check(inputs, props, lambda: plan_source(source, options_of(params)))
    if plan is not None:
        _preview(inputs, plan)
    _target(inputs, props, source, params)
    return inputs


def _root_part(inputs: types.Object, params: dict[str, Any]) -> types.Property:
    """The folder chooser; a script that runs the form's operator may give a plain path."""
    about = {
        "required": True,
        "label": "Folder",
        "description": "Root folder of the dataset: it holds the dataset's own folders and lists",
    }
    if isinstance(params.get("root"), str):
        return inputs.str("root", **about)
    view = types.FileExplorerView(
        choose_dir=True, button_label="Choose a folder ...", choose_button_label="Use it"
    )
    return inputs.file("root", view=view, **about)


def _reading(params: dict[str, Any]) -> ImportOptions:
    """The options that decide what is read, without those that choose from it."""
    names = ("pattern", "real_names", "media", "aligned", "dataset_name", "path_prefix", "manifest")
    return options_of({name: params.get(name) for name in (*names, "follow_links")})


def _source(root: str, format: str, options: ImportOptions) -> Source:
    """What is in the folder; asked for with every key that is typed, so kept for a minute."""
    return _source_of_this_minute(root, format, options, int(time.monotonic() // 60))


@lru_cache(maxsize=2)
def _source_of_this_minute(root: str, format: str, options: ImportOptions, minute: int) -> Source:
    return read_source(root, format, options)


def _recognised(inputs: types.Object, source: Source) -> None:
    importer, reasons = source.importer, "; ".join(source.evidence.reasons)
    inputs.view(
        "recognised",
        types.Notice(label=f"{importer.title}, because {reasons}"),
    )
    inputs.view(
        "terms",
        types.Warning(label="Terms of use", description=f"{importer.license_note} {importer.url}"),
    )
    if importer.gotchas:
        text = "\n".join(f"- {gotcha}" for gotcha in importer.gotchas)
        inputs.md(f"**Good to know**\n\n{text}", name="gotchas")


def _choices(inputs: types.Object, props: dict[str, types.Property], source: Source) -> None:
    values = {
        "splits": sorted({record.split or "none" for record in source.records}),
        "methods": sorted({record.method for record in source.records if record.label == 1}),
        "compressions": sorted({r.compression for r in source.records if r.compression}),
    }
    for name in CHOICES:
        if len(values[name]) > 1:
            view = types.DropdownView(multiple=True)
            for value in values[name]:
                view.add_choice(value, label=value)
            props[name] = inputs.list(
                name,
                types.String(),
                label=name.capitalize(),
                description="All, unless you choose"
                + (" (the reals stay in any case)" if name == "methods" else ""),
                view=view,
            )
    props["max_per_class"] = inputs.int(
        "max_per_class",
        default=0,
        min=0,
        label="First look: at most this many reals, and as many fakes",
        description="By whole groups, so that pairs stay together; 0 imports everything",
    )
    if any(is_audio_only(record) for record in source.records):
        props["audio_only"] = forms.choice(
            inputs,
            "audio_only",
            [("keep", "keep them, labelled real with audio_label fake"), ("exclude", "leave out")],
            default="keep",
            label="Videos with manipulated sound only",
            description="Their pictures are real",
        )
    if not source.importer.official_split or "none" in values["splits"]:
        props["derive_splits"] = forms.choice(
            inputs,
            "derive_splits",
            [
                ("auto", "where the dataset has no official split"),
                ("always", "wherever a video has none"),
                ("never", "never"),
            ],
            default="auto",
            label="Derive splits",
            description="By whole groups, 70:10:20, marked as derived",
        )


def _tree_part(inputs: types.Object, props: dict[str, types.Property]) -> None:
    props["pattern"] = inputs.str(
        "pattern",
        required=True,
        label="Pattern",
        description="Path of a video below the folder, for example {label}/{method}/{video}.mp4, "
        "or of a frame: {split}/{label}/{video}/{frame}.png",
    )
    forms.flag(
        inputs,
        "aligned",
        default=False,
        label="The frames are face crops",
        description="They are then never cropped again",
    )


def _preview(inputs: types.Object, plan: ImportPlan) -> None:
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
        table.add_column(name, label=name)
        row_type.str(name)
    inputs.list("preview", row_type, default=rows, view=table, label="Preview")
    what = "videos" if report.media == "video" else f"sequences with {report.frames} frames"
    inputs.view(
        "plan",
        types.Notice(
            label=f"{report.chosen} of {report.found} {what}, in {report.groups} groups",
            description=" ".join(report.warnings),
        ),
    )
    problems = report.problems()
    if problems:
        text = "\n".join(f"- {plain(problem)}" for problem in problems)
        inputs.md(f"**Look at this before you import**\n\n{text}", name="problems")


def _target(
    inputs: types.Object, props: dict[str, types.Property], source: Source, params: dict[str, Any]
) -> None:
    props["name"] = inputs.str(
        "name",
        required=True,
        default=source.importer.name,
        label="Dataset",
        description="Created; or, if it is one of ours, extended by what it lacks",
    )
    name = params.get("name")
    if name and fo.dataset_exists(name):
        known = fields.describe(fo.load_dataset(name)).get("kind")
        if known:
            inputs.view(
                "extends",
                types.Notice(
                    label=f"{name} exists and is extended; tags and scores stay as they are"
                ),
            )
        else:
            props["name"].invalid = True
            props["name"].error_message = f"{name} exists and was not made by this plugin."
    if not source.records[0].frames:
        forms.flag(
            inputs,
            "metadata",
            default=True,
            label="Read the video files' metadata",
            description="Size, length, frame rate, codec; broken files get a reason",
        )
    forms.flag(
        inputs,
        "relocate",
        default=False,
        label="The folder has moved",
        description="Point the videos that the dataset holds already at this folder",
    )
    forms.flag(
        inputs,
        "update",
        default=False,
        label="Take over corrections",
        description="Labels, methods, splits and pairs that the source states otherwise than the "
        "dataset, also onto the faces; without it they are kept and counted",
    )


def require_root(params: dict[str, Any]) -> str:
    """The chosen folder.

    Raises:
        ForensicsError: none is chosen
    """
    root = chosen_root(params)
    if not root:
        raise ForensicsError("No folder is chosen.", "Choose the dataset's root folder.", "root")
    return root
