"""The names that scripts rely on: operators, panels and Python functions stay where they are."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]

FUNCTIONS = {
    "detector.frames": {
        "choose_frames": ["total", "count", "mode"],
        "read_frames": ["path", "indices"],
    },
    "detector.faces": {"load_face_detector": ["name", "device", "weights"]},
    "detector.align": {"align_face": ["image", "landmarks", "template", "size", "scale"]},
    "detector.checkpoints": {"load_detector": ["source", "device"]},
    "detector.aggregate": {"video_score": ["p_fake", "rule"]},
    "detector.metrics": {
        "roc_auc": None,
        "average_precision": None,
        "equal_error_rate": None,
        "tpr_at_fpr": None,
        "rates_at_threshold": None,
        "bootstrap_interval": None,
    },
    "training.losses": {"alignment": None, "uniformity": None},
    "training.augment": {"slerp_within_class": None},
    "training.loop": {"fit": ["config", "manifest", "run_dir"]},
}
OPERATORS = {
    "create_demo",
    "import_dataset",
    "extract_faces",
    "score_faces",
    "evaluate_detector",
    "calibrate_threshold",
    "explain_faces",
    "analyze_file",
    "import_scores",
    "export_scores",
    "probe_robustness",
    "map_embeddings",
    "run_protocol",
    "find_hard_examples",
    "export_report",
    "train_detector",
    "retrain_head",
    "run_ablation",
    "compare_runs",
    "manage_runs",
}
PANELS = {"hypersphere", "error_audit", "training_runs"}


@pytest.mark.parametrize("module", FUNCTIONS)
def test_functions_keep_their_names_and_parameters(module):
    found = import_module(f"media_forensics.{module}")
    for name, parameters in FUNCTIONS[module].items():
        function = getattr(found, name)
        assert callable(function), name
        if parameters:
            names = list(inspect.signature(function).parameters)
            assert names[: len(parameters)] == parameters, f"{name}{names}"


def test_detector_and_config_classes():
    model = import_module("media_forensics.detector.model.detector")
    assert list(inspect.signature(model.Detector.score).parameters)[:2] == ["self", "images"]
    config = import_module("media_forensics.training.config")
    assert inspect.isclass(config.TrainConfig)


def test_operators_and_panels_of_the_manifest():
    manifest = yaml.safe_load((ROOT / "fiftyone.yml").read_text())
    assert manifest["name"] == "@mediaforensics/deepfake"
    assert set(manifest["operators"]) >= OPERATORS
    assert set(manifest["panels"]) >= PANELS
