"""Collects what a reviewer sees of a face: crop, scores, truth, why it is queued, person, pair."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import fiftyone as fo

from ....detector.queues.catalogue import CATALOGUE
from ...dataset import fields, marked_views
from ...review import review_log
from ...review.states import KEEP, NOTE, folded
from ..stored_heat import HEATMAPS
from .worklist import RANK

_OWN = ("id", "filepath", "video_id", "pair_id", "frame_number", "track", "subject")
_SHOWN = ("source_dataset", "method", "compression", "split")
MOST_POINTS = 200  # of a person's scores


@dataclass(frozen=True)
class Pair:
    """The face of the other side: of the real that a fake was made from, or of a fake of a real.

    Attributes:
        path, video, frame, label, score: as in :class:`Card`
        same: whether it is the same frame
    """

    path: str
    video: str
    frame: int | None
    label: str | None
    score: float | None
    same: bool


@dataclass(frozen=True)
class Beside:
    """What was decided beside the label.

    Attributes:
        keep: whether the face is kept for training, None if nobody said
        note: the note on it
    """

    keep: bool | None
    note: str | None


@dataclass(frozen=True)
class Card:
    """One face as the panel shows it.

    Attributes:
        id: sample id
        path: file of the crop
        video, frame: where it was cut
        box: [x, y, w, h] relative to the frame, empty if unknown
        label: ground truth, None if unknown
        score: p_fake, None without one
        facts: (name, value) of what is known of its video
        why: (queue, rank, why the queue holds such faces)
        person: (frame, p_fake) of its person, by frame
        pair: the other side of its pair
        stands: what all have said beside the label
        own: what of it the reviewer may see before a decision of their own
        heat: field of a stored heatmap, "" without one
    """

    id: str
    path: str
    video: str | None
    frame: int | None
    box: Sequence[float]
    label: str | None
    score: float | None
    facts: Sequence[tuple[str, str]]
    why: Sequence[tuple[str, int, str]]
    person: Sequence[tuple[int, float]]
    pair: Pair | None
    stands: Beside
    own: Beside
    heat: str


def cards_of(
    faces: fo.Dataset, key: str, ids: Sequence[str], reviewer: str | None = None
) -> list[Card]:
    """Return the cards of the faces ``ids`` that are still there, in that order.

    It takes two queries, whatever the size of the dataset: the faces, and those of their videos;
    and a third if there is a note or a *keep* on one of them.
    """
    schema = faces.get_field_schema()
    label, score = f"{fields.GROUND_TRUTH}.label", fields.ScoreFields(key).p_fake
    ranks = [name for name in schema if RANK in name and name.partition(RANK)[2] in CATALOGUE]
    heat = [f"{key}_{kind}" for kind in HEATMAPS if f"{key}_{kind}" in schema]
    own = [*_OWN, *_SHOWN, "face_box", score, KEEP, NOTE, *ranks]
    names = [*(name for name in own if name in schema), label, *(f"{name}.id" for name in heat)]
    rows = _rows(faces.select(list(ids)), names)
    relatives = _relatives(faces, rows, [*_OWN, score, label])
    found = {}
    for row in rows:
        value = row.get(score)  # scores may have been deleted meanwhile
        beside = Beside(row.get(KEEP), row.get(NOTE))
        found[row["id"]] = Card(
            id=row["id"],
            path=row["filepath"],
            video=row["video_id"],
            frame=row.get("frame_number"),
            box=list(row.get("face_box") or ()),
            label=row[label],
            score=value,
            facts=[(name.replace("_", " "), row[name]) for name in _SHOWN if row.get(name)],
            why=_why(row, ranks, key),
            person=_person(row, relatives[row["video_id"]], score),
            pair=_pair(row, relatives, score, label),
            stands=beside,
            own=beside,
            heat=next((name for name in heat if row[f"{name}.id"]), ""),
        )
    noted = [face for face, card in found.items() if card.stands != Beside(None, None)]
    for face, beside in _own(faces, noted, review_log.person(reviewer)).items():
        found[face] = replace(found[face], own=beside)
    return [found[face] for face in ids if face in found]


def _own(faces: fo.Dataset, ids: Sequence[str], reviewer: str) -> dict[str, Beside]:
    """Return what ``reviewer``, or nobody knows who, said beside the label of the faces ``ids``."""
    records = review_log.read_about(faces, ids) if ids else []
    said = [r for r in records if r.what in (review_log.DECIDE, review_log.SET)]
    others = {r.number for r in said if r.reviewer not in ("", reviewer)}
    mine = [r for r in records if r.number not in others and r.of not in others]
    return {face: Beside(s[KEEP], s[NOTE]) for face, s in folded(mine, ids).items()}


def _rows(view: Any, names: list[str]) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in zip(*view.values(names), strict=True)]


def _relatives(
    faces: fo.Dataset, rows: Sequence[dict[str, Any]], names: list[str]
) -> dict[str | None, list[dict[str, Any]]]:
    """Return the faces of the videos of ``rows`` and of their pairs, by video."""
    videos = {row["video_id"] for row in rows if row["video_id"]}
    reals = {row["pair_id"] for row in rows if row.get("pair_id")}
    known = [name for name in names if name in faces.get_field_schema() or "." in name]
    alone = videos - {row["video_id"] for row in rows if row.get("pair_id")}
    query: list[dict[str, Any]] = [{"video_id": {"$in": sorted(videos | reals)}}]
    if alone:
        query.append({"pair_id": {"$in": sorted(alone)}})
    found: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for row in _rows(faces.match({"$or": query}), known):
        found[row["video_id"]].append(row)
    return found


def _why(row: dict[str, Any], ranks: Sequence[str], key: str) -> list[tuple[str, int, str]]:
    out = []
    for name in ranks:
        whose, _, queue = name.partition(RANK)
        if row.get(name) is not None:
            of = "" if whose == key else f" of {whose}"
            out.append((CATALOGUE[queue].label + of, row[name], CATALOGUE[queue].why))
    return out


def _person(
    row: dict[str, Any], same_video: Sequence[dict[str, Any]], score: str
) -> list[tuple[int, float]]:
    """Return (frame, score) of the same person, thinned out to :data:`MOST_POINTS`."""
    points = sorted(
        (other["frame_number"], other[score])
        for other in same_video
        if other.get("track") == row.get("track")
        if other.get("frame_number") is not None and other.get(score) is not None
    )
    return points[:: len(points) // MOST_POINTS + 1]


def _pair(
    row: dict[str, Any], relatives: dict[str | None, list[dict[str, Any]]], score: str, label: str
) -> Pair | None:
    """Return the other side's face at the nearest frame, of the person that its label is of."""
    if row.get("pair_id"):
        others = relatives.get(row["pair_id"], [])
    else:
        mine = row["video_id"]
        others = [o for part in relatives.values() for o in part if mine and o["pair_id"] == mine]
    others = [other for other in others if other.get("subject") is not False]
    if not others:
        return None
    here = row.get("frame_number") or 0

    def far(other: dict[str, Any]) -> tuple[int, str, str]:
        return abs((other.get("frame_number") or 0) - here), other["video_id"], other["id"]

    best = min(others, key=far)
    frame = best.get("frame_number")
    same = frame is not None and frame == row.get("frame_number")
    return Pair(best["filepath"], best["video_id"], frame, best[label], best.get(score), same)


def still_there(faces: fo.Dataset, ids: Sequence[str]) -> set[str]:
    """Return those of ``ids`` that the dataset still holds."""
    (found,) = marked_views.columns(faces, ids, ["id"])
    return set(found)
