"""Reads faces as one table of columns, the source for evaluations, queues and panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fiftyone as fo
import numpy as np

from ...detector.audit.columns import CONTENT, Coded, FaceColumns, coded, label_codes, numbers
from ...detector.errors import ForensicsError
from ...detector.records import LABELS
from . import fields, made_from, views
from .face_reading import read

#: Text columns that every audit needs.
TEXTS = ("source_dataset", "method", "family", "compression", "split")
#: Columns that decide which videos without a face belong to a view of faces.
KIND = ("source_dataset", "split", "method")
Kind = tuple[str, ...]


def face_table(view: Any, key: str, more: Sequence[str] = ()) -> FaceColumns:
    """Return the faces of ``view`` with the scores of detector ``key``, ids ascending.

    ``video_p_fake`` is the stored value. Videos without a face are not included.

    Args:
        view: faces, with or without dynamic groups
        key: detector key
        more: further fields, read as number columns under their names

    Raises:
        ForensicsError: no faces, no ground truth, or ``key`` has no complete and current scores
    """
    view = views.flat(view)
    views.require_faces(view)
    faces = views.dataset_of(view)
    names = fields.ScoreFields(key)
    views.require_fields(view, [names.p_fake], "Score faces")
    made_from.require_current_scores(faces, key)
    schema = faces.get_field_schema()
    shared = {
        "label": f"{fields.GROUND_TRUTH}.label",
        "video_p_fake": names.video_p_fake,
        "video": "video_id",
        "group": "group_id",
        "pair": "pair_id",
        "shown_for": fields.SHOWN_FOR,
        "reason": names.reason if names.reason in schema else fields.REASON,
        **{name: name for name in (*TEXTS, CONTENT)},
    }
    own = {"p_fake": names.p_fake, "margin": names.margin}
    own |= {"track": "track", "number": "frame_number"}
    own |= {f"more {name}": name for name in more}
    shared, own = (
        {name: path for name, path in paths.items() if path.split(".")[0] in schema}
        for paths in (shared, own)
    )
    if "label" not in shared:
        raise ForensicsError(
            f"{faces.name!r} has no field {fields.GROUND_TRUTH!r}.",
            "Rates need to know which faces are real: import the dataset with its labels.",
        )
    got = read(view, shared, own)
    if not got.ids:
        raise ForensicsError("There are no faces here.", "Run 'Extract faces', or widen the view.")
    nothing = [None] * len(got.shared["label"])

    def text(name: str) -> Coded:
        return coded(got.shared.get(name, nothing)).take(got.group)

    if "shown_for" in shared:
        got.shared["shown_for"] = ["\n".join(ids or ()) for ids in got.shared["shown_for"]]
    track = got.own.get("track", np.full(len(got.ids), np.nan))
    stored = got.shared.get("video_p_fake")
    return FaceColumns(
        ids=got.ids,
        label=label_codes(got.shared["label"])[got.group],
        p_fake=got.own["p_fake"],
        video=text("video"),
        track=np.where(np.isnan(track), -1, track).astype(np.int64),
        group=text("group"),
        reason=text("reason"),
        texts={name: text(name) for name in (*TEXTS, CONTENT) if name in TEXTS or name in shared},
        numbers={name: got.own[f"more {name}"] for name in more},
        video_p_fake=None if stored is None else numbers(stored)[got.group],
        pair=text("pair") if "pair" in shared else None,
        shown_for=text("shown_for") if "shown_for" in shared else None,
        frame_number=got.own.get("number"),
        margin=got.own.get("margin"),
    )


def faceless(videos: fo.Dataset | None, with_faces: set[str]) -> FaceColumns | None:
    """Return the videos of ``videos`` that are not in ``with_faces``, or None if there are none."""
    if videos is None or not videos.has_field(fields.here(videos, "video_id")):
        return None
    label_path = f"{fields.GROUND_TRUTH}.label"
    names = ["video_id", label_path, "group_id", fields.REASON, *TEXTS]
    here = {name: fields.here(videos, name) for name in names}
    have = [name for name in names if videos.has_field(here[name].split(".")[0])]
    columns = views.taken(videos).values([here[name] for name in have])
    got = dict(zip(have, columns, strict=True))
    first = {video_id: i for i, video_id in reversed(list(enumerate(got["video_id"])))}
    lost = sorted(i for video_id, i in first.items() if video_id not in with_faces)
    if not lost:
        return None

    def column(name: str) -> list[Any]:
        return [got[name][i] for i in lost] if name in got else [None] * len(lost)

    return FaceColumns(
        ids=[""] * len(lost),
        label=label_codes(column(label_path)),
        p_fake=np.full(len(lost), np.nan),
        video=coded(column("video_id")),
        track=np.full(len(lost), -1, np.int64),
        group=coded(column("group_id")),
        reason=coded(column(fields.REASON)),
        texts={name: coded(column(name)) for name in TEXTS},
    )


def kinds_of(table: FaceColumns) -> list[Kind]:
    """Return the dataset, split and method of each row."""
    return list(zip(*(table.texts[name].texts().tolist() for name in KIND), strict=True))


def kinds_in(faces: fo.Dataset) -> set[Kind]:
    """Return the kinds that occur in a dataset."""
    group = {"$group": {"_id": {name: f"${name}" for name in KIND}}}
    rows = [row["_id"] for row in faces._aggregate(pipeline=[group])]
    return {tuple(row.get(name) or "" for name in KIND) for row in rows}


def belonging(lost: FaceColumns, chosen: set[Kind], everywhere: set[Kind]) -> np.ndarray:
    """Return (L,) which videos without a face belong to a view of faces.

    These are the videos of its datasets and splits, unless the view leaves their method out.

    Args:
        lost: videos without a face
        chosen: kinds of the view's faces
        everywhere: kinds of all faces of the dataset
    """
    parts, left_out = {kind[:2] for kind in chosen}, everywhere - chosen
    found = [kind[:2] in parts and kind not in left_out for kind in kinds_of(lost)]
    return np.array(found, bool)


def require_labels(table: FaceColumns) -> None:
    """Raise :class:`ForensicsError` if nothing has a ground truth."""
    if not (table.label >= 0).any():
        raise ForensicsError(
            "Nothing here has a ground truth, so there is no error to count.",
            f"Rates need labels ({' or '.join(LABELS)}). Without them the sphere, the timeline, "
            "'Export report' and 'Find hard examples' work.",
        )
