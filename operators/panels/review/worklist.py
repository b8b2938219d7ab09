"""Lists the faces that a reviewer goes through: one queue, filtered and in an order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields as members
from typing import Any

import fiftyone as fo
import numpy as np
from fiftyone import ViewField as F

from ....detector.audit.columns import numbers
from ....detector.errors import ForensicsError
from ....detector.queues.catalogue import CATALOGUE
from ....detector.records import LABELS
from ...dataset import fields, views
from ...dataset.face_columns import Source
from ...review.opinions import Opinions

ALL, GRID = "all", "grid"  # what is no queue
RANK = "_rank_"
SHOW = {
    "open": "not decided by me",
    "new": "decided by nobody",
    "mine": "decided by me",
    "conflicts": "reviewers differ",
    "every": "all",
}
ORDER = {
    "queue": "as queued",
    "near": "nearest the threshold",
    "high": "highest score first",
    "low": "lowest score first",
    "video": "by video and frame",
}
TRUTH = {"any": "real and fake", **{label: f"{label} only" for label in LABELS}}
#: Faces that the browser gets at a time.
MOST = 500


@dataclass(frozen=True)
class Asked:
    """What a reviewer wants to see; every part is a name of a choice above.

    Attributes:
        queue: rank field of a queue, :data:`ALL` or :data:`GRID`
        show, order, truth: keys of :data:`SHOW`, :data:`ORDER` and :data:`TRUTH`
    """

    queue: str = ""
    show: str = "open"
    order: str = "queue"
    truth: str = "any"

    @classmethod
    def of(cls, params: Mapping[str, Any], queues: Sequence[str]) -> Asked:
        """Return what an event asks for; the first of ``queues`` if it asks for none of them.

        Raises:
            ForensicsError: a filter or an order is unknown
        """
        given = {f.name: params.get(f.name) or str(f.default) for f in members(cls)}
        for name, known in (("show", SHOW), ("order", ORDER), ("truth", TRUTH)):
            if given[name] not in known:
                raise ForensicsError(
                    f"`{name}` cannot be {given[name]!r}.", f"Known: {', '.join(known)}.", name
                )
        if given["queue"] not in queues:
            given["queue"] = queues[0]
        return cls(**given)


@dataclass(frozen=True)
class Worklist:
    """The faces of a queue.

    Attributes:
        ids: those that pass the filters, in order
        faces: how many faces the queue has
        decided: how many of them the reviewer has decided
    """

    ids: list[str]
    faces: int
    decided: int


def queues_of(source: Source) -> list[tuple[str, str]]:
    """Return (name, label) of every queue that holds faces, then of what is always there."""
    schema = source.faces.get_field_schema()
    known = [
        name
        for queue in CATALOGUE
        for name in schema
        if RANK in name and name.partition(RANK)[2] == queue
    ]
    counts = source.faces.aggregate([fo.Count(name) for name in known])
    keys = {name.partition(RANK)[0] for name in known}
    found = []
    for name, count in zip(known, counts, strict=True):
        key, _, queue = name.partition(RANK)
        whose = f" of {key}" if len(keys) > 1 else ""
        if count:
            found.append((name, f"{CATALOGUE[queue].label}{whose} ({count:,})"))
    if source.shows_faces:
        found.append((GRID, "What the grid shows"))
    return [*found, (ALL, f"All faces ({source.faces.count():,})")]


def key_of(queue: str) -> str:
    """Return the detector whose queue this is, "" if it is none."""
    return queue.partition(RANK)[0] if RANK in queue else ""


def worklist(
    source: Source,
    asked: Asked,
    key: str,
    threshold: float,
    opinions: Opinions,
    reviewer: str,
    grid: Any = None,
) -> Worklist:
    """Return the faces that ``asked`` means; ``grid`` is the view that the App shows."""
    faces = views.flat(grid) if asked.queue == GRID and grid is not None else source.faces.view()
    if RANK in asked.queue:
        faces = faces.match(F(asked.queue) != None).sort_by(asked.queue)  # noqa: E711
    label = f"{fields.GROUND_TRUTH}.label"
    if asked.truth != "any":
        faces = faces.match({label: asked.truth})
    names = ["id", fields.ScoreFields(key).p_fake, "video_id", "frame_number"]
    ids, p_fake, video, frame = faces.values(names)
    mine = {face for face in ids if reviewer in opinions.of.get(face, ())}
    order = _order(asked.order, numbers(p_fake), threshold, video, frame)
    differ = set(opinions.conflicts()) if asked.show == "conflicts" else set()
    keeps = {
        "open": lambda face: face not in mine,
        "new": lambda face: not opinions.of.get(face) and face not in opinions.settled,
        "mine": lambda face: face in mine,
        "conflicts": lambda face: face in differ,
        "every": lambda face: True,
    }[asked.show]
    return Worklist([ids[i] for i in order if keeps(ids[i])], len(ids), len(mine))


def _order(
    order: str, p_fake: np.ndarray, threshold: float, video: Sequence[Any], frame: Sequence[Any]
) -> list[int]:
    """Return the rows in an order; faces without a score come last."""
    if order == "queue":
        return list(range(len(p_fake)))
    if order == "video":
        return sorted(range(len(p_fake)), key=lambda i: (video[i] or "", frame[i] or 0))
    value = {"near": np.abs(p_fake - threshold), "high": -p_fake, "low": p_fake}[order]
    return np.argsort(value, kind="stable").tolist()
