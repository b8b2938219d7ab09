"""Review actions on a real database: decisions, times, undo, progress and the training set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.review import decisions as review, export_training_set, review_log
from media_forensics.operators.review.review_faces import run
from media_forensics.training.manifest import Manifest

pytestmark = pytest.mark.fiftyone
ROOT = Path(__file__).resolve().parents[3]
STATE = [review.DECISION, review.KEEP, review.NOTE, review.TIME]


@pytest.fixture
def faces(faces_of):
    return faces_of(160).dataset


def states(dataset) -> dict:
    columns = dataset.values(["id", *STATE])
    return {row[0]: row[1:] for row in zip(*columns, strict=True)}


def test_a_decision_is_kept_with_its_time_and_changes_nothing_else(faces):
    labels = faces.values("ground_truth.label")
    ids = faces.values("id")[:3]
    done = run(faces.select(ids), action="confirm_label", note="seen twice")
    assert done["faces"] == 3 and len(faces) == 160
    assert faces.values("ground_truth.label") == labels
    for sample_id, (decision, keep, note, time) in states(faces).items():
        if sample_id in ids:
            assert (decision, keep, note) == ("confirm_label", None, "seen twice")
            when = time.replace(tzinfo=timezone.utc)
            assert abs(datetime.now(timezone.utc) - when) < timedelta(minutes=1)
        else:
            assert (decision, keep, note, time) == (None, None, None, None)


def test_every_action_can_be_undone_in_turn(faces):
    ids = faces.values("id")
    review.declare(faces)
    seen = [states(faces)]
    for part, action, note in (
        (ids[:6], "confirm_label", None),
        (ids[4:9], "wrong_face", "hand"),
        (ids[0:2], "keep", None),
        (ids[5:6], "note", "look again"),
        (ids[:3], "clear", None),
        (ids[1:8], "unusable", ""),
    ):
        run(faces.select(part), action=action, note=note)
        seen.append(states(faces))
    assert seen[3][ids[0]][:2] == ("confirm_label", True)
    assert seen[4][ids[5]][:3] == ("wrong_face", None, "look again")
    assert seen[5][ids[0]][:3] == (None, None, None)
    for before in reversed(seen[:-1]):
        run(faces, action="undo")
        assert states(faces) == before
    with pytest.raises(ForensicsError, match="no review action to undo"):
        run(faces, action="undo")
    for after in seen[1:]:
        run(faces, action="redo")
        assert decisions(states(faces)) == decisions(after)
    with pytest.raises(ForensicsError, match="no review action to redo"):
        run(faces, action="redo")


def decisions(found: dict) -> dict:
    """Without times, which a redo does not bring back to the second."""
    return {sample_id: state[:3] for sample_id, state in found.items()}


def test_undo_takes_back_ones_own_action_and_leaves_the_others(faces):
    ids = faces.values("id")
    run(faces.select(ids[:6]), action="confirm_label", reviewer="ada")
    run(faces.select(ids[4:9]), action="wrong_face", reviewer="bob")
    run(faces.select(ids[10:12]), action="keep", reviewer="bob")
    run(faces, action="undo", reviewer="ada")
    found = states(faces)
    assert [found[i][0] for i in ids[:9]] == [None] * 4 + ["wrong_face"] * 5
    with pytest.raises(ForensicsError, match="undo of 'ada'"):
        run(faces, action="undo", reviewer="ada")
    run(faces, action="undo", reviewer="bob")
    run(faces, action="redo", reviewer="ada")
    assert [states(faces)[i][0] for i in ids[:6]] == ["confirm_label"] * 4 + ["wrong_face"] * 2
    assert set(faces.values("review_by")) == {"ada", "bob", None}


def test_a_record_says_who_when_what_and_on_which_score(faces):
    ids = faces.values("id")[:3]
    run(faces.select(ids), action="wrong_label", note="hm", reviewer="ada")
    (record,) = review_log.read(faces)
    assert (record.number, record.what, record.action) == (1, "decide", "wrong_label")
    assert (record.reviewer, record.note, record.detector) == ("ada", "hm", "det")
    assert list(record.faces) == ids
    assert list(record.p_fake) == faces.select(ids).values("det_p_fake")
    assert datetime.fromisoformat(record.time).tzinfo is not None


def test_fields_are_made_again_from_the_records(faces):
    ids = faces.values("id")
    run(faces.select(ids[:6]), action="confirm_label")
    run(faces.select(ids[4:9]), action="wrong_face", note="hand")
    before = states(faces)
    faces.set_values(review.DECISION, ["unusable"] * len(faces))
    faces.set_values(review.DECISION, dict.fromkeys(ids[9:], None), key_field="id")
    review.rebuild(faces)
    assert states(faces) == before


def test_a_clone_keeps_its_decisions_and_their_undo(faces, fiftyone_db):
    ids = faces.values("id")
    run(faces.select(ids[:4]), action="confirm_label")
    run(faces.select(ids[2:4]), action="keep")
    clone = faces.clone()
    files = {row[0]: row[1] for row in zip(*faces.values(["id", "frame_number"]), strict=True)}
    assert len(files) == len(clone)
    run(clone, action="undo")
    assert clone.count_values(review.KEEP).get(True) is None
    assert clone.count_values(review.DECISION)["confirm_label"] == 4
    assert faces.count_values(review.KEEP)[True] == 2
    fiftyone_db.delete_dataset(clone.name)


def test_decisions_of_version_0_3_are_taken_over(faces, fiftyone_db):
    """Its fields and stacks, one of them cut by a killed process."""
    ids = faces.values("id")
    old = {"review": "confirm_label", "review_keep": None, "review_note": None, "review_batch": 1}
    old["review_time"] = "2026-11-01T10:00:00+00:00"
    none = dict.fromkeys(old)
    for name, kind in (
        ("review", fiftyone_db.StringField),
        ("review_keep", fiftyone_db.BooleanField),
        ("review_note", fiftyone_db.StringField),
        ("review_time", fiftyone_db.DateTimeField),
        ("review_batch", fiftyone_db.IntField),
    ):
        faces.add_sample_field(name, kind)
    faces.add_sample_field("review_history", fiftyone_db.ListField)
    when = datetime(2026, 11, 1, 10, tzinfo=timezone.utc)
    now = {"review": "wrong_face", "review_batch": 2, "review_time": when}
    for name, value in now.items():
        faces.set_values(name, dict.fromkeys(ids[:3], value), key_field="id")
    first = [json.dumps(none), json.dumps(old)]
    stacks = {ids[0]: first, ids[1]: first, ids[2]: ["{cut"]}
    faces.set_values("review_history", stacks, key_field="id")
    run(faces.select(ids[5:6]), action="keep", reviewer="ada")
    assert [record.number for record in review_log.read(faces)] == [1, 2, 3]
    run(faces, action="undo", reviewer="ada")
    run(faces, action="undo", reviewer="ada")
    decided = [states(faces)[i][0] for i in ids[:6]]
    assert decided == ["confirm_label", "confirm_label", None, None, None, None]
    run(faces, action="undo", reviewer="bob")
    assert [states(faces)[i][0] for i in ids[:3]] == [None] * 3


def test_two_reviewers_at_once_lose_nothing(faces):
    """Each decides and undoes in a process of its own."""
    script = """
import sys
import fiftyone as fo
from media_forensics.operators.review.review_faces import run
name, who, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
faces = fo.load_dataset(name)
ids = faces.values("id")[first:first + 40]
print("ready", flush=True)
sys.stdin.readline()
for number in range(6):
    run(faces.select(ids[number * 5:number * 5 + 5]), action="wrong_face", reviewer=who)
    run(faces.select(ids[:2]), action="note", note=f"{who}{number}", reviewer=who)
run(faces, action="undo", reviewer=who)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "_mount")}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, faces.name, who, str(40 * place)],
            text=True,
            env=environment,
            **pipes,
        )
        for place, who in enumerate(("ada", "bob"))
    ]
    for process in started:
        assert process.stdout.readline(), process.stderr.read()
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors[-2000:]
    faces.reload()
    records = review_log.read(faces)
    assert [record.number for record in records] == list(range(1, 27))
    ids = faces.values("id")
    for who, first in (("ada", 0), ("bob", 40)):
        found = [states(faces)[i] for i in ids[first : first + 40]]
        assert [state[0] for state in found] == ["wrong_face"] * 30 + [None] * 10
        assert [state[2] for state in found[:3]] == [f"{who}4", f"{who}4", None]


def test_a_cleared_face_is_older_than_the_next_action(faces):
    """``clear`` leaves a time and a number, or the undo after it would take the wrong action."""
    ids = faces.values("id")
    run(faces.select(ids[:2]), action="keep")
    run(faces.select(ids[:2]), action="clear")
    run(faces.select(ids[5:6]), action="keep")
    run(faces, action="undo")
    run(faces, action="undo")
    assert states(faces)[ids[0]][1] is True


def test_progress_counts_each_queue(faces, fiftyone_db):
    ids = faces.values("id")
    faces.add_sample_field("det_rank_high_loss", fiftyone_db.IntField)
    faces.set_values(
        "det_rank_high_loss", {i: n for n, i in enumerate(ids[:10], 1)}, key_field="id"
    )
    run(faces.select(ids[5:8]), action="wrong_label")
    found = run(faces.select(ids[9:12]), action="confirm_label")["progress"]
    assert found["det_rank_high_loss"] == {
        "faces": 10,
        "reviewed": 4,
        "wrong_label": 3,
        "confirm_label": 1,
    }
    assert found["all"]["reviewed"] == 6 and found["all"]["faces"] == 160


def test_wrong_input(faces):
    with pytest.raises(ForensicsError) as caught:
        run(faces, action="delete")
    assert caught.value.field == "action"
    with pytest.raises(ForensicsError) as caught:
        run(faces, action="note")
    assert caught.value.field == "note"
    with pytest.raises(ForensicsError, match="no faces"):
        run(faces.match({"video_id": "none"}), action="keep")


@pytest.fixture
def crops(faces_of, fiftyone_db, tmp_path):
    """Faces with crops on disk, and fakes that are paired with the reals of their group."""
    fo = fiftyone_db
    made = faces_of(640, seed=3)
    dataset = made.dataset
    rows = zip(*dataset.values(["id", "video_id", "group_id", "ground_truth.label"]), strict=True)
    rows = list(rows)
    real_of = {r[2]: r[1] for r in rows if r[3] == "real"}
    pairs = {r[0]: real_of.get(r[2]) for r in rows if r[3] == "fake"}
    dataset.set_values("pair_id", pairs, key_field="id")
    files = {r[0]: str(tmp_path / f"{r[0]}.png") for r in rows}
    for path in files.values():
        Path(path).touch()
    dataset.set_values("filepath", files, key_field="id")
    split = {r[0]: "train" if int(r[2][1:]) % 4 else "val" for r in rows}
    dataset.set_values("split", split, key_field="id")
    dataset.set_values("recipe", ["r"] * len(rows))
    dataset.set_values("subject", [True] * len(rows))
    if not dataset.has_field("crop_landmarks"):
        dataset.add_sample_field("crop_landmarks", fo.ListField, subfield=fo.FloatField)
    return dataset


def test_the_training_set_is_what_was_confirmed_with_its_pairs(crops, tmp_path):
    dataset = crops
    columns = dataset.values(["id", "video_id", "pair_id", "frame_number", "ground_truth.label"])
    rows = list(zip(*columns, strict=True))
    fakes = [r for r in rows if r[2]][::3]
    run(dataset.select([r[0] for r in fakes]), action="confirm_label")
    doubted = [r[0] for r in fakes[:5]]
    run(dataset.select(doubted), action="wrong_label")
    chosen = [r for r in fakes[5:]]
    scenes = {(r[2], r[3]) for r in chosen}
    want = {r[0] for r in rows if ((r[2] or r[1]), r[3]) in scenes} - set(doubted)
    done = export_training_set.run(dataset, file=str(tmp_path / "m.jsonl"))
    view = dataset.load_saved_view("training_set")
    assert set(view.values("id")) == want
    manifest = Manifest.load(tmp_path / "m.jsonl")
    assert manifest.sha256 == done["sha256"]
    assert len(manifest) == done["faces"] == len(want)
    assert (done["chosen"], done["left_out"]) == (len(chosen), {"wrong_label": 5})
    assert Counter(r.label for r in manifest.rows)[0] > 0
    assert export_training_set._manifest(view, 0.2, 0).sha256 == done["sha256"]
    config = dataset.get_run_info("training_set_training_set").config
    assert config.manifest_sha256 == done["sha256"]
    lines = (tmp_path / "m.jsonl").read_text().splitlines()
    assert {json.loads(line)["split"] for line in lines} == {"train", "val"}


def test_what_reviewers_differ_on_is_not_trained_on_until_it_is_resolved(crops, tmp_path):
    dataset = crops
    fakes = dataset.match({"ground_truth.label": "fake"}).values("id")[::3]
    disputed = fakes[:4]
    run(dataset.select(fakes), action="confirm_label", reviewer="ada")
    run(dataset.select(disputed), action="wrong_label", reviewer="bob")
    run(dataset.select(disputed), action="confirm_label", reviewer="ada")  # the newest confirms
    dataset.save_view("before", dataset.select(disputed[:2] + fakes[5:7]))

    def export(name: str, **more) -> tuple[set, dict]:
        done = export_training_set.run(
            dataset, name=name, file=str(tmp_path / f"{name}.jsonl"), **more
        )
        return set(dataset.load_saved_view(name).values("id")), done

    alone, done = export("alone")
    assert alone >= set(fakes[4:]) and not alone & set(disputed)
    assert (done["chosen"], done["left_out"]) == (len(fakes) - 4, {"reviewers differ": 4})
    more, _ = export("more", base="before")
    assert more == alone
    review.act(dataset.select(disputed), "confirm_label", reviewer="eve", resolves=True)
    settled, done = export("settled")
    assert settled >= set(fakes) and done["left_out"] == {}


def test_a_set_on_which_reviewers_differ_throughout_is_refused(faces):
    two = faces.select(faces.values("id")[:2])
    for who, action in (("ada", "wrong_face"), ("bob", "confirm_label")):
        run(two, action=action, reviewer=who)
    with pytest.raises(ForensicsError, match="differ on every"):
        export_training_set.run(faces)


def test_nothing_reviewed_is_said(faces):
    with pytest.raises(ForensicsError, match="has been reviewed"):
        export_training_set.run(faces)
    run(faces.select(faces.values("id")[:2]), action="unusable")
    with pytest.raises(ForensicsError, match="no confirmed or kept"):
        export_training_set.run(faces)
    run(faces.select(faces.values("id")[4:6]), action="keep")
    with pytest.raises(ForensicsError) as caught:
        export_training_set.run(faces, base="nothing")
    assert caught.value.field == "base"
