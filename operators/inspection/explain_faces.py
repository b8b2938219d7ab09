"""Defines the operator ``explain_faces``: heatmaps of where the detector looked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import fiftyone as fo
import fiftyone.core.media as fomm
from fiftyone import ViewField as F

from ...detector.audit.threshold import Threshold
from ...detector.errors import Cancelled, ForensicsError
from ...detector.files import packages
from ...detector.files.allowed_roots import require_files
from ...detector.progress import Progress, ShouldStop, never, silent
from ...detector.records import LABELS, Reason
from ..app.checks import require_from, require_known, require_threshold
from ..app.current_detector import current
from ..app.form import Form
from ..app.markup import plain
from ..app.outcome import Ending
from ..dataset import derived, fields, views
from ..dataset.dataset_changes import declare
from ..jobs.workflow import JobWorkflow
from ..thresholds.applied import applied
from ..training.detector_list import scored_model

METHODS = (
    ("gradient", "gradient-weighted: what raised the margin towards fake"),
    ("rollout", "attention rollout: where the tower looks, whatever the verdict"),
)
ONLY = (("all", "all faces of the view"), ("errors", "its errors at the threshold"))
MAP_SIDE = 64  # pixels of a stored map; the tower itself has 16 x 16 patches


def run(
    samples: Any,
    *,
    key: str,
    method: str = "gradient",
    only: str = "all",
    threshold: float | None = None,
    limit: int = 500,
    on_frames: bool = True,
    batch_size: int | None = None,
    device: str | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Write a heatmap for each chosen face, in the field ``<key>_<method>``.

    Args:
        samples: faces dataset, view or selection
        key: detector key; the checkpoint that gave its scores is used
        method: ``gradient`` or ``rollout``, see :mod:`detector.model.explain`
        only: ``all``, or ``errors`` for the faces on the wrong side of ``threshold``
        threshold: p_fake from which a face counts as fake; by default the one that every screen
            uses, see :class:`detector.audit.threshold.Stored`
        limit: most faces to explain, in the order of the view
        on_frames: whether to write the map also on the frame of the video dataset, in its own place
        batch_size: faces per pass; None is 4 on a CPU and 8 on a CUDA GPU
        device: torch device
        progress, should_stop: see :mod:`detector.progress`

    Returns:
        ``{"field", "explained", "on_frames", "not_explained": {reason: n}, "left_out",
        "threshold", "threshold_from"}``; the last two are None unless ``only`` is ``errors``

    Raises:
        ForensicsError: if the view is empty, has no errors or no scores, the scores were imported
            or come from another checkpoint, or the tower has no attention maps
        Cancelled: if the user stopped it; what was made is kept
    """
    from ...detector.model.explain import default_batch, explain
    from ...detector.scoring.crop_files import read_crop

    _check(method, only, threshold, limit)
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    views.require_fields(view, [fields.ScoreFields(key).p_fake], "Score faces")
    at = applied(view, key, threshold, rates=False) if only == "errors" else None
    chosen = _chosen(view, key, at)
    rows = list(zip(*chosen.values(_COLUMNS), views.crop_hashes(chosen), strict=True))
    left_out, rows = max(0, len(rows) - limit), rows[:limit]
    require_files((row[1] for row in rows), "faces")
    model = scored_model(dataset, key, device)
    field = f"{key}_{method}"
    declare(dataset, {field: fo.Heatmap})
    done, frames, lost = 0, 0, Counter()
    seen: set[tuple[str, int]] = set()
    size = default_batch(model.device) if batch_size is None else batch_size
    for start in range(0, len(rows), size):
        if should_stop():
            raise Cancelled(
                f"Stopped after {done} of {len(rows)} faces.", "Finished maps are kept."
            )
        batch = rows[start : start + size]
        read = [(row, read_crop(row[1], row[-1])) for row in batch]
        lost.update(image.value for _, image in read if isinstance(image, Reason))
        there = [(row, image) for row, image in read if not isinstance(image, Reason)]
        maps = list(explain(model, [image for _, image in there], method, size))
        heat = {row[0]: _heatmap(m) for (row, _), m in zip(there, maps, strict=True)}
        views.set_by_id(dataset, field, heat)
        if on_frames:
            frames += _write_on_frames(dataset, field, [row for row, _ in there], maps, seen)
        done += len(there)
        progress(done + sum(lost.values()), len(rows), "faces")
    derived.note(dataset, key, "heatmaps", method)
    return {
        "field": field,
        "explained": done,
        "on_frames": frames,
        "not_explained": dict(lost),
        "left_out": left_out,
        "threshold": None if at is None else at.value,
        "threshold_from": None if at is None else at.provenance,
    }


_COLUMNS = ["id", "filepath", "video_id", "frame_number", "face_index", "crop_matrix"]


def _check(method: str, only: str, threshold: float | None, limit: int) -> None:
    require_known("method", method, METHODS)
    require_known("only", only, ONLY)
    require_threshold(threshold)
    require_from(1, limit=limit)


def _chosen(view: Any, key: str, at: Threshold | None) -> Any:
    """Return the faces of ``view``, or only its errors at the threshold ``at``."""
    views.require_samples(view, "faces")
    if at is None:
        return view
    threshold = at.value
    p_fake = F(fields.ScoreFields(key).p_fake)
    truth = F(f"{fields.GROUND_TRUTH}.label")
    wrong = view.match(
        ((truth == LABELS[0]) & (p_fake >= threshold))
        | ((truth == LABELS[1]) & (p_fake != None) & (p_fake < threshold))  # noqa: E711
    )
    if len(wrong) == 0:
        raise ForensicsError(
            f"No face of the view is an error of {key!r} at {threshold:g} ({at.provenance}).",
            "Choose all faces, another threshold or another view.",
            "only",
        )
    return wrong


def _heatmap(values: Any) -> fo.Heatmap:
    """Return a map as it is stored: small, in eight bits, 0 to 255."""
    import cv2
    import numpy as np

    scale = MAP_SIDE / max(values.shape)
    if scale < 1:
        size = (max(1, round(values.shape[1] * scale)), max(1, round(values.shape[0] * scale)))
        values = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    return fo.Heatmap(map=np.round(255 * values).astype(np.uint8), range=[0, 255])


def _write_on_frames(
    dataset: fo.Dataset,
    field: str,
    rows: Sequence[tuple[Any, ...]],
    maps: Sequence[Any],
    seen: set[tuple[str, int]],
) -> int:
    """Write the maps on the frames of the linked video dataset, and return how many were written.

    Several faces of a frame share one map. ``seen`` holds the frames that this run has written;
    maps of earlier runs are replaced.
    """
    import numpy as np

    from ...detector.model.explain import on_frame

    videos = views.videos_of(dataset)
    if videos is None or videos.media_type != fomm.VIDEO:
        return 0
    found: dict[str, dict[int, list[tuple[Any, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row, values in zip(rows, maps, strict=True):
        if row[3] is not None and row[5]:
            found[row[2]][row[3]].append((row[5], values))
    declare(videos, {field: fo.Heatmap}, frames=True)
    written = 0
    name = fields.here(videos, "video_id")
    view = views.match_in(videos, name, list(found))
    for sample in view.iter_samples(autosave=True):
        size = sample.metadata
        if size is None or not getattr(size, "frame_width", None):
            continue
        for number, parts in found[sample[name]].items():
            if number not in sample.frames:
                continue
            placed = [
                on_frame(values, matrix, size.frame_width, size.frame_height)
                for matrix, values in parts
            ]
            frame = sample.frames[number]
            if (sample[name], number) in seen:
                placed.append(frame[field].map.astype(np.float32) / 255)
            seen.add((sample[name], number))
            together = np.max(placed, axis=0)
            frame[field] = fo.Heatmap(
                map=np.round(255 * np.clip(together, 0, 1)).astype(np.uint8), range=[0, 255]
            )
            written += len(parts)
    return written


class ExplainFaces(JobWorkflow):
    """Operator that makes heatmaps of what moved a detector's score, on crops and frames."""

    label = "Explain faces"
    description = (
        "Heatmaps of where the detector looked, on the crops and on the frames, "
        "for this view or its errors"
    )
    icon = "visibility"
    parts = (packages.PICTURES, packages.MODELS)
    run_name = "Explain {key} on {dataset}"
    bar, doing = "heatmaps", "Heatmaps"

    def fill(self, form: Form, target: Any) -> None:
        if not form.detector():
            return
        form.choice("method", METHODS, "Map", "What the colours mean")
        form.choice("only", ONLY, "Faces", "Which faces of the view get a map")
        key = str(form.params.get("key") or current(form.dataset))
        if form.params.get("only") == "errors":
            form.threshold(key, "p_fake from which a face counts as fake")
        form.whole("limit", "At most", "Faces, in the view's order", least=1)
        form.device()
        text = "A map shows what moved this network's score. It does not show where a "
        form.notice("meaning", f"{len(target)} faces in the view", text + "face was manipulated.")
        only, threshold = form.value("only"), form.value("threshold")

        def looked_at() -> None:
            _check(form.value("method"), only, threshold, form.value("limit"))
            if only == "errors":
                _chosen(target, key, applied(target, key, threshold, rates=False))

        form.check(looked_at)

    def ending(self, ctx: Any, done: dict[str, Any]) -> Ending:
        lost = sum(done["not_explained"].values())
        maps = "1 face has" if done["explained"] == 1 else f"{done['explained']} faces have"
        text = f"{maps} a map: tick {done['field']} in the sidebar"
        text += f"; {lost} could not be read" if lost else ""
        text += f"; {done['left_out']} beyond the limit" if done["left_out"] else ""
        if done["threshold"] is not None:
            text += f"; errors at {done['threshold']:g}: {done['threshold_from']}"
        notes = tuple(f"{count} {reason}" for reason, count in done["not_explained"].items())
        return Ending(text, bool(lost), title="Heatmaps", table=plain(text) + ".", notes=notes)
