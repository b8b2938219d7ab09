"""Maps high dynamic range pictures (PQ and HLG) to the standard range that detectors expect.

ITU-R BT.2100 defines the light of a code value, BT.2408 the white that both ranges share (203 cd/m2
are 100 %), BT.2087 the primaries. Light above 80 % of that white is rolled off smoothly up to the
peak of 1,000 cd/m2. Each player rolls off by its own curve, so bright parts differ slightly between
players. Without this mapping such a picture would look grey and flat.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

PQ, HLG = "pq", "hlg"
# ITU-T H.273, transfer characteristics.
TRANSFERS = {16: PQ, 18: HLG}

_WHITE = 203.0  # cd/m2, BT.2408
_PEAK = 1000.0  # cd/m2; HLG's nominal peak and the usual grading of PQ material
_KNEE = 0.8  # share of white above which light is rolled off
_GAMMA = 2.4  # BT.1886
_TO_709 = np.array(  # BT.2087, linear light
    [
        [1.660491, -0.587641, -0.072850],
        [-0.124550, 1.132900, -0.008349],
        [-0.018151, -0.100579, 1.118730],
    ],
    np.float32,
)
_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)  # of BT.2020
_STEPS = 4096


def to_standard_range(picture: np.ndarray, transfer: str) -> np.ndarray:
    """Return a picture in the standard range and BT.709's primaries, uint8 (H, W, 3).

    Args:
        picture: uint16 (H, W, 3) over the full 16 bits, RGB of BT.2020
        transfer: :data:`PQ` or :data:`HLG`
    """
    light = _light(transfer)[picture]
    if transfer == HLG:  # the system gamma of 1.2 acts on luminance (BT.2100, table 5)
        luma = np.maximum(light @ _LUMA, 1e-6)
        light = light * (luma**0.2)[..., None] * np.float32(_PEAK / _WHITE)
    light = np.maximum(light @ _TO_709.T, 0)
    top = light.max(axis=-1, keepdims=True)
    light *= _rolled_off(top) / np.maximum(top, 1e-6)
    return _codes()[np.minimum(light * (_STEPS - 1) + 0.5, _STEPS - 1).astype(np.uint16)]


def _rolled_off(light: np.ndarray) -> np.ndarray:
    """Roll off light (white = 1) above the knee, without a kink there, to reach 1 at the peak."""
    span = 1 - _KNEE
    over = np.maximum(light - _KNEE, 0) / span
    peak = (_PEAK / _WHITE - _KNEE) / span
    curve = over * (1 + over / peak**2) / (1 + over)
    return np.minimum(np.where(light <= _KNEE, light, _KNEE + span * np.minimum(curve, 1)), 1)


@lru_cache(maxsize=2)
def _light(transfer: str) -> np.ndarray:
    """Return linear light of each 16-bit code, float32 (65536,); 1 is white (PQ) or peak (HLG)."""
    code = np.arange(65536) / 65535
    if transfer == PQ:
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        root = code ** (1 / m2)
        light = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1) * 10000 / _WHITE
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    return light.astype(np.float32)


@lru_cache(maxsize=1)
def _codes() -> np.ndarray:
    """Return the 8-bit code of each step of linear light, by the inverse of BT.1886."""
    light = np.arange(_STEPS) / (_STEPS - 1)
    return np.round(255 * light ** (1 / _GAMMA)).astype(np.uint8)
