"""Queues along time and over embeddings, against loops and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.detector.audit.columns import FaceColumns, coded
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.metrics import ranks
from media_forensics.detector.queues import by_embedding, by_time
from media_forensics.detector.queues.by_score import (
    disagreement,
    false_positives,
    fragile,
    group_leaks,
)
from media_forensics.detector.queues.catalogue import CATALOGUE
from sklearn.neighbors import NearestNeighbors


def table(count: int = 400, seed: int = 0, **columns) -> FaceColumns:
    """Videos of 8 faces, two videos a group; every second video is fake."""
    rng = np.random.default_rng(seed)
    video = np.arange(count) // 8
    label = video % 2
    made = {
        "p_fake": np.clip(0.3 + 0.4 * label + rng.normal(0, 0.15, count), 0, 1),
        "label": label,
        "video_id": np.array([f"v{v:03d}" for v in video]),
        "method": np.where(label == 1, "swap", "original"),
        "pair_id": np.array([f"v{v - 1:03d}" if v % 2 else "" for v in video]),
        "frame_number": np.arange(count) % 8,
        "track": np.zeros(count, int),
        "group_id": np.array([f"g{v // 2}" for v in video]),
        "source_dataset": np.where(video % 3 == 0, "a", "b"),
        "split": np.array([("train", "val", "test")[(v // 2) % 3] for v in video]),
    }
    made |= columns
    names = ("method", "source_dataset", "split")
    named = ("embedding", "generic", "changes", "changed_margins")
    vectors = {n: made[n] for n in named if n in made}
    other = {n: made[n] for n in ("other_p_fake",) if n in made}
    return FaceColumns(
        ids=[f"{i:024x}" for i in range(count)],
        label=made["label"],
        p_fake=made["p_fake"],
        video=coded(made["video_id"]),
        track=made["track"],
        group=coded(made["group_id"]),
        reason=coded([None] * count),
        texts={name: coded(made[name]) for name in names},
        numbers=other,
        pair=coded(made["pair_id"]),
        frame_number=made["frame_number"].astype(float),
        vectors=vectors,
        margin=made.get("margin"),
    )


def unit(rng, count: int, size: int) -> np.ndarray:
    vectors = rng.normal(size=(count, size))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def clustered(faces: FaceColumns, size: int = 12, seed: int = 1, noise: float = 0.25) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centre = unit(rng, 2, size)
    vectors = centre[faces.label] + rng.normal(0, noise, (len(faces.label), size))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


# -- along time ----------------------------------------------------------------------------------


def test_unsteady_persons_come_by_their_spread():
    faces = table()
    faces.p_fake[:8] = [0.1, 0.1, 0.1, 0.95, 0.1, 0.1, 0.1, 0.1]
    faces.p_fake[8:16] = 0.7  # steady
    order = by_time.unsteady(faces, 0.5)
    spread = {}
    for v in range(50):
        scores = faces.p_fake[8 * v : 8 * v + 8]
        if scores.std() >= by_time.LEAST_SPREAD:
            far = int(np.argmax(abs(scores - np.median(scores))))
            spread[8 * v + far] = scores.std()
    assert order.tolist() == sorted(spread, key=lambda i: -spread[i])
    assert 3 in order and not set(order) & set(range(8, 16))


def test_two_persons_of_a_video_are_apart():
    faces = table(16)
    faces.track[:] = np.arange(16) % 2
    faces.p_fake[:] = np.where(faces.track == 1, 0.9, 0.1)  # each is steady
    assert by_time.unsteady(faces, 0.5).size == 0


def test_change_points_are_where_the_level_changes():
    faces = table(24)
    faces.p_fake[:8] = [0.1, 0.12, 0.1, 0.11, 0.9, 0.88, 0.9, 0.9]
    faces.p_fake[8:16] = [0.1, 0.9, 0.1, 0.9, 0.1, 0.9, 0.1, 0.9]  # no level
    faces.p_fake[16:24] = [0.55, 0.6, 0.55, 0.6, 0.95, 0.95, 0.94, 0.95]  # on one side of 0.5
    order = np.random.default_rng(0).permutation(24)  # frames need not come in order
    shuffled = faces.take(order)
    found = by_time.change_points(shuffled, 0.5)
    assert order[found].tolist() == [4]
    assert order[by_time.change_points(shuffled, 0.7)].tolist() == [4, 20]


def test_a_change_is_the_best_split_of_all():
    rng = np.random.default_rng(3)
    for _ in range(200):
        scores = rng.uniform(0, 1, rng.integers(3, 20))
        best, least = None, np.inf
        for at in range(3, len(scores) - 2):
            rest = scores[:at].var() * at + scores[at:].var() * (len(scores) - at)
            if rest < least - 1e-12:
                best, least = at, rest
        found = by_time.change_point(scores)
        if found is not None:
            assert found == best
            assert abs(scores[:best].mean() - scores[best:].mean()) >= by_time.LEAST_CHANGE
    assert by_time.change_point(np.array([0.1] * 9 + [0.8] * 4)) == 9
    assert by_time.change_point(np.full(20, 0.4)) is None


def test_noise_without_a_change_is_rarely_called_one():
    rng = np.random.default_rng(4)
    calls = [by_time.change_point(rng.beta(2, 5, 16)) is not None for _ in range(2000)]
    assert np.mean(calls) < 0.03


def saturated(margin: np.ndarray) -> FaceColumns:
    return table(len(margin), p_fake=ranks.sigmoid(margin), margin=margin)


@pytest.mark.parametrize("sign", [-1, 1])
def test_changes_over_time_are_seen_where_logits_saturate(sign):
    rng = np.random.default_rng(9)
    margin = sign * (45 + rng.normal(0, 0.1, 400))
    margin[8:12] -= 3  # v001 stays higher from its fifth face on
    margin[24:32] += [0, 0, 5, 0, 0, 0, 0, 0]
    margin[40:48] += [0, 0, 0, 0, 0, 2, 0, 0]
    faces = saturated(margin)
    assert np.ptp(faces.p_fake) < 1e-15
    assert set(by_time.unsteady(faces, 0.5)) >= {26, 45}
    assert by_time.unsteady(faces, 0.5).tolist().index(26) < 3
    assert by_time.change_points(faces, 0.5).tolist() == [12]


def test_changes_over_time_are_divided_to_fit_wide_margins():
    margin = np.where(np.arange(400) // 8 % 2, 21.0, -21.0)
    margin[8:12] = -3.5  # p_fake 0.03, then 1
    margin[24:32] = [21, 21, 21, 7, 21, 21, 21, 21]  # p_fake 0.999 among 1
    margin[56:60] = 7  # no call changes
    faces = saturated(margin)
    assert by_time.change_points(faces, 0.5).tolist() == [12]
    assert by_time.unsteady(faces, 0.5)[0] in range(8, 16)
    assert set(by_time.unsteady(faces, 0.5)) <= {*range(8, 16), 27, *range(56, 64)}


def test_ordinary_margins_change_nothing():
    faces = table(margin=None)
    margin = ranks.logit(np.clip(faces.p_fake, 0.003, 0.997))
    plain, marked = table(p_fake=ranks.sigmoid(margin)), saturated(margin)
    for queue in (by_time.unsteady, by_time.change_points):
        assert queue(plain, 0.5).tolist() == queue(marked, 0.5).tolist()


# -- scores and splits ---------------------------------------------------------------------------


def test_false_positives_come_in_turn_from_each_dataset():
    faces = table()
    order = false_positives(faces, 0.3)
    reals = (faces.label == 0) & (faces.p_fake >= 0.3)
    assert set(order) == set(np.flatnonzero(reals))
    source = faces.texts["source_dataset"].texts()
    assert set(source[order[:2]]) == {"a", "b"}
    for name in "ab":
        scores = faces.p_fake[order[source[order] == name]]
        assert (np.diff(scores) <= 0).all()


def test_detectors_disagree_at_the_threshold():
    other = np.array([0.1, 0.9, 0.5, np.nan] * 100)
    faces = table(other_p_fake=other)
    order = disagreement(faces, 0.5)
    want = [
        i
        for i in range(400)
        if other[i] == other[i] and (faces.p_fake[i] >= 0.5) != (other[i] >= 0.5)
    ]
    assert sorted(order) == want
    assert (np.diff(np.abs(faces.p_fake - other)[order]) <= 0).all()


def test_fragile_faces_flip_under_most_corruptions_first():
    rng = np.random.default_rng(8)
    changes = rng.normal(0, 0.2, (400, 3))
    changes[rng.random((400, 3)) < 0.2] = np.nan
    faces = table(changes=changes)
    rows = []
    for i in range(400):
        flips = [
            abs(c)
            for c in changes[i]
            if c == c and (faces.p_fake[i] + c >= 0.5) != (faces.p_fake[i] >= 0.5)
        ]
        if flips:
            rows.append((-len(flips), -max(flips), i))
    assert fragile(faces, 0.5).tolist() == [i for *_, i in sorted(rows)]


def test_flips_to_saturated_scores_are_ordered_by_margin():
    margin = np.full(40, 30.0)
    margin[:4] = [-1, -1, -1, -1]
    under = np.column_stack([margin, margin])
    under[:4, 0] = [40, 60, 50, -1]
    p_fake = ranks.sigmoid(margin)
    changes = ranks.sigmoid(under) - p_fake[:, None]
    faces = table(40, p_fake=p_fake, margin=margin, changes=changes, changed_margins=under)
    assert fragile(faces, 0.5).tolist() == [1, 2, 0]
    under[1, 0] = np.nan  # an older version stored none: by p_fake, which is equal
    assert fragile(faces, 0.5).tolist() == [0, 1, 2]


def test_groups_in_two_splits_are_found():
    split = table().texts["split"].texts()
    split[8:16] = "test"  # the fake of group g0, whose real is in train
    split[40:48] = ""  # unknown is no leak
    faces = table(split=split)
    assert set(group_leaks(faces, 0.5)) == set(range(16))
    assert set(split[group_leaks(faces, 0.5)[:2]]) == {"train", "test"}


# -- embeddings ----------------------------------------------------------------------------------


def test_neighbours_of_the_own_group_do_not_count():
    faces = table()
    vectors = clustered(faces)
    vectors[32:40] = vectors[8:9]  # a real video that lies on a fake one
    vectors[32:40] += np.random.default_rng(0).normal(0, 1e-3, (8, 12))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    faces = table(embedding=vectors)
    got = set(by_embedding.knn_disagreement(faces, 0.5))
    want = set()
    for i in range(400):
        others = np.flatnonzero(faces.group.codes != faces.group.codes[i])
        near = others[np.argsort(-(vectors[others] @ vectors[i]), kind="stable")[:10]]
        if (faces.label[near] != faces.label[i]).mean() > 0.5:
            want.add(i)
    assert got == want and set(range(32, 40)) <= got


def test_atypical_is_the_distance_to_the_tenth_neighbour():
    rng = np.random.default_rng(2)
    vectors = unit(rng, 120, 6)
    faces = table(120, embedding=vectors, group_id=np.array([f"g{i}" for i in range(120)]))
    distance, _ = NearestNeighbors(n_neighbors=11, metric="cosine").fit(vectors).kneighbors(vectors)
    order = by_embedding.atypical(faces, 0.5)
    assert np.allclose(distance[order, 10], np.sort(distance[:, 10])[::-1], atol=1e-5)


def test_label_issues_are_found_by_a_head_that_never_saw_the_group():
    clean = table(800)
    vectors = clustered(clean)
    label = clean.label.copy()
    wrong = np.zeros(800, bool)
    wrong[:16] = True  # a whole group: a head that saw it would have learnt it by heart
    label[wrong] = 1 - label[wrong]
    faces = table(800, label=label, embedding=vectors)
    order = by_embedding.label_issues(faces, 0.5)
    assert set(order) == set(range(16))
    rows, margin = by_embedding.out_of_fold(faces)
    assert len(rows) == 800 and np.isfinite(margin).all()
    assert np.mean((margin[16:] >= 0) == (label[16:] == 1)) > 0.99
    one = table(80, label=np.zeros(80, int), embedding=vectors[:80])
    with pytest.raises(ForensicsError, match="two independent groups"):
        by_embedding.label_issues(one, 0.5)


def test_duplicates_across_groups_and_splits():
    rng = np.random.default_rng(5)
    vectors = unit(rng, 400, 64)
    vectors[200] = vectors[0]  # v025 (g12, train) and v000 (g0, train)
    vectors[320] = vectors[16]  # v040 (g20, test) and v002 (g1, val)
    vectors[1] = vectors[2]  # one video: no duplicate worth naming
    faces = table(generic=vectors)
    split = faces.texts["split"].codes
    assert split[200] == split[0] and split[320] != split[16]
    assert set(by_embedding.near_duplicates(faces, 0.5)) == {0, 200, 16, 320}
    assert set(by_embedding.leaks(faces, 0.5)) == {16, 320}


def test_the_diverse_set_is_far_apart_capped_and_paired():
    rng = np.random.default_rng(6)
    vectors = unit(rng, 400, 8)
    faces = table(embedding=vectors)
    order = by_embedding.diverse(faces, 0.5)
    hard = np.argsort(-np.where(faces.label == 1, 1 - faces.p_fake, faces.p_fake))[:1]
    assert order[0] == hard[0]
    place = {i: n for n, i in enumerate(order.tolist())}
    scene = np.where(faces.paired_video >= 0, faces.paired_video, faces.video.codes)
    key = lambda i: (scene[i], faces.frame_number[i])  # noqa: E731
    by_scene = {}
    for i in range(400):
        by_scene.setdefault(key(i), []).append(i)
    for i in order:
        assert all(j in place for j in by_scene[key(i)])


def test_k_centre_takes_the_farthest_each_time():
    rng = np.random.default_rng(7)
    vectors = unit(rng, 60, 3)
    groups = np.repeat(np.arange(20), 3)
    chosen = by_embedding.k_centre(vectors, groups, 5, 25, 2)
    have = [5]
    for _ in range(24):
        free = [
            i for i in range(60) if i not in have and sum(groups[j] == groups[i] for j in have) < 2
        ]
        distance = [min(1 - vectors[i] @ vectors[j] for j in have) for i in free]
        have.append(free[int(np.argmax(distance))])
    assert chosen.tolist() == have
    assert len(by_embedding.k_centre(vectors, groups, 0, 1000, 2)) == 40


def test_faces_without_a_vector_are_in_no_queue():
    vectors = clustered(table())
    vectors[::7] = np.nan
    score = table().p_fake
    score[::5] = np.nan
    faces = table(
        p_fake=score,
        embedding=vectors,
        generic=vectors,
        other_p_fake=1 - score,
        changes=np.zeros((400, 2)),
    )
    for queue in CATALOGUE.values():
        order = queue.rank(faces, 0.5)
        assert len(set(order.tolist())) == len(order)
        if {"embedding", "generic"} & set(queue.needs) and queue.name != "diverse":
            assert np.isfinite(vectors[order, 0]).all()
    empty = np.full((400, 4), np.nan, np.float32)
    none = table(embedding=empty, generic=empty)
    for name in ("knn_disagreement", "atypical", "near_duplicate", "leak", "diverse"):
        assert CATALOGUE[name].rank(none, 0.5).size == 0
