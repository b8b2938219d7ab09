#!/usr/bin/env python3
"""Measures writing scores and embeddings into FiftyOne, and reading them back for a panel.

    python benchmarks/fields.py                       # 100,000 faces, 768 numbers each

Baselines in the same run, on the same numbers: FiftyOne's own ``values``; its ``set_values`` of
    each
whole column at once (which keeps everything in memory and loses all of it if it is stopped); and
numpy's ``save`` and ``load`` of the embeddings. Scores and embeddings are random, so this measures
only seconds and memory. The dataset is deleted at the end.
"""

from __future__ import annotations

import argparse
import atexit
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "_mount"), str(ROOT / "scripts")]
os.environ.setdefault("FIFTYONE_DATABASE_VALIDATION", "false")
os.environ.setdefault("FIFTYONE_DO_NOT_TRACK", "true")

import numpy as np  # noqa: E402 - after the environment

BATCH = 32


def main() -> int:
    """Print seconds, ratios and peak memory."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--faces", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=768)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    # Before fiftyone registers its handler: this one runs last, when mongod has released its files.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    from own_database import use_own_database

    use_own_database(folder / "db")
    run(options.faces, options.width, folder)
    return 0


def run(count: int, width: int, folder: Path) -> None:
    """Measure everything once and print it."""
    import fiftyone as fo

    dataset = fo.Dataset()
    samples = [
        fo.Sample(filepath=f"/nowhere/{i}.png", video_id=f"v{i // 32}") for i in range(count)
    ]
    dataset.add_samples(samples, progress=False)
    del samples
    ids = dataset.values("id")
    ours, grown = write_ours(dataset, ids, width)
    reading = read(dataset, "ours_p_fake", "ours_embedding", count)
    reading_values = read_values(dataset, "ours_p_fake", "ours_embedding", count, width)
    whole = write_whole(dataset, ids, width)
    plain = plain_numpy(folder, count, width)
    where = f"{processor()}, {os.cpu_count()} cores, fiftyone {fo.__version__}"
    print(f"{count:,} faces, {width} numbers each; {where}")
    for label, seconds in (
        (f"write, {BATCH} at a time as score_faces does", ours),
        ("write, whole columns at once", whole),
        ("read scores and embeddings as the panels do", reading),
        ("read them with FiftyOne's values", reading_values),
        ("numpy save and load of the embeddings", plain),
    ):
        print(f"  {label:44} {seconds:7.1f} s")
    print(f"  memory while writing, after the first tenth: +{grown:.0f} MB")
    print(
        f"ratios: write {ours / whole:.2f} of whole columns; "
        f"read {reading / reading_values:.2f} of values, {reading / plain:.1f} of numpy"
    )


def batches(count: int, width: int) -> Any:
    """Yield random ScoreBatches, made on request."""
    from media_forensics.detector.scoring.crop_scores import ScoreBatch

    rng = np.random.default_rng(0)
    for start in range(0, count, BATCH):
        n = min(BATCH, count - start)
        vectors = rng.normal(size=(n, width)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        logits = rng.normal(size=(n, 2)).astype(np.float32)
        margin = logits[:, 1] - logits[:, 0]
        p_fake = 1 / (1 + np.exp(-margin))
        yield ScoreBatch(
            p_fake,
            logits,
            margin,
            np.full(n, 90, np.float32),
            vectors,
            (None,) * n,
            indices=tuple(range(start, start + n)),
        )


def write_ours(dataset: Any, ids: list[str], width: int) -> tuple[float, float]:
    """Return the seconds of the writer of ``score_faces``, and the growth of memory in MB.

    The time to make the numbers is not counted. The growth counts from a tenth of the faces on,
    when everything needed is loaded.
    """
    from media_forensics.operators.dataset.fields import ScoreFields
    from media_forensics.operators.dataset.video_scores import declare
    from media_forensics.operators.scoring.score_writer import ScoreWriter

    names = ScoreFields("ours")
    declare(dataset, names)
    writer = ScoreWriter(dataset, names)
    seconds, before = 0.0, 0.0
    for batch in batches(len(ids), width):
        if not before and batch.indices[0] >= len(ids) / 10:
            before = peak()
        begin = time.perf_counter()
        writer.add([ids[i] for i in batch.indices], batch)
        seconds += time.perf_counter() - begin
    begin = time.perf_counter()
    writer.flush()
    return seconds + time.perf_counter() - begin, peak() - before


def write_whole(dataset: Any, ids: list[str], width: int) -> float:
    """Return the seconds of one ``set_values`` per column."""
    from media_forensics.operators.dataset.fields import ScoreFields, classification
    from media_forensics.operators.dataset.video_scores import declare

    names = ScoreFields("whole")
    declare(dataset, names)
    made = list(batches(len(ids), width))
    begin = time.perf_counter()
    p_fake = [float(p) for b in made for p in b.p_fake]
    logits = [row for b in made for row in b.logits]
    dataset.set_values(
        names.label, [classification(p, x) for p, x in zip(p_fake, logits, strict=True)]
    )
    dataset.set_values(names.margin, [float(m) for b in made for m in b.margin])
    dataset.set_values(names.angle, [float(a) for b in made for a in b.angle])
    dataset.set_values(names.embedding, [row for b in made for row in b.embeddings])
    dataset.set_values(names.p_fake, p_fake)
    dataset.set_values(names.reason, [None] * len(ids))
    return time.perf_counter() - begin


def read(dataset: Any, p_fake: str, embedding: str, count: int) -> float:
    """Return the seconds of a panel's read: scores, ids and embeddings as one array."""
    from media_forensics.operators.embeddings.stored_vectors import read as read_vectors

    begin = time.perf_counter()
    found = read_vectors(dataset.view(), embedding, [p_fake])
    seconds = time.perf_counter() - begin
    assert len(found.columns[p_fake]) == count and np.isfinite(found.vectors).all()
    return seconds


def read_values(dataset: Any, p_fake: str, embedding: str, count: int, width: int) -> float:
    """Return the seconds of the same read with FiftyOne's own ``values``."""
    begin = time.perf_counter()
    scores, _, vectors = dataset.values([p_fake, "id", embedding])
    out = np.empty((count, width), np.float32)
    for row, vector in enumerate(vectors):
        out[row] = vector
    seconds = time.perf_counter() - begin
    assert len(scores) == count and np.isfinite(out).all()
    return seconds


def plain_numpy(folder: Path, count: int, width: int) -> float:
    """Return the seconds to save and load the same embeddings with numpy."""
    vectors = np.concatenate([batch.embeddings for batch in batches(count, width)])
    begin = time.perf_counter()
    np.save(folder / "embeddings.npy", vectors)
    np.load(folder / "embeddings.npy")
    return time.perf_counter() - begin


def peak() -> float:
    """Return the peak memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def processor() -> str:
    """Return the name of the CPU."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    sys.exit(main())
