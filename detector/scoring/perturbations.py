"""Defines named corruptions of face crops and scores crops under them.

JPEG qualities, blurs, sizes and noise levels are those of the GenD test augmentations (Yermakov et
al. 2025, arXiv 2508.06248). They are applied to the aligned crop, so the face detector is not
tested. ``h264`` is one intra frame of the crop (:mod:`detector.frames.recompression` encodes the
video). Noise and jitter come from a generator seeded by the pixels, so that a result depends only
on the crop.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..device import default_batch
from ..errors import ForensicsError
from ..records import Reason

if TYPE_CHECKING:
    import torch

    from ..model.detector import Detector

Picture = np.ndarray
_BLUR = {0.5: 5, 1.0: 7, 1.5: 11, 2.0: 13, 3.0: 19}  # sigma -> side of the kernel in pixels


def jpeg(image: Picture, quality: int) -> Picture:
    """Encode as JPEG with ``quality``, 4:2:0, and decode again."""
    done, data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ForensicsError("A crop could not be written as JPEG.")
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[:, :, ::-1])


def blur(image: Picture, sigma: float) -> Picture:
    """Apply a Gaussian blur; the kernel's side is fixed per sigma, as in the reference."""
    side = _BLUR[sigma]
    return cv2.GaussianBlur(image, (side, side), sigma)


def resize(image: Picture, side: int) -> Picture:
    """Shrink so that the longer side is ``side`` pixels, and enlarge again; never upscales."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def noise(image: Picture, sigma: float) -> Picture:
    """Add Gaussian noise with standard deviation ``sigma`` on the scale [0, 1]."""
    drawn = _generator(image).normal(0, 255 * sigma, image.shape)
    return np.clip(np.round(image + drawn), 0, 255).astype(np.uint8)


def h264(image: Picture, crf: int) -> Picture:
    """Encode as one intra frame of H.264 with this constant rate factor, 4:2:0, and decode."""
    from ..frames.pyav import H264Writer, open_media

    height, width = image.shape[:2]
    even = image[: height - height % 2, : width - width % 2]
    buffer = io.BytesIO()
    with H264Writer(buffer, "matroska", even.shape[:2], 25, crf) as output:
        output.add(even)
    buffer.seek(0)
    with open_media(buffer) as source:
        found = next(source.decode(video=0)).to_ndarray(format="rgb24")
    return found if found.shape == image.shape else cv2.resize(found, (width, height))


def jitter(image: Picture, share: float) -> Picture:
    """Distort the crop geometry.

    The picture is shifted by up to ``share`` of its side, scaled by up to the same share, and
    rotated by up to 100 x ``share`` degrees.
    """
    height, width = image.shape[:2]
    shift_x, shift_y, scale, turn = _generator(image).uniform(-1, 1, 4)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 100 * share * turn, 1 + share * scale)
    matrix[:, 2] += share * shift_x * width, share * shift_y * height
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)


def _generator(image: Picture) -> np.random.Generator:
    digest = hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


@dataclass(frozen=True, slots=True)
class Perturbation:
    """One corruption at one level.

    Attributes:
        name: used in fields, for example ``jpeg_40``
        kind, level: for example ``jpeg`` and 40
        apply: maps a picture uint8 (H, W, 3) to one of the same size
    """

    name: str
    kind: str
    level: float
    apply: Callable[[Picture], Picture]


def _levels(
    kind: str, function: Callable[..., Picture], levels: Sequence[float], scale: float = 1
) -> Iterator[Perturbation]:
    for level in levels:
        name = f"{kind}_{round(level * scale):02d}"
        yield Perturbation(name, kind, level, lambda image, v=level: function(image, v))


#: All corruptions by name, from mild to strong within a kind.
PERTURBATIONS = {
    p.name: p
    for p in (
        *_levels("jpeg", jpeg, (80, 60, 40, 20, 10)),
        *_levels("blur", blur, (0.5, 1.0, 1.5, 2.0, 3.0), 10),
        *_levels("resize", resize, (112, 64)),
        *_levels("noise", noise, (0.01, 0.03, 0.05, 0.1, 0.2), 100),
        *_levels("h264", h264, (23, 35, 40)),
        *_levels("jitter", jitter, (0.03, 0.06), 100),
    )
}
USUAL = ("jpeg_40", "blur_10", "resize_64", "noise_05", "h264_40", "jitter_06")


def known(names: Sequence[str]) -> list[Perturbation]:
    """Return the corruptions with these names.

    Raises:
        ForensicsError: no names, or an unknown name
    """
    if not names:
        raise ForensicsError("No corruption is chosen.", "Choose one.", "perturbations")
    for name in names:
        if name not in PERTURBATIONS:
            raise ForensicsError(
                f"There is no corruption {name!r}.",
                f"Known: {', '.join(PERTURBATIONS)}.",
                "perturbations",
            )
    return [PERTURBATIONS[name] for name in names]


@dataclass(frozen=True, slots=True)
class PerturbedBatch:
    """Scores of faces under each corruption; NaN if ``reasons`` has an entry.

    Attributes:
        indices: (n,) positions in the list of faces
        p_fake: (n,) float32 by name of the corruption
        margin: (n,) float32 logit of fake minus logit of real, by name of the corruption
        reasons: (n,) None, or why there is no score
    """

    indices: list[int]
    p_fake: dict[str, np.ndarray]
    margin: dict[str, np.ndarray]
    reasons: list[Reason | None]


def score_perturbed(
    detector: Detector,
    paths: Sequence[str],
    names: Sequence[str],
    batch_size: int | None = None,
    workers: int | None = None,
    should_stop: Callable[[], bool] | None = None,
    precision: str | None = None,
    hashes: Sequence[str] = (),
) -> Iterator[PerturbedBatch]:
    """Score crop files under each corruption, in their order.

    Args:
        detector: on its device
        paths: crop files
        names: keys of :data:`PERTURBATIONS`
        batch_size: crops per forward pass; None is 32 on a CPU and 128 on a GPU
        workers: threads that read and corrupt; None is 2 for a CPU and up to 16 for a GPU
        should_stop: called before each batch; True ends the iteration early
        precision: see :meth:`Detector.score_pixels`
        hashes: sha256 of each file, see :func:`detector.scoring.crop_scores.score_crops`

    Raises:
        ForensicsError: an unknown name, or the numbers of hashes and files differ
    """
    from ..model.preprocess import together
    from .crop_files import read_crop
    from .crop_scores import require_hashes

    chosen = known(names)
    to_pixels = detector.backbone.preprocess.to_pixels

    hashes = require_hashes(paths, hashes)

    def prepare(path: str, sha256: str) -> list[torch.Tensor] | Reason:
        image = read_crop(path, sha256)
        if isinstance(image, Reason):
            return image
        array = np.asarray(image)
        return [to_pixels(p.apply(array)) for p in chosen]

    size = default_batch(detector.device) if batch_size is None else batch_size
    if workers is None:
        workers = min(16, os.cpu_count() or 1) if detector.device.type == "cuda" else 2
    pool = ThreadPoolExecutor(max(1, workers), thread_name_prefix="perturb")
    begun: deque[Iterator[list[torch.Tensor] | Reason]] = deque()
    asked = iter(range(0, len(paths), size))
    try:
        for start in range(0, len(paths), size):
            if should_stop is not None and should_stop():
                return
            part = paths[start : start + size]
            for first in islice(asked, 2 - len(begun)):  # the next one while this one is scored
                files = paths[first : first + size], hashes[first : first + size]
                begun.append(pool.map(prepare, *files))
            ready = list(begun.popleft())
            reasons = [entry if isinstance(entry, Reason) else None for entry in ready]
            there = [entry for entry in ready if not isinstance(entry, Reason)]
            rows = [row for row, reason in enumerate(reasons) if reason is None]
            out, margins = (
                {p.name: np.full(len(part), np.nan, np.float32) for p in chosen} for _ in range(2)
            )
            if rows:
                side = detector.backbone.preprocess.size
                columns = [together([e[c] for e in there], side) for c in range(len(chosen))]
                pending = [detector.enqueue(pixels, precision) for pixels in columns]
                for perturbation, waiting in zip(chosen, pending, strict=True):
                    scores = waiting.result()
                    out[perturbation.name][rows] = scores.p_fake
                    margins[perturbation.name][rows] = scores.margin
            for row in rows:
                if not all(np.isfinite(values[row]) for values in out.values()):
                    reasons[row] = Reason.NON_FINITE
            yield PerturbedBatch(list(range(start, start + len(part))), out, margins, reasons)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
