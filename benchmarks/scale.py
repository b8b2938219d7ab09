#!/usr/bin/env python3
"""Measures the way from an import to a report at 10,000, 100,000 and 1,000,000 synthetic faces.

    python benchmarks/scale.py                         # 10,000 and 100,000 faces
    python benchmarks/scale.py --faces 100000 1000000  # about an hour on a free machine
    python benchmarks/scale.py --faces 10000 --parts import score

Each video has ten faces, so 1,000,000 faces are 100,000 videos. The videos are one-byte files in
the layout of FaceForensics++, imported like any dataset. The faces are rows of random numbers on
those videos. This measures only seconds and memory of the records: no video is decoded, no network
runs.

Each part runs in a separate process; its peak is the kernel's VmHWM of that process. mongod is
another process and is not counted. CPU seconds are those of the part's process; on a busy machine
they say more about growth than the wall clock. The growth exponent of a quantity q between sizes n
and N is log(q(N) / q(n)) / log(N / n); for memory, q is what the process adds to its memory at the
start.
"""

from __future__ import annotations

import argparse
import atexit
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "_mount"), str(ROOT / "scripts"), str(ROOT / "benchmarks")]
os.environ.setdefault("FIFTYONE_DATABASE_VALIDATION", "false")
os.environ.setdefault("FIFTYONE_DO_NOT_TRACK", "true")
os.environ.setdefault("FIFTYONE_SHOW_PROGRESS_BARS", "false")

import numpy as np  # noqa: E402 - after the environment

FACES_OF_A_VIDEO = 10
CHUNK = 5000
KEY = "det"


# --------------------------------------------------------------------------- synthetic records
def make_faces(videos: Any, faces: Any, width: int) -> int:
    """Add faces of every video of ``videos`` to the empty dataset ``faces``; return their number.

    One in a hundred has a reason and no score. Nothing but the database holds all of them.
    """
    import fiftyone as fo
    from bson import ObjectId

    template = fo.Sample("/nowhere/0.png", ground_truth=fo.Classification(label="real"))
    faces.add_sample(template)
    collection = faces._sample_collection
    raw = collection.find_one({"_id": template._id})
    collection.delete_one({"_id": template._id})
    names = ["video_id", "group_id", "pair_id", "source_dataset", "method", "family"]
    names += ["compression", "split"]
    rows = zip(*videos.values([*names, "ground_truth.label"]), strict=True)
    made, documents = 0, []
    for row in rows:
        common = dict(zip(names, row[:-1], strict=True))
        for number in range(FACES_OF_A_VIDEO):
            made += 1
            truth = dict(raw["ground_truth"], _id=ObjectId(), label=row[-1])
            where = {"filepath": f"/nowhere/{made}.png", "frame_number": 1 + 30 * number}
            document = dict(raw, _id=ObjectId(), ground_truth=truth, track=0, **common, **where)
            documents.append(document)
        if len(documents) >= CHUNK:
            collection.insert_many(documents, ordered=True)
            documents = []
    if documents:
        collection.insert_many(documents, ordered=True)
    return made


def score_batches(labels: list[str], width: int) -> Iterator[Any]:
    """Yield random scores that fit the label somewhat, and embeddings (n, width), 32 at a time."""
    from media_forensics.detector.records import Reason
    from media_forensics.detector.scoring.crop_scores import ScoreBatch

    rng = np.random.default_rng(0)
    fake = np.array([label == "fake" for label in labels])
    for start in range(0, len(labels), 32):
        rows = list(range(start, min(start + 32, len(labels))))
        margin = rng.normal(np.where(fake[rows], 1.5, -1.5), 1.5).astype(np.float32)
        vectors = rng.normal(size=(len(rows), width)).astype(np.float32)
        vectors[:, 0] += 3 * margin
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        reasons = tuple(Reason.TOO_SMALL if rng.random() < 0.01 else None for _ in rows)
        logits = np.stack([-margin / 2, margin / 2], axis=1)
        angle = np.degrees(np.arccos(np.clip(vectors[:, 0], -1, 1)))
        p_fake = 1 / (1 + np.exp(-margin))
        yield ScoreBatch(p_fake, logits, margin, angle, vectors, reasons, indices=tuple(rows))


# --------------------------------------------------------------------------- what is measured
def part_import(size: Size) -> None:
    from media_forensics.operators.importing import import_dataset

    import_dataset.run(str(size.tree), name=size.videos, metadata=False)


def part_faces(size: Size) -> None:
    """Insert the faces directly, without a goal, as a measure of the database's own time."""
    import fiftyone as fo
    from media_forensics.operators.dataset import fields

    videos = fo.load_dataset(size.videos)
    faces = fo.Dataset(size.faces, persistent=True)
    faces.media_type = "image"
    fields.declare_common_fields(faces, faces=True)
    make_faces(videos, faces, size.width)
    fields.set_description(faces, kind="faces", recipe_hash="none", video_dataset=videos.name)
    fields.set_description(videos, kind="videos", faces_dataset=faces.name)


def part_score(size: Size) -> None:
    import fiftyone as fo
    from media_forensics.operators.dataset import fields
    from media_forensics.operators.dataset.video_scores import declare, write_video_scores
    from media_forensics.operators.embeddings import embedding_files
    from media_forensics.operators.scoring.score_writer import ScoreWriter

    faces = fo.load_dataset(size.faces)
    names = fields.ScoreFields(KEY)
    axis = np.eye(size.width)[0]
    config = faces.init_run(
        method="media_forensics/scores",
        key=KEY,
        rule="mean",
        normalize=True,
        checkpoint_sha256="0" * 64,
        head_weight=[(-3 * axis).tolist(), (3 * axis).tolist()],
        head_bias=[0.0, 0.0],
    )
    faces.register_run(names.run, config)
    declare(faces, names)
    ids, labels = faces.values(["id", "ground_truth.label"])
    shards = embedding_files.writer(faces, names, "0" * 64, size.width, "auto", None)
    writer = ScoreWriter(faces, names, shards)
    for batch in score_batches(labels, size.width):
        writer.add([ids[i] for i in batch.indices], batch)
    writer.close()
    write_video_scores(faces, KEY, "mean")


def part_audit(size: Size) -> dict[str, float]:
    """Measure the error audit's first paint, and separately a moved threshold over all faces."""
    from media_forensics.operators.panels.audit.error_audit import ErrorAudit

    caller = panel(ErrorAudit(), size)
    seconds = timed(lambda: caller.send("on_load"))
    caller.send("on_set", name="scope", value="all")
    caller.send("on_set", name="level", value="face")
    moves = iter(np.linspace(0.2, 0.8, 5))
    moved = min(
        timed(lambda: caller.send("on_set", name="threshold", value=float(next(moves))))
        for _ in range(5)
    )
    return {"audit, first paint": seconds, "audit, threshold moved": moved}


def part_sphere(size: Size) -> None:
    from media_forensics.operators.panels.sphere.hypersphere import Hypersphere

    panel(Hypersphere(), size).send("on_load")


def part_queue(size: Size) -> None:
    import fiftyone as fo
    from media_forensics.operators.review import find_hard_examples

    find_hard_examples.run(fo.load_dataset(size.faces), key=KEY)


def part_evaluate(size: Size) -> None:
    import fiftyone as fo
    from media_forensics.operators.evaluation import evaluate_detector

    evaluate_detector.run(fo.load_dataset(size.faces), key=KEY, replicates=200)


def part_report(size: Size) -> None:
    import fiftyone as fo
    from media_forensics.operators.report import export_report

    faces = fo.load_dataset(size.faces)
    with tempfile.TemporaryDirectory() as folder:
        export_report.run(faces, key=KEY, folder=f"{folder}/report", hash_files=False, examples=0)


def panel(what: Any, size: Size) -> Any:
    """Return a panel with a client that drives it as the App does."""
    import fiftyone as fo
    from panels import Caller

    return Caller(what, fo.load_dataset(size.faces))


PARTS: dict[str, Callable[[Size], dict[str, float] | None]] = {
    "import": part_import,
    "faces": part_faces,
    "score": part_score,
    "audit": part_audit,
    "sphere": part_sphere,
    "queue": part_queue,
    "evaluate": part_evaluate,
    "report": part_report,
}
GOAL = 1.1  # largest accepted growth exponent of time and memory


class Size:
    """One size: the names of its datasets and the folder of its videos."""

    def __init__(self, count: int, width: int, folder: Path) -> None:
        self.count, self.width = count, width
        self.tree = folder / f"videos-{count}"
        self.videos, self.faces = f"scale-{count}", f"scale-{count}-faces"


# --------------------------------------------------------------------------- measuring
def timed(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def high_water_mb() -> float:
    """Return the peak resident size of this process (not of its parent), in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system tells no VmHWM")


def measure(part: str, size: Size) -> dict[str, Any]:
    """Run one part in this process and return its measurements."""
    import fiftyone as fo
    import media_forensics.operators.panels.audit.error_audit  # noqa: F401 - what the App has loaded too

    fo.list_datasets()
    idle = high_water_mb()
    found: dict[str, float] | None = None

    def work() -> None:
        nonlocal found
        found = PARTS[part](size)

    before = time.process_time()
    seconds = timed(work)
    return {
        "seconds": found or {part: seconds},
        "cpu": time.process_time() - before,
        "peak_mb": high_water_mb(),
        "idle_mb": idle,
    }


def child(part: str, size: Size, folder: Path) -> dict[str, Any]:
    """Run :func:`measure` in a separate process."""
    command = [sys.executable, str(Path(__file__).resolve()), "--part", part, "--folder", folder]
    command += ["--faces", size.count, "--width", size.width]
    folders = {"MEDIA_FORENSICS_CACHE": "cache", "FIFTYONE_DEFAULT_DATASET_DIR": "datasets"}
    own = {name: str(folder / place) for name, place in folders.items()}
    environment = {**os.environ, **own}
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment,
    )
    return json.loads(done.stdout.splitlines()[-1])


def exponent(old: float, new: float, ratio: float) -> float:
    return math.log(max(new, 1e-9) / max(old, 1e-9)) / math.log(ratio)


COLUMNS = (("faces", 9), ("part", 22), ("s", 8), ("exp", 5), ("CPU s", 8), ("exp", 5))
COLUMNS += (("MB beyond", 9), ("exp", 5), ("peak MB", 7))


def line(count: int, what: str, now: list[float], peak: float, grown: list[float] | None) -> str:
    """Return a row of the table."""
    cells: list[str] = [f"{count:,}", what]
    for place, (value, digits) in enumerate(zip(now, (2, 2, 0), strict=True)):
        cells += [f"{value:.{digits}f}", "" if grown is None else f"{grown[place]:.2f}"]
    cells.append(f"{peak:.0f}")
    return "  ".join(f"{cell:>{width}}" for cell, (_, width) in zip(cells, COLUMNS, strict=True))


def main() -> None:
    """Measure every part at every size, and print the growth between neighbouring sizes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--faces", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--width", type=int, default=384, help="numbers of an embedding")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        size = Size(options.faces[0], options.width, options.folder)
        print(json.dumps(measure(options.part, size)))
        return
    folder = Path(tempfile.mkdtemp(prefix="scale-bench-"))
    # Before fiftyone registers its handler: this one runs last, when mongod has released its files.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    from import_records import make_tree
    from own_database import use_own_database

    use_own_database(folder / "db")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}, "
          f"embeddings of {options.width}")  # fmt: skip
    print("  ".join(f"{title:>{width}}" for title, width in COLUMNS), flush=True)
    last: dict[str, tuple[int, list[float]]] = {}
    over = []
    for count in sorted(options.faces):
        size = Size(count, options.width, folder)
        make_tree(size.tree, count // FACES_OF_A_VIDEO)
        for part in options.parts:
            found = child(part, size, folder)
            for what, seconds in found["seconds"].items():
                now = [seconds, found["cpu"], found["peak_mb"] - found["idle_mb"]]
                grown: list[float] | None = None
                if what in last:
                    before, old = last[what]
                    grown = [exponent(a, b, count / before) for a, b in zip(old, now, strict=True)]
                    over += [f"{what} at {count:,}"] if max(grown[0], grown[2]) > GOAL else []
                last[what] = (count, now)
                print(line(count, what, now, found["peak_mb"], grown), flush=True)
        shutil.rmtree(size.tree)
    print("over the goal of 1.1: " + (", ".join(over) or "none"))


if __name__ == "__main__":
    main()
