"""Makes clips in a pool of threads, each with its own face detector on the CPU.

Decoding, warping and encoding release the GIL; threads start at once and share the footage, unlike
processes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

from ...detector.errors import Cancelled
from ...detector.faces.detectors import load_face_detector
from ...detector.faces.interface import FaceDetector
from ...detector.progress import Progress, ShouldStop

Unit = TypeVar("Unit")


@contextmanager
def _torch_threads_restored() -> Iterator[None]:
    """Restore torch's number of threads on exit; it is a setting of the whole process."""
    import torch

    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


class ClipPool:
    """A pool that counts finished files; after the first error the others end at their next file.

    Args:
        progress: called with (files done, files in total, text)
        total: number of files
        done: how many of them are there already
    """

    def __init__(self, progress: Progress, total: int, done: int) -> None:
        self._progress = progress
        self._total = total
        self._done = done
        self._lock = threading.Lock()
        self._local = threading.local()  # a detector must not be shared between threads
        self._stop = threading.Event()

    @property
    def stopped(self) -> bool:
        """Whether no further file should be begun."""
        return self._stop.is_set()

    def count(self, text: str) -> None:
        """Report one finished file."""
        with self._lock:
            self._done += 1
            self._progress(self._done, self._total, text)

    def run(
        self,
        units: Iterable[Unit],
        make: Callable[[Unit], None],
        workers: int,
        should_stop: ShouldStop,
    ) -> None:
        """Call ``make`` for all units.

        Raises:
            Cancelled: stopped by the user; finished files are kept
        """
        self._progress(self._done, self._total, "clips")
        with _torch_threads_restored(), ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
            pending = {pool.submit(make, unit) for unit in units}
            try:
                while pending:
                    done, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
                    if should_stop():
                        raise Cancelled("The demo corpus is not finished.", "Run it again.")
            finally:
                self._stop.set()
                for future in pending:
                    future.cancel()

    def detector(self) -> FaceDetector:
        """Return the calling thread's own detector."""
        if not hasattr(self._local, "detector"):
            # Always on the CPU, so that the corpus does not depend on the machine's GPU.
            import torch

            # The pool fills the cores; more threads inside each detector would wait for each other.
            torch.set_num_threads(1)
            with self._lock:  # the first thread may have to download the weights
                self._local.detector = load_face_detector(
                    "retinaface_mobile0.25", device="cpu", allow_download=True
                )
        return self._local.detector
