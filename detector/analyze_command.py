"""Judges files from the command line, without FiftyOne: ``media-forensics analyze``."""

from __future__ import annotations

import argparse
import json
import logging
from typing import TYPE_CHECKING

from .errors import Cancelled, ForensicsError
from .files.outputs import claim_output, json_with, write_output
from .files.paths import given, text_or_none
from .runners.command_line import DONE, FAILED, STOPPED, stop_signals
from .text.terminal import say

if TYPE_CHECKING:
    from .scoring.analysis import Analysis

log = logging.getLogger("analyze")
_JSON = (json_with("analyses"),)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``analyze``."""
    parser.add_argument("path", help="a video, a picture or a folder of them")
    parser.add_argument("--detector", required=True, help="name, folder or file of a checkpoint")
    parser.add_argument("--count", type=int, default=32, help="frames to look at; 32 by default")
    parser.add_argument("--rule", help="how a person's frames give a score; as calibrated")
    parser.add_argument("--crops", help="folder of the face crops; in the cache by default")
    parser.add_argument("--device", help="torch device; the GPU where there is one")
    parser.add_argument("--face-weights", help="weight file of the face detector")
    parser.add_argument("--json", help="also write the full result to this .json file")


def execute(options: argparse.Namespace) -> int:
    """Print a verdict with reasons per file; return 1 if a file could not be read, 3 if stopped."""
    from .faces.detectors import detector_of
    from .files.cache import cache_dir
    from .model.checkpoints import load_detector
    from .scoring.file_analysis import analyze_file, files_of, left_out, recipe_of
    from .scoring.file_threshold import threshold_for

    if options.count < 1:
        raise ForensicsError(f"count is {options.count}.", "Look at 1 frame or more.", "count")
    if options.json:
        claim_output(options.json, _JSON, "json")
    weights = text_or_none(options.face_weights, "face_weights")
    crops = given(options.crops, "crops") if options.crops else cache_dir() / "analyses"
    files = files_of(given(options.path, "path"))
    model = load_detector(options.detector, options.device)
    faces = detector_of(recipe_of(model), device=options.device, weights=weights)
    results, failed, stopped = [], 0, False
    with stop_signals() as should_stop:
        for number, file in enumerate(files, start=1):
            try:
                result = analyze_file(
                    file,
                    model,
                    faces,
                    crops,
                    threshold=threshold_for(model),
                    rule=options.rule,
                    count=options.count,
                    should_stop=should_stop,
                )
            except Cancelled:
                stopped = True
                break
            except OSError as error:
                log.error("%s cannot be read: %s", file, error)
                failed += 1
                continue
            results.append(result.to_json())
            say(in_words(result))
            if len(files) > 1:
                log.info("%d of %d files", number, len(files))
    if others := left_out(options.path):
        say(others)
    if options.json:
        found = json.dumps({"analyses": results}, indent=1)
        write_output(options.json, _JSON, "json", found.encode())
    if stopped:
        log.error("Stopped after %d of %d files.", len(results), len(files))
        return STOPPED
    return FAILED if failed else DONE


def in_words(result: Analysis) -> str:
    """Return the verdict on one file and its reasons, one per line."""
    score = "" if result.score is None else f", score {result.score:.3f}"
    lines = [f"{result.path}: {result.headline}{score}"]
    lines += [f"  {reason}" for reason in result.reasons]
    lines.append(
        f"  {result.frames_usable} of {result.frames_tried} frames show a usable face; detector "
        f"{result.detector} ({result.detector_sha256[:12]}), threshold "
        f"{result.threshold.value:g}"
    )
    return "\n".join(lines)
