"""A view by marks is as small for many samples as for few, and nobody makes large ones by ids."""

from __future__ import annotations

import ast
from datetime import datetime, timezone
from pathlib import Path

import bson
import fiftyone as fo
import pytest
from media_forensics.operators.dataset import (
    dataset_changes,
    faces_dataset,
    fields,
    marked_views,
    saved_views,
    stored_runs,
)

MANY = 20_000
pytestmark = pytest.mark.fiftyone
OPERATORS = Path(fields.__file__).parents[1]
#: Calls that name samples or values one by one, and why there are few of them.
FEW = {
    "dataset/marked_views.py": "the mechanism",
    "dataset/views.py": "match_in itself",
    "dataset/scored_items.py": "the two labels",
    "dataset/label_sync.py": "5000 videos at a time",
    "dataset/partners.py": "names of datasets",
    "dataset/dataset_changes.py": "records that a crash has left",
    "embeddings/stored_vectors.py": "part by part",
    "evaluation/evaluate_detector.py": "the two labels",
    "evaluation/scope.py": "at most MOST_NAMED groups",
    "evaluation/protocol_rows.py": "methods of a benchmark",
    "faces/contact_sheet.py": "part by part; the sample that is open",
    "faces/extraction_on_videos.py": "32 videos at a time",
    "faces/faces_writer.py": "32 videos at a time",
    "importing/import_views.py": "one value",
    "importing/import_target.py": "5000 videos at a time",
    "importing/import_writer.py": "10,000 samples at a time",
    "inspection/analyses_dataset.py": "one file",
    "inspection/comparable_material.py": "the datasets that one checkpoint has scored",
    "inspection/look_alikes.py": "two kinds of datasets",
    "inspection/explain_faces.py": "the videos of faces that a person has chosen",
    "panels/audit/tabs.py": "the two videos of a pair",
    "panels/grid.py": "two labels, or no value",
    "panels/person_scores.py": "one video",
    "panels/player/player.py": "one sample",
    "panels/review/cards.py": "the faces of a few cards and their videos",
    "panels/review/review.py": "one face",
    "panels/sphere/lookup.py": "what a person has ticked in the App",
    "panels/stored_heat.py": "one face",
    "panels/timeline/timeline.py": "one sample",
    "report/facts.py": "the examples of a report",
    "review/review_log.py": "the faces of one action",
    "scoring/scored_rows.py": "the first rows of a preview",
    "review/decisions.py": "names of decisions",
    "review/export_training_set.py": "names of decisions",
    "review/find_hard_examples.py": "part by part",
    "review/review_faces.py": "what a person has ticked in the App",
}
_ONE_BY_ONE = {"select", "select_by", "exclude", "exclude_by", "is_in", "match_in"}


@pytest.fixture
def many(fiftyone_db):
    """Faces of 10,000 videos, two each; their files are not there, nor looked at."""
    dataset = fo.Dataset()
    fields.declare_common_fields(dataset, faces=True)
    dataset.media_type = "image"
    one = fo.Sample("/none/0.png", ground_truth=fo.Classification(label="real"))
    plain = dataset._make_dict(one)  # add_samples takes a minute for as many
    own = {"created_at": datetime.now(timezone.utc), "last_modified_at": datetime.now(timezone.utc)}
    rows = [
        {
            **plain,
            **own,
            "_id": bson.ObjectId(),
            "filepath": f"/none/{i}.png",
            "video_id": f"a/very/long/name/of/a/video/{i // 2}",
            "frame_number": i % 2,
        }
        for i in range(MANY)
    ]
    dataset._sample_collection.insert_many(rows)
    yield dataset
    dataset.delete()


def marks_of(dataset) -> list[str]:
    """Every mark that some sample has."""
    return [mark for mark in dataset._sample_collection.distinct(marked_views.FIELD) if mark]


def stored_bytes(dataset, name: str) -> int:
    """Size of the saved view's document in the database."""
    about = {"_dataset_id": dataset._doc.id, "name": name}
    return len(bson.BSON.encode(dataset_changes.documents("views").find_one(about)))


def test_a_saved_views_document_does_not_grow_with_its_samples(many):
    ids = many.values("id")
    sizes = {}
    for count in (10, MANY):
        saved_views.save_chosen(many, "chosen", ids[:count], "some")
        assert many.load_saved_view("chosen").values("id") == ids[:count]
        sizes[count] = stored_bytes(many, "chosen")
    assert sizes[10] == sizes[MANY] < 1000
    assert len(marks_of(many)) == 1  # of the newest only
    odd = 'méthode "a#b" $x'
    saved_views.save_chosen(many, odd, ids[:3], "a name that JSON writes otherwise")
    assert len(many.load_saved_view(odd)) == 3
    saved_views.drop(many, odd)
    saved_views.drop(many, "chosen")
    assert not marks_of(many)


def test_one_face_of_each_video_is_a_small_view(many):
    faces_dataset.save_views(many, many)
    view = many.load_saved_view(faces_dataset.ONE_FACE)
    assert len(view) == len(set(view.values("video_id"))) == MANY // 2
    assert stored_bytes(many, faces_dataset.ONE_FACE) < 1000
    many.delete_samples(view.limit(5).values("id"))
    faces_dataset.renew_one_face(many)
    many.reload()
    assert len(many.load_saved_view(faces_dataset.ONE_FACE)) == MANY // 2


def test_a_large_view_that_somebody_gives_is_stored_small(many):
    some = many.select(many.values("id")[: MANY - 1])
    saved_views.save(many, "given", some, "by ids")
    stored_runs.put(some, "given", method="media_forensics/evaluation", key="k")
    assert stored_bytes(many, "given") < 1000
    for view in (many.load_saved_view("given"), many.load_run_view("given")):
        assert len(view) == MANY - 1
    record = dataset_changes.documents("runs").find_one({"_dataset_id": many._doc.id})
    assert len(bson.BSON.encode(record)) < 2000
    small = many.limit(5)
    assert marked_views.compact(small, "x") is small
    stored_runs.drop(many, "given")


def test_what_is_shown_keeps_to_the_view_and_is_forgotten(many):
    names = sorted(set(many.values("video_id")))
    few = marked_views.shown(many.match({"frame_number": 1}), names[:7], "video_id")
    assert len(few) == 7 and not many.has_field(marked_views.FIELD)
    more = [f"nothing/{i}" for i in range(marked_views.MOST_NAMED)]
    for count in range(marked_views.KEPT_SHOWN + 3):
        view = marked_views.shown(
            many.match({"frame_number": 1}), names[count:9] + more, "video_id"
        )
        assert len(view) == 9 - count if count < 9 else not len(view)
    assert len(marks_of(many)) <= marked_views.KEPT_SHOWN
    assert marked_views.columns(many, names, ["frame_number"], "video_id")[0].count(1) == MANY // 2


def test_marks_date_no_sample(many):
    before = many._max("last_modified_at")
    added = fo.Sample("/none/later.png", view_marks=None)
    view = marked_views.marked(many, "x", many.values("id"))
    assert len(view) == MANY
    assert many._max("last_modified_at") == before
    many.add_sample(added)  # after the field was made
    assert len(marked_views.marked(many, "y", [added.id])) == 1


def test_views_that_name_samples_are_made_in_known_places_only():
    found = set()
    for path in OPERATORS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            one_by_one = named and node.func.attr in _ONE_BY_ONE
            if one_by_one or (isinstance(node, ast.Constant) and node.value == "$in"):
                found.add(path.relative_to(OPERATORS).as_posix())
    assert not found - FEW.keys(), "use operators/dataset/marked_views.py, or say why there are few"
    assert not FEW.keys() - found, "these name nothing any more"
