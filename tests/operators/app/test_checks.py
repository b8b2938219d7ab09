"""What is wrong with an argument is said in the same words by every operator."""

from __future__ import annotations

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.app import checks


@pytest.mark.parametrize(
    ("call", "words", "field"),
    [
        (lambda: checks.require_known("rule", "x", ["a", "b"]), "no rule 'x'. Known: a, b", "rule"),
        (lambda: checks.require_known("only", "x", [("a", "A")]), "no only 'x'. Known: a.", "only"),
        (lambda: checks.require_threshold(1.5), "1.5 is outside", "threshold"),
        (lambda: checks.require_threshold(float("nan")), "nan is outside", "threshold"),
        (lambda: checks.require_from(1, limit=3, per_video=0), "per_video is 0", "per_video"),
    ],
)
def test_what_is_refused(call, words, field):
    with pytest.raises(ForensicsError, match=words) as told:
        call()
    assert told.value.field == field


def test_what_is_taken():
    checks.require_known("rule", "a", ["a"])
    checks.require_threshold(1.0)
    checks.require_from(0, examples=0)
