"""Turns a stored picture into the one that players show: square pixels, mirrored, turned.

The display matrix of ISO/IEC 14496-12 (8.5.2, ``tkhd``) maps stored to shown positions. Players
honour its turn and mirroring and the aspect ratio of a pixel; its scale and shift concern other
tracks, and an angle between quarter turns is rounded as they round it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

# Beyond this a header is damaged rather than a picture anamorphic; players ignore such ratios too.
_MOST_ASPECT = 16


@dataclass(frozen=True, slots=True)
class Display:
    """How a stored picture is shown. First the pixels are made square, then mirrored, then turned.

    Attributes:
        rotation: degrees counterclockwise, in {0, 90, 180, 270}
        mirrored: left and right change places before the turn
        pixel_aspect: width of a stored pixel divided by its height
    """

    rotation: int = 0
    mirrored: bool = False
    pixel_aspect: Fraction = Fraction(1)

    @property
    def plain(self) -> bool:
        """True if the stored picture is the shown one."""
        return not self.rotation and not self.mirrored and self.pixel_aspect == 1

    def square(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) with square pixels, before the turn; the longer way, nothing is lost."""
        ratio = self.pixel_aspect
        if ratio > 1:
            return max(1, round(width * ratio)), height
        return width, max(1, round(height / ratio))

    def shown(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of the shown picture of a stored one."""
        width, height = self.square(width, height)
        return (height, width) if self.rotation in (90, 270) else (width, height)

    def upright(self, picture: np.ndarray) -> np.ndarray:
        """Return ``picture`` (H, W, 3), whose pixels are square, mirrored and turned as shown."""
        if self.mirrored:
            picture = picture[:, ::-1]
        if self.rotation:
            picture = np.rot90(picture, self.rotation // 90)
        return np.ascontiguousarray(picture)


def display_of(matrix: Sequence[int] | None, pixel_aspect: Fraction | None) -> Display:
    """Return the :class:`Display` for nine numbers of a display matrix and a pixel's aspect ratio.

    Args:
        matrix: a, b, u, c, d, v, x, y, w in 16.16 and 2.30 fixed point, or None
        pixel_aspect: None where the file states none
    """
    aspect = pixel_aspect or Fraction(1)
    if not Fraction(1, _MOST_ASPECT) <= aspect <= _MOST_ASPECT:
        aspect = Fraction(1)
    if matrix is None:
        return Display(pixel_aspect=aspect)
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    if not a and not b:
        return Display(pixel_aspect=aspect)
    turns = round(math.degrees(-math.atan2(b, a)) / 90) % 4
    return Display(90 * turns, mirrored, aspect)
