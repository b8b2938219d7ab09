"""Finds the error rates of audited datasets on material like that of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fiftyone as fo
import numpy as np

from ...detector.audit import comparable
from ...detector.audit.units import Units, at_level
from ...detector.errors import ForensicsError
from ...detector.records import CropRecipe
from ..dataset import face_columns, fields, seen_material, video_scores
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


@dataclass(frozen=True)
class Audited:
    """The material of every dataset that a checkpoint has scored.

    Attributes:
        material: by dataset and detector key
        left_out: datasets that cannot be used now, each with the reason
    """

    material: tuple[Material, ...]
    left_out: tuple[str, ...]


def audited(sha256: str) -> Audited:
    """Return the videos that the checkpoint ``sha256`` has scored, other than those of cases."""
    wanted = {"config.method": fields.SCORES_METHOD, "config.checkpoint_sha256": sha256}
    ids = documents("runs").distinct("_dataset_id", wanted)
    rows = documents("datasets").find({"_id": {"$in": ids}}, {"name": 1, "info": 1})
    found: list[Material] = []
    left_out = []
    for row in rows:
        about = (row.get("info") or {}).get(fields.INFO_KEY) or {}
        if about.get("kind") == "analyses" or not fo.dataset_exists(row["name"]):
            continue
        dataset = fo.load_dataset(row["name"])
        for key in fields.detector_keys(dataset):
            if getattr(fields.scores_config(dataset, key), "checkpoint_sha256", None) != sha256:
                continue
            try:
                source = face_columns.source_of(dataset)
                if source.shows_faces:  # else its faces are a dataset of their own, counted there
                    found.append(_material(source, key))
            except ForensicsError as error:  # its scores are being replaced, for example
                left_out.append(f"{dataset.name} ({error.message.rstrip('.')})")
    found.sort(key=lambda one: (one.dataset, one.key))
    return Audited(tuple(found), tuple(sorted(left_out)))


def _material(source: face_columns.Source, key: str) -> Material:
    dataset = source.faces
    token = repr(face_columns.state_token(source, key))
    columns = face_columns.columns_of(source, key, token)
    names = tuple(name for name in comparable.MEASURES if dataset.has_field(name))
    for name, values in face_columns.field_columns(source, names, token).items():
        columns = columns.with_numbers(name, np.asarray(values))
    about = fields.describe(dataset)
    made_for = getattr(fields.scores_config(dataset, key), "recipe_hash", None)
    same = made_for and made_for == about.get("recipe_hash") and about.get("recipe")
    return Material(
        dataset=dataset.name,
        key=key,
        units=at_level(columns, LEVEL),
        recipe=CropRecipe.from_json(about["recipe"]) if same else None,
        rule=video_scores.rule_of(dataset, key),
        known=seen_material.seen_by(dataset, key).known,
    )


def rates(
    found: Mapping[str, Any],
    recipe: CropRecipe,
    audited_here: Audited,
    compression: str,
) -> list[str]:
    """Return one sentence or more for each person: error rates on comparable material, or none.

    Args:
        found: the analysis as JSON, with the :func:`measures` of its persons as ``like``
        recipe: of its crops
        audited_here: see :func:`audited`
        compression: as the audited datasets call it; "" for any
    """
    left_out = "; ".join(audited_here.left_out)
    missing = f" Left out: {left_out}." if left_out else ""
    sentences = []
    for person, (eyes, sharpness) in zip(found["persons"], found["like"], strict=True):
        wanted = comparable.Like(eyes, sharpness, compression, found["sha256"])
        at = found["operating"]["threshold"] if person["at"] is None else person["at"]
        said = []
        for one in audited_here.material:
            row = comparable.rates(one.units, wanted, at)
            if row is not None:
                caution = one.cautions(recipe, found["rule"])
                said.append(f"{one.dataset}: {comparable.words(row, LEVEL)}{caution}")
        sentences.append(
            f"On comparable material ({wanted.words()}), threshold {at:.3f}: "
            + ("; ".join(said) + "." if said else "none comparable is audited here.")
            + missing
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
