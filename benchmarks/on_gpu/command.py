"""Defines the command line of ``benchmarks/gpu.py``."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from .record import record
from .results import FAILED, Row
from .sections import ON_REQUEST, SECTIONS, run_here
from .supervise import Run, supervise
from .table import line, markdown

SECONDS = 345.0


def main(description: str | None, arguments: list[str] | None = None) -> int:
    """Measure and print; return the exit status."""
    args = _arguments(description, arguments)
    if args.child:
        folder = Path(args.child)
        run_here(args.sections, folder, folder / "log.jsonl", args.device, args.small, args.seconds)
        return 0
    device = _device(args)
    if device is None:
        return 0
    if args.record:
        return record(device)
    names = args.sections
    if names[0] != "material":
        names = ["material", *(name for name in names if name != "material")]
    seconds = args.seconds or SECONDS * (4 if args.small else 1)
    with _folder() as folder:
        began = time.monotonic()
        run = Run(tuple(names), folder, device, args.small, seconds)
        facts, rows = supervise(run, _tell)
        facts["took"] = f"{time.monotonic() - began:.0f} s"
        text = markdown(facts, rows, judge=not args.small)
        if args.out:
            _keep(Path(args.out), folder, text, facts, rows)
        failed = [row for row in rows if row.state == FAILED]
        if failed:
            print(_tail(folder / "output.txt"))
    print(f"\n{text}")
    if failed:
        print(f"{len(failed)} parts failed: {', '.join(row.what for row in failed)}.")
    return 1 if failed else 0


def _arguments(description: str | None, arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/gpu.py",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--small", action="store_true", help="tiny shapes on a CPU")
    parser.add_argument("--device", default="auto", help="cuda or cuda:N; auto is the first GPU")
    parser.add_argument(
        "--sections",
        type=_sections,
        default=[name for name in SECTIONS if name not in ON_REQUEST],
        help=f"some of {','.join(SECTIONS)}; {','.join(ON_REQUEST)} only on request",
    )
    text = "measure nothing; write the fixtures with which the tests compare other devices"
    parser.add_argument("--record", action="store_true", help=text)
    parser.add_argument(
        "--seconds", type=float, default=0.0, help="limit, 0: less than six minutes"
    )
    parser.add_argument("--out", help="folder for gpu.md, gpu.json and what the parts printed")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _sections(text: str) -> list[str]:
    """Return the requested sections in their fixed order."""
    asked = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in asked if name not in SECTIONS]
    if unknown or not asked:
        raise argparse.ArgumentTypeError(f"known are {', '.join(SECTIONS)}, not {text!r}")
    return [name for name in SECTIONS if name in asked]


def _device(args: argparse.Namespace) -> str | None:
    """Return the device to measure; if there is none, print why and return None."""
    if args.small:
        return "cpu"
    from media_forensics.detector.device import found, resolved
    from media_forensics.detector.errors import ForensicsError

    try:
        device = resolved(args.device)
    except ForensicsError as error:
        print(f"Nothing was measured: {error}")
        return None
    if device.startswith("cuda"):
        return device
    print(
        f"Nothing was measured, because {found().words()}; --small runs the same code with tiny "
        "shapes on a CPU."
    )
    return None


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Provide a folder that is removed afterwards, even if a killed worker still writes to it."""
    folder = Path(tempfile.mkdtemp(prefix="gpu-benchmark-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tell(news: str | Row) -> None:
    print(line(news) if isinstance(news, Row) else f"{news}:", flush=True)


def _keep(out: Path, folder: Path, text: str, facts: dict[str, str], rows: list[Row]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "gpu.md").write_text(text, encoding="utf-8")
    found = {"facts": facts, "rows": [asdict(row) for row in rows]}
    (out / "gpu.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    if (folder / "output.txt").is_file():
        shutil.copy(folder / "output.txt", out / "output.txt")


def _tail(path: Path) -> str:
    """Return the last lines of what the parts printed."""
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    return "\n".join(lines[-25:])
