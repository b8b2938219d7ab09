"""Small pictures, some of them broken, as a faces dataset to be scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def pictures(folder: Path, count: int) -> list[Path]:
    """``count`` files of 32 x 32 pixels; every twentieth cannot be read."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    paths = [folder / f"{number:04d}.png" for number in range(count)]
    for number, path in enumerate(paths):
        if number % 20 == 7:
            path.write_bytes(b"broken")
        else:
            Image.fromarray(rng.integers(0, 255, (32, 32, 3), np.uint8)).save(path)
    return paths


def dataset_of(paths: list[Path], name: str) -> Any:
    """A faces dataset of them, ten a video."""
    import fiftyone as fo
    from media_forensics.operators.dataset import fields

    dataset = fo.Dataset(name)
    dataset.media_type = "image"
    fields.declare_common_fields(dataset, faces=True)
    fields.set_description(dataset, kind="faces")
    dataset.add_samples(
        [
            fo.Sample(
                str(path),
                video_id=f"set/{number // 10}",
                group_id=str(number // 10),
                frame_number=number % 10 + 1,
                ground_truth=fo.Classification(label="real"),
            )
            for number, path in enumerate(paths)
        ],
        progress=False,
    )
    return dataset
