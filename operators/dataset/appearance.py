"""Sets how our datasets look in the App: colours of real and fake, order of the sidebar."""

from __future__ import annotations

import fiftyone as fo
import fiftyone.core.media as fomm

from ...detector.faces.video_faces import MEASURES
from ...detector.records import FAKE, LABELS, REAL
from . import fields, workspaces
from .dataset_changes import changing

#: Colours of Okabe and Ito, which colour-blind readers can tell apart.
BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#888888"
PURPLE, ORANGE, SKY = "#CC79A7", "#E69F00", "#56B4E9"
COLOURS = {LABELS[REAL]: BLUE, LABELS[FAKE]: VERMILION}

#: Entry of a dataset's description: the paths that we put on its tiles.
_SHOWN = "shown_first"
CURRENT = "current_detector"  # the key that the screens follow, see current_detector.py
SOURCE = ("source_dataset", "method", "family", "compression", "split", "split_source")
PAIR = ("video_id", "pair_id", "pair_status", "group_id", "target_id", "source_id")
FACE = (
    "frame_number",
    "track",
    "subject",
    "chosen_by",
    fields.PERSONS,
    "det_score",
    fields.LANDMARKS,
    *MEASURES,
    "reason",
    "coverage",
)


def dress(dataset: fo.Dataset) -> list[str] | None:
    """Give new fields of ``dataset`` a colour, and a place in the sidebar and on the tiles.

    The sidebar follows the order of an analyst's questions. The tiles show the ground truth and the
    current detector's verdict; playing videos also show the faces' boxes, the persons and where
    they reach the threshold. Each task has a workspace. The user's own arrangement is not changed.

    Returns:
        the fields on the tiles, None if the user has arranged them
    """
    if fields.is_adopted(dataset):
        return  # the arrangement is the user's own
    with changing(dataset):
        shown = _dress(dataset)
        dataset.save()
        workspaces.offer(dataset)
    return shown


def _dress(dataset: fo.Dataset) -> list[str] | None:
    schema = dataset.get_field_schema()
    keys = [fields.ScoreFields(key) for key in fields.detector_keys(dataset)]
    app = dataset.app_config
    app.sidebar_groups = _sidebar(dataset, schema, keys)
    labels = [fields.GROUND_TRUTH, *(n for k in keys for n in (k.label, k.video_label))]
    app.color_scheme = _colours(app.color_scheme, [name for name in labels if name in schema])
    chosen = fields.describe(dataset).get(CURRENT)
    now = next((key for key in keys if key.key == chosen), keys[-1] if keys else None)
    shown = [fields.GROUND_TRUTH, *([now.label, now.spans] if now else [])]
    paths = [name for name in (*shown, fields.PERSONS) if name in schema]
    if dataset.media_type == fomm.VIDEO and fields.FACES in dataset.get_frame_field_schema():
        paths.append(f"frames.{fields.FACES}")
    ours = fields.describe(dataset).get(_SHOWN)
    if app.active_fields is None or ours is None or list(app.active_fields.paths) == ours:
        app.active_fields = fo.ActiveFields(exclude=False, paths=paths)
        fields.set_description(dataset, **{_SHOWN: paths})
        return paths
    return None


def _colours(there: fo.ColorScheme | None, labels: list[str]) -> fo.ColorScheme:
    """Return ``there`` with colours of real and fake added for each new path of ``labels``."""
    scheme = fo.ColorScheme(color_by="value", fields=[]) if there is None else there
    taken = {entry.get("path") for entry in scheme.fields or ()}
    values = [{"value": label, "color": colour} for label, colour in COLOURS.items()]
    new = [
        {"path": path, "colorByAttribute": "label", "valueColors": values}
        for path in labels
        if path not in taken
    ]
    scheme.fields = [*(scheme.fields or ()), *new]
    return scheme


def _sidebar(
    dataset: fo.Dataset, schema: dict[str, fo.Field], keys: list[fields.ScoreFields]
) -> list[fo.SidebarGroupDocument]:
    """Return the groups of the sidebar: the existing ones, with the new paths added."""
    wanted = {
        "tags": ["tags"],
        "verdict": [n for n in [fields.GROUND_TRUTH, *score_paths(keys)] if n in schema],
        "source": [name for name in SOURCE if name in schema],
        "face": [name for name in FACE if name in schema],
        "review": [name for name in schema if _is_review(name)],
        "pair": [name for name in PAIR if name in schema],
    }
    plain = (fo.StringField, fo.IntField, fo.FloatField, fo.BooleanField, fo.ListField)
    taken = {"id", "filepath", *(name for names in wanted.values() for name in names)}
    wanted["other"] = [n for n, f in schema.items() if isinstance(f, plain) and n not in taken]
    wanted["metadata"] = [f"metadata.{name}" for name in _metadata_fields(dataset)]
    groups = {group.name: group for group in dataset.app_config.sidebar_groups or ()}
    there = {path for group in groups.values() for path in group.paths or ()}
    for name, paths in wanted.items():
        if name in groups:
            kept = [p for p in groups[name].paths or () if p in paths or _is_field(p, schema)]
            groups[name].paths = _joined(kept, paths, there)
        elif new := [path for path in paths if path not in there]:
            is_open = name in ("verdict", "source")
            group = fo.SidebarGroupDocument(name=name, paths=new, expanded=is_open)
            groups = _placed(groups, group, list(wanted))
    return list(groups.values())


def _placed(
    groups: dict[str, fo.SidebarGroupDocument], new: fo.SidebarGroupDocument, order: list[str]
) -> dict[str, fo.SidebarGroupDocument]:
    """Return ``groups`` with ``new`` before the first one that follows it in ``order``."""
    later = order[order.index(new.name) + 1 :]
    before = next((name for name in groups if name in later), None)
    out: dict[str, fo.SidebarGroupDocument] = {}
    for name, group in groups.items():
        out |= {new.name: new} if name == before else {}
        out[name] = group
    return out if before else {**out, new.name: new}


def _is_review(name: str) -> bool:
    """Return whether a field holds decisions, or the ranks of a queue."""
    return name == "review" or name.startswith("review_") or "_rank_" in name


def _is_field(path: str, schema: dict[str, fo.Field]) -> bool:
    root = path.split(".")[0]
    return root in schema or root in ("frames", "_label_tags")


def _joined(kept: list[str], wanted: list[str], there: set[str]) -> list[str]:
    """Return ``kept`` with new paths of ``wanted``, each before the path that follows it there."""
    out = list(kept)
    place = len(out)
    for path in reversed(wanted):
        if path in out:
            place = out.index(path)
        elif path not in there:
            out.insert(place, path)
    return out


def score_paths(keys: list[fields.ScoreFields]) -> list[str]:
    """Return the paths of the scores of several detectors, the newest detector first."""
    return [
        name
        for key in reversed(keys)
        for name in (
            key.label,
            key.p_fake,
            key.angle,
            key.margin,
            key.calibrated,
            key.track_p_fake,
            key.video_label,
            key.video_p_fake,
            key.spans,
            key.coverage,
            key.reason,
        )
    ]


def _metadata_fields(dataset: fo.Dataset) -> list[str]:
    field = dataset.get_field("metadata")
    names = field.get_field_schema() if hasattr(field, "get_field_schema") else {}
    return list(names)
