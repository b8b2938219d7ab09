"""Defines the operator ``export_training_set``: reviewed faces as hashed manifest and view."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import fiftyone as fo
from fiftyone import ViewField as F
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files.outputs import claim_output, json_lines_with, writing_output
from ...detector.files.paths import one_part
from ..app.form import Form
from ..app.open_dataset import require_dataset
from ..dataset import default_folders, marked_views, run_names, saved_views, stored_runs, views
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import Workflow
from . import decisions as review, opinions

VIEW = "training_set"
RUN_METHOD = run_names.method_of(run_names.TRAINING_SET)
DISPUTED = "reviewers differ"
DOUBTED = [decision for decision in review.DECISIONS if decision != review.CONFIRMED]
#: Most faces for which the form checks the whole set at each change.
MOST_CHECKED = 20_000
_FILES = (json_lines_with("crop", "video_id", "label", "split", "recipe_hash"),)


@with_paths("file")
def run(
    dataset: Any,
    *,
    name: str = VIEW,
    base: str | None = None,
    complete_pairs: bool = True,
    file: str | None = None,
    validation_fraction: float = 0.2,
    seed: int = 0,
) -> dict[str, Any]:
    """Freeze what the review chose as a saved view, and as a manifest with its sha256.

    ``train_detector`` on the saved view, with the same validation share and seed, trains on exactly
    this manifest: its record names the same sha256.

    Args:
        dataset: faces dataset
        name: name of the saved view and of the record
        base: saved view whose faces are also trained on, except those called wrong or unusable; for
            example the faces of the last training
        complete_pairs: whether to add the faces of the pair's other side: the real that a chosen
            fake was made from, and the fakes made from a chosen real, at the same frames
        file: path of the manifest (``.jsonl``); by default beside the training runs. An existing
            file is replaced only if it is a manifest
        validation_fraction, seed: as in ``train_detector``

    Returns:
        ``{"view", "manifest", "sha256", "faces", "chosen", "completed", "left_out": {reason: n}}``;
        the reasons are the decisions that doubt a face, and that reviewers differ on it

    Raises:
        ForensicsError: if nothing is reviewed, there is no such view, the set has a leak or only
            one class, or the file is not a manifest or cannot be written
    """
    faces = views.dataset_of(views.flat(dataset))
    stored_runs.require_own(faces, run_names.TRAINING_SET + name, RUN_METHOD, "name")
    path = claim_output(file or _default_file(faces, name), _FILES, "file")
    mark = f"set {name}"
    view, chosen, completed, disputed = _compose(faces, base, complete_pairs, mark)
    manifest = _manifest(view, validation_fraction, seed)
    manifest.check()
    with writing_output(path, _FILES, "file") as temporary:
        manifest.save(temporary)
    saved_views.save(faces, name, view, f"Reviewed training set, manifest {manifest.sha256[:12]}")
    marked_views.forget_others(faces, mark, view)
    _record(view, name, manifest.sha256, path, chosen, completed)
    left_out = Counter(
        DISPUTED if face in disputed else decision
        for face, decision in zip(*faces.values(["id", review.DECISION]), strict=True)
        if face in disputed or decision in DOUBTED
    )
    return {
        "view": name,
        "manifest": str(path),
        "sha256": manifest.sha256,
        "faces": len(manifest),
        "chosen": chosen,
        "completed": completed,
        "left_out": dict(left_out),
    }


def _compose(
    faces: fo.Dataset, base: str | None, complete_pairs: bool, mark: str = ""
) -> tuple[Any, int, int, set[str]]:
    """Return the view of the set, how many faces the review chose and the pairs add, and disputes.

    With ``mark`` it is a view to keep, see :func:`operators.dataset.marked_views.marked`.
    """
    disputed = set(opinions.disputed(faces))
    chosen = review.chosen_for_training(faces, disputed).values("id")
    ids = dict.fromkeys(chosen)
    if base:
        ids |= dict.fromkeys(face for face in _base(faces, base) if face not in disputed)
    completed = _partners(faces, set(ids), disputed) if complete_pairs else []
    every = list(ids | dict.fromkeys(completed))
    some = marked_views.marked(faces, mark, every) if mark else marked_views.shown(faces, every)
    view = some.match(
        ~F(review.DECISION).is_in(DOUBTED) & (F(review.KEEP) != False)  # noqa: E712
    )
    views.require_samples(view, "faces to train on")
    return view, len(chosen), len(completed), disputed


def _manifest(view: Any, validation_fraction: float, seed: int) -> Any:
    from ..training import training_manifest

    return training_manifest.read(view, validation_fraction=validation_fraction, seed=seed).manifest


def _base(faces: fo.Dataset, name: str) -> list[str]:
    if not faces.has_saved_view(name):
        raise ForensicsError(
            f"{faces.name!r} has no saved view {name!r}.",
            f"Known: {', '.join(faces.list_saved_views())}.",
            field="base",
        )
    return views.flat(faces.load_saved_view(name)).values("id")


def _partners(faces: fo.Dataset, chosen: set[str], disputed: set[str]) -> list[str]:
    """Return faces that are not chosen but belong to a chosen one's pair, at the same frame."""
    columns = faces.values(["id", "video_id", "pair_id", "frame_number"])
    rows = list(zip(*columns, strict=True))
    scenes = {(r[2] or r[1], r[3]) for r in rows if r[0] in chosen}  # the real's video and frame
    others = (row for row in rows if row[0] not in chosen and row[0] not in disputed)
    return [row[0] for row in others if (row[2] or row[1], row[3]) in scenes]


def _default_file(faces: fo.Dataset, name: str) -> Path:
    root = default_folders.of_dataset(default_folders.TRAINING_SETS, faces)
    return root / f"{one_part(name)}-{default_folders.stamp()}.jsonl"


def _record(view: Any, name: str, sha256: str, path: Path, chosen: int, completed: int) -> None:
    """Record what the set was made of as a custom run of the dataset."""
    run_name = run_names.TRAINING_SET + name
    stored_runs.put(
        view,
        run_name,
        method=RUN_METHOD,
        manifest=str(path),
        manifest_sha256=sha256,
        chosen=chosen,
        completed=completed,
    )


class ExportTrainingSet(Workflow):
    """Operator that exports the confirmed faces as a training set whose hash a run names."""

    label = "Export training set"
    description = (
        "Confirmed and kept faces, with their pairs, as a saved view and a hashed "
        "manifest that 'Train detector' uses"
    )
    icon = "inventory"
    risk = types.RiskLevel.MEDIUM
    run_name = "Training set of {dataset}"
    answer = "Training set"

    def target(self, ctx: Any) -> Any:
        return require_dataset(ctx, "faces")

    def fill(self, form: Form, target: Any) -> None:
        disputed = opinions.disputed(target)
        chosen = form.check(lambda: review.chosen_for_training(target, disputed))
        if chosen is None:
            return
        differ = f"; {len(disputed):,} left out because reviewers differ" if disputed else ""
        form.notice("count", f"{len(chosen):,} confirmed or kept faces{differ}")
        form.text("name", "Name", "Of the saved view", required=True)
        saved = [(name, name) for name in target.list_saved_views()]
        text = "A saved view whose faces are trained on too"
        form.choice("base", [("", "nothing else"), *saved], "Together with", text, default="")
        text = "Also the real of a chosen fake, and the fakes of a chosen real, at the same frames"
        form.flag("complete_pairs", "Complete pairs", text)
        base, pairs = form.value("base"), form.value("complete_pairs")
        found = form.check(lambda: _compose(target, base, pairs))
        if found is not None and len(found[0]) <= MOST_CHECKED:
            # one class or one group cannot be trained on: shown here, before the button is pressed
            form.check(lambda: _manifest(found[0], 0.2, 0).check())

    def shown(self, ctx: Any, result: dict[str, Any]) -> None:
        ctx.ops.reload_dataset()
        views.show_saved_view(ctx, result["view"])
        text = f"{result['faces']} faces, manifest {result['sha256'][:12]}"
        ctx.ops.notify(text, variant="success")

    def show(self, outputs: types.Object, found: dict[str, Any]) -> None:
        line = f"{found['chosen']} chosen, {found['completed']} to complete pairs"
        if disputed := found["left_out"].get(DISPUTED):
            line += f"; {disputed} left out because reviewers differ (panel 'Review', key A)"
        outputs.view("faces", types.Notice(label=f"{found['faces']} faces", description=line))
        hashed = f"sha256 {found['sha256']}"
        outputs.view("manifest", types.Notice(label=found["manifest"], description=hashed))
