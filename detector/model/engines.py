"""Runs a tower as it is, compiled by ``torch.compile``, or recorded as a CUDA graph.

The last two are made for one size of batch: smaller ones are filled up, so nothing is made again
for the last batch of a list. Making takes up to minutes, which :meth:`Detector.use_engine` spends
before the first crop, so that no rate contains it. Compiled kernels round less between operations,
so scores differ within the tolerance of their precision.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import types
from collections.abc import Callable
from typing import Any

import torch

from ..device import CUDA, EAGER, ENGINES, GRAPHS
from ..errors import ForensicsError

Tower = Callable[[torch.Tensor], torch.Tensor]
_COMPILERS = ("g++", "clang++", "c++", "cl")
_OLDEST = (7, 0)  # compute capability for which Triton has kernels


def require_engine(name: str, device: str) -> None:
    """Check that an engine can run on a device.

    Args:
        name: one of :data:`detector.device.ENGINES`
        device: type of the device, such as ``cpu``

    Raises:
        ForensicsError: it is unknown, or something that it needs is missing
    """
    if name not in ENGINES:
        raise ForensicsError(
            f"There is no engine {name!r}.", f"Known: {', '.join(ENGINES)}.", "engine"
        )
    missing = _missing(name, device)
    if missing:
        raise ForensicsError(
            f"The engine {name!r} cannot run on {device}: {missing}.",
            f"Choose {EAGER!r}, or provide what is missing.",
            "engine",
        )


def _missing(name: str, device: str) -> str:
    """Return what an engine lacks on a device, or ""."""
    if name == EAGER:
        return ""
    if name == GRAPHS:
        return "" if device == CUDA else "CUDA graphs exist only on CUDA GPUs"
    own = os.environ.get("CXX")
    if device != CUDA:
        found = any(map(shutil.which, (own,) if own else _COMPILERS))
        return "" if found else f"there is no C++ compiler ({own or ', '.join(_COMPILERS)})"
    if importlib.util.find_spec("triton") is None:
        return "the package triton is not installed"
    if torch.cuda.get_device_capability() < _OLDEST:
        return "Triton has no kernels for this GPU"
    return ""


class Engine:
    """The way in which a detector runs its tower.

    Args:
        name: one of :data:`detector.device.ENGINES`
        batch: pictures of a forward pass; a call with more is cut into several
        precision: for which it is; a call in another runs the tower as it is
    """

    def __init__(self, name: str = EAGER, batch: int = 1, precision: str = "") -> None:
        self.name, self.batch, self.precision = name, batch, precision
        self._made: tuple[Any, Tower] | None = None

    def again(self) -> Engine:
        """Return an engine of the same settings with nothing made, for another device."""
        return Engine(self.name, self.batch, self.precision)

    def run(self, tower: Tower, state: Any, x: torch.Tensor, precision: str) -> torch.Tensor:
        """Return ``tower(x)`` for pictures (N, 3, S, S).

        Args:
            state: changes when what was made of ``tower`` is no longer valid
            precision: in which ``tower`` computes

        Raises:
            ForensicsError: the compiler or the recording fails
        """
        if self.name == EAGER or precision != self.precision:
            return tower(x)
        key = (tower, state, x.shape[1:], x.dtype, x.device)
        if self._made is None or self._made[0] != key:
            self._made = None  # frees a graph's memory first
            self._made = key, self._make(tower, x)
        made = self._made[1]
        return torch.cat([self._filled(made, part) for part in x.split(self.batch)])

    def _filled(self, made: Tower, part: torch.Tensor) -> torch.Tensor:
        count = len(part)
        if count < self.batch:
            part = torch.cat([part, part.new_zeros((self.batch - count, *part.shape[1:]))])
        return made(part)[:count]

    def _make(self, tower: Tower, x: torch.Tensor) -> Tower:
        empty = x.new_zeros((self.batch, *x.shape[1:]))
        try:
            made = _Graph(tower, empty) if self.name == GRAPHS else _compiled(tower)
            made(empty)
        except Exception as error:  # whatever a compiler, a driver or torch says
            last = (str(error).strip().splitlines() or ["no message"])[0]
            raise ForensicsError(
                f"The engine {self.name!r} fails with this tower on {x.device}: "
                f"{type(error).__name__}: {last[:200]}",
                f"Choose {EAGER!r}.",
                "engine",
            ) from error
        return made


def _compiled(tower: Tower) -> Tower:
    """Return ``tower`` compiled, as a function of its own.

    torch counts compilations for each code object and gives up after eight; so each tower gets one.
    """

    def run(x: torch.Tensor) -> torch.Tensor:
        return tower(x)

    code = run.__code__.replace(co_name="tower")
    own = types.FunctionType(code, run.__globals__, "tower", None, run.__closure__)
    return torch.compile(own, dynamic=False, fullgraph=True)


class _Graph:
    """A forward pass recorded once as a CUDA graph.

    Args:
        tower: must not wait for the device
        x: input of the size that every call has
    """

    def __init__(self, tower: Tower, x: torch.Tensor) -> None:
        self._x = x.clone()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(x.device):
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):  # what libraries allocate at first use is not recorded
                for _ in range(3):
                    tower(self._x)
            torch.cuda.current_stream().wait_stream(side)
            # threads that decode go on allocating pinned memory
            with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                self._y = tower(self._x)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        self._x.copy_(x)
        self._graph.replay()
        return self._y.clone()
