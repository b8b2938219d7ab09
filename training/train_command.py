"""Trains from the command line, without FiftyOne: ``media-forensics train``.

The manifest comes from ``export_training_set`` or from another run. The run works in a separate
process, and the same command resumes a run that was interrupted.
"""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import replace
from typing import Any

from ..detector.errors import ForensicsError
from ..detector.files.paths import given
from ..detector.runners.command_line import DONE, FAILED, STOPPED, stop_signals
from ..detector.text.terminal import say
from ..detector.weights.known_detectors import absolute_tower

log = logging.getLogger("train")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``train``."""
    parser.add_argument("run_dir", help="folder of the run; new, or one to resume")
    parser.add_argument("--manifest", help="crops to train on; not needed to resume a run")
    parser.add_argument("--recipe", help="named recipe; ln_l2_unal_slerp by default")
    parser.add_argument("--backbone", help="tower; that of the recipe by default")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another value of a setting, as JSON: --set epochs=6 (repeatable)",
    )
    parser.add_argument("--device", help="torch device; the GPU where there is one")
    parser.add_argument("--processes", type=int, default=1, help="ranks on this machine")
    parser.add_argument("--threads", type=int, help="CPU threads of each rank")


def execute(options: argparse.Namespace) -> int:
    """Prepare the run, follow it to its end, and print the result as JSON."""
    from .config import named_recipe
    from .devices import placement
    from .launch import follow, prepare, start
    from .manifest import Manifest

    run_dir = given(options.run_dir, "run_dir")
    if options.manifest:
        more = {"backbone": options.backbone} if options.backbone else {}
        config = named_recipe(
            options.recipe or "ln_l2_unal_slerp", **{**more, **settings_of(options.set)}
        )
        config = replace(config, backbone=absolute_tower(config.backbone))
        prepare(run_dir, config, Manifest.load(given(options.manifest, "manifest")))
    elif options.recipe or options.backbone or options.set:
        raise ForensicsError(
            "A run that is resumed keeps its settings.", "Give --manifest to begin one.", "manifest"
        )
    where = placement(options.device, options.processes)
    handle = start(
        run_dir,
        device=where.device,
        processes=where.processes,
        threads=options.threads,
    )
    with stop_signals(at_once=handle.stop):
        for record in follow(handle):
            log.info("step %s of %s: %s", record.get("step", 0), record["steps"], record["text"])
        result = handle.result()
    say(json.dumps(result, indent=1))
    if result["status"] == "completed":
        return DONE
    return STOPPED if result["status"] == "stopped" else FAILED


def settings_of(texts: list[str]) -> dict[str, Any]:
    """Parse ``["epochs=6", "tune=head"]`` to a dict; each value is JSON, or else text.

    Raises:
        ForensicsError: a text without ``=``
    """
    settings: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise ForensicsError(f"{text!r} is not a setting.", "Write NAME=VALUE.", "set")
        try:
            settings[name.replace("-", "_")] = json.loads(value)
        except json.JSONDecodeError:
            settings[name.replace("-", "_")] = value
    return settings
