"""Every operator that takes a path, or meets one on the samples, keeps to the server's list."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from media_forensics.detector.allowed_roots import VARIABLE
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators import OPERATORS

pytestmark = pytest.mark.fiftyone

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
        "crops_dir": "{out}/crops",
        "face_weights": "{out}/weights.pth",
    },
    "contact_sheet": {"output_dir": "{out}/sheets"},
    "export_scores": {"path": "{out}/a.csv"},
    "export_report": {"folder": "{out}/report"},
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
_PATH_LIKE = re.compile(
    r"(^|_)(root|dir|folder|path|file|weights|detector|target|output|out|from)$"
)


def run_of(name: str):
    return import_module(f"media_forensics.operators.{name}").run


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
    from media_forensics.operators import fields

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


def test_every_path_argument_of_every_operator_is_tried_here():
    missing = [
        f"{module}.{name}"
        for module in sorted({module for module, _ in OPERATORS if "panels" not in module})
        if hasattr(import_module(f"media_forensics.operators.{module}"), "run")
        for name in inspect.signature(run_of(module)).parameters
        if _PATH_LIKE.search(name) and name not in PATHS.get(module, {})
        if (module, name) not in NO_PATH
    ]
    assert not missing, "give them a path outside the allowed folders in PATHS"


@pytest.mark.parametrize(
    ("operator", "argument"), [(o, a) for o, arguments in PATHS.items() for a in arguments]
)
def test_a_path_outside_is_refused_before_anything_starts(operator, argument, folders, samples):
    several = isinstance(PATHS[operator][argument], list)
    value = "".join(PATHS[operator][argument]).format(out=folders.outside)
    Path(value).parent.mkdir(parents=True, exist_ok=True)
    if Path(value).suffix:
        Path(value).write_bytes(b"x")
    others = {
        name: text.replace("{in}", str(folders.inside))
        for name, text in OTHERS.get(operator, {}).items()
    }
    given = {**others, argument: [value] if several else value}
    if operator == "extract_faces":
        given.setdefault("crops_dir", str(folders.inside / "crops"))
    if argument == "merge_from" and operator == "score_faces":
        given.setdefault("parts_dir", str(folders.inside / "scores"))
    takes_samples = operator in READS_SAMPLES or operator in TAKES_SAMPLES
    kind = "videos" if operator == "extract_faces" else "faces"
    first = [samples(kind, folders.inside)] if takes_samples else []
    before = sorted(folders.outside.rglob("*"))
    with pytest.raises(ForensicsError, match="outside the folders that this server") as error:
        run_of(operator)(*first, **given)
    assert error.value.field == argument
    assert sorted(folders.outside.rglob("*")) == before


@pytest.mark.parametrize("operator", READS_SAMPLES)
def test_samples_that_point_outside_are_refused(operator, folders, samples):
    kind = "videos" if operator in ("extract_faces", "video_metadata") else "faces"
    given = dict(OTHERS.get(operator, {}))
    if operator == "extract_faces":
        given["crops_dir"] = str(folders.inside / "crops")
    if operator in ("train_detector", "run_ablation"):
        given["runs_dir"] = str(folders.inside / "runs")
    with pytest.raises(ForensicsError, match=r"1 files of these \w+ lie outside"):
        run_of(operator)(samples(kind, folders.outside), **given)


def test_links_out_of_an_import_are_followed_only_into_allowed_folders(folders):
    from media_forensics.operators.importers.tree import Tree

    (folders.outside / "clip.mp4").write_bytes(b"x")
    (folders.inside / "other").mkdir()
    (folders.inside / "other/clip.mp4").write_bytes(b"x")
    root = folders.inside / "root"
    root.mkdir()
    (root / "away.mp4").symlink_to(folders.outside / "clip.mp4")
    (root / "near.mp4").symlink_to(folders.inside / "other/clip.mp4")
    assert Tree(root, follow_links=True).files() == ["near.mp4"]
    assert Tree(root, follow_links=False).files() == []


def test_a_checkpoint_cannot_name_a_tower_outside(folders):
    from media_forensics.detector.towers import load_tower

    for name in (f"local-dir:{folders.outside}", f"open_clip:ViT-B-32:{folders.outside}/w.pt"):
        with pytest.raises(ForensicsError, match="outside the folders") as error:
            load_tower(name)
        assert error.value.field == "backbone"


@pytest.mark.parametrize("manifest", ["../secret.csv", "/etc/passwd", "a/../../secret.csv"])
def test_a_manifest_is_named_below_the_root_whatever_the_list(manifest, tmp_path, monkeypatch):
    from media_forensics.operators.importers.contract import ImportOptions
    from media_forensics.operators.importers.plan import plan_import

    monkeypatch.delenv(VARIABLE, raising=False)
    root = tmp_path / "root"
    root.mkdir()
    for place in (tmp_path, root):
        (place / "secret.csv").write_text("path,label\na.mp4,real\n")
    with pytest.raises(ForensicsError, match=r"absolute path|leaves the chosen folder"):
        plan_import(root, "manifest", ImportOptions(manifest=manifest))
