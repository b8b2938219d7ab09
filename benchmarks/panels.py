"""Measures the panels at 10,000 and 100,000 faces: bytes sent and seconds of server time.

    python benchmarks/panels.py                       # 10,000 and 100,000 faces
    python benchmarks/panels.py --faces 10000         # the first only

Baselines, measured in the same run on the same faces:

* bytes: the sphere's columns as plain JSON (three decimals, labels as words), as a Python panel
  with a scatter plot sends them;
* threshold: the same table computed with pandas from a new read of the database, as a panel without
  arrays in memory must do.

The faces are rows of random numbers with random unit embeddings, so this measures only bytes and
time. They are in a separate dataset, which is deleted at the end.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "_mount"))
os.environ.setdefault("FIFTYONE_DATABASE_VALIDATION", "false")
os.environ.setdefault("FIFTYONE_DO_NOT_TRACK", "true")

import numpy as np  # noqa: E402 - after the environment

log = logging.getLogger("benchmark")
WIDTH = 384  # length of an embedding, as of the offline ViT-S/14
SOURCES, METHODS = 5, 6
FACES = 32  # faces of a video


def synthetic_dataset(count: int) -> Any:
    """Return a faces dataset of ``count`` random rows with scores and embeddings of ``det``."""
    import fiftyone as fo
    from bson import Binary, ObjectId
    from fiftyone.core.utils import serialize_numpy_array
    from media_forensics.operators.dataset import fields

    rng = np.random.default_rng(0)
    dataset = fo.Dataset()
    fields.declare_common_fields(dataset, faces=True)
    names = fields.ScoreFields("det")
    dataset.add_sample_field(names.p_fake, fo.FloatField)
    dataset.add_sample_field(names.embedding, fo.VectorField)
    sample = fo.Sample("/nowhere/0.png", ground_truth=fo.Classification(label="real"))
    dataset.add_sample(sample)
    raw = dataset._sample_collection.find_one({"_id": sample._id})
    dataset._sample_collection.delete_one({"_id": sample._id})
    fake = (rng.random(-(-count // FACES)) < 0.6)[np.arange(count) // FACES]
    p_fake = 1 / (1 + np.exp(-rng.normal(np.where(fake, 1.0, -1.0), 1.2)))
    axis = np.eye(WIDTH)[0]
    for start in range(0, count, 5000):
        rows = range(start, min(count, start + 5000))
        vectors = rng.normal(size=(len(rows), WIDTH)).astype(np.float32)
        vectors[:, 0] += 8 * (p_fake[start : start + len(rows)] - 0.5)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        documents = []
        for place, i in enumerate(rows):
            label = "fake" if fake[i] else "real"
            truth = dict(raw["ground_truth"], _id=ObjectId(), label=label)
            document = dict(raw, _id=ObjectId(), filepath=f"/nowhere/{i}.png", ground_truth=truth)
            video = i // FACES
            document["video_id"] = f"set{video % SOURCES}/v{video:06d}/{label}"
            document["group_id"] = f"g{video // 4}"
            document["source_dataset"] = f"set{video % SOURCES}"
            document["method"] = f"method{video % METHODS}" if fake[i] else "original"
            document["compression"] = ("c23", "c40")[video % 2]
            document["split"] = ("train", "val", "test")[video % 3]
            document["sharpness"] = float(rng.gamma(2, 20))
            document["track"] = 0
            document["frame_number"] = i % FACES + 1
            document[names.p_fake] = float(p_fake[i])
            document[names.embedding] = Binary(serialize_numpy_array(vectors[place]))
            documents.append(document)
        dataset._sample_collection.insert_many(documents, ordered=True)
    fields.set_description(dataset, kind="faces", recipe_hash="none")
    head = {"head_weight": [(-3 * axis).tolist(), (3 * axis).tolist()], "head_bias": [0.0, 0.0]}
    config = dataset.init_run(
        method="media_forensics/scores", key="det", rule="mean", normalize=True, **head
    )
    dataset.register_run(names.run, config)
    return dataset


class Caller:
    """A client that sends panel events as the App does, and keeps the panel's state in between."""

    def __init__(self, panel: Any, dataset: Any) -> None:
        self.panel, self.dataset = panel, dataset
        self.state: dict[str, Any] = {}

    def send(self, event: str, **params: Any) -> tuple[float, int]:
        """Return the seconds and bytes of the answer to one event."""
        from bson import json_util
        from fiftyone.operators.executor import ExecutionContext, Executor

        executor = Executor()
        parameters = {**params, "panel_id": "p", "panel_state": self.state, "__method__": event}
        request = {"dataset_name": self.dataset.name, "view": [], "params": parameters}
        begin = time.perf_counter()
        context = ExecutionContext(request, executor=executor, operator_uri=self.panel.uri)
        result = self.panel.execute(context)
        answer = json_util.dumps([result, *(r.to_json() for r in executor._requests)])
        seconds = time.perf_counter() - begin
        for made in executor._requests:
            if made.operator_uri == "patch_panel_state":
                self.state = {**self.state, **made.params["state"]}
        return seconds, len(answer)


def best_of(repeats: int, work: Callable[[], tuple[float, int]]) -> tuple[float, int]:
    """Return the result of the fastest of several runs."""
    return min(work() for _ in range(repeats))


def forget() -> None:
    """Clear all caches, as a restart of the server does."""
    from media_forensics.operators.dataset import face_columns
    from media_forensics.operators.embeddings import sphere_source
    from media_forensics.operators.panels.audit import study as audit_study

    for cache in (
        audit_study._STUDIES,
        audit_study._WIDE,
        face_columns._COLUMNS,
        sphere_source._SPHERES,
        sphere_source._FIRST,
        sphere_source._THERE,
        sphere_source._EMBEDDINGS,
    ):
        cache.clear()


def plain_json(dataset: Any) -> int:
    """Return the bytes of the sphere's columns as JSON numbers and words."""
    from media_forensics.detector.embeddings.sphere import fake_axis_projection
    from media_forensics.operators.dataset.fields import scores_config

    names = ["ground_truth.label", "det_p_fake", "source_dataset", "method", "split"]
    ids, vectors, *columns = dataset.values(["id", "det_embedding", *names, "compression"])
    head = np.array(scores_config(dataset, "det").head_weight)
    xyz = np.round(fake_axis_projection(np.stack(vectors), head).xyz.astype(float), 3).tolist()
    columns[1] = np.round(columns[1], 3).tolist()
    return len(json.dumps([ids, xyz, *columns], separators=(",", ":")))


def with_pandas(dataset: Any) -> float:
    """Return the seconds of one table at one threshold from a new read, without intervals."""
    import pandas as pd

    begin = time.perf_counter()
    names = ["ground_truth.label", "det_p_fake", "source_dataset", "method", "video_id"]
    frame = pd.DataFrame(dict(zip(names, dataset.values(names), strict=True)))
    keys = ["video_id", "source_dataset", "method", "ground_truth.label"]
    videos = frame.groupby(keys).det_p_fake.mean().reset_index()
    videos["wrong"] = (videos.det_p_fake >= 0.5) != (videos["ground_truth.label"] == "fake")
    videos.groupby(["source_dataset", "method"]).wrong.agg(["mean", "sum", "size"])
    return time.perf_counter() - begin


def measure(count: int) -> None:
    """Create ``count`` faces, measure, and delete them."""
    from media_forensics.operators.embeddings import sphere_picture
    from media_forensics.operators.panels.audit.error_audit import ErrorAudit
    from media_forensics.operators.panels.sphere.hypersphere import Hypersphere

    dataset = synthetic_dataset(count)
    try:
        log.info("%s faces", f"{count:,}")
        audit = Caller(ErrorAudit(), dataset)
        forget()
        seconds, size = audit.send("on_load")
        log.info("  audit, first paint (per video)     %6.2f s  %9s bytes", seconds, f"{size:,}")
        audit.send("on_set", name="scope", value="all")
        seconds, size = audit.send("on_set", name="level", value="face")
        log.info("  audit, all faces, first time       %6.2f s  %9s bytes", seconds, f"{size:,}")
        values = iter(np.linspace(0.1, 0.9, 20))
        move, size = best_of(
            9, lambda: audit.send("on_set", name="threshold", value=float(next(values)))
        )
        log.info("  audit, threshold moved             %6.3f s  %9s bytes", move, f"{size:,}")
        base = min(with_pandas(dataset) for _ in range(3))
        log.info("    ratio to a fresh read and pandas %6.3f   (%.2f s)", move / base, base)
        click, size = best_of(5, lambda: audit.send("on_show", row=-1, kind="fp"))
        log.info("  audit, a click to the grid         %6.3f s  %9s bytes", click, f"{size:,}")
        for tab in ("slices", "transfer"):
            seconds, size = audit.send("on_set", name="tab", value=tab)
            log.info(
                "  audit, %-9s opened            %6.2f s  %9s bytes", tab, seconds, f"{size:,}"
            )
            moved, size = best_of(
                5, lambda: audit.send("on_set", name="threshold", value=float(next(values)))
            )
            log.info("  audit, %-9s threshold moved   %6.3f s  %9s bytes", tab, moved, f"{size:,}")
            log.info("    ratio to a fresh read and pandas %6.3f", moved / base)
        audit.send("on_set", name="tab", value="table")
        sphere = Caller(Hypersphere(), dataset)
        first, size = sphere.send("on_load")
        log.info("  sphere, first picture, nothing kept %5.2f s  %9s bytes", first, f"{size:,}")
        rest, more = sphere.send("on_rest", key="det", n=sphere_picture.FIRST)
        log.info("  sphere, the points that follow     %6.2f s  %9s bytes", rest, f"{more:,}")
        plain = plain_json(dataset)
        both = (size + more) / plain
        log.info("    both, ratio to plain JSON        %6.3f   (%s bytes)", both, f"{plain:,}")
        forget()
        seconds, size = sphere.send("on_load")
        log.info("  sphere, after a restart            %6.2f s  %9s bytes", seconds, f"{size:,}")
        hover, size = best_of(5, lambda: sphere.send("on_hover", idx=7))
        log.info("  sphere, a hover card               %6.3f s  %9s bytes", hover, f"{size:,}")
        click, size = best_of(5, lambda: sphere.send("on_pick", idx=[7]))
        log.info("  sphere, a click to the grid        %6.3f s  %9s bytes", click, f"{size:,}")
    finally:
        import fiftyone as fo

        fo.delete_dataset(dataset.name)


def main() -> None:
    """Measure each requested size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, nargs="+", default=[10_000, 100_000])
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    log.setLevel(logging.INFO)
    log.info("%s, %s cores, Python %s", platform.machine(), os.cpu_count(), sys.version.split()[0])
    with tempfile.TemporaryDirectory() as cache:
        os.environ["MEDIA_FORENSICS_CACHE"] = (
            cache  # projections of a benchmark are not for keeping
        )
        for count in chosen.faces:
            measure(count)


if __name__ == "__main__":
    main()
