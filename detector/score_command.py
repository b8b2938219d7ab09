"""Scores face crops from the command line, without FiftyOne and without a database.

    media-forensics list-faces videos.jsonl crops faces.jsonl
    media-forensics score faces.jsonl scores --detector D --shard 0/4
    media-forensics merge scores faces.jsonl all scores0 scores1

or ``python -m media_forensics.detector.score_command list``, ``run`` and ``merge``.

``list`` lists the extracted crops. ``run`` scores one shard of a list. Shards may share a folder of
scores or have their own. ``merge`` reports duplicates, gaps and runs still in progress. It copies
several folders into one unless there are conflicts, gaps or running shards. All commands can be
killed and repeated. The exit status is 0, 2 for a user error or an incomplete merge, 3 if stopped.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace

from .device import EAGER, ENGINES
from .errors import ForensicsError
from .files.paths import given
from .runners.command_line import OneSentenceParser, carry_out, log_progress, stop_signals
from .text.terminal import say

log = logging.getLogger("score")


def _parser() -> argparse.ArgumentParser:
    summary = (__doc__ or "").splitlines()[0]
    parser = OneSentenceParser(prog="score_command", description=summary)
    commands = parser.add_subparsers(dest="command", required=True)
    add_list_options(
        commands.add_parser("list", help="list the crops of extracted videos as work to do")
    )
    add_options(commands.add_parser("run", help="score faces"))
    add_merge_options(commands.add_parser("merge", help="check scores of several shards, and join"))
    return parser


def add_list_options(listing: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``list``."""
    listing.add_argument("videos", help="list of videos, one JSON record a line")
    listing.add_argument("crops", help="folder of the crop store")
    listing.add_argument("faces", help="list of faces to write, .jsonl")
    listing.add_argument("--recipe-hash", help="where the store holds crops of several recipes")
    listing.add_argument("--count", type=int, help="frames per video, as the extraction was told")


def add_options(run: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``run``."""
    run.add_argument("faces", help="list of faces")
    run.add_argument("scores", help="folder of the scores")
    run.add_argument("--detector", required=True, help="name, folder or file of a checkpoint")
    run.add_argument("--shard", default="0/1", help="I/N: only part I (from 0) of N")
    run.add_argument("--workers", type=int, default=0, help="processes; 0 works in this one")
    run.add_argument("--device", help="torch device")
    run.add_argument("--precision", help="fp32, bf16 or fp16; by default what suits the device")
    text = "how the network runs; all but eager prepare it first, for up to minutes"
    run.add_argument("--engine", choices=ENGINES, default=EAGER, help=text)
    run.add_argument("--batch-size", type=int, help="crops per forward pass")


def add_merge_options(merge: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``merge``."""
    merge.add_argument("faces", help="list of faces that has to be complete")
    merge.add_argument("scores", help="folder that gets everything, or is only checked")
    merge.add_argument("shards", nargs="*", help="folders that are read")
    merge.add_argument(
        "--allow-gaps", action="store_true", help="merge although something is missing"
    )


def list_faces(options: argparse.Namespace) -> int:
    """Run the command ``list`` and return the exit status."""
    from .crops.store import CropStore
    from .files.outputs import claim_output, writing_output
    from .runners.score_units import FILES, units_of_store, write_score_list
    from .runners.store_merge import stored_recipes
    from .runners.video_list import read_video_list

    claim_output(options.faces, FILES, "faces")
    options.crops, videos = given(options.crops, "crops"), given(options.videos, "videos")
    recipes = {recipe.hash: recipe for recipe in stored_recipes(options.crops)}
    chosen = options.recipe_hash or (next(iter(recipes)) if len(recipes) == 1 else None)
    if chosen not in recipes:
        raise ForensicsError(
            f"{options.crops} holds crops of the recipes {', '.join(recipes)}.",
            "Choose one with --recipe-hash.",
        )
    recipe = recipes[chosen]
    store = CropStore(options.crops, replace(recipe, count=options.count or recipe.count))
    units = units_of_store(read_video_list(videos), store)
    with writing_output(options.faces, FILES, "faces") as temporary:
        count = write_score_list(temporary, units, chosen)
    log.info("%s: %d faces of %d videos", options.faces, sum(len(u.faces) for u in units), count)
    return 0


def execute(options: argparse.Namespace) -> int:
    """Run the command ``run`` and return the exit status."""
    from .extract_command import shard_from_text
    from .model.checkpoints import load_detector
    from .model.engines import require_engine
    from .model.scoring_precision import scoring_precision
    from .runners.score_parts import ScoreParts
    from .runners.score_units import read_score_list, shard_of_scores
    from .runners.score_videos import (
        ScoreSetup,
        provenance,
        score_in_pool,
        score_units,
        write_parts,
    )

    scores = given(options.scores, "scores")
    units, recipe_hash = read_score_list(options.faces)
    index, shards = shard_from_text(options.shard)
    detector = load_detector(options.detector, device=options.device)
    precision = scoring_precision(detector, options.precision)
    require_engine(options.engine, detector.device.type)
    about = provenance(detector, options.detector, recipe_hash, precision, options.engine)
    parts = ScoreParts(scores, about)
    parts.prepare()
    mine = [unit for unit in units if shard_of_scores(unit.video_id, shards) == index]
    todo = parts.missing(mine)
    log.info("%d of %d videos of this shard are left", len(todo), len(mine))
    with stop_signals() as stopped:
        if options.workers > 0:
            how = (options.device, options.batch_size, precision, options.engine)
            setup = ScoreSetup(options.detector, detector.sha256, *how)
            width = detector.backbone.width
            del detector  # each worker loads its own
            scored = score_in_pool(setup, todo, options.workers, width, stopped)
        else:
            if todo:
                detector.use_engine(options.engine, options.batch_size, precision)
            scored = score_units(detector, todo, options.batch_size, precision, stopped)
        work = f"score, shard {options.shard}"
        done = write_parts(parts, scored, len(todo), work, log_progress(log, "videos"))
    log.info("%s: %d videos", parts.folder, done)
    if done < len(todo):
        log.error("Stopped after %d of %d videos; repeat it to continue.", done, len(todo))
        return 3
    return 0


def merge(options: argparse.Namespace) -> int:
    """Run the command ``merge`` and return the exit status."""
    from .runners.score_merge import copy_parts, examine
    from .runners.score_parts import ScoreParts, provenance_of, score_folders
    from .runners.score_units import read_score_list

    units, _ = read_score_list(options.faces)
    scores = given(options.scores, "scores")
    roots = [given(shard, "shards") for shard in options.shards] or [scores]
    folders = [folder for root in roots for folder in score_folders(root)]
    report = examine(folders, units)
    say(report.table())
    report.require(options.allow_gaps)
    if options.shards:
        target = ScoreParts(scores, provenance_of(folders[0]))
        log.info("%s: %d videos copied", target.folder, copy_parts(target, folders, units))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    options = _parser().parse_args(arguments)
    commands = {"list": list_faces, "run": execute, "merge": merge}
    return carry_out(commands[options.command], options)


if __name__ == "__main__":
    sys.exit(main())
