"""Every path argument of every operator, and a dataset of one sample to call them with."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from media_forensics.detector.files.allowed_roots import VARIABLE
from media_forensics.operators.operator_list import module_of

# operator -> {argument that names a file or folder: the value that lies outside}
PATHS = {
    "create_demo": {"root": "{out}/demo"},
    "import_dataset": {"root": "{out}"},
    "extract_faces": {
        "crops_dir": "{out}/crops",
        "weights": "{out}/weights.pth",
        "merge_from": ["{out}/shard"],
    },
    "score_faces": {
        "detector": "{out}/model.ckpt",
        "parts_dir": "{out}/scores",
        "embeddings_dir": "{out}/embeddings",
        "merge_from": ["{out}/shard"],
    },
    "train_detector": {"runs_dir": "{out}/runs"},
    "run_ablation": {"runs_dir": "{out}/runs"},
    "retrain_head": {"runs_dir": "{out}/runs"},
    "manage_runs": {"folder": "{out}/exported"},
    "analyze_file": {
        "path": "{out}/a.mp4",
        "detector": "{out}/model.ckpt",
        "second": "{out}/model.ckpt",
        "crops_dir": "{out}/crops",
        "face_weights": "{out}/weights.pth",
    },
    "contact_sheet": {"output_dir": "{out}/sheets"},
    "export_scores": {"path": "{out}/a.csv"},
    "export_report": {"folder": "{out}/report", "sign_with": "{out}/me.key"},
    "export_training_set": {"file": "{out}/manifest.jsonl"},
    "import_scores": {"path": "{out}/a.csv"},
    "run_protocol": {"detector": "{out}/model.ckpt", "out": "{out}/table"},
}
# What else the operator must be given to come as far as its checks.
OTHERS = {
    "train_detector": {"key": "mine"},
    "run_ablation": {"name": "mine"},
    "retrain_head": {"detector": "probe", "key": "mine"},
    "manage_runs": {"action": "export", "key": "mine"},
    "score_faces": {"detector": "probe"},
    "analyze_file": {"path": "{in}/a.mp4", "detector": "probe", "crops_dir": "{in}/crops"},
    "export_scores": {"key": "probe"},
    "export_report": {"key": "probe"},
    "import_scores": {"key": "mine"},
    "run_protocol": {"detector": "probe"},
}
READS_SAMPLES = (
    "extract_faces",
    "score_faces",
    "train_detector",
    "run_ablation",
    "video_metadata",
)
TAKES_SAMPLES = (
    "contact_sheet",
    "export_report",
    "export_scores",
    "export_training_set",
    "import_scores",
    "manage_runs",
    "retrain_head",
)
# (operator, argument) -> why no check is needed
NO_PATH = {
    ("import_dataset", "target"): "a dataset's name",
    ("evaluate_detector", "threshold_from"): "a source of the threshold",
    ("export_report", "threshold_from"): "a source of the threshold",
    ("retrain_head", "detector"): "the key of stored embeddings",
    ("train_detector", "tag_weights"): "how often tagged faces are drawn",
}


def run_of(name: str):
    """The function behind an operator."""
    return import_module(f"media_forensics.operators.{module_of(name)}").run


def arguments(operator: str, argument: str, value: str, inside: Path) -> dict[str, Any]:
    """What ``operator`` is called with to come as far as its check of ``argument``."""
    several = isinstance(PATHS[operator][argument], list)
    others = {
        name: text.replace("{in}", str(inside)) for name, text in OTHERS.get(operator, {}).items()
    }
    given = {**others, argument: [value] if several else value}
    if operator == "extract_faces":
        given.setdefault("crops_dir", str(inside / "crops"))
    if argument == "merge_from" and operator == "score_faces":
        given.setdefault("parts_dir", str(inside / "scores"))
    return given


def kind_of(operator: str) -> str | None:
    """The kind of dataset that ``operator`` takes first, None for none."""
    if operator not in READS_SAMPLES + TAKES_SAMPLES:
        return None
    return "videos" if operator in ("extract_faces", "video_metadata") else "faces"


@pytest.fixture
def folders(tmp_path, monkeypatch, weights_dir) -> SimpleNamespace:
    """``inside`` is the only allowed folder."""
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    monkeypatch.setenv(VARIABLE, str(inside))
    return SimpleNamespace(inside=inside, outside=outside)


@pytest.fixture
def samples(fiftyone_db, folders):
    """``samples(kind, folder)``: a one-sample dataset of ours whose file lies in ``folder``."""
    from media_forensics.operators.dataset import fields

    made = []

    def make(kind: str, folder: Path):
        suffix = "mp4" if kind == "videos" else "png"
        path = folder / f"clip.{suffix}"
        path.write_bytes(b"x")
        dataset = fiftyone_db.Dataset()
        made.append(dataset.name)
        dataset.media_type = "video" if kind == "videos" else "image"
        fields.declare_common_fields(dataset, faces=kind == "faces")
        truth = fiftyone_db.Classification(label="real")
        values = {"video_id": "a/b", "group_id": "a", fields.GROUND_TRUTH: truth}
        dataset.add_sample(fiftyone_db.Sample(str(path), **values))
        fields.set_description(dataset, kind=kind)
        return dataset

    yield make
    for name in made:
        fiftyone_db.delete_dataset(name)
