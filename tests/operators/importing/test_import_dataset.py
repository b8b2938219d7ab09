"""``import_dataset`` against a real database: from Python, from the form, and again and again."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from media_forensics.detector.errors import Cancelled, ForensicsError

pytestmark = pytest.mark.fiftyone

URI = "@mediaforensics/deepfake/import_dataset"
SPLITS = {"train": [["071", "054"]], "val": [], "test": [["000", "003"]]}


@pytest.fixture(scope="module")
def clip() -> bytes:
    """A real mp4 of five frames, 64 x 48 pixels."""
    import av
    import numpy as np

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(5):
            image = np.full((48, 64, 3), 40 * i, dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return buffer.getvalue()


@pytest.fixture
def operator(fiftyone_db):
    """The registered operator, as a script gets it; datasets are removed afterwards."""
    import fiftyone.operators as foo

    before = set(fiftyone_db.list_datasets())
    yield foo.get_operator(URI)
    for name in set(fiftyone_db.list_datasets()) - before:
        fiftyone_db.delete_dataset(name)


@pytest.fixture
def ffpp(tmp_path, clip) -> Path:
    """FaceForensics++ in miniature: six reals, two methods, masks, one empty, one broken file."""
    root = tmp_path / "FaceForensics++"
    for number in ("000", "003", "054", "071"):
        put(root / f"original_sequences/youtube/c23/videos/{number}.mp4", clip)
    for name in ("000_003", "003_000", "071_054", "054_071"):
        put(root / f"manipulated_sequences/Deepfakes/c23/videos/{name}.mp4", clip)
    put(root / "manipulated_sequences/Deepfakes/masks/videos/000_003.mp4", clip)
    put(root / "manipulated_sequences/FaceSwap/c23/videos/000_003.mp4", b"")
    put(root / "manipulated_sequences/FaceSwap/c23/videos/003_000.mp4", b"not a video" * 9)
    for split, pairs in SPLITS.items():
        put(root / f"dataset/splits/{split}.json", json.dumps(pairs).encode())
    return root


@pytest.fixture
def frames(tmp_path) -> Path:
    """GenD's layout in miniature: two reals and a fake of three crops each."""
    from PIL import Image

    root = tmp_path / "datasets"
    for folder in ("FF/real/000", "FF/real/003", "FF/DF/000_003"):
        for number in (0, 15, 30):
            path = root / folder / f"{number:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (32, 32), (number, 60, 30)).save(path)
    return root


def put(path: Path, data: bytes) -> None:
    """Write a file; each clip has bytes of its own, as each real video has."""
    if data[4:8] == b"ftyp":
        name = str(path).encode()
        data += (8 + len(name)).to_bytes(4, "big") + b"free" + name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def by_id(dataset, field):
    return dict(zip(*dataset.values(["video_id", field]), strict=True))


def test_a_folder_of_videos_becomes_a_video_dataset(operator, ffpp, fiftyone_db):
    done = operator(str(ffpp), name="ffpp", metadata=False)
    assert done["dataset"] == "ffpp" and done["kind"] == "videos"
    assert done["format"] == "faceforensics++"
    assert done["counts"] == {"real": 4, "fake": 6}
    assert (done["added"], done["already_there"]) == (10, 0)
    assert "split" in done["report"].table()

    dataset = fiftyone_db.load_dataset("ffpp")
    assert dataset.media_type == "video" and dataset.persistent and len(dataset) == 10
    sample = dataset.match({"video_id": "FaceForensics++/Deepfakes/c23/000_003"}).first()
    assert sample.filepath == str(ffpp / "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4")
    assert sample.ground_truth.label == "fake"
    assert sample.method == "Deepfakes" and sample.family == "face_swap"
    assert sample.compression == "c23" and sample.split == "test"
    assert sample.split_source == "official"
    assert sample.pair_id == "FaceForensics++/youtube/c23/000"
    assert sample.pair_status == "present"
    assert sample.target_id == "000" and sample.source_id == "003"
    assert sample.group_id == "FaceForensics++/youtube/000"
    assert sample.mask_path.endswith("masks/videos/000_003.mp4")
    assert sample.license_note and sample.tags == [] and sample.created_at is not None
    assert dataset.count("video_id") == len(set(dataset.values("video_id")))
    assert by_id(dataset, "reason")["FaceForensics++/FaceSwap/c23/000_003"] == "empty_file"


def test_the_documents_are_those_that_add_samples_writes(operator, ffpp, fiftyone_db):
    operator(str(ffpp), name="ffpp", metadata=False)
    dataset = fiftyone_db.load_dataset("ffpp")
    ours = dataset.match({"video_id": "FaceForensics++/youtube/c23/000"}).first()
    twin = fiftyone_db.Dataset("twin")
    twin.add_sample(ours.copy())
    find = {"video_id": "FaceForensics++/youtube/c23/000"}
    wanted = twin._sample_collection.find_one(find)
    stored = dataset._sample_collection.find_one(find)
    assert set(stored) == set(wanted)
    changing = {"_id", "_rand", "_dataset_id", "created_at", "last_modified_at", "ground_truth"}
    assert {k: v for k, v in stored.items() if k not in changing} == {
        k: v for k, v in wanted.items() if k not in changing
    }
    assert set(stored["ground_truth"]) == set(wanted["ground_truth"])


def test_views_indexes_colours_and_description(operator, ffpp, fiftyone_db):
    operator(str(ffpp), name="ffpp", metadata=False)
    dataset = fiftyone_db.load_dataset("ffpp")
    sizes = {name: len(dataset.load_saved_view(name)) for name in dataset.list_saved_views()}
    assert sizes == {
        "real": 4,
        "fake": 6,
        "method Deepfakes": 4,
        "method FaceSwap": 2,
        "split train": 4,
        "split test": 6,
        "pairs": 4,
        "pairs side by side": 10,
    }
    assert {"video_id", "method", "split", "group_id", "ground_truth.label"} <= set(
        dataset.list_indexes()
    )
    colours = dataset.app_config.color_scheme.fields[0]["valueColors"]
    assert {c["value"] for c in colours} == {"real", "fake"}
    assert [g.name for g in dataset.app_config.sidebar_groups][:3] == ["tags", "verdict", "source"]
    about = dataset.info["media_forensics"]
    assert about["kind"] == "videos"
    (record,) = about["imports"]
    assert record["root"] == str(ffpp) and record["format"] == "faceforensics++"
    assert record["written"]["added"] == 10 and record["license_note"]


def test_metadata_is_read_and_broken_files_get_a_reason(operator, ffpp, fiftyone_db):
    done = operator(str(ffpp), name="ffpp")
    assert done["broken"] == {"decode_error": 1, "empty_file": 1}
    dataset = fiftyone_db.load_dataset("ffpp")
    sample = dataset.match({"video_id": "FaceForensics++/youtube/c23/000"}).first()
    assert sample.metadata.total_frame_count == 5
    assert (sample.metadata.frame_width, sample.metadata.frame_height) == (64, 48)
    assert sample.metadata.frame_rate == pytest.approx(25)
    assert sample.metadata.duration == pytest.approx(0.2, abs=0.05)
    assert sample.metadata.codec == "mpeg4" and sample.metadata.rotation == 0
    assert sample.metadata.size_bytes == Path(sample.filepath).stat().st_size
    reasons = {k: v for k, v in by_id(dataset, "reason").items() if v}
    assert reasons == {
        "FaceForensics++/FaceSwap/c23/000_003": "empty_file",
        "FaceForensics++/FaceSwap/c23/003_000": "decode_error",
    }
    assert dataset.match({"metadata.bit_rate": {"$gt": 0}}).count() == 8


def test_the_same_root_twice_adds_nothing_and_loses_nothing(operator, ffpp, fiftyone_db):
    operator(str(ffpp), name="ffpp", metadata=False)
    dataset = fiftyone_db.load_dataset("ffpp")
    dataset.match({"split": "test"}).tag_samples("hard")
    dataset.add_sample_field("probe_p_fake", fiftyone_db.FloatField)
    dataset.set_values("probe_p_fake", [i / 10 for i in range(10)])
    ids, scores = dataset.values(["id", "probe_p_fake"])
    again = operator(str(ffpp), name="ffpp", metadata=False)
    assert (again["added"], again["already_there"], again["updated"]) == (0, 10, 0)
    dataset.reload()
    assert list(dataset.values(["id", "probe_p_fake"])) == [ids, scores]
    assert len(dataset.match_tags("hard")) == 6
    assert len(dataset.info["media_forensics"]["imports"]) == 2


def test_new_files_and_late_lists_are_taken_in(operator, ffpp, clip, fiftyone_db):
    lists = ffpp / "dataset"
    real = ffpp / "original_sequences/youtube/c23/videos/000.mp4"
    shutil.move(lists, ffpp.parent / "lists")
    shutil.move(real, ffpp.parent / "000.mp4")
    first = operator(str(ffpp), name="ffpp", metadata=False)
    dataset = fiftyone_db.load_dataset("ffpp")
    fake = "FaceForensics++/Deepfakes/c23/000_003"
    assert first["added"] == 9 and by_id(dataset, "split")[fake] == "test"  # built in
    assert by_id(dataset, "pair_status")[fake] == "missing"
    dataset.match({"video_id": fake}).tag_samples("seen")
    shutil.move(ffpp.parent / "lists", lists)
    shutil.move(ffpp.parent / "000.mp4", real)
    again = operator(str(ffpp), name="ffpp", metadata=False)
    dataset.reload()
    assert (again["added"], again["already_there"]) == (1, 9)
    assert by_id(dataset, "split")[fake] == "test"
    assert by_id(dataset, "split_source")[fake] == "official"
    assert by_id(dataset, "pair_status")[fake] == "present"
    assert dataset.match({"video_id": fake}).first().tags == ["seen"]
    assert len(set(dataset.values("video_id"))) == len(dataset) == 10


def test_new_files_join_the_derived_split_of_their_group(operator, tmp_path, clip, fiftyone_db):
    root = tmp_path / "UADFV"
    for number in range(12):
        put(root / f"real/{number:04d}.mp4", clip)
    put(root / "fake/0000_fake.mp4", clip)
    operator(str(root), name="grows", metadata=False)
    dataset = fiftyone_db.load_dataset("grows")
    before = by_id(dataset, "split")
    for number in range(1, 12):
        put(root / f"fake/{number:04d}_fake.mp4", clip)
    done = operator(str(root), name="grows", metadata=False, seed=5)
    dataset.reload()
    after = by_id(dataset, "split")
    assert done["added"] == 11 and before.items() <= after.items()
    for number in range(12):
        assert after[f"UADFV/fake/{number:04d}_fake"] == after[f"UADFV/real/{number:04d}"]
    assert set(dataset.values("split_source")) == {"derived"}
    assert done["report"].crossings == []


def test_derived_splits_follow_the_official_ones_in_the_dataset(
    operator, tmp_path, clip, fiftyone_db
):
    celeb, models = tmp_path / "Celeb-DF-v2", tmp_path / "DFDM"
    for number in range(8):
        put(celeb / f"Celeb-real/id{number}_0000.mp4", clip)
        put(models / f"DFDM_crf23/iae/id{number}_id9_0000_iae.mp4", clip)
    put(celeb / "YouTube-real/00000.mp4", clip)
    tested = "\n".join(f"1 Celeb-real/id{number}_0000.mp4" for number in range(0, 8, 2))
    put(celeb / "List_of_testing_videos.txt", tested.encode())
    operator(str(celeb), name="together", metadata=False)
    done = operator(str(models), name="together", metadata=False)
    split = by_id(fiftyone_db.load_dataset("together"), "split")
    for number in range(8):
        expected = "test" if number % 2 == 0 else "train"
        assert split[f"DFDM/iae/c23/id{number}_id9_0000_iae"] == expected
    assert [c for c in done["report"].crossings if c.kind == "group"] == []


def test_a_moved_root_is_relocated_by_one_call(operator, ffpp, fiftyone_db):
    operator(str(ffpp), name="ffpp", metadata=False)
    dataset = fiftyone_db.load_dataset("ffpp")
    dataset.match({"split": "test"}).tag_samples("hard")
    moved = ffpp.parent / "elsewhere"
    shutil.move(ffpp, moved)
    with pytest.raises(ForensicsError, match="no longer where they were") as error:
        operator(str(moved), name="ffpp", metadata=False)
    assert error.value.field == "relocate"
    done = operator(str(moved), name="ffpp", metadata=False, relocate=True)
    assert (done["added"], done["relocated"]) == (0, 10)
    dataset.reload()
    assert all(Path(path).exists() for path in dataset.values("filepath"))
    masks = [mask for mask in dataset.values("mask_path") if mask]
    assert masks and all(Path(mask).exists() for mask in masks)
    assert len(dataset.match_tags("hard")) == 6


def test_relocating_to_a_folder_that_has_none_of_them_adds_nothing(
    operator, tmp_path, clip, fiftyone_db
):
    put(tmp_path / "old/manifest.csv", b"path,label\na.mp4,real\n")
    put(tmp_path / "old/a.mp4", clip)
    operator(str(tmp_path / "old"), name="own", metadata=False)
    shutil.move(tmp_path / "old", tmp_path / "new")  # the ids begin with the folder's name
    with pytest.raises(ForensicsError, match="None of the videos") as error:
        operator(str(tmp_path / "new"), name="own", metadata=False, relocate=True)
    assert error.value.field == "root" and len(fiftyone_db.load_dataset("own")) == 1


def test_two_datasets_in_one_complete_each_others_pairs(operator, ffpp, clip, fiftyone_db):
    other = ffpp.parent / "DeeperForensics-1.0"
    put(other / "manipulated_videos/end_to_end/000_M101.mp4", clip)
    operator(str(other), name="both", metadata=False)
    dataset = fiftyone_db.load_dataset("both")
    fake = "DeeperForensics-1.0/end_to_end/000_M101"
    assert by_id(dataset, "pair_status")[fake] == "missing"
    done = operator(str(ffpp), name="both", metadata=False)
    dataset.reload()
    assert (done["added"] == 10 and done["updated"] == 0) or done["updated"] == 1
    assert by_id(dataset, "pair_status")[fake] == "present"
    groups = by_id(dataset, "group_id")
    assert groups[fake] == groups["FaceForensics++/youtube/c23/000"]


def test_frames_become_a_faces_dataset(operator, frames, fiftyone_db):
    done = operator(str(frames), name="crops")
    assert done["kind"] == "faces" and done["counts"] == {"real": 2, "fake": 1}
    assert done["added"] == 9
    dataset = fiftyone_db.load_dataset("crops")
    assert dataset.media_type == "image"
    assert dataset.info["media_forensics"]["kind"] == "faces"
    assert dataset.info["media_forensics"]["aligned"] is True
    view = dataset.match({"video_id": "FF/DF/000_003"}).sort_by("frame_number")
    assert view.values("frame_number") == [1, 16, 31]
    assert view.first().filepath == str(frames / "FF/DF/000_003/000.png")
    assert view.first().video_path == str(frames / "FF/DF/000_003")
    assert view.first().subject is True and view.first().face_index == 0
    assert "by_video" in dataset.list_saved_views()
    assert len(dataset.load_saved_view("by_video")) == 3
    assert operator(str(frames), name="crops")["added"] == 0
    (frames / "FF/real/000/045.png").write_bytes((frames / "FF/real/000/030.png").read_bytes())
    assert operator(str(frames), name="crops")["added"] == 1


def test_moved_frames_are_relocated(operator, frames, fiftyone_db):
    operator(str(frames), name="crops")
    moved = frames.parent / "elsewhere" / "datasets"
    moved.parent.mkdir()
    shutil.move(frames, moved)
    assert operator(str(moved), name="crops", relocate=True)["relocated"] == 9
    dataset = fiftyone_db.load_dataset("crops")
    assert all(Path(path).exists() for path in dataset.values("filepath"))


def test_shipped_attributes_become_fields_of_their_type(operator, tmp_path, clip, fiftyone_db):
    root = tmp_path / "LAV-DF"
    put(root / "train/000001.mp4", clip)
    put(root / "train/000002.mp4", clip)
    rows = [
        {"file": "train/000001.mp4", "modify_video": False, "modify_audio": True, "n_fakes": 1},
        {"file": "train/000002.mp4", "modify_video": True, "modify_audio": True, "n_fakes": 2},
    ]
    put(root / "metadata.json", json.dumps(rows).encode())
    operator(str(root), name="lavdf", metadata=False)
    dataset = fiftyone_db.load_dataset("lavdf")
    assert isinstance(dataset.get_field("n_fakes"), fiftyone_db.IntField)
    assert sorted(dataset.values("n_fakes")) == [1, 2]
    assert dataset.values("audio_label") == ["fake", "fake"]
    assert len(dataset.load_saved_view("sound only")) == 1


def test_an_attribute_with_the_name_of_a_field_is_refused_before_writing(
    operator, tmp_path, clip, fiftyone_db
):
    put(tmp_path / "mine/a.mp4", clip)
    put(tmp_path / "mine/manifest.csv", b"path,label,reason\na.mp4,0,none\n")
    with pytest.raises(ForensicsError, match="'reason'"):
        operator(str(tmp_path / "mine"), name="mine")
    assert "mine" not in fiftyone_db.list_datasets()


@pytest.mark.parametrize("column", ["_id", "a.b", "$v"])
def test_an_attribute_that_cannot_be_a_field_is_refused_before_writing(
    operator, tmp_path, fiftyone_db, column
):
    put(tmp_path / "x/manifest.csv", f"path,label,{column}\na.mp4,real,1\n".encode())
    put(tmp_path / "x/a.mp4", b"x")
    with pytest.raises(ForensicsError, match="cannot be the name of a field"):
        operator(str(tmp_path / "x"), name="odd", metadata=False)
    assert "odd" not in fiftyone_db.list_datasets()


def test_partial_imports(operator, ffpp, fiftyone_db):
    done = operator(str(ffpp), name="part", metadata=False, splits="test", methods=["Deepfakes"])
    assert done["counts"] == {"real": 2, "fake": 2}
    done = operator(str(ffpp), name="few", metadata=False, max_per_class=2, methods="Deepfakes")
    assert done["counts"] == {"real": 2, "fake": 2}
    dataset = fiftyone_db.load_dataset("few")
    assert len(set(dataset.values("group_id"))) == 1
    more = operator(str(ffpp), name="few", metadata=False)
    assert more["added"] == 6 and len(fiftyone_db.load_dataset("few")) == 10


def test_a_dry_run_writes_nothing(operator, ffpp, fiftyone_db):
    before = fiftyone_db.list_datasets()
    report = operator(str(ffpp), name="never", dry_run=True)["report"]
    assert fiftyone_db.list_datasets() == before
    assert json.dumps(report.to_json()) and "Deepfakes" in report.table()
    assert report.written == {"to add": 10, "already there": 0}
    operator(str(ffpp), name="partly", metadata=False, splits="train")
    again = operator(str(ffpp), name="partly", dry_run=True)["report"]
    assert again.written == {"to add": 6, "already there": 4}
    assert len(fiftyone_db.load_dataset("partly")) == 4


def test_a_dataset_that_is_not_ours_is_left_alone(operator, ffpp, fiftyone_db):
    theirs = fiftyone_db.Dataset("theirs")
    theirs.add_sample(fiftyone_db.Sample(filepath="/x/a.jpg"))
    with pytest.raises(ForensicsError, match="was not made by this plugin") as error:
        operator(str(ffpp), name="theirs")
    assert error.value.field == "name"
    assert len(theirs) == 1


def test_videos_and_frames_do_not_mix(operator, ffpp, frames, fiftyone_db):
    operator(str(ffpp), name="videos", metadata=False)
    with pytest.raises(ForensicsError, match="holds videos") as error:
        operator(str(frames), name="videos")
    assert error.value.field == "name"


def test_a_wrong_root_makes_no_dataset(operator, tmp_path, fiftyone_db):
    with pytest.raises(ForensicsError):
        operator(str(tmp_path / "nowhere"), name="nothing")
    assert "nothing" not in fiftyone_db.list_datasets()


@pytest.mark.parametrize("extend", [False, True])
def test_a_write_that_fails_leaves_nothing_behind(operator, ffpp, fiftyone_db, monkeypatch, extend):
    from media_forensics.operators.importing import import_writer

    if extend:
        operator(str(ffpp), name="half", metadata=False, splits="train")
    monkeypatch.setattr(import_writer, "CHUNK", 2)
    real, calls = import_writer._document, []

    def failing(*args):
        calls.append(1)
        if len(calls) > 5:
            raise OSError("the disk is full")
        return real(*args)

    monkeypatch.setattr(import_writer, "_document", failing)
    with pytest.raises(OSError, match="disk is full"):
        operator(str(ffpp), name="half", metadata=False)
    assert len(calls) > 5
    if extend:
        assert len(fiftyone_db.load_dataset("half")) == 4
    else:
        assert "half" not in fiftyone_db.list_datasets()


def test_an_insert_that_stops_half_way_leaves_nothing_behind(
    operator, ffpp, fiftyone_db, monkeypatch
):
    """The database refuses one document of a chunk after it has stored others."""
    from media_forensics.operators.importing import import_writer

    operator(str(ffpp), name="half", metadata=False, splits="train")
    real, docs = import_writer._document, []

    def third_with_the_id_of_the_second(*args):
        docs.append(real(*args))
        return {**docs[-1], "_id": docs[1]["_id"]} if len(docs) == 3 else docs[-1]

    monkeypatch.setattr(import_writer, "_document", third_with_the_id_of_the_second)
    with pytest.raises(Exception, match="duplicate key"):
        operator(str(ffpp), name="half", metadata=False)
    assert len(docs) == 6 and len(fiftyone_db.load_dataset("half")) == 4


def test_stopping_adds_nothing(operator, ffpp, fiftyone_db):
    from media_forensics.operators.importing import import_dataset

    with pytest.raises(Cancelled):
        import_dataset.run(str(ffpp), name="stopped", should_stop=lambda: True)
    assert "stopped" not in fiftyone_db.list_datasets()


def test_progress_is_told(operator, ffpp):
    steps = []
    operator(str(ffpp), name="told", progress=lambda done, total, text: steps.append((done, total)))
    assert steps[0] == (0, 10) and (10, 10) in steps


# -- the App -----------------------------------------------------------------------------------


def form(params):
    """The form as the App asks for it, with the values typed so far."""
    import fiftyone.operators as foo
    from fiftyone.operators.executor import ExecutionContext

    ctx = ExecutionContext({"params": params}, operator_uri=URI)
    return foo.get_operator(URI).resolve_input(ctx).to_json()["type"]["properties"]


def chooser(path):
    return {"absolute_path": str(path), "name": Path(path).name, "type": "directory"}


def test_the_form_begins_with_a_folder(operator):
    shown = form({})
    assert set(shown) == {"root", "format"}
    assert shown["root"]["view"]["name"] == "FileExplorerView"
    assert shown["root"]["view"]["choose_dir"] is True


def test_the_form_shows_what_it_recognised_and_a_preview(operator, ffpp):
    shown = form({"root": chooser(ffpp), "format": "auto"})
    assert "FaceForensics++, because" in shown["recognised"]["view"]["label"]
    assert "no redistribution" in shown["terms"]["view"]["description"]
    rows = shown["preview"]["default"]
    assert {
        "split": "test",
        "method": "Deepfakes",
        "found": "2",
        "official": "140",
    }.items() <= next(
        r for r in rows if r["split"] == "test" and r["method"] == "Deepfakes"
    ).items()
    assert shown["plan"]["view"]["label"].startswith("10 of 10 videos")
    assert "zero bytes" in shown["problems"]["default"]
    assert shown["name"]["default"] == "faceforensics++"
    assert "more" in shown and "splits" not in shown
    assert "your files" in shown["plan"]["view"]["description"]
    more = form({"root": chooser(ffpp), "format": "auto", "more": True})
    assert {"splits", "methods", "max_per_class", "metadata", "relocate"} <= set(more)


def test_the_preview_follows_the_choices(operator, ffpp):
    shown = form({"root": chooser(ffpp), "splits": ["train"], "methods": ["Deepfakes"]})
    assert shown["plan"]["view"]["label"].startswith("4 of 10 videos")


@pytest.mark.parametrize(
    ("params", "field", "words"),
    [
        ({"root": "nowhere"}, "root", "does not exist"),
        ({"format": "uadfv"}, "root", "is not the root of UADFV"),
        ({"format": "tree"}, "pattern", "needs a pattern"),
        ({"max_per_class": 1}, "max_per_class", "No whole group"),
        ({"name": "theirs"}, "name", "was not made by this plugin"),
    ],
)
def test_errors_stand_at_their_field(operator, ffpp, fiftyone_db, params, field, words):
    theirs = fiftyone_db.Dataset("theirs")
    theirs.add_sample(fiftyone_db.Sample(filepath="/x/a.jpg"))
    root = ffpp / params["root"] if "root" in params else ffpp
    shown = form({"format": "auto", **params, "root": chooser(root)})
    assert shown[field]["invalid"] is True
    assert words in shown[field]["error_message"]


def test_the_operator_declares_what_the_app_needs(operator):
    config = operator.config
    assert config.label and config.description and config.allow_delegated_execution
    assert config.risk_level is not None

    class Context:
        params = {"root": chooser("/data/FaceForensics++")}

    assert operator.resolve_run_name(Context()) == "Import /data/FaceForensics++"


def test_from_the_form_to_the_dataset(operator, ffpp, fiftyone_db):
    """Runs ``execute`` as the App does: a generator of messages, metadata in a second process."""
    from fiftyone.operators.executor import ExecutionContext, Executor

    params = {
        "root": chooser(ffpp),
        "format": "auto",
        "name": "app",
        "splits": ["test"],
        "max_per_class": 0,
        "metadata": True,
    }
    ctx = ExecutionContext({"params": params}, executor=Executor(), operator_uri=URI)
    messages = [message.to_json() for message in operator.execute(ctx)]
    names = [message["body"]["operator_uri"] for message in messages]
    assert any("set_progress" in name for name in names)
    assert any("open_dataset" in name for name in names)
    dataset = fiftyone_db.load_dataset("app")
    assert len(dataset) == 6
    dataset.reload()
    assert dataset.match({"metadata.total_frame_count": 5}).count() == 4


def test_an_import_stays_where_its_metadata_fail(operator, ffpp, fiftyone_db, monkeypatch):
    from fiftyone.operators.executor import ExecutionContext, Executor
    from media_forensics.operators.jobs import job as jobs

    class Broken:
        ended = True

        def read(self, name):
            return None

        def result(self):
            raise ForensicsError("The job's process ended without a result.", "Run it again.")

    monkeypatch.setattr(jobs, "start", lambda *args: Broken())
    params = {"root": chooser(ffpp), "name": "app", "metadata": True}
    ctx = ExecutionContext({"params": params}, executor=Executor(), operator_uri=URI)
    bodies = [message.to_json()["body"] for message in operator.execute(ctx)]
    failed, notice = [b["params"] for b in bodies if b["operator_uri"].endswith("notify")]
    assert failed["variant"] == "error"  # of the job, and then what came of the import
    assert "10 added" in notice["message"] and "metadata were not read" in notice["message"]
    assert notice["variant"] == "warning"
    assert len(fiftyone_db.load_dataset("app")) == 10


def test_delegated(operator, ffpp, fiftyone_db, monkeypatch):
    from fiftyone.operators.delegated import DelegatedOperationService

    monkeypatch.setattr(fiftyone_db.config, "allow_legacy_orchestrators", True)
    operator(str(ffpp), name="later", metadata=False, delegate=True)
    service = DelegatedOperationService()
    service.execute_queued_operations(operator=URI)
    assert len(fiftyone_db.load_dataset("later")) == 10


def test_the_same_file_under_two_names_is_one_group(operator, tmp_path, clip):
    """Whatever their names say: a split cannot tear them apart, and the report says so."""
    root = tmp_path / "mine"
    for split in ("train", "val", "test"):
        for i in range(2):
            put(root / split / "real" / f"{split}{i}.mp4", clip)
            put(root / split / "fake" / f"{split}{i}f.mp4", clip)
    twin = root / "val" / "fake" / "copy.mp4"
    shutil.copyfile(root / "train" / "fake" / "train0f.mp4", twin)
    shutil.copyfile(root / "train" / "real" / "train1.mp4", root / "test" / "fake" / "liar.mp4")
    options = {"pattern": "{split}/{label}/{video}.mp4", "name": "same-files"}
    options |= {"format": "tree", "metadata": False}
    found = operator(str(root), **options)
    import fiftyone as fo

    dataset = fo.load_dataset("same-files")
    groups = dict(zip(*dataset.values(["filepath", "group_id"]), strict=True))
    by_name = {Path(path).stem: group for path, group in groups.items()}
    assert by_name["copy"] == by_name["train0f"] and by_name["liar"] == by_name["train1"]
    assert by_name["train0"] != by_name["train0f"]
    report = found["report"]
    assert {c.name for c in report.crossings if c.kind == "group"} == {
        by_name["copy"],
        by_name["liar"],
    }
    text = " ".join(report.warnings)
    assert "4 videos are 2 files under several names" in text
    assert "1 files occur under several names, real under one and fake under another" in text
    # a copy that comes later joins the group of what is there
    late = root / "test" / "real" / "late.mp4"
    shutil.copyfile(root / "val" / "real" / "val0.mp4", late)
    again = operator(str(root), **options)
    dataset.reload()
    groups = {
        Path(p).stem: g for p, g in zip(*dataset.values(["filepath", "group_id"]), strict=True)
    }
    assert again["added"] == 1 and groups["late"] == groups["val0"]


def test_a_corrected_list_is_said_kept_and_taken_over_on_demand(operator, tmp_path, clip):
    import fiftyone as fo
    from media_forensics.operators.dataset import fields

    root = tmp_path / "listed"
    rows = {"a": ("real", "original"), "b": ("fake", "swap"), "c": ("fake", "swap")}

    def write(rows):
        lines = ["path,label,method,split"]
        for name, (label, method) in rows.items():
            put(root / f"{name}.mp4", clip)
            lines.append(f"{name}.mp4,{label},{method},train")
        (root / "manifest.csv").write_text("\n".join(lines))

    write(rows)
    options = {"name": "listed", "metadata": False}
    operator(str(root / "manifest.csv"), **options)
    dataset = fo.load_dataset("listed")
    faces = fo.Dataset("listed-faces")
    fields.declare_common_fields(faces, faces=True)
    names = ["video_id", "group_id", "method", "split"]
    for video_id, group, method, split, label in zip(
        *dataset.values([*names, "ground_truth.label"]), strict=True
    ):
        for number in (1, 2):
            faces.add_sample(
                fo.Sample(
                    f"/nowhere/{video_id}-{number}.png",
                    video_id=video_id,
                    group_id=group,
                    method=method,
                    split=split,
                    frame_number=number,
                    ground_truth=fo.Classification(label=label),
                )
            )
    fields.set_description(faces, kind="faces", video_dataset="listed")
    fields.set_description(dataset, faces_dataset="listed-faces")

    def labels(samples):
        found = zip(*samples.values(["video_id", "ground_truth.label", "method"]), strict=True)
        return {(video.rpartition("/")[2], label, method) for video, label, method in found}

    write(rows | {"b": ("real", "original")})
    kept = operator(str(root / "manifest.csv"), **options)
    assert (
        kept["differs"] == {"ground_truth": 1, "method": 1, "family": 1} and kept["corrected"] == 0
    )
    assert any("another ground truth in the source" in w for w in kept["report"].warnings)
    dataset.reload()
    assert ("b", "fake", "swap") in labels(dataset)
    taken = operator(str(root / "manifest.csv"), update=True, **options)
    assert taken["corrected"] == 1
    dataset.reload()
    faces.reload()
    want = {("a", "real", "original"), ("b", "real", "original"), ("c", "fake", "swap")}
    assert labels(dataset) == want and labels(faces) == want
    again = operator(str(root / "manifest.csv"), update=True, **options)
    assert again["differs"] == {} and again["corrected"] == 0
