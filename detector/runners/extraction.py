"""One video's extraction, the same whoever runs it: what a process needs, and what can go wrong.

A video that ends in an error, takes its process with it or never comes back is a result with a
reason; :mod:`.extract` and :mod:`.ray_runner` decide which process does which video.
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
    """What a process needs to extract, see :func:`prepare`.

    Attributes:
        recipe: with the hash of the face detector
        root: folder of the crop stores
        device: torch device of the face detector; None: the GPU if there is one
        weights: weight file of the face detector
        threads: of the decoder, 0: as many as there are cores
        time_limit_seconds: limit for one video
        shared: the face detector where its network runs in the process that started this one
    """

    recipe: CropRecipe
    root: str
    device: str | None
    weights: str | None
    threads: int
    time_limit_seconds: float | None
    shared: SharedFaces | None = None

    def load(self, ask: Ask | None = None) -> tuple[FaceDetector, CropStore]:
        """The face detector and the store.

        Args:
            ask: how a shared detector is asked

        Raises:
            ForensicsError: the weights here are not those of the recipe
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
    """One video; those that lead it are done first if nobody has.

    An error that nobody foresaw is the result of this video, with its text, so that the others
    are still done.
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
        detail = "This video needs more memory than there is."
        return _failed(record, setup.recipe, detail, Reason.WORKER_DIED)
    except Exception as error:  # whatever a file does to a library: a row with its reason
        log.exception("%s", record.video_id)
        return _failed(record, setup.recipe, f"{type(error).__name__}: {error}")


def worker_died(record: VideoRecord, recipe: CropRecipe) -> VideoFaces:
    """The result of a video that takes its process with it."""
    detail = "The process that worked on this video died: a crash of a decoder, or out of memory."
    return _failed(record, recipe, detail, Reason.WORKER_DIED)


def did_not_return(record: VideoRecord, setup: Extraction) -> VideoFaces:
    """The result of a video in which a decoder hangs until its process is ended."""
    detail = f"No frame came, also at twice the limit of {setup.time_limit_seconds:g} seconds."
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
