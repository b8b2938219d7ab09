"""What a source, a video and its faces say of the same video: where they differ, and who follows.

A label is a statement on a video. A corrected list must not pass silently, and faces must not keep
what their video no longer says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fiftyone as fo

from ...detector.records import VideoRecord
from . import fields, views

LABEL = f"{fields.GROUND_TRUTH}.label"
#: Statements of a source that a later edition may correct.
OF_SOURCE = (LABEL, "method", "family", "split", "pair_id", "target_id", "source_id", "audio_label")
#: What faces have from their video.
OF_VIDEO = (*OF_SOURCE, "split_source", "compression", "group_id", "pair_status")
#: What an import itself changes on videos that it finds.
LINKS = ("group_id", "pair_status", "pair_id")


@dataclass(frozen=True)
class Correction:
    """A field that a source says other values of than the dataset holds.

    Attributes:
        field: name of the field
        values: video id -> what the source says now
        example: one of them in words
    """

    field: str
    values: dict[str, Any]
    example: str


def corrections(dataset: fo.Dataset | None, records: Sequence[VideoRecord]) -> list[Correction]:
    """Where ``records`` contradict what ``dataset`` holds of the same videos.

    What a source does not say is no contradiction, nor is a split that was derived here.
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
            if now is None or before is None or before == now:
                continue
            values[record.video_id] = now
            example = example or f"{record.video_id} is {before} here and {now} in the source"
        if values:
            found.append(Correction(name, values, example))
    return found


def _said(record: VideoRecord, name: str) -> Any:
    if name == LABEL:
        return record.label_name
    if name == "split" and record.split_source != "official":
        return None
    return getattr(record, name)


def words(found: Sequence[Correction], taken: bool) -> list[str]:
    """A sentence for each field, and what became of it."""
    what = "they were taken over" if taken else "they were kept; import with update to take over"
    titles = {LABEL: "ground truth"}
    return [
        f"{len(c.values):,} videos have another {titles.get(c.field, c.field)} in the source "
        f"({c.example}); {what}."
        for c in found
    ]


def take_over(dataset: fo.Dataset, found: Sequence[Correction]) -> int:
    """Write what the source says now; returns how many videos."""
    changed: set[str] = set()
    for correction in found:
        changed |= set_by_video(dataset, correction.field, correction.values)
    return len(changed)


def set_by_video(dataset: fo.Dataset, name: str, values: Mapping[str, Any]) -> set[str]:
    """Write ``{video id: value}`` onto every sample of those videos; returns those with samples."""
    ids = list(values)
    there: set[str] = set()
    for start in range(0, len(ids), 5000):
        view = views.match_in(dataset, "video_id", ids[start : start + 5000])
        rows = dict(zip(*view.values(["id", "video_id"]), strict=True))
        if rows:
            dataset.set_values(name, {i: values[v] for i, v in rows.items()}, key_field="id")
            there |= set(rows.values())
    return there


def sync_faces(videos: fo.Dataset, faces: fo.Dataset, names: Sequence[str] = OF_VIDEO) -> int:
    """Have the faces say what their videos say; returns how many videos' faces did not.

    Args:
        videos: video dataset
        faces: their faces
        names: of :data:`OF_VIDEO`
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
    """Field -> video id -> the video's value, where some face has another."""
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
    """What the faces of each video say: one row for each statement that there is."""
    keys = {f"f{place}": f"${name}" for place, name in enumerate(names)}
    pipeline = [{"$group": {"_id": {"video": "$video_id", **keys}}}]
    return [document["_id"] for document in faces._aggregate(pipeline=pipeline)]


def contradiction(faces: fo.Dataset) -> str:
    """Where the labels of faces are not those of their videos, in words; "" where they are.

    Somebody has changed one of them in the App: numbers go by the faces.
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
        "go by the faces. Run 'Extract faces' to have the faces follow their videos."
    )
