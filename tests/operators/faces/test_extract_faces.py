"""``extract_faces`` and ``contact_sheet`` against a real database and real clips."""

from __future__ import annotations

import base64
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from fiftyone import ViewField as F
from media_forensics.detector.errors import Cancelled, ForensicsError
from media_forensics.detector.faces.video_faces import FaceRow, FrameFaces, VideoFaces
from media_forensics.detector.records import CropRecipe, VideoRecord
from media_forensics.operators.dataset import faces_dataset, fields
from media_forensics.operators.faces import extract_form
from media_forensics.operators.faces.faces_writer import FacesWriter

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]

URI = "@mediaforensics/deepfake/extract_faces"
FAST = CropRecipe(count=3, max_side=320)


def video_dataset(fo, name: str, records: list[VideoRecord]):
    """A video dataset as the importer writes it."""
    dataset = fo.Dataset(name)
    fields.declare_common_fields(dataset)
    samples = [fo.Sample(filepath=r.path, **fields.record_fields(r)) for r in records]
    dataset.add_samples(samples)
    fields.set_description(dataset, kind="videos")
    return dataset


@pytest.fixture
def clips(clean, footage, tmp_path):
    """Three videos: a face throughout, a face at first only, and a file that is none."""
    for key in ("carphone_distorted.mp4", "face_noface.mov"):
        shutil.copy(footage[key], tmp_path / key)
    (tmp_path / "broken.mp4").write_text("no video")
    rows = (
        ("a", "carphone_distorted.mp4", 0, {}),
        ("b", "face_noface.mov", 1, {"method": "DF", "family": "face_swap"}),
        ("c", "broken.mp4", 1, {"method": "DF", "family": "face_swap"}),
    )
    records = [VideoRecord(f"x/{i}", str(tmp_path / f), y, "x", **more) for i, f, y, more in rows]
    return video_dataset(clean, "clips", records)


def test_boxes_persons_reasons_and_a_summary(clips, operators, clean, tmp_path):
    done = operators("extract_faces")(clips, recipe=FAST, crops_dir=str(tmp_path / "crops"))
    assert (done["videos"], done["without_face"], done["faces"]) == (3, 1, 6)
    assert done["video_reasons"] == {"decode_error": 1} and done["frame_reasons"]["no_face"] > 0
    assert "| x | fake | DF | 2 | 1 | 3 |" in done["table"]
    clips.reload()
    lost = clips.load_saved_view("not_scorable")
    assert lost.values("video_id") == ["x/c"] and lost.values("reason") == ["decode_error"]
    a, b, c = clips.sort_by("video_id")
    assert (a.coverage, c.coverage) == (1.0, 0.0) and 0 < b.coverage < 1
    assert [p.label for p in a.persons.detections] == ["person 0 (subject)"]
    numbers = sorted(a.frames)
    assert a.persons.detections[0].support == [numbers[0], numbers[-1]]
    for frame in a.frames.values():
        (box,) = frame.faces.detections
        assert (box.label, box.index, box.reason) == ("subject", 0, None)
    empty = [f for f in b.frames.values() if not f.faces.detections]
    assert len(empty) == round((1 - b.coverage) * len(b.frames))
    faces = clean.load_dataset(done["faces_dataset"])
    assert set(faces.values("source_sha256")) == {a.source_sha256, b.source_sha256}
    assert len(a.source_sha256) == 64 and len(faces) == done["added"] == 6
    assert fields.describe(faces)["crops"] == str(tmp_path / "crops")
    again = operators("extract_faces")(clips, recipe=FAST, crops_dir=str(tmp_path / "crops"))
    assert (again["added"], again["removed"], again["groups"]) == (0, {}, done["groups"])


def test_another_file_replaces_the_faces_of_the_old_one(clips, operators, clean, footage, tmp_path):
    one = clips.match(F("video_id") == "x/a")
    crops = str(tmp_path / "crops")
    done = operators("extract_faces")(one, recipe=FAST, crops_dir=crops)
    faces = clean.load_dataset(done["faces_dataset"])
    old, before = faces.first(), set(one.first().frames)
    shutil.copy(footage["single_face.mp4"], one.first().filepath)
    done = operators("extract_faces")(one, recipe=FAST, crops_dir=crops)
    faces.reload()
    assert done["removed"] == {"changed_file": 3} and done["added"] == len(faces) == 3
    assert old.id not in faces.values("id")
    assert old.source_sha256 not in faces.values("source_sha256")
    clips.reload()
    shown = {n for n, f in clips.match(F("video_id") == "x/a").first().frames.items() if f.faces}
    assert shown == set(faces.values("frame_number")) and before - shown


# ------------------------------------------------------- what more frames do to older samples
def found(script, sha: str = "1" * 64) -> VideoFaces:
    """Frames 0, 1, ... with the persons of ``script``: one tuple of subjects (bool) per frame."""
    frames = []
    for index, subjects in script.items():
        rows = tuple(
            FaceRow(
                n,
                (10.0 * n, 5.0, 10.0 * n + 8, 15.0),
                crop=f"crops/v+/{index:06d}_{n:02d}.png" if chosen else None,
                reason=None if chosen else "not_subject",
                track=n,
                subject=chosen,
            )
            for n, chosen in enumerate(subjects)
        )
        frames.append(FrameFaces(index, index / 25, None, rows, 64, 48))
    return VideoFaces("v", "h", sha, 50, 25.0, 64, 48, frames=tuple(frames), policy="largest")


@pytest.fixture
def write(clean, tmp_path):
    """``write(result)`` as one run does; returns (rows by (frame, face), writer)."""
    record = VideoRecord("v", str(tmp_path / "v.mp4"), 0, "x")
    videos = video_dataset(clean, "written", [record])
    recipe = replace(FAST, detector_sha256="d" * 64)
    faces = faces_dataset.open_faces_dataset("written-faces", videos, recipe, tmp_path)

    def go(result):
        writer = FacesWriter(videos, faces, recipe, tmp_path)
        writer.add(record, result)
        writer.flush()
        faces.reload()
        rows = {(s.frame_number - 1, s.face_index): s for s in faces}
        return rows, writer

    return go


def test_a_new_subject_takes_over_and_nobody_else_stays(write):
    rows, _ = write(found({0: (True, False), 4: (False, True)}))
    assert set(rows) == {(0, 0), (4, 1)}
    for row in rows.values():
        row.tags.append("mine")
        row.save()
    rows, writer = write(found({0: (False, True), 2: (False, True), 4: (False, True)}))
    assert writer.added == 2 and writer.removed == {"other_person": 1}
    assert set(rows) == {(0, 1), (2, 1), (4, 1)} and all(row.subject for row in rows.values())
    assert rows[4, 1].tags == ["mine"]
    rows, writer = write(found({0: (True, False), 2: (True, False), 4: (True, False)}))
    assert set(rows) == {(0, 0), (2, 0), (4, 0)} and writer.removed == {"other_person": 3}


def test_persons_are_numbered_anew_when_more_frames_show_more_people(write):
    write(found({4: (True,)}))
    first = FaceRow(0, (40.0, 5.0, 48.0, 15.0), reason="not_subject", track=0)
    later = found({2: (False,), 4: (True,)})
    frames = (
        replace(later.frames[0], faces=(first,)),
        replace(later.frames[1], faces=(replace(later.frames[1].faces[0], track=1),)),
    )
    rows, writer = write(replace(later, frames=frames))
    assert rows[4, 0].track == 1 and (writer.added, writer.removed) == (0, {})


def test_a_smaller_count_leaves_what_is_known_alone(write, fiftyone_db):
    write(found({0: (False, True), 2: (False, True), 4: (False, True)}))
    rows, writer = write(found({2: (True, False)}))
    assert rows[2, 1].subject and rows[0, 1].subject and not writer.removed
    video = fiftyone_db.load_dataset("written").first()
    assert sorted(video.frames) == [1, 3, 5]
    assert [d.label for d in video.frames[3].faces.detections] == ["other face", "subject"]
    gone = replace(found({}), reason="missing_file", source_sha256="", frames=())
    rows, _ = write(gone)
    assert len(rows) == 3
    assert fiftyone_db.load_dataset("written").first().reason is None


# ------------------------------------------------------------------------------ whole frames
def test_folders_of_whole_frames_get_boxes_and_reasons(clean, operators, footage, tmp_path):
    root = tmp_path / "frames"
    root.mkdir()
    for n, key in enumerate(("hopper", "astronaut")):
        shutil.copy(footage[key], root / f"{n}.png")
    cv2.imwrite(str(root / "2.png"), np.full((90, 120, 3), 90, np.uint8))
    (root / "3.png").write_bytes(b"rubbish")
    dataset = clean.Dataset("stills")
    fields.declare_common_fields(dataset, faces=True)
    dataset.add_sample_field("camera", clean.StringField)
    record = VideoRecord("s/v", str(root), 0, "s")
    for n in range(4):
        values = fields.record_fields(record) | {"frame_number": n + 1, "camera": "c7"}
        dataset.add_sample(clean.Sample(filepath=str(root / f"{n}.png"), **values))
    fields.set_description(dataset, kind="faces", aligned=False)
    done = operators("extract_faces")(dataset, recipe=FAST, count=4, crops_dir=str(tmp_path / "c"))
    assert done["faces"] == 2 and done["frame_reasons"] == {"no_face": 1, "unreadable_image": 1}
    dataset.reload()
    reasons = dict(zip(*dataset.values(["frame_number", "reason"]), strict=True))
    assert reasons == {1: None, 2: None, 3: "no_face", 4: "unreadable_image"}
    assert len(dataset.first().faces.detections) == 1
    assert set(dataset.load_saved_view("not_scorable").values("frame_number")) == {3, 4}
    assert fields.describe(dataset)["kind"] == "faces"  # it can be imported again
    faces = clean.load_dataset(done["faces_dataset"])
    assert faces.values("camera") == ["c7", "c7"] and faces.values("frame_number") == [1, 2]
    assert set(faces.values("recipe")) == {done["recipe_hash"]}


# ------------------------------------------------------------------------- command line, shards
def test_shards_of_the_command_line_come_back_without_decoding(
    clips, operators, clean, tmp_path, monkeypatch
):
    from media_forensics.detector.crops import known_sources
    from media_forensics.detector.extract_command import main as extract
    from media_forensics.operators.importing.video_list import main as list_videos

    videos = tmp_path / "videos.jsonl"
    assert list_videos(["--dataset", "clips", str(videos)]) == 0
    assert list_videos(["--dataset", "nowhere", str(videos)]) == 2
    assert list_videos(["--dataset", "clips", "--view", "none", str(videos)]) == 2
    for n in range(2):
        arguments = [str(videos), str(tmp_path / f"s{n}"), "--shard", f"{n}/2"]
        assert extract(["run", *arguments, "--count", "3", "--max-side", "320"]) == 0
    shards = [str(tmp_path / "s0"), str(tmp_path / "s1")]
    options = {"recipe": FAST, "crops_dir": str(tmp_path / "crops"), "merge_from": shards}
    with monkeypatch.context() as patch:
        patch.setattr(known_sources, "open_source", None)  # calling it would be an error
        done = operators("extract_faces")(clips, **options)
    assert (done["faces"], done["added"], done["without_face"]) == (6, 6, 1)
    faces = clean.load_dataset(done["faces_dataset"])
    assert all(Path(p).is_relative_to(tmp_path / "crops") for p in faces.values("filepath"))
    assert all(Path(p).is_file() for p in faces.values("filepath"))
    other = {**options, "recipe": replace(FAST, scale=1.5), "faces_name": "other"}
    with pytest.raises(ForensicsError, match="other recipes") as caught:
        operators("extract_faces")(clips, **other)
    assert caught.value.field == "merge_from" and "other" not in clean.list_datasets()


def test_a_folder_can_be_listed_without_a_database(footage, tmp_path):
    from media_forensics.detector.runners.video_list import read_video_list
    from media_forensics.operators.importing.video_list import main

    root = tmp_path / "set"
    for label in ("real", "fake"):
        (root / label).mkdir(parents=True)
        shutil.copy(footage["carphone_distorted.mp4"], root / label / f"{label}.mp4")
    tree = ["--format", "tree", "--pattern", "{label}/{video}.mp4"]
    assert main(["--folder", str(root), *tree, str(tmp_path / "v.jsonl")]) == 0
    assert sorted(r.label for r in read_video_list(tmp_path / "v.jsonl")) == [0, 1]
    assert main(["--folder", str(tmp_path / "none"), str(tmp_path / "v.jsonl")]) == 2


# -------------------------------------------------------------------------------- the form
def form_of(dataset, operator: str = URI, **params):
    import fiftyone.operators as foo
    from fiftyone.operators.executor import ExecutionContext

    request = {"params": params, "dataset_name": dataset.name}
    ctx = ExecutionContext(request, operator_uri=operator)
    return foo.get_operator(operator).resolve_input(ctx).to_json()["type"]["properties"]


def test_stopped_it_keeps_what_is_done_and_goes_on(clips, operators, clean, tmp_path):
    crops, done = str(tmp_path / "crops"), []
    with pytest.raises(Cancelled, match="1 of 3 videos"):
        operators("extract_faces")(
            clips,
            recipe=FAST,
            crops_dir=crops,
            progress=lambda *state: done.append(state),
            should_stop=lambda: bool(done),
        )
    assert done == [(1, 3, "videos")]
    assert len(clean.load_dataset("clips-faces")) == 3
    assert operators("extract_faces")(clips, recipe=FAST, crops_dir=crops)["added"] == 3


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("count", 0, "whole number"),
        ("scale", 0.0, "recipe's scale is"),
        ("score_threshold", 1.5, "recipe's score_threshold is"),
        ("size", 9000, "recipe's size is"),
        ("time_limit_seconds", 0, "cannot be 0 seconds"),
    ],
)
def test_a_wrong_value_is_said_at_its_field(clips, name, value, words):
    shown = form_of(clips, more=True, **{name: value})
    assert shown[name]["invalid"] and words in shown[name]["error_message"]
    assert not form_of(clips, more=True)[name]["invalid"]


def test_weights_that_are_not_here_are_asked_for(clips, monkeypatch, tmp_path):
    assert "allow_download" not in form_of(clips)
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path))
    shown = form_of(clips, detector="retinaface_resnet50")
    assert "109.5 MB" in shown["allow_download"]["view"]["label"]
    assert (
        shown["weights"]["invalid"] and "not on this machine" in shown["weights"]["error_message"]
    )
    agreed = form_of(clips, detector="retinaface_resnet50", allow_download=True)
    assert not agreed["weights"]["invalid"]
    refine = form_of(clips, detector="retinaface_resnet50", refine_landmarks=True)
    assert "111.1 MB" in refine["allow_download"]["view"]["label"]  # both
    given = extract_form.arguments({"detector": "yunet", "allow_download": True, "size": 128})
    assert given["allow_download"] and given["recipe"]["size"] == 128
    assert CropRecipe.from_json(given["recipe"]).detector == "yunet"


def test_mistakes_leave_no_dataset_behind(clips, operators, clean, tmp_path):
    (tmp_path / "file").write_text("x")
    before = set(clean.list_datasets())
    for params, field in (
        ({"crops_dir": str(tmp_path / "file")}, "crops_dir"),
        ({"merge_from": [str(tmp_path / "none")]}, None),
        ({"recipe": replace(FAST, template="arcface")}, "template"),
        ({"recipe": replace(FAST, detector="dlib")}, "detector"),
        ({"count": 0}, "count"),
        ({"time_limit_seconds": -2}, "time_limit_seconds"),
    ):
        with pytest.raises(ForensicsError) as caught:
            operators("extract_faces")(clips, **{"crops_dir": str(tmp_path / "c"), **params})
        assert caught.value.hint and (field is None or caught.value.field == field)
    assert set(clean.list_datasets()) == before


def test_a_video_over_its_time_limit_gets_the_reason_and_is_done_without_one(
    clips, operators, clean, tmp_path
):
    options = {"recipe": FAST, "crops_dir": str(tmp_path / "crops")}
    late = operators("extract_faces")(clips, time_limit_seconds=1e-6, **options)
    assert late["video_reasons"]["time_limit"] >= 2 and late["faces"] == 0
    clips.reload()
    reasons = clips.sort_by("video_id").values("reason")
    assert reasons[:2] == ["time_limit", "time_limit"] and reasons[2]
    done = operators("extract_faces")(clips, **options)
    assert done["video_reasons"] == {"decode_error": 1} and done["added"] == 6


def test_refined_landmarks_make_other_crops_of_the_same_faces(clips, operators, clean, tmp_path):
    asked = {"recipe": FAST, "crops_dir": str(tmp_path / "c"), "faces_name": "plain"}
    plain = operators("extract_faces")(clips, **asked)
    recipe = replace(FAST, refine_landmarks=True)
    form = extract_form.as_form({"recipe": recipe})
    assert form["refine_landmarks"] is True
    given = extract_form.arguments(form)
    assert CropRecipe.from_json(given["recipe"]) == recipe
    refined = operators("extract_faces")(clips, **asked | given | {"faces_name": "refined"})
    assert refined["faces"] == plain["faces"] and refined["recipe_hash"] != plain["recipe_hash"]
    one, two = (clean.load_dataset(name) for name in ("plain", "refined"))
    assert one.values("face_box") == two.values("face_box")
    assert one.values("face_landmarks") != two.values("face_landmarks")


def test_delegated_it_reports_its_pace_and_its_faces(
    clips, operators, clean, tmp_path, monkeypatch
):
    from fiftyone.operators.delegated import DelegatedOperationService

    monkeypatch.setattr(clean.config, "allow_legacy_orchestrators", True)
    service = DelegatedOperationService()
    recipe = replace(FAST, subject="all", size=64, border="reflect")
    operators("extract_faces")(clips, recipe=recipe, crops_dir=str(tmp_path / "c"), delegate=True)
    (queued,) = service.list_operations(operator=URI)
    service.execute_queued_operations(operator=URI)
    ran = service.get(queued.id)
    assert ran.run_state == "completed", ran.result
    assert "3 of 3 videos" in ran.status.label and "left" in ran.status.label
    faces = clean.load_dataset("clips-faces")
    assert len(faces) == 6
    asked, used = recipe.to_json(), fields.describe(faces)["recipe"]
    assert used == {**asked, "detector_sha256": used["detector_sha256"]}
    service.delete_operation(queued.id)


# ---------------------------------------------------------------------------- contact sheets
def test_contact_sheets_of_faces_and_of_videos(clips, operators, clean, tmp_path):
    import fiftyone.operators as foo
    from fiftyone.operators.executor import ExecutionContext

    sheet = operators("contact_sheet")
    with pytest.raises(ForensicsError, match="No faces were extracted"):
        sheet(clips)
    two = clips.match(F("video_id") != "x/c")
    done = operators("extract_faces")(two, recipe=FAST, crops_dir=str(tmp_path / "crops"))
    faces = clean.load_dataset(done["faces_dataset"])
    drawn = sheet(faces.match(F("video_id") == "x/b"))
    assert [row["video_id"] for row in drawn["sheets"]] == ["x/b"] and drawn["left_out"] == 0
    (row,) = drawn["sheets"]
    assert row["usable"] == 3 < row["tried"]
    image = cv2.imread(row["path"])
    assert image.shape[1] == 160 * min(8, row["tried"])
    every = sheet(clips, limit=2, output_dir=str(tmp_path / "sheets"))
    assert every["left_out"] == 1 and len(list((tmp_path / "sheets").rglob("*.jpg"))) == 2
    lost = sheet(clips.match(F("video_id") == "x/c"))["sheets"]
    assert lost == [{"video_id": "x/c", "path": None, "reason": "not extracted"}]

    uri = "@mediaforensics/deepfake/contact_sheet"
    request = {"params": {"limit": 2}, "dataset_name": faces.name}
    ctx = ExecutionContext(request, operator_uri=uri)
    operator = foo.get_operator(uri)
    ctx.request_params["results"] = result = operator.execute(ctx)
    data = base64.b64decode(result["sheet0"].removeprefix("data:image/jpeg;base64,"))
    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape[1] <= 1280
    output = operator.resolve_output(ctx).to_json()["type"]["properties"]
    assert output["sheet0"]["view"]["name"] == "ImageView" and "frames usable" in str(output)
    assert form_of(faces, uri, limit=0)["limit"]["invalid"]
