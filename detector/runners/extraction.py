"""Extracts one video in the same way for every runner, and handles what can go wrong.

A video that raises an error, kills its process or hangs becomes a result with a reason.
:mod:`.extract` and :mod:`.ray_runner` assign videos to processes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from ..crops.store import CropStore
from ..crops.subject_policy import resolve_policy
from ..crops.video_work import extract_video
from ..errors import ForensicsError
from ..faces.detectors import detector_of
from ..faces.interface import FaceDetector
from ..faces.leads import Lead
from ..faces.selection import lead_of
from ..faces.video_faces import VideoFaces
from ..progress import ShouldStop
from ..records import CropRecipe, Reason, VideoRecord
from .leading import Task
from .shared_faces import Ask, SharedFaces

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Extraction:
    """The settings that a worker process needs to extract, see :func:`.extract.prepare`.

    Attributes:
        recipe: with the hash of the face detector
        root: folder of the crop stores
        device: torch device of the face detector; None: the GPU if there is one
        weights: weight file of the face detector
        threads: decoder threads, 0: as many as there are cores
        time_limit_seconds: limit for one video
        shared: the face detector, if its network runs in the parent process
    """

    recipe: CropRecipe
    root: str
    device: str | None
    weights: str | None
    threads: int
    time_limit_seconds: float | None
    shared: SharedFaces | None = None

    def load(self, ask: Ask | None = None) -> tuple[FaceDetector, CropStore]:
        """Load the face detector and open the store.

        Args:
            ask: function that sends a question to the parent process, for a shared detector

        Raises:
            ForensicsError: the local weights are not those of the recipe
        """
        if self.shared is not None and ask is not None:
            detector = self.shared.detector(ask)
        else:
            detector = detector_of(self.recipe, self.device, self.weights)
        if detector.sha256 != self.recipe.detector_sha256:
            raise ForensicsError(
                f"{self.recipe.detector} has other weights here ({detector.sha256[:12]}) than "
                f"where the work was handed out ({self.recipe.detector_sha256[:12]}).",
                "Give every machine the same weight file.",
                "weights",
            )
        return detector, CropStore(self.root, self.recipe)


def one_video(
    task: Task,
    setup: Extraction,
    detector: FaceDetector,
    store: CropStore,
    stop: ShouldStop | None = None,
) -> VideoFaces:
    """Extract one video; videos that lead it are extracted first if they are missing.

    An unexpected error becomes the result of this video, with its text, so that the other videos
    are still processed.
    """
    record = task.record

    def extracted(
        video: VideoRecord, paired: VideoFaces | None = None, leads: Sequence[Lead] = ()
    ) -> VideoFaces:
        return extract_video(
            video,
            setup.recipe,
            detector,
            store,
            paired,
            leads=leads,
            threads=setup.threads,
            time_limit_seconds=setup.time_limit_seconds,
            should_stop=stop,
        )

    paired = None
    try:
        found = [lead_of(store.load(fake.video_id) or extracted(fake)) for fake in task.fakes]
        leads = [lead for lead in found if lead is not None]
        if task.real is not None:
            return extracted(record, extracted(task.real, leads=leads))
        if resolve_policy(record, setup.recipe) == "pair" and record.pair_id:
            paired = store.load(record.pair_id)  # done by an earlier run
        return extracted(record, paired, leads)
    except ForensicsError:
        raise
    except MemoryError:
        detail = "This video needs more memory than is available."
        return _failed(record, setup.recipe, detail, Reason.WORKER_DIED)
    except Exception as error:  # a file may make a library raise anything: a row with a reason
        log.exception("%s", record.video_id)
        return _failed(record, setup.recipe, f"{type(error).__name__}: {error}")


def worker_died(record: VideoRecord, recipe: CropRecipe) -> VideoFaces:
    """Return the result of a video that killed its process."""
    detail = "The process that worked on this video died: a crash of a decoder, or out of memory."
    return _failed(record, recipe, detail, Reason.WORKER_DIED)


def did_not_return(record: VideoRecord, setup: Extraction) -> VideoFaces:
    """Return the result of a video whose decoder hung until its process was killed."""
    detail = (
        f"No frame was decoded, even at twice the limit of {setup.time_limit_seconds:g} seconds."
    )
    return _failed(record, setup.recipe, detail, Reason.TIME_LIMIT)


def _failed(
    record: VideoRecord, recipe: CropRecipe, detail: str, reason: Reason = Reason.DECODE_ERROR
) -> VideoFaces:
    return VideoFaces(
        record.video_id,
        recipe.hash,
        reason=reason.value,
        detail=detail,
        policy=resolve_policy(record, recipe),
    )
