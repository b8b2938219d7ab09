"""Small random towers in open_clip's folder layout, and pictures to feed them."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

sys.path.append(str(Path(__file__).parent))  # marked_faces
settings.register_profile("untimed", deadline=None)  # machines that test are busy machines
settings.load_profile("untimed")

TINY_CONFIG = {
    "model_cfg": {
        "embed_dim": 24,
        "quick_gelu": True,
        "vision_cfg": {
            "image_size": 32,
            "layers": 3,
            "width": 64,
            "patch_size": 8,
            "head_width": 16,
        },
        "text_cfg": {"context_length": 4, "vocab_size": 64, "width": 16, "heads": 1, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.48, 0.45, 0.4], "std": [0.26, 0.26, 0.27]},
}


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> Path:
    """An open_clip model folder with seeded random weights, 64 wide, 3 blocks, 32 pixels."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("tiny")
    config = json.loads(json.dumps(TINY_CONFIG))
    torch.manual_seed(7)
    model = open_clip.model.CLIP(**config["model_cfg"])
    for parameter in model.parameters():  # LayerNorms too: 1 and 0 would hide a mix-up
        torch.nn.init.normal_(parameter, 0.05, 0.15)
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps(TINY_CONFIG))
    return folder


@pytest.fixture
def tiny(tiny_folder):
    """A fresh tiny backbone on the CPU."""
    from media_forensics.detector.model.backbone import load_backbone

    return load_backbone(f"local-dir:{tiny_folder}", "cpu")


@pytest.fixture
def tiny_detector(tiny):
    """A fresh detector with a seeded random head on the tiny backbone."""
    import torch
    from media_forensics.detector.model.detector import Detector

    torch.manual_seed(3)
    detector = Detector(tiny, key_name="tiny")
    torch.nn.init.normal_(detector.head.weight, 0, 2.0)
    return detector.eval()


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """Twelve different RGB pictures of several sizes."""
    rng = np.random.default_rng(0)
    sizes = [(32, 32), (48, 40), (256, 256), (33, 77), (31, 32), (64, 64)] * 2
    out = []
    for height, width in sizes:
        coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        big = np.kron(coarse, np.ones((height // 4 + 1, width // 4 + 1, 1), np.uint8))
        noise = rng.integers(0, 16, (height, width, 3), dtype=np.uint8)
        out.append((big[:height, :width] // 2 + noise).astype(np.uint8))
    return out


# ------------------------------------------------ clips that show their frame number
_BITS = 10


def numbered_picture(number: int, width: int, height: int) -> np.ndarray:
    """RGB picture whose upper left third is white, whose middle row shows ``number`` in bits.

    The white corner tells which way up it is, the bits survive strong compression.
    """
    image = np.full((height, width, 3), 60, np.uint8)
    image[: height // 3, : width // 3] = 255
    for bit in range(_BITS):
        x1, x2 = bit * width // _BITS, (bit + 1) * width // _BITS
        image[height // 3 : 2 * height // 3, x1:x2] = 235 if number >> bit & 1 else 16
    image[2 * height // 3 :] = (number * 37 % 200, 90, 200 - number * 37 % 200)
    return image


def shown_number(image: np.ndarray) -> int:
    """The number that :func:`numbered_picture` drew; -1 if the picture is not upright."""
    height, width = image.shape[:2]
    if image[height // 6, width // 6].mean() < 180:
        return -1
    row = image[height // 2].mean(axis=1)
    centres = [int((bit + 0.5) * width / _BITS) for bit in range(_BITS)]
    return sum(1 << bit for bit, x in enumerate(centres) if row[x] > 128)


def write_clip(
    path: Path,
    count: int,
    codec: str = "libx264",
    size: tuple[int, int] = (160, 96),
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    times: list[int] | None = None,
    rotation: int = 0,
    container: dict[str, str] | None = None,
    container_format: str | None = None,
    pictures: list[np.ndarray] | None = None,
    gop: int = 12,
) -> Path:
    """Write a clip of numbered pictures (or of ``pictures``) with PyAV.

    Args:
        times: presentation times in 1/1000 s (variable frame rate); 25 frames per second if None
        rotation: display rotation metadata in degrees counterclockwise
    """
    from fractions import Fraction

    import av

    width, height = size if pictures is None else pictures[0].shape[1::-1]
    with av.open(str(path), "w", format=container_format, options=container or {}) as output:
        stream = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.options = options or {}
        stream.codec_context.gop_size = gop
        if rotation and hasattr(stream, "set_display_rotation"):
            stream.set_display_rotation(rotation)
        base = Fraction(1, 1000) if times is not None else Fraction(1, 25)
        stream.codec_context.time_base = base
        for number in range(count):
            image = (
                numbered_picture(number, width, height) if pictures is None else pictures[number]
            )
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number if times is None else times[number]
            frame.time_base = base
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    if rotation and not hasattr(stream, "set_display_rotation"):  # PyAV before 17.1
        _turn_mp4(path, rotation)
    if codec == "libsvtav1" and sys.platform == "linux":
        _calm()
    return path


def _turn_mp4(path: Path, degrees: int) -> None:
    """Write a rotation by a multiple of 90 degrees counterclockwise into the track's matrix."""
    import struct

    cosine, sine = {90: (0, -1), 180: (-1, 0), -90: (0, 1)}[degrees]
    parts = (cosine, sine, 0, -sine, cosine, 0, 0, 0)
    data = path.read_bytes()
    plain = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    turned = struct.pack(">9i", *(part << 16 for part in parts), 1 << 30)
    at = data.index(plain, data.index(b"tkhd"))
    path.write_bytes(data[:at] + turned + data[at + 36 :])


def _calm() -> None:
    """Undo what SVT-AV1 does for root: it gives this process the highest real-time priority."""
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.sched_setscheduler(int(thread.name), os.SCHED_OTHER, os.sched_param(0))


@pytest.fixture(scope="session")
def clips():
    """``make`` a numbered clip, ``picture`` one frame of it, read its ``number`` back."""
    from types import SimpleNamespace

    return SimpleNamespace(make=write_clip, picture=numbered_picture, number=shown_number)
