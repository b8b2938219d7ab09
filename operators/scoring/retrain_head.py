"""Defines the operator ``retrain_head``: a new head on stored embeddings, out-of-fold scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import fiftyone as fo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files import packages
from ...detector.files.paths import given
from ...training import runs
from ...training.leaks import unit_names
from ...training.manifest import Manifest
from ...training.retrained_head import FittedHead, HeadConfig
from ...training.runs import RunFolder
from ..app.form import Form
from ..dataset import default_folders, fields, made_from, score_state, views
from ..dataset.dataset_changes import changing
from ..dataset.lease import exclusively
from ..dataset.video_scores import declare, write_video_scores
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import Workflow
from ..thresholds import spans
from ..training import detector_list, training_manifest, training_records, training_words
from . import score_claim

if TYPE_CHECKING:
    import numpy as np

    from ...detector.audit.basis import Basis

OUT_OF_FOLD = "_oof"


@with_paths("runs_dir")
@exclusively(
    lambda samples, key="new_head", **_: (
        views.dataset_of(samples),
        f"score with {key}{OUT_OF_FOLD}, retrained",
    )
)
def run(
    samples: Any,
    *,
    detector: str,
    key: str = "new_head",
    c: float = 10.0,
    folds: int = 5,
    seed: int = 0,
    runs_dir: str | None = None,
) -> dict[str, Any]:
    """Fit a head on the embeddings that ``score_faces`` stored for ``detector``.

    The new detector is that of ``detector`` with another head. Every used face gets a score from a
    head that has not seen its group, under the key ``<key>_oof``. These scores are for evaluation,
    and for 'Find hard examples', whose high-loss queue then shows likely label errors.

    Args:
        samples: faces dataset or view; faces of the split test are not used
        detector: detector key with embeddings on ``samples``
        key: name of the new detector
        c, folds, seed: see :class:`training.retrained_head.HeadConfig`
        runs_dir: parent of the run folder

    Returns:
        ``{"key", "scores": key of the out-of-fold scores, "checkpoint", "best": {...}, "faces": n,
        "left_out": {reason: n}}``

    Raises:
        ForensicsError: no embeddings, only one class, fewer groups than folds, or the key is in use
    """
    import numpy as np

    from ...training import retrained_head

    names = fields.ScoreFields(key + OUT_OF_FOLD)
    config = HeadConfig(detector, c, folds, seed)
    view = views.flat(samples)
    dataset = views.dataset_of(view)
    usual = default_folders.of_dataset(default_folders.RUNS, dataset)
    parent = given(runs_dir or usual, "runs_dir")
    folder = given(parent / key, "runs_dir")
    _refuse_other(dataset, key, folder)
    base = fields.ScoreFields(detector)
    views.require_fields(view, [base.embedding, base.p_fake], "Score faces")
    made_from.require_current_scores(dataset, detector)
    views.require_samples(view, "faces")
    basis = made_from.basis_of(view, detector, "face")  # before reading, so that a change shows
    rows, left_out, vectors = _embedded(view, detector)
    manifest_rows = [training_manifest.manifest_row({**row, "split": "train"}) for row in rows]
    label = np.array([row.label for row in manifest_rows])
    group = np.array(unit_names(manifest_rows))  # a file in two groups joins them
    video = np.array([row.video_id for row in manifest_rows])
    head = retrained_head.fit_head(vectors, label, group, config)
    videos = retrained_head.video_rows(head.margin, label, group, video)
    best = retrained_head.judge(videos)
    manifest = Manifest(manifest_rows)
    checkpoint = _save(dataset, folder, key, config, head, manifest, best, videos)
    training_records.register(view, key, config, manifest.sha256, folder, {"faces": len(rows)})
    training_records.training_run(dataset, key)  # records that the run is completed
    ids = [row["id"] for row in rows]
    _write_scores(view, names, ids, head, config, manifest.sha256, basis)
    return {
        "key": key,
        "scores": names.key,
        "checkpoint": str(checkpoint),
        "best": best,
        "faces": len(rows),
        "left_out": left_out,
    }


def _refuse_other(dataset: fo.Dataset, key: str, folder: Path) -> None:
    """Raise an error unless ``key`` is free or a retrained head; other runs are not replaced."""
    training_records.require_own(dataset, key)
    if training_records.has(dataset, key):
        config = training_records.training_run(dataset, key).config
        if config.get("name") != HeadConfig("").name:
            raise ForensicsError(
                f"{key!r} is a training run already.", "Choose another name.", "key"
            )
        record: Any = training_records.record_of(dataset, key)
        found = RunFolder(folder).read("run") if (folder / "run.json").is_file() else {}
        if folder.exists() and found.get("manifest_sha256") != record.manifest_sha256:
            raise ForensicsError(
                f"{folder} holds something else than the run {key!r}.",
                "Choose another folder.",
                "runs_dir",
            )
    elif folder.exists():
        raise ForensicsError(f"{folder} is in use.", "Choose another name.", "key")


def _embedded(view: Any, detector: str) -> tuple[list[dict[str, Any]], dict[str, int], np.ndarray]:
    """Return usable faces with an embedding, counts of the others, and the embeddings (N, D)."""
    from ..embeddings import stored_vectors

    field = fields.ScoreFields(detector).embedding
    views.require_fields(view, [field], "Score faces")
    rows, left_out = training_manifest.usable_rows(view)
    found = stored_vectors.read(view, field)
    place = {sample_id: row for row, sample_id in enumerate(found.ids)}
    kept = [row for row in rows if row["id"] in place]
    if len(kept) < len(rows):
        left_out["no embedding"] = len(rows) - len(kept)
    if not kept:
        raise ForensicsError(
            f"No face of the view has an embedding of {detector!r}.", "Run 'Score faces' first."
        )
    return kept, left_out, found.vectors[[place[row["id"]] for row in kept]]


def _save(
    dataset: fo.Dataset,
    folder: Path,
    key: str,
    config: HeadConfig,
    head: FittedHead,
    manifest: Manifest,
    best: dict[str, Any],
    videos: list[dict[str, Any]],
) -> Path:
    """Save the detector in its run folder: tower and LayerNorms unchanged, with another head."""
    import torch

    from ...detector.model.checkpoints import load_detector, save_detector
    from ...detector.model.detector import Detector

    scored: Any = fields.scores_config(dataset, config.detector)
    source = detector_list.detector_source(dataset, scored.detector)
    model = load_detector(source, device="cpu")
    if model.sha256 != scored.checkpoint_sha256:
        raise ForensicsError(
            f"The embeddings of {config.detector!r} are of another checkpoint than {source}.",
            "Score the faces again.",
            "detector",
        )
    run_folder = RunFolder(folder)
    with run_folder.locked():
        new = Detector(model.backbone, normalize=True, key_name=key)
        with torch.no_grad():
            new.head.weight.copy_(torch.from_numpy(head.weight))
            new.head.bias.copy_(torch.from_numpy(head.bias))
        training = {
            "config": config.to_json(),
            "config_hash": config.hash,
            "manifest_sha256": manifest.sha256,
            "code_sha256": runs.code_sha256(),
            "embeddings_of": scored.checkpoint_sha256,
            "validation": best,
        }
        info = {"crop_recipe": model.info.get("crop_recipe"), "training": training}
        manifest.save(folder / "manifest.jsonl")
        run_folder.write("config", config.to_json())
        run_folder.write("run", {"key": key, "manifest_sha256": manifest.sha256})
        run_folder.write("validation", {**best, "videos": videos})
        save_detector(new, run_folder.checkpoint("best"), info)
        run_folder.set_status(runs.COMPLETED, best=best)
    return run_folder.checkpoint("best")


def _write_scores(
    view: Any,
    names: fields.ScoreFields,
    ids: list[str],
    head: FittedHead,
    config: HeadConfig,
    manifest_sha256: str,
    basis: Basis,
) -> None:
    """Write out-of-fold scores of the faces and means of the videos, replacing earlier ones."""
    dataset = views.dataset_of(view)
    scored: Any = fields.scores_config(dataset, config.detector)
    with changing(dataset):
        score_claim.require_alone(dataset, names.key)
        score_claim.begin(
            view,
            names.key,
            left=score_state.WRITING,
            detector=f"out-of-fold heads on the embeddings of {config.detector}",
            # Not the hash of a checkpoint: these scores come from several heads.
            checkpoint_sha256=f"out_of_fold:{config.hash}:{manifest_sha256}",
            embeddings_of=scored.checkpoint_sha256,
            out_of_fold=config.to_json(),
            normalize=True,
            recipe_hash=scored.recipe_hash,
            rule="mean",
            **{made_from.FIELD: basis.to_json()},
        )
        declare(dataset, names, embeddings=False)
    views.set_by_id(dataset, names.p_fake, dict(zip(ids, head.p_fake.tolist(), strict=True)))
    views.set_by_id(dataset, names.margin, dict(zip(ids, head.margin.tolist(), strict=True)))
    labels = {i: fields.classification(p) for i, p in zip(ids, head.p_fake.tolist(), strict=True)}
    views.set_by_id(dataset, names.label, labels)
    write_video_scores(dataset, names.key, "mean")
    spans.refresh(dataset, names.key)


class RetrainHead(Workflow):
    """Operator that fits a new linear head on stored embeddings, without a GPU."""

    label = "Retrain head"
    description = (
        "Fit a new head on stored embeddings in seconds; out-of-fold scores for "
        "evaluation and for finding label errors"
    )
    icon = "bolt"
    risk = types.RiskLevel.MEDIUM
    parts = (packages.MODELS,)
    run_name = "Retrain the head of {detector} on {dataset}"
    answer = "New head"

    def fill(self, form: Form, target: Any) -> None:
        if not form.detector("detector"):
            return
        text = "Of the new detector; its out-of-fold scores get _oof behind it"
        form.text("key", "Name", text, required=True)
        key = form.params.get("key")
        if key:
            form.check(lambda: fields.ScoreFields(key + OUT_OF_FOLD))
        form.number("c", "C", "Inverse strength of the penalty", least=0.0001)
        form.whole("folds", "Folds", "Each leaves whole groups out", least=2, most=20)
        form.whole("seed", "Seed", "Of the folds")

    def result(self, ctx: Any, found: dict[str, Any]) -> dict[str, Any]:
        auroc = training_words.auroc(found["best"])
        return {**found, "text": f"{found['key']}: out-of-fold video AUROC {auroc}"}
