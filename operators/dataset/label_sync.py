"""Compares the labels of a source, a video and its faces, and updates those that lag behind.

A label is a statement on a video. A corrected list must not pass unnoticed, and faces must not keep
labels that their video no longer has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo

from ...detector.records import UNKNOWN, UNLABELLED, VideoRecord
from . import fields, views

LABEL = f"{fields.GROUND_TRUTH}.label"
#: Fields of a source that a later edition may correct.
OF_SOURCE = (LABEL, "method", "family", "split", "pair_id", "target_id", "source_id", "audio_label")
#: Fields that faces take from their video.
OF_VIDEO = (*OF_SOURCE, "split_source", "compression", "group_id", "pair_status")
#: Fields that an import itself changes on existing videos.
LINKS = ("group_id", "pair_status", "pair_id")


@dataclass(frozen=True)
class Correction:
    """A field for which the source has other values than the dataset.

    Attributes:
        field: name of the field
        values: video id -> current value of the source
        example: one difference in words
    """

    field: str
    values: dict[str, Any]
    example: str


def corrections(dataset: fo.Dataset | None, records: Sequence[VideoRecord]) -> list[Correction]:
    """Return where ``records`` contradict what ``dataset`` holds on the same videos.

    A missing statement of the source is no contradiction, nor is a split that was derived here.
    """
    if dataset is None or views.is_empty(dataset):
        return []
    schema = dataset.get_field_schema()
    names = [name for name in OF_SOURCE if name.split(".")[0] in schema]
    columns = dataset.values(["video_id", "split_source", *names])
    stored = {row[0]: dict(zip(names, row[2:], strict=True)) for row in zip(*columns, strict=True)}
    found = []
    for name in names:
        values, example = {}, ""
        for record in records:
            if record.video_id not in stored:
                continue
            before, now = stored[record.video_id][name], _said(record, name)
            new = name == LABEL and before is None  # it had none, and the source says one now
            if now is None or (before is None and not new) or before == now:
                continue
            values[record.video_id] = now
            was = UNLABELLED if before is None else before
            example = example or f"{record.video_id} is {was} here and {now} in the source"
        if values:
            found.append(Correction(name, values, example))
    return found


def _said(record: VideoRecord, name: str) -> Any:
    if name == LABEL:
        return record.label_name if record.label != UNKNOWN else None
    if name == "split" and record.split_source != "official":
        return None
    return getattr(record, name)


def words(found: Sequence[Correction], taken: bool) -> list[str]:
    """Return a sentence for each field that says whether the corrections were adopted."""
    what = (
        "the source's values were taken"
        if taken
        else "they were kept; import with update=True to take them"
    )
    titles = {LABEL: "ground truth"}
    return [
        f"{len(c.values):,} videos have another {titles.get(c.field, c.field)} in the source "
        f"({c.example}); {what}."
        for c in found
    ]


def take_over(dataset: fo.Dataset, found: Sequence[Correction]) -> int:
    """Write the current values of the source; return the number of changed videos."""
    changed: set[str] = set()
    for correction in found:
        changed |= set_by_video(dataset, correction.field, correction.values)
    return len(changed)


def set_by_video(dataset: fo.Dataset, name: str, values: Mapping[str, Any]) -> set[str]:
    """Write ``{video id: value}`` to all samples of those videos; return videos with samples."""
    ids = list(values)
    there: set[str] = set()
    for start in range(0, len(ids), 5000):
        view = views.match_in(dataset, "video_id", ids[start : start + 5000])
        rows = dict(zip(*view.values(["id", "video_id"]), strict=True))
        new = {i: values[v] for i, v in rows.items()}
        if name == LABEL:
            _set_labels(view, new)
        elif rows:
            dataset.set_values(name, new, key_field="id")
        there |= set(rows.values())
    return there


def _set_labels(view: Any, values: Mapping[str, str | None]) -> None:
    """Write ground truths by sample id; a sample without one gets its first, None takes it away."""
    bare = set(view.match({fields.GROUND_TRUTH: None}).values("id"))
    dataset = views.dataset_of(view)
    whole = {
        i: None if label is None else fo.Classification(label=label)
        for i, label in values.items()
        if i in bare or label is None
    }
    if whole:
        dataset.set_values(fields.GROUND_TRUTH, whole, key_field="id")
    rest = {i: label for i, label in values.items() if i not in whole}
    if rest:
        dataset.set_values(LABEL, rest, key_field="id")


def sync_faces(videos: fo.Dataset, faces: fo.Dataset, names: Sequence[str] = OF_VIDEO) -> int:
    """Copy values of videos to their faces; return the number of videos whose faces differed.

    Args:
        videos: video dataset
        faces: their faces
        names: fields of :data:`OF_VIDEO`
    """
    if views.is_empty(faces):
        return 0
    changed: set[str] = set()
    for name, values in _behind(videos, faces, names).items():
        changed |= set_by_video(faces, name, values)
    return len(changed)


def _behind(
    videos: fo.Dataset, faces: fo.Dataset, wanted: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return field -> video id -> the video's value, if a face has another value."""
    here, there = videos.get_field_schema(), faces.get_field_schema()
    names = [
        name
        for name in wanted
        if fields.here(videos, name).split(".")[0] in here and name.split(".")[0] in there
    ]
    asked = [fields.here(videos, name) for name in ("video_id", *names)]
    said = {row[0]: row[1:] for row in zip(*views.taken(videos).values(asked), strict=True)}
    out: dict[str, dict[str, Any]] = {name: {} for name in names}
    for document in _statements(faces, names):
        video_id = document["video"]
        for place, name in enumerate(names):
            if video_id in said and document.get(f"f{place}") != said[video_id][place]:
                out[name][video_id] = said[video_id][place]
    return {name: values for name, values in out.items() if values}


def _statements(faces: fo.Dataset, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the values of each video's faces: one row for each distinct combination."""
    keys = {f"f{place}": f"${name}" for place, name in enumerate(names)}
    pipeline = [{"$group": {"_id": {"video": "$video_id", **keys}}}]
    return [document["_id"] for document in faces._aggregate(pipeline=pipeline)]


def contradiction(faces: fo.Dataset) -> str:
    """Return in words where labels of faces differ from those of their videos; "" if they agree.

    They differ after a change in the App. Metrics use the labels of the faces.
    """
    videos = views.videos_of(faces)
    if videos is None or not videos.has_field(fields.here(videos, fields.GROUND_TRUTH)):
        return ""
    asked = [fields.here(videos, name) for name in ("video_id", LABEL)]
    said = dict(zip(*views.taken(videos).values(asked), strict=True))
    found: dict[str, set[Any]] = {}
    for document in _statements(faces, [LABEL]):
        found.setdefault(document["video"], set()).add(document.get("f0"))
    wrong = [v for v, labels in sorted(found.items(), key=str) if v in said and labels != {said[v]}]
    if not wrong:
        return ""
    return (
        f"{len(wrong):,} videos have another label than their faces (for example {wrong[0]}: "
        f"{said[wrong[0]]}, faces {' and '.join(sorted(map(str, found[wrong[0]])))}); the numbers "
        "use the labels of the faces. Run 'Extract faces' to give the faces the labels of their "
        "videos."
    )
