"""Chooses the torch device: the only place that knows what there is and what a name means.

Names are ``auto`` (a CUDA GPU where there is one, else the CPU), ``cpu``, ``cuda``, ``cuda:N`` and
``mps`` (Apple's GPU, only when asked for: nobody has run it). Nothing here imports torch before it
is asked for; :func:`found` asks another process where this one has not loaded it. That takes
seconds, so forms ask :func:`is_known` first.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import ForensicsError

if TYPE_CHECKING:
    import torch

AUTO, CPU, CUDA, MPS = "auto", "cpu", "cuda", "mps"
NAMES = (AUTO, CPU, CUDA, MPS)
_ASK = (
    "import torch; print(torch.cuda.device_count(), "
    "int(hasattr(torch.backends, 'mps') and torch.backends.mps.is_available()))"
)


@dataclass(frozen=True, slots=True)
class Found:
    """What torch can use on this machine.

    Attributes:
        gpus: number of CUDA GPUs
        mps: True if Apple's GPU can be used
    """

    gpus: int
    mps: bool

    def words(self) -> str:
        """Return what there is, for an error: ``torch finds no GPU here``."""
        if self.gpus:
            return f"torch finds {self.gpus} CUDA GPU(s) here"
        return "torch finds only Apple's GPU (mps) here" if self.mps else "torch finds no GPU here"


def checked(device: Any, field: str = "device") -> str:
    """Return the name of ``device``, known but not necessarily there; None and "" are ``auto``.

    Raises:
        ForensicsError: there is no such device
    """
    name = AUTO if device is None or device == "" else str(device)
    name = name.strip().lower()
    if name not in NAMES and not re.fullmatch(r"cuda:\d+", name):
        raise ForensicsError(
            f"There is no device {str(device)!r}.", f"Known: {', '.join(NAMES)}, cuda:N.", field
        )
    return name


def resolved(device: Any, field: str = "device") -> str:
    """Return the device that ``device`` stands for on this machine: ``cpu``, ``cuda:1``, ...

    Raises:
        ForensicsError: there is no such device, it is not on this machine, or torch does not load
    """
    name = checked(device, field)
    if name == CPU:
        return CPU
    there = found()
    if name == AUTO:
        return CUDA if there.gpus else CPU
    number = int(name.partition(":")[2] or 0)
    if there.mps if name == MPS else number < there.gpus:
        return name
    raise ForensicsError(
        f"The device {name!r} is not there: {there.words()}.",
        "Choose auto or cpu, or install the torch build for your GPU.",
        field,
    )


def described(device: Any) -> str:
    """Return what a form says about the choice, for example ``auto: cpu``; never waits for auto.

    Returns:
        the words; "" while it is not known yet which device ``auto`` is

    Raises:
        ForensicsError: see :func:`resolved`
    """
    name = checked(device)
    if name != AUTO:
        return resolved(name)
    return f"{name}: {resolved(name)}" if is_known() else ""


def torch_device(device: Any = None) -> torch.device:
    """Return the torch device that ``device`` stands for.

    Raises:
        ForensicsError: see :func:`resolved`
    """
    import torch

    return torch.device(resolved(device))


def default_precision(device: Any) -> str:
    """Return the precision of a forward pass where none is asked for: bf16 on CUDA, else fp32."""
    return "bf16" if str(device).startswith(CUDA) else "fp32"


def is_known() -> bool:
    """Return whether :func:`found` answers at once; where it does not, start asking meanwhile."""
    return _loaded() or _question(os.getpid()).done()


def found() -> Found:
    """Return what torch can use here; takes seconds the first time where torch is not loaded.

    Raises:
        ForensicsError: torch cannot be loaded
    """
    if _loaded():
        torch: Any = sys.modules["torch"]
        mps = getattr(torch.backends, MPS, None)
        return Found(torch.cuda.device_count(), bool(mps and mps.is_available()))
    try:
        return _question(os.getpid()).result()
    except ForensicsError:
        _question.cache_clear()  # the package may be mended meanwhile
        raise


def _loaded() -> bool:
    return hasattr(sys.modules.get("torch"), "cuda")


@functools.lru_cache(maxsize=1)
def _question(process: int) -> Future[Found]:
    """What another process is asked, once; a forked ``process`` has no thread that waits for it."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="which-device")
    try:
        return pool.submit(_asked_apart)
    finally:
        pool.shutdown(wait=False)


def _asked_apart() -> Found:
    done = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True)
    answer = done.stdout.split()[-2:]
    if done.returncode or len(answer) != 2:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise ForensicsError(f"torch cannot be loaded: {last}", "Install the plugin again.")
    return Found(int(answer[0]), answer[1] == "1")
