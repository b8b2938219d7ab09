"""How our datasets look when the App opens them: colours of real and fake, order of the sidebar."""

from __future__ import annotations

import fiftyone as fo

from ..detector.records import FAKE, LABELS, REAL
from . import fields

#: Okabe and Ito's blue and vermilion: told apart by colour-blind readers too.
COLOURS = {LABELS[REAL]: "#0072B2", LABELS[FAKE]: "#D55E00"}

SOURCE = ("source_dataset", "method", "family", "compression", "split", "split_source")
FACE = (
    "frame_number",
    "track",
    "subject",
    "det_score",
    "eye_distance",
    "sharpness",
    "brightness",
    "contrast",
    "yaw",
    "roll",
    "border_share",
    "reason",
    "coverage",
)


def colour_scheme() -> fo.ColorScheme:
    """Colour by value, with one colour for real and one for fake in every label field."""
    values = [{"value": label, "color": colour} for label, colour in COLOURS.items()]
    return fo.ColorScheme(
        color_by="value",
        default_mask_targets_colors=[],
        label_tags={},
        fields=[
            {"path": fields.GROUND_TRUTH, "colorByAttribute": "label", "valueColors": values},
            {"path": "method", "colorByAttribute": "label"},
        ],
    )


def dress(dataset: fo.Dataset) -> None:
    """Give ``dataset`` our colours and a sidebar in the order of an analyst's questions."""
    schema = dataset.get_field_schema()
    scores = [
        name
        for key in fields.detector_keys(dataset)
        for name in _score_paths(fields.ScoreFields(key))
        if name in schema
    ]
    ours = [fields.GROUND_TRUTH, *scores]
    source = [name for name in SOURCE if name in schema]
    face = [name for name in FACE if name in schema]
    groups = {"tags": ["tags"], "verdict": ours, "source": source, "face": face}
    plain = (fo.StringField, fo.IntField, fo.FloatField, fo.BooleanField)
    taken = {name for names in groups.values() for name in names}
    rest = [n for n, f in schema.items() if isinstance(f, plain) and n not in taken]
    hidden = ("id", "filepath", "created_at", "last_modified_at")
    groups["other"] = [name for name in rest if name not in hidden]
    dataset.app_config.sidebar_groups = [
        fo.SidebarGroupDocument(name=name, paths=paths, expanded=name in ("verdict", "source"))
        for name, paths in groups.items()
        if paths
    ]
    dataset.app_config.color_scheme = colour_scheme()
    dataset.save()


def _score_paths(names: fields.ScoreFields) -> list[str]:
    return [
        names.label,
        names.p_fake,
        names.angle,
        names.margin,
        names.video_label,
        names.video_p_fake,
        names.coverage,
        names.reason,
    ]
