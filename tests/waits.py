"""Counts what would make the host wait for a GPU, on any device: the calls, by line of code.

On a GPU ``torch.cuda.set_sync_debug_mode`` counts them (``benchmarks/gpu.py``); here torch's own
modes see the same calls on CPU tensors, so that a wait that comes back fails in CI.
"""

from __future__ import annotations

import traceback
from collections import Counter
from contextlib import ExitStack
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

#: Kernels whose result decides the shape or the value that the host needs.
_KERNELS = {
    *("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal"),
    *("_unique2", "unique_dim", "unique_consecutive", "repeat_interleave"),
}
#: Python calls that read a tensor.
_READS = {"cpu", "tolist", "item", "numpy", "__bool__", "__int__", "__float__", "__array__"}


class _Kernels(TorchDispatchMode):
    def __init__(self, seen: Counter[str]) -> None:
        super().__init__()
        self._seen = seen

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        masks = (torch.bool, torch.uint8)
        by_mask = name in ("index", "index_put", "index_put_") and any(
            one is not None and one.dtype in masks for one in args[1]
        )
        if name in _KERNELS or by_mask:
            self._seen[_place(name)] += 1
        return func(*args, **(kwargs or {}))


class _Reads(TorchFunctionMode):
    def __init__(self, seen: Counter[str]) -> None:
        super().__init__()
        self._seen = seen

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in _READS:
            self._seen[_place(name)] += 1
        return func(*args, **(kwargs or {}))


class Waits(Counter[str]):
    """``with Waits() as found``: number of calls by ``module.function: call``."""

    def __enter__(self) -> Waits:
        self._stack = ExitStack()
        self._stack.enter_context(_Reads(self))
        self._stack.enter_context(_Kernels(self))
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)


def _place(call: str) -> str:
    """The innermost function of this project on the stack, and the call."""
    for frame in reversed(traceback.extract_stack()):
        path = frame.filename.replace("\\", "/")
        ours = any(f"/{room}/" in path for room in ("detector", "training"))
        if ours and "/tests/" not in path and "/site-packages/" not in path:
            module = path.rpartition("/")[2].removesuffix(".py")
            return f"{module}.{frame.name}: {call}"
    return f"elsewhere: {call}"
