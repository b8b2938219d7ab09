"""Embeddings in files: every reader sees what it would see in the field."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fiftyone import ViewField as F
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.dataset import fields
from media_forensics.operators.embeddings import embedding_files, sphere_source, stored_vectors
from media_forensics.operators.panels.sphere.hypersphere import Hypersphere
from media_forensics.operators.scoring import score_form

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]
FILED = fields.ScoreFields("filed")


@pytest.fixture(scope="module")
def filed(demo_dataset, operators, tmp_path_factory):
    """The demo faces, scored a second time by the same detector with the embeddings in files."""
    folder = tmp_path_factory.mktemp("embeddings") / "of filed"
    done = operators("score_faces")(
        demo_dataset,
        detector="probe",
        key="filed",
        embeddings="files",
        embeddings_dir=str(folder),
    )
    assert done["scored"] == len(demo_dataset)
    yield demo_dataset
    embedding_files.forget(demo_dataset, FILED.embedding)
    demo_dataset.delete_run(FILED.run)
    for name in list(demo_dataset.get_field_schema()):
        if name.startswith("filed"):
            demo_dataset.delete_sample_field(name)


@pytest.fixture
def both(filed):
    """Ids and vectors by the field and by the files."""
    other = fields.ScoreFields("probe").embedding
    return (stored_vectors.read(filed.view(), name) for name in (other, FILED.embedding))


def test_files_hold_what_the_field_holds(filed, both):
    in_field, in_files = both
    assert filed.count(FILED.embedding) == 0 and filed.count(FILED.p_fake) == len(filed)
    assert in_files.ids == in_field.ids == filed.values("id")
    assert np.abs(in_files.vectors - in_field.vectors).max() < 3e-4  # float16 of numbers below 1
    assert np.allclose(np.linalg.norm(in_files.vectors, axis=1), 1, atol=1e-6)
    view = filed.sort_by(FILED.p_fake, reverse=True).limit(7)
    some = stored_vectors.read(view, FILED.embedding, ["video_id", "ground_truth.label"])
    assert some.ids == view.values("id") and some.columns["video_id"] == view.values("video_id")
    assert stored_vectors.ids_with_vector(filed, FILED.embedding) == set(filed.values("id"))


def test_scoring_again_continues_in_the_same_files(filed, operators):
    face = filed.first()
    for name in (FILED.p_fake, FILED.label):
        face[name] = None
    face.save()
    again = operators("score_faces")(filed, detector="probe", key="filed")
    assert (again["scored"], again["already"]) == (1, len(filed) - 1)
    assert filed.count(FILED.embedding) == 0
    assert len(stored_vectors.read(filed.view(), FILED.embedding).ids) == len(filed)
    with pytest.raises(ForensicsError, match="already"):
        operators("score_faces")(
            filed, detector="probe", key="filed", embeddings="files", embeddings_dir="/elsewhere"
        )


def test_queues_and_heads_see_them(filed, operators):
    queues = {"queues": ["knn_disagreement", "atypical"], "limit": 40}
    found = {}
    for key in ("probe", "filed"):
        operators("find_hard_examples")(filed, key=key, **queues)
        for queue in queues["queues"]:
            view = filed.load_saved_view(f"hard_{key}_{queue}")
            found[key, queue] = view.values("id")
            filed.delete_saved_view(f"hard_{key}_{queue}")
            filed.delete_sample_field(f"{key}_rank_{queue}")
    for queue in queues["queues"]:
        filed.untag_samples(f"hard:{queue}")
        one, two = (set(found[key, queue]) for key in ("probe", "filed"))
        assert one and len(one & two) >= 0.9 * len(one)  # equal but for ties within float16


def test_the_sphere_draws_them(filed, client, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path))
    for name in ("_SPHERES", "_FIRST", "_THERE", "_EMBEDDINGS"):
        getattr(sphere_source, name).clear()
    drawn = {}
    for key in ("probe", "filed"):
        driven = client(Hypersphere(), filed)
        driven.send("on_load")
        driven.send("on_set", name="detector", value=key)
        raw = driven.data["panel"]["sphere"]
        drawn[key] = raw["n"], raw["xyz"]
    assert drawn["probe"][0] == drawn["filed"][0] == len(filed)


def test_the_explored_view_gets_them_in_the_field(filed, operators):
    view = filed.limit(5)
    made = operators("map_embeddings")(view, key="filed", parts=["similarity", "field"])
    assert made["faces"] == 5 and FILED.embedding in made["fields"]
    assert filed.count(FILED.embedding) == 5
    in_field = np.stack(view.values(FILED.embedding))
    assert np.allclose(in_field, np.stack(view.values("probe_embedding")), atol=3e-4)
    near = view.sort_by_similarity(view.first().id, k=2, brain_key="filed_similarity")
    assert near.first().id == view.first().id
    mixed = stored_vectors.read(filed.view(), FILED.embedding)  # some in the field, all in files
    assert mixed.ids == filed.values("id")
    assert operators("map_embeddings")(view, key="filed", parts=["field"])["fields"] == []
    filed.delete_brain_run("filed_similarity")
    filed.clear_sample_field(FILED.embedding)


def test_files_that_are_gone_or_damaged_are_said_not_read(filed):
    folder = fields.describe(filed)["embedding_files"][FILED.embedding]
    from pathlib import Path

    away = Path(folder).with_name("away")
    Path(folder).rename(away)
    with pytest.raises(ForensicsError, match="not there"):
        stored_vectors.read(filed.view(), FILED.embedding)
    away.rename(folder)
    part = sorted(Path(folder).glob("*.vectors"))[0]
    whole = part.read_bytes()
    part.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ForensicsError, match="damaged"):
        stored_vectors.read(filed.view(), FILED.embedding)
    part.write_bytes(whole)
    assert len(stored_vectors.read(filed.view(), FILED.embedding).ids) == len(filed)


def test_the_place_is_chosen_by_size_and_asked_for_in_words(filed, monkeypatch, tmp_path):
    names = fields.ScoreFields("large")
    whose = "c" * 64
    assert embedding_files.writer(filed, names, whose, 8, "auto", None) is None
    monkeypatch.setattr(embedding_files, "MOST_IN_FIELD", len(filed) - 1)
    assert embedding_files.writer(filed, names, whose, 8, "field", None) is None
    made = embedding_files.writer(filed, names, whose, 8, "auto", None)
    assert made is not None and made.folder.name == f"large-{whose[:16]}"
    assert embedding_files.are_noted(filed, names.embedding)
    made.close()  # without a row: no face could be scored
    assert stored_vectors.read(filed.view(), names.embedding).ids == []
    with pytest.raises(ForensicsError, match="too many"):
        embedding_files.into_field(filed.view(), "large")
    embedding_files.forget(filed, names.embedding)
    assert not embedding_files.are_noted(filed, names.embedding)
    for where, folder, field in (("tape", None, "embeddings"), ("field", "/x", "embeddings_dir")):
        with pytest.raises(ForensicsError) as caught:
            embedding_files.check(where, folder)
        assert caught.value.field == field
    monkeypatch.setenv("MEDIA_FORENSICS_ROOTS", str(tmp_path))
    with pytest.raises(ForensicsError, match="outside"):
        embedding_files.check("files", "/etc")
    form = {"detector": "probe", "embeddings": "files", "embeddings_dir": "/x"}
    assert score_form.arguments(form)["embeddings"] == "files"


def test_a_folder_of_cleared_scores_is_not_continued(filed, tmp_path):
    """Else a face whose score was cleared would have its old vector again."""
    names, whose = fields.ScoreFields("cleared"), "c" * 64
    row = [filed.first().id], np.ones((1, 8), np.float32)
    first = embedding_files.writer(filed, names, whose, 8, "files", None)
    first.add(*row)
    first.close()
    assert embedding_files.writer(filed, names, whose, 8, "auto", None).folder == first.folder
    embedding_files.forget(filed, names.embedding)
    second = embedding_files.writer(filed, names, whose, 8, "files", None)
    assert second.folder.name == f"{first.folder.name}-2"
    assert stored_vectors.read(filed.view(), names.embedding).ids == []
    embedding_files.forget(filed, names.embedding)
    with pytest.raises(ForensicsError, match="do not belong") as caught:
        embedding_files.writer(filed, names, whose, 8, "files", first.folder)
    assert caught.value.field == "embeddings_dir"


def test_a_folder_that_another_process_has_noted_is_taken(filed, tmp_path):
    from fiftyone.core.odm import get_db_conn

    names, elsewhere = fields.ScoreFields("shared"), str(tmp_path / "noted")
    note = {f"info.{fields.INFO_KEY}.embedding_files.{names.embedding}": elsewhere}
    get_db_conn().datasets.update_one({"_id": filed._doc.id}, {"$set": note})
    found = embedding_files.writer(filed, names, "c" * 64, 8, "auto", None)
    assert str(found.folder) == elsewhere
    embedding_files.forget(filed, names.embedding)


def test_a_copy_scores_on_in_a_folder_of_its_own(filed, operators, fiftyone_db):
    theirs = fields.describe(filed)["embedding_files"][FILED.embedding]
    before = {path.name: path.stat().st_size for path in Path(theirs).iterdir()}
    copy = filed.clone()
    try:
        face = copy.first()
        for name in (FILED.p_fake, FILED.label):
            face[name] = None
        face.save()
        operators("score_faces")(copy, detector="probe", key="filed")
        assert fields.describe(copy)["embedding_files"][FILED.embedding] != theirs
        assert len(stored_vectors.read(copy.view(), FILED.embedding).ids) == len(copy)
        assert {path.name: path.stat().st_size for path in Path(theirs).iterdir()} == before
        assert fields.describe(filed)["embedding_files"][FILED.embedding] == theirs
    finally:
        fiftyone_db.delete_dataset(copy.name)


def test_a_new_checkpoint_under_the_key_forgets_the_files(filed, operators, tmp_path):
    import torch
    from media_forensics.detector.model.checkpoints import load_detector, save_detector

    model = load_detector(filed.get_run_info(FILED.run).config.detector, device="cpu")
    with torch.no_grad():
        model.head.bias += 1
    save_detector(model, tmp_path / "other")
    few = filed.limit(3)
    score = operators("score_faces")
    score(few, detector=str(tmp_path / "other"), key="filed", overwrite=True)
    assert not embedding_files.are_noted(filed, FILED.embedding)
    assert filed.match(F(FILED.embedding) != None).values("id") == few.values("id")  # noqa: E711
    assert len(stored_vectors.read(filed.view(), FILED.embedding).ids) == 3
