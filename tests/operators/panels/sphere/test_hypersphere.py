"""The sphere's callbacks on a real database."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from media_forensics.detector.embeddings.sphere import fake_axis_projection
from media_forensics.operators.dataset import fields, marked_views
from media_forensics.operators.embeddings import sphere_picture, sphere_source
from media_forensics.operators.panels.sphere.hypersphere import Hypersphere

pytestmark = pytest.mark.fiftyone


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path))


@pytest.fixture(scope="module")
def faces(faces_of):
    return faces_of(1200, embeddings=16)


@pytest.fixture
def sphere(faces, client):
    driven = client(Hypersphere(), faces.dataset)
    driven.send("on_load")
    return driven


def forget():
    for name in ("_SPHERES", "_FIRST", "_THERE", "_EMBEDDINGS"):
        getattr(sphere_source, name).clear()


def drawn(faces) -> np.ndarray:
    """Rows of the table that have an embedding, in the order of the browser."""
    return np.flatnonzero(np.isfinite(faces.table["p_fake"]))


def array(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)


def test_positions_are_the_projection_on_the_stored_head(sphere, faces):
    raw = sphere.data["panel"]["sphere"]
    rows = drawn(faces)
    assert raw["n"] == len(rows)
    want = fake_axis_projection(faces.vectors[rows], faces.weight).xyz
    got = array(raw["xyz"], "<i2").reshape(-1, 3) / 32767
    assert np.abs(got - want).max() < 1e-4
    label = (faces.table["label"][rows] == "fake").astype(int)
    assert np.array_equal(array(raw["code"], "u1") & 3, label)
    assert sphere.data["panel"]["drawn"].startswith(
        f"{len(rows):,} faces are drawn. {1200 - len(rows)}"
    )
    assert not raw["partial"]
    assert "head's fake axis" in sphere.data["panel"]["note"]
    assert [row[0] for row in sphere.data["panel"]["words"]] == [
        "Concentration, real",
        "Concentration, fake",
        "Angle of the classes",
        "Alignment",
        "Uniformity",
    ]


def test_fields_to_colour_by_are_sent_when_asked_for(sphere, faces):
    rows = drawn(faces)
    names = sphere.data["panel"]["fields"]
    assert {"source_dataset", "method", "split", "glasses", "sharpness"} <= set(names)
    before = str(sphere.data)
    method = sphere.send("on_colour", name="method", n=len(rows))
    codes = array(method["codes"], "u1")
    assert [method["values"][c] for c in codes] == list(faces.table["method"][rows])
    glasses = sphere.send("on_colour", name="glasses", n=len(rows))
    worn = [glasses["values"][c] for c in array(glasses["codes"], "u1")]
    assert worn == ["yes" if v else "no" for v in faces.table["glasses"][rows]]
    sharp = sphere.send("on_colour", name="sharpness", n=len(rows))
    codes, values = array(sharp["codes"], "u1"), faces.table["sharpness"][rows]
    assert sharp["ordered"] and len(sharp["values"]) == 5
    assert all(values[codes == k].max() < values[codes == k + 1].min() for k in range(4))
    assert str(sphere.data) == before and sphere.ops == []
    sphere.send("on_colour", name="nothing", n=len(rows))
    assert "no field 'nothing'" in sphere.op("notify")["message"]


def test_a_click_shows_that_face(sphere, faces):
    row = drawn(faces)[17]
    sphere.send("on_pick", idx=[17])
    assert sphere.grid().values("id") == [faces.dataset.values("id")[row]]
    assert sphere.data["panel"]["shown"].startswith("Grid: 1 face ")


def test_the_clicked_face_is_played(sphere, faces):
    wanted = faces.dataset.values("id")[drawn(faces)[17]]
    assert sphere.send("on_play", idx=17) == {"sample": wanted}
    assert sphere.op("open_panel")["name"] == "player"


def test_a_lasso_shows_exactly_its_faces_and_says_how_many(sphere, faces):
    chosen = np.arange(5, 1100, 1)
    bits = np.zeros(sphere.data["panel"]["sphere"]["n"], np.uint8)
    bits[chosen] = 1
    sent = base64.b64encode(np.packbits(bits, bitorder="little").tobytes()).decode()
    sphere.send("on_pick", bits=sent)
    ids = np.array(faces.dataset.values("id"))[drawn(faces)[chosen]]
    assert set(sphere.grid().values("id")) == set(ids)
    assert "1,095 faces — inside the lasso" in sphere.data["panel"]["shown"]
    sphere.send("on_pick", idx=[4, 5], tool="box")
    assert "2 faces — inside the box" in sphere.data["panel"]["shown"]
    sphere.send("on_clear")
    assert sphere.data["panel"]["shown"] is None
    sphere.op("clear_view")


def test_the_selection_of_the_grid_lights_up_once(sphere, faces):
    rows = drawn(faces)
    ids = faces.dataset.values("id")
    sphere.selected = [ids[rows[3]], ids[rows[900]]]
    sphere.send("on_change_selected")
    assert sphere.data["panel"]["selected"] == [3, 900]
    state = dict(sphere.state["choice"])
    sphere.data["panel"]["selected"] = "untouched"
    sphere.send("on_change_selected")  # the App sends it again with nothing changed
    assert sphere.data["panel"]["selected"] == "untouched"
    assert sphere.state["choice"] == state
    sphere.selected = []
    sphere.send("on_change_selected")
    assert sphere.data["panel"]["selected"] == []


def test_hover_returns_a_card_and_changes_nothing(sphere, faces):
    before = str(sphere.data)
    row = drawn(faces)[40]
    card = sphere.send("on_hover", idx=40)
    assert card["filepath"] == faces.dataset[faces.dataset.values("id")[row]].filepath
    assert card["label"] == faces.table["label"][row]
    assert card["p_fake"] == f"{faces.table['p_fake'][row]:.3f}"
    assert str(sphere.data) == before and sphere.ops == []
    assert sphere.send("on_hover", idx=10**6) is None


def test_every_answer_names_the_event_that_it_answers(sphere):
    sphere.send("on_pick", idx=[17], rev=5)
    assert sphere.data["panel"]["rev"] == 5
    sphere.send("on_refresh", rev=6)
    assert sphere.data["panel"]["rev"] == 6


def test_its_video(sphere, faces):
    row = drawn(faces)[40]
    found = sphere.send("on_more", idx=40, what="video")
    view = sphere.grid()
    assert set(view.values("video_id")) == {faces.table["video_id"][row]}
    same = faces.table["video_id"][drawn(faces)] == faces.table["video_id"][row]
    assert found["idx"] == np.flatnonzero(same).tolist() and len(view) == same.sum()


def test_nearest_of_other_groups(sphere, faces):
    rows = drawn(faces)
    found = sphere.send("on_more", idx=40, what="near")["idx"]
    assert found[0] == 40 and len(found) == 25
    group = faces.table["group_id"][rows]
    cosine = faces.vectors[rows] @ faces.vectors[rows[40]]
    cosine[group == group[40]] = -2
    assert set(found[1:]) == set(np.argsort(-cosine)[:24].tolist())
    assert len(sphere.grid()) == 25


def test_events_do_not_carry_the_points(sphere):
    sphere.send("on_pick", idx=[1])
    assert sphere.sent < 1500 and sphere.received < 10_000
    sphere.send("on_hover", idx=2)
    assert sphere.sent < 1500 and sphere.received < 10_000


def test_projection_for_the_embeddings_panel(faces_of, client):
    made = faces_of(300, embeddings=8, seed=2)
    driven = client(Hypersphere(), made.dataset)
    driven.send("on_load")
    driven.send("on_register")
    driven.send("on_register")  # replaces the first
    results = made.dataset.load_brain_results("det_plane")
    assert results.points.shape == (np.isfinite(made.table["p_fake"]).sum(), 2)
    cosine = fake_axis_projection(made.vectors[drawn(made)], made.weight).xyz[:, 0]
    assert np.allclose(results.points[:, 0], -np.degrees(np.arccos(cosine)), atol=1e-3)


def test_without_a_head_the_class_means_anchor(faces_of, client):
    made = faces_of(200, embeddings=8, seed=3, head=False)
    driven = client(Hypersphere(), made.dataset)
    driven.send("on_load")
    assert "no head is stored" in driven.data["panel"]["note"]
    assert driven.data["panel"]["sphere"]["boundary"] is None


def test_large_projections_are_kept_and_read_again(faces_of, client, monkeypatch, tmp_path):
    made = faces_of(400, embeddings=8, seed=4)
    monkeypatch.setattr(sphere_picture, "WORTH_KEEPING", 100)
    first = client(Hypersphere(), made.dataset)
    first.send("on_load")
    kept = list((tmp_path / "projections").glob("*.npz"))
    assert len(kept) == 1
    forget()
    monkeypatch.setattr(sphere_source, "_read", None)  # must not be needed
    again = client(Hypersphere(), made.dataset)
    again.send("on_load")
    assert again.data == first.data
    monkeypatch.undo()
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path))
    monkeypatch.setattr(sphere_picture, "WORTH_KEEPING", 100)
    kept[0].write_bytes(b"not a file of numpy")
    forget()
    third = client(Hypersphere(), made.dataset)
    third.send("on_load")
    assert third.data == first.data


@pytest.fixture
def many(faces_of, client, monkeypatch):
    """900 faces that are many: a first picture of 60, the others after it."""
    monkeypatch.setattr(sphere_picture, "READ_AT_ONCE", 100)
    monkeypatch.setattr(sphere_picture, "FIRST", 60)
    monkeypatch.setattr(sphere_picture, "_BLOCK", 250)
    made = faces_of(900, embeddings=8, seed=5)
    driven = client(Hypersphere(), made.dataset)
    driven.send("on_load")
    return made, driven


def test_of_many_faces_some_come_first_and_none_moves(many):
    made, driven = many
    rows, data = drawn(made), driven.data["panel"]
    assert data["sphere"]["n"] == 60 and data["sphere"]["partial"]
    assert data["drawn"].startswith(f"60 of {len(rows)} faces are drawn")
    ids = np.array(made.dataset.values("id"))
    driven.send("on_pick", idx=[7, 59], n=60)
    before = driven.grid().values("id")
    card = driven.send("on_hover", idx=7, n=60)
    rest = driven.send("on_rest", n=60, key="det")
    assert rest["sphere"]["n"] == len(rows) - 60 and driven.ops == []
    assert rest["drawn"].startswith(f"{len(rows)} faces are drawn. {900 - len(rows)} of 900")
    assert "those of 60 faces" in rest["note"]
    driven.send("on_pick", idx=[7, 59], n=len(rows))  # a number means the same face as before
    assert driven.grid().values("id") == before
    assert driven.send("on_hover", idx=7, n=len(rows)) == card
    xyz = np.concatenate([array(p["xyz"], "<i2") for p in (data["sphere"], rest["sphere"])])
    xyz = xyz.reshape(-1, 3) / 32767
    order = []
    for start in range(0, len(rows), 100):  # which face each number means
        chosen = list(range(start, min(start + 100, len(rows))))
        driven.send("on_pick", idx=chosen, n=len(rows))
        order.append(set(driven.grid().values("id")))
    assert set().union(*order) == set(ids[rows]) and sum(map(len, order)) == len(rows)
    cosine = xyz[:, 0]
    axis = made.weight[1] - made.weight[0]
    want = {i: v @ axis / np.linalg.norm(axis) for i, v in zip(ids, made.vectors, strict=True)}
    for start, found in zip(range(0, len(rows), 100), order, strict=True):
        assert np.allclose(
            sorted(cosine[start : start + 100]), sorted(want[i] for i in found), atol=1e-4
        )
    assert driven.send("on_rest", n=60, key="other") is None
    assert np.allclose((xyz**2).sum(axis=1) <= 1.001, True)


def test_the_selection_of_the_grid_is_found_before_and_after_the_others_came(many):
    made, driven = many
    rows, ids = drawn(made), made.dataset.values("id")
    driven.selected = [ids[i] for i in rows]
    driven.send("on_change_selected")
    assert driven.data["panel"]["selected"] == list(range(60))
    assert driven.send("on_rest", n=60, key="det")["selected"] == list(range(len(rows)))


def test_its_video_and_its_neighbours_are_among_all_faces(many):
    made, driven = many
    rows = drawn(made)
    driven.send("on_pick", idx=[7], n=60)
    face = driven.grid().first()
    driven.send("on_more", idx=[7], n=60, what="video")
    same = made.table["video_id"][rows] == face["video_id"]
    assert len(driven.grid()) == same.sum()
    driven.send("on_more", idx=[7], n=60, what="near")
    cosine = made.vectors[rows] @ np.asarray(face["det_embedding"])
    cosine[made.table["group_id"][rows] == face["group_id"]] = -2
    want = set(np.array(made.dataset.values("id"))[rows][np.argsort(-cosine)[:24]])
    assert set(driven.grid().values("id")) == want | {face.id}


@pytest.mark.parametrize("rate", [None, 0.2])
def test_more_than_can_be_drawn_keeps_the_errors(rate, many, operators, monkeypatch):
    made, driven = many
    at = 0.5
    if rate:  # where a threshold is chosen, it decides what an error is
        told = {"target_fpr": rate, "level": "face", "method": "none"}
        at = operators("calibrate_threshold")(made.dataset, key="det", **told)["threshold"]
        assert at > 0.6
    monkeypatch.setattr(sphere_picture, "MOST_DRAWN", 500)
    rest = driven.send("on_rest", n=60, key="det")
    there = len(drawn(made))
    assert rest["sphere"]["n"] == 440
    assert rest["drawn"].startswith(f"500 of {there} faces are drawn: errors at {at:.3g} first")
    code = np.concatenate(
        [array(p["code"], "u1") for p in (driven.data["panel"]["sphere"], rest["sphere"])]
    )
    called = made.table["p_fake"] >= at
    fake = made.table["label"] == "fake"
    scored = np.isfinite(made.table["p_fake"])
    assert np.isin(code >> 2 & 7, (2, 3)).sum() == (scored & (called != fake)).sum()


def test_very_many_are_shown_by_a_mark(sphere, monkeypatch):
    monkeypatch.setattr(marked_views, "MOST_NAMED", 20)
    sphere.send("on_pick", idx=list(range(21)))
    (view,) = [params["view"] for name, params in sphere.ops if name == "set_view"]
    assert "Select" not in str(view) and marked_views.FIELD in str(view)
    assert len(sphere.grid()) == 21
    assert sphere.data["panel"]["shown"].startswith("Grid: 21 faces")


def test_prepared_pictures_are_whole_at_once(faces_of, client, monkeypatch, tmp_path):
    for name, value in (("READ_AT_ONCE", 100), ("FIRST", 60), ("WORTH_KEEPING", 100)):
        monkeypatch.setattr(sphere_picture, name, value)
    made = faces_of(400, embeddings=8, seed=9)
    sphere_source.prepare(made.dataset, "det")
    assert len(list((tmp_path / "projections").glob("*.npz"))) == 1
    forget()
    monkeypatch.setattr(sphere_source, "_read", None)  # must not be needed
    driven = client(Hypersphere(), made.dataset)
    driven.send("on_load")
    assert driven.data["panel"]["sphere"]["n"] == len(drawn(made))
    forget()
    monkeypatch.setattr(sphere_source, "SENT_AT_ONCE", 100)  # ready, but much to send
    driven.send("on_refresh")
    assert driven.data["panel"]["sphere"]["n"] == 60 and driven.data["panel"]["sphere"]["partial"]
    assert driven.send("on_rest", n=60, key="det")["sphere"]["n"] == len(drawn(made)) - 60


def test_the_umap_of_the_brain_run_is_shown_and_what_it_leaves_out_is_said(faces_of, client):
    from fiftyone.brain.visualization import UMAPVisualizationConfig, VisualizationResults

    made = faces_of(120, embeddings=8, seed=13)
    rows = drawn(made)
    driven = client(Hypersphere(), made.dataset)
    driven.send("on_load")
    assert driven.data["panel"]["umap"] is False
    driven.send("on_umap", n=len(rows))
    assert "Map embeddings" in driven.op("notify")["message"]
    there = made.dataset.exists("det_embedding").limit(100)
    points = np.random.default_rng(0).normal(size=(100, 2))  # UMAP itself takes long to load
    config = UMAPVisualizationConfig(metric="cosine")
    config.build().register_run(there, "det_umap")
    results = VisualizationResults(there, config, "det_umap", points)
    config.build().save_run_results(there, "det_umap", results)
    driven.send("on_refresh")
    assert driven.data["panel"]["umap"] is True
    found = driven.send("on_umap", n=len(rows))
    assert (
        "mean nothing" in found["words"] and f"{len(rows) - 100} faces were not" in found["words"]
    )
    got = array(found["xy"], "<i2").reshape(-1, 2) / 32767
    half = np.ptp(points, axis=0).max() / 2
    want = (points - (points.min(axis=0) + points.max(axis=0)) / 2) / half
    assert np.abs(got[:100] - want).max() < 1e-4 and (got[100:] < -1).all()


def test_empty_states_say_what_to_do(fiftyone_db, faces_of, client):
    fo = fiftyone_db
    made = faces_of(60, seed=6)  # scores, but no embeddings
    driven = client(Hypersphere(), made.dataset)
    driven.send("on_load")
    assert "Fewer than two faces" in driven.state["empty"]["message"]
    made.dataset.delete_sample_field("det_embedding")
    driven.send("on_refresh")
    assert "without embeddings" in driven.state["empty"]["message"]
    assert {"why", "score", "again"} <= set(driven.schema["type"]["properties"])
    driven.send("on_pick", idx=[0])
    assert driven.op("notify")["variant"] == "warning"
    driven.selected = ["0" * 24]
    driven.send("on_change_selected")
    plain = fo.Dataset()
    driven = client(Hypersphere(), plain)
    driven.send("on_load")
    assert "Score faces" in driven.state["empty"]["hint"]
    fo.delete_dataset(plain.name)


def test_mixed_lengths_are_named(faces_of, client):
    made = faces_of(60, embeddings=8, seed=7)
    first = made.dataset.match({"det_embedding": {"$ne": None}}).first()
    first["det_embedding"] = np.ones(5, np.float32)
    first.save()
    driven = client(Hypersphere(), made.dataset)
    driven.send("on_load")
    assert "different lengths: [5, 8]" in driven.state["empty"]["message"]


def test_from_the_video_dataset(fiftyone_db, faces_of, client):
    fo = fiftyone_db
    made = faces_of(160, embeddings=8, seed=8)
    videos = fo.Dataset()
    fields.declare_common_fields(videos)
    ids = sorted(set(made.table["video_id"]))
    videos.add_samples(
        [fo.Sample(f"/nowhere/{i}.mp4", video_id=v) for i, v in enumerate(ids)], progress=False
    )
    fields.set_description(videos, kind="videos", faces_dataset=made.dataset.name)
    fields.set_description(made.dataset, video_dataset=videos.name)
    driven = client(Hypersphere(), videos)
    driven.send("on_load")
    driven.send("on_pick", idx=[0, 1, 30])
    names = made.table["video_id"][drawn(made)[[0, 1, 30]]]
    assert set(driven.grid().values("video_id")) == set(names)
    driven.selected = [videos.match({"video_id": ids[2]}).first().id]
    driven.send("on_change_selected")
    same = made.table["video_id"][drawn(made)] == ids[2]
    assert driven.data["panel"]["selected"] == np.flatnonzero(same).tolist()
    driven.send("on_register")
    assert "Open" in driven.op("notify")["message"]
    fo.delete_dataset(videos.name)


def test_two_detectors_side_by_side(faces_of, client, fiftyone_db):
    """Before and after a tuning run: each sphere has its own, a pick lights up in the other."""
    fo = fiftyone_db
    made = faces_of(240, embeddings=8, seed=12)
    rows = drawn(made)
    ids = np.array(made.dataset.values("id"))
    made.dataset.add_sample_field("tuned_p_fake", fo.FloatField)
    made.dataset.add_sample_field("tuned_embedding", fo.VectorField)
    some = rows[10:]  # the other detector has not scored all
    turned = {ids[i]: made.vectors[i][::-1].copy() for i in some}
    made.dataset.set_values("tuned_embedding", turned, key_field="id")
    scores = {ids[i]: float(made.table["p_fake"][i]) for i in some}
    made.dataset.set_values("tuned_p_fake", scores, key_field="id")
    driven = client(Hypersphere(), made.dataset)
    driven.send("on_load")
    driven.send("on_set", name="key", value="det")
    assert set(driven.schema["type"]["properties"]) == {"panel"}
    driven.send("on_set", name="other", value="tuned")
    views = driven.schema["type"]["properties"]
    assert [views[name]["view"]["side"] for name in ("panel", "second")] == [1, 2]
    assert driven.data["panel"]["sphere"]["n"] == len(rows)
    assert driven.data["second"]["sphere"]["n"] == len(some)
    driven.send("on_pick", idx=[3, 40], side=1)
    assert set(driven.grid().values("id")) == set(ids[rows[[3, 40]]])
    assert driven.data["second"]["selected"] == [30] and driven.data["panel"]["selected"] == []
    driven.send("on_pick", idx=[0], side=2, rev=4)
    assert driven.grid().values("id") == [ids[some[0]]]
    assert driven.data["panel"]["selected"] == [10] and driven.data["second"]["rev"] == 4
    assert driven.send("on_hover", idx=0, side=2)["filepath"] == made.dataset[ids[some[0]]].filepath
    assert driven.sent < 1500
    driven.selected = [ids[some[5]]]
    driven.send("on_change_selected")
    assert (driven.data["panel"]["selected"], driven.data["second"]["selected"]) == ([15], [5])
    driven.send("on_clear")
    assert driven.data["panel"]["selected"] == driven.data["second"]["selected"] == []
    driven.send("on_set", name="other", value="")
    assert set(driven.schema["type"]["properties"]) == {"panel"}
