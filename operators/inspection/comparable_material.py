"""Looks a file up in the audited datasets: error rates on material like it, copies, look-alikes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fiftyone as fo
import numpy as np

from ...detector.audit import comparable
from ...detector.audit.units import Units, at_level
from ...detector.errors import ForensicsError
from ...detector.file_facts.frame_hashes import frame_hashes, near
from ...detector.frames.frame import FrameError
from ...detector.progress import Progress, ShouldStop
from ...detector.records import CropRecipe
from ..dataset import (
    face_columns,
    fields,
    run_names,
    seen_material,
    stored_runs,
    video_scores,
    views,
)
from ..dataset.dataset_changes import documents

if TYPE_CHECKING:
    from ...detector.scoring.analysis import Analysis

LEVEL = "video"


@dataclass(frozen=True)
class Material:
    """Audited videos of one dataset, as one detector scored them.

    Attributes:
        dataset, key, units: the videos
        recipe: of their crops, None if it is not recorded
        rule: by which a video gets its score
        known: whether the detector's training material is known here, so that it is left out
    """

    dataset: str
    key: str
    units: Units
    recipe: CropRecipe | None
    rule: str
    known: bool

    def cautions(self, recipe: CropRecipe, rule: str) -> str:
        """Say in brackets what makes its rates less comparable; "" for nothing."""
        said = []
        if not self.known:
            said.append(
                "what the detector was trained on is not known here: it may have seen some of these"
            )
        if self.recipe is None:
            said.append("the recipe of the crops is not recorded")
        elif not self.recipe.same_pixels(recipe):
            said.append("its crops have another recipe")
        if self.rule != rule:
            said.append(f"a video's score is by the rule {self.rule}, this file's by {rule}")
        return f" ({'; '.join(said)})" if said else ""


def audited(sha256: str) -> list[Material]:
    """Return the labelled videos that the checkpoint ``sha256`` has scored, by dataset.

    A dataset whose scores are being replaced, or without labels, is left out.
    """
    wanted = {"config.method": fields.SCORES_METHOD, "config.checkpoint_sha256": sha256}
    ids = documents("runs").distinct("_dataset_id", wanted)
    rows = documents("datasets").find({"_id": {"$in": ids}}, {"name": 1, "info": 1})
    found = []
    for row in rows:
        about = (row.get("info") or {}).get(fields.INFO_KEY) or {}
        if about.get("kind") != "analyses" and fo.dataset_exists(row["name"]):
            found += _material(fo.load_dataset(row["name"]), sha256)
    return sorted(found, key=lambda one: (one.dataset, one.key))


def _material(dataset: fo.Dataset, sha256: str) -> list[Material]:
    found = []
    for key in fields.detector_keys(dataset):
        config = fields.scores_config(dataset, key)
        if getattr(config, "checkpoint_sha256", None) != sha256:
            continue
        try:
            source = face_columns.source_of(dataset)
            if not source.shows_faces:
                continue  # its faces are a dataset of their own, and counted there
            token = repr(face_columns.state_token(source, key))
            columns = face_columns.columns_of(source, key, token)
            names = tuple(name for name in comparable.MEASURES if dataset.has_field(name))
            more = face_columns.field_columns(source, names, token)
        except ForensicsError:
            continue
        for name, values in more.items():
            columns = columns.with_numbers(name, np.asarray(values))
        units = at_level(columns, LEVEL)
        about = fields.describe(dataset)
        made_for = getattr(config, "recipe_hash", None)
        same = made_for and made_for == about.get("recipe_hash") and about.get("recipe")
        recipe = CropRecipe.from_json(about["recipe"]) if same else None
        rule = video_scores.rule_of(dataset, key)
        known = seen_material.seen_by(dataset, key).known
        found.append(Material(dataset.name, key, units, recipe, rule, known))
    return found


def rates(
    found: Mapping[str, Any],
    recipe: CropRecipe,
    material: Sequence[Material],
    compression: str,
) -> list[str]:
    """Return one sentence or more for each person: error rates on comparable material, or none.

    Args:
        found: the analysis as JSON, with the :func:`measures` of its persons as ``like``
        recipe: of its crops
        material: see :func:`audited`
        compression: as the audited datasets call it; "" for any
    """
    sentences = []
    for person, (eyes, sharpness) in zip(found["persons"], found["like"], strict=True):
        wanted = comparable.Like(eyes, sharpness, compression, found["sha256"])
        at = found["operating"]["threshold"] if person["at"] is None else person["at"]
        said = []
        for one in material:
            row = comparable.rates(one.units, wanted, at)
            if row is not None:
                caution = one.cautions(recipe, found["rule"])
                said.append(f"{one.dataset}: {comparable.words(row, LEVEL)}{caution}")
        sentences.append(
            f"On comparable material ({wanted.words()}), threshold {at:.3f}: "
            + ("; ".join(said) + "." if said else "none comparable is audited here.")
        )
    return sentences


def measures(analysis: Analysis) -> list[tuple[float | None, float | None]]:
    """Return what the material for each person has to be like, see :class:`.comparable.Like`."""
    return [_measures(analysis, person.track) for person in analysis.persons]


def _measures(analysis: Analysis, track: int) -> tuple[float | None, float | None]:
    """Return the mean eye distance and sharpness of a person's crops, None if not measured."""
    faces = analysis.evidence.faces.crops if analysis.evidence is not None else []
    mine = [face for _, face in faces if face.track == track]
    means = []
    for name in comparable.MEASURES:
        values = [v for face in mine if (v := getattr(face, name)) is not None]
        means.append(float(np.mean(values)) if values else None)
    return means[0], means[1]


def copies(sha256: str, case: fo.Dataset) -> list[str]:
    """Return where the very file is in other datasets of ours than ``case``, by its sha256."""
    kinds = {f"info.{fields.INFO_KEY}.kind": {"$in": ["faces", "analyses"]}}
    found = []
    for row in documents("datasets").find(kinds, {"name": 1}):
        if row["_id"] == case._doc.id or not fo.dataset_exists(row["name"]):
            continue
        dataset = fo.load_dataset(row["name"])
        if not dataset.has_field(fields.SOURCE_SHA256):
            continue
        same = dataset.match({fields.SOURCE_SHA256: sha256})
        names = same.distinct("file_path" if dataset.has_field("file_path") else "video_id")
        found += [f"{dataset.name}: {name} (the same bytes)" for name in names]
    return found


def hashes_of(
    dataset: fo.Dataset, progress: Progress, should_stop: ShouldStop
) -> dict[str, tuple[int, ...]]:
    """Return the frame hashes of each video of a dataset; computed once and kept with it.

    Raises:
        ForensicsError: the dataset names no videos
        Cancelled: ``should_stop`` returned True; what was hashed is kept
    """
    path = "video_path" if dataset.has_field("video_path") else "filepath"
    views.require_fields(dataset, ["video_id", path], "Import deepfake dataset")
    wanted = {
        video: file for video, file in zip(*dataset.values(["video_id", path]), strict=True) if file
    }
    name = run_names.FRAME_HASHES + "files"
    method = run_names.method_of(run_names.FRAME_HASHES)
    kept: Mapping[str, Any] = {}
    if stored_runs.info_of(dataset, run_names.FRAME_HASHES, "files") is not None:
        kept = stored_runs.results_of(dataset, name)["hashes"]
    found = {video: kept[video] for video in wanted if video in kept}
    try:
        for number, (video, file) in enumerate(wanted.items(), 1):
            if video not in found:
                try:
                    found[video] = [f"{value:016x}" for value in frame_hashes(file, should_stop)]
                except (FrameError, OSError):
                    found[video] = []
            progress(number, len(wanted), "videos compared")
    finally:
        if len(found) > len(kept):
            stored_runs.put(dataset, name, method=method, results={"hashes": found})
    return {video: tuple(int(v, 16) for v in values) for video, values in found.items()}


def alike(mine: Sequence[int], others: Mapping[str, Sequence[int]]) -> list[str]:
    """Return the near duplicates in words, the nearest first."""
    return [
        f"{one.name} ({one.frames} of {one.of} frames, {one.bits:g} of 64 bits apart)"
        for one in near(mine, others)
    ]
