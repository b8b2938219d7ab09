"""Review queues against explicit loops over small tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from media_forensics.detector.audit.columns import FaceColumns, coded
from media_forensics.detector.queues.by_score import (
    capped,
    false_negatives,
    false_positives,
    high_loss,
    loss,
    pair_anomaly,
    pair_difference,
)
from media_forensics.detector.queues.catalogue import CATALOGUE


def faces(rows):
    """Rows of (p_fake, label, video, method, pair, frame)."""
    columns = list(zip(*rows, strict=True))
    nothing = coded([None] * len(rows))
    return FaceColumns(
        ids=[str(i) for i in range(len(rows))],
        p_fake=np.array(columns[0], dtype=float),
        label=np.array(columns[1]),
        video=coded(columns[2]),
        track=np.zeros(len(rows), np.int64),
        group=nothing,
        reason=nothing,
        texts={"method": coded(columns[3]), "source_dataset": nothing, "split": nothing},
        pair=coded(columns[4]),
        frame_number=np.array(columns[5], float),
    )


TABLE = faces(
    [
        (0.9, 0, "r1", "original", "", 0),  # a false positive
        (0.2, 0, "r1", "original", "", 9),
        (0.7, 0, "r2", "original", "", 0),  # a milder one
        (0.1, 1, "f1", "FaceSwap", "r1", 0),  # far below its real at frame 0
        (0.6, 1, "f1", "FaceSwap", "r1", 9),
        (0.4, 1, "f2", "SelfBlend", "r2", 5),  # its real has no frame 5
        (np.nan, 0, "r3", "original", "", 0),
        (np.nan, 1, "f3", "FaceSwap", "r1", 0),
    ]
)


def test_errors_come_with_the_most_confident_first():
    assert false_positives(TABLE, 0.5).tolist() == [0, 2]
    assert false_negatives(TABLE, 0.5).tolist() == [3, 5]
    assert false_positives(TABLE, 0.95).tolist() == []


def test_threshold_counts_as_fake():
    assert false_positives(TABLE, 0.7).tolist() == [0, 2]
    assert 5 not in false_negatives(TABLE, 0.4)


def test_loss_is_minus_log_of_the_true_label():
    values = loss(TABLE)
    assert values[0] == pytest.approx(-np.log(0.1))
    assert values[4] == pytest.approx(-np.log(0.6))
    assert np.isnan(values[6])
    assert np.isfinite(loss(replace(TABLE, p_fake=np.round(TABLE.p_fake)))[:6]).all()


def test_high_loss_takes_methods_in_turn():
    order = high_loss(TABLE, 0.5).tolist()
    first = {TABLE.texts["method"].texts()[i] for i in order[:3]}
    assert first == {"original", "FaceSwap", "SelfBlend"}
    assert order[0] in (0, 3)
    assert set(order) == {0, 1, 2, 3, 4, 5}


def test_pairs_are_compared_at_the_same_frame_only():
    difference = pair_difference(TABLE)
    assert difference[3] == pytest.approx(0.1 - 0.9)
    assert difference[4] == pytest.approx(0.6 - 0.2)
    assert np.isnan(difference[[0, 1, 2, 5, 6, 7]]).all()
    assert pair_anomaly(TABLE, 0.5).tolist() == [3]


@given(
    st.lists(
        st.tuples(
            st.one_of(st.floats(0, 1), st.just(float("nan"))),
            st.integers(0, 1),
            st.sampled_from("abc"),
            st.sampled_from(["m1", "m2"]),
            st.sampled_from(["a", "b", ""]),
            st.integers(0, 2),
        ),
        min_size=1,
        max_size=25,
    ),
    st.floats(0, 1),
)
def test_no_queue_holds_a_face_without_score_or_twice(rows, threshold):
    table = faces(rows)
    for rank in (queue.rank for queue in CATALOGUE.values() if not queue.needs):
        order = rank(table, threshold)
        assert len(set(order.tolist())) == len(order)
        assert np.isfinite(table.p_fake[order]).all()


@given(st.lists(st.sampled_from("abcd"), max_size=30), st.integers(1, 3), st.integers(1, 10))
def test_cap_keeps_the_first_of_each_video(videos, per_video, limit):
    expected, count = [], {}
    for i, video in enumerate(videos):
        count[video] = count.get(video, 0) + 1
        if count[video] <= per_video:
            expected.append(i)
    got = capped(np.arange(len(videos)), np.array(videos), per_video, limit)
    assert got.tolist() == expected[:limit]
