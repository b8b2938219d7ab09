"""Vectors and scores in FiftyOne's own form: what one side writes the other reads."""

from __future__ import annotations

import numpy as np
import pytest
from fiftyone import ViewField as F
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.records import Reason
from media_forensics.detector.scoring.scores import Scores
from media_forensics.operators.dataset import fields
from media_forensics.operators.dataset.video_scores import declare
from media_forensics.operators.embeddings import stored_vectors, vector_format
from media_forensics.operators.scoring.score_writer import ScoreWriter

pytestmark = pytest.mark.fiftyone


@pytest.fixture
def faces(fiftyone_db):
    """A dataset of 6 samples without any score."""
    dataset = fiftyone_db.Dataset()
    dataset.add_samples([fiftyone_db.Sample(f"/nowhere/{i}.png", group=f"g{i}") for i in range(6)])
    yield dataset
    dataset.delete()


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "<f2"])
def test_both_ways_with_fiftyones_own(faces, fiftyone_db, dtype):
    from fiftyone.core.utils import deserialize_numpy_array, serialize_numpy_array

    vector = np.random.default_rng(0).normal(size=37).astype(dtype)
    back = deserialize_numpy_array(vector_format.packed(vector))
    assert back.dtype == vector.dtype and np.array_equal(back, vector)
    assert np.array_equal(vector_format.unpacked(serialize_numpy_array(vector)), vector)
    assert np.array_equal(vector_format.unpacked(vector.tolist()), vector.astype(np.float32))


def test_reading_gives_unit_vectors_in_order_and_counts_the_rest(faces, fiftyone_db):
    ids = faces.values("id")
    stored = [
        np.array([3.0, 4.0], np.float32),
        None,
        np.array([0.0, 2.0]),
        np.array([np.nan, 1.0], np.float32),
        np.array([0.0, 0.0], np.float32),
        np.array([-1.0, 0.0], np.float16),
    ]
    faces.add_sample_field("v", fiftyone_db.VectorField)
    faces.set_values("v", dict(zip(ids, stored, strict=True)), key_field="id")
    faces.set_values("label", [fiftyone_db.Classification(label=f"c{i}") for i in range(6)])
    found = stored_vectors.read(faces.view(), "v", ["group", "label.label", "absent.field"])
    assert found.ids == [ids[0], ids[2], ids[5]] and found.not_finite == 2
    assert np.allclose(found.vectors, [[0.6, 0.8], [0, 1], [-1, 0]])
    assert found.vectors.dtype == np.float32
    assert found.columns == {
        "group": ["g0", "g2", "g5"],
        "label.label": ["c0", "c2", "c5"],
        "absent.field": [None] * 3,
    }
    small = stored_vectors.read(faces.match(F("group") == "g2"), "v", most_single=1)
    assert small.ids == [ids[2]] and small.vectors.dtype == np.float16
    assert len(stored_vectors.read(faces.limit(0), "v").ids) == 0
    faces.set_values("v", {ids[1]: np.ones(3)}, key_field="id")
    with pytest.raises(ForensicsError, match="different lengths"):
        stored_vectors.read(faces.view(), "v")


def test_the_writer_writes_what_fiftyone_would(faces, fiftyone_db):
    names = fields.ScoreFields("det")
    declare(faces, names)
    ids = faces.values("id")
    before = faces.values("last_modified_at")
    third = np.log(3)  # of which 0.75 is the probability
    logits = np.array([[0.0, third], [third, 0.0], [np.nan, np.nan]], np.float32)
    vectors = np.eye(3, 8, dtype=np.float32)
    scores = Scores(
        np.array([0.75, 0.25, np.nan], np.float32),
        logits,
        logits[:, 1] - logits[:, 0],
        np.array([10, 20, np.nan], np.float32),
        vectors,
        (None, None, Reason.UNREADABLE_IMAGE),
    )
    writer = ScoreWriter(faces, names)
    held = faces[ids[0]]
    writer.add(ids[:3], scores)
    assert (writer.scored, writer.done, dict(writer.reasons)) == (2, 3, {"unreadable_image": 1})
    assert faces.count(names.p_fake) == 0  # fewer than a chunk wait
    writer.flush()
    assert held[names.p_fake] == pytest.approx(0.75)  # a sample in memory follows
    first, second, *others = faces.values(names.p_fake)
    assert (first, second) == pytest.approx((0.75, 0.25)) and others == [None] * 4
    assert faces.values(names.reason)[:3] == [None, None, "unreadable_image"]
    assert np.allclose(faces.values(names.margin)[:2], [third, -third])
    label, expected = faces.first()[names.label], fields.classification(first, logits[0])
    assert (label.label, label.confidence) == (expected.label, expected.confidence)
    assert np.array_equal(label.logits, expected.logits)
    assert set(label.to_dict()) == set(expected.to_dict())
    assert np.array_equal(faces.values(names.embedding)[1], vectors[1])
    now = faces.values("last_modified_at")
    assert [a < b for a, b in zip(before, now, strict=True)] == [True] * 3 + [False] * 3
    assert len(faces.match(F(f"{names.label}.label") == "fake")) == 1
