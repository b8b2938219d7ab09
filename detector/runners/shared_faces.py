"""Shares one face network among the processes of a pool, which decode, crop and write.

A process has a :class:`RemoteDetector`, which shrinks its frames and sends them through the pool's
pipe. The parent process reads them into memory from which the device copies directly, and queues
them. The thread of each network takes the request that has waited longest, together with all frames
of the same size, up to the device's batch. While it computes, the next batch collects. Only
candidates are sent back; each process selects faces from its own. Only the network needs torch.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..device import CPU
from ..errors import Cancelled, ForensicsError
from ..faces.batches import BatchedDetector, Candidates
from ..faces.interface import FaceDetector
from ..faces.landmarks import LandmarkRefiner, RefinedDetector
from .attached import Attached

FRAMES, SQUARES = "frames", "squares"
_REQUEST_PIXELS = 640 * 640 * 64  # maximum that a process sends at a time
Ask = Callable[[Any, Sequence[np.ndarray]], Any]


@dataclass(frozen=True, slots=True)
class SharedFaces:
    """The description of a face detector that runs in the parent process.

    Attributes:
        name, sha256, device: of the detector (the hash excludes the landmark refiner)
        refiner_sha256: of the network that refines landmarks; None if they are not refined
    """

    name: str
    sha256: str
    device: str
    refiner_sha256: str | None = None

    def detector(self, ask: Ask) -> FaceDetector:
        """Return the detector for a process with the function ``ask`` of its pool."""
        remote = RemoteDetector(self, ask)
        if self.refiner_sha256 is None:
            return remote
        return RefinedDetector(remote, LandmarkRefiner(_RemotePoints(ask), self.refiner_sha256))


class RemoteDetector(BatchedDetector):
    """A face detector whose network runs in the parent process.

    Args:
        shared: description of the detector
        ask: see :class:`process_pool.PoolWork`
    """

    def __init__(self, shared: SharedFaces, ask: Ask) -> None:
        super().__init__(shared.name, shared.sha256, shared.device, _REQUEST_PIXELS)
        self._ask = ask

    def candidates(self, images: Sequence[np.ndarray], threshold: float) -> list[Candidates]:
        """Return candidates, see :meth:`BatchedDetector.candidates`."""
        shape = (len(images), *images[0].shape)
        return self._ask((FRAMES, shape, threshold), [np.ascontiguousarray(i) for i in images])


class _RemotePoints:
    """A :class:`landmarks.PointNetwork` that runs in the parent process."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def points(self, images: np.ndarray) -> np.ndarray:
        return self._ask((SQUARES, images.shape, 0.0), [images])


def shared_of(detector: FaceDetector) -> SharedFaces | None:
    """Return the description with which processes share ``detector``; None if not possible."""
    refiner = None
    if isinstance(detector, RefinedDetector):
        detector, refiner = detector.detector, detector.refiner.sha256
    if not hasattr(detector, "candidates_of"):
        return None
    return SharedFaces(detector.name, detector.sha256, detector.device, refiner)


def is_shared_by_default(detector: FaceDetector) -> bool:
    """Return whether a pool's processes share ``detector`` by default: on a GPU, if possible."""
    return detector.device != CPU and shared_of(detector) is not None


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """A process's request: pictures of one size, or squares (``threshold`` is None)."""

    pictures: Any
    threshold: float | None
    result: Future[Any] = field(default_factory=Future)

    @property
    def pixels(self) -> int:
        count, height, width = self.pictures.shape[:3]
        return count * height * width

    def goes_with(self, other: _Job) -> bool:
        """Return whether both requests fit into one batch."""
        same = self.threshold == other.threshold and self.threshold is not None
        return same and self.pictures.shape[1:] == other.pictures.shape[1:]


class FaceServer:
    """Runs face networks for other processes; their pool calls :meth:`answer`.

    Args:
        detectors: equal detectors that can be shared (:func:`shared_of`), one per device
    """

    def __init__(self, detectors: Sequence[FaceDetector]) -> None:
        self._came = threading.Condition()
        self._line: deque[_Job] = deque()
        self._closed = False
        self._buffer = _network(detectors[0]).buffer
        self._device = detectors[0].device
        self._threads = [
            threading.Thread(target=self._serve, args=(detector,), daemon=True, name="face-network")
            for detector in detectors
        ]
        for thread in self._threads:
            thread.start()

    def answer(self, question: tuple[str, tuple[int, ...], float], attached: Attached) -> Any:
        """Answer a request of a :class:`RemoteDetector`; waits for the result.

        Returns:
            the candidates of each frame, or the points of squares

        Raises:
            ForensicsError: the network failed
        """
        try:
            return self._waited(self._job(question, attached))
        except (ForensicsError, EOFError):  # EOFError: the asking process has died
            raise
        except Exception as error:  # whatever torch or a driver raises: memory, a lost device
            raise ForensicsError(
                f"The face network failed on {self._device}: {type(error).__name__}: {error}",
                "What was finished is kept; run it again to continue, or with the device cpu.",
                "device",
            ) from error

    def _job(self, question: tuple[str, tuple[int, ...], float], attached: Attached) -> _Job:
        kind, shape, threshold = question
        if kind == SQUARES:
            squares = np.empty(shape, np.uint8)
            attached.read_into(squares)
            return _Job(squares, None)
        frames = self._buffer(*shape[:3])
        attached.read_into(frames.numpy())
        return _Job(frames, threshold)

    def _waited(self, job: _Job) -> Any:
        with self._came:
            if self._closed:
                raise Cancelled("Stopped.", "Run it again to continue.")
            self._line.append(job)
            self._came.notify()
        return job.result.result()

    def close(self) -> None:
        """Answer the waiting requests, then end."""
        with self._came:
            self._closed = True
            self._came.notify_all()
        for thread in self._threads:
            thread.join()

    def _serve(self, detector: FaceDetector) -> None:
        network = _network(detector)
        while jobs := self._next(network.batch_pixels):
            try:
                self._run(network, detector, jobs)
            except BaseException as error:  # passed on to the waiting requests
                told = error if isinstance(error, Exception) else RuntimeError(repr(error))
                for job in jobs:
                    if not job.result.done():
                        job.result.set_exception(told)

    def _next(self, most: int) -> list[_Job]:
        """Return the oldest request and those that fit its batch; [] at the end."""
        with self._came:
            while not (self._line or self._closed):
                self._came.wait()
            chosen: list[_Job] = []
            pixels = 0
            for job in self._line:
                fits = not chosen or (job.goes_with(chosen[0]) and pixels + job.pixels <= most)
                if fits:
                    chosen.append(job)
                    pixels += job.pixels
            self._line = deque(job for job in self._line if job not in chosen)
            return chosen

    @staticmethod
    def _run(network: Any, detector: FaceDetector, jobs: list[_Job]) -> None:
        first = jobs[0]
        if first.threshold is None:
            assert isinstance(detector, RefinedDetector)
            first.result.set_result(detector.refiner.network.points(first.pictures))
            return
        found = network.candidates_of([job.pictures for job in jobs], first.threshold)
        start = 0
        for job in jobs:
            job.result.set_result(found[start : start + len(job.pictures)])
            start += len(job.pictures)


def _network(detector: FaceDetector) -> Any:
    """Return the detector with the network, a :class:`faces.retinaface.RetinaFaceDetector`."""
    return detector.detector if isinstance(detector, RefinedDetector) else detector
