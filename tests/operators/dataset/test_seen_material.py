"""What a detector has seen is known, marked everywhere, and not what an audit opens on."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from media_forensics.detector.audit.columns import SEEN
from media_forensics.operators.dataset import seen_material, stored_runs
from media_forensics.operators.evaluation import scope
from media_forensics.operators.panels.audit.error_audit import ErrorAudit
from media_forensics.operators.panels.sphere.hypersphere import Hypersphere
from media_forensics.operators.panels.timeline.timeline import TimelinePanel
from media_forensics.training.manifest import Manifest, ManifestRow

pytestmark = pytest.mark.fiftyone


@pytest.fixture
def trained(faces_of, tmp_path):
    """Faces of a detector whose run was trained on split train and validated on val."""
    faces = faces_of(2400, embeddings=4).dataset
    rows = []
    columns = ["video_id", "group_id", "split", "ground_truth.label", "frame_number"]
    for video, group, split, label, number in zip(*faces.values(columns), strict=True):
        if split in ("train", "val"):
            code = ("real", "fake").index(label)
            rows.append(ManifestRow("/x.png", code, video, number - 1, group_id=group, split=split))
    (tmp_path / "checkpoints" / "best").mkdir(parents=True)
    Manifest(tuple(rows)).save(tmp_path / "manifest.jsonl")
    stored_runs.change(faces, "scores_det", detector=str(tmp_path / "checkpoints" / "best"))
    return faces


def expected(faces) -> np.ndarray:
    """(N,) whether the group of a face is among those of train or val."""
    groups, splits = faces.values(["group_id", "split"])
    seen = {g for g, s in zip(groups, splits, strict=True) if s in ("train", "val")}
    return np.array([group in seen for group in groups])


def test_every_table_and_picture_marks_it(trained, client, operators, tmp_path):
    seen = expected(trained)
    audit = client(ErrorAudit(), trained)
    audit.send("on_load")
    assert audit.state["choice"]["scope"] == scope.UNSEEN, "its test split shares groups"
    assert audit.data["table"]["total"]["seen"] == 0
    assert len(audit.data["charts"]["distributions"]) == 2
    audit.send("on_set", name="scope", value=scope.ALL)
    audit.send("on_set", name="level", value="face")
    total, rows = audit.data["table"]["total"], audit.data["table"]["rows"]
    assert total["seen"] == seen.sum() == sum(row["seen"] for row in rows)
    assert "trained on" in audit.data["header"]["coverage"]
    names = [trace["name"] for trace in audit.data["charts"]["distributions"]]
    assert [name.endswith("seen by the detector") for name in names] == [False, False, True, True]
    assert audit.state["lines"]["seen"]
    audit.send("on_set", name="scope", value=scope.UNSEEN)
    audit.send("on_show", row=-1, kind="all")
    assert len(audit.grid()) == (~seen).sum()
    sphere = client(Hypersphere(), trained)
    sphere.send("on_load")
    assert "has seen" in sphere.data["panel"]["note"]
    timeline = client(TimelinePanel(), trained)
    timeline.selected = [trained.match({"split": "train"}).first().id]
    timeline.send("on_load")
    assert "was trained on this video" in timeline.state["view"]["words"]
    folder = tmp_path / "report"
    operators("export_report")(trained, key="det", folder=str(folder))
    report = json.loads((folder / "report.json").read_text())
    assert any("has seen" in text for text in report["limits"])
    assert report["tables"][0]["total"]["seen"]
    assert {row["seen"] for row in report["videos"]} <= {"", *seen_material.KINDS}
    assert "seen by the detector" in (folder / "report.html").read_text()


def test_an_evaluation_of_the_training_split_says_so(trained, operators):
    params = {"key": "det", "replicates": 20, "write_evaluations": False}
    train = operators("evaluate_detector")(trained.match({"split": "train"}), **params)
    assert "The detector has seen" in train["table"] and "trained on" in train["table"]
    whole = next(row for row in train["rows"] if row["level"] == "face")
    assert whole["seen"] == whole["n_real"] + whole["n_fake"]
    unseen = trained.select(np.array(trained.values("id"))[~expected(trained)].tolist())
    assert "has seen" not in operators("evaluate_detector")(unseen, **params)["table"]


def test_what_a_threshold_was_chosen_on_is_seen_too(faces_of, operators):
    faces = faces_of(600).dataset
    val = faces.match({"split": "val"})
    operators("calibrate_threshold")(val, key="det", target_fpr=0.2, level="face", method="none")
    found = seen_material.seen_by(faces, "det")
    assert not found.known and set(found.parts) == {seen_material.CALIBRATED}
    assert found.parts[seen_material.CALIBRATED].units == frozenset(val.distinct("group_id"))


def test_the_test_split_is_the_default_where_it_is_unseen(columns_of):
    columns, table = columns_of(400)
    from media_forensics.detector.audit.columns import Coded

    codes = np.where(table["split"] == "train", 0, -1).astype(np.int32)
    marked = replace(columns, texts={**columns.texts, SEEN: Coded(codes, seen_material.KINDS)})
    assert scope.default_scope(marked) == "split:test"
    nothing = np.full(len(codes), -1, np.int32)
    bare = replace(columns, texts={**columns.texts, SEEN: Coded(nothing, seen_material.KINDS)})
    assert scope.default_scope(bare) == "split:test"


def test_a_query_for_the_unseen_is_short_and_exact_or_there_is_none(columns_of, monkeypatch):
    columns, _ = columns_of(400)
    whole = columns.group.codes == columns.group.codes[0]
    assert columns.group.values[columns.group.codes[0]] in str(scope._without(columns, whole))
    part = whole.copy()
    part[np.flatnonzero(whole)[0]] = False  # as where one file of a group was trained on
    assert scope._without(columns, part) is None
    monkeypatch.setattr(scope, "MOST_NAMED", 0)
    assert scope._without(columns, whole) is None
