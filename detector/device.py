"""Chooses the torch device; only this module resolves device names.

Names are ``auto`` (a CUDA GPU if there is one, else the CPU), ``cpu``, ``cuda``, ``cuda:N`` and
``mps`` (Apple's GPU, untested, only on request). For scoring, ``cuda:all`` means every CUDA GPU of
the machine; elsewhere it means the first. No function imports torch unless it needs it. If torch is
not loaded, :func:`found` asks another process, which takes seconds; forms call :func:`is_known`
first. :func:`exact_float32` turns off TF32 and bf16 shortcuts for fp32.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ForensicsError

if TYPE_CHECKING:
    import torch

AUTO, CPU, CUDA, MPS = "auto", "cpu", "cuda", "mps"
ALL = "cuda:all"
NAMES = (AUTO, CPU, CUDA, MPS)
_ASK = (
    "import torch; print(torch.cuda.device_count(), "
    "int(hasattr(torch.backends, 'mps') and torch.backends.mps.is_available()))"
)


@dataclass(frozen=True, slots=True)
class Found:
    """The devices that torch can use on this machine.

    Attributes:
        gpus: number of CUDA GPUs
        mps: True if Apple's GPU can be used
    """

    gpus: int
    mps: bool

    def words(self) -> str:
        """Return the available devices for an error message: ``torch finds no GPU here``."""
        if self.gpus:
            return f"torch finds {self.gpus} CUDA GPU(s) here"
        return "torch finds only Apple's GPU (mps) here" if self.mps else "torch finds no GPU here"


def checked(device: Any, field: str = "device") -> str:
    """Return the name of ``device``, valid but perhaps unavailable; None and "" give ``auto``.

    Raises:
        ForensicsError: an unknown device name
    """
    name = AUTO if device is None or device == "" else str(device)
    name = name.strip().lower()
    if name not in (*NAMES, ALL) and not re.fullmatch(r"cuda:\d+", name):
        raise ForensicsError(
            f"There is no device {str(device)!r}.",
            f"Known: {', '.join(NAMES)}, cuda:N, {ALL}.",
            field,
        )
    return name


def resolved(device: Any, field: str = "device") -> str:
    """Return the device that ``device`` means on this machine: ``cpu``, ``cuda:1``, ...

    Raises:
        ForensicsError: unknown name, unavailable on this machine, or torch does not load
    """
    name = checked(device, field)
    if name == CPU:
        return CPU
    there = found()
    if name == AUTO:
        return CUDA if there.gpus else CPU
    if name == ALL and there.gpus:
        return CUDA
    number = 0 if name == ALL else int(name.partition(":")[2] or 0)
    if there.mps if name == MPS else number < there.gpus:
        return name
    raise ForensicsError(
        f"The device {name!r} is not available: {there.words()}.",
        "Choose auto or cpu, or install the torch build for your GPU.",
        field,
    )


def several(device: Any, field: str = "device") -> tuple[str, ...]:
    """Return the devices that ``device`` means for work that can be spread; usually one.

    Raises:
        ForensicsError: see :func:`resolved`
    """
    first = resolved(device, field)
    if checked(device, field) != ALL:
        return (first,)
    return tuple(f"{CUDA}:{number}" for number in range(found().gpus))


def described(device: Any) -> str:
    """Return a form's text about the choice, for example ``auto: cpu``; never waits for auto.

    Returns:
        the text; "" while the device behind ``auto`` is not known yet

    Raises:
        ForensicsError: see :func:`resolved`
    """
    name = checked(device)
    if name != AUTO:
        return resolved(name)
    return f"{name}: {resolved(name)}" if is_known() else ""


def torch_device(device: Any = None) -> torch.device:
    """Return the torch device that ``device`` means.

    Raises:
        ForensicsError: see :func:`resolved`
    """
    import torch

    return torch.device(resolved(device))


def sent(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return a host tensor on ``device``, without waiting for a GPU's earlier work."""
    there = tensor.pin_memory() if device.type == CUDA and not tensor.is_cuda else tensor
    return there.to(device, non_blocking=True)


def default_precision(device: Any) -> str:
    """Return the precision of whatever names none: fp16 on CUDA, else fp32.

    Scores of many crops: see :func:`detector.model.scoring_precision.settled`.

    On an H200 fp16 and bf16 are equally fast, and fp16 was ten times closer to fp32 (p_fake of a
    ViT-L/14 differed by up to 9e-5, with bf16 by 1.1e-3).
    """
    return "fp16" if str(device).startswith(CUDA) else "fp32"


PRECISIONS = ("fp32", "bf16", "fp16")  # of a network that scores
EAGER, COMPILE, GRAPHS = ENGINES = ("eager", "compile", "graphs")  # see detector.model.engines
BF16_BOUND = 0.005  # largest difference of p_fake from float32's that bf16 may make by default


def has_bf16_units() -> bool:
    """Return whether this processor multiplies bf16 in hardware: AVX-512 BF16 or AMX, on Linux.

    Where the system does not say so, the answer is False; so it is with MEDIA_FORENSICS_BF16=0 in
    the environment, and if oneDNN is told to use an older instruction set.
    """
    most = os.environ.get("ONEDNN_MAX_CPU_ISA", "ALL").upper()
    if os.environ.get("MEDIA_FORENSICS_BF16") == "0" or not (
        most in ("ALL", "DEFAULT") or "BF16" in most or "AMX" in most
    ):
        return False
    return not _BF16_FLAGS.isdisjoint(_processor_flags())


_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


@functools.cache
def _processor_flags() -> frozenset[str]:
    """Return the flags of the first processor as Linux on x86 lists them, else none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def precision_words(device: Any = None) -> str:
    """Return for a form what ``auto`` means as the precision of scores; never waits for torch."""
    name = checked(device)
    if name == AUTO and not is_known():
        return "fp16 on a GPU, fp32 or bf16 on a CPU"
    if resolved(name).startswith(CUDA):
        return "fp16"
    if not has_bf16_units():
        return "fp32"
    within = f"within {BF16_BOUND:g} of fp32's"
    return f"bf16 if this detector's p_fake then stays {within}, else fp32"


def default_batch(device: Any) -> int:
    """Return the default number of pictures per forward pass."""
    return 128 if str(device).startswith(CUDA) else 32


@contextmanager
def exact_float32() -> Iterator[None]:
    """Compute in true float32 inside the block: no TF32 on a GPU, no bf16 on a CPU.

    By default cuDNN rounds the factors of convolutions to TF32 (10 bits);
    ``torch.set_float32_matmul_precision`` can do the same to matrix products. The switches apply to
    the whole process. While any thread is inside, all threads compute exactly; the last to leave
    restores the settings that the first one found. Blocks may be nested.
    """
    with _exact.lock:
        if not _exact.inside:
            _exact.before = _turned_exact()
        _exact.inside += 1
    try:
        yield
    finally:
        with _exact.lock:
            _exact.inside -= 1
            if not _exact.inside:
                _put_back(*_exact.before)


class _exact:  # state of the process
    lock = threading.Lock()
    inside = 0
    before: tuple[bool | None, str | None, list[str]]


def _turned_exact() -> tuple[bool | None, str | None, list[str]]:
    """Switch to float32 and return the settings before: cuDNN's, that of products, the finer ones.

    torch refuses to read one of the first two if the newer, finer ones contradict it; then it is
    None.
    """
    import torch

    # torch 2.9 to 2.11 warn about the older switches, the only ones before 2.9
    warnings.filterwarnings("ignore", "Please use the new API settings to control TF32")
    convolutions = products = None
    with contextlib.suppress(RuntimeError):
        convolutions = torch.backends.cudnn.allow_tf32
    with contextlib.suppress(RuntimeError):
        products = torch.get_float32_matmul_precision()
    finer = [part.fp32_precision for part in _fine_switches()]
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    for part in _fine_switches():
        part.fp32_precision = "ieee"
    return convolutions, products, finer


def _put_back(convolutions: bool | None, products: str | None, finer: list[str]) -> None:
    import torch

    if convolutions is not None:
        torch.backends.cudnn.allow_tf32 = convolutions
    if products is not None:
        torch.set_float32_matmul_precision(products)
    for part, value in zip(_fine_switches(), finer, strict=True):
        part.fp32_precision = value


def _fine_switches() -> list[Any]:
    """Return the precision switches per backend and operation (torch 2.9 and later), or []."""
    import torch

    backends: Any = torch.backends
    if not hasattr(backends.cudnn, "conv"):
        return []
    gpu = [backends.cudnn.conv, backends.cudnn.rnn, backends.cuda.matmul]
    return [*gpu, backends.mkldnn.conv, backends.mkldnn.matmul]


def gpu_in_use() -> bool:
    """Return whether this process has used a CUDA GPU; returns at once."""
    return _loaded() and sys.modules["torch"].cuda.is_initialized()


def is_known() -> bool:
    """Return whether :func:`found` answers at once; if not, start the query in the background."""
    return _loaded() or _question(os.getpid()).done()


def found() -> Found:
    """Return the devices that torch can use; takes seconds once if torch is not loaded.

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
        _question.cache_clear()  # the package may be repaired in the meantime
        raise


def _loaded() -> bool:
    return hasattr(sys.modules.get("torch"), "cuda")


@functools.lru_cache(maxsize=1)
def _question(process: int) -> Future[Found]:
    """Ask another process, once per ``process``: after a fork, the waiting thread is gone."""
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
