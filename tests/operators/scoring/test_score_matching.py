"""Rows of a table find their faces by id, video, or the longest end of a path that fits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from media_forensics.detector.errors import ForensicsError

pytestmark = pytest.mark.fiftyone


@pytest.fixture
def faces(fiftyone_db):
    """Two frames of each of four videos, under two folders of one name."""
    dataset = fiftyone_db.Dataset()
    dataset.info["media_forensics"] = {"kind": "faces"}
    dataset.save()
    for source in ("DF", "real"):
        for video in ("000_003", "071_054"):
            for frame in range(2):
                dataset.add_sample(
                    fiftyone_db.Sample(
                        filepath=f"/here/datasets/FF/{source}/{video}/{frame:03}.png",
                        video_id=f"FF/{source}/{video}",
                        frame_number=frame + 1,
                        ground_truth=fiftyone_db.Classification(
                            label="fake" if source == "DF" else "real"
                        ),
                    )
                )
    yield dataset
    dataset.delete()


def write(path, header, rows):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]))
    return str(path)


def test_gends_own_table_from_another_machine(faces, operators, tmp_path):
    rows = [
        (f"datasets/FF/{s}/{v}/{n:03}.png", int(s == "DF"), 0.75, 0.25)
        for s in ("DF", "real")
        for v in ("000_003", "071_054")
        for n in range(2)
    ]
    path = write(tmp_path / "test_predictions.csv", "files,labels,prob_class_0,prob_class_1", rows)
    done = operators("import_scores")(faces, key="gend", path=path)
    assert (done["level"], done["matched"], done["ambiguous"]) == ("face", 8, 0)
    assert done["column"] == "prob_class_1" and faces.distinct("gend_p_fake") == [0.25]


def test_names_of_videos_and_rows_that_fit_two(faces, operators, tmp_path):
    rows = [("DF/000_003.mp4", 0.5), ("071_054.mp4", 0.9), ("nobody.mp4", 0.1)]
    path = write(tmp_path / "s.csv", "filename,label", rows)
    done = operators("import_scores")(faces, key="kaggle", path=path)
    assert done["level"] == "video" and done["matched"] == 1
    assert (done["ambiguous"], done["not_in_dataset"], done["not_in_table"]) == (1, 1, 3)
    faces.reload()
    of = dict(zip(*faces.values(["video_id", "kaggle_p_fake"]), strict=True))
    assert of["FF/DF/000_003"] == 0.5
    assert [v for k, v in of.items() if k != "FF/DF/000_003"] == [None] * 3


def test_sample_ids_and_windows_paths(faces, operators, tmp_path):
    (tmp_path / "a.json").write_text(
        json.dumps([{"sample_id": i, "p_fake": 0.5} for i in faces.values("id")])
    )
    done = operators("import_scores")(faces, key="byid", path=str(tmp_path / "a.json"))
    assert done["matched"] == 8
    path = write(tmp_path / "w.csv", "path,score", [("D:\\x\\FF\\DF\\000_003\\001.png", 0.4)])
    done = operators("import_scores")(faces, key="windows", path=path)
    assert (done["matched"], done["not_in_table"]) == (1, 7)


def test_logits_keep_their_order(faces, operators, tmp_path):
    logits = np.linspace(44, 47, 8)
    rows = list(zip(faces.values("filepath"), logits, strict=True))
    path = write(tmp_path / "z.csv", "filepath,logit", rows)
    operators("import_scores")(faces, key="far", path=path, scale="logit")
    faces.reload()
    assert np.allclose(faces.values("far_margin"), logits) and faces.distinct("far_p_fake") == [1.0]


def test_the_form_says_what_fits_before_anything_is_written(faces, operators, tmp_path):
    from fiftyone.operators.executor import ExecutionContext

    path = write(tmp_path / "p.csv", "file,prob", [("DF/000_003/000.png", 0.4), ("x.png", 0.2)])
    params = {"path": path, "key": "seen"}
    context = ExecutionContext(
        {"dataset_name": faces.name, "params": params},
        operator_uri="@mediaforensics/deepfake/import_scores",
    )
    form = operators("import_scores").resolve_input(context).type.properties
    assert form["found"].view.label == "1 of 2 rows fit faces here"
    assert "column 'prob'" in form["found"].view.description
    assert not faces.has_field("seen_p_fake")
    with pytest.raises(ForensicsError, match="nothing but 0 and 1"):
        truth = write(tmp_path / "t.csv", "file,label", [("a.png", 1), ("b.png", 0)])
        operators("import_scores")(faces, key="truth", path=truth)
