"""Computes the class alignment loss, which draws embeddings of one class together."""

from __future__ import annotations

import torch
from torch import Tensor


def alignment(embeddings: Tensor, labels: Tensor, power: float = 2.0) -> Tensor:
    """Return the mean of distance ** ``power`` over all pairs of rows with the same label.

    ``mean over i < j with y_i = y_j of ||z_i - z_j||_2 ** power``

    Wang and Isola 2020, arXiv 2005.10242, eq. for L_align, made label-aware as in Yermakov et al.
    2025 (arXiv 2503.19683 and 2508.06248). As in their released code, there is no factor 1/2 (the
    text of the paper has one), the mean runs over the pairs of all classes together, and a batch
    without a pair gives 0. Nothing here waits for the device: the rows are not sorted by class,
    each class's mean is a product with the matrix of equal labels.

    Args:
        embeddings: (N, D) unit rows, any float type; computed in float32
        labels: (N,) integers
        power: exponent, more than 0

    Returns:
        scalar float32 in [0, 2 ** power]; 0 if no two labels agree
    """
    if len(embeddings) != len(labels):
        raise ValueError(f"{len(embeddings)} embeddings but {len(labels)} labels")
    z = embeddings.float()
    if len(z) < 2:
        return z.new_zeros(())
    same = labels[:, None] == labels[None, :]
    sizes = same.sum(1)  # of each row's class
    pairs = ((sizes - 1).sum() / 2).clamp(min=1)
    if power == 2.0:
        # sum over i<j ||z_i - z_j||^2 = n * sum ||z_i - mean||^2, without cancellation.
        means = (same.float() @ z) / sizes[:, None]
        return (sizes * (z - means).square().sum(1)).sum() / pairs
    above = torch.triu_indices(len(z), len(z), offset=1, device=z.device)
    equal = same[above[0], above[1]]
    distances = torch.where(equal, torch.pdist(z), 1.0)
    return (distances.pow(power) * equal).sum() / pairs
