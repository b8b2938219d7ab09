import numpy as np
import pytest
from hypothesis import given, strategies as st
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.scoring.aggregate import (
    RULES,
    TOP_K,
    grouped_scores,
    person_scores,
    video_score,
    worst_person_score,
)

probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(probabilities)
def test_rules_equal_their_definitions(p):
    ordered = sorted(p)
    n = len(p)
    middle = ordered[n // 2] if n % 2 else (ordered[n // 2 - 1] + ordered[n // 2]) / 2
    top = ordered[-TOP_K:]
    assert video_score(p) == pytest.approx(sum(p) / n)
    assert video_score(p, "median") == pytest.approx(middle)
    assert video_score(p, "max") == ordered[-1]
    assert video_score(p, "top_k") == pytest.approx(sum(top) / len(top))
    assert video_score(p, "share_over") == sum(x >= 0.5 for x in p) / n


@given(probabilities, st.randoms())
def test_rules_ignore_order_and_missing_faces(p, random):
    mixed = [*p, float("nan"), float("nan")]
    random.shuffle(mixed)
    for rule in RULES:
        found = video_score(mixed, rule)
        assert found == pytest.approx(video_score(p, rule))
        assert found is not None and 0 <= found <= 1


def test_nothing_scored_is_none_never_a_number():
    for rule in RULES:
        assert video_score([], rule) is None
        assert video_score([float("nan")] * 3, rule) is None


def test_bad_input():
    with pytest.raises(ForensicsError, match="rule"):
        video_score([0.5], "average")
    for bad in (1.5, -0.1, float("inf")):
        with pytest.raises(ForensicsError, match="outside"):
            video_score([0.5, bad])
    with pytest.raises(ForensicsError, match="keys"):
        grouped_scores([0.5], [1, 2])


def test_persons_and_the_worst_of_them():
    p = np.array([0.1, 0.9, 0.3, 0.8, np.nan, np.nan])
    tracks = [0, 1, 0, 1, 2, 0]
    assert person_scores(p, tracks) == {0: pytest.approx(0.2), 1: pytest.approx(0.85), 2: None}
    assert worst_person_score(p, tracks) == pytest.approx(0.85)
    assert worst_person_score([np.nan], [0]) is None
    assert person_scores([], []) == {}


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5)), max_size=50))
def test_groups_equal_a_loop(rows):
    scores, keys = [s for s, _ in rows], [f"v{k}" for _, k in rows]
    found = grouped_scores(scores, keys)
    assert list(found) == list(dict.fromkeys(keys))
    for key, value in found.items():
        assert value == video_score([s for s, k in zip(scores, keys, strict=True) if k == key])
