"""Maps, index and neighbours for FiftyOne's panels, from the stored embeddings of real faces."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.detector.errors import ForensicsError

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]


def columns(view, *names):
    return [np.array(c) for c in view.values(list(names))]


def test_maps_index_and_neighbours_come_from_the_stored_embeddings(demo_dataset, operators):
    result = operators("map_embeddings")(demo_dataset, key="probe")
    assert result["runs"] == ["probe_pca", "probe_axis", "probe_similarity"]
    vectors = np.stack(demo_dataset.values("probe_embedding")).astype(float)
    label, group, split = columns(demo_dataset, "ground_truth.label", "group_id", "split")
    config = demo_dataset.get_run_info("scores_probe").config
    weight = np.array(config.head_weight)
    axis = (weight[1] - weight[0]) / np.linalg.norm(weight[1] - weight[0])
    shown = demo_dataset.load_brain_results("probe_axis")
    order = {i: n for n, i in enumerate(shown.sample_ids)}
    rows = [order[i] for i in demo_dataset.values("id")]
    assert np.allclose(shown.points[rows][:, 0], vectors @ axis, atol=1e-5)
    query = demo_dataset.first()
    nearest = demo_dataset.sort_by_similarity(query.id, k=3, brain_key="probe_similarity")
    best = np.argsort(-(vectors @ vectors[0]), kind="stable")[:3]
    assert set(nearest.values("id")) == {demo_dataset.values("id")[i] for i in best}
    cosine = vectors @ vectors[split == "train"].T
    cosine[group[:, None] == group[split == "train"][None]] = -2
    top = np.argsort(-cosine, axis=1)[:, :10]
    share = np.mean((label[split == "train"] == "fake")[top], axis=1)
    assert np.allclose(demo_dataset.values("probe_knn_fake"), share, atol=1e-6)
    reals = vectors[label == "real"]
    pairs = [np.sum((a - b) ** 2) for i, a in enumerate(reals) for b in reals[i + 1 :]]
    found = result["geometry"]["groups"]["real/original"]
    assert found["alignment"] == pytest.approx(np.mean(pairs), rel=1e-4)
    mean = reals.mean(axis=0) / np.linalg.norm(reals.mean(axis=0))
    assert found["degrees_to_fake_axis"] == pytest.approx(np.degrees(np.arccos(mean @ axis)))
    for name in result["runs"]:
        demo_dataset.delete_brain_run(name)
    for name in result["fields"]:
        demo_dataset.delete_sample_field(name)
    with pytest.raises(ForensicsError, match="no part"):
        operators("map_embeddings")(demo_dataset, key="probe", parts=["odd"])


@pytest.mark.long("half a minute")
def test_umap_keeps_neighbours_and_is_the_same_twice(demo_dataset, operators):
    pytest.importorskip("umap")
    make = operators("map_embeddings")
    lost = demo_dataset.first()
    vector = lost.probe_embedding
    lost["probe_embedding"] = np.full_like(vector, np.nan)
    lost.save()
    try:
        result = make(demo_dataset, key="probe", parts=["umap", "similarity"])
        assert result["runs"] == ["probe_umap", "probe_similarity"]
        assert result["without_embedding"] == 1 and result["faces"] == len(demo_dataset) - 1
        shown = demo_dataset.load_brain_results("probe_umap")
        points = shown.points
        assert lost.id not in set(shown.sample_ids) and np.isfinite(points).all()
        assert points.shape == (len(demo_dataset) - 1, 2)
        assert (shown.config.method, shown.config.metric) == ("umap", "cosine")
        index = demo_dataset.load_brain_results("probe_similarity")
        assert index.total_index_size == len(demo_dataset) - 1
    finally:
        lost["probe_embedding"] = vector
        lost.save()
    # Oracle: of the 10 nearest by cosine more lie among the 30 nearest on the map than by chance.
    vectors = np.stack(
        demo_dataset.select(list(shown.sample_ids), ordered=True).values("probe_embedding")
    )
    cosine = vectors @ vectors.T
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(cosine, -2)
    np.fill_diagonal(distance, np.inf)
    near = np.argsort(-cosine, axis=1)[:, :10]
    drawn = np.argsort(distance, axis=1)[:, :30]
    kept = np.mean([len(set(a) & set(b)) for a, b in zip(near, drawn, strict=True)]) / 10
    assert kept > 1.5 * 30 / (len(vectors) - 1)
    by_video = demo_dataset.group_by("video_id", order_by="frame_number")
    make(by_video, key="probe", parts=["umap"])
    again = demo_dataset.load_brain_results("probe_umap")
    assert len(again.points) == len(demo_dataset)  # every face behind the tiles, replacing the old
    make(demo_dataset, key="probe", parts=["umap"])
    demo_dataset.clear_cache()
    assert np.array_equal(demo_dataset.load_brain_results("probe_umap").points, again.points)
    for words, view, parts in (
        ("needs 4 faces", demo_dataset.limit(3), ["umap"]),
        ("needs 2 faces", demo_dataset.limit(1), ["pca"]),
    ):
        with pytest.raises(ForensicsError, match=words):
            make(view, key="probe", parts=parts)
    few = make(demo_dataset.limit(4), key="probe", parts=["umap"])
    assert few["faces"] == 4 and len(demo_dataset.load_brain_results("probe_umap").points) == 4
    for name in demo_dataset.list_brain_runs():
        demo_dataset.delete_brain_run(name)
