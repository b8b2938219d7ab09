"""The losses on unit embeddings. Pure functions of a whole batch: gather it first."""

from .gaussian_uniformity import uniformity
from .pair_alignment import alignment

__all__ = ["alignment", "uniformity"]
