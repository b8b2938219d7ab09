"""In which order videos are done, and who says whom a video is cropped to.

Fakes that know whom they manipulate come first, then the reals that show these persons, then the
fakes that follow their real. The order of the list, the runner and the shard change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..crops.subject_policy import follows_fakes, leads_its_real, resolve_policy
from ..records import CropRecipe, VideoRecord


@dataclass(frozen=True, slots=True)
class Task:
    """A video with those that say whom it is cropped to.

    Attributes:
        record: the video
        real: which it follows by its policy ``pair``
        fakes: that lead the real, or the video itself if it is one
    """

    record: VideoRecord
    real: VideoRecord | None = None
    fakes: tuple[VideoRecord, ...] = ()


def stage_of(records: Sequence[VideoRecord], recipe: CropRecipe) -> Callable[[VideoRecord], int]:
    """When a video's turn is: fakes that lead their real, reals of fakes, and then the others."""
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
    """The videos ``mine`` of all ``records`` with those that lead them."""
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
    """The videos of ``mine`` in three parts, each to be done before the next."""
    stage = stage_of(records, recipe)
    tasks = tasks_of(mine, records, recipe)
    return tuple([task for task in tasks if stage(task.record) == part] for part in range(3))
