"""Keeps the faces of analyzed files in a faces dataset without labels, scored like any other.

Each detector's scores have their own key and provenance, so that the sphere, the timeline, heatmaps
and the report work on them. Nothing in the dataset has a ground truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.scoring.aggregate import WORST_PERSON
from ..dataset import fields, stored_runs, video_scores, views
from ..dataset.appearance import dress
from ..dataset.dataset_changes import declare, refresh, require_there
from ..faces.faces_writer import face_sample
from ..scoring.score_claim import claim
from ..scoring.score_form import default_key
from ..scoring.score_writer import ScoreWriter
from ..thresholds.stored_calls import follow

if TYPE_CHECKING:
    from ...detector.model.detector import Detector
    from ...detector.scoring.analysis import Analysis, Evidence

KIND = "analyses"  # kind of the dataset
_FIELDS: dict[str, Any] = {
    "file": fo.StringField,
    "file_path": fo.StringField,
    "person_score": fo.FloatField,
    "seconds": fo.FloatField,
    "p_fake": fo.FloatField,
    "drives": fo.BooleanField,
    "verdict": fo.StringField,
    "detector": fo.StringField,
    "detector_sha256": fo.StringField,
    "score": fo.Classification,
}
_SAID = ("person_score", "p_fake", "drives", "verdict", "reason", "score")  # by their detector


def keep(dataset: fo.Dataset, analysis: Analysis, model: Detector, source: str) -> int:
    """Write the faces of a file into a case, or the scores to the same crops that it has.

    Other crops of the file that this detector made are replaced, those of another detector stay.

    Args:
        dataset: from :func:`open_case`
        analysis: analysis of the file
        model, source: the detector, and where it was loaded from

    Returns:
        number of faces of the file in the dataset now

    Raises:
        ForensicsError: the dataset was deleted meanwhile
    """
    found = analysis.evidence
    if found is None:
        raise ForensicsError("The analysis does not record the file that it was read from.")
    refresh(dataset)  # it may have been renamed
    about = {"recipe": found.recipe.to_json(), "recipe_hash": found.recipe.hash}
    fields.set_description(dataset, kind=KIND, **about)
    name = known_as(dataset, analysis.sha256) or Path(analysis.path).name
    file_id = f"{name} {analysis.sha256[:12]}"
    half = f"{file_id} (being written)"  # beside the earlier faces until all are written
    dataset.delete_samples(views.match_in(dataset, "file", [half]))
    samples = list(_samples(analysis, found, half))
    if samples:
        require_there(dataset)
        ids = _same_faces(dataset, file_id, samples)
        added = ids is None
        if ids is None:
            dataset.add_samples(samples, dynamic=False, progress=False)
            ids = [sample.id for sample in samples]
        names = _scored_as(dataset, analysis, model, source)
        writer = ScoreWriter(dataset, names)
        writer.add(ids, found.scores)
        writer.close()
        if not added:
            _say_again(dataset, ids, samples, analysis)
    if not samples or added:
        earlier = views.match_in(dataset, "file", [file_id])
        dataset.delete_samples(views.match_in(earlier, "detector_sha256", [model.sha256]))
        views.set_by_id(dataset, "file", dict.fromkeys((sample.id for sample in samples), file_id))
    moved(dataset, analysis.sha256, analysis.path)
    if samples:
        video_scores.write_video_scores(dataset, names.key, _rule(analysis))
        follow(dataset, names.key)
    return len(samples)


def _faces_of(dataset: fo.Dataset, sha256: str) -> fo.DatasetView:
    """Return the faces of a file: its name in the case ends with the beginning of its sha256."""
    return dataset.match({"file": {"$regex": f" {sha256[:12]}$"}})


def known_as(dataset: fo.Dataset, sha256: str) -> str | None:
    """Return the name under which the case has the faces of a file, None if it has none."""
    names = _faces_of(dataset, sha256).distinct("file")
    return names[0].rpartition(" ")[0] if names else None


def moved(dataset: fo.Dataset, sha256: str, path: str) -> None:
    """Note on the faces of a file where it is now."""
    other = _faces_of(dataset, sha256).match({"file_path": {"$ne": path}})
    views.set_by_id(dataset, "file_path", dict.fromkeys(other.values("id"), path))


def faces_kept(dataset: fo.Dataset, sha256: str, checkpoint: str) -> bool:
    """Return whether the case has faces of a file that a checkpoint scored, with their crops."""
    for key in fields.detector_keys(dataset):
        if getattr(fields.scores_config(dataset, key), "checkpoint_sha256", None) == checkpoint:
            scored = {fields.ScoreFields(key).p_fake: {"$ne": None}}
            crops = _faces_of(dataset, sha256).match(scored).values("filepath")
            return bool(crops) and all(Path(crop).is_file() for crop in crops)
    return False


def _same_faces(dataset: fo.Dataset, file: str, samples: list[fo.Sample]) -> list[str] | None:
    """Return the ids of the faces of a file that have these very crops, None if not all have."""
    there = views.match_in(dataset, "file", [file])
    paths, hashes, ids = there.values(["filepath", fields.CROP_SHA256, "id"])
    by_crop = dict(zip(zip(paths, hashes, strict=True), ids, strict=True))
    wanted = [(sample.filepath, sample[fields.CROP_SHA256]) for sample in samples]
    return [by_crop[crop] for crop in wanted] if by_crop.keys() >= set(wanted) else None


def _say_again(
    dataset: fo.Dataset, ids: list[str], samples: list[fo.Sample], analysis: Analysis
) -> None:
    """Bring what the faces say of the detector that made them up to date."""
    makers = dataset.select(ids, ordered=True).values("detector_sha256")
    if set(makers) == {analysis.detector_sha256}:
        for name in _SAID:
            said = (sample[name] for sample in samples)
            views.set_by_id(dataset, name, dict(zip(ids, said, strict=True)))


def _rule(analysis: Analysis) -> str:
    """Return the rule of a file's score, that of its highest person, as in the analysis."""
    return WORST_PERSON if analysis.rule == "mean" else analysis.rule


def open_case(name: str) -> fo.Dataset:
    """Return the dataset ``name`` of a case, created if needed.

    Raises:
        ForensicsError: it is of another kind
    """
    if fo.dataset_exists(name):
        dataset = fo.load_dataset(name)
        about = fields.describe(dataset)
        unmade = not about and views.is_empty(dataset)  # from a run killed while creating it
        if about.get("kind") != KIND and not unmade:
            raise ForensicsError(
                f"The dataset {name!r} exists and holds something else.",
                "Choose another name.",
                "dataset",
            )
    else:
        dataset = fo.Dataset(name, persistent=True)
    fields.declare_common_fields(dataset, faces=True)
    declare(dataset, _FIELDS)
    if not fields.describe(dataset).get("kind"):
        fields.set_description(dataset, kind=KIND)
        dress(dataset)  # with the workspace Case, though no file may have a face
    return dataset


def _samples(analysis: Analysis, found: Evidence, file: str) -> Iterator[fo.Sample]:
    """Yield a sample of each crop, in the order of its scores."""
    common = fields.record_fields(found.record) | {"group_id": found.record.video_id}
    persons = {person.track: person for person in analysis.persons}
    at = analysis.threshold.value
    for row, (frame, face) in enumerate(found.faces.crops):
        person = persons[face.track]
        sample = face_sample(found.record, found.faces, frame, face, found.crop_folder, common)
        reason = found.scores.reasons[row]
        p_fake = None if reason is not None else float(found.scores.p_fake[row])
        sample.update_fields(
            {
                "file": file,
                "file_path": analysis.path,
                "person_score": person.score,
                "seconds": frame.pts_seconds,
                "p_fake": p_fake,
                "reason": None if reason is None else reason.value,
                "drives": frame.index in person.drivers,
                "verdict": analysis.headline,
                "detector": analysis.detector,
                "detector_sha256": analysis.detector_sha256,
                "score": None if p_fake is None else fields.classification(p_fake, threshold=at),
            }
        )
        yield sample


def _scored_as(
    dataset: fo.Dataset, analysis: Analysis, model: Detector, source: str
) -> fields.ScoreFields:
    """Return the fields for the detector's scores: those of its checkpoint, or free ones."""
    base = default_key(analysis.detector)[:30]
    for key in (base, f"{base}_{analysis.detector_sha256[:8]}"):
        config = fields.scores_config(dataset, key)
        free = config is None and stored_runs.is_free(dataset, fields.ScoreFields(key).run)
        if free or getattr(config, "checkpoint_sha256", None) == analysis.detector_sha256:
            break
    names = fields.ScoreFields(key)
    claim(dataset, names, model, source, _rule(analysis), overwrite=False)
    video_scores.declare(dataset, names)
    return names
