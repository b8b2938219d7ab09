"""Perceptual hashes find the same film after recompression and scaling, and no other film."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.detector.file_facts.frame_hashes import NEAR, frame_hashes, near, phash
from media_forensics.detector.frames.pyav import H264Writer, Mpeg4Writer
from PIL import Image


def scene(seed: int, number: int, side: int) -> np.ndarray:
    """A smooth picture of its own for each seed, which moves slowly."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (9, 9, 3), np.uint8)
    big = Image.fromarray(small).resize((220, 220), Image.Resampling.BICUBIC)
    shift = number // 3
    return np.asarray(big.crop((shift, 0, shift + 180, 180)).resize((side, side)))


def film(path, seed: int, writer, side: int, crf: int, black: int = 0) -> None:
    with writer(path, path.suffix[1:], (side, side), 25, crf) as out:
        for number in range(48):
            dark = np.zeros((side, side, 3), np.uint8)
            out.add(dark if number < black else scene(seed, number, side))


def test_a_recompressed_and_scaled_film_is_near_and_others_are_not(tmp_path):
    film(tmp_path / "a.mp4", 1, H264Writer, 160, 18)
    film(tmp_path / "b.avi", 1, Mpeg4Writer, 96, 24, black=12)
    hashes = {"b": frame_hashes(tmp_path / "b.avi")}
    for seed in range(2, 8):
        film(tmp_path / f"{seed}.mp4", seed, H264Writer, 96, 23)
        hashes[str(seed)] = frame_hashes(tmp_path / f"{seed}.mp4")
    (found,) = near(frame_hashes(tmp_path / "a.mp4"), hashes)
    assert found.name == "b" and found.frames >= found.of - 1 and found.bits <= NEAR
    assert near((), hashes) == [] and near(hashes["b"], {"none": ()}) == []


def test_hashes_are_phash_and_flat_frames_have_none():
    # 64 signs of the low frequencies of the cosine transform, by its definition
    pixels = np.asarray(Image.fromarray(scene(9, 0, 32)).convert("L"), np.float64)
    n = np.arange(32)
    cosines = np.cos(np.pi * np.outer(n, 2 * n + 1) / 64)
    low = (cosines @ pixels @ cosines.T)[:8, :8]
    want = "".join("1" if v else "0" for v in (low > np.median(low)).ravel())
    assert f"{phash(scene(9, 0, 32)):064b}" == want
    assert phash(np.full((50, 40, 3), 16, np.uint8)) is None


@pytest.mark.parametrize("bits", [NEAR, NEAR + 1])
def test_the_limit_is_ten_bits_of_half_the_frames(bits):
    mine = [0, (1 << 64) - 1]
    theirs = {"x": [(1 << bits) - 1, 0x5555555555555555]}
    assert bool(near(mine, theirs)) is (bits == NEAR)
