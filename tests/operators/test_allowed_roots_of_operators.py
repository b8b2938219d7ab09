"""Every operator that takes a path, or meets one on the samples, keeps to the server's list."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files.allowed_roots import VARIABLE
from media_forensics.operators.operator_list import OPERATORS, module_of, name_of
from path_cases import (
    NO_PATH,
    OTHERS,
    PATHS,
    READS_SAMPLES,
    arguments,
    folders,
    kind_of,
    run_of,
    samples,
)

pytestmark = pytest.mark.fiftyone
__all__ = ["folders", "samples"]  # fixtures

_PATH_LIKE = re.compile(
    r"(^|_)(root|dir|folder|path|file|weights|detector|target|output|out|from)$"
)


def test_every_path_argument_of_every_operator_is_tried_here():
    missing = [
        f"{module}.{name}"
        for module in sorted({name_of(m) for m, _ in OPERATORS if "panels" not in m})
        if hasattr(import_module(f"media_forensics.operators.{module_of(module)}"), "run")
        for name in inspect.signature(run_of(module)).parameters
        if _PATH_LIKE.search(name) and name not in PATHS.get(module, {})
        if (module, name) not in NO_PATH
    ]
    assert not missing, "give them a path outside the allowed folders in PATHS"


@pytest.mark.parametrize(
    ("operator", "argument"), [(o, a) for o, arguments in PATHS.items() for a in arguments]
)
def test_a_path_outside_is_refused_before_anything_starts(operator, argument, folders, samples):
    value = "".join(PATHS[operator][argument]).format(out=folders.outside)
    Path(value).parent.mkdir(parents=True, exist_ok=True)
    if Path(value).suffix:
        Path(value).write_bytes(b"x")
    given = arguments(operator, argument, value, folders.inside)
    kind = kind_of(operator)
    first = [samples(kind, folders.inside)] if kind else []
    before = sorted(folders.outside.rglob("*"))
    with pytest.raises(ForensicsError, match="outside the folders that this server") as error:
        run_of(operator)(*first, **given)
    assert error.value.field == argument
    assert sorted(folders.outside.rglob("*")) == before


@pytest.mark.parametrize("operator", READS_SAMPLES)
def test_samples_that_point_outside_are_refused(operator, folders, samples):
    given = dict(OTHERS.get(operator, {}))
    if operator == "extract_faces":
        given["crops_dir"] = str(folders.inside / "crops")
    if operator in ("train_detector", "run_ablation"):
        given["runs_dir"] = str(folders.inside / "runs")
    with pytest.raises(ForensicsError, match=r"1 files of these \w+ are outside"):
        run_of(operator)(samples(kind_of(operator), folders.outside), **given)


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
    from media_forensics.detector.model.towers import load_tower

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
