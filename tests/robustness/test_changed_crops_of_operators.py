"""A crop that extraction did not write is neither scored, explained, probed nor learnt from."""

from __future__ import annotations

import ast
import hashlib
import shutil
from pathlib import Path

import house
import pytest

#: Modules that open pictures, and why their crops need no comparison here, or where it is made.
OPENERS = {
    "detector/crops/video_work.py": "the size in a header, of a crop that is made anew",
    "detector/frames/pictures.py": "source pictures",
    "detector/scoring/crop_files.py": "read_crop compares",
    "operators/panels/stored_heat.py": "the size in a header, for the place in the frame",
    "training/batches/crop_cache.py": "the size in a header; the loader compares",
    "operators/report/thumbnails.py": "thumbnail compares",
}
#: Readers of many crops, whose hashes nobody may leave out.
READERS = {"score_crops", "score_perturbed"}


@pytest.fixture
def replaced(tmp_path, fiftyone_db):
    """A dataset of 80 scored faces; the first crop is another by now, two have no hash."""
    import faces_to_score
    import hostile_checkpoints
    import killed_catalogue
    from media_forensics.operators.dataset import fields

    dataset = fiftyone_db.Dataset("replaced crops", overwrite=True)
    dataset.media_type = "image"
    fields.declare_common_fields(dataset, faces=True)
    fields.set_description(dataset, kind="faces", recipe_hash="r")
    paths = faces_to_score.pictures(tmp_path, 80)
    faces = [killed_catalogue.face(fiftyone_db, path, n) for n, path in enumerate(paths)]
    for face, path in zip(faces[2:], paths[2:], strict=True):
        face[fields.CROP_SHA256] = hashlib.sha256(path.read_bytes()).hexdigest()
    faces[0][fields.CROP_SHA256] = hashlib.sha256(paths[0].read_bytes()).hexdigest()
    faces[1][fields.CROP_SHA256] = ""
    dataset.add_samples(faces, progress=False)
    detector = hostile_checkpoints.tiny_detector(tmp_path)
    done = killed_catalogue.call("score_faces", dataset, detector=str(detector), key="k")
    assert done["not_scored"] == {"unreadable_image": 4} and done["not_verified"] == 1
    shutil.copyfile(paths[2], paths[0])
    yield dataset, str(detector), tmp_path
    dataset.delete()


@pytest.mark.fiftyone
def test_every_operator_that_reads_crops_sees_another_one(replaced):
    import killed_catalogue
    from media_forensics.operators.training import training_manifest
    from media_forensics.training.config import TrainConfig
    from media_forensics.training.loop import fit

    dataset, detector, folder = replaced
    call = killed_catalogue.call
    scored = call("score_faces", dataset, detector=detector, key="again")
    assert scored["not_scored"] == {"changed_crop": 1, "unreadable_image": 4}
    assert (scored["scored"], scored["not_verified"]) == (75, 1)
    explained = call("explain_faces", dataset, key="k")
    assert explained["not_explained"] == {"changed_crop": 1, "unreadable_image": 4}
    assert dataset.first()["k_gradient"] is None
    probed = call("probe_robustness", dataset, key="k", perturbations=["jpeg_40"])
    assert probed["not_scored"] == {"changed_crop": 1, "not_scored": 4}
    manifest = training_manifest.read(dataset).manifest
    assert sum(not row.crop_sha256 for row in manifest.rows) == 1
    tower = next(folder.rglob("open_clip_config.json")).parent
    config = TrainConfig(
        **{"name": "t", "backbone": f"local-dir:{tower}", "tune": "head", "augmentation": "none"},
        **{"epochs": 1, "batch_size": 8, "workers": 0},
    )
    result = fit(config, manifest, folder / "run")
    lost = dict(result.unreadable)
    assert lost.pop(dataset.first().filepath).endswith("changed_crop")
    assert all(reason.endswith("unreadable_image") for reason in lost.values())


def test_nobody_reads_crops_past_the_comparison():
    openers, bare = set(), []
    for path in house.modules(house.ROOT).values():
        name = str(Path(path).relative_to(house.ROOT))
        for node in ast.walk(ast.parse(Path(path).read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called in ("Image.open", "cv2.imread"):
                openers.add(name)
            if called in READERS and "hashes" not in {word.arg for word in node.keywords}:
                bare.append(f"{name}:{node.lineno}")
    assert openers == set(OPENERS)
    assert not bare, f"give hashes: {bare}"
