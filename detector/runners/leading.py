"""Decides the order of videos and which other videos determine their subject.

First come fakes that show whom they manipulate, then the reals with these persons, then fakes that
follow their real. The result does not depend on the order of the list, the runner or the shard.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..crops.subject_policy import follows_fakes, leads_its_real, resolve_policy
from ..records import CropRecipe, VideoRecord


@dataclass(frozen=True, slots=True)
class Task:
    """A video with those that determine its subject.

    Attributes:
        record: the video
        real: the real that it follows under the policy ``pair``
        fakes: the fakes that lead this real, or the video itself if it is a real
    """

    record: VideoRecord
    real: VideoRecord | None = None
    fakes: tuple[VideoRecord, ...] = ()


def stage_of(records: Sequence[VideoRecord], recipe: CropRecipe) -> Callable[[VideoRecord], int]:
    """Return a function for the stage of a video: 0 leading fakes, 1 reals of fakes, 2 others."""
    there = {record.video_id for record in records}
    targets = {record.pair_id for record in records if record.pair_id}

    def stage(record: VideoRecord) -> int:
        if record.video_id in targets:
            return 1
        return 0 if record.pair_id in there and leads_its_real(record, recipe) else 2

    return stage


def tasks_of(
    mine: Sequence[VideoRecord], records: Sequence[VideoRecord], recipe: CropRecipe
) -> list[Task]:
    """Return the tasks for ``mine``, with the leading videos from all ``records``."""
    by_id = {record.video_id: record for record in records}
    leading: dict[str, list[VideoRecord]] = {}
    for record in sorted(records, key=lambda r: r.video_id):
        if record.pair_id and leads_its_real(record, recipe):
            leading.setdefault(record.pair_id, []).append(record)
    made = []
    for record in mine:
        real = None
        if resolve_policy(record, recipe) == "pair":
            real = by_id.get(record.pair_id or "")
        led = real or record
        fakes = leading.get(led.video_id, ()) if follows_fakes(led, recipe) else ()
        made.append(Task(record, real, tuple(fakes)))
    return made


def paired_first(
    mine: Sequence[VideoRecord], records: Sequence[VideoRecord], recipe: CropRecipe
) -> tuple[list[Task], ...]:
    """Return the tasks of ``mine`` in three parts; each must finish before the next."""
    stage = stage_of(records, recipe)
    tasks = tasks_of(mine, records, recipe)
    return tuple([task for task in tasks if stage(task.record) == part] for part in range(3))
