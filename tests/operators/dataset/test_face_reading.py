"""The grouped read says the same as FiftyOne's own columns, gaps and all."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.operators.dataset import face_reading

pytestmark = pytest.mark.fiftyone
SHARED = {"video": "video_id", "label": "ground_truth.label", "method": "method"}
OWN = {"p": "det_p_fake", "frame": "frame_number", "track": "track"}


@pytest.fixture
def faces(fiftyone_db):
    fo = fiftyone_db
    rng = np.random.default_rng(3)
    dataset = fo.Dataset()
    samples = []
    for i in range(300):
        sample = fo.Sample(f"/nowhere/{i}.png", track=int(rng.integers(0, 2)))
        if i % 7:
            sample["video_id"] = f"v{rng.integers(0, 9)}"
        if i % 5:
            sample["ground_truth"] = fo.Classification(label="real" if i % 2 else "fake")
        if i % 3:
            sample["det_p_fake"] = float(rng.random())
        if i % 4:
            sample["frame_number"] = int(rng.integers(1, 3 * face_reading.PART))
        sample["method"] = None if i % 11 == 0 else f"m{i % 3}"
        samples.append(sample)
    dataset.add_samples([samples[i] for i in rng.permutation(len(samples))])
    # a field that is not there at all, not only None, as another tool may leave it
    dataset._sample_collection.update_many({"track": 1}, {"$unset": {"det_p_fake": ""}})
    yield dataset
    dataset.delete()


def test_each_value_belongs_to_its_face(faces):
    got = face_reading.read(faces, SHARED, OWN)
    names = ["id", *SHARED.values(), *OWN.values()]
    wanted = sorted(zip(*faces.values(names), strict=True))
    assert got.ids == [row[0] for row in wanted]
    for place, name in enumerate(SHARED, 1):
        assert [got.shared[name][g] for g in got.group] == [row[place] for row in wanted]
    for place, name in enumerate(OWN, 1 + len(SHARED)):
        column = np.array([np.nan if row[place] is None else row[place] for row in wanted], float)
        np.testing.assert_array_equal(got.own[name], column)


def test_a_view_and_an_empty_one(faces):
    part = faces.match({"method": "m1"})
    got = face_reading.read(part, SHARED, OWN)
    assert got.ids == sorted(part.values("id"))
    nothing = face_reading.read(faces.match({"method": "none such"}), SHARED, OWN)
    assert nothing.ids == [] and len(nothing.own["p"]) == 0


def test_a_group_of_any_size_is_sent_in_parts(faces):
    part = face_reading._part(faces)
    keys = list(faces._aggregate(pipeline=[{"$project": {"part": part, "frame_number": 1}}]))
    for key in keys:
        if isinstance(key["part"], float):
            assert key["part"] == key["frame_number"] // face_reading.PART
        else:
            assert str(key["_id"]).startswith(key["part"]) and len(key["part"]) == 21
