"""The whole loop through the public calls; after each step every form and panel is opened."""

from __future__ import annotations

import json

import fiftyone as fo
import media_forensics as mf
import pytest
from loop_process import Second, again
from loop_scenes import PATTERN, make_scenes, make_street
from loop_steps import ALARMS, BASE, TUNED, Loop
from media_forensics.operators.dataset import views

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]
REAL_VAL = {"split": "val", "ground_truth.label": "real"}


@pytest.fixture
def loop(clean, tiny_checkpoint, footage, weights_dir, tmp_path):
    make_scenes(tmp_path / "scenes", footage, "ttvveeuu")
    make_street(tmp_path / "street", footage, 2)
    return Loop(tmp_path, tiny_checkpoint)


def test_from_import_to_the_second_audit_and_all_of_it_again(loop, tmp_path):
    first = loop.take_in(tmp_path / "scenes")
    assert first["counts"] == {"real": 6, "fake": 8, "unknown": 2}
    second = loop.take_in(tmp_path / "street", format="tree", pattern=PATTERN)
    assert second["added"] == 4
    loop.look()

    loop.extract()
    faces = loop.faces
    several_people(faces)
    loop.look()

    assert loop.score(BASE)["scored"] == len(faces)
    loop.look()

    chosen = loop.calibrate(BASE)
    shown = loop.look()
    tiles_show(loop, BASE, chosen["threshold"])
    assert chosen["record"]["n_real"] == len(faces.match(REAL_VAL).distinct("video_id"))
    for form in ("find_hard_examples", "probe_robustness"):
        text = shown[form]["type"]["properties"]["threshold"]["view"]["description"]
        assert f"empty: {chosen['threshold']:g}, chosen" in text
    assert loop.evaluate(BASE)["threshold"] == pytest.approx(chosen["threshold"])
    before = loop.audit(BASE)["header"]
    assert before["threshold"]["value"] == pytest.approx(chosen["threshold"])
    assert before["choice"]["scope"] == "split:test"

    queues = loop.queue(BASE)
    assert queues["high_loss"]["threshold"] == pytest.approx(chosen["threshold"])
    loop.look()

    reviewed = faces.load_saved_view(queues["high_loss"]["view"]).match({"split": "train"})
    loop.review(reviewed.limit(2), "keep", reviewer="ann", note="kept")
    loop.review(reviewed.skip(2).limit(1), "unusable", reviewer="ann")
    faces.save_view("seen", faces.match({"split": {"$in": ["train", "val"]}}))
    exported = loop.export("seen")
    assert exported["chosen"] >= 2 and exported["left_out"]
    assert mf.manage_runs(faces, action="list")["runs"] == []
    loop.look()

    trained = loop.train()
    assert trained["manifest_sha256"] == exported["sha256"]
    loop.look()
    assert loop.score(TUNED)["scored"] == len(faces)
    loop.look()

    tiles_show(loop, TUNED, loop.calibrate(TUNED)["threshold"])
    after = loop.audit(TUNED, other=BASE, tab="compare")
    assert after["header"]["choice"]["scope"] == "split:test"
    assert after["header"]["total"]["real"] == before["total"]["real"]
    assert f"{BASE} against {TUNED} at the same false alarms" in str(after["table"])
    rows = {row["key"]: row for row in loop.compare()["rows"]}
    assert set(rows) == {BASE, TUNED} and all(row["fpr"] <= ALARMS for row in rows.values())
    loop.look()

    found = loop.analyze(tmp_path / "scenes" / "scene7.mp4")["files"][0]
    assert len(found["persons"]) == 2 and found["verdict"] == "abstain"
    assert "No verdict" in found["reasons"][0]
    loop.look_everywhere()
    case = loop.report(fo.load_dataset(f"{loop.name}-analyses"), TUNED)
    assert "states no error rate" in case and found["sha256"][:12] in case
    assert "Recolour" in loop.report(loop.videos, TUNED)

    now = json.loads(json.dumps(again(loop), default=float))
    assert now["scored"] == [0, 0] and now["already"] == [len(faces)] * 2
    with Second(tmp_path, loop.detector) as other:
        assert other.ask(loop, "again") == now
        rename(loop)
        assert other.ask(loop, "again") == now
        loop.review(loop.faces.limit(1), "wrong_face", reviewer="ben")
        other.ask(loop, "look_everywhere")


def tiles_show(loop, key, threshold):
    """The labels of faces and videos are the calls that audit and report count."""
    levels = [
        (loop.faces, key, f"{key}_p_fake"),
        (loop.faces, f"{key}_video", f"{key}_video_p_fake"),
    ]
    for samples, label, p_fake in [*levels, (loop.videos, key, f"{key}_p_fake")]:
        names, scores = samples.exists(label).values([f"{label}.label", p_fake])
        assert names == ["fake" if score >= threshold else "real" for score in scores]


def several_people(faces):
    """The real of a scene shows whom its fakes manipulate; scenes without a label show both."""
    for number in (0, 3):  # both people were manipulated
        assert len(faces.match({"video_id": f"s/scene{number}"}).distinct("track")) == 2
    for number in (1, 2):
        of_real, of_fake = (
            faces.match({"video_id": {"$regex": f"^s/scene{number}{end}"}}) for end in ("$", "_")
        )
        assert of_real.distinct("chosen_by") == ["fakes"]
        assert of_fake.distinct("chosen_by") == ["mask"]
    unknown = faces.match({"ground_truth.label": None})
    assert len(unknown.distinct("video_id")) == 2


def rename(loop):
    """Give the datasets and the trained run other names, as a person does between two audits."""
    videos, faces = loop.videos, loop.faces
    mf.manage_runs(faces, action="rename", key=loop.run, new_key="tuned_again")
    loop.run = "tuned_again"
    fo.load_dataset(f"{loop.name}-analyses").name = "july-analyses"
    loop.name = "july"
    videos.name, faces.name = "july", "july-crops"
    assert views.faces_of(loop.videos).name == "july-crops"
