#!/usr/bin/env python3
"""Runs the whole loop on real clips: import, faces, training, scores, errors, App.

``make demo`` runs it. Everything it makes is in ``.demo`` (with its own database), so that it does
not touch an existing FiftyOne. A second run reuses the results of the first.

Environment: ``HEADLESS=1`` does not open the App; ``BACKBONE=clip-vit-l14`` uses the papers' tower
(needs its weights); ``PORT`` is the App's port; ``ADDRESS=0.0.0.0`` lets other machines reach the
App, which has no password (by default only this machine can); ``MEDIA_FORENSICS_CACHE`` is the
folder of weights and footage (``~/.cache/media_forensics``).
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from pathlib import Path

from own_database import DatabaseError, use_own_database

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / ".demo"
CORPUS = DEMO / "clips" / "corpus"  # operators do not write directly into a hidden folder
NAME = "deepfake-demo"
PLUGIN = "@mediaforensics/deepfake"
FRAMES = 6  # per video; two cores need a few minutes for it
PROBE, TUNED = "probe", "ln_tuned"
# Chosen so that the training loss falls in a short run on a small corpus, never by looking at the
# test split. Sixty steps need larger rates than the papers' ten thousand. Slerp slows the fit, so
# it is left out.
PROBE_SETTINGS = {
    "epochs": 100,
    "augmentation": "none",
    "learning_rate": 1e-3,
    "min_learning_rate": 1e-4,
}
TUNED_SETTINGS = {
    "epochs": 8,
    "batch_size": 32,
    "frames_per_video": 3,
    "sampling": "paired",
    "learning_rate": 3e-3,
    "min_learning_rate": 3e-4,
    "head_learning_rate": 1e-2,
    "self_blend_probability": 0.5,
}


def prepare_environment() -> None:
    """Point FiftyOne at the demo's own folders, before it is imported."""
    plugins = DEMO / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    link = plugins / "deepfake"
    if not link.is_symlink():
        link.symlink_to(ROOT, target_is_directory=True)
    use_own_database(DEMO / "database")
    os.environ["FIFTYONE_PLUGINS_DIR"] = str(plugins)
    os.environ["FIFTYONE_DEFAULT_DATASET_DIR"] = str(DEMO / "datasets")
    os.environ.setdefault("FIFTYONE_DATABASE_VALIDATION", "false")
    os.environ.setdefault("FIFTYONE_DO_NOT_TRACK", "true")


def step(text: str) -> None:
    print(f"\n== {text}", flush=True)


def fetch() -> None:
    """Fetch offline weights and footage, each checked by sha256."""
    from media_forensics.detector.weights.offline_assets import fetch_footage, fetch_weights
    from tqdm import tqdm

    with tqdm(desc="weights and footage", bar_format="{desc}: {elapsed} {postfix}") as bar:
        fetch_weights(progress=bar.set_postfix_str)
        fetch_footage(progress=bar.set_postfix_str)


def fetch_backbone(name: str) -> None:
    """Load the tower's weights, downloading them if needed; naming the tower is the consent.

    Raises:
        ForensicsError: they are missing and cannot be downloaded; says which file, where from, size
    """
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.detector.model.backbone import load_backbone

    try:
        load_backbone(name, device="cpu")
    except ForensicsError as missing:
        print(f"{missing.message}\nTrying to download it ...", flush=True)
        try:
            load_backbone(name, device="cpu", allow_download=True)
        except Exception as error:  # the hub's client raises many types without a connection
            raise ForensicsError(
                f"{missing.message} The download failed ({type(error).__name__}).", missing.hint
            ) from error


def precision() -> str:
    """Return bf16 if the processor has units for it (two to four times faster), else auto."""
    cpuinfo = Path("/proc/cpuinfo")
    has_units = cpuinfo.exists() and re.search("amx_bf16|avx512_bf16", cpuinfo.read_text())
    return "bf16" if has_units else "auto"


def operator(name: str):
    import fiftyone.operators as foo

    return foo.get_operator(f"{PLUGIN}/{name}")


def videos_dataset(corpus: Path):
    """Return the imported corpus."""
    import fiftyone as fo

    if not fo.dataset_exists(NAME):
        operator("import_dataset")(str(corpus), name=NAME, compressions=["c23"])
    return fo.load_dataset(NAME)


def train(faces, key: str, recipe: str, backbone: str, settings: dict) -> None:
    from media_forensics.operators.training.detector_list import training_runs

    if key in training_runs(faces):
        print(f"{key}: trained already")
        return
    found = operator("train_detector")(
        faces, key=key, recipe=recipe, backbone=backbone, settings=settings
    )
    print(f"{key}: {found['best']}")


def result_table(results: dict[str, dict]) -> str:
    """Return the held-out results of the detectors, side by side."""
    lines = [
        f"{'detector':<12}{'level':<8}{'method':<12}{'real':>6}{'fake':>6}"
        f"  {'AUROC [95 % interval]':<26}{'EER':>7}{'FPR at 0.5 [95 %]':>24}{'coverage':>10}"
    ]
    for key, result in results.items():
        for row in result["rows"]:
            auroc = _interval(row["auroc"])
            fpr = _interval(row["fpr"])
            eer = "n/a" if row["eer"] is None else f"{row['eer']:.3f}"
            lines.append(
                f"{key:<12}{row['level']:<8}{row['method']:<12}{row['n_real']:>6}{row['n_fake']:>6}"
                f"  {auroc:<26}{eer:>7}{fpr:>24}{row['coverage']:>10.2f}"
            )
    return "\n".join(lines)


def _interval(found: dict | None) -> str:
    if not found or found["value"] is None:
        return "n/a"
    if found["low"] is None:
        return f"{found['value']:.3f} [too few groups]"
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def loop(backbone: str):
    """Run everything before the App; return the faces dataset, its held-out part, the results."""
    import fiftyone as fo
    from fiftyone import ViewField as F

    step("1/7 weights and footage")
    fetch()
    fetch_backbone(backbone)
    step("2/7 corpus: real clips and manipulations made here")
    made = operator("create_demo")(str(CORPUS))
    print(made.get("summary", made))
    step("3/7 import")
    videos = videos_dataset(CORPUS)
    print(f"{len(videos)} videos")
    step("4/7 faces")
    found = operator("extract_faces")(videos, count=FRAMES, workers=os.cpu_count() or 1)
    faces = fo.load_dataset(found["faces_dataset"])
    faces.persistent = videos.persistent = True
    print(f"{len(faces)} faces; {found['without_face']} videos without one")
    step("5/7 a linear probe, and LN-tuning")
    runs = ((PROBE, "linear_probe", PROBE_SETTINGS), (TUNED, "ln_l2_unal", TUNED_SETTINGS))
    for key, recipe, settings in runs:
        train(faces, key, recipe, backbone, {**settings, "precision": precision()})
    step("6/7 scores of both")
    for key in (PROBE, TUNED):
        operator("score_faces")(faces, detector=key, key=key)
    step("7/7 errors on the held-out people")
    held_out = faces.match(F("split") == "test")
    results = {key: operator("evaluate_detector")(held_out, key=key) for key in (PROBE, TUNED)}
    operator("find_hard_examples")(held_out, key=TUNED)
    return faces, held_out, results


def main() -> int:
    began = time.monotonic()
    try:
        prepare_environment()
    except DatabaseError as error:
        print(error, file=sys.stderr)
        return 3
    backbone = os.environ.get("BACKBONE", "vit-s14-dinov2-saliency")
    from media_forensics.detector.errors import ForensicsError

    try:
        faces, held_out, results = loop(backbone)
    except ForensicsError as error:
        print(f"\n{error.message}\n{error.hint}", file=sys.stderr)
        return 2
    except ConnectionError as error:  # raised by FiftyOne if no database answers
        where = os.environ["FIFTYONE_DATABASE_URI"]
        print(f"\nFiftyOne's database at {where} does not answer ({error}).", file=sys.stderr)
        return 3
    print(f"\n{result_table(results)}")
    people = len(set(held_out.values("group_id")))
    print(
        f"\nHeld out: {people} groups of people that no training saw. So few give no "
        f"interval:\nthis shows the tool at work, it is not a benchmark of the method.\n"
        f"Done in {time.monotonic() - began:.0f} s."
    )
    if os.environ.get("HEADLESS"):
        return 0
    return open_app(faces)


def open_app(faces) -> int:
    """Serve the App on the faces dataset until it is closed or interrupted."""
    import fiftyone as fo

    port = int(os.environ.get("PORT", "5151"))
    address = os.environ.get("ADDRESS") or "127.0.0.1"  # FiftyOne's default is every network
    session = fo.launch_app(faces, port=port, address=address, auto=False)
    print(f"\nThe App: {session.url}\nOpen the panels 'Error audit' and 'Hypersphere' with '+'.")
    print("Ctrl+C ends it; `make demo` opens it again.")
    with contextlib.suppress(KeyboardInterrupt):
        session.wait(-1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
