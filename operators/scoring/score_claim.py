"""Claims a detector key: its custom run names the maker of its scores before any is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.records import CropRecipe
from ..app import current_detector
from ..dataset import derived, fields, lease, stored_runs, views
from ..dataset.code_version import code_version
from ..dataset.dataset_changes import changing
from ..dataset.score_state import CLEARING, MARK, WRITING, mark, unfinished
from ..embeddings import embedding_files

if TYPE_CHECKING:
    from ...detector.model.detector import Detector


def claim(
    dataset: fo.Dataset,
    names: fields.ScoreFields,
    model: Detector,
    source: str,
    rule: str,
    overwrite: bool,
    precision: str | None = None,
    engine: str | None = None,
) -> None:
    """Record whose scores ``names`` hold, before the first one is written.

    Args:
        dataset: faces dataset
        names: fields of the key
        model, source: the detector, and where it was loaded from
        rule: video score rule
        overwrite: remove scores of another checkpoint or precision under this key
        precision: of the scores, see :func:`.score_precision.settled`; None: not known yet
        engine: with which the scores begin, see :mod:`detector.model.engines`

    Raises:
        ForensicsError: the key holds scores of another checkpoint
    """
    with changing(dataset):
        old = fields.scores_config(dataset, names.key)
        half = unfinished(dataset).get(names.key) in (CLEARING, WRITING)
        if old is not None and old.checkpoint_sha256 != model.sha256 and not overwrite:
            raise ForensicsError(
                f"The key {names.key!r} holds scores of another checkpoint "
                f"({old.checkpoint_sha256[:12]}, now {model.sha256[:12]}).",
                "Choose another key, or allow overwriting.",
                field="key",
            )
        same = old is not None and old.checkpoint_sha256 == model.sha256
        same = same and (not precision or getattr(old, "precision", None) in (None, precision))
        if same and not half:
            return
        if old is not None and not same:
            require_alone(dataset, names.key)
        about = fields.describe(dataset)
        begin(
            dataset,
            names.key,
            detector=source,
            checkpoint_sha256=model.sha256,
            backbone=model.backbone.name,
            backbone_sha256=model.backbone.sha256,
            head_weight=model.head.weight.detach().cpu().tolist(),
            head_bias=model.head.bias.detach().cpu().tolist(),
            normalize=bool(model.normalize),
            precision=precision,
            engine=engine,
            recipe_hash=about.get("recipe_hash"),
            trained_on_recipe=_made_for(model),
            rule=rule,
            code_version=code_version(),
        )


def begin(samples: Any, key: str, left: str = "", **about: Any) -> None:
    """Name the maker of the scores that ``key`` will hold, and remove earlier scores and results.

    Evaluations, maps and views of the earlier scores are deleted while the mark is set. If the
    process is killed, the next call starts here again and completes it.

    Args:
        samples: faces dataset, or the view of it that the scores are made on
        key: detector key
        left: reason for the mark that remains when this returns; "" for none
        about: values of the run, see :func:`operators.dataset.stored_runs.put`
    """
    names, dataset = fields.ScoreFields(key), views.dataset_of(samples)
    _require_not_theirs(dataset, names)
    with changing(dataset):
        config = {"key": key, **about, MARK: CLEARING}
        stored_runs.put(samples, names.run, method=fields.SCORES_METHOD, **config)
        fields.set_description(dataset, **{current_detector.NAME: key})  # what was scored last
        clear(dataset, key)
        derived.drop_shown(dataset, key)
        if left != CLEARING:
            mark(dataset, key, left)


def _require_not_theirs(dataset: fo.Dataset, names: fields.ScoreFields) -> None:
    """Raise :class:`ForensicsError` if a person's own fields on the videos have these names."""
    videos = views.videos_of(dataset)
    if videos is None or not fields.is_adopted(videos):
        return
    if not stored_runs.is_free(videos, names.run):
        return
    ours = (names.label, names.p_fake, names.coverage, names.reason, names.calibrated, names.spans)
    theirs = [name for name in ours if videos.has_field(name)]
    if theirs:
        raise ForensicsError(
            f"{videos.name!r} has a field {theirs[0]!r} of its own, which is not changed.",
            "Choose another key.",
            "key",
        )


def require_alone(dataset: fo.Dataset, key: str) -> None:
    """Raise :class:`ForensicsError` if another run is writing scores under ``key``."""
    lease.require_none_other(dataset, f"score with {key}, ")


def clear(dataset: fo.Dataset, key: str) -> None:
    """Remove every value made by, or from, the scores of ``key``; the fields stay."""
    names = fields.ScoreFields(key)
    with changing(dataset):
        doomed = set(fields.fields_of_key(dataset, key))
        if doomed:
            dataset.clear_sample_fields(sorted(doomed))
        embedding_files.forget(dataset, names.embedding)
    videos = views.videos_of(dataset)
    if videos is None or videos.name == dataset.name:
        return
    if fields.scores_config(videos, key) is None:
        return
    with changing(videos):
        mark(videos, key, CLEARING)
        doomed = set(fields.fields_of_key(videos, key))
        if doomed:
            videos.clear_sample_fields(sorted(doomed))
        stored_runs.drop(videos, names.run)


def _made_for(model: Detector) -> str | None:
    """Return the hash of the crop recipe that ``model`` was trained on, or None if unknown."""
    recipe = model.info.get("crop_recipe")
    return CropRecipe.from_json(recipe).hash if recipe else None


def recipe_warning(dataset: fo.Dataset, source: str) -> str | None:
    """Return a warning if the detector at ``source`` was made for other crops than the dataset's.

    Raises:
        ForensicsError: there is no such detector
    """
    from ...detector.scoring.recipe_agreement import made_for, mismatch

    return mismatch(made_for(source), fields.describe(dataset).get("recipe"))
