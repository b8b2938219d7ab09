"""Packs the sphere for the browser: quantised columns as base64, a few bytes per face.

A face costs 6 bytes for the position and 2 for label, error and score before base64: 1.1 MB for
100,000 faces, 11 MB for a million. As JSON numbers the positions alone would cost about 60 bytes
per face. A field to colour by (1 or 2 bytes per face) and a map are sent when they are asked for.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from ....detector.audit.columns import Coded
from ....detector.records import FAKE, REAL

STEP = 32767  # int16 value of 1.0
SCORES, NO_SCORE = 254, 255  # uint8 values: p_fake 1.0, and a face without a score
#: Codes of ``error`` in the browser; a face without a score is neither right nor wrong.
RIGHT_REAL, RIGHT_FAKE, FALSE_POSITIVE, FALSE_NEGATIVE, UNKNOWN, NOT_SCORED = range(6)
#: Bits of a face's code: label (0 real, 1 fake, 2 unknown), then ``error``, then the call.
ERROR_SHIFT, CALL_SHIFT = 2, 5
#: Most values of a field that the browser tells apart; rarer ones are shown as one value.
MOST_VALUES = 1000
RARE, NO_VALUE = "other values", "no value"


def packed(values: np.ndarray, dtype: str) -> str:
    """Encode ``values`` as little-endian base64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype=dtype).tobytes()).decode()


def positions(xyz: np.ndarray) -> str:
    """Encode coordinates (N, 3) in the unit ball as int16."""
    return packed(np.rint(np.clip(xyz, -1, 1) * STEP), "<i2")


def errors(label: np.ndarray, p_fake: np.ndarray, threshold: float) -> np.ndarray:
    """Return (N,) uint8 codes: what the detector got right and wrong at ``threshold``."""
    called = p_fake >= threshold
    out = np.full(len(label), UNKNOWN, np.uint8)
    out[(label == REAL) & ~called] = RIGHT_REAL
    out[(label == FAKE) & called] = RIGHT_FAKE
    out[(label == REAL) & called] = FALSE_POSITIVE
    out[(label == FAKE) & ~called] = FALSE_NEGATIVE
    out[np.isnan(p_fake)] = NOT_SCORED
    return out


def face_codes(label: np.ndarray, p_fake: np.ndarray, threshold: float) -> np.ndarray:
    """Return (N,) uint8 codes: label, error and call of each face."""
    known = np.where(label < 0, 2, label).astype(np.uint8)
    called = (p_fake >= threshold).astype(np.uint8)
    return known | errors(label, p_fake, threshold) << ERROR_SHIFT | called << CALL_SHIFT


def field(name: str, column: Coded, ordered: bool = False) -> dict[str, Any]:
    """Return a field to colour by; ``ordered`` if its values have an order."""
    codes, values = column.codes.astype(np.int64), list(column.values)
    if len(values) > MOST_VALUES:
        counts = np.bincount(codes[codes >= 0], minlength=len(values))
        kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_VALUES])
        place = np.full(len(values), MOST_VALUES)
        place[kept] = np.arange(MOST_VALUES)
        codes = np.where(codes >= 0, place[np.maximum(codes, 0)], -1)
        values = [*(values[k] for k in kept), RARE]
    if (codes < 0).any():
        codes, values = np.where(codes < 0, len(values), codes), [*values, NO_VALUE]
    wide = len(values) > 256
    return {
        "name": name,
        "values": values,
        "ordered": ordered,
        "wide": wide,
        "codes": packed(codes, "<u2" if wide else "u1"),
    }


def flat_map(points: np.ndarray) -> str:
    """Encode places (N, 2) in [-1, 1] as int16; NaN, for a face not on the map, becomes -32768."""
    steps = np.rint(np.clip(np.nan_to_num(points), -1, 1) * STEP)
    return packed(np.where(np.isnan(points), -STEP - 1, steps), "<i2")


def payload(
    xyz: np.ndarray,
    label: np.ndarray,
    p_fake: np.ndarray,
    threshold: float,
    boundary: float | None,
) -> dict[str, Any]:
    """Return the columns of N faces.

    Args:
        xyz: (N, 3) coordinates in the unit ball, see
            :func:`detector.embeddings.sphere.fake_axis_projection`
        label: (N,) 0 real, 1 fake, -1 unknown
        p_fake: (N,) scores, NaN if there is none
        threshold: threshold at which errors are counted
        boundary: cosine to the fake axis at which p_fake is the threshold, if there is one
    """
    steps = np.rint(np.clip(np.nan_to_num(p_fake), 0, 1) * SCORES)
    return {
        "n": len(label),
        "xyz": positions(xyz),
        "code": packed(face_codes(label, p_fake, threshold), "u1"),
        "score": packed(np.where(np.isnan(p_fake), NO_SCORE, steps), "u1"),
        "boundary": boundary,
    }


def boundary(
    head_weight: Any, head_bias: Any, threshold: float, normalize: bool = True
) -> float | None:
    """Return the cosine to the fake axis at which the head gives p_fake = ``threshold``.

    margin = |w1 - w0| cos + (b1 - b0), p_fake = sigmoid(margin). None if the head does not work on
    unit vectors, or p_fake reaches the threshold nowhere on the sphere.
    """
    weight, bias = np.asarray(head_weight, np.float64), np.asarray(head_bias, np.float64)
    length = float(np.linalg.norm(weight[1] - weight[0]))
    if not normalize or length == 0 or not 0 < threshold < 1:
        return None
    cosine = (float(np.log(threshold / (1 - threshold))) - float(bias[1] - bias[0])) / length
    return cosine if abs(cosine) < 1 else None


def indices(params: dict[str, Any], count: int) -> np.ndarray:
    """Read indices that the browser sent: ``idx``, or ``bits`` (base64, lowest bit first).

    Indices outside 0 to ``count`` - 1 are left out.
    """
    if params.get("bits"):
        raw = np.frombuffer(base64.b64decode(params["bits"]), np.uint8)
        found = np.flatnonzero(np.unpackbits(raw, bitorder="little"))
    else:
        sent = params.get("idx")
        found = np.array([sent] if isinstance(sent, int) else sent or [], np.int64).ravel()
    return found[(found >= 0) & (found < count)]
