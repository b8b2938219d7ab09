"""Collects what an audit is about: faces, units, table and pairs, cached until samples change.

The threshold is not part of it: everything here is computed once, and a new threshold costs only a
few ``bincount`` calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import fiftyone as fo
import numpy as np

from ....detector.audit import plot_curves as curve_module, threshold as audit_threshold
from ....detector.audit.columns import SEEN, Coded, FaceColumns
from ....detector.audit.groups import BY_METHOD, Grouping, group
from ....detector.audit.pairs import Pairs, pairs_of
from ....detector.audit.slices import SliceFinder
from ....detector.audit.table import AuditTable
from ....detector.audit.threshold import Threshold
from ....detector.audit.transfer import by_dataset
from ....detector.audit.units import Units, at_level
from ....detector.embeddings import regions as sphere_regions
from ....detector.errors import ForensicsError
from ....detector.metrics import ranks
from ...app.current_detector import current
from ...dataset import derived, face_columns, seen_material
from ...dataset.label_sync import contradiction
from ...dataset.rebuild_cache import RebuildCache
from ...embeddings.sphere_source import embeddings_of
from ...evaluation import scope as audit_scope
from ...thresholds.stored_thresholds import stored_of
from .. import slice_fields
from . import figures as audit_figures

_STUDIES = RebuildCache(8)
_WIDE = RebuildCache(6)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Study:
    """The parts of an audit that do not depend on the threshold.

    Attributes:
        source, key: the faces and their detector
        scope: the part that is judged
        everything, units: all units of the dataset, and those judged
        table: its rows
        curve: ROC, None if there is only one class
        traces: traces of the histogram
        flag: whether the table is grouped by a field that holds true and false
        pairs: fakes and their reals at common frames, None if there are none
        doubt: sentences on labels that contradict those of their videos, and on what is out of date
    """

    source: face_columns.Source
    key: str
    scope: audit_scope.Scope
    everything: Units
    units: Units
    table: AuditTable
    curve: curve_module.Roc | None
    traces: list[dict[str, Any]]
    flag: bool
    pairs: Pairs | None
    doubt: str

    @property
    def grouping(self) -> Grouping:
        """Grouping of the table's rows."""
        return self.table.grouping


def study_of(dataset: fo.Dataset | None, choice: dict[str, Any]) -> Study:
    """Return the audit of ``choice``, from the cache or newly computed.

    Args:
        dataset: the dataset that is open in the App
        choice: ``key``, ``level``, ``scope``, ``kept``, ``group`` and ``token``; missing ones
            are filled in, in place

    Raises:
        ForensicsError: if there is nothing to audit; the hint says what to do
    """
    source = face_columns.source_of(dataset)
    keys = face_columns.detector_keys(source.faces)
    if choice.get("key") not in keys:
        choice["key"], choice["token"] = current(source.faces, keys), None
    key = choice["key"]
    if not choice.get("token"):
        choice["token"] = repr(face_columns.state_token(source, key))
    token = choice["token"]
    columns = face_columns.columns_of(source, key, token)
    choice["level"] = choice.get("level") or "video"
    choice["group"] = choice.get("group") or BY_METHOD
    choice["scope"] = choice.get("scope") or audit_scope.default_scope(columns)
    names = ("key", "level", "group", "scope", "kept", "token")
    # the same faces are audited from their own dataset and from that of their videos
    about = (source.shown.name, *(choice.get(name) for name in names))
    return _STUDIES.get(about, lambda: _build(source, columns, choice))


def _build(source: face_columns.Source, columns: FaceColumns, choice: dict[str, Any]) -> Study:
    name, level = choice["group"], choice["level"]
    flag = False
    if name != BY_METHOD:
        columns, flags = _add(source, columns, (name,), choice["token"])
        flag = name in flags
    scope = audit_scope.resolve(source, columns, choice["scope"], choice.get("kept"))
    units = at_level(scope.columns, level)
    return Study(
        source=source,
        key=choice["key"],
        scope=scope,
        everything=units if scope.columns is columns else at_level(columns, level),
        units=units,
        table=AuditTable(units, group(units, name)),
        curve=curve_module.roc(units),
        traces=audit_figures.histogram(units, level),
        flag=flag,
        pairs=_pairs(scope.columns),
        doubt=" ".join(
            filter(
                None,
                (
                    seen_material.words(units.texts.get(SEEN), level),
                    contradiction(source.faces),
                    derived.words(source.faces, choice["key"]),
                    ranks.words(units.p_fake, units.margin),
                ),
            )
        ),
    )


def _add(
    source: face_columns.Source, columns: FaceColumns, names: Sequence[str], token: str
) -> tuple[FaceColumns, frozenset[str]]:
    """Return ``columns`` with the fields ``names``, and which of these hold true and false."""
    more = tuple(name for name in names if name not in columns.texts)
    flags = set()
    for name, column in face_columns.field_columns(source, more, token).items():
        if isinstance(column, np.ndarray):
            columns = columns.with_numbers(name, column)
        else:
            columns = columns.with_text(name, column)
            if isinstance(source.faces.get_field(name), fo.BooleanField):
                flags.add(name)
    return columns, frozenset(flags)


def with_fields(
    study: Study, token: str, names: Sequence[str]
) -> tuple[FaceColumns, frozenset[str]]:
    """Return all faces of the dataset with the fields ``names``, and which of these are flags."""
    columns = face_columns.columns_of(study.source, study.key, token)
    return _add(study.source, columns, names, token)


def kept_for(
    study: Study, choice: dict[str, Any], what: tuple[str, ...], build: Callable[[], Value]
) -> Value:
    """Return ``what`` of ``study``, from the cache or newly computed."""
    return _WIDE.get((*what, *_about(study, choice)), build)


def _pairs(columns: FaceColumns) -> Pairs | None:
    if columns.pair is None or columns.frame_number is None:
        return None
    pairs = pairs_of(columns)
    return pairs if len(pairs.fake) else None


@dataclass(frozen=True)
class Wide:
    """The judged units with every field that slices are made of, without a threshold.

    Attributes:
        scope, units: as in the study, with more columns
        finder: finds the slices
        flags: fields that hold true and false
    """

    scope: audit_scope.Scope
    units: Units
    finder: SliceFinder
    flags: frozenset[str]


def wide_of(study: Study, choice: dict[str, Any]) -> Wide:
    """Return the slices of ``study``, computed when they are first needed."""
    about = ("wide", str(bool(choice.get("regions"))))
    return kept_for(study, choice, about, lambda: _widen(study, choice))


def by_dataset_of(study: Study, choice: dict[str, Any]) -> AuditTable:
    """Return the table by dataset of ``study``, whatever its own grouping."""
    return kept_for(study, choice, ("datasets",), lambda: by_dataset(study.units))


def _about(study: Study, choice: dict[str, Any]) -> tuple[Any, ...]:
    """Return what the judged units depend on, without the grouping."""
    names = ("key", "level", "scope", "kept", "token")
    return (study.source.shown.name, *(choice.get(name) for name in names))


def _widen(study: Study, choice: dict[str, Any]) -> Wide:
    source, token = study.source, choice["token"]
    names = slice_fields.slice_fields(source.faces)
    columns, flags = with_fields(study, token, names)
    if choice.get("regions") and study.units.level == "face":
        names = [sphere_regions.FIELD, *names]
        columns = columns.with_text(
            sphere_regions.FIELD, _regions(source, study.key, columns, token)
        )
    members = slice_fields.member_columns(source)
    for name, column in members.items():
        columns = columns.with_text(name, column)
    scope = audit_scope.resolve(source, columns, choice["scope"], choice.get("kept"))
    units = at_level(scope.columns, study.units.level)
    return Wide(scope, units, SliceFinder(units, [*names, *members], tuple(members)), flags)


def _regions(source: face_columns.Source, key: str, columns: FaceColumns, token: str) -> Coded:
    """Return the region of the sphere of each face; no value if it has no embedding."""
    vectors, rows = embeddings_of(source, key, token)
    if len(rows) < 2:
        raise ForensicsError(
            "Fewer than two faces have an embedding.", "Score the faces with a checkpoint.", "tab"
        )
    kinds = [columns.texts["source_dataset"], columns.texts["method"]]
    return sphere_regions.named(sphere_regions.regions(vectors), rows, len(columns), kinds)


def threshold_of(study: Study, choice: dict[str, Any]) -> Threshold:
    """Return the chosen threshold; a source that has none here is replaced by 0.5, in words."""
    try:
        stored = stored_of(study.source.faces, study.key)
        return audit_threshold.choose(
            choice.get("source") or stored.default,
            study.everything,
            study.units,
            value=0.5 if choice.get("value") is None else choice["value"],
            stored=stored,
            rows=study.scope.columns.rows,
        )
    except ForensicsError as error:
        text = f"fixed at 0.5, because: {error.message}"
        return Threshold(0.5, audit_threshold.FIXED, text)
