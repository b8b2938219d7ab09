"""Queues that need more than scores, on a real database: ranks, tags, views, what is missing."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.detector.embeddings.neighbours import nearest
from media_forensics.detector.errors import Cancelled, ForensicsError
from media_forensics.operators.review.find_hard_examples import DEFAULT, run
from media_forensics.operators.review.queue_columns import untuned_key

pytestmark = pytest.mark.fiftyone


@pytest.fixture(scope="module")
def made(faces_of):
    return faces_of(1600, embeddings=16)


def test_queues_over_embeddings_are_written(made):
    dataset = made.dataset
    names = ["label_issue", "knn_disagreement", "atypical", "diverse"]
    steps = []
    done = run(
        dataset,
        key="det",
        queues=names,
        limit=30,
        per_video=1,
        progress=lambda d, t, text: steps.append((d, t)),
    )
    assert steps[0] == (0, 4) and steps[-1] == (4, 4)
    for name in names:
        view = dataset.load_saved_view(f"hard_det_{name}")
        assert view.values(f"det_rank_{name}") == list(range(1, done[name]["faces"] + 1))
        assert set(view.values("id")) == set(dataset.match_tags(f"hard:{name}").values("id"))
        assert all(vector is not None for vector in view.values("det_embedding"))
    first = dataset.load_saved_view("hard_det_atypical").first()
    there = np.flatnonzero(np.isfinite(made.table["p_fake"]))
    groups = made.table["group_id"][there].tolist()
    found = nearest(made.vectors[there], made.vectors[there], 10, groups, groups)
    worst = there[np.argmin(found.cosine[:, -1])]
    assert dataset.values("id")[worst] == first.id


def test_leaks_need_an_untuned_embedding(made, fiftyone_db):
    dataset = made.dataset
    assert untuned_key(dataset) is None
    with pytest.raises(ForensicsError, match="untuned") as caught:
        run(dataset, key="det", queues=["leak"])
    assert caught.value.field == "generic"
    config = dataset.init_run(method="media_forensics/training", config={"tune": "head"})
    dataset.register_run("training_det", config)
    assert untuned_key(dataset) == "det"
    done = run(dataset, key="det", queues=["leak"], per_video=8, limit=2000)
    there = np.flatnonzero(np.isfinite(made.table["p_fake"]))
    split = made.table["split"][there]
    cosine = made.vectors[there] @ made.vectors[there].T
    cosine[split[:, None] == split[None, :]] = -1
    assert done["leak"]["faces"] == int((cosine.max(axis=1) >= 0.95).sum())
    dataset.delete_run("training_det")


def test_a_second_detector_is_asked_for(made, fiftyone_db):
    with pytest.raises(ForensicsError) as caught:
        run(made.dataset, key="det", queues=["disagreement"])
    assert caught.value.field == "other"
    ids, scores = made.dataset.values(["id", "det_p_fake"])
    made.dataset.add_sample_field("second_p_fake", fiftyone_db.FloatField)
    other = {i: None if s is None else 1 - s for i, s in zip(ids, scores, strict=True)}
    made.dataset.set_values("second_p_fake", other, key_field="id")
    done = run(made.dataset, key="det", queues=["disagreement"], other="second", limit=9)
    assert done["disagreement"]["faces"] == 9
    for a, b in zip(
        *made.dataset.load_saved_view("hard_det_disagreement").values(
            ["det_p_fake", "second_p_fake"]
        ),
        strict=True,
    ):
        assert (a >= 0.5) != (b >= 0.5)


def test_scores_alone_fill_the_default_queues_and_a_stop_keeps_them(faces_of):
    made = faces_of(800, seed=4)  # no embeddings
    calls = iter([False, False, True])
    with pytest.raises(Cancelled):
        run(made.dataset, key="det", should_stop=lambda: next(calls))
    assert made.dataset.list_saved_views() == ["hard_det_false_positive", "hard_det_false_negative"]
    done = run(made.dataset, key="det")
    assert set(done) == set(DEFAULT)
    assert done["group_leak"]["faces"] > 0  # the table's splits are drawn per video
    made.dataset.delete_sample_field("det_embedding")
    with pytest.raises(ForensicsError, match="without embeddings"):
        run(made.dataset, key="det", queues=["atypical"])
