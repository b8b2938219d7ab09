"""Scores leave in the shapes of other tools and come back, every row as the same number."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from media_forensics.detector.audit.columns import numbers
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.scoring.table_shapes import SHAPES

pytestmark = pytest.mark.fiftyone
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx")
ROUND_TRIPS = [
    *itertools.product(("plain",), ("path", "video_id", "sample_id"), ("face",)),
    *itertools.product(("plain",), ("path", "name", "video_id"), ("video",)),
    ("gend", "path", "face"),
    ("deepfakebench", "path", "face"),
    ("gend", "path", "video"),
    ("dfdc", "name", "video"),
]


@pytest.fixture(scope="module")
def faces(fiftyone_db, operators, tmp_path_factory):
    """Three faces of each of eight videos; logits from -40 to 45, and one face without a score."""
    fo, rng = fiftyone_db, np.random.default_rng(2)
    dataset = fo.Dataset()
    dataset.info["media_forensics"] = {"kind": "faces"}
    dataset.save()
    samples = [
        fo.Sample(
            filepath=f"/data/crops/{v:03}/{f}.png",
            video_id=f"Set/c23/{v:03}",
            video_path=f"/data/videos/{v:03}.mp4",
            group_id=f"g{v}",
            frame_number=f + 1,
            source_dataset="Set",
            method="swap" if v % 2 else "original",
            compression="c23",
            split="test",
            ground_truth=fo.Classification(label="fake" if v % 2 else "real"),
        )
        for v in range(8)
        for f in range(3)
    ]
    dataset.add_samples(samples)
    logits = np.linspace(-40, 45, len(samples)) + rng.normal(0, 0.1, len(samples))
    rows = zip(dataset.values("id"), logits.tolist(), strict=True)
    text = "".join(f"{i},{'' if n == 5 else repr(v)}\n" for n, (i, v) in enumerate(rows))
    table = tmp_path_factory.mktemp("shapes") / "in.csv"
    table.write_text(f"sample_id,logit\n{text}")
    operators("import_scores")(dataset, key="det", path=str(table), scale="logit")
    dataset.reload()
    yield dataset
    dataset.delete()


@pytest.mark.parametrize(("shape", "by", "level"), ROUND_TRIPS)
def test_every_row_comes_back_as_the_same_number(faces, operators, tmp_path, shape, by, level):
    path = str(tmp_path / "out.csv")
    done = operators("export_scores")(faces, key="det", path=path, level=level, shape=shape, by=by)
    whole = {"face": 24, "video": 8}[level]
    gaps = 1 if level == "face" else 0
    complete = shape == "plain"
    assert done["rows"] == whole - (0 if complete else gaps)
    assert done["left_out"] == (0 if complete else gaps) and done["without_score"] == gaps
    column = "label" if shape == "dfdc" else None
    back = operators("import_scores")(faces, key="back", path=path, column=column, overwrite=True)
    assert (back["matched"], back["not_in_dataset"], back["ambiguous"]) == (done["rows"], 0, 0)
    assert back["level"] == level
    faces.reload()
    field = "p_fake" if level == "face" else "video_p_fake"
    mine, theirs = (numbers(faces.values(f"{key}_{field}")) for key in ("det", "back"))
    assert np.allclose(mine, theirs, rtol=1e-13, atol=0, equal_nan=True)
    if shape in ("plain", "gend") and level == "face":  # these carry margins too
        mine, theirs = (numbers(faces.values(f"{key}_margin")) for key in ("det", "back"))
        assert np.allclose(mine, theirs, rtol=1e-12, equal_nan=True)
        assert numbers(faces.values("det_p_fake")).max(initial=0, where=~np.isnan(mine)) == 1


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_kind_of_file(faces, operators, tmp_path, suffix):
    path = str(tmp_path / f"out{suffix}")
    done = operators("export_scores")(faces, key="det", path=path, level="face", shape="gend")
    back = operators("import_scores")(faces, key="back", path=path, overwrite=True)
    assert back["matched"] == done["rows"] == 23 and back["column"] == "prob_class_1"
    faces.reload()
    mine, theirs = (numbers(faces.values(f"{key}_margin")) for key in ("det", "back"))
    assert np.allclose(mine, theirs, rtol=1e-12, equal_nan=True)


def test_columns_are_those_of_the_tool(faces, operators, tmp_path):
    heads = {
        "gend": "files,labels,prob_class_0,prob_class_1",
        "deepfakebench": "image,label,pred",
        "dfdc": "filename,label",
        "plain": "video_id,label,p_fake,margin,reason",
    }
    assert set(heads) == set(SHAPES)
    for shape, head in heads.items():
        path = tmp_path / f"{shape}.csv"
        operators("export_scores")(faces, key="det", path=str(path), shape=shape)
        assert path.read_text().splitlines()[0] == head
    assert (tmp_path / "dfdc.csv").read_text().splitlines()[1].startswith("000.mp4,")


def test_nothing_is_overwritten_and_keys_must_tell_rows_apart(faces, operators, tmp_path):
    path = tmp_path / "test_predictions.csv"
    path.write_text("files,labels,prob_class_0,prob_class_1\na,0,1,0\n")
    before = path.read_bytes()
    for overwrite in (False, True):
        with pytest.raises(ForensicsError, match="exists"):
            operators("export_scores")(
                faces, key="det", path=str(path), shape="gend", overwrite=overwrite
            )
    assert path.read_bytes() == before
    new = str(tmp_path / "new.csv")
    cases = (
        ({"shape": "plain", "by": "name", "level": "face"}, "more than one row"),
        ({"shape": "plain", "by": "sample_id", "level": "video"}, "no sample id"),
        ({"shape": "plain", "by": "colour"}, "colour"),
        ({"shape": "excel"}, "excel"),
    )
    for params, words in cases:
        with pytest.raises(ForensicsError, match=words):
            operators("export_scores")(faces, key="det", path=new, **params)
    bare = faces.clone()
    bare.delete_sample_field("video_path")
    try:
        with pytest.raises(ForensicsError, match="does not know the path"):
            operators("export_scores")(bare, key="det", path=new, shape="dfdc")
    finally:
        bare.delete()
