"""Rows of a table find their faces by id, video, or the longest end of a path that fits."""

from __future__ import annotations

import json
import unicodedata

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


def test_names_that_repeat_do_not_fit_where_folders_say_otherwise(faces, operators, tmp_path):
    """Each method and compression of FaceForensics++ has a ``000_003.mp4``."""
    for n, folder in enumerate(("Face2Face", "manipulated_sequences/NeuralTextures/c40/videos")):
        path = write(tmp_path / "m.csv", "file,p_fake", [(f"x/{folder}/071_054.mp4", 0.9)])
        with pytest.raises(ForensicsError, match=r"No row of m\.csv fits"):
            operators("import_scores")(faces, key=f"no{n}", path=path)
    rows = [("x/Deepfakes/071_054.mp4", 0.9), ("original/071_054.mp4", 0.1)]
    path = write(tmp_path / "m.csv", "file,p_fake", rows)
    done = operators("import_scores")(faces, key="yes", path=path)
    faces.reload()
    of = dict(zip(*faces.values(["video_id", "yes_p_fake"]), strict=True))
    assert done["matched"] == 2
    assert (of["FF/DF/071_054"], of["FF/real/071_054"]) == (0.9, 0.1)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("column", ["video", "video_path"])
def test_frames_by_the_end_of_a_videos_path(faces, operators, tmp_path, first, column):
    """A table with a frame 0 counts from 0, as decoders do; ours count from 1."""
    rows = [("x/DF/000_003.mp4", n + first, 0.25 * (n + 1)) for n in range(2)]
    path = write(tmp_path / "f.csv", f"{column},frame,score", rows)
    done = operators("import_scores")(faces, key="f", path=path)
    faces.reload()
    found = faces.match({"video_id": "FF/DF/000_003"}).sort_by("frame_number").values("f_p_fake")
    assert found == [0.25, 0.5] and faces.count("f_p_fake") == 2
    assert done["remarks"] == ([] if first else ["The table counts frames from 0."])


def test_names_in_nfc_and_nfd_are_one(faces, operators, tmp_path):
    spelled = [unicodedata.normalize(form, "Jos\u00e9") for form in ("NFC", "NFD")]
    sample = faces.first()
    sample["filepath"], sample["video_id"] = f"/d/{spelled[1]}/a.png", f"FF/{spelled[0]}"
    sample.save()
    header = "file,p_fake"
    path = write(tmp_path / "n.csv", header, [(f"{spelled[0]}/a.png", 0.5)])
    assert operators("import_scores")(faces, key="n", path=path)["matched"] == 1
    path = write(tmp_path / "v.csv", "video_id,p_fake", [(f"FF/{spelled[1]}", 0.5)])
    assert operators("import_scores")(faces, key="v", path=path)["matched"] == 1


def test_a_table_whose_class_1_is_real_is_not_read_as_p_fake(faces, operators, tmp_path):
    """Folders in the order of the alphabet give fake 0 and real 1."""
    rows = [
        (f"FF/{s}/{v}/000.png", int(s == "real"), 0.75, 0.25)
        for s in ("DF", "real")
        for v in ("000_003", "071_054")
    ]
    path = write(tmp_path / "t.csv", "files,labels,prob_class_0,prob_class_1", rows)
    with pytest.raises(ForensicsError, match="contradict the dataset's for 4 of 4"):
        operators("import_scores")(faces, key="t", path=path)
    done = operators("import_scores")(faces, key="t", path=path, scores_of="real")
    assert done["matched"] == 4 and faces.distinct("t_p_fake") == [0.75]


def test_scores_that_order_reals_over_fakes_are_asked_about(
    fiftyone_db, faces, operators, tmp_path
):
    """A table of scores alone says nothing of its class 1; the labels of the dataset do."""
    for n in range(3):
        for source in ("DF", "real"):
            label = fiftyone_db.Classification(label="fake" if source == "DF" else "real")
            path, video = f"/here/datasets/FF/{source}/{n}/0.png", f"FF/{source}/{n}"
            faces.add_sample(
                fiftyone_db.Sample(
                    filepath=path, video_id=video, frame_number=1, ground_truth=label
                )
            )
    rows = [
        (v, 0.1 + 0.02 * n if "DF" in v else 0.7) for n, v in enumerate(faces.distinct("video_id"))
    ]
    path = write(tmp_path / "s.csv", "video_id,score", rows)
    with pytest.raises(
        ForensicsError, match=r"higher for reals: AUROC 0\.00 over 5 real"
    ) as caught:
        operators("import_scores")(faces, key="s", path=path)
    assert caught.value.field == "scores_of" and not faces.has_field("s_p_fake")
    found = {}
    for said in ("fake", "real"):
        done = operators("import_scores")(faces, key="s", path=path, scores_of=said, overwrite=True)
        found[said] = np.array(faces.values("s_p_fake"))
        assert ("Below 0.5" in done["remarks"][-1]) == (said == "fake")
    assert np.allclose(found["fake"], 1 - found["real"])


def test_views_that_hide_fields_or_hold_something_else(fiftyone_db, faces, operators, tmp_path):
    """A label that a view hides is there; what is no face says so, and nothing is written."""
    rows = [(i, "DF" in v) for i, v in zip(*faces.values(["id", "video_id"]), strict=True)]
    path = write(tmp_path / "s.csv", "sample_id,score", [(i, 0.6 + 0.3 * f) for i, f in rows])
    operators("import_scores")(faces, key="s", path=path)
    for view in (
        faces.select_fields("video_id"),
        faces.exclude_fields("ground_truth").match({"frame_number": 1}),
        faces.select_fields("video_id").group_by("video_id"),
    ):
        found = operators("evaluate_detector")(view, key="s", replicates=5, write_evaluations=False)
        assert found["rows"][0]["auroc"]["value"] == 1
    videos = fiftyone_db.Dataset()
    videos.add_sample(fiftyone_db.Sample(filepath="/v.mp4", video_id="v", s_p_fake=0.5))
    clips = videos.to_clips([[(1, 2)]])
    for name in ("evaluate_detector", "find_hard_examples", "calibrate_threshold", "score_faces"):
        with pytest.raises(ForensicsError, match="holds videos, not faces"):
            operators(name)(videos, key="s")
        with pytest.raises(ForensicsError, match=r"holds videos, not faces|These clips of .* have"):
            operators(name)(clips, key="s")
    assert not videos.list_runs() and videos.get_field_schema().keys() & {"tags", "s"} == {"tags"}
    videos.delete()
