"""Builds what the error audit sends to the browser: controls, numbers, plots and the table."""

from __future__ import annotations

from typing import Any

from ....detector.audit import audit_words, threshold as audit_threshold
from ....detector.audit.groups import BY_METHOD, Grouping
from ....detector.audit.table import Row
from ....detector.audit.threshold import Threshold
from ....detector.audit.units import LEVELS
from ...app import first_look
from ...dataset import face_columns
from ...dataset.video_scores import rule_words
from ...evaluation import scope as audit_scope
from ...thresholds.stored_thresholds import stored_of
from . import figures as audit_figures, pairs_figure
from .study import Study

#: Shown until it is closed: what is seen, what it rests on, what to click.
INTRO = (
    "Each row says how often the detector errs on a dataset and method; bars are 95 % intervals.",
    "Move the threshold, and every number follows: from it upwards a face is called fake.",
    "Click a number, a bar or a point of the curve, and the grid shows exactly those faces.",
)
PANEL = "error_audit"


def lines(study: Study, threshold: Threshold, total: Row) -> dict[str, Any]:
    """Return what the plots' layouts need to know."""
    return {
        "threshold": threshold.value,
        "top": audit_figures.highest(study.traces),
        "unit": study.units.level,
        "fpr": None if total.fpr is None else total.fpr.rate,
        "tpr": None if total.fnr is None else 1 - total.fnr.rate,
        "pairs": study.pairs is not None,
        "seen": total.seen > 0,
    }


def charts(study: Study) -> dict[str, Any]:
    """Return the plots' data, which a new threshold does not change."""
    pairs = study.pairs
    names = study.scope.columns.video.values
    return {
        "charts.distributions": study.traces,
        "charts.roc": audit_figures.roc_figure(study.curve),
        "pairs": [] if pairs is None else pairs_figure.figure(pairs, names),
    }


def header(
    study: Study, threshold: Threshold, total: Row, rows: list[Row], choice: dict[str, Any]
) -> dict[str, Any]:
    """Return controls with their options, the headline numbers and the sentences."""
    keys = face_columns.detector_keys(study.source.faces)
    whole = face_columns.columns_of(study.source, study.key, choice["token"])
    return {
        "choice": {name: choice[name] for name in ("key", "level", "scope", "source")},
        "options": {
            "key": [[key, key] for key in keys],
            "level": [[level, f"per {level}"] for level in LEVELS],
            "scope": audit_scope.options(study.source, whole, choice.get("kept")),
            "source": audit_threshold.sources(stored_of(study.source.faces, study.key)),
        },
        "threshold": threshold.to_json(),
        "unit": study.units.level,
        "rule": _rule(study),
        "outliers": audit_words.outliers(rows, study.units.level),
        "coverage": " ".join(
            filter(None, (audit_words.coverage(total, study.units.level), study.doubt))
        ),
        "total": total.to_json(),
        "shown": choice["shown"],
        "shows_faces": study.source.shows_faces,
        "intro": list(INTRO) if first_look.wanted(PANEL) else None,
    }


def table(study: Study, total: Row, rows: list[Row]) -> dict[str, Any]:
    """Return the rows, and what they can be grouped by."""
    names = face_columns.group_fields(study.source.faces, study.key)
    return {
        "rows": [row.to_json() for row in rows],
        "total": total.to_json(),
        "unit": study.units.level,
        "group": study.grouping.name,
        "groups": [[BY_METHOD, "dataset and method"], *([name, name] for name in names)],
        "columns": _columns(study.grouping),
    }


def _columns(grouping: Grouping) -> list[str]:
    """Return the headings of the parts of a row's name."""
    if grouping.name != BY_METHOD:
        return [grouping.name]
    return ["dataset", "method"][-len(grouping.labels[0]) :]


def _rule(study: Study) -> str:
    """Write how a unit gets its score, in words."""
    if study.units.level == "face":
        return "each face by its own score"
    if study.units.level == "person":
        return "each person (track) by the mean over its scored faces"
    if study.scope.columns.video_p_fake is None:
        return "each video by the mean of its scored faces"
    return rule_words(study.source.faces, study.key)
