"""Encoded pictures are the same bytes every time, and an encoder that is stopped lets go."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from media_forensics.detector.frames import encoders, pyav


def test_equal_pictures_give_equal_bytes(clips):
    stir = np.random.default_rng(0)

    def encoded() -> str:
        # what lies in freed memory must not matter (x264 on AVX-512 reads some of it)
        [stir.integers(0, 255, stir.integers(1000, 400_000), dtype=np.uint8) for _ in range(20)]
        buffer = io.BytesIO()
        with encoders.H264Writer(buffer, "mp4", (96, 160), 25, 23) as output:
            for number in range(30):
                output.add(clips.picture(number, 160, 96))
        with pyav.open_media(io.BytesIO(buffer.getvalue())) as source:
            shown = [clips.number(f.to_ndarray(format="rgb24")) for f in source.decode(video=0)]
        assert shown == list(range(30))
        return hashlib.sha256(buffer.getvalue()).hexdigest()

    assert len({encoded() for _ in range(12)}) == 1


def test_an_encoder_that_was_stopped_raises_what_stopped_it(clips, tmp_path):
    path = tmp_path / "a.mp4"
    with (
        pytest.raises(RuntimeError, match="stop"),
        encoders.H264Writer(path, "mp4", (96, 160), 25, 23) as output,
    ):
        output.add(clips.picture(0, 160, 96))
        raise RuntimeError("stop")
    path.unlink(missing_ok=True)  # on Windows only a closed file can be removed
