"""Datasets find each other by id: after a rename, a clone, a deletion, an export and an import."""

from __future__ import annotations

import shutil

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.records import CropRecipe, VideoRecord
from media_forensics.operators.app.open_dataset import require_dataset
from media_forensics.operators.dataset import faces_dataset, fields, partners, views
from media_forensics.operators.dataset.face_columns import source_of
from media_forensics.operators.jobs import job as jobs

FAST = CropRecipe(count=2, max_side=320)


@pytest.fixture
def pair(clean, footage, operators, tiny_checkpoint, tmp_path):
    """Two real clips and their faces, scored under ``k``."""
    videos = clean.Dataset("pair")
    fields.declare_common_fields(videos)
    for name, label in (("carphone_distorted.mp4", 0), ("single_face.mp4", 1)):
        shutil.copy(footage[name], tmp_path / name)
        record = VideoRecord(f"pair/{name}", str(tmp_path / name), label, "pair", group_id=name)
        videos.add_sample(clean.Sample(filepath=record.path, **fields.record_fields(record)))
    fields.set_description(videos, kind="videos")
    crops = str(tmp_path / "crops")
    faces = operators("extract_faces")(videos, recipe=FAST, crops_dir=crops)["faces_dataset"]
    faces = clean.load_dataset(faces)
    operators("score_faces")(faces, detector=tiny_checkpoint, key="k")
    return videos, faces


def without_partner(dataset, role) -> str:
    assert partners.partner(dataset, role) is None
    return partners.why_lost(dataset, role)


def is_same(found, dataset) -> bool:
    return found is not None and found._doc.id == dataset._doc.id


@pytest.mark.fiftyone
@pytest.mark.weights
class TestRealPair:
    """The whole chain on real clips."""

    def test_a_renamed_dataset_is_still_found(self, pair, operators, tiny_checkpoint):
        videos, faces = pair
        videos.name, faces.name = "case 7", "case 7, faces"
        assert is_same(views.videos_of(faces), videos) and is_same(views.faces_of(videos), faces)
        operators("score_faces")(faces, detector=tiny_checkpoint, key="k2")
        videos.reload()
        assert None not in videos.values("k2_p_fake")
        again = operators("extract_faces")(videos, recipe=FAST)  # same crops, same faces dataset
        assert (again["faces_dataset"], again["added"]) == ("case 7, faces", 0)
        assert again["crops"].startswith(fields.describe(videos)["crops"])

    def test_a_copy_never_writes_into_the_original(self, pair, clean, operators, tiny_checkpoint):
        videos, faces = pair
        copy = faces.clone("copied faces")
        why = without_partner(copy, partners.VIDEOS)
        assert "copy of 'pair-faces'" in why
        before = videos.values("last_modified_at")
        operators("score_faces")(copy, detector=tiny_checkpoint, key="k3")
        operators("evaluate_detector")(copy, key="k3", replicates=10)
        videos.reload()
        assert not videos.has_field("k3_p_fake") and videos.values("last_modified_at") == before
        assert is_same(views.videos_of(faces), videos)
        with pytest.raises(ForensicsError, match="copy of 'pair-faces'") as error:
            operators("extract_faces")(videos, recipe=FAST, faces_name="copied faces")
        assert error.value.field == "faces_name"
        moved = videos.clone("copied videos")
        with pytest.raises(ForensicsError, match="no faces yet: 'copied videos' is a copy"):
            source_of(moved)
        done = operators("extract_faces")(moved, recipe=FAST, faces_name="copied faces")
        assert done["added"] == 0 and is_same(views.videos_of(copy), moved)
        assert is_same(views.faces_of(videos), faces) and is_same(views.videos_of(faces), videos)

    def test_exported_and_imported_again(self, pair, clean, operators, tiny_checkpoint, tmp_path):
        videos, faces = pair
        for dataset in pair:
            where = str(tmp_path / dataset.name)
            dataset.export(where, clean.types.FiftyOneDataset, export_media=False)
        kind = clean.types.FiftyOneDataset
        again = clean.Dataset.from_dir(str(tmp_path / "pair-faces"), kind, name="again")
        assert "copy of 'pair-faces'" in without_partner(again, partners.VIDEOS)
        operators("score_faces")(again, detector=tiny_checkpoint, key="k4")
        videos.reload()
        assert not videos.has_field("k4_p_fake")
        for name in ("again", "pair", "pair-faces"):
            clean.delete_dataset(name)
        faces = clean.Dataset.from_dir(str(tmp_path / "pair-faces"), kind, name="pair-faces")
        assert "'pair' no longer exists" in without_partner(faces, partners.VIDEOS)
        other = clean.Dataset.from_dir(str(tmp_path / "pair"), kind, name="other")
        assert partners.partner(faces, partners.VIDEOS) is None
        other.name = "pair"  # its own place again, by its name
        assert is_same(views.videos_of(faces), other) and is_same(views.faces_of(other), faces)


def dataset_of(fo, name: str, **about):
    dataset = fo.Dataset(name)
    fields.set_description(dataset, **about)
    return dataset


@pytest.mark.fiftyone
def test_links_of_version_0_3_hold_where_each_names_the_other(clean):
    videos = dataset_of(clean, "old", kind="videos", faces_dataset="old-faces")
    faces = dataset_of(clean, "old-faces", kind="faces", video_dataset="old")
    assert is_same(views.videos_of(faces), videos) and is_same(views.faces_of(videos), faces)
    copy = faces.clone("old copy")
    assert "'old' belongs to another" in without_partner(copy, partners.VIDEOS)
    videos.name = "older"
    assert "no longer exists" in without_partner(faces, partners.VIDEOS)


@pytest.mark.fiftyone
def test_another_dataset_of_the_partners_name_is_no_partner(clean):
    videos, faces = dataset_of(clean, "v", kind="videos"), dataset_of(clean, "f", kind="faces")
    partners.link(videos, faces)
    videos.name = "w"
    dataset_of(clean, "v", kind="videos", faces_dataset="f")
    assert is_same(views.videos_of(faces), videos)
    clean.delete_dataset("w")
    assert without_partner(faces, partners.VIDEOS) == "the dataset 'v' no longer exists"


@pytest.mark.fiftyone
def test_faces_of_an_older_recipe_keep_their_videos(clean):
    videos = dataset_of(clean, "v", kind="videos")
    first, second = (dataset_of(clean, name, kind="faces") for name in ("f1", "f2"))
    partners.link(videos, first)
    partners.link(videos, second)
    assert is_same(views.videos_of(first), videos) and is_same(views.faces_of(videos), second)


@pytest.mark.fiftyone
def test_a_dataset_that_takes_a_name_does_not_take_the_crops(clean):
    videos, faces = dataset_of(clean, "v", kind="videos"), dataset_of(clean, "f", kind="faces")
    store = faces_dataset.usual_crops(videos)
    fields.set_description(videos, crops=str(store))
    partners.link(videos, faces)
    videos.name = "w"
    other = dataset_of(clean, "v", kind="videos")
    assert faces_dataset.usual_crops(videos) == store != faces_dataset.usual_crops(other)
    copy = videos.clone("x")
    assert faces_dataset.usual_crops(copy).name == "x"
    clean.delete_dataset("w")
    assert faces_dataset.usual_crops(other) == store


@pytest.mark.fiftyone
def test_a_job_works_on_its_dataset_under_any_name(clean, tmp_path):
    dataset = dataset_of(clean, "v", kind="faces")
    about = {"dataset": "v", "dataset_id": str(dataset._doc.id)}
    dataset.name = "w"
    dataset_of(clean, "v", kind="faces")
    assert is_same(jobs._dataset(about), dataset)
    clean.delete_dataset("w")
    with pytest.raises(ForensicsError, match="'v' that this job works on no longer exists"):
        jobs._dataset(about)


@pytest.mark.fiftyone
def test_forms_say_why_the_partner_is_lost(clean):
    from types import SimpleNamespace

    videos, faces = dataset_of(clean, "v", kind="videos"), dataset_of(clean, "f", kind="faces")
    partners.link(videos, faces)
    for dataset, hint in ((videos, "Open 'f'."), (videos.clone("x"), "copy of 'v'")):
        with pytest.raises(ForensicsError) as error:
            require_dataset(SimpleNamespace(dataset=dataset), "faces")
        assert hint in error.value.hint
