"""Turns pictures into network input: open_clip's evaluation transform in two exact halves.

open_clip's evaluation transform equals the slow CLIP processor with which the published detectors
were trained. The geometry (resize, crop) runs per picture on the CPU and gives uint8 pixels. The
arithmetic (divide by 255, mean, std) runs on a whole batch on the network's device. Together they
give the same numbers as open_clip's transform. The slow CLIP processor differs only for pictures
that are not square: if the overhang is an odd number of pixels, its centre crop starts one pixel
earlier. Crops are square.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from ..device import gpu_in_use
from ..errors import ForensicsError


def as_rgb(image: Any) -> Image.Image:
    """Return any 8- or 16-bit picture as a PIL RGB image.

    Grey is repeated in all three channels. Alpha is dropped without blending, as by
    ``Image.convert("RGB")`` in the reference code. 16-bit values keep their upper byte. The EXIF
    orientation is applied, so that the scored picture is the one that viewers show.

    Args:
        image: PIL image, or array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), uint8 or uint16

    Raises:
        ForensicsError: another shape or type, or an empty array
    """
    if not isinstance(image, Image.Image):
        return _array_as_rgb(np.asarray(image))
    if "exif" in image.info:
        image = ImageOps.exif_transpose(image)
    if image.mode == "RGB":
        return image
    if image.mode in ("I", "I;16", "I;16L", "I;16B", "F"):
        # PIL clips these at 255 instead of scaling, which turns 16-bit files white
        values = np.asarray(image)
        scale = 257.0 if values.max(initial=0) > 255 else 1.0
        return _array_as_rgb(np.clip(values / scale, 0, 255).round().astype(np.uint8))
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")


def _array_as_rgb(array: np.ndarray) -> Image.Image:
    if array.dtype == np.uint16:
        array = (array >> 8).astype(np.uint8)
    if array.dtype != np.uint8:
        raise ForensicsError(
            f"A picture is an array of uint8, not of {array.dtype}.",
            "Scale it to 0..255 and convert it first.",
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim == 2:
        array = np.repeat(array[:, :, None], 3, axis=2)
    if array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
        raise ForensicsError(f"A picture is (H, W, 3) RGB, not {array.shape}.")
    return Image.fromarray(np.ascontiguousarray(array[:, :, :3]))


@functools.lru_cache(maxsize=16)
def _on_device(
    mean: tuple[float, ...], std: tuple[float, ...], device: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and std as (3, 1, 1) on ``device``; cached, because each copy synchronises."""
    return tuple(torch.tensor(v, device=device)[:, None, None] for v in (mean, std))  # type: ignore[return-value]


def pixels_of(count: int, size: int) -> torch.Tensor:
    """Return an empty uint8 (count, 3, size, size), in pinned memory if a GPU is in use."""
    return torch.empty((count, 3, size, size), dtype=torch.uint8, pin_memory=gpu_in_use())


def together(pictures: Sequence[torch.Tensor], size: int) -> torch.Tensor:
    """Return pictures (3, size, size) as one tensor from :func:`pixels_of`."""
    pixels = pixels_of(len(pictures), size)
    if pictures:
        torch.stack(list(pictures), out=pixels)
    return pixels


class Preprocess:
    """Maps a picture to a float32 tensor (3, S, S), like open_clip's evaluation transform.

    Attributes:
        size: side S of the network input in pixels
        mean, std: per channel, on values in [0, 1]
        config: its open_clip preprocess settings
    """

    def __init__(self, config: dict[str, Any]) -> None:
        from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict

        self.config = merge_preprocess_dict(PreprocessCfg(), config)
        size = self.config["size"]
        self.size = int(size if isinstance(size, int) else size[0])
        self.mean = tuple(float(value) for value in self.config["mean"])
        self.std = tuple(float(value) for value in self.config["std"])
        transform = image_transform_v2(PreprocessCfg(**self.config), is_train=False)
        # The last two steps are ToTensor and Normalize; `normalize` does both for a whole batch.
        self._geometry = transform.transforms[:-2]

    def to_pixels(self, image: Any) -> torch.Tensor:
        """Return a picture resized and cropped as uint8 tensor (3, S, S). Thread-safe."""
        image = as_rgb(image)
        for step in self._geometry:
            image = step(image)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()

    def normalize(self, pixels: torch.Tensor) -> torch.Tensor:
        """Map uint8 pixels (..., 3, S, S) to float32 network input on the same device."""
        mean, std = _on_device(self.mean, self.std, str(pixels.device))
        return pixels.to(torch.float32).div_(255).sub_(mean).div_(std)

    def __call__(self, image: Any) -> torch.Tensor:
        return self.normalize(self.to_pixels(image))

    def batch(self, images: Sequence[Any]) -> torch.Tensor:
        """Return pictures as uint8 pixels (N, 3, S, S)."""
        return torch.stack([self.to_pixels(image) for image in images])
