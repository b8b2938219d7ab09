"""Kills every operator that writes at its n-th write, and compares with an uninterrupted run.

Run as a script it has a database of its own and prints one line of JSON a step:
``killed_steps.py FOLDER SEED KILLS STEP...``. The steps are in ``killed_catalogue.py``.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from media_forensics.operators.operator_list import module_of

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "scripts")]
FULL = bool(os.environ.get("MEDIA_FORENSICS_FULL"))


from killed_catalogue import PAIRS, PREPARED, STEPS, Stage  # noqa: E402


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


Names = dict[str, set[str]]


def prove_pair(
    pair: tuple[str, str], stage: Stage, kept: Path, alone: dict[str, tuple[Names, Names]]
) -> dict[str, Any]:
    """Start two steps together: both end, or one is told why not, and nothing of either is lost.

    Args:
        alone: what each step made and removed by itself; steps that are new here are added
    """
    from concurrent.futures import ThreadPoolExecutor

    import dying
    import fiftyone.core.odm as foo
    import whole_state

    db, folders = foo.get_db_conn(), [stage.folder]
    before = whole_state.Snapshot(db, folders, kept)
    found: dict[str, Any] = {"step": " + ".join(pair), "wrong": [], "told": 0}
    kinds = ("views", "runs", "fields")
    wanted: Names = {kind: set() for kind in kinds}
    removed: set[str] = set()  # on purpose, by a step alone: evaluations of replaced scores
    there = _names(whole_state.read(db, folders))
    for name in dict.fromkeys(pair):
        if name not in alone:
            dying.run(lambda step=STEPS[name]: step.work(stage), folders)
            made = _names(whole_state.read(db, folders))
            alone[name] = (made, {kind: there[kind] - made[kind] for kind in kinds})
            before.restore()
        for kind in kinds:
            wanted[kind] |= alone[name][0][kind]
            removed |= alone[name][1][kind]
    with ThreadPoolExecutor(2) as pool:
        ends = list(
            pool.map(lambda name: dying.run(lambda: STEPS[name].work(stage), folders), pair)
        )
    told = [end for end in ends if "Another run is already working on this" in end.error]
    found["told"] = len(told)
    found["wrong"] += [end.error[-1500:] for end in ends if end.error and end not in told]
    for name in pair if told else ():
        again = dying.run(lambda step=STEPS[name]: step.work(stage), folders)
        found["wrong"] += [f"again: {again.error[-1500:]}"] if again.error else []
    got = _names(whole_state.read(db, folders))
    for kind, names in wanted.items():
        lost = sorted(names - removed - got[kind])
        found["wrong"] += [f"lost {kind}: {lost}"] if lost else []
    dangling = [name for name in got["views"] | got["runs"] if "dangling" in name]
    found["wrong"] += [f"dangling: {dangling}"] if dangling else []
    before.restore()
    return found


def _names(state: dict[str, Any]) -> Names:
    """Names of the views, runs and fields of the dataset ``faces``."""
    faces = state["datasets"]["faces"]
    runs = {
        f"{kind}/{key}{' dangling' if run == 'dangling' else ''}"
        for kind in ("runs", "evaluations", "brain_methods")
        for key, run in faces[kind].items()
    }
    schema = {json.loads(text)["name"] for text in faces["about"]["sample_fields"]}
    return {"views": set(faces["views"]), "runs": runs, "fields": schema}


def _in_fork(check: Callable[[Stage], list[str]], stage: Stage) -> list[str]:
    """The check's answer; in a fork, so that this process keeps no copy of a dataset."""
    import dying

    answer = stage.inputs / "answer.json"
    answer.unlink(missing_ok=True)
    end = dying.run(lambda: answer.write_text(json.dumps(check(stage))), [])
    return [end.error[-1500:]] if end.error else json.loads(answer.read_text())


def main(folder: Path, seed: int, kills: int, names: list[str]) -> None:
    """Prove the steps, each stage prepared once, in a fork; prints JSON lines.

    For the one name ``pairs``, :data:`PAIRS` are started together instead.
    """
    together = names == ["pairs"]
    names = ["score_faces"] if together else names
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
            PREPARED[name](stage)
            note.write_text(json.dumps(stage.given))

        db = foo.get_db_conn()
        empty = whole_state.Snapshot(db, [stage.folder], folder / f"{stage_name} empty")
        end = dying.run(prepare, [])
        if end.error:
            raise RuntimeError(f"the stage {stage_name} failed: {end.error}")
        stage.given = json.loads(note.read_text())
        alone: dict[str, tuple[Names, Names]] = {}
        for pair in (PAIRS if FULL else PAIRS[::2]) if together else ():
            print(json.dumps(prove_pair(pair, stage, folder / "kept", alone)), flush=True)
        for name in steps if not together else ():
            found = prove(name, stage, random.Random(f"{seed} {name}"), kills, folder / "kept")
            print(json.dumps(found), flush=True)
        empty.restore()


def import_everything() -> None:
    """Import what the forks need, so that each of them starts at once."""
    from importlib import import_module

    import fiftyone.brain  # noqa: F401
    import open_clip  # noqa: F401
    import torch  # noqa: F401
    from media_forensics.operators import operator_list

    for module, _ in operator_list.OPERATORS:
        import_module(f"media_forensics.operators.{module_of(module)}")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
