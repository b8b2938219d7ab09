"""Chooses the fields of faces that may explain errors, and reads their columns.

Fields of users and sources come first, then those that extraction measured. Fields made from
scores, labels, evaluations, queues or reviews are left out, because they would explain errors by
errors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import fiftyone as fo
import numpy as np

from ...detector.audit.columns import Coded
from ...detector.errors import ForensicsError
from ..dataset import fields, views
from ..dataset.face_columns import NAMES, P_FAKE, YES, Source

HAS = " has "  # in the column name of a list's value: ``tags has night``
MOST_MEMBERS = 60  # most frequent values of a list that become columns
_PLAIN = (fo.StringField, fo.BooleanField, fo.FloatField, fo.IntField)
_QUEUE_TAG, _REVIEW = "hard:", "review"


def slice_fields(faces: fo.Dataset) -> list[str]:
    """Return the fields with one value per face: texts, flags, numbers, and ``field.label``."""
    made = made_fields(faces)
    own, ours = [], []
    for name, field in faces.get_field_schema().items():
        if name in made or name in NAMES:
            continue
        known = name in fields.COMMON_FIELDS or name in fields.FACE_FIELDS
        if isinstance(field, _PLAIN):
            (ours if known else own).append(name)
        elif _is_label(field) and name != fields.GROUND_TRUTH:
            own.append(f"{name}.label")
    return [*own, *ours]


def list_fields(faces: fo.Dataset) -> list[str]:
    """Return the fields that hold several texts per face, including the tags."""
    made = made_fields(faces)
    return [
        name
        for name, field in faces.get_field_schema().items()
        if isinstance(field, fo.ListField)
        and isinstance(field.field, fo.StringField)
        and name not in made
        and name != fields.SHOWN_FOR
    ]


def made_fields(faces: fo.Dataset) -> set[str]:
    """Return the fields made from scores, evaluations, brain runs on these, or reviews."""
    schema = faces.get_field_schema()
    made = {name for name in schema if name.endswith(P_FAKE)}
    for key in {*fields.detector_keys(faces), *(n.removesuffix(P_FAKE) for n in made)}:
        made.update(fields.fields_of_key(faces, key) if _is_key(key) else ())
        made.add(key)
    evaluations = (*faces.list_evaluations(), "eval")
    for name in schema:
        if any(name == key or name.startswith(f"{key}_") for key in (*evaluations, _REVIEW)):
            made.add(name)
    for key in faces.list_brain_runs():
        config = faces.get_brain_info(key).config
        for part in ("mistakenness_field", "hardness_field", "missing_field", "spurious_field"):
            made.add(getattr(config, part, None) or "")
    return made


def member_columns(source: Source) -> dict[str, Coded]:
    """Return a column for each frequent value of each list: whether a face has it."""
    names = list_fields(source.faces)
    if not names:
        return {}
    faces = views.subjects(source.faces).sort_by("id")  # the order of all columns
    out: dict[str, Coded] = {}
    for name, column in zip(names, faces.values(names), strict=True):
        rows = [frozenset(values or ()) for values in column]
        counts = Counter(value for row in rows for value in row)
        kept = [v for v, _ in counts.most_common(MOST_MEMBERS) if not v.startswith(_QUEUE_TAG)]
        out |= {f"{name}{HAS}{value}": _flag(value, rows) for value in kept}
    return out


def member_of(name: str) -> tuple[str, str] | None:
    """Return field and value of a column of :func:`member_columns`, or None for other columns."""
    path, found, value = name.partition(HAS)
    return (path, value) if found else None


def _flag(value: str, rows: Iterable[frozenset[str]]) -> Coded:
    has = np.fromiter((value in row for row in rows), bool)
    return Coded(np.where(has, 0, -1).astype(np.int32), (YES,))


def _is_label(field: fo.Field) -> bool:
    document = isinstance(field, fo.EmbeddedDocumentField)
    return document and field.document_type is fo.Classification


def _is_key(key: str) -> bool:
    try:
        fields.ScoreFields(key)
    except ForensicsError:
        return False
    return True
