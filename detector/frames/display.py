"""Turns a stored picture into the shown one: square pixels, mirrored, rotated.

The display matrix of ISO/IEC 14496-12 (8.5.2, ``tkhd``) maps stored to shown positions. Like
players, this module applies its rotation and mirroring and the pixel aspect ratio. It ignores scale
and shift, which concern other tracks, and rounds an angle to the nearest quarter turn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

# A larger ratio means a damaged header, not an anamorphic picture; players ignore it too.
_MOST_ASPECT = 16


@dataclass(frozen=True, slots=True)
class Display:
    """How a stored picture is shown: pixels are made square, then mirrored, then rotated.

    Attributes:
        rotation: degrees counterclockwise, in {0, 90, 180, 270}
        mirrored: True if left and right are swapped before the rotation
        pixel_aspect: width of a stored pixel divided by its height
    """

    rotation: int = 0
    mirrored: bool = False
    pixel_aspect: Fraction = Fraction(1)

    @property
    def plain(self) -> bool:
        """True if the stored picture equals the shown one."""
        return not self.rotation and not self.mirrored and self.pixel_aspect == 1

    def square(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) with square pixels before rotation; only ever enlarges."""
        ratio = self.pixel_aspect
        if ratio > 1:
            return max(1, round(width * ratio)), height
        return width, max(1, round(height / ratio))

    def shown(self, width: int, height: int) -> tuple[int, int]:
        """Return (width, height) of the shown picture of a stored one."""
        width, height = self.square(width, height)
        return (height, width) if self.rotation in (90, 270) else (width, height)

    def upright(self, picture: np.ndarray) -> np.ndarray:
        """Return ``picture`` (H, W, 3), which has square pixels, mirrored and rotated as shown."""
        if self.mirrored:
            picture = picture[:, ::-1]
        if self.rotation:
            picture = np.rot90(picture, self.rotation // 90)
        return np.ascontiguousarray(picture)


def display_of(matrix: Sequence[int] | None, pixel_aspect: Fraction | None) -> Display:
    """Return the :class:`Display` of a display matrix and a pixel aspect ratio.

    Args:
        matrix: the nine numbers a, b, u, c, d, v, x, y, w in 16.16 and 2.30 fixed point, or None
        pixel_aspect: width / height of a stored pixel; None if the file states none
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
