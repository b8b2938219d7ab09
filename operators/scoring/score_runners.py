"""Scores faces here, in a pool, on Ray or by shards elsewhere, and writes the scores.

All but the first go through parts on disk (:mod:`detector.runners.score_parts`). Only this process
writes them into the database. A run that dies leaves its parts, and the next run starts from them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...detector.errors import ForensicsError
from ...detector.progress import Progress, ShouldStop
from ..dataset import fields, views
from ..jobs import runners
from .score_precision import note
from .score_request import Forward, ScoreRequest
from .score_writer import ScoreWriter

if TYPE_CHECKING:
    from ...detector.model.detector import Detector
    from ...detector.runners.merge_report import MergeReport
    from ...detector.runners.score_parts import Provenance, ScoredVideo
    from ...detector.runners.score_units import ScoreUnit
    from ...detector.runners.score_videos import ScoreSetup


@dataclass(frozen=True, slots=True)
class ScoreWork:
    """The faces to score, the detector, and the arguments of the call.

    Attributes:
        units: faces to score, by video
        sample_ids: sample id by (video id, face key)
        model: loaded detector
        asked: arguments of ``score_faces``
    """

    units: list[ScoreUnit]
    sample_ids: dict[tuple[str, int], str]
    model: Detector
    asked: ScoreRequest

    def about(self, device: str) -> Provenance:
        """Return the provenance of scores that are computed on ``device``."""
        from ...detector.model.scoring_precision import scoring_precision
        from ...detector.runners.score_videos import provenance

        asked = self.asked
        precision = scoring_precision(self.model, asked.forward.precision, device)
        engine = asked.forward.engine
        return provenance(self.model, asked.source, asked.recipe_hash, precision, engine)

    def setup(self, device: str | None, kind: str) -> ScoreSetup:
        """Return the setup of a process that scores on ``device`` (``kind`` is cpu or cuda)."""
        from ...detector.runners.score_videos import ScoreSetup

        about, size = self.about(kind), self.asked.forward.batch_size
        how = (device, size, about.precision, about.engine)
        return ScoreSetup(self.asked.source, self.model.sha256, *how)


def units_of_view(view: Any, only: set[str] | None = None) -> tuple[list[ScoreUnit], dict]:
    """Return the faces of a view by video, and their sample ids by (video id, face key).

    Args:
        only: ids of the samples to include; None: all

    Raises:
        ForensicsError: two faces of a video have the same frame and face number, or the faces of a
            video were cut from different files
    """
    from ...detector.runners.score_units import FaceFile, ScoreUnit, check_units

    names = ["id", "filepath", "video_id", "frame_number", "face_index", fields.SOURCE_SHA256]
    faces: dict[str, list[FaceFile]] = defaultdict(list)
    sources: dict[str, str] = {}
    ids: dict[tuple[str, int], str] = {}
    rows = zip(*view.values(names), views.crop_hashes(view), strict=True)
    for sample_id, path, video_id, number, face, source, sha256 in rows:
        if only is not None and sample_id not in only:
            continue
        frame = 0 if number is None else fields.frame_index(number)
        made = FaceFile(frame, face or 0, path, sha256 or "")
        name = str(video_id)
        faces[name].append(made)
        if sources.setdefault(name, source or "") != (source or ""):
            raise ForensicsError(
                f"The faces of {name!r} were cut from different files.",
                "Run 'Extract faces' again for this video.",
            )
        ids[name, made.key] = sample_id
    units = [ScoreUnit(name, sources[name], tuple(found)) for name, found in faces.items()]
    check_units(units)
    return units, ids


def score(
    work: ScoreWork, writer: ScoreWriter, progress: Progress, should_stop: ShouldStop
) -> None:
    """Score in a pool or on Ray; scores in existing parts are only written."""
    from ...detector.runners.ray_cluster import on_ray
    from ...detector.runners.score_merge import merged
    from ...detector.runners.score_parts import ScoreParts
    from ...detector.runners.score_videos import write_parts

    total, where = len(work.sample_ids), work.asked.where

    def taken(scored: Iterator[ScoredVideo]) -> Iterator[ScoredVideo]:
        for video in scored:
            _add(writer, work.sample_ids, video)
            progress(writer.done, total, "faces")
            yield video

    with ExitStack() as stack:
        if where.kind == runners.RAY:
            ray = stack.enter_context(on_ray(where.ray_address))
            device, results = _ray(ray, work, should_stop)
        else:
            device, results = _pool(work, should_stop)
        if work.asked.forward.precision is None:  # a cluster's device decides
            precision = work.about(device).precision
            work = replace(work, asked=work.asked.in_precision(precision))
            note(writer.dataset, writer.names, precision)
        parts = ScoreParts(work.asked.root, work.about(device))
        parts.prepare()
        todo = parts.missing(work.units)
        for _ in taken(merged([parts.folder], _there(work.units, todo))):
            pass
        if todo and not should_stop():
            name = f"score, {where.kind}"
            write_parts(parts, taken(results(todo, parts.folder)), len(todo), name)


def _there(units: Sequence[ScoreUnit], todo: Sequence[ScoreUnit]) -> list[ScoreUnit]:
    """Return the part of ``units`` that is not in ``todo``."""
    left = {unit.video_id: unit.keys for unit in todo}
    rest = [unit.without(left.get(unit.video_id)) for unit in units]
    return [unit for unit in rest if unit.faces]


def _pool(work: ScoreWork, should_stop: ShouldStop) -> tuple[str, Any]:
    kind = work.model.device.type

    def results(units: Sequence[ScoreUnit], folder: Path) -> Iterator[ScoredVideo]:
        from ...detector.runners.score_videos import score_in_pool

        setup, width = work.setup(work.asked.forward.device, kind), work.model.backbone.width
        return score_in_pool(setup, units, work.asked.where.workers, width, should_stop)

    return kind, results


def _ray(ray: Any, work: ScoreWork, should_stop: ShouldStop) -> tuple[str, Any]:
    """Return the device of the cluster's actors, and the function that scores units there."""
    from ...detector.runners.ray_runner import score_on_ray
    from ...detector.runners.ray_stages import stages

    decode, scorers = stages(ray, work.asked.where.workers, work.asked.forward.device)
    device = "cuda" if scorers.gpus else "cpu"

    def results(units: Sequence[ScoreUnit], folder: Path) -> Iterator[ScoredVideo]:
        setup = work.setup(device, device)
        preprocess = work.model.backbone.preprocess.config
        return score_on_ray(ray, units, setup, preprocess, folder, decode, scorers, should_stop)

    return device, results


def merge(work: ScoreWork, writer: ScoreWriter, progress: Progress) -> MergeReport:
    """Write the scores of shards into FiftyOne, if no decision is needed.

    Raises:
        ForensicsError: no scores of this detector and recipe, a shard is still running, results
            contradict each other, or gaps are not allowed
    """
    from ...detector.runners.score_merge import examine, merged

    folders = _folders(work.asked, work.model)
    report = examine(folders, work.units)
    report.require(work.asked.allow_gaps)
    for video in merged(folders, work.units):
        _add(writer, work.sample_ids, video)
        progress(writer.done, len(work.sample_ids), "faces")
    return report


def precision_there(asked: ScoreRequest, model: Detector) -> str:
    """Return the precision of the shards' scores that are to be merged.

    Raises:
        ForensicsError: see :func:`merge`
    """
    from ...detector.runners.score_merge import same_provenance

    return same_provenance(_folders(asked, model))


def _folders(asked: ScoreRequest, model: Detector) -> list[Path]:
    """Return the folders to merge that hold scores of this detector and recipe."""
    from ...detector.runners.score_parts import provenance_of, score_folders

    merge_from = asked.merge_from
    wanted = (asked.recipe_hash, model.sha256)
    there = [folder for root in merge_from for folder in score_folders(root)]
    folders = []
    for folder in there:
        about = provenance_of(folder)
        if (about.recipe_hash, about.checkpoint_sha256) == wanted:
            folders.append(folder)
    if not folders:
        raise ForensicsError(
            f"There are no scores of this detector ({wanted[1][:12]}) on crops of recipe "
            f"{wanted[0] or 'none'} in {', '.join(map(str, merge_from))}.",
            f"There are: {', '.join(folder.name for folder in there)}.",
            "merge_from",
        )
    return folders


def _add(writer: ScoreWriter, ids: dict[tuple[str, int], str], video: ScoredVideo) -> None:
    writer.add([ids[video.video_id, key] for key in video.keys.tolist()], video)


def score_here(
    model: Detector,
    todo: list[tuple[str, str, str]],
    writer: ScoreWriter,
    forward: Forward,
    progress: Progress,
    should_stop: ShouldStop,
) -> None:
    """Score the (sample id, file, its sha256 or "") of ``todo`` in this process."""
    from ...detector.runners.crop_processes import decoder_for
    from ...detector.scoring.crop_scores import score_crops

    if todo:
        model.use_engine(forward.engine, forward.batch_size, forward.precision)
    for batch in score_crops(
        model,
        [path for _, path, _ in todo],
        hashes=[sha256 for *_, sha256 in todo],
        batch_size=forward.batch_size,
        should_stop=should_stop,
        precision=forward.precision,
        decode=decoder_for(model.device, len(todo)),
    ):
        writer.add([todo[index][0] for index in batch.indices], batch)
        progress(writer.done, len(todo), "faces")
