"""Prepares work for machines without FiftyOne: a list, the command of each shard, and the merge.

The folder of a plan is among the jobs, so that the panel shows how far its shards are.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...detector.files.atomic import write_bytes, write_json
from ...detector.records import CropRecipe, VideoRecord
from ...detector.runners.child_process import search_path
from ...detector.runners.score_units import ScoreUnit, write_score_list
from ...detector.runners.video_list import write_video_list
from ..app.markup import plain
from . import job as jobs

_SHOWN = 4  # commands in the message; the file holds all


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """The files and commands of prepared work.

    Attributes:
        folder: folder with the list, ``commands.sh`` and ``array.sbatch``
        commands: one command for each shard
        check: command that lists duplicates, gaps and running shards
        after: what to do in FiftyOne when all shards have ended
    """

    folder: Path
    commands: tuple[str, ...]
    check: str
    after: str

    def result(self) -> dict[str, Any]:
        """Return the result of the operator."""
        return {
            "folder": str(self.folder),
            "commands": list(self.commands),
            "check": self.check,
            "after": self.after,
            "table": self.table(),
        }

    def table(self) -> str:
        """Return the plan as Markdown."""
        shown = [*self.commands[:_SHOWN]]
        if len(self.commands) > _SHOWN:
            shown.append(f"# ... {len(self.commands)} in all, see commands.sh")
        tildes = re.findall("~+", "\n".join([*shown, search_path(), str(self.folder), self.check]))
        fence = "~" * (1 + max(2, *map(len, tildes), 0))  # longer than any run of ~ in a name
        return "\n".join(
            [
                f"Written to {plain(self.folder)}. Run each on any machine that finds the files "
                "under these paths, in any order, as often as you like:",
                "",
                fence,
                f"export PYTHONPATH={shlex.quote(search_path())}",
                *shown,
                fence,
                "",
                "or all as one SLURM array:",
                "",
                fence,
                f"sbatch {shlex.quote(str(self.folder / 'array.sbatch'))}",
                fence,
                "",
                "To see duplicates, gaps and shards that still run:",
                "",
                fence,
                self.check,
                fence,
                "",
                self.after,
            ]
        )


def extraction(
    dataset: str,
    records: Sequence[VideoRecord],
    recipe: CropRecipe,
    root: Path,
    shards: int,
    options: dict[str, Any],
    dataset_id: str | None = None,
) -> ShardPlan:
    """Prepare ``extract_faces`` for the command line.

    Args:
        dataset: name of the video dataset
        records: the videos
        recipe: crop recipe with the hash of the face detector
        root: crop store that all shards share
        shards: number of shards
        options: ``device`` and ``weights``, if given
        dataset_id: id of the dataset, which stays the same if it is renamed
    """
    folder = jobs.new_folder("extract_faces-shards")
    videos = folder / "videos.jsonl"
    write_video_list(videos, records)
    write_json(folder / "recipe.json", recipe.to_json())
    module = "media_forensics.detector.extract_command"
    given = [f"--{name}={value}" for name, value in sorted(options.items()) if value]
    run = ["run", videos, root, "--recipe", folder / "recipe.json", *given]
    check = _command(module, "merge", root, root, "--videos", videos)
    after = (
        "Then run 'Extract faces' on the same videos with the same settings and crop folder: "
        "it writes what is there into FiftyOne and decodes nothing again."
    )
    about = {"operator": "extract_faces", "dataset": dataset, "dataset_id": dataset_id}
    return _written(folder, about, root, module, run, shards, check, after)


def scoring(
    dataset: str,
    units: Sequence[ScoreUnit],
    recipe_hash: str,
    source: str,
    root: Path,
    shards: int,
    options: dict[str, Any],
    dataset_id: str | None = None,
) -> ShardPlan:
    """Prepare ``score_faces`` for the command line.

    Args:
        dataset: name of the faces dataset
        units: its faces, by video
        recipe_hash: hash of the recipe of its crops
        source: argument of :func:`checkpoints.load_detector`
        root: folder of scores that all shards share
        shards: number of shards
        options: ``device``, ``precision`` and ``batch_size``, if given
        dataset_id: id of the dataset, which stays the same if it is renamed
    """
    folder = jobs.new_folder("score_faces-shards")
    faces = folder / "faces.jsonl"
    write_score_list(faces, units, recipe_hash)
    module = "media_forensics.detector.score_command"
    named = {name.replace("_", "-"): value for name, value in options.items() if value}
    given = [f"--{name}={value}" for name, value in sorted(named.items())]
    run = ["run", faces, root, f"--detector={source}", *given]
    check = _command(module, "merge", faces, root)
    after = (
        "Then run 'Score faces' with the same detector and this folder of scores under "
        "'Scores of shards': it writes them into FiftyOne, or says what is missing."
    )
    about = {"operator": "score_faces", "dataset": dataset, "dataset_id": dataset_id}
    return _written(folder, about, root, module, run, shards, check, after)


def _command(module: str, *arguments: object) -> str:
    return " ".join([shlex.quote(sys.executable), "-m", module, *(_quoted(a) for a in arguments)])


def _quoted(argument: object) -> str:
    return shlex.quote(str(argument))


def _written(
    folder: Path,
    about: dict[str, str | None],
    root: Path,
    module: str,
    run: Sequence[object],
    shards: int,
    check: str,
    after: str,
) -> ShardPlan:
    one = _command(module, *run)
    commands = tuple(f"{one} --shard={n}/{shards}" for n in range(shards))
    path = f"export PYTHONPATH={shlex.quote(search_path())}"
    lines = ["#!/bin/sh", path, *commands, check, ""]
    write_bytes(folder / "commands.sh", "\n".join(lines).encode())
    array = [
        "#!/bin/sh",
        f"#SBATCH --job-name={about['operator']}",
        f"#SBATCH --array=0-{shards - 1}",
        "#SBATCH --requeue",
        path,
        f"exec {one} --shard=$SLURM_ARRAY_TASK_ID/{shards}",
        "",
    ]
    write_bytes(folder / "array.sbatch", "\n".join(array).encode())
    write_json(folder / "plan.json", {**about, "root": str(root), "shards": shards})
    return ShardPlan(folder, commands, check, after)
