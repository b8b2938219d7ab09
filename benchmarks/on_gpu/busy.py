"""Measures how busy the GPU and the cores are while something runs."""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
import time
from statistics import mean
from typing import Any

import psutil
import torch

from .machine import cores


class Busy:
    """Shares of a with-block's time in which a GPU kernel ran, and in which the cores worked.

    Only the work of this process and its descendants counts, on the cores that it may use: a
    container shares its machine with others.

    Attributes:
        gpu: in [0, 1], by the driver's count; None if it gives none
        cpu: in [0, 1], mean over the cores that this process may use
    """

    def __init__(self, device: torch.device) -> None:
        self.gpu: float | None = None
        self.cpu = 0.0
        self._samples: list[int] = []
        self._began = self._spent = 0.0
        self._gpu = _Card(device) if device.type == "cuda" else None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Busy:
        self._thread.start()
        self.forget()
        return self

    def __exit__(self, *_: Any) -> None:
        self.hold()

    def hold(self) -> None:
        """End the means now, to leave out what ends after the work; further calls do nothing."""
        if self._stop.is_set():
            return
        self._stop.set()
        spent, took = _spent() - self._spent, time.perf_counter() - self._began
        self.cpu = min(1.0, max(0.0, spent / (took * cores())))
        self._thread.join(5)
        if self._samples:
            self.gpu = mean(self._samples) / 100

    def forget(self) -> None:
        """Restart the means, to leave out the start-up."""
        self._began, self._spent = time.perf_counter(), _spent()
        self._samples.clear()

    @property
    def words(self) -> str:
        """The shares in words: ``GPU 80 % busy, cores 95 % busy``."""
        gpu = "" if self.gpu is None else f"GPU {self.gpu:.0%} busy, "
        return f"{gpu}cores {self.cpu:.0%} busy"

    def _watch(self) -> None:
        while self._gpu is not None and not self._stop.wait(0.1):
            share = self._gpu.utilization()
            if share is None:
                return
            self._samples.append(share)


def _spent() -> float:
    """Return the seconds of processor time of this process and its descendants, ended or not."""
    here = psutil.Process()
    total = 0.0
    for process in [here, *here.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            total += sum(process.cpu_times()[:4])  # own, and that of children it has waited for
    return total


class _Utilization(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class _Card:
    """A card in NVML, the library that comes with the driver."""

    def __init__(self, device: torch.device) -> None:
        self.library: Any = None
        self.handle = ctypes.c_void_p()
        name = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
        # By its uuid, because the driver does not use CUDA_VISIBLE_DEVICES.
        uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
        try:
            library = ctypes.CDLL(name)
            found = uuid is not None and not library.nvmlInit_v2()
            text = f"GPU-{uuid}".encode()
            if found and not library.nvmlDeviceGetHandleByUUID(text, ctypes.byref(self.handle)):
                self.library = library
        except (OSError, AttributeError):
            return  # another maker's card, or a driver without the library

    def utilization(self) -> int | None:
        """Return the percentage of the last moment in which a kernel ran, or None if unknown."""
        if self.library is None:
            return None
        found = _Utilization()
        failed = self.library.nvmlDeviceGetUtilizationRates(self.handle, ctypes.byref(found))
        return None if failed else int(found.gpu)
