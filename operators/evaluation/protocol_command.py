"""Fills a published table from the command line: ``media-forensics protocol``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ...detector.runners.command_line import DONE, OneSentenceParser, carry_out
from ...detector.text.terminal import say


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``protocol``."""
    from ...detector.metrics.protocols import PROTOCOLS

    parser.add_argument("--detector", required=True, help="name or path of a checkpoint")
    parser.add_argument("--protocol", default="yermakov2025", choices=sorted(PROTOCOLS))
    parser.add_argument("--datasets", nargs="*", help="faces datasets; all by default")
    parser.add_argument("--key", help="field key of the scores")
    parser.add_argument("--device", help="torch device; the GPU where there is one")
    parser.add_argument("--replicates", type=int, default=2000, help="without effect")
    parser.add_argument("--out", help="path without suffix for .md and .json")


def execute(options: argparse.Namespace) -> int:
    """Print the table."""
    from ..app.progress_bar import terminal
    from .run_protocol import run

    names = ("detector", "protocol", "datasets", "key", "device", "replicates", "out")
    with terminal("protocol") as bar:
        table = run(progress=bar, **{name: getattr(options, name) for name in names})["table"]
    say(table)
    return DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status. ``media-forensics protocol`` is the same."""
    parser = OneSentenceParser(prog="run_protocol", description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    return carry_out(execute, parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
