"""Packages that do not fit each other are told in one sentence, before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files.installation import require_torch_pair


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Puts the metadata of a package before that of the environment's own packages."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def put(name: str, version: str, requires: str = "") -> Path:
        folder = tmp_path / f"{name}-{version}.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {requires}"] if requires else []
        (folder / "METADATA").write_text("\n".join(lines) + "\n")
        require_torch_pair.cache_clear()
        return folder

    yield put
    require_torch_pair.cache_clear()


def test_the_pair_that_is_installed_fits():
    require_torch_pair.cache_clear()
    assert require_torch_pair() is None


@pytest.mark.parametrize(
    ("torch", "requires"),
    [("2.13.0+cpu", "torch==2.13.0"), ("2.15.0", "torch (>=2.14.0)"), ("2.15.0rc1", "torch>=2.14")],
)
def test_builds_and_open_bounds_fit(installed, torch, requires):
    installed("torch", torch)
    installed("torchvision", "0.29.2", requires)
    assert require_torch_pair() is None


@pytest.mark.parametrize("load", ["face detector", "tower"])
def test_a_torchvision_of_another_torch_is_one_sentence(installed, load):
    from media_forensics.detector.faces.detectors import load_face_detector
    from media_forensics.detector.model.backbone import load_backbone

    installed("torch", "2.15.0")
    installed("torchvision", "0.27.0", "torch==2.12.0")
    with pytest.raises(ForensicsError, match=r"torchvision 0\.27\.0 needs torch==2\.12\.0") as told:
        if load == "tower":
            load_backbone("vit-s14-dinov2-saliency")
        else:
            load_face_detector("retinaface_mobile0.25")
    assert told.value.hint.startswith("Run: pip install --upgrade torch torchvision")
