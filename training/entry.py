"""Runs a prepared run: ``python -m media_forensics.training.entry RUN_DIR``.

It also runs under torchrun: ``torchrun --nproc-per-node=2 -m media_forensics.training.entry
    RUN_DIR``.
Exit status: 0 completed, 1 failed, 2 refused with a message, 3 stopped on request (start it again
    to
resume), 4 another process works on it. SIGTERM and SIGINT stop it after the current step, with the
state saved.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ..detector.errors import ForensicsError
from ..detector.files.paths import given
from ..detector.text.terminal import log_to_terminal
from . import runs

log = logging.getLogger(__name__)

BUSY = 4
EXIT = {runs.COMPLETED: 0, runs.STOPPED: 3}
REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what :func:`runs.prepare` wrote to the folder; the module lists the exit statuses."""
    parser = argparse.ArgumentParser(prog="media_forensics.training.entry")
    parser.add_argument("run_dir", type=Path, help="folder that training.launch.prepare wrote")
    parser.add_argument("--device", help="torch device; the GPU where there is one")
    parser.add_argument("--threads", type=int, help="CPU threads of torch")
    options = parser.parse_args(arguments)
    log_to_terminal("%(asctime)s %(levelname)s %(name)s %(message)s")
    asked_to_stop = []
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, _frame: asked_to_stop.append(number))

    from . import distributed  # loads torch, so only after the arguments are checked

    try:
        return _train(options, lambda: bool(asked_to_stop))
    except runs.BusyRun as error:
        log.error("%s", error)
        return BUSY
    except ForensicsError as error:
        log.error("%s", error)
        return REFUSED
    finally:
        distributed.finish()


def _train(options: argparse.Namespace, should_stop: object) -> int:
    import torch

    from . import distributed
    from .loop import fit

    run = runs.RunFolder(given(options.run_dir, "run_dir"))
    try:
        config, manifest, asked = run.config, run.manifest, run.read("run")
        if options.threads:
            torch.set_num_threads(options.threads)
        device = distributed.start_from_environment(options.device)
        result = fit(
            config,
            manifest,
            run.path,
            should_stop=should_stop,  # type: ignore[arg-type]
            device=device,
            crop_recipe=asked["crop_recipe"],
            crop_recipe_hash=asked["crop_recipe_hash"],
        )
    except runs.BusyRun:
        raise  # the run and its status belong to the other process
    except ForensicsError as error:
        if run.status["status"] != runs.RUNNING or not run.is_running():
            facts = {"message": error.message, "hint": error.hint, "type": "ForensicsError"}
            run.set_status(runs.FAILED, error=facts)
        raise
    log.info("%s after %d steps; best: %s", result.status, result.steps, result.best)
    return EXIT[result.status]


if __name__ == "__main__":
    sys.exit(main())
