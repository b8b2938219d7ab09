"""Extracts and scores on Ray Data: CPU actors decode and crop for a pool of detector actors.

    videos -> extract actors (CPU) -> decode crops (CPU) -> score actors (GPU or CPU) -> here

Both stages are actors, so that each process loads its network once and Ray does not fuse the
stages. Ray slows a stage down while the next one is busy. The single writing process takes results
one by one. Ray would retry the task of a dead actor forever. Attempts are therefore recorded on
disk, and a video that has killed two processes becomes a row with a reason.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..device import default_batch
from ..errors import ForensicsError
from ..faces.video_faces import VideoFaces
from ..files import packages
from ..progress import ShouldStop
from ..records import Reason, VideoRecord
from ..scoring.crop_files import decode_crops, stacked
from ..scoring.crop_scores import score_decoded
from ..scoring.scores import joined
from .extraction import Extraction, one_video, worker_died
from .leading import paired_first
from .ray_stages import Stage
from .score_parts import ScoredVideo
from .score_units import ScoreUnit, unit_of
from .score_videos import ScoreSetup, scored_video, unscored

log = logging.getLogger(__name__)
ATTEMPTS = 2
_BLOCK_VIDEOS = 8  # videos per task in a large run
_BATCH_VIDEOS = 4  # videos per call of a detector


@dataclass(frozen=True, slots=True)
class _Attempts:
    """Records of started attempts on disk, in one folder per run."""

    folder: str

    def begin(self, name: str) -> int:
        """Record an attempt at ``name``; return how many there were before."""
        stem = hashlib.sha256(name.encode()).hexdigest()[:32]
        folder = Path(self.folder)
        before = len(list(folder.glob(f"{stem}.*")))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{stem}.{before}").touch()
        return before

    def end(self, name: str) -> None:
        """Delete the attempts at ``name``, which now has a result."""
        stem = hashlib.sha256(name.encode()).hexdigest()[:32]
        for path in Path(self.folder).glob(f"{stem}.*"):
            path.unlink(missing_ok=True)


class _Extract:
    """Actor that extracts the faces of a video (and its real) and reads its crops as pixels."""

    def __init__(
        self, extraction: Extraction, attempts: _Attempts, preprocess: dict[str, Any] | None
    ) -> None:
        self._attempts = attempts
        self._extraction = extraction
        self._detector, self._store = extraction.load()
        self._preprocess = _preprocess(preprocess)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        task = row["task"]
        record = task.record
        if self._attempts.begin(record.video_id) >= ATTEMPTS:
            found = worker_died(record, self._extraction.recipe)
        else:
            found = one_video(task, self._extraction, self._detector, self._store)
        pixels = None
        if self._preprocess is not None:
            pixels = _decoded(unit_of(found, self._store.folder), self._preprocess)
        self._attempts.end(record.video_id)
        return {"found": _Found(found, pixels)}


class _Decode:
    """Actor that reads the crops of a unit as pixels."""

    def __init__(self, attempts: _Attempts, preprocess: dict[str, Any]) -> None:
        self._attempts = attempts
        self._preprocess = _preprocess(preprocess)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        unit = row["task"]
        if self._attempts.begin(unit.video_id) >= ATTEMPTS:
            pixels = _Pixels(unit, None, tuple(Reason.WORKER_DIED for _ in unit.faces))
        else:
            pixels = _decoded(unit, self._preprocess)
        self._attempts.end(unit.video_id)
        return {"found": _Found(None, pixels)}


class _Score:
    """Actor that scores the pixels of several videos."""

    def __init__(self, setup: ScoreSetup, attempts: _Attempts) -> None:
        self._attempts = attempts
        self._setup = setup
        self._detector = setup.load()

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        made = np.empty(len(batch["found"]), dtype=object)
        for place, found in enumerate(batch["found"]):
            made[place] = replace(found, pixels=None, scored=self._score(found.pixels))
        return {"found": made}

    def _score(self, pixels: _Pixels) -> ScoredVideo:
        unit, width = pixels.unit, self._detector.backbone.width
        if self._attempts.begin(f"score {unit.video_id}") >= ATTEMPTS:
            return unscored(unit, Reason.WORKER_DIED, width)
        decoded = pixels.tensors()
        size = self._setup.batch_size or default_batch(self._detector.device)
        side = self._detector.backbone.preprocess.size
        batches = [
            score_decoded(
                self._detector,
                range(len(decoded))[start : start + size],
                stacked(decoded[start : start + size], side),
                self._setup.precision,
            )
            for start in range(0, len(decoded), size)
        ]
        self._attempts.end(f"score {unit.video_id}")
        return scored_video(unit, joined(batches, width))


@dataclass(frozen=True, slots=True, eq=False)
class _Pixels:
    """The crops of one unit as network input before normalisation.

    ``array`` is (k, 3, S, S) uint8 of the k crops without a reason, or None.
    """

    unit: ScoreUnit
    array: np.ndarray | None
    reasons: tuple[Reason | None, ...]

    def tensors(self) -> list[Any]:
        """Return for each face a tensor (3, S, S) or its reason."""
        import torch

        rows = iter(torch.from_numpy(self.array.copy()) if self.array is not None else ())
        return [next(rows) if reason is None else reason for reason in self.reasons]


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """The content of one row of the pipeline."""

    video: VideoFaces | None
    pixels: _Pixels | None = None
    scored: ScoredVideo | None = None


def _preprocess(config: dict[str, Any] | None) -> Any:
    if config is None:
        return None
    import torch

    from ..model.preprocess import Preprocess

    torch.set_num_threads(1)  # Ray counts one processor for this actor
    return Preprocess(config)


def _decoded(unit: ScoreUnit, preprocess: Any) -> _Pixels:
    decoded = decode_crops(
        preprocess, [face.path for face in unit.faces], [face.sha256 for face in unit.faces]
    )
    reasons = tuple(entry if isinstance(entry, Reason) else None for entry in decoded)
    arrays = [entry.numpy() for entry in decoded if not isinstance(entry, Reason)]
    return _Pixels(unit, np.stack(arrays) if arrays else None, reasons)


def extract_on_ray(
    ray: Any,
    records: Sequence[VideoRecord],
    extraction: Extraction,
    stage: Stage,
    should_stop: ShouldStop,
) -> Iterator[VideoFaces]:
    """Extract videos on the connected ``ray`` and yield results as they finish.

    Args:
        records: videos to process; reals that fakes follow come first
        extraction: see :func:`extract.prepare`; every node must reach its folder
        stage: extract actors
    """
    for found in _extracted(ray, records, extraction, stage, should_stop, None, None):
        assert found.video is not None
        yield found.video


def extract_and_score_on_ray(
    ray: Any,
    records: Sequence[VideoRecord],
    extraction: Extraction,
    setup: ScoreSetup,
    preprocess: dict[str, Any],
    stage: Stage,
    score_stage: Stage,
    should_stop: ShouldStop,
) -> Iterator[tuple[VideoFaces, ScoredVideo]]:
    """Extract and score in one pass: crops are scored while the next video is decoded.

    Args:
        preprocess: :attr:`detector.model.preprocess.Preprocess.config` of the detector of ``setup``
        score_stage: score actors; the other arguments are those of :func:`extract_on_ray`
    """
    scoring = (setup, score_stage)
    for found in _extracted(ray, records, extraction, stage, should_stop, preprocess, scoring):
        assert found.video is not None and found.scored is not None
        yield found.video, found.scored


def score_on_ray(
    ray: Any,
    units: Sequence[ScoreUnit],
    setup: ScoreSetup,
    preprocess: dict[str, Any],
    notes: str | Path,
    stage: Stage,
    score_stage: Stage,
    should_stop: ShouldStop,
) -> Iterator[ScoredVideo]:
    """Score units on the connected ``ray`` and yield results as they finish.

    Args:
        notes: folder for the records of attempts; every node must reach it
        stage, score_stage: decode and score actors
    """
    with _noted(Path(notes)) as attempts:
        arguments = {"attempts": attempts, "preprocess": preprocess}
        rows = _rows(ray, units, _Decode, arguments, stage)
        rows = _scores(ray, rows, setup, attempts, score_stage)
        for found in _taken(rows, should_stop):
            assert found.scored is not None
            yield found.scored


def _extracted(
    ray: Any,
    records: Sequence[VideoRecord],
    extraction: Extraction,
    stage: Stage,
    should_stop: ShouldStop,
    preprocess: dict[str, Any] | None,
    scoring: tuple[ScoreSetup, Stage] | None,
) -> Iterator[_Found]:
    extraction = replace(extraction, threads=max(1, int(stage.cpus)))
    if stage.gpus and extraction.device:  # Ray shows each actor only its own GPU
        extraction = replace(extraction, device=extraction.device.partition(":")[0])
    with _noted(Path(extraction.root)) as attempts:
        arguments = {"extraction": extraction, "attempts": attempts, "preprocess": preprocess}
        for part in paired_first(records, records, extraction.recipe):
            if not part or should_stop():
                continue
            rows = _rows(ray, part, _Extract, arguments, stage)
            if scoring is not None:
                rows = _scores(ray, rows, scoring[0], attempts, scoring[1])
            yield from _taken(rows, should_stop)


class _noted:
    """Folder for the attempts of one run, removed at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "attempts" / secrets.token_hex(8)

    def __enter__(self) -> _Attempts:
        return _Attempts(str(self._folder))

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _rows(
    ray: Any, tasks: Sequence[Any], actor: type, arguments: dict[str, Any], stage: Stage
) -> Any:
    blocks = min(len(tasks), max(200, len(tasks) // _BLOCK_VIDEOS))
    rows = ray.data.from_items([{"task": task} for task in tasks], override_num_blocks=blocks)
    return rows.map(actor, fn_constructor_kwargs=arguments, **_resources(ray, stage))


def _scores(ray: Any, rows: Any, setup: ScoreSetup, attempts: _Attempts, stage: Stage) -> Any:
    return rows.map_batches(
        _Score,
        fn_constructor_kwargs={"setup": setup, "attempts": attempts},
        batch_size=_BATCH_VIDEOS,
        batch_format="numpy",
        **_resources(ray, stage),
    )


def _resources(ray: Any, stage: Stage) -> dict[str, Any]:
    pool = ray.data.ActorPoolStrategy(
        min_size=1, max_size=stage.most, max_tasks_in_flight_per_actor=2
    )
    return {"compute": pool, "num_cpus": stage.cpus, "num_gpus": stage.gpus or None}


def _taken(rows: Any, should_stop: ShouldStop) -> Iterator[_Found]:
    """Yield the rows as they arrive; leaving early ends the pipeline."""
    RayError = packages.load(packages.RAY, "ray.exceptions").RayError
    try:
        for row in rows.iter_rows():
            yield row["found"]
            if should_stop():
                return
    except RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, ForensicsError):
            raise cause from error
        raise ForensicsError(
            f"Ray gave up: {str(error).strip().splitlines()[-1]}",
            "What was finished is kept; run it again to continue.",
        ) from error
