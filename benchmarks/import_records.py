#!/usr/bin/env python3
"""Measures the import of N video records into FiftyOne, against a bare ``Dataset.add_samples``.

Both write the same documents to the same database, from a tree of one-byte files in the layout of
FaceForensics++. The import also recognises, lists, links, groups, counts and indexes. No video is
opened (``metadata=False``). Each measurement runs in a separate process, to get its own peak
memory. The parts alternate, so that a busy machine affects both.

    python benchmarks/import_records.py [--videos 10000 100000] [--repeat 1]

Goals: at most 1.5 times the bare time; 2,000 videos a second end to end on two cores; and a peak
memory, beyond the records themselves, at 100,000 of at most 1.3 times that at 10,000.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")


def make_tree(root: Path, videos: int) -> None:
    """Create a tree of ``videos`` one-byte files: an original per four fakes, and split lists."""
    originals = videos // (1 + len(METHODS))
    originals -= originals % 2
    real = root / "original_sequences/youtube/c23/videos"
    real.mkdir(parents=True)
    names = [f"{i:06d}" for i in range(originals)]
    for name in names:
        (real / f"{name}.mp4").write_bytes(b"0")
    pairs = [[names[i], names[i + 1]] for i in range(0, originals, 2)]
    for method in METHODS:
        folder = root / f"manipulated_sequences/{method}/c23/videos"
        folder.mkdir(parents=True)
        for first, second in pairs:
            (folder / f"{first}_{second}.mp4").write_bytes(b"0")
            (folder / f"{second}_{first}.mp4").write_bytes(b"0")
    lists = root / "dataset/splits"
    lists.mkdir(parents=True)
    cuts = (len(pairs) * 72 // 100, len(pairs) * 86 // 100)
    for split, part in (
        ("train", pairs[: cuts[0]]),
        ("val", pairs[cuts[0] : cuts[1]]),
        ("test", pairs[cuts[1] :]),
    ):
        (lists / f"{split}.json").write_text(json.dumps(part))


def peak_mb() -> float:
    """Return the peak resident size of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(what: str, root: Path) -> dict[str, float]:
    """Run one part in this process: ``import``, ``bare`` or ``records`` (without a database)."""
    import fiftyone as fo

    fo.list_datasets()  # connect before the clock starts
    from media_forensics.operators.dataset import fields
    from media_forensics.operators.importers.plan import plan_import
    from media_forensics.operators.importing import import_dataset

    idle = peak_mb()
    if what == "import":
        start = time.perf_counter()
        done = import_dataset.run(str(root), name=f"bench-{os.getpid()}", metadata=False)
        seconds, count = time.perf_counter() - start, done["added"]
    elif what == "records":
        start = time.perf_counter()
        plan = plan_import(root)
        seconds, count = time.perf_counter() - start, len(plan.records)
    else:
        plan = plan_import(root)
        dataset = fo.Dataset()
        dataset.media_type = "video"
        fields.declare_common_fields(dataset)
        samples = (fo.Sample(filepath=r.path, **fields.record_fields(r)) for r in plan.records)
        start = time.perf_counter()
        dataset.add_samples(samples, num_samples=len(plan.records), progress=False)
        seconds, count = time.perf_counter() - start, len(dataset)
    peak = peak_mb()
    return {"seconds": seconds, "videos": count, "peak_mb": peak, "idle_mb": idle}


def child(what: str, root: Path, database: Path) -> dict[str, float]:
    """Run :func:`measure` in a separate process."""
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "_mount"),
        "FIFTYONE_DATABASE_DIR": str(database),
        "FIFTYONE_DATABASE_VALIDATION": "false",
        "FIFTYONE_SHOW_PROGRESS_BARS": "false",
        "FIFTYONE_DO_NOT_TRACK": "true",
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve()), "--part", what, "--root", str(root)],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--videos", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--part", choices=("import", "bare", "records"), help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        print(json.dumps(measure(args.part, args.root)))
        return
    print(f"{'videos':>8} {'import':>9} {'bare':>9} {'ratio':>6} {'videos/s':>9} "
          f"{'peak':>8} {'records':>8} {'beyond':>8}")  # fmt: skip
    beyond = []
    with tempfile.TemporaryDirectory(prefix="import-bench-") as folder:
        database = Path(folder) / "db"
        database.mkdir()
        for videos in args.videos:
            root = Path(folder) / f"ff-{videos}"
            make_tree(root, videos)
            runs: dict[str, list] = {"import": [], "bare": [], "records": []}
            for _ in range(args.repeat):
                for part, found in runs.items():
                    found.append(child(part, root, database))
            best = {part: min(found, key=lambda r: r["seconds"]) for part, found in runs.items()}
            ours, bare, records = best["import"], best["bare"], best["records"]
            # The memory of the records themselves, measured without any writing.
            held = records["peak_mb"] - records["idle_mb"]
            beyond.append(ours["peak_mb"] - held)
            print(
                f"{ours['videos']:>8.0f} {ours['seconds']:>7.2f} s {bare['seconds']:>7.2f} s "
                f"{ours['seconds'] / bare['seconds']:>6.2f} "
                f"{ours['videos'] / ours['seconds']:>9.0f} {ours['peak_mb']:>5.0f} MB "
                f"{held:>5.0f} MB {beyond[-1]:>5.0f} MB"
            )
    if len(beyond) > 1:
        print(f"memory beyond the records, last against first: {beyond[-1] / beyond[0]:.2f}")


if __name__ == "__main__":
    main()
