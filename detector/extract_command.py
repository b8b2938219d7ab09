"""Extracts face crops from the command line, without FiftyOne and without a database.

    media-forensics extract videos.jsonl crops --shard 0/4
    media-forensics merge crops crops shard0 shard1 shard2 shard3

or ``python -m media_forensics.detector.extract_command run`` and ``merge``.

``run`` processes one shard of a list of videos (:mod:`.runners.video_list`). Shards may share a
crop folder or have their own. ``merge`` reports duplicates, gaps and runs still in progress. It
copies the crops of several folders into one unless there are conflicts, gaps or running shards.
Both commands can be killed and repeated. The exit status is 0 if every video has a result (which
may be a reason), 2 for a user error, 3 if stopped (SIGTERM, Ctrl-C).
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields

from .crops.coverage import Coverage, coverage_table
from .errors import ForensicsError
from .files.outputs import claim_output, json_with, write_output
from .files.paths import given, given_all, text_or_none
from .records import CropRecipe, VideoRecord
from .runners.command_line import OneSentenceParser, carry_out, log_progress, stop_signals
from .runners.extract import extract_videos, shard_of
from .runners.shard_notes import noted
from .runners.store_merge import examine_stores, merge_stores
from .runners.video_list import read_video_list
from .text.terminal import say

log = logging.getLogger("extract")
_SUMMARY = (json_with("videos", "faces", "groups", "video_reasons"),)


def shard_from_text(text: str) -> tuple[int, int]:
    """Return ``"I/N"``, with I counted from 0, as (I, N).

    Raises:
        ForensicsError: another format
    """
    first, slash, second = text.partition("/")
    if not (slash and first.isdecimal() and second.isdecimal() and int(first) < int(second)):
        raise ForensicsError(
            f"{text!r} is not a shard.",
            "Write I/N with I from 0 to N - 1, for example 0/4.",
            "shard",
        )
    return int(first), int(second)


def _parser() -> argparse.ArgumentParser:
    parser = OneSentenceParser(prog="extract_command", description=_summary())
    commands = parser.add_subparsers(dest="command", required=True)
    add_options(commands.add_parser("run", help="extract face crops from videos"))
    add_merge_options(
        commands.add_parser("merge", help="merge crop folders of several shards into one")
    )
    return parser


def add_options(run: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``run``."""
    run.add_argument("videos", help="list of videos, one JSON record a line")
    run.add_argument("crops", help="folder of the crop store")
    run.add_argument("--shard", default="0/1", help="I/N: only part I (from 0) of N")
    text = "processes; 0 works in this one; as many as there are cores by default on a GPU, else 0"
    run.add_argument("--workers", type=int, help=text)
    run.add_argument("--device", help="torch device of the face detector")
    run.add_argument("--weights", help="weight file of the face detector")
    run.add_argument("--allow-download", action="store_true", help="fetch missing weights")
    run.add_argument("--time-limit", type=float, help="seconds for one video")
    run.add_argument("--summary", help="also write the coverage as JSON to this file")
    run.add_argument("--recipe", help="JSON file of a crop recipe; the options below replace parts")
    defaults = CropRecipe()
    for entry in fields(CropRecipe):
        if entry.name in ("name", "detector_sha256"):
            continue
        value = getattr(defaults, entry.name)
        option, text = f"--{entry.name.replace('_', '-')}", f"of the recipe; {value} by default"
        if isinstance(value, bool):
            run.add_argument(option, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            run.add_argument(option, type=type(value), help=text)


def add_merge_options(merge: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``merge``."""
    merge.add_argument("crops", help="folder that gets everything")
    merge.add_argument("shards", nargs="+", help="folders that are read")
    merge.add_argument("--videos", help="list of videos: what it names has to be complete")
    merge.add_argument(
        "--allow-gaps", action="store_true", help="merge although something is missing"
    )


def _summary() -> str:
    return (__doc__ or "").splitlines()[0]


def _recipe(options: argparse.Namespace) -> CropRecipe:
    values = {}
    if options.recipe:
        try:
            values = json.loads(given(options.recipe, "recipe").read_text())
        except (OSError, json.JSONDecodeError) as error:
            raise ForensicsError(
                f"The recipe {options.recipe} cannot be read: {error}.", "Give a JSON file."
            ) from error
    parts = {f.name: getattr(options, f.name, None) for f in fields(CropRecipe)}
    return CropRecipe.from_json({**values, **{k: v for k, v in parts.items() if v is not None}})


def execute(options: argparse.Namespace) -> int:
    """Run the command ``run`` and return the exit status."""
    if options.summary:
        claim_output(options.summary, _SUMMARY, "summary")
    options.crops = given(options.crops, "crops")
    options.weights = text_or_none(options.weights, "weights")
    records = read_video_list(options.videos)
    shard = shard_from_text(options.shard)
    recipe = _recipe(options)
    with stop_signals() as stopped:
        return _extract(options, records, recipe, shard, stopped)


def _extract(
    options: argparse.Namespace,
    records: Sequence[VideoRecord],
    recipe: CropRecipe,
    shard: tuple[int, int],
    should_stop: Callable[[], bool],
) -> int:
    tell = log_progress(log, "videos")
    total = sum(shard_of(record, shard[1]) == shard[0] for record in records)
    coverage, by_id = Coverage(), {record.video_id: record for record in records}
    results = extract_videos(
        records,
        recipe,
        options.crops,
        workers=options.workers,
        shard=shard,
        device=options.device,
        weights=options.weights,
        allow_download=options.allow_download,
        time_limit_seconds=options.time_limit,
        should_stop=should_stop,
    )
    with noted(options.crops, f"extract, shard {options.shard}", total) as step:
        for result in results:
            coverage.add(by_id[result.video_id], result)
            step(coverage.videos)
            if result.reason:
                log.warning("%s: %s %s", result.video_id, result.reason, result.detail)
            tell(coverage.videos, total, "videos")
    summary = coverage.to_json()
    if options.summary:
        write_output(options.summary, _SUMMARY, "summary", json.dumps(summary, indent=1).encode())
    say(coverage_table(summary))
    if coverage.videos < total:
        log.error("Stopped after %d of %d videos; repeat it to continue.", coverage.videos, total)
        return 3
    return 0


def merge(options: argparse.Namespace) -> int:
    """Run the command ``merge`` and return the exit status."""
    records = read_video_list(options.videos) if options.videos else None
    crops, shards = given(options.crops, "crops"), given_all(options.shards, "shards")
    report = examine_stores(shards, records)
    say(report.table())
    report.require(options.allow_gaps)
    for row in merge_stores(crops, shards):
        log.info("%s: %d videos of recipe %s", row.source, row.videos, row.recipe_hash)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    options = _parser().parse_args(arguments)
    return carry_out(execute if options.command == "run" else merge, options)


if __name__ == "__main__":
    sys.exit(main())
