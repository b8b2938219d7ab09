"""How our datasets look when the App opens them: colours of real and fake, order of the sidebar."""

from __future__ import annotations

import fiftyone as fo
import fiftyone.core.media as fomm

from ...detector.records import FAKE, LABELS, REAL
from . import fields
from .dataset_changes import changing

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


def colour_scheme(labels: list[str]) -> fo.ColorScheme:
    """Colour by value, with one colour for real and one for fake in each of the ``labels``."""
    values = [{"value": label, "color": colour} for label, colour in COLOURS.items()]
    return fo.ColorScheme(
        color_by="value",
        fields=[
            {"path": path, "colorByAttribute": "label", "valueColors": values} for path in labels
        ],
    )


def dress(dataset: fo.Dataset) -> None:
    """Give ``dataset`` our colours and a sidebar in the order of an analyst's questions.

    On the tiles stand the ground truth and the newest detector's verdict, on playing videos also
    the faces' boxes and the persons; the rest is one click away.
    """
    with changing(dataset):
        _dress(dataset)
        dataset.save()


def _dress(dataset: fo.Dataset) -> None:
    schema = dataset.get_field_schema()
    keys = [fields.ScoreFields(key) for key in fields.detector_keys(dataset)]
    labels = [fields.GROUND_TRUTH, *(n for k in keys for n in (k.label, k.video_label))]
    labels = [name for name in labels if name in schema]
    groups = {
        "tags": ["tags"],
        "verdict": [n for n in [fields.GROUND_TRUTH, *score_paths(keys)] if n in schema],
        "source": [name for name in SOURCE if name in schema],
        "face": [name for name in FACE if name in schema],
    }
    plain = (fo.StringField, fo.IntField, fo.FloatField, fo.BooleanField)
    taken = {"id", "filepath", *(name for names in groups.values() for name in names)}
    groups["other"] = [n for n, f in schema.items() if isinstance(f, plain) and n not in taken]
    app = dataset.app_config
    groups["metadata"] = [f"metadata.{name}" for name in _metadata_fields(dataset)]
    app.sidebar_groups = [
        fo.SidebarGroupDocument(name=name, paths=paths, expanded=name in ("verdict", "source"))
        for name, paths in groups.items()
        if paths
    ]
    shown = [fields.GROUND_TRUTH, *([keys[-1].label] if keys else [])]
    paths = [name for name in (*shown, fields.PERSONS) if name in schema]
    if dataset.media_type == fomm.VIDEO and fields.FACES in dataset.get_frame_field_schema():
        paths.append(f"frames.{fields.FACES}")
    app.active_fields = fo.ActiveFields(exclude=False, paths=paths)
    app.color_scheme = colour_scheme(labels)


def score_paths(keys: list[fields.ScoreFields]) -> list[str]:
    """Paths of the scores of several detectors, the newest detector first."""
    return [
        name
        for key in reversed(keys)
        for name in (
            key.label,
            key.p_fake,
            key.angle,
            key.margin,
            key.video_label,
            key.video_p_fake,
            key.coverage,
            key.reason,
        )
    ]


def _metadata_fields(dataset: fo.Dataset) -> list[str]:
    field = dataset.get_field("metadata")
    names = field.get_field_schema() if hasattr(field, "get_field_schema") else {}
    return list(names)
