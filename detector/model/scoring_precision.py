"""Settles in which precision a detector scores many crops where nobody has asked for one.

On a GPU that is fp16. On a processor that multiplies bf16 in hardware it is bf16, if this
detector's scores then stay within :data:`detector.device.BF16_BOUND` of float32's; otherwise it is
fp32. The answer is settled once, where the work is handed out, and goes with the scores as part of
their provenance: a worker never decides. Scores of single files, validation and explanations stay
in fp32 on a CPU.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F

from ..device import BF16_BOUND, CPU, default_precision, has_bf16_units
from .backbone import state_of

if TYPE_CHECKING:
    from .detector import Detector

log = logging.getLogger(__name__)

_PICTURES = 8
_OF_THOUSANDS = 3.0  # the largest gap of thousands of crops beside the largest of eight


@dataclass(frozen=True, slots=True)
class Settled:
    """A precision and why it was chosen.

    Attributes:
        precision: one of :data:`detector.device.PRECISIONS`
        gap: expected largest difference of p_fake from float32's, None if not measured
    """

    precision: str
    gap: float | None = None

    def words(self) -> str:
        """Return the choice for a log: ``bf16 (p_fake within 0.0012 of fp32's, 0.005 allowed)``."""
        if self.gap is None:
            return self.precision
        within = f"p_fake within {self.gap:.2g} of fp32's, {BF16_BOUND:g} allowed"
        return f"{self.precision} ({within if self.precision == 'bf16' else f'bf16: {within}'})"


_KNOWN: WeakKeyDictionary[Detector, tuple[object, Settled]] = WeakKeyDictionary()


def settled(detector: Detector) -> Settled:
    """Return in which precision ``detector`` scores many crops on its device.

    On a CPU with bf16 units this takes the time of about twelve pictures, once per detector.
    """
    device = detector.device.type
    if device != CPU or not has_bf16_units():
        return Settled(default_precision(detector.device))
    state = state_of(detector)
    known = _KNOWN.get(detector)
    if known is None or known[0] != state:
        gap = bf16_gap(detector)
        known = _KNOWN[detector] = state, Settled("bf16" if gap <= BF16_BOUND else "fp32", gap)
        log.info("%s is scored in %s", detector.key_name, known[1].words())
    return known[1]


def scoring_precision(detector: Detector, asked: str | None = None, kind: str = "") -> str:
    """Return ``asked``, or else the precision in which ``detector`` scores many crops.

    Args:
        kind: type of the device that will score, if it is not the detector's: ``cpu`` or ``cuda``
    """
    if asked:
        return asked
    other = kind and kind != detector.device.type
    return default_precision(kind) if other else settled(detector).precision


def bf16_gap(detector: Detector) -> float:
    """Return an estimate from above of the largest gap of p_fake between bf16 and fp32.

    It is measured on eight seeded pictures as the gap of the margins. p_fake changes by at most a
    quarter of its margin, so a head that is sure of these pictures does not hide an error.
    """
    pixels = _pictures(detector.backbone.preprocess.size)
    margins = [detector.score_pixels(pixels, name).margin for name in ("fp32", "bf16")]
    gap = float(abs(margins[0] - margins[1]).max()) / 4 * _OF_THOUSANDS
    return gap if math.isfinite(gap) else math.inf


def _pictures(side: int) -> torch.Tensor:
    """Return uint8 (N, 3, side, side): smooth, from coarse to fine, with noise."""
    generator = torch.Generator().manual_seed(18)
    found = []
    for number in range(_PICTURES):
        shape = (1, 3, 3 + 2 * number, 3 + 2 * number)
        coarse = 255 * torch.rand(shape, generator=generator)
        smooth = F.interpolate(coarse, (side, side), mode="bicubic")
        found.append(smooth + 2 * torch.randn((1, 3, side, side), generator=generator))
    return torch.cat(found).round().clamp(0, 255).to(torch.uint8)
