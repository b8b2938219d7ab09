"""Saves a workspace for each task in a dataset: which panels stand where, offered by name.

They are offered once. What the user deletes or saves again under the same name stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import fiftyone as fo
import fiftyone.core.odm as foo
from fiftyone.core.utils import to_slug

from . import fields
from .dataset_changes import changing, documents

_OFFERED = "workspaces"  # entry of a dataset's description: the names that were offered
GRID = "Samples"
AUDIT, REVIEW, SPHERE = "Audit", "Review", "Sphere"
TRAIN, CASE = "Train", "Case"


@dataclass(frozen=True, slots=True)
class Task:
    """One task and its arrangement of panels.

    Attributes:
        name: of the workspace, as the App lists it
        description: what it is for
        layout: makes the arrangement, with new ids of its parts
    """

    name: str
    description: str
    layout: Callable[[], fo.Space]


def _tab(panel: str) -> fo.Space:
    # without an active child the App shows an empty space
    tab = fo.Panel(type=panel, pinned=panel == GRID)
    return fo.Space(children=[tab], active_child=tab.component_id)


def _split(orientation: str, *parts: tuple[float, fo.Space]) -> fo.Space:
    sizes, children = zip(*parts, strict=True)
    return fo.Space(children=list(children), orientation=orientation, sizes=list(sizes))


def _beside(panel: str, share: float) -> fo.Space:
    """Return the grid, with ``panel`` on the right on a ``share`` of the width."""
    return _split("horizontal", (1 - share, _tab(GRID)), (share, _tab(panel)))


def _audit() -> fo.Space:
    numbers = _split("vertical", (0.6, _tab("error_audit")), (0.4, _tab("hypersphere")))
    return _split("horizontal", (0.4, _tab(GRID)), (0.6, numbers))


def _case() -> fo.Space:
    video = _split("vertical", (0.62, _tab("player")), (0.38, _tab("timeline")))
    return _split("horizontal", (0.35, _tab(GRID)), (0.65, video))


TASKS = (
    Task(AUDIT, "Where the detector errs, and the faces behind each number", _audit),
    Task(REVIEW, "Doubtful faces, decided one after the other", lambda: _beside("review", 0.65)),
    Task(SPHERE, "The embeddings on the unit sphere", lambda: _beside("hypersphere", 0.65)),
    Task(TRAIN, "Training runs and their curves", lambda: _beside("training_runs", 0.6)),
    Task(CASE, "One video or file: played, with its scores over time", _case),
)


def offer(dataset: fo.Dataset) -> list[str]:
    """Save the workspaces that ``dataset`` was not yet offered.

    Returns:
        the names of the new ones
    """
    about = fields.describe(dataset)
    offered = list(about.get(_OFFERED) or ())
    tasks = [task for task in TASKS if task.name not in offered and _fits(task, about)]
    if not tasks:
        return []
    with changing(dataset):
        there = {to_slug(name) for name in dataset.list_workspaces()}
        new = [task for task in tasks if to_slug(task.name) not in there]
        _put(dataset, new)
        fields.set_description(dataset, **{_OFFERED: offered + [task.name for task in tasks]})
    return [task.name for task in new]


def _fits(task: Task, about: dict) -> bool:
    """Return whether the task can be done on a dataset of this kind: an analysis has no labels."""
    return about.get("kind") != "analyses" or task.name in (SPHERE, CASE)


def _put(dataset: fo.Dataset, tasks: list[Task]) -> None:
    """Write the workspaces, then name all of them in the dataset in one step."""
    now = datetime.utcnow()
    made = []
    for task in tasks:
        record = foo.WorkspaceDocument(
            child=task.layout(),
            color=None,
            created_at=now,
            dataset_id=dataset._doc.id,
            description=task.description,
            last_modified_at=now,
            name=task.name,
            slug=to_slug(task.name),
        )
        record.save(upsert=True)
        made.append(record.id)
    change = {"$push": {"workspaces": {"$each": made}}, "$set": {"last_modified_at": now}}
    documents("datasets").update_one({"_id": dataset._doc.id}, change)
    dataset._doc.reload("workspaces", "last_modified_at")
