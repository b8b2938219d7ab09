"""Kills every operator that writes at its n-th write, and compares with an uninterrupted run.

Run as a script it has a database of its own and prints one line of JSON a step:
``killed_steps.py FOLDER SEED KILLS STEP...``. A new operator has to enter :data:`STEPS` or
:data:`READ_ONLY` (``test_killed_steps.py`` checks that).
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "scripts")]
FULL = bool(os.environ.get("MEDIA_FORENSICS_FULL"))


@dataclass(frozen=True)
class Step:
    """One call of an operator that changes something.

    Attributes:
        operator: its name
        stage: name of the function that prepares what it works on
        work: the call; it gets the stage
        check: looks at a killed state with the stage; returns what is wrong with it
        again: ends what was cut; the same call by default
    """

    operator: str
    stage: str
    work: Callable[[Any], Any]
    check: Callable[[Any], list[str]] | None = None
    again: Callable[[Any], Any] | None = None


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


# ---- scored faces ----------------------------------------------------------------------------


def faces(stage: Stage) -> None:
    """40 faces scored by a tiny detector under the key ``k``; a second detector."""
    import faces_to_score
    import hostile_checkpoints
    from media_forensics.operators import score_faces

    pictures = stage.inputs / "pictures"
    pictures.mkdir()
    paths = faces_to_score.pictures(pictures, 40)
    dataset = faces_to_score.dataset_of(paths, "faces")
    for key in ("old", "new"):
        where = stage.inputs / key
        where.mkdir()
        stage.given[key] = str(hostile_checkpoints.tiny_detector(where, seed=2 + (key == "new")))
    options = {"batch_size": 1, "device": "cpu"}
    for key in ("new", "old"):
        score_faces.run(dataset, detector=stage.given[key], key=key, **options)
        stage.given[f"{key} scores"] = scores_of(key)
    score_faces.run(dataset, detector=stage.given["old"], key="k", **options)


def scores_of(key: str) -> dict[str, tuple[Any, ...]]:
    """Scores by file."""
    names = ["filepath", *(f"{key}_{part}" for part in PARTS)]
    dataset = load("faces")
    names = [name for name in names if dataset.has_field(name)]
    return {row[0]: row[1:] for row in zip(*dataset.values(names), strict=True)}


PARTS = ("p_fake", "margin", "angle", "video_p_fake", "track_p_fake")


def overwrite(stage: Stage) -> None:
    """Another detector's scores under the key ``k``."""
    from media_forensics.operators import score_faces, score_writer

    score_writer.CHUNK = 8
    score_faces.run(
        load("faces"),
        detector=stage.given["new"],
        key="k",
        overwrite=True,
        batch_size=1,
        device="cpu",
    )


def attributed(stage: Stage) -> list[str]:
    """Every stored number of ``k`` is that of the checkpoint that the run names, or is refused."""
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.operators import calibrations, views

    dataset = load("faces")
    sha256 = {calibrations.checkpoint_of(dataset, key): key for key in ("old", "new")}
    named = sha256.get(calibrations.checkpoint_of(dataset, "k"))
    if named is None:
        return [f"k is of nobody: {calibrations.checkpoint_of(dataset, 'k')}"]
    try:
        views.face_scores(dataset, "k")
    except ForensicsError as error:
        return [] if "unfinished" in str(error) else [str(error)]
    right = stage.given[f"{named} scores"]
    return [
        f"{path}: {part} is {value}, not {expected} of {named}"
        for path, row in scores_of("k").items()
        for part, value, expected in zip(PARTS, row, right[path], strict=True)
        if value is not None and value != expected
    ]


STEPS: dict[str, Step] = {
    "score_faces overwrite": Step("score_faces", "faces", overwrite, attributed),
}


def prove(name: str, stage: Stage, rng: random.Random, kills: int, kept: Path) -> dict[str, Any]:
    """Kill the step ``name`` at ``kills`` of its writes (0: at every one)."""
    import dying
    import fiftyone.core.odm as foo
    import whole_state

    step = STEPS[name]
    db, folders = foo.get_db_conn(), [stage.folder]
    before = whole_state.Snapshot(db, folders, kept)
    whole = dying.run(lambda: step.work(stage), folders)
    found: dict[str, Any] = {"step": name, "writes": whole.writes, "killed": 0, "wrong": []}
    if whole.error:
        return {**found, "wrong": [f"uninterrupted: {whole.error[-1500:]}"]}
    expected = whole_state.read(db, folders)
    before.restore()
    moments = list(range(1, whole.writes + 1))
    if kills and kills < len(moments):
        moments = sorted(rng.sample(moments, kills))
    for moment in moments:
        end = dying.run(lambda: step.work(stage), folders, die_at=moment)
        found["killed"] += end.killed
        where = f"write {moment} of {whole.writes} ({end.last})"
        if end.error:
            found["wrong"].append(f"{where}: {end.error[-800:]}")
        if step.check is not None:
            found["wrong"] += [f"{where}: {text}" for text in _in_fork(step.check, stage)[:3]]
        again = dying.run(lambda: (step.again or step.work)(stage), folders)
        if again.error:
            found["wrong"].append(f"{where}, again: {again.error[-1500:]}")
        else:
            got = whole_state.read(db, folders)
            different = whole_state.differences(expected, got)
            found["wrong"] += [f"{where}: {text}" for text in different[:3]]
        before.restore()
    return found


def _in_fork(check: Callable[[Stage], list[str]], stage: Stage) -> list[str]:
    """The check's answer; in a fork, so that this process keeps no copy of a dataset."""
    import dying

    answer = stage.inputs / "answer.json"
    answer.unlink(missing_ok=True)
    end = dying.run(lambda: answer.write_text(json.dumps(check(stage))), [])
    return [end.error[-1500:]] if end.error else json.loads(answer.read_text())


def main(folder: Path, seed: int, kills: int, names: list[str]) -> None:
    """Prove the steps, each stage prepared once, in a fork; prints JSON lines."""
    import dying
    import fiftyone as fo
    import fiftyone.core.odm as foo
    import whole_state

    import_everything()
    fo.list_datasets()
    by_stage: dict[str, list[str]] = {}
    for name in names:
        by_stage.setdefault(STEPS[name].stage, []).append(name)
    for stage_name, steps in by_stage.items():
        stage = Stage(Path(fo.config.default_dataset_dir), folder / stage_name)
        stage.folder.mkdir(parents=True, exist_ok=True)
        stage.inputs.mkdir(parents=True)
        note = stage.inputs / "given.json"

        def prepare(stage: Stage = stage, name: str = stage_name, note: Path = note) -> None:
            globals()[name](stage)
            note.write_text(json.dumps(stage.given))

        db = foo.get_db_conn()
        empty = whole_state.Snapshot(db, [stage.folder], folder / f"{stage_name} empty")
        end = dying.run(prepare, [])
        if end.error:
            raise RuntimeError(f"the stage {stage_name} failed: {end.error}")
        stage.given = json.loads(note.read_text())
        for name in steps:
            found = prove(name, stage, random.Random(f"{seed} {name}"), kills, folder / "kept")
            print(json.dumps(found), flush=True)
        empty.restore()


def import_everything() -> None:
    """Import what the forks need, so that each of them starts at once."""
    from importlib import import_module

    import fiftyone.brain  # noqa: F401
    import open_clip  # noqa: F401
    import torch  # noqa: F401
    from media_forensics import operators

    for module, _ in operators.OPERATORS:
        import_module(f"media_forensics.operators.{module}")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
