"""The protocol runner on a miniature Celeb-DF v2 of real clips: import, faces, scores, table."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.metrics.protocols import PROTOCOLS, count_deviations
from media_forensics.operators.evaluation import protocol_command

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]
TESTED = ("Celeb-real/id0_0000", "YouTube-real/00000", "Celeb-synthesis/id1_id0_0000")
TRAINED = ("Celeb-real/id1_0000", "Celeb-synthesis/id0_id1_0000")


@pytest.fixture(scope="module")
def faces(fiftyone_db, operators, footage, tmp_path_factory):
    root = tmp_path_factory.mktemp("protocol") / "Celeb-DF-v2"
    for name in (*TESTED, *TRAINED):
        path = root / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        lost = name == "YouTube-real/00000"
        shutil.copyfile(footage["no_face.mp4" if lost else "single_face.mp4"], path)
    lines = [f"{int('synthesis' not in name)} {name}.mp4" for name in TESTED]
    (root / "List_of_testing_videos.txt").write_text("\n".join(lines))
    operators("import_dataset")(str(root), name="mini-cdf", format="celeb-df-v2")
    videos = fiftyone_db.load_dataset("mini-cdf")
    found = operators("extract_faces")(videos, count=2)
    yield fiftyone_db.load_dataset(found["faces_dataset"])
    for name in (found["faces_dataset"], "mini-cdf"):
        fiftyone_db.delete_dataset(name)


@pytest.fixture(scope="module")
def checkpoint(weights_dir, tmp_path_factory):
    import torch
    from media_forensics.detector.model.backbone import load_backbone
    from media_forensics.detector.model.checkpoints import save_detector
    from media_forensics.detector.model.detector import Detector

    torch.manual_seed(2)
    detector = Detector(load_backbone("vit-s14-dinov2-saliency", "cpu"), key_name="seeded")
    return str(save_detector(detector, tmp_path_factory.mktemp("checkpoint") / "seeded"))


def test_the_table_stands_beside_the_paper_and_names_what_differs(
    faces, operators, checkpoint, tmp_path, capsys
):
    options = ["--detector", checkpoint, "--datasets", faces.name, "--out", str(tmp_path / "t")]
    assert protocol_command.main([*options, "--replicates", "50"]) == 0
    table = (tmp_path / "t.md").read_text()
    assert table.strip() in capsys.readouterr().out
    found = json.loads((tmp_path / "t.json").read_text())
    by_name = {row["short"]: row for row in found["rows"]}
    assert list(by_name) == ["CDFv2", "DFD", "DFDC", "FFIW", "DSv1"]
    row = by_name["CDFv2"]
    assert (row["n_real"], row["n_fake"]) == (2, 1) and row["published"]["full"] == 96.62
    assert row["coverage"] == pytest.approx(2 / 3)
    words = "; ".join(row["deviations"])
    assert "176 real videos missing (2 of 178)" in words
    assert "339 fake videos missing" in words
    assert "fewer than 32 scored faces (median 2)" in words
    assert "33.3% of the videos have no score" in words and "dlib" in words
    test = faces.match({"split": "test"})
    label, p_fake = test.values(["ground_truth.label", "seeded_p_fake"])
    means = {
        x: np.mean([p for p, y in zip(p_fake, label, strict=True) if y == x])
        for x in ("real", "fake")
    }
    expected = 0.5 * (np.sign(means["fake"] - means["real"]) + 1)
    assert row["auroc"]["value"] == pytest.approx(expected)
    assert faces.match({"split": "train"}).values("seeded_p_fake") == [None] * 4
    for short in ("DFD", "DFDC", "FFIW", "DSv1"):
        assert by_name[short]["auroc"] is None
        assert by_name[short]["deviations"] == ["not imported"]
    assert "| DFD | 0 | 0 | n/a | n/a |" in table and "98.00" in table
    assert "Mean over the 1 datasets that full reports" in table


def test_bad_requests_are_refused(faces, operators, checkpoint):
    run = operators("run_protocol")
    with pytest.raises(ForensicsError, match="no protocol"):
        run(detector=checkpoint, protocol="mine")
    with pytest.raises(ForensicsError, match="no dataset 'nowhere'"):
        run(detector=checkpoint, datasets=["nowhere"])
    with pytest.raises(ForensicsError, match="not a faces dataset"):
        run(detector=checkpoint, datasets=["mini-cdf"])


def test_published_numbers_are_percent_of_known_columns():
    for protocol in PROTOCOLS.values():
        for benchmark in protocol.benchmarks:
            assert set(benchmark.published) <= set(protocol.columns)
            assert all(50 < value <= 100 for value in benchmark.published.values())
    paper = {b.short: b.published["full"] for b in PROTOCOLS["yermakov2025"].benchmarks}
    assert paper == {"CDFv2": 96.62, "DFD": 98.0, "DFDC": 87.15, "FFIW": 91.52, "DSv1": 92.01}
    celeb = PROTOCOLS["yermakov2025"].benchmarks[0]
    assert count_deviations(celeb, 178, 340) == []
    assert count_deviations(celeb, 180, 340) == ["2 real videos too many (180 of 178)"]
