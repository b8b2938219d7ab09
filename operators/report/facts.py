"""Collects what a report says, reading the dataset and its stored scores once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...detector.audit import audit_words, threshold as audit_threshold
from ...detector.audit.columns import SEEN, FaceColumns
from ...detector.audit.groups import BY_METHOD, group
from ...detector.audit.table import AuditTable
from ...detector.audit.units import Units, at_level
from ...detector.errors import ForensicsError
from ...detector.files.allowed_roots import is_allowed
from ...detector.progress import Progress, ShouldStop
from ...detector.records import FAKE, LABELS, REAL
from ..dataset import face_columns, fields, views
from ..evaluation import scope as audit_scope
from ..thresholds.stored_thresholds import stored_of
from . import limits
from .contents import Example, Facts, Settings, Table, Video
from .thumbnails import Thumbnail, thumbnail

OUTSIDE = "outside the folders that this server allows"
#: Fields that the report breaks the rates down by, if the faces have them.
BREAKDOWNS = (
    "compression",
    "split",
    "eye_distance",
    "sharpness",
    "brightness",
    "yaw",
    "border_share",
)


def collect(samples: Any, settings: Settings, progress: Progress, should_stop: ShouldStop) -> Facts:
    """Read what a report of ``samples`` says.

    Raises:
        ForensicsError: if nothing is scored, or the detector, level, field or threshold is unknown
        Cancelled: if the user stopped it
    """
    view = views.flat(samples)
    views.require_samples(view, "samples")
    source = face_columns.source_of(views.dataset_of(view))
    keys = face_columns.detector_keys(source.faces)
    if settings.key not in keys:
        raise ForensicsError(
            f"No detector {settings.key!r} has scored {source.faces.name!r}.",
            f"Known: {', '.join(keys)}.",
            field="key",
        )
    token = repr(face_columns.state_token(source, settings.key))
    whole = face_columns.columns_of(source, settings.key, token)
    whole = _with_fields(source, whole, settings, token)
    part = audit_scope.within(source, whole, view)
    if not len(part) and not (part.faceless is not None and len(part.faceless)):
        raise ForensicsError("The chosen view holds nothing of this detector.", "Choose another.")
    units, everything = at_level(part, settings.level), at_level(whole, settings.level)
    threshold = audit_threshold.choose(
        settings.source,
        everything,
        units,
        value=settings.threshold,
        stored=stored_of(source.faces, settings.key),
        rows=part.rows,
    )
    tables = [_table(units, name, threshold.value) for name in _groupings(units, settings)]
    files = _files(source, part)
    videos = list(_videos(part, files, threshold.value, settings, progress, should_stop))
    return Facts(
        settings=settings,
        about=_about(source, settings.key, part, view),
        threshold=threshold,
        units=units,
        total=tables[0].total,
        tables=tables,
        outliers=audit_words.outliers(tables[0].rows, settings.level),
        coverage=_coverage(units),
        videos=videos,
        examples=_examples(source, part, threshold.value, settings),
        limits=limits.sentences(source.faces, settings.key, threshold, units),
    )


def _with_fields(
    source: face_columns.Source, columns: FaceColumns, settings: Settings, token: str
) -> FaceColumns:
    """Add the fields of the breakdowns to ``columns``."""
    known = face_columns.group_fields(source.faces, settings.key)
    wanted = settings.breakdowns
    if wanted is None:
        wanted = tuple(name for name in BREAKDOWNS if name in known)
    for name in wanted:
        if name not in known:
            raise ForensicsError(
                f"The report cannot be broken down by {name!r}.",
                f"Known: {', '.join(known)}.",
                field="breakdowns",
            )
    more = tuple(name for name in wanted if name not in columns.texts)
    for name, column in face_columns.field_columns(source, more, token).items():
        if isinstance(column, np.ndarray):
            columns = columns.with_numbers(name, column)
        else:
            columns = columns.with_text(name, column)
    return columns


def _groupings(units: Units, settings: Settings) -> list[str]:
    """Return the groupings: dataset and method, then each breakdown that has more than one row."""
    names = settings.breakdowns
    if names is None:
        names = tuple(n for n in BREAKDOWNS if n in units.texts or n in units.numbers)
        names = tuple(n for n in names if np.unique(group(units, n).row).size > 1)
    return [BY_METHOD, *names]


def _table(units: Units, name: str, threshold: float) -> Table:
    grouping = group(units, name)
    total, rows = AuditTable(units, grouping).at(threshold)
    columns = [name]
    if name == BY_METHOD:
        columns = ["dataset", "method"][-len(grouping.labels[0]) :]
    title = "By dataset and method" if name == BY_METHOD else f"By {name.replace('_', ' ')}"
    return Table(title, columns, total, rows)


def _coverage(units: Units) -> str:
    """Say how many units there are, and how many have no score and why, labelled or not."""
    lost = units.reason.codes[np.isnan(units.p_fake)]
    counts = np.bincount(lost[lost >= 0], minlength=len(units.reason.values))
    reasons = [(units.reason.values[i], int(counts[i])) for i in np.argsort(-counts) if counts[i]]
    text = audit_words.count(len(units), units.level)
    if not lost.size:
        return f"{text}, all scored."
    listed = ", ".join(f"{number:,} {reason}" for reason, number in reasons)
    return (
        f"{text}, of which {lost.size:,} could not be scored ({listed}); "
        "they are not counted in any rate."
    )


def _about(
    source: face_columns.Source, key: str, part: FaceColumns, view: Any
) -> list[tuple[str, str]]:
    """Return where data, crops and detector come from, in words."""
    faces, about = source.faces, fields.describe(source.faces)
    recipe = about.get("recipe") or {}
    config = fields.scores_config(faces, key)
    lost = 0 if part.faceless is None else len(part.faceless)
    groups = np.unique(part.group.codes[part.group.codes >= 0]).size
    rows = [
        ("Dataset", views.dataset_of(view).name),
        ("Part", "all samples" if not view._stages else f"a view of {len(view):,} samples"),
        ("Faces", f"{len(part):,}"),
        ("Videos", f"{np.unique(part.video.codes).size + lost:,}, {lost:,} of them without a face"),
        ("Independent groups", f"{groups:,}" if groups else "not known"),
        (
            "Crop recipe",
            f"{recipe.get('name', 'not recorded')} ({about.get('recipe_hash', 'no hash')})",
        ),
    ]
    for name, label in (
        ("detector", "Face detector"),
        ("sampling", "Frames chosen"),
        ("template", "Alignment template"),
        ("scale", "Margin factor"),
        ("subject", "Subject"),
    ):
        if recipe.get(name) not in (None, ""):
            rows.append((label, str(recipe[name])))
    for name, label in (
        ("key", "Detector key"),
        ("checkpoint_sha256", "Checkpoint sha256"),
        ("backbone", "Tower"),
        ("backbone_sha256", "Tower sha256"),
        ("precision", "Scored in"),
        ("rule", "Score of a video"),
        ("code_version", "Scored by plugin version"),
    ):
        value = getattr(config, name, None)
        rows.append((label, str(value) if value else "not recorded"))
    return rows


def _files(source: face_columns.Source, part: FaceColumns) -> dict[str, str]:
    """Return the path of each video's file by ``video_id``."""
    files: dict[str, str] = {}
    if source.faces.has_field("video_path"):
        columns = source.faces.values(["video_id", "video_path"])
        files = {v: p for v, p in zip(*columns, strict=True) if v and p}
    name = "video_id" if source.videos is None else fields.here(source.videos, "video_id")
    if source.videos is not None and source.videos.has_field(name):
        columns = source.videos.values([name, "filepath"])
        files |= {v: p for v, p in zip(*columns, strict=True) if v and p}
    return files


def _videos(
    part: FaceColumns,
    files: dict[str, str],
    threshold: float,
    settings: Settings,
    progress: Progress,
    should_stop: ShouldStop,
):
    """Yield one entry per video, also for those without a face, and hash the files."""
    from ...detector.errors import Cancelled
    from ...detector.files.hashes import file_sha256
    from ...detector.records import Reason

    units = at_level(part, "video")
    rank = units.rank
    scored = np.bincount(units.unit_of_face[~np.isnan(part.p_fake)], minlength=len(units))
    for i in range(len(units)):
        if should_stop():
            raise Cancelled("The report was stopped.", "Nothing was written.")
        code = units.video.codes[i]
        video_id = units.video.values[code] if code >= 0 else ""
        path, sha256, reason = files.get(video_id), None, ""
        if settings.hash_files and path and not is_allowed(path):
            reason = OUTSIDE
        elif settings.hash_files and path:
            try:
                sha256 = file_sha256(path)
            except FileNotFoundError:
                reason = Reason.MISSING_FILE.value
            except OSError as error:
                reason = f"not readable ({type(error).__name__})"
        score = float(units.p_fake[i])
        known = not np.isnan(score)
        yield Video(
            video_id=video_id,
            label=LABELS[units.label[i]] if units.label[i] >= 0 else "",
            source_dataset=_value(units.texts["source_dataset"], i),
            method=_value(units.texts["method"], i),
            split=_value(units.texts["split"], i),
            p_fake=score if known else None,
            rank=float(rank[i]) if known else None,
            verdict=("called fake" if score >= threshold else "called real")
            if known
            else "not scored",
            reason=_value(units.reason, i),
            faces=int(units.faces[i]),
            scored=int(scored[i]) if i < len(scored) else 0,
            path=path,
            sha256=sha256,
            file_reason=reason,
            seen=_value(units.texts[SEEN], i) if SEEN in units.texts else "",
        )
        progress(i + 1, len(units), "videos hashed" if settings.hash_files else "videos")


def _value(column: Any, row: int) -> str:
    code = column.codes[row]
    return column.values[code] if code >= 0 else ""


def _examples(
    source: face_columns.Source, part: FaceColumns, threshold: float, settings: Settings
) -> list[Example]:
    """Return the worst faces of each kind, one per video; of unlabelled ones the highest scores."""
    score, rank = part.p_fake, part.rank
    with np.errstate(invalid="ignore"):
        kinds = [
            ("Reals called fake", (part.label == REAL) & (score >= threshold), -rank),
            ("Fakes called real", (part.label == FAKE) & (score < threshold), rank),
            ("Without a ground truth, highest scores", (part.label < 0) & ~np.isnan(score), -rank),
        ]
    found: list[Example] = []
    for kind, mask, urgency in kinds:
        chosen = _one_per_video(np.flatnonzero(mask), urgency, part, settings.examples)
        ids = [part.ids[int(i)] for i in chosen]
        if not ids:
            continue
        shown = source.faces.select(ids, ordered=True)
        paths, numbers = shown.values(["filepath", "frame_number"])
        hashes = views.crop_hashes(shown)
        for row, path, number, sha256 in zip(chosen, paths, numbers, hashes, strict=True):
            found.append(
                Example(
                    kind=kind,
                    video_id=_value(part.video, row),
                    frame_number=number,
                    track=int(part.track[row]),
                    label=LABELS[part.label[row]] if part.label[row] >= 0 else "",
                    method=_value(part.texts["method"], row),
                    p_fake=float(score[row]),
                    picture=thumbnail(path, sha256, settings.blur)
                    if is_allowed(path)
                    else Thumbnail(None, None, OUTSIDE),
                )
            )
    return found


def _one_per_video(
    rows: np.ndarray, urgency: np.ndarray, part: FaceColumns, most: int
) -> Sequence[int]:
    """Return the ``most`` urgent of ``rows`` (lowest ``urgency`` first), at most one per video."""
    order = rows[np.argsort(urgency[rows], kind="stable")]
    video = part.video.codes[order].astype(np.int64)
    video = np.where(video < 0, -1 - np.arange(len(order)), video)  # unknown ones count apart
    _, first = np.unique(video, return_index=True)
    return [int(i) for i in order[np.sort(first)][:most]]


def named(settings: Settings, default: str) -> Settings:
    """Return ``settings`` with a title."""
    return settings if settings.title else replace(settings, title=default)
