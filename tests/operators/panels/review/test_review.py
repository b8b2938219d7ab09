"""The review's panel on a real database: lists, decisions, reviewers, and what goes wrong."""

from __future__ import annotations

import base64
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from media_forensics.operators.dataset import fields
from media_forensics.operators.panels.review.review import GONE, NO_QUEUE, ReviewPanel
from media_forensics.operators.review import (
    decisions,
    find_hard_examples,
    opinions,
    record_rules,
    review_log,
)

pytestmark = pytest.mark.fiftyone
QUEUE = "det_rank_high_loss"
STORED = {"turned": [], "was": [], "why": ""}


@pytest.fixture(scope="module")
def filled(faces_of, fiftyone_db):
    made = faces_of(240, seed=3)
    dataset = made.dataset
    rows = zip(*dataset.values(["id", "video_id", "group_id", "ground_truth.label"]), strict=True)
    rows = list(rows)
    real_of = {row[2]: row[1] for row in rows if row[3] == "real"}
    pairs = {row[0]: real_of.get(row[2]) for row in rows if row[3] == "fake"}
    dataset.set_values("pair_id", pairs, key_field="id")
    find_hard_examples.run(dataset, key="det", limit=30, per_video=8)
    return made


@pytest.fixture
def faces(filled, fiftyone_db):
    clone = filled.dataset.clone()
    yield clone
    fiftyone_db.delete_dataset(clone.name)


@pytest.fixture
def desk(faces, client):
    """A panel that is open, and one that a second person has open."""

    def make():
        driven = client(ReviewPanel(), faces)
        driven.send("on_load")
        return driven

    return make


def entry(what: str, face: str | None = None, mark: str = "", **more) -> dict:
    return {"mark": mark or f"{what}-{face}", "what": what, "face": face, **more}


def decide(panel, opened, *entries, want=()):
    about = {name: opened[name] for name in ("dataset", "reviewer", "key")}
    return panel.send("on_decide", entries=list(entries), want=list(want), **about)


def test_a_queue_comes_in_its_order_with_the_cards_of_the_first(desk, faces):
    panel = desk()
    assert panel.data["panel"]["dataset"] == str(faces._doc.id) and not panel.state["empty"]
    opened = panel.send("on_open", queue=QUEUE, reviewer="ada")
    ranked = faces.match({QUEUE: {"$ne": None}}).sort_by(QUEUE)
    assert opened["ids"] == ranked.values("id")
    assert (opened["listed"], opened["faces"], opened["decided"]) == (30, 30, 0)
    assert [card["id"] for card in opened["cards"]] == opened["ids"][:9]
    first, card = ranked.first(), opened["cards"][0]
    assert (card["path"], card["label"]) == (first.filepath, first.ground_truth.label)
    assert (card["score"], card["frame"]) == (first.det_p_fake, first.frame_number)
    assert ("High loss", 1) in [(name, rank) for name, rank, _ in card["why"]]
    person = faces.match({"video_id": first.video_id, "track": first.track})
    scored = [f for f, p in zip(*person.values(["frame_number", "det_p_fake"]), strict=True) if p]
    assert [frame for frame, _ in card["person"]] == sorted(scored)
    assert opened["notice"] == "" and opened["threshold"] == 0.5
    assert panel.send("on_open", queue="gone")["asked"]["queue"] == opened["queues"][0][0]


def test_the_pair_is_the_other_side_at_the_nearest_frame(desk, faces):
    panel = desk()
    cards = panel.send("on_cards", want=faces.values("id")[:50], key="det")["cards"]
    pairs = {card["id"]: card["pair"] for card in cards if card["pair"]}
    assert len(pairs) > 10
    sides = set()
    for face, pair in pairs.items():
        sample = faces[face]
        other = faces.match({"filepath": pair["path"]}).first()
        sides.add(sample.ground_truth.label)
        assert sample.video_id in (other.pair_id, None) or other.video_id == sample.pair_id
        assert pair["same"] is (other.frame_number == sample.frame_number)
        assert pair["same"]  # every synthetic video has the same frames
    assert sides == {"real", "fake"}


@pytest.mark.parametrize("order", ["near", "high", "low", "video"])
def test_orders(desk, faces, order):
    opened = desk().send("on_open", queue="all", order=order, truth="fake", show="every")
    rows = {i: row for i, *row in zip(*faces.values(["id", *KNOWN]), strict=True)}
    found = [rows[i] for i in opened["ids"]]
    assert len(found) == len(faces.match({"ground_truth.label": "fake"}))
    p = np.array([np.nan if row[0] is None else row[0] for row in found])
    value = {"near": abs(p - 0.5), "high": -p, "low": p}.get(order)
    if value is None:
        assert found == sorted(found, key=lambda row: (row[1], row[2]))
    else:
        lost = np.isnan(value)
        assert (np.diff(value[~lost]) >= 0).all() and not lost[: (~lost).sum()].any()


KNOWN = ("det_p_fake", "video_id", "frame_number")


def test_every_decision_is_one_small_request_that_brings_the_next_card(desk, faces):
    panel = desk()
    opened = panel.send("on_open", queue=QUEUE, reviewer="ada")
    ids = opened["ids"]
    for number, action in enumerate([*decisions.DECISIONS, "keep", "drop"]):
        answer = decide(panel, opened, entry(action, ids[number]), want=ids[9 + number :][:1])
        assert [card["id"] for card in answer["cards"]] == [ids[9 + number]]
        face = ids[number]
        assert answer["done"] == [{"mark": f"{action}-{face}", "face": face, **STORED}]
        assert panel.sent < 2500 and panel.received < 12_000
    records = review_log.read(faces)
    assert [record.action for record in records] == [*decisions.DECISIONS, "keep", "drop"]
    assert {(r.reviewer, r.detector, len(r.faces)) for r in records} == {("ada", "det", 1)}
    assert list(records[0].p_fake) == faces.select(ids[0]).values("det_p_fake")


def test_undo_and_redo_name_their_face_and_what_is_said_of_it(desk, faces):
    panel = desk()
    opened = panel.send("on_open", queue=QUEUE, reviewer="ada")
    first, second = opened["ids"][:2]
    decide(panel, opened, entry("wrong_label", first), entry("note", second, note="look again"))
    decide(panel, opened, entry("unusable", second))
    back = decide(panel, opened, entry("undo", mark="u1"), entry("undo", mark="u2"))
    assert [row["turned"] for row in back["done"]] == [[second], [second]]
    assert [row["was"] for row in back["done"]] == [["unusable"], [""]]
    assert back["said"] == {second: {}} and back["cards"][0]["own"]["note"] is None
    again = decide(panel, opened, entry("redo", mark="r1"), entry("redo", mark="r2"))
    assert again["said"][second] == {"ada": "unusable"}
    assert again["cards"][0]["own"]["note"] == "look again"
    none = decide(panel, opened, entry("redo", mark="r3"))
    assert "no review action to redo" in none["done"][0]["why"]
    lost = decide(panel, opened, entry("undo", mark="u2"))  # its answer had been lost
    assert lost["done"] == [{**back["done"][1]}]  # so that its face is shown
    assert faces[second].review == "unusable"


def test_two_reviewers_do_not_see_each_other_until_both_have_decided(desk, faces):
    ada, bob = desk(), desk()
    one = ada.send("on_open", queue=QUEUE, reviewer="ada")
    decide(ada, one, *[entry("confirm_label", i, f"a{i}") for i in one["ids"][:20]])
    two = bob.send("on_open", queue=QUEUE, reviewer="bob")
    assert two["ids"] == one["ids"] and two["decided"] == 0
    said = ["confirm_label"] * 15 + ["wrong_label"] * 5
    rows = zip(said, one["ids"], strict=False)
    decide(bob, two, *[entry(what, i, f"b{i}") for what, i in rows])
    for name, count in (("open", 10), ("new", 10), ("mine", 20), ("conflicts", 5), ("every", 30)):
        found = ada.send("on_open", queue=QUEUE, reviewer="ada", show=name)
        assert found["listed"] == count, name
        assert found["conflicts"] == 5 and found["decided"] == 20
    table = ada.send("on_agreement")
    (row,) = table["rows"]
    assert (row["who"], row["faces"], row["equal"]) == ("ada and bob", 20, 0.75)
    assert row["kappa"] == pytest.approx(0) and (table["conflicts"], table["settled"]) == (5, 0)
    differ = ada.send("on_open", queue="all", show="conflicts", reviewer="ada")
    decide(ada, differ, entry("wrong_label", differ["ids"][0], "x", resolves=True))
    found = opinions.opinions_of(faces)
    assert found.settled == {differ["ids"][0]: "wrong_label"}
    assert len(found.conflicts()) == 4 and len(found.by("ada")) == 20


def test_a_renamed_dataset_keeps_every_decision_and_a_deleted_one_says_so(desk, faces):
    panel = desk()
    opened = panel.send("on_open", queue=QUEUE, reviewer="ada")
    before = faces.name
    faces.name = f"{before}-renamed"
    panel.dataset = type("Stale", (), {"name": before})
    decide(panel, opened, entry("unusable", opened["ids"][0]))
    assert faces[opened["ids"][0]].review == "unusable"
    answer = panel.send("on_cards", want=opened["ids"], key="det", dataset="0" * 24)
    assert "was deleted" in answer["refused"]["message"]


def test_a_face_that_is_gone_is_said_and_the_rest_is_stored(desk, faces):
    panel = desk()
    opened = panel.send("on_open", queue=QUEUE, reviewer="ada")
    first, second = opened["ids"][:2]
    faces.delete_samples([first])
    answer = decide(panel, opened, entry("unusable", first), entry("unusable", second))
    assert [row["why"] for row in answer["done"]] == [GONE, ""]
    assert answer["said"] == {first: {}}  # so that the browser counts it no more
    assert faces[second].review == "unusable"
    cards = panel.send("on_cards", want=[first, second], key="det", dataset=opened["dataset"])
    assert [card["id"] for card in cards["cards"]] == [second]


def test_what_cannot_be_stored_now_is_left_to_be_sent_again(desk, faces, monkeypatch):
    """The lease of the review is held by another process for longer than one waits."""
    from media_forensics.operators.dataset import dataset_changes

    panel = desk()
    opened = panel.send("on_open", queue=QUEUE, reviewer="ada")
    first, second = opened["ids"][:2]
    monkeypatch.setattr(dataset_changes, "WAIT_SECONDS", 0.1)
    with dataset_changes.alone(faces, "review faces"):
        answer = decide(panel, opened, entry("unusable", first), entry("unusable", second))
    assert answer["done"] == [] and "already working" in answer["busy"]
    answer = decide(panel, opened, entry("unusable", first), entry("unusable", second))
    assert len(answer["done"]) == 2 and faces[first].review == "unusable"


@pytest.mark.parametrize("wrong", [{"note": "\ud800"}, {"face": "\ud800"}, {"note": {"a": 1}}])
def test_what_can_never_be_stored_is_refused_and_not_sent_again(desk, faces, wrong):
    opened = desk().send("on_open", queue=QUEUE, reviewer="ada")
    first, second = opened["ids"][:2]
    bad = ReviewPanel._one(faces, entry("unusable", first, "m") | wrong, "det", "ada")
    assert bad["why"]
    answer = decide(desk(), opened, entry("unusable", second))
    assert not answer["done"][0]["why"] and faces[second].review == "unusable"


def test_an_error_that_is_not_the_decisions_fault_loses_none(desk, faces, monkeypatch):
    """What was stored is answered, the rest comes again; cards may fail alone."""
    from media_forensics.operators.panels.review import cards

    panel = desk()
    opened = panel.send("on_open", queue=QUEUE, reviewer="ada")
    first, second = opened["ids"][:2]

    def broken(*_, **__):
        raise ValueError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(cards, "cards_of", broken)
        answer = decide(panel, opened, entry("unusable", first), want=[first])
        assert len(answer["done"]) == 1 and answer["cards"] is None
        patch.setattr(review_log, "append", broken)
        answer = decide(panel, opened, entry("unusable", first), entry("unusable", second))
    assert [row["face"] for row in answer["done"]] == [first] and "cut off" in answer["busy"]
    answer = decide(panel, opened, entry("unusable", second, ago=3_600_000))
    assert len(answer["done"]) == 1 and faces[second].review == "unusable"
    one, two = review_log.read(faces)
    apart = record_rules.moment(one.time) - record_rules.moment(two.time)
    assert 3500 < apart.total_seconds() < 3700  # when it was decided, not when it was stored


def test_decisions_on_a_dataset_of_another_database_are_left_to_the_browser(desk, faces):
    panel = desk()
    opened = panel.send("on_open", queue=QUEUE, reviewer="ada")
    answer = decide(panel, opened | {"dataset": "0" * 24}, entry("unusable", opened["ids"][0]))
    assert (answer["absent"], answer["done"]) == (True, [])


def test_what_others_say_beside_the_label_is_apart_from_ones_own(desk, faces):
    panel = desk()
    opened = panel.send("on_open", queue=QUEUE, reviewer="ada")
    face = opened["ids"][0]
    decisions.act(faces.select(face), "note", "odd", "bob")
    decisions.act(faces.select(face), "keep", reviewer="carl")
    answer = decide(panel, opened, entry("drop", face), want=[face])
    assert answer["cards"][0]["stands"] == {"keep": False, "note": "odd"}
    assert answer["cards"][0]["own"] == {"keep": False, "note": None}
    answer = decide(panel, opened, entry("undo", mark="u"), want=[face])
    assert answer["cards"][0]["stands"] == {"keep": True, "note": "odd"}
    assert answer["cards"][0]["own"] == {"keep": None, "note": None}


def test_without_queues_it_shows_all_faces_and_says_what_ranks_them(faces_of, client):
    dataset = faces_of(40).dataset
    panel = client(ReviewPanel(), dataset)
    panel.send("on_load")
    opened = panel.send("on_open")
    assert opened["notice"] == NO_QUEUE and opened["asked"]["queue"] == "grid"
    assert [name for name, _ in opened["queues"]] == ["grid", "all"]
    panel.view = dataset.match({"ground_truth.label": "fake"})
    seen = panel.send("on_open", queue="grid")
    assert seen["ids"] == panel.view.values("id")
    panel.send("on_queues")
    assert panel.op("prompt_user_for_operation")["operator_uri"].endswith("find_hard_examples")


def test_without_scores_and_without_faces_it_says_what_to_do(fiftyone_db, client):
    dataset = fiftyone_db.Dataset()
    fields.declare_common_fields(dataset, faces=True)
    fields.set_description(dataset, kind="faces")
    panel = client(ReviewPanel(), dataset)
    panel.send("on_load")
    assert "Score faces" in panel.state["empty"]["hint"]
    bad = panel.send("on_open", show="nothing")
    assert "refused" in bad
    fiftyone_db.delete_dataset(dataset.name)


def test_a_wrong_filter_is_refused_in_words(desk):
    bad = desk().send("on_open", show="nothing")["refused"]
    assert "`show` cannot be 'nothing'" in bad["message"] and "conflicts" in bad["hint"]


def test_the_frame_is_the_one_that_extraction_decoded(desk, faces, footage):
    from media_forensics.detector.frames import read_frames

    clip = next(path for name, path in sorted(footage.items()) if name.endswith(".mp4"))
    first, second, third = faces.values("id")[:3]
    for name, value in (("video_path", str(clip)), ("frame_number", 3)):
        faces.set_values(name, {first: value}, key_field="id")
    faces.set_values("video_path", {second: "/nowhere/clip.mp4"}, key_field="id")
    panel = desk()
    frames = {f["id"]: f for f in panel.send("on_frames", want=[first, second, third])["frames"]}
    assert "clip.mp4 is not there" in frames[second]["why"]
    assert "came without their videos" in frames[third]["why"]
    image = picture(frames[first]["uri"])
    _, want = next(read_frames(clip, [2]))
    assert image.shape[1] == min(960, want.shape[1])
    small = np.asarray(image, float)[:: image.shape[0] // 20, :: image.shape[1] // 20]
    rows = np.linspace(0, want.shape[0] - 1, image.shape[0]).astype(int)
    shrunk = want[rows][:, np.linspace(0, want.shape[1] - 1, image.shape[1]).astype(int)]
    shrunk = shrunk[:: image.shape[0] // 20, :: image.shape[1] // 20]
    assert np.abs(small - shrunk).mean() < 12


def picture(uri: str) -> np.ndarray:
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_a_heatmap_comes_when_it_is_asked_for(desk, faces, fiftyone_db):
    fo = fiftyone_db
    faces.add_sample_field("det_gradient", fo.EmbeddedDocumentField, embedded_doc_type=fo.Heatmap)
    values = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    face, bare = faces.values("id")[:2]
    faces.set_values("det_gradient", {face: fo.Heatmap(map=values, range=[0, 255])}, key_field="id")
    panel = desk()
    cards = panel.send("on_cards", want=[face, bare], key="det")["cards"]
    assert [card["heat"] for card in cards] == ["det_gradient", ""]
    heat = panel.send("on_heat", face=face, name="det_gradient")
    sent = np.frombuffer(base64.b64decode(heat["values"]), np.uint8)
    assert np.array_equal(sent.reshape(heat["rows"], heat["columns"]), values)
    assert (
        "no heatmap" in panel.send("on_heat", face=bare, name="det_gradient")["refused"]["message"]
    )


def test_the_page_that_the_help_links_to_is_there():
    root = Path(__file__).resolve().parents[4]
    assert (root / "docs" / ReviewPanel.page).is_file()


def test_what_is_sent_twice_at_once_is_stored_once(desk, faces):
    one, two = desk(), desk()
    opened = one.send("on_open", queue=QUEUE, reviewer="ada")
    ids = opened["ids"]
    for turn in range(6):
        sent = [entry("wrong_label", ids[3 * turn + n], f"{turn}-{n}") for n in range(3)]
        sent.append(entry("undo", mark=f"{turn}-undo"))
        with ThreadPoolExecutor(2) as both:
            list(both.map(lambda p, sent=sent: decide(p, opened, *sent), (one, two)))
        marks = Counter(record.mark for record in review_log.read(faces))
        assert set(marks.values()) == {1}, marks
        kept = {i for t in range(turn + 1) for i in ids[3 * t : 3 * t + 2]}
        assert opinions.opinions_of(faces).by("ada").keys() == kept
