"""Computes the uniformity loss, which spreads embeddings of all classes over the hypersphere."""

from __future__ import annotations

import torch
from torch import Tensor

FLOOR = 1e-6
"""Least mean potential, as in the released code: the loss is at least log(1e-6) = -13.8."""


def uniformity(embeddings: Tensor, t: float = 2.0) -> Tensor:
    """Return the logarithm of the mean Gaussian potential over all pairs of rows of any label.

    ``log(max(mean over i < j of exp(-t * ||z_i - z_j||^2), 1e-6))``

    Wang and Isola 2020, arXiv 2005.10242, L_uniform. t = 2 as in the released code of Yermakov et
    al. 2025 (the text of their paper amounts to t = 1). For fewer than two rows their code gives
    NaN and then drops the term; this function gives 0.

    Args:
        embeddings: (N, D) unit rows, any float type; computed in float32
        t: factor of the squared distance, more than 0

    Returns:
        scalar float32 in [-13.8, 0]; 0 without gradient for fewer than two rows
    """
    z = embeddings.float()
    n = len(z)
    if n < 2:
        return z.new_zeros(())
    # One matrix product instead of pdist, which has no half-precision kernel and is slower.
    squares = z.square().sum(1)
    distances = (squares[:, None] + squares[None, :] - 2.0 * (z @ z.T)).clamp(min=0.0)
    above = torch.triu_indices(n, n, offset=1, device=z.device)
    potential = torch.exp(-t * distances[above[0], above[1]]).mean()
    return potential.clamp(min=FLOOR).log()
