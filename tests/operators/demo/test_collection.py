"""The four datasets: importers read them, and nothing but the manipulation tells the classes."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.demo.collection import build_collection
from media_forensics.operators.demo.collection_plan import DATASETS, METHODS, SPLIT_OF
from media_forensics.operators.importers.plan import plan_import

pytestmark = pytest.mark.weights
NAMES = tuple(dataset.name for dataset in DATASETS)
VIDEOS = NAMES[:3]
FORMATS = dict(zip(NAMES, ("faceforensics++", "celeb-df-v2", "dfdc", "frames"), strict=True))


@pytest.fixture(scope="module")
def made(weights_dir, footage, tmp_path_factory):
    root = tmp_path_factory.mktemp("collection") / "new"
    return root, build_collection(root, small=True, footage=footage)


def table(root: Path, name: str) -> list[dict[str, str]]:
    with (root / name / "about_videos.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def pairs(root: Path, name: str) -> list[tuple[dict[str, str], dict[str, str]]]:
    """(row of a fake, row of its real): the importer's pairs, or DFDC's by person and frames."""
    rows = {row["video"]: row for row in table(root, name)}
    plan = plan_import(root / name)
    paths = {r.video_id: str(Path(r.path).relative_to(plan.root)) for r in plan.records}
    return [
        (rows[paths[r.video_id]], rows[paths[r.pair_id]])
        for r in plan.records
        if r.label == 1 and r.pair_id
    ]


def decode(path: Path) -> np.ndarray:
    if path.is_dir():
        return np.array([cv2.imread(str(p)) for p in sorted(path.iterdir())])
    with av.open(str(path)) as container:
        return np.array([f.to_ndarray(format="bgr24") for f in container.decode(video=0)])


def surface(path: Path) -> tuple:
    """What a file says about itself, apart from its pixels and its size in bytes."""
    if path.is_dir():
        names = tuple(sorted(p.name for p in path.iterdir()))
        return names, {cv2.imread(str(p)).shape for p in path.iterdir()} == {(256, 256, 3)}
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        words = len(container.metadata["comment"])
        codec = stream.codec_context
        return codec.name, codec.width, codec.height, stream.average_rate, stream.frames, words


def test_counts(made):
    root, found = made
    assert found["held_out"] == 8 and found["people"] == 14
    assert found["fake"] == len(METHODS) * found["real"]
    assert list(found["datasets"]) == list(NAMES)
    assert json.dumps(found)
    assert not [p for p in root.rglob(".*")]


def test_again_makes_nothing_and_a_lost_file_comes_back_with_the_same_bytes(made, footage):
    root, found = made
    gone = [root / name / table(root, name)[-1]["video"] for name in NAMES[:1]]
    gone += [next((root / NAMES[3]).rglob("clip008/008.jpg"))]
    before = [path.read_bytes() for path in gone]
    for path in gone:
        path.unlink()
    again = build_collection(root, small=True, footage=footage)
    assert again["made"] == len(gone) and again["kept"] == found["made"] - len(gone)
    assert [path.read_bytes() for path in gone] == before


@pytest.mark.parametrize("name", NAMES)
def test_the_importer_of_its_layout_reads_each_dataset(made, name):
    root, _ = made
    plan = plan_import(root / name)
    rows = table(root, name)
    assert plan.importer.name == FORMATS[name]
    assert len(plan.records) == len(rows)
    assert not (plan.report.unexplained or plan.report.missing or plan.report.conflicts)
    assert {r.source_dataset for r in plan.records} == {name}
    split_of = {row["video"]: SPLIT_OF[row["identity"]] for row in rows}
    for record in plan.records:
        video = str(Path(record.path).relative_to(plan.root))
        assert record.split == split_of[video], video
        assert (record.attributes["manipulation"] == "none") == (record.label == 0)
        assert record.label == 0 or name == NAMES[3] or record.mask_path
    people = {}
    for record in plan.records:
        people.setdefault(record.attributes["identity"], set()).add(record.group_id)
    assert all(len(groups) == 1 for groups in people.values())
    assert len({group for groups in people.values() for group in groups}) == len(people)


@pytest.mark.parametrize("name", NAMES)
def test_files_of_both_classes_say_the_same_about_themselves(made, name):
    root, _ = made
    said = {row["video"]: surface(root / name / row["video"]) for row in table(root, name)}
    assert len(set(said.values())) == 1


@pytest.mark.parametrize("name", NAMES)
def test_people_clips_and_settings_are_balanced(made, name):
    """Each real has one fake of each method, so person, background and length say nothing."""
    rows = table(made[0], name)
    counts = Counter((row["identity"], row["manipulation"]) for row in rows)
    for who in {row["identity"] for row in rows}:
        assert len({counts[who, method] for method in ("none", *METHODS)}) == 1


@pytest.mark.parametrize("name", VIDEOS)
def test_outside_of_the_mask_a_fake_is_its_real(made, name):
    """After the encoder: outside of the (widened) mask only its noise differs, inside much more."""
    root, _ = made
    found = pairs(root, name)
    assert found
    for fake, real in found:
        before, after = (decode(root / name / row["video"])[8] for row in (real, fake))
        mask = decode(root / name / fake["mask"])[8][..., 0] > 127
        far = cv2.dilate(mask.astype(np.uint8), np.ones((33, 33), np.uint8)) == 0
        change = np.abs(after.astype(float) - before).mean(axis=2)
        assert change[far].mean() < 3.0, fake["video"]
        assert change[mask].mean() > change[far].mean(), fake["video"]
        # brightness and sharpness out there do not give it away either
        grey = [cv2.cvtColor(i, cv2.COLOR_BGR2GRAY).astype(np.float32) for i in (before, after)]
        light = [float(g[far].mean()) for g in grey]
        assert abs(light[0] - light[1]) < 1.0, fake["video"]


def test_dfdc_test_lists_have_no_pairs_but_people(made):
    """As in the real one: the pairs of its test are not told, the table tells the people."""
    plan = plan_import(made[0] / VIDEOS[2])
    test = [r for r in plan.records if r.split == "test"]
    assert not any(r.pair_id for r in test) and len({r.group_id for r in test}) == 2


def test_fakes_say_so_and_licences_are_listed(made):
    root, _ = made
    for name in VIDEOS:
        for row in table(root, name):
            with av.open(str(root / name / row["video"])) as container:
                word = "REAL" if row["manipulation"] == "none" else "SYNTHETIC"
                assert container.metadata["comment"].startswith(word)
    text = (root / "LICENSES.md").read_text()
    assert "public domain" in text and "MIT" in text
    assert "none is a benchmark" in (root / "README.md").read_text()


def test_unknown_datasets_and_taken_folders_are_refused(tmp_path, footage):
    with pytest.raises(ForensicsError, match="Unknown dataset 'x'"):
        build_collection(tmp_path / "new", datasets=["x"], footage=footage)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ForensicsError, match="not empty"):
        build_collection(tmp_path, footage=footage)
    with pytest.raises(ForensicsError, match="footage of ff-style is missing"):
        build_collection(tmp_path / "new", footage={})
