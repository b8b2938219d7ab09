"""Computes margins and angles of embeddings from a detector's head, on the host."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from torch import nn

from .backbone import state_of

_Arrays = tuple[np.ndarray, np.ndarray]
_KNOWN: WeakKeyDictionary[nn.Linear, tuple[Any, _Arrays]] = WeakKeyDictionary()


def head_arrays(head: nn.Linear) -> _Arrays:
    """Return weight (2, D) and bias (2,) of a head as float64 arrays, not to be changed.

    They are kept until the head changes: a copy from a GPU waits for all that is queued there.
    """
    state = state_of(head)
    known = _KNOWN.get(head)
    if known is None or known[0] != state:
        weight = head.weight.detach().cpu().double().numpy()
        bias = np.zeros(2) if head.bias is None else head.bias.detach().cpu().double().numpy()
        known = _KNOWN[head] = state, (weight, bias)
    return known[1]


def margin(embeddings: np.ndarray, head: nn.Linear) -> np.ndarray:
    """Return the margin m = (w1 - w0)·z + (b1 - b0) of unit embeddings (N, D) -> (N,).

    p_fake = sigmoid(m). For a head on raw features (``normalize=False``) use the difference of the
    logits instead.
    """
    weight, bias = head_arrays(head)
    return np.asarray(embeddings, np.float64) @ (weight[1] - weight[0]) + (bias[1] - bias[0])


def angle(embeddings: np.ndarray, head: nn.Linear) -> np.ndarray:
    """Return degrees in [0, 180] between unit embeddings (N, D) and the fake axis w1 - w0 -> (N,).

    NaN if the axis has no direction (both rows of the head are equal).
    """
    weight, _ = head_arrays(head)
    axis = weight[1] - weight[0]
    length = float(np.linalg.norm(axis))
    if length == 0:
        return np.full(len(embeddings), np.nan)
    cosine = np.asarray(embeddings, np.float64) @ (axis / length)
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
