"""Defines the part of a dataset that an audit covers: all, a split, a saved or a kept view."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import fiftyone as fo
import numpy as np

from ...detector.audit.columns import SEEN, Coded, FaceColumns
from ...detector.errors import ForensicsError
from ...detector.records import FAKE, REAL
from ..dataset import fields, views
from ..dataset.face_columns import Source
from ..dataset.face_table import belonging, kinds_of
from ..dataset.marked_views import MOST_NAMED

ALL = "all"
SPLIT = "split:"
SAVED = "saved:"
KEPT = "kept"
UNSEEN, UNSEEN_WORDS = "unseen", "What the detector has not seen"
#: A kept view lives in the panel's state, which every request carries.
MOST_KEPT = 20_000


@dataclass(frozen=True)
class Scope:
    """A part of the dataset.

    Attributes:
        name: id of the scope
        label: text for the user
        columns: its faces, and the videos without a face that belong to it
        query: database query of its faces, {} for all; None if no short one says it
        base: the view, if the scope is one (``query`` is then {})
    """

    name: str
    label: str
    columns: FaceColumns
    query: dict[str, Any] | None
    base: Any = None


def options(source: Source, columns: FaceColumns, kept: str | None) -> list[tuple[str, str]]:
    """Return (id, label) of every scope of ``source``."""
    split = columns.texts["split"]
    found = [(f"{SPLIT}{name}", f"Split {name}") for name in split.values]
    if (columns.texts[SEEN].codes >= 0).any():
        found.insert(0, (UNSEEN, UNSEEN_WORDS))
    saved = [
        (f"{SAVED}{name}", f"Saved view {name}")
        for name in source.faces.list_saved_views()
        if not name.startswith("hard_")
    ]
    mine = [(KEPT, "The view I kept")] if kept else []
    return [(ALL, "All faces"), *found, *mine, *saved]


def default_scope(columns: FaceColumns) -> str:
    """Return the material that the detector has not seen, if it has scored reals and fakes.

    This is the test split, else everything that it was not trained, validated or calibrated on.
    """
    unseen = columns.texts[SEEN].codes < 0
    test = _equals(columns.texts["split"], "test")
    if _both(columns, test) and unseen[test].all():
        return f"{SPLIT}test"
    return UNSEEN if not unseen.all() and _both(columns, unseen) else ALL


def _both(columns: FaceColumns, chosen: np.ndarray) -> bool:
    """Return whether there are scored reals and fakes among the chosen."""
    labels = columns.label[chosen & ~np.isnan(columns.p_fake)]
    return {REAL, FAKE} <= set(np.unique(labels).tolist())


def resolve(source: Source, columns: FaceColumns, name: str, kept: str | None) -> Scope:
    """Return the scope ``name``.

    Raises:
        ForensicsError: it does not exist, or holds no face
    """
    if name == ALL:
        return Scope(ALL, "All faces", columns, {})
    if name == UNSEEN:
        seen = columns.texts[SEEN].codes >= 0
        part = _part(columns, ~seen, lambda lost: np.ones(len(lost), bool))
        return _checked(Scope(UNSEEN, UNSEEN_WORDS, part, _without(columns, seen)))
    if name.startswith(SPLIT):
        value = name.removeprefix(SPLIT)
        mask = _equals(columns.texts["split"], value)
        part = _part(columns, mask, lambda lost: _equals(lost.texts["split"], value))
        return _checked(Scope(name, f"Split {value}", part, {"split": value}))
    view = _view(source, name, kept)
    if view is None:
        raise ForensicsError("That view no longer exists.", "Choose another.", field="scope")
    part = within(source, columns, view)
    label = "The view I kept" if name == KEPT else f"Saved view {name.removeprefix(SAVED)}"
    return _checked(Scope(name, label, part, {}, view))


def within(source: Source, columns: FaceColumns, view: Any) -> FaceColumns:
    """Return the faces of ``view``, and the videos without a face that belong to it.

    A view of the video dataset names its videos, including those without a face. To a view of
    faces, such videos belong by dataset and split, unless the view leaves out their method.
    """
    if views.dataset_of(view).name != source.faces.name:
        named = set(view.values(fields.here(views.dataset_of(view), "video_id")))
        mask = _among(columns.video, named)
        return _part(columns, mask, lambda lost: _among(lost.video, named))
    inside = set(view.values("id"))
    mask = np.fromiter((i in inside for i in columns.ids), bool, len(columns))
    kinds = kinds_of(columns)
    chosen = {kinds[row] for row in np.flatnonzero(mask)}
    return _part(columns, mask, lambda lost: belonging(lost, chosen, set(kinds)))


def keep(view: Any) -> str:
    """Return the stages of ``view`` as text for the panel's state.

    Raises:
        ForensicsError: the text is too long
    """
    from bson import json_util

    text = json_util.dumps(views.flat(view)._serialize())
    if len(text) > MOST_KEPT:
        raise ForensicsError(
            "This view names too many samples one by one to be kept here.",
            "Save it under a name, then choose it here.",
        )
    return text


def _view(source: Source, name: str, kept: str | None) -> Any | None:
    if name == KEPT and kept:
        from bson import json_util

        stages = json_util.loads(json.dumps(json.loads(kept)))
        return fo.DatasetView._build(source.faces, stages)
    saved = name.removeprefix(SAVED)
    if name.startswith(SAVED) and source.faces.has_saved_view(saved):
        return views.flat(source.faces.load_saved_view(saved))
    return None


def _without(columns: FaceColumns, seen: np.ndarray) -> dict[str, Any] | None:
    """Return the query for the faces that are not ``seen``; None if it is long or not exact.

    It names the groups of the seen faces, and the videos of those without a group. A face may also
    be seen because of its file; a query by groups is exact only if these are whole groups.
    """
    groups, alone = columns.group, seen & (columns.group.codes < 0)
    names, videos = groups.take(seen).present(), columns.video.take(alone).present()
    named = _among(groups, names) | _among(columns.video, videos)
    if len(names) + len(videos) > MOST_NAMED or (named != seen).any():
        return None
    query: list[dict[str, Any]] = [{"group_id": {"$not": {"$in": sorted(names)}}}]
    if videos:
        query.append({"video_id": {"$not": {"$in": sorted(videos)}}})
    return {"$and": query}


def _equals(column: Coded, value: str) -> np.ndarray:
    if value not in column.values:
        return np.zeros(len(column.codes), bool)
    return column.codes == column.values.index(value)


def _among(column: Coded, names: set[str]) -> np.ndarray:
    """Return (N,) whether the value is one of ``names``."""
    known = np.array([*(value in names for value in column.values), False])
    return known[column.codes]


def _part(columns: FaceColumns, mask: np.ndarray, lost_mask: Any) -> FaceColumns:
    part = columns.take(mask)
    if columns.faceless is None:
        return part
    return replace(part, faceless=columns.faceless.take(lost_mask(columns.faceless)))


def _checked(scope: Scope) -> Scope:
    if not len(scope.columns):
        raise ForensicsError(f"{scope.label} holds no faces.", "Choose another part.", "scope")
    return scope
