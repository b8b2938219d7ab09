"""The steps at whose every write a process is killed: at least one for each operator that writes.

A new operator has to enter :data:`STEPS`, or :data:`WITHOUT` with the reason
(``test_killed_steps.py`` checks that).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from media_forensics.operators.operator_list import module_of

#: Operators without a step, and why.
WITHOUT = {
    "create_demo": "not tried here: it writes files only, and one call takes minutes",
    "auroc": "a metric that FiftyOne's evaluation calls",
    "eer": "a metric that FiftyOne's evaluation calls",
}
PARTS = ("p_fake", "margin", "angle", "video_p_fake", "track_p_fake")
ALONE = {"batch_size": 1, "device": "cpu"}  # a face's score does not depend on its batch


@dataclass(frozen=True)
class Step:
    """One call of an operator that changes something.

    Attributes:
        operator: its name
        stage: what it works on, a key of :data:`PREPARED`
        work: the call; it gets the stage
        check: looks at a killed state; returns what is wrong with it
        again: ends what was cut; the same call by default
        long: only in the long form: one call takes many seconds
    """

    operator: str
    stage: str
    work: Callable[[Stage], Any]
    check: Callable[[Stage], list[str]] | None = None
    again: Callable[[Stage], Any] | None = None
    long: bool = False


@dataclass
class Stage:
    """What steps work on.

    Attributes:
        folder: of files that operators write; watched and restored
        inputs: of files that they read
        given: values that were prepared
    """

    folder: Path
    inputs: Path
    given: dict[str, Any] = field(default_factory=dict)


def load(name: str) -> Any:
    """A dataset as the database has it now."""
    import fiftyone as fo

    return fo.load_dataset(name, reload=True)


def call(operator: str, samples: Any = None, /, **given: Any) -> Any:
    """The ``run`` of an operator's module."""
    from importlib import import_module

    module = import_module(f"media_forensics.operators.{module_of(operator)}")
    return module.run(samples, **given) if samples is not None else module.run(**given)


# ---- scored faces ----------------------------------------------------------------------------


def faces(stage: Stage) -> None:
    """80 faces of 20 videos, real and fake, scored by a tiny detector under the key ``k``."""
    import faces_to_score
    import fiftyone as fo
    import hostile_checkpoints
    from media_forensics.operators.dataset import fields

    pictures = stage.inputs / "pictures"
    pictures.mkdir()
    paths = faces_to_score.pictures(pictures, 80)
    dataset = fo.Dataset("faces", persistent=True)
    dataset.media_type = "image"
    fields.declare_common_fields(dataset, faces=True)
    fields.set_description(dataset, kind="faces", recipe_hash="r")
    dataset.add_samples([face(fo, path, n) for n, path in enumerate(paths)], progress=False)
    for key in ("old", "new"):
        where = stage.inputs / key
        where.mkdir()
        made = hostile_checkpoints.tiny_detector(where, seed=2 + (key == "new"))
        stage.given[key] = str(made)
        call("score_faces", dataset, detector=stage.given[key], key=key, **ALONE)
        stage.given[f"{key} scores"] = scores_of(key)
    call("score_faces", dataset, detector=stage.given["old"], key="k", **ALONE)
    runs = str(stage.folder / "runs")
    for key in ("head", "spare"):
        call("retrain_head", dataset, detector="k", key=key, folds=2, runs_dir=runs)
    ids = dataset.values("id")
    call("review_faces", dataset.select(ids[:60]), action="confirm_label", reviewer="ada")
    call("review_faces", dataset.select(ids[8:16]), action="wrong_face", reviewer="bob")
    for key in ("k", "new"):
        call("evaluate_detector", dataset, key=key, threshold=0.5, replicates=20)
    table = ["video_id,p_fake"]
    table += [f"set/{n},{(n * 7 % 20) / 20}" for n in range(20)]
    (stage.inputs / "table.csv").write_text("\n".join(table))
    own_pictures(fo, paths[:12])


def own_pictures(fo: Any, paths: list[Path]) -> None:
    """A person's own pictures: ``mine``, flat, and ``sides``, real and fake as slices."""
    mine, sides = fo.Dataset("mine", persistent=True), fo.Dataset("sides", persistent=True)
    sides.add_group_field("side", default="real")
    flat, grouped = [], []
    groups = [fo.Group() for _ in paths[::2]]
    for number, path in enumerate(paths):
        said = {"clip": f"clip {number // 3}", "actor": f"actor {number // 6}"}
        truth = ("real", "fake")[number // 3 % 2]
        flat.append(fo.Sample(str(path), truth=truth, **said))
        slice_of = groups[number // 2].element(("real", "fake")[number % 2])
        grouped.append(fo.Sample(str(path), side=slice_of, **said))
    mine.add_samples(flat, progress=False)
    sides.add_samples(grouped, progress=False)


def face(fo: Any, path: Path, number: int) -> Any:
    """Face ``number`` of 80, four a video; the videos are real and fake by turns."""
    video = number // 4
    fake = bool(video % 2)
    return fo.Sample(
        str(path),
        video_id=f"set/{video}",
        group_id=str(video // 2),
        pair_id=f"set/{video - 1}" if fake else None,
        source_dataset="Celeb-DF-v2",
        method="FaceSwap" if fake else "original",
        split=("train", "train", "val", "test")[video // 2 % 4],
        frame_number=number % 4 + 1,
        face_index=0,
        track=0,
        subject=True,
        recipe="r",
        crop_landmarks=[8.0, 10.0, 24.0, 10.0, 16.0, 16.0, 10.0, 24.0, 22.0, 24.0],
        ground_truth=fo.Classification(label="fake" if fake else "real"),
    )


def scores_of(key: str) -> dict[str, tuple[Any, ...]]:
    """The numbers of detector ``key`` by file."""
    dataset = load("faces")
    columns = dataset.values(["filepath", *(f"{key}_{part}" for part in PARTS)])
    return {row[0]: row[1:] for row in zip(*columns, strict=True)}


def score(stage: Stage, **given: Any) -> None:
    """Scores, in writes of 16 faces."""
    from media_forensics.operators.scoring import score_writer

    score_writer.CHUNK = 16
    call("score_faces", load("faces"), **{"detector": stage.given["new"], **ALONE, **given})


def attributed(stage: Stage) -> list[str]:
    """Every stored number of ``k`` is that of the checkpoint that the run names, or is refused."""
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.operators.dataset import made_from, scored_items as evaluation_items

    dataset = load("faces")
    owner = {made_from.checkpoint_of(dataset, key): key for key in ("old", "new")}
    named = owner.get(made_from.checkpoint_of(dataset, "k"))
    if named is None:
        return [f"k is of nobody: {made_from.checkpoint_of(dataset, 'k')}"]
    try:
        evaluation_items.items_of(dataset.view(), "k", "video")
    except ForensicsError as error:
        return [] if "unfinished" in str(error) else [str(error)]
    right = stage.given[f"{named} scores"]
    return [
        f"{path}: {part} is {value}, not {expected} of {named}"
        for path, row in scores_of("k").items()
        for part, value, expected in zip(PARTS, row, right[path], strict=True)
        if value is not None and value != expected
    ]


def table_or_old(stage: Stage) -> list[str]:
    """The scores of ``k`` are those of before, or of the table, or are refused."""
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.operators.dataset import made_from
    from media_forensics.operators.dataset.face_table import face_table

    dataset = load("faces")
    if not str(made_from.checkpoint_of(dataset, "k")).startswith("table:"):
        return attributed(stage)
    try:
        found = face_table(dataset, "k")
    except ForensicsError as error:
        return [] if "unfinished" in str(error) else [str(error)]
    right = [(int(video[4:]) * 7 % 20) / 20 for video in found.video.texts()]
    return [] if list(found.p_fake) == right else ["not the table's scores"]


def unhurt(key: str) -> Callable[[Stage], list[str]]:
    """A check that the run ``key`` has its results, where it is there."""

    def check(stage: Stage) -> list[str]:
        dataset = load("faces")
        if dataset.has_run(key) and dataset.load_run_results(key) is None:
            return [f"{key} has no results"]
        return []

    return check


def decide(stage: Stage) -> None:
    """A decision on faces, unless its record is there already."""
    dataset = load("faces")
    from media_forensics.operators.review import decisions as review, review_log

    done = [r for r in review_log.read(dataset) if r.reviewer == "carl"]
    if done:
        review.rebuild(dataset)  # what anybody's next call does for what was cut
    else:
        faces = dataset.select(dataset.values("id")[4:30])
        call("review_faces", faces, action="unusable", note="dark", reviewer="carl")


def undo(stage: Stage) -> None:
    """Takes ada's decision back, unless its record is there already."""
    dataset = load("faces")
    from media_forensics.operators.review import decisions as review, review_log

    if any(r.what == "undo" for r in review_log.read(dataset)):
        review.rebuild(dataset)
    else:
        call("review_faces", dataset, action="undo", reviewer="ada")


def undone_or_not(stage: Stage) -> list[str]:
    """The next undo takes back the caller's own action, whatever the kill left."""
    from media_forensics.operators.review import decisions as review, review_log

    dataset = load("faces")
    records = review_log.read(dataset)
    again = [r for r in records if r.what == "undo"]
    expected = [None] if again else [1]
    found = [review.next_undo(dataset, "ada")]
    return [] if found == expected else [f"ada's undo would take back {found}, not {expected}"]


def rename(stage: Stage) -> None:
    """Renames a training run, unless it has its new name already."""
    from media_forensics.operators.training import training_records

    dataset = load("faces")
    if "better" not in training_records.keys(dataset):
        call("manage_runs", dataset, action="rename", key="head", new_key="better")


def delete(stage: Stage) -> None:
    """Deletes a training run and its files, unless it is gone."""
    from media_forensics.operators.training import training_records

    dataset = load("faces")
    if "spare" in training_records.keys(dataset):
        call("manage_runs", dataset, action="delete", key="spare", delete_files=True)


def report(stage: Stage) -> None:
    """A report, unless it is there."""
    folder = stage.folder / "report"
    if not (folder / "report.html").exists():
        call("export_report", load("faces"), key="k", folder=str(folder), examples=2)


def train(stage: Stage) -> None:
    """A linear probe on a tiny tower."""
    tower = Path(stage.given["old"]).parent
    call(
        "train_detector",
        load("faces"),
        key="trained",
        recipe="linear_probe",
        backbone=f"local-dir:{_tower(tower)}",
        settings={"epochs": 2, "batch_size": 8, "augmentation": "none"},
        runs_dir=str(stage.folder / "runs"),
        device="cpu",
    )


def ablate(stage: Stage) -> None:
    """One recipe, one seed."""
    call(
        "run_ablation",
        load("faces"),
        name="small",
        recipes=["linear_probe"],
        seeds=[3],
        backbone=f"local-dir:{_tower(Path(stage.given['old']).parent)}",
        settings={"epochs": 1, "batch_size": 8, "augmentation": "none"},
        runs_dir=str(stage.folder / "runs"),
        device="cpu",
    )


def _tower(folder: Path) -> Path:
    return next(folder.rglob("open_clip_config.json")).parent


# ---- videos ----------------------------------------------------------------------------------


def videos(stage: Stage) -> None:
    """Three real clips with a manifest; imported, and extracted with two frames each."""
    from media_forensics.detector.weights.offline_assets import fetch_footage, fetch_weights

    fetch_weights()
    footage = fetch_footage()
    corpus = stage.inputs / "corpus"
    corpus.mkdir()
    for number in range(3):
        shutil.copyfile(footage["single_face.mp4"], corpus / f"{number}.mp4")
    _list(corpus, 2)
    call("import_dataset", str(corpus), name="clips")
    call("extract_faces", load("clips"), count=2, crops_dir=str(stage.folder / "crops"), **WHERE)
    _list(corpus, 3)


WHERE = {"device": "cpu", "recipe": {"max_side": 320, "min_eye_distance": 8}}


def _list(corpus: Path, count: int) -> None:
    rows = [f"{n}.mp4,{'fake' if n % 2 else 'real'},{'FS' if n % 2 else ''}" for n in range(count)]
    (corpus / "manifest.csv").write_text("\n".join(["path,label,method", *rows]))


def extract(stage: Stage, **given: Any) -> None:
    """Crops with another count, or into a new store."""
    options = {"crops_dir": str(stage.folder / "crops"), **WHERE, **given}
    call("extract_faces", load("clips"), **options)


def analyze(stage: Stage) -> None:
    """One clip, its faces kept in a dataset."""
    import hostile_checkpoints

    made = stage.inputs / "detector"
    if not made.exists():
        made.mkdir()
        hostile_checkpoints.tiny_detector(made)
    call(
        "analyze_file",
        path=str(stage.inputs / "corpus" / "0.mp4"),
        detector=str(made / "sound"),
        dataset="a case",
        crops_dir=str(stage.folder / "analyses"),
        count=2,
        device="cpu",
    )


PREPARED: dict[str, Callable[[Stage], None]] = {"faces": faces, "videos": videos}


def _of(operator: str, **given: Any) -> Callable[[Stage], Any]:
    return lambda stage: call(operator, load("faces"), **given)


#: Steps that are started together, each in a process of its own.
PAIRS = (
    ("score_faces", "score_faces into files"),
    ("score_faces", "score_faces overwrite"),
    ("score_faces overwrite", "import_scores"),
    ("find_hard_examples", "find_hard_examples"),
    ("find_hard_examples", "probe_robustness"),
    ("evaluate_detector", "calibrate_threshold"),
    ("evaluate_detector", "evaluate_detector"),
    ("map_embeddings", "map_embeddings"),
    ("map_embeddings", "explain_faces"),
    ("review_faces", "review_faces undo"),
    ("retrain_head", "compare_runs"),
)

STEPS: dict[str, Step] = {
    "use_dataset": Step(
        "use_dataset",
        "faces",
        lambda s: call(
            "use_dataset",
            load("mine"),
            label_field="truth",
            person_field="actor",
            video_field="clip",
            method_field="clip",
        ),
    ),
    "use_dataset beside": Step(
        "use_dataset",
        "faces",
        lambda s: call("use_dataset", load("sides"), label_field="side", person_field="actor"),
    ),
    "score_faces": Step("score_faces", "faces", lambda s: score(s, key="fresh")),
    "score_faces overwrite": Step(
        "score_faces", "faces", lambda s: score(s, key="k", overwrite=True), attributed
    ),
    "score_faces into files": Step(
        "score_faces", "faces", lambda s: score(s, key="filed", embeddings="files")
    ),
    "score_faces by another rule": Step(
        "score_faces", "faces", lambda s: score(s, detector=None, key="k", rule="max")
    ),
    "import_scores": Step(
        "import_scores",
        "faces",
        lambda s: call(
            "import_scores",
            load("faces"),
            path=str(s.inputs / "table.csv"),
            key="k",
            overwrite=True,
        ),
        table_or_old,
    ),
    "retrain_head": Step(
        "retrain_head",
        "faces",
        lambda s: call(
            "retrain_head",
            load("faces"),
            detector="k",
            key="head",
            c=3.0,
            folds=2,
            runs_dir=str(s.folder / "runs"),
        ),
    ),
    "evaluate_detector": Step(
        "evaluate_detector",
        "faces",
        _of("evaluate_detector", key="k", threshold=0.3, replicates=20),
        unhurt("evaluation_k"),
    ),
    "calibrate_threshold": Step(
        "calibrate_threshold",
        "faces",
        _of("calibrate_threshold", key="k", target_fpr=0.2, method="platt"),
        unhurt("calibration_k"),
    ),
    "find_hard_examples": Step(
        "find_hard_examples", "faces", _of("find_hard_examples", key="k", limit=10)
    ),
    "map_embeddings": Step(
        "map_embeddings",
        "faces",
        _of("map_embeddings", key="k", parts=["pca", "axis", "similarity", "neighbours"]),
    ),
    "explain_faces": Step(
        "explain_faces", "faces", _of("explain_faces", key="k", only="all", limit=8, **ALONE)
    ),
    "probe_robustness": Step(
        "probe_robustness",
        "faces",
        _of("probe_robustness", key="k", perturbations=["jpeg_40"], **ALONE),
        unhurt("robustness_k"),
    ),
    "review_faces": Step("review_faces", "faces", decide, undone_or_not),
    "review_faces undo": Step("review_faces", "faces", undo, undone_or_not),
    "export_training_set": Step(
        "export_training_set",
        "faces",
        lambda s: call("export_training_set", load("faces"), file=str(s.folder / "set.jsonl")),
    ),
    "compare_runs": Step(
        "compare_runs",
        "faces",
        _of("compare_runs", keys=["k", "new"], scores="stored", replicates=20),
    ),
    "export_report": Step("export_report", "faces", report),
    "export_scores": Step(
        "export_scores",
        "faces",
        lambda s: call(
            "export_scores",
            load("faces"),
            key="k",
            path=str(s.folder / "scores.csv"),
            overwrite=True,
        ),
    ),
    "manage_runs rename": Step("manage_runs", "faces", rename),
    "manage_runs delete": Step("manage_runs", "faces", delete),
    "run_protocol": Step(
        "run_protocol",
        "faces",
        lambda s: call(
            "run_protocol",
            detector=s.given["new"],
            key="proto",
            datasets=["faces"],
            replicates=20,
            out=str(s.folder / "table"),
            **ALONE,
        ),
    ),
    "train_detector": Step("train_detector", "faces", train, long=True),
    "run_ablation": Step("run_ablation", "faces", ablate, long=True),
    "import_dataset": Step(
        "import_dataset",
        "videos",
        lambda s: call("import_dataset", str(s.inputs / "corpus"), name="anew", workers=1),
    ),
    "import_dataset again": Step(
        "import_dataset",
        "videos",
        lambda s: call("import_dataset", str(s.inputs / "corpus"), name="clips", workers=1),
    ),
    "extract_faces": Step("extract_faces", "videos", lambda s: extract(s, faces_name="more")),
    "extract_faces of more frames": Step("extract_faces", "videos", lambda s: extract(s, count=3)),
    "contact_sheet": Step(
        "contact_sheet",
        "videos",
        lambda s: call("contact_sheet", load("clips"), output_dir=str(s.folder / "sheets")),
    ),
    "analyze_file": Step("analyze_file", "videos", analyze),
}
