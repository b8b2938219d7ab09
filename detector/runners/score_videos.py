"""Scores the crops of many videos: in this process, in a pool, or as one shard of N.

The unit of work is a video, the result a :class:`score_parts.ScoredVideo`. Only the parent process
writes results, as parts. Work whose results are already in the parts is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ForensicsError
from ..progress import Progress, ShouldStop
from ..records import Reason
from ..scoring.crop_scores import score_crops
from ..scoring.scores import Scores, joined, without_scores
from .crop_processes import decoder_for
from .process_pool import PoolWork, cores_each, run_in_pool
from .score_parts import Provenance, ScoredVideo, ScoreParts
from .score_units import ScoreUnit
from .shard_notes import noted

if TYPE_CHECKING:
    from ..model.detector import Detector

PART_VIDEOS = 64  # maximum number of videos that a killed run loses
# Videos whose paths are listed at a time, to keep memory flat. Processes that read crops start
# once per such list.
_CHUNK_VIDEOS = {"cpu": 256, "cuda": 16_384}


@dataclass(frozen=True, slots=True)
class ScoreSetup:
    """The settings that a worker process needs to score.

    Attributes:
        source: see :func:`detector.model.checkpoints.load_detector`
        sha256: expected hash of the detector
        device: torch device, None: the GPU if there is one
        batch_size: crops per forward pass, None: the device's default
        precision: ``fp32``, ``bf16`` or ``fp16``
        engine: see :meth:`detector.model.detector.Detector.use_engine`
    """

    source: str
    sha256: str
    device: str | None = None
    batch_size: int | None = None
    precision: str = "fp32"
    engine: str = "eager"

    def load(self) -> Detector:
        """Load and return the detector.

        Raises:
            ForensicsError: the local detector differs from that of the parent process
        """
        from ..model.checkpoints import load_detector

        detector = load_detector(self.source, device=self.device)
        if detector.sha256 != self.sha256:
            raise ForensicsError(
                f"{self.source} is another detector here ({detector.sha256[:12]}) than where the "
                f"work was handed out ({self.sha256[:12]}).",
                "Give every machine the same checkpoint and tower.",
                "detector",
            )
        detector.use_engine(self.engine, self.batch_size, self.precision)
        return detector


def provenance(
    detector: Detector, source: str, recipe_hash: str, precision: str, engine: str = "eager"
) -> Provenance:
    """Return the provenance of the scores of ``detector``."""
    return Provenance(recipe_hash, detector.sha256, source, precision, engine)


def score_units(
    detector: Detector,
    units: Iterable[ScoreUnit],
    batch_size: int | None = None,
    precision: str | None = None,
    should_stop: ShouldStop | None = None,
) -> Iterator[ScoredVideo]:
    """Yield the scores of each unit in order; forward passes combine faces of several videos.

    Ends early, after a whole video, when ``should_stop`` returns True.
    """
    chunk: list[ScoreUnit] = []
    most = _CHUNK_VIDEOS.get(detector.device.type, _CHUNK_VIDEOS["cpu"])
    for unit in units:
        chunk.append(unit)
        if len(chunk) == most:
            yield from _chunk(detector, chunk, batch_size, precision, should_stop)
            chunk = []
    yield from _chunk(detector, chunk, batch_size, precision, should_stop)


def _chunk(
    detector: Detector,
    units: Sequence[ScoreUnit],
    batch_size: int | None,
    precision: str | None,
    should_stop: ShouldStop | None,
) -> Iterator[ScoredVideo]:
    paths = [face.path for unit in units for face in unit.faces]
    hashes = [face.sha256 for unit in units for face in unit.faces]
    batches = score_crops(
        detector,
        paths,
        batch_size=batch_size,
        precision=precision,
        should_stop=should_stop,
        hashes=hashes,
        decode=decoder_for(detector.device, len(paths)),
    )
    held: list[Scores] = []
    rows = 0
    for unit in units:
        while rows < len(unit.faces):
            batch = next(batches, None)
            if batch is None:
                return  # stopped
            held.append(batch)
            rows += len(batch)
        taken, held = _split(held, len(unit.faces))
        rows -= len(unit.faces)
        yield scored_video(unit, joined(taken, detector.backbone.width))


def _split(held: list[Scores], count: int) -> tuple[list[Scores], list[Scores]]:
    """Return the first ``count`` rows of ``held``, and the rest."""
    taken: list[Scores] = []
    while count and held:
        batch = held.pop(0)
        size = min(len(batch), count)
        taken.append(batch.rows(np.arange(size)))
        if len(batch) > size:
            held.insert(0, batch.rows(np.arange(size, len(batch))))
        count -= size
    return taken, held


def scored_video(unit: ScoreUnit, scores: Scores) -> ScoredVideo:
    """Return ``scores`` of one unit's faces, in their order, as a video's scores."""
    return ScoredVideo(
        **scores.columns(),
        video_id=unit.video_id,
        source_sha256=unit.source_sha256,
        frame=np.array([face.frame for face in unit.faces], np.int64),
        face=np.array([face.face for face in unit.faces], np.int64),
    )


def unscored(unit: ScoreUnit, reason: Reason, width: int) -> ScoredVideo:
    """Return the result of a unit whose faces have no score, all with the same reason."""
    return scored_video(unit, without_scores([reason] * len(unit.faces), width))


# ------------------------------------------------------------------------ pool of processes
_worker: dict[str, Any] = {}  # state of one worker process, created by _start_worker


def _start_worker(setup: ScoreSetup, workers: int, stop: Any) -> None:
    import torch

    torch.set_num_threads(cores_each(workers))
    _worker.update(setup=setup, detector=setup.load(), stop=stop)


def _do(unit: ScoreUnit) -> ScoredVideo | None:
    setup = _worker["setup"]
    stop = _worker["stop"].is_set
    scored = score_units(_worker["detector"], [unit], setup.batch_size, setup.precision, stop)
    return next(scored, None)


def score_in_pool(
    setup: ScoreSetup,
    units: Sequence[ScoreUnit],
    workers: int,
    width: int,
    should_stop: ShouldStop,
) -> Iterator[ScoredVideo]:
    """Run :func:`score_units` in ``workers`` processes, each with its own detector.

    Args:
        setup: settings for the processes
        units: units to score
        workers: number of processes
        width: D of the embeddings, for a unit whose process died
        should_stop: returns True to stop
    """

    def died(unit: ScoreUnit, _hung: bool) -> ScoredVideo:
        return unscored(unit, Reason.WORKER_DIED, width)

    return run_in_pool(PoolWork(_start_worker, _do, died, setup), units, workers, should_stop)


# ------------------------------------------------------------------------- the single writer
def write_parts(
    parts: ScoreParts,
    scored: Iterable[ScoredVideo],
    total: int,
    work: str,
    progress: Progress | None = None,
    part_videos: int = PART_VIDEOS,
) -> int:
    """Write ``scored`` into ``parts`` as it arrives; finished results are kept on an early end.

    Args:
        parts: prepared
        scored: results of any runner
        total: expected number of videos
        work: description for the note of this run, see :func:`shard_notes.noted`
        progress: called with (videos done, ``total``, ``"videos"``) after each video
        part_videos: videos per part

    Returns:
        number of videos written
    """
    waiting: list[ScoredVideo] = []
    done = 0
    with noted(parts.folder, work, total) as step:
        try:
            for video in scored:
                waiting.append(video)
                done += 1
                step(done)
                if len(waiting) >= part_videos:
                    parts.write(waiting)
                    waiting = []
                if progress is not None:
                    progress(done, total, "videos")
        finally:
            if waiting:
                parts.write(waiting)
    return done
