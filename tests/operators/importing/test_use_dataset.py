"""``use_dataset`` on real footage: every kind of view through the whole chain; what is refused."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from fiftyone import ViewField as F
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.frames import read_frames
from media_forensics.detector.records import CropRecipe
from media_forensics.operators.dataset import fields, views
from media_forensics.operators.panels.audit.error_audit import ErrorAudit
from PIL import Image

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]
FAST = CropRecipe(count=2, max_side=320)
CLIPS = ("carphone_distorted.mp4", "single_face.mp4")


@pytest.fixture
def files(footage, tmp_path):
    """Two real clips of a face each, and the first as pictures of its first four frames."""
    for name in CLIPS:
        shutil.copy(footage[name], tmp_path / name)
    pictures = {}
    for name in CLIPS:
        for index, image in read_frames(tmp_path / name, range(3)):
            path = tmp_path / f"{name}-{index}.png"
            Image.fromarray(image).save(path)
            pictures.setdefault(name, []).append(str(path))
    return {"videos": [str(tmp_path / name) for name in CLIPS], "pictures": pictures}


@pytest.fixture
def mine(clean, files):
    """A person's own video dataset, whose fields have our names and other meanings."""
    dataset = clean.Dataset("mine")
    for path, label, split in zip(files["videos"], ("REAL", "FAKE"), ("train", "dev"), strict=True):
        sample = clean.Sample(
            filepath=path,
            ground_truth=clean.Classification(label=label),
            split=split,
            reason="why I chose it",
            coverage=7.0,
            actor="anna" if label == "REAL" else "berta",
        )
        sample.frames[1] = clean.Frame(faces=clean.Detections(detections=[]), note="first")
        dataset.add_sample(sample)
    return dataset


@pytest.fixture
def chain(clean, operators, tiny_checkpoint, client, tmp_path):
    """Function: name of a dataset -> its faces, extracted, scored, evaluated and audited."""

    def walk(name: str, **options: Any):
        dataset = clean.load_dataset(name)
        dataset.reload()
        crops = str(tmp_path / f"crops of {name}")
        done = operators("extract_faces")(dataset, recipe=FAST, crops_dir=crops, **options)
        faces = clean.load_dataset(done["faces_dataset"])
        operators("score_faces")(faces, detector=tiny_checkpoint, key="k")
        found = operators("evaluate_detector")(faces, key="k", replicates=10)
        assert {row["level"] for row in found["rows"]} == {"face", "video"}
        driven = client(ErrorAudit(), dataset)
        driven.send("on_load")
        assert not driven.state.get("empty")
        assert views.videos_of(faces)._doc.id == dataset._doc.id
        return faces

    return walk


def own_state(dataset) -> list[dict[str, Any]]:
    """What the samples hold, without what is ours and what FiftyOne dates."""
    ours = ("mf_", "k", "last_modified_at", "metadata", "view_marks")
    rows = []
    for sample in dataset.iter_samples():
        found = sample.to_dict(include_frames=True)
        frames = found.pop("frames")
        rows.append({name: v for name, v in found.items() if not name.strip("_").startswith(ours)})
        rows[-1]["frames"] = {
            number: {n: v for n, v in frame.items() if not n.startswith(ours)}
            for number, frame in frames.items()
            if frame.get("note")
        }
    return rows


def test_videos_in_place_keep_every_field_of_their_own(mine, operators, chain):
    before = own_state(mine)
    done = operators("use_dataset")(
        mine, label_field="ground_truth", split_field="split", person_field="actor"
    )
    assert done["in_place"] and done["dataset"] == "mine"
    assert done["counts"] == {"real": 1, "fake": 1} and done["groups"] == 2
    faces = chain("mine")
    assert faces.count_values("ground_truth.label") == {"real": 2, "fake": 2}
    assert faces.count_values("split") == {"train": 2, "val": 2}
    assert faces.count_values("actor") == {"anna": 2, "berta": 2}
    mine.reload()
    assert own_state(mine) == before
    assert None not in mine.values("k_p_fake") and mine.values("mf_reason") == [None, None]
    assert [len(v) > 0 for v in mine.values("frames.mf_faces.detections")[0] if v] == [True, True]
    assert mine.values("mf_coverage") == [1.0, 1.0]
    records = views.video_records(mine)
    again = operators("use_dataset")(mine, label_field="ground_truth", split_field="split")
    assert again["videos"] == 2
    assert [r.video_id for r in views.video_records(mine)] == [r.video_id for r in records]


def test_of_a_view_only_its_samples_are_taken(mine, operators, clean, tmp_path):
    one = mine.match(F("actor") == "berta")
    operators("use_dataset")(one, label_field="ground_truth")
    done = operators("extract_faces")(mine, recipe=FAST, crops_dir=str(tmp_path / "c"))
    assert done["videos"] == 1
    mine.reload()
    assert mine.values("mf_video_id")[0] is None and mine.values("mf_coverage") == [None, 1.0]


def test_a_key_whose_fields_the_person_has_is_refused(
    mine, operators, clean, tiny_checkpoint, tmp_path
):
    mine.set_values("mine_p_fake", [0.5, 0.5])
    operators("use_dataset")(mine, label_field="ground_truth")
    done = operators("extract_faces")(mine, recipe=FAST, crops_dir=str(tmp_path / "c"))
    faces = clean.load_dataset(done["faces_dataset"])
    with pytest.raises(ForensicsError, match="'mine_p_fake' of its own") as error:
        operators("score_faces")(faces, detector=tiny_checkpoint, key="mine")
    assert error.value.field == "key" and mine.values("mine_p_fake") == [0.5, 0.5]


def test_images_of_videos_in_place(clean, files, operators, chain):
    dataset = clean.Dataset("pictures")
    for (name, paths), fake in zip(files["pictures"].items(), (False, True), strict=True):
        for path in paths:
            dataset.add_sample(clean.Sample(filepath=path, clip=name, is_fake=fake))
    with pytest.raises(ForensicsError, match="not stated whether 'false' \\(3\\)") as error:
        operators("use_dataset")(dataset, label_field="is_fake", video_field="clip")
    assert error.value.field == "fake"
    meant = {"real": ["false"], "fake": ["true"]}
    done = operators("use_dataset")(dataset, label_field="is_fake", video_field="clip", **meant)
    assert done["videos"] == 2 and done["counts"] == {"real": 3, "fake": 3}
    assert dataset.values("mf_frame_number") == [1, 2, 3, 1, 2, 3]
    faces = chain("pictures")
    assert len(set(faces.values("video_id"))) == 2 and len(faces) == 4
    dataset.reload()
    assert None not in dataset.values("k_p_fake")  # each picture has its video's


def test_face_crops_in_place_are_not_cropped_again(clean, files, operators, chain):
    dataset = clean.Dataset("crops")
    for (_, paths), label in zip(files["pictures"].items(), "01", strict=True):
        dataset.add_samples([clean.Sample(filepath=path, label=label) for path in paths])
    operators("use_dataset")(dataset, label_field="label", aligned=True)
    faces = chain("crops")
    assert sorted(faces.values("filepath")) == sorted(dataset.values("filepath"))


def test_real_and_fake_as_slices_of_groups(clean, files, operators, chain):
    dataset = clean.Dataset("grouped")
    dataset.add_group_field("pair", default="original")
    first, second = clean.Group(), clean.Group()
    real, fake = files["videos"]
    dataset.add_samples(
        [
            clean.Sample(filepath=real, pair=first.element("original")),
            clean.Sample(filepath=fake, pair=first.element("swapped")),
            clean.Sample(filepath=files["pictures"][CLIPS[0]][0], pair=first.element("still")),
        ]
    )
    shutil.copy(fake, f"{fake}.copy.mp4")
    dataset.add_sample(
        clean.Sample(filepath=f"{fake}.copy.mp4", pair=second.element("swapped"))
    )  # its original is missing
    with pytest.raises(ForensicsError, match="hold videos and images") as error:
        operators("use_dataset")(dataset, label_field="pair")
    assert error.value.field == "slices"
    with pytest.raises(ForensicsError, match="no slice 'gone'"):
        operators("use_dataset")(dataset, label_field="pair", slices=["gone"])
    asked = {"slices": ["original", "swapped"], "fake": ["swapped"]}
    done = operators("use_dataset")(dataset, label_field="pair", **asked)
    assert not done["in_place"] and done["dataset"] == "grouped-slices" and done["groups"] == 2
    units = clean.load_dataset("grouped-slices").sort_by("filepath")
    assert units.count_values("pair_status") == {"none": 1, "present": 1, "missing": 1}
    faces = chain("grouped-slices")
    assert faces.count_values("ground_truth.label") == {"real": 2, "fake": 4}
    again = operators("use_dataset")(dataset, label_field="pair", **asked)
    assert again["videos"] == 3 and len(clean.load_dataset("grouped-slices")) == 3
    one = operators("use_dataset")(
        dataset.select_group_slices("swapped"), label_field="pair", fake=["swapped"], name="one"
    )
    assert one["counts"] == {"fake": 2}


def test_clips_of_videos(clean, files, operators, chain):
    dataset = clean.Dataset("events")
    for path in files["videos"]:
        parts = [("real", [1, 6]), ("fake", [7, 12])]
        events = [clean.TemporalDetection(label=name, support=where) for name, where in parts]
        events = clean.TemporalDetections(detections=events)
        dataset.add_sample(clean.Sample(filepath=path, events=events))
    with pytest.raises(ForensicsError, match="TemporalDetections") as error:
        operators("use_dataset")(dataset, label_field="events")
    assert error.value.field == "label_field" and "to_clips" in error.value.hint
    done = operators("use_dataset")(dataset.to_clips("events"), label_field="events")
    assert done["counts"] == {"real": 2, "fake": 2} and done["groups"] == 2
    faces = chain(done["dataset"])
    numbers = dict(zip(*faces.values(["id", "frame_number"]), strict=True))
    for face in faces:
        first, last = (1, 6) if face.ground_truth.label == "real" else (7, 12)
        assert first <= numbers[face.id] <= last and face.video_path in files["videos"]
    assert len(faces) == 8


def test_frames_of_videos(mine, files, operators, chain, clean):
    for sample, paths in zip(mine, files["pictures"].values(), strict=True):
        for number, path in enumerate(paths, 1):  # as to_frames(sample_frames=True) makes them
            sample.frames[number]["filepath"] = path
        sample.save()
    frames = mine.to_frames()
    done = operators("use_dataset")(frames, label_field="ground_truth", split_field="split")
    assert done["videos"] == 2 and done["dataset"] == "mine-frames"
    faces = chain("mine-frames")
    assert set(faces.values("split")) == {"train", "val"} and len(faces) == 4
    dynamic = mine.to_frames(sample_frames="dynamic", sparse=True)
    with pytest.raises(ForensicsError, match="no pictures of their own"):
        operators("use_dataset")(dynamic, label_field="ground_truth", name="other")
    assert not clean.dataset_exists("other")


def test_patches_of_people(clean, files, operators, chain):
    dataset = clean.Dataset("scenes")
    for (_, paths), label in zip(files["pictures"].items(), ("real", "fake"), strict=True):
        for path in paths:
            box = clean.Detection(label=label, bounding_box=[0.05, 0.05, 0.9, 0.9])
            people = clean.Detections(detections=[box])
            dataset.add_sample(clean.Sample(filepath=path, people=people))
    with pytest.raises(ForensicsError, match="Detections") as error:
        operators("use_dataset")(dataset, label_field="people")
    assert "to_patches" in error.value.hint
    patches = dataset.to_patches("people")
    done = operators("use_dataset")(patches, label_field="people")
    assert done["counts"] == {"real": 3, "fake": 3} and done["groups"] == 6
    units = clean.load_dataset("scenes-people")
    width, height = Image.open(units.first().filepath).size
    whole = Image.open(files["pictures"][CLIPS[0]][0]).size
    assert abs(width - 0.9 * whole[0]) <= 1 and abs(height - 0.9 * whole[1]) <= 1
    assert len(chain("scenes-people")) == 6


BAD = {
    "no such field": ({"label_field": "nothing"}, "label_field", "has no field 'nothing'"),
    "no field": ({"label_field": ""}, "label_field", "No field is chosen"),
    "of frames": ({"label_field": "frames.faces"}, "label_field", "has no field"),
    "no labels": ({"label_field": "filepath"}, "fake", "not stated"),
    "nobody says": ({"label_field": "actor"}, "fake", "'anna' \\(1\\), 'berta' \\(1\\)"),
    "twice": ({"label_field": "actor", "real": ["anna"], "fake": ["anna"]}, "fake", "two meanings"),
    "all unlabelled": (
        {"label_field": "actor", "unlabelled": ["anna", "berta"]},
        "label_field",
        "labels no sample",
    ),
    "no split": (
        {"label_field": "ground_truth", "split_field": "actor"},
        "split_field",
        "not a split",
    ),
    "a video's video": (
        {"label_field": "ground_truth", "video_field": "actor"},
        "video_field",
        "a video itself",
    ),
    "a list": (
        {"label_field": "ground_truth", "group_fields": ["none"]},
        "group_fields",
        "no field",
    ),
    "crops of videos": (
        {"label_field": "ground_truth", "aligned": True},
        "aligned",
        "not face crops",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_taken_says_why_at_its_field(mine, operators, case):
    asked, field, said = BAD[case]
    with pytest.raises(ForensicsError, match=said) as error:
        operators("use_dataset")(mine, **asked)
    assert error.value.field == field
    assert not fields.describe(mine) and not mine.has_field("mf_video_id")


def test_other_odd_input(mine, clean, files, operators):
    with pytest.raises(ForensicsError, match="holds no samples"):
        operators("use_dataset")(mine.match(F("actor") == "nobody"), label_field="actor")
    with pytest.raises(ForensicsError, match="nothing, not videos"):
        operators("use_dataset")(clean.Dataset("empty"), label_field="x")
    ours = clean.Dataset("ours")
    ours.add_sample(clean.Sample(filepath=files["videos"][0]))
    fields.set_description(ours, kind="videos")
    with pytest.raises(ForensicsError, match="made by this plugin"):
        operators("use_dataset")(ours, label_field="tags")
    mine.set_values("mf_other", ["a", "b"])
    with pytest.raises(ForensicsError, match="'mf_other'; ours begin"):
        operators("use_dataset")(mine, label_field="ground_truth")
    pictures = clean.Dataset("sequence")
    for path, label in zip(files["pictures"][CLIPS[0]], ("real", "fake", "real"), strict=True):
        pictures.add_sample(clean.Sample(filepath=path, clip="a", label=label, number=1))
    with pytest.raises(ForensicsError, match="different labels"):
        operators("use_dataset")(pictures, label_field="label", video_field="clip")
    pictures.set_values("label", ["real"] * 3)
    with pytest.raises(ForensicsError, match="the same frame number") as error:
        operators("use_dataset")(
            pictures, label_field="label", video_field="clip", frame_field="number"
        )
    assert error.value.field == "frame_field"


def test_tags_and_unlabelled_samples(mine, operators):
    first = mine.first()
    first.tags = ["original", "nice"]
    first.save()
    done = operators("use_dataset")(mine, label_field="tags")
    assert done["counts"] == {"real": 1, "unlabelled": 1}
    mine.reload()
    assert mine.values("mf_ground_truth.label") == ["real", None]


def test_the_form_maps_values_and_says_what_is_missing(mine, operators):
    from fiftyone.operators.executor import ExecutionContext

    def form(**params: Any) -> dict[str, Any]:
        ctx = ExecutionContext({"dataset_name": "mine", "view": [], "params": params})
        made = operators("use_dataset").resolve_input(ctx).to_json()
        return made["type"]["properties"]

    made = form()
    names = [choice["value"] for choice in made["label_field"]["view"]["choices"]]
    assert {"ground_truth", "actor", "tags", "split"} <= set(names)
    made = form(label_field="ground_truth")
    assert (made["real"]["default"], made["fake"]["default"]) == (["REAL"], ["FAKE"])
    assert made["plan"]["view"]["label"] == "1 real, 1 fake"
    made = form(label_field="actor")
    assert made["fake"]["invalid"] and "'anna'" in made["fake"]["error_message"]
    made = form(label_field="actor", real=["anna"], fake=["berta"])
    assert made["plan"]["view"]["label"] == "1 real, 1 fake"


def test_tags_say_splits_among_others_and_one_file_has_one_label(clean, operators, files):
    """A person tags for many reasons; the same file as real and as fake is no dataset."""
    use, (first, second) = operators("use_dataset"), files["videos"]

    def dataset(name, *rows):
        found = clean.Dataset(name)
        found.add_samples([clean.Sample(filepath=p, is_=v, tags=t) for p, v, t in rows])
        return found

    mine = dataset("a", (first, "real", ["seen", "val"]), (second, "fake", ["train", "x"]))
    use(mine, label_field="is_", split_field="tags")
    assert dict(zip(*mine.values(["filepath", "mf_split"]), strict=True)) == {
        first: "val",
        second: "train",
    }
    both = dataset("b", (first, "real", ["train", "val"]), (second, "fake", []))
    with pytest.raises(ForensicsError, match="tagged train and val"):
        use(both, label_field="is_", split_field="tags")
    torn = dataset("c", (first, "real", []), (first, "fake", []))
    with pytest.raises(ForensicsError, match="two samples with different labels"):
        use(torn, label_field="is_")
