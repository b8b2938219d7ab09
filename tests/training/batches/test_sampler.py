from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from media_forensics.detector.errors import ForensicsError
from media_forensics.training.batches.sampler import epoch_batches, indices, rank_share
from media_forensics.training.config import TrainConfig
from media_forensics.training.manifest import ManifestRow


def rows_of(reals: int, fakes_each: int, frames: int, methods: int = 2) -> list[ManifestRow]:
    rows = []
    for real in range(reals):
        for frame in range(frames):
            rows.append(ManifestRow("", 0, f"r{real}", frame, group_id=f"g{real}"))
            for fake in range(fakes_each):
                rows.append(
                    ManifestRow(
                        "",
                        1,
                        f"f{real}-{fake}",
                        frame,
                        pair_id=f"r{real}",
                        method=f"m{fake % methods}",
                    )
                )
    return rows


def flat(batches):
    return [i for batch in batches for i in indices(batch)]


@settings(max_examples=60, deadline=None)
@given(
    reals=st.integers(1, 6),
    fakes=st.integers(0, 3),
    frames=st.integers(1, 4),
    batch=st.integers(4, 40),
    paired=st.booleans(),
    seed=st.integers(0, 5),
    ranks=st.integers(1, 3),
)
def test_each_row_once_in_even_batches(reals, fakes, frames, batch, paired, seed, ranks):
    rows = rows_of(reals, fakes, frames)
    config = TrainConfig(sampling="paired" if paired else "shuffle", batch_size=batch, seed=seed)
    batches = epoch_batches(rows, config, 3)
    assert sorted(flat(batches)) == list(range(len(rows)))
    sizes = [len(indices(b)) for b in batches]
    assert max(sizes) <= batch
    if not paired:
        assert max(sizes) - min(sizes) <= 1
        assert len(batches) == -(-len(rows) // batch)
    for one in batches:
        shares = [rank_share(one, r, ranks) for r in range(ranks)]
        assert [u for share in shares for u in share] == one
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    if paired:
        for one in batches:
            for unit in one:
                assert len({(rows[i].scene, rows[i].frame_number) for i in unit}) == 1
                assert len(unit) == 1 + fakes
                assert rows[unit[0]].label == 0


def test_deterministic_and_different_each_epoch():
    rows = rows_of(5, 2, 3)
    config = TrainConfig(batch_size=16)
    assert epoch_batches(rows, config, 1) == epoch_batches(rows, config, 1)
    assert epoch_batches(rows, config, 1) != epoch_batches(rows, config, 2)
    assert epoch_batches(rows, config, 1) != epoch_batches(rows, config.changed(seed=9), 1)


def test_order_is_uniform():
    """Each row is equally often in the first half of an epoch."""
    rows = rows_of(4, 1, 2)
    config = TrainConfig(batch_size=8)
    first = Counter(i for e in range(400) for i in indices(epoch_batches(rows, config, e)[0]))
    assert all(140 < first[i] < 260 for i in range(len(rows)))


def test_a_unit_larger_than_the_batch_is_refused():
    with pytest.raises(ForensicsError, match="5 crops"):
        epoch_batches(rows_of(2, 4, 1), TrainConfig(sampling="paired", batch_size=4), 0)


@pytest.mark.parametrize("sampling", ["balanced", "balanced_methods"])
def test_balanced_batches(sampling):
    rows = rows_of(6, 3, 4, methods=2)  # method m0 has twice as many rows as m1
    config = TrainConfig(sampling=sampling, batch_size=32)
    drawn = Counter()
    for epoch in range(40):
        batches = epoch_batches(rows, config, epoch)
        assert len(flat(batches)) == pytest.approx(len(rows), abs=2)
        for batch in batches:
            labels = [rows[i].label for i in indices(batch)]
            assert abs(np.mean(labels) - 0.5) < 0.1
        drawn.update(rows[i].method for i in flat(batches) if rows[i].label == 1)
        # sampled evenly: no real is drawn twice more often than another
        reals = Counter(i for i in flat(batches) if rows[i].label == 0)
        assert max(reals.values()) - min(reals.values()) <= 1
    wanted = 1.0 if sampling == "balanced_methods" else 2.0
    assert drawn["m0"] / drawn["m1"] == pytest.approx(wanted, rel=0.05)


def test_weights_are_expected_counts_with_a_cap():
    rows = [ManifestRow("", i % 2, f"v{i}", 0, weight=1.0) for i in range(20)]
    rows[3] = ManifestRow("", 1, "v3", 0, weight=3.0)
    rows[4] = ManifestRow("", 0, "v4", 0, weight=0.0)
    rows[5] = ManifestRow("", 1, "v5", 0, weight=1000.0)
    config = TrainConfig(use_weights=True, weight_cap=2.0, batch_size=10)
    weights = np.array([r.weight for r in rows])
    weights = np.minimum(weights, 2.0 * weights.mean())
    expected = weights * len(rows) / weights.sum()
    counts = np.zeros(len(rows))
    epochs = 300
    for epoch in range(epochs):
        drawn = Counter(flat(epoch_batches(rows, config, epoch)))
        assert sum(drawn.values()) == len(rows)
        for i in range(len(rows)):
            assert np.floor(expected[i] - 1e-9) <= drawn[i] <= np.ceil(expected[i] + 1e-9)
            counts[i] += drawn[i]
    np.testing.assert_allclose(counts / epochs, expected, atol=0.12)
    with pytest.raises(ForensicsError, match="All weights are 0"):
        epoch_batches([ManifestRow("", 0, "a", 0, weight=0.0)] * 2, config, 0)


def test_copies_of_a_heavy_row_are_spread_over_the_epoch():
    rows = [ManifestRow("", 0, f"v{i}", 0, weight=1.0) for i in range(30)]
    rows[0] = ManifestRow("", 0, "v0", 0, weight=30.0)
    config = TrainConfig(use_weights=True, weight_cap=100.0, batch_size=5)
    for epoch in range(5):
        with_it = [0 in indices(b) for b in epoch_batches(rows, config, epoch)]
        assert sum(with_it) >= 4  # of six: by chance 15 copies could sit in three


def test_frames_per_video_are_fresh_and_the_same_for_a_pair():
    rows = rows_of(3, 2, 8)
    config = TrainConfig(frames_per_video=2, sampling="paired", batch_size=6)
    seen = set()
    for epoch in range(20):
        drawn = flat(epoch_batches(rows, config, epoch))
        per_video = Counter(rows[i].video_id for i in drawn)
        assert set(per_video.values()) == {2}
        for real in range(3):
            frames = [
                tuple(sorted(rows[i].frame_number for i in drawn if rows[i].video_id == video))
                for video in (f"r{real}", f"f{real}-0", f"f{real}-1")
            ]
            assert len(set(frames)) == 1
            seen.add((real, frames[0]))
    assert len(seen) > 20


def test_fewer_frames_than_asked_are_all_used():
    rows = rows_of(2, 1, 3)
    config = TrainConfig(frames_per_video=10, batch_size=4)
    assert sorted(flat(epoch_batches(rows, config, 0))) == list(range(len(rows)))


@pytest.mark.parametrize("seed", range(3))
def test_batches_of_pairs_are_as_full_as_asked(seed):
    """Some reals have one fake, some five: 25 to 27 of 32 would be another batch size."""
    rows = []
    for real in range(120):
        rows += [ManifestRow("", 0, f"r{real}", 0)]
        rows += [
            ManifestRow("", 1, f"f{real}_{n}", 0, pair_id=f"r{real}") for n in range(1 + real % 5)
        ]
    config = TrainConfig(sampling="paired", batch_size=32, seed=seed)
    for epoch in range(3):
        batches = epoch_batches(rows, config, epoch)
        sizes = [len(indices(batch)) for batch in batches]
        assert sorted(flat(batches)) == list(range(len(rows)))
        assert len(batches) <= len(rows) // 32 + 1, sizes
        assert max(sizes) <= 32 and min(sizes) >= 28, sizes


def test_a_fake_is_batched_with_the_person_that_it_manipulates():
    rows = []
    for frame in range(3):
        for track, name in enumerate(("left", "right")):
            rows.append(ManifestRow("", 0, "real", frame, track, shown_for=(name,)))
            rows.append(ManifestRow("", 1, name, frame, pair_id="real", method="m"))
        rows.append(ManifestRow("", 1, "unknown", frame, pair_id="real", method="m"))
    config = TrainConfig(sampling="paired", batch_size=8)
    units = [unit for batch in epoch_batches(rows, config, 0) for unit in batch]
    named = [tuple(rows[i].shown_for or rows[i].video_id for i in unit) for unit in units]
    assert sorted(map(str, named)) == sorted(
        map(str, [(("left",), "left"), (("right",), "right"), ("unknown",)] * 3)
    )
    again = ManifestRow.from_json(rows[0].to_json())
    assert again == rows[0] and "shown_for" not in rows[1].to_json()
