"""Small clips whose frames carry their number as a bar code, and a dataset of fakes and reals.

The code survives compression: eight black or white blocks in the lower half, the lowest bit left.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np

W, H, BITS = 160, 96, 8
RATE_25 = (Fraction(1, 12800), [512 * i for i in range(30)])
RATE_23_976 = (Fraction(1, 24000), [1001 * i for i in range(30)])


def uneven(count: int, seed: int = 0) -> tuple[Fraction, list[int]]:
    """Times of a variable frame rate: 13 to 100 ms between frames."""
    gaps = np.random.default_rng(seed).integers(1200, 9000, count - 1)
    return Fraction(1, 90000), [0, *np.cumsum(gaps).tolist()]


def picture(number: int, shade: int = 60) -> np.ndarray:
    """A frame with the bar code of ``number``."""
    image = np.full((H, W, 3), shade, np.uint8)
    wide = W // BITS
    for bit in range(BITS):
        image[H // 2 :, bit * wide : (bit + 1) * wide] = 235 if number >> bit & 1 else 16
    return image


def code_of(image: np.ndarray) -> int:
    """The number in the bar code of a frame of any size."""
    height, width = image.shape[:2]
    row = image[3 * height // 4].mean(-1)
    return sum((row[round((b + 0.5) * width / BITS)] > 128) << b for b in range(BITS))


def write(
    path: Path, base: Fraction, times: Sequence[int], codec: str = "libx264", **about
) -> Path:
    """Write frames 0, 1, ... at ``times``; B-frames and few key frames with libx264."""
    shade = about.pop("shade", 60)
    options = {"bf": "2", "g": "12", "preset": "fast"} if codec == "libx264" else {}
    options |= about.pop("options", {})
    with av.open(str(path), "w", **about.pop("container", {})) as container:
        stream: Any = container.add_stream(codec, rate=about.pop("rate", 25), options=options)
        stream.width, stream.height = W, H
        stream.pix_fmt = about.pop("pix_fmt", "yuv420p")
        stream.time_base = stream.codec_context.time_base = base
        for number, pts in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number, shade), format="rgb24")
            frame.pts, frame.time_base = pts, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def played(fo: Any, folder: Path) -> SimpleNamespace:
    """Videos and their scored faces: couples of equal and unequal rates, one to be encoded again,
    one whose file is gone, and a sequence of pictures.

    Returns:
        ``videos``, ``faces``: the datasets; ``path``: file of each ``video_id``
    """
    from media_forensics.operators.dataset import fields, partners

    base, times = RATE_25
    path = {
        "even/real": write(folder / "even_real.mp4", base, times, shade=90),
        "even/fake": write(folder / "even_fake.mp4", base, times),
        "even/fake2": write(folder / "even_fake2.mp4", base, times, shade=120),
        "odd/real": write(folder / "odd_real.mp4", *RATE_23_976, shade=90),
        "odd/fake": write(folder / "odd_fake.mp4", *uneven(28)),
        "old/fake": write(folder / "old.avi", Fraction(1, 25), range(28), "mpeg4"),
        "gone/fake": folder / "gone.mp4",
    }
    real_of = {"even/fake": "even/real", "even/fake2": "even/real", "odd/fake": "odd/real"}
    real_of |= {"old/fake": "old/real"}  # which is not there
    videos, faces = fo.Dataset(), fo.Dataset()
    videos.media_type = "video"
    fields.declare_common_fields(videos)
    fields.declare_common_fields(faces, faces=True)
    names = fields.ScoreFields("det")
    faces.add_sample_field(names.p_fake, fo.FloatField)
    faces.add_sample_field("det_gradient", fo.EmbeddedDocumentField, embedded_doc_type=fo.Heatmap)
    crops = []
    for name, file in path.items():
        label = name.split("/")[1].rstrip("2")
        about = {"video_id": name, "pair_id": real_of.get(name)}
        about |= {"method": "swap" if label == "fake" else "original", "group_id": name[:3]}
        truth = fo.Classification(label=label)
        videos.add_sample(fo.Sample(str(file), ground_truth=truth.copy(), **about))
        for track in (0, 1) if name == "even/fake" else (0,):
            for index in range(track, 28, 4):
                crops.append(_crop(fo, folder, name, str(file), index, track, about, truth))
    for index in range(12):  # a video that came as pictures
        about = {"video_id": "pictures/fake", "method": "swap", "group_id": "pic"}
        crops.append(
            _crop(fo, folder, "pictures/fake", None, 2 * index, 0, about, truth, whole=True)
        )
    faces.add_samples(crops)
    config = faces.init_run(method="media_forensics/scores", key="det", rule="mean", normalize=True)
    faces.register_run(names.run, config)
    for dataset, kind in ((videos, "videos"), (faces, "faces")):
        dataset.persistent = True
        fields.set_description(dataset, kind=kind, recipe_hash="r")
    partners.link(videos, faces)
    return SimpleNamespace(videos=videos, faces=faces, path=path)


def _crop(fo, folder, name, file, index, track, about, truth, whole=False):
    """A face in frame ``index``; its crop is the upper half of the frame."""
    from PIL import Image

    target = folder / f"{name.replace('/', '_')}_{index}_{track}.png"
    image = picture(index)
    Image.fromarray(image if whole else image[: H // 2, W // 4 : 3 * W // 4]).save(target)
    heat = np.linspace(0, 255, 256).reshape(16, 16).astype(np.uint8)
    return fo.Sample(
        str(target),
        ground_truth=truth.copy(),
        frame_number=index + 1,
        track=track,
        subject=track == 0,
        video_path=file,
        face_box=[0.25, 0.0, 0.5, 0.5],
        crop_matrix=[1.0, 0.0, -W / 4, 0.0, 1.0, 0.0],
        det_p_fake=round(0.2 + 0.02 * index + 0.1 * track, 3),
        det_gradient=fo.Heatmap(map=heat, range=[0, 255]) if index % 8 == 0 else None,
        **about,
    )
