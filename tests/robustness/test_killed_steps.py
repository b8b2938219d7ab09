"""kill -9 at the n-th write of every operator that writes, then the same call: as if unharmed.

CI kills every fourth step at a write that the seed draws; ``make robustness`` each step at all of
its writes, or at ``MEDIA_FORENSICS_KILLS`` of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import killed_catalogue
import killed_steps
import pytest
import yaml

pytestmark = pytest.mark.fiftyone
ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("MEDIA_FORENSICS_KILLS", "0" if killed_steps.FULL else "1"))
SEED = int(os.environ.get("MEDIA_FORENSICS_SEED", "1"))


def run_steps(folder: Path, names: list[str], kills: int = KILLS) -> list[dict]:
    """What :func:`killed_steps.main` prints, from a process with a database of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "_mount"),
        "FIFTYONE_DATABASE_NAME": f"killed_{os.getpid()}_{folder.name}".replace(" ", "_")[:60],
        "FIFTYONE_DEFAULT_DATASET_DIR": str(folder / "datasets"),
        "OMP_NUM_THREADS": "1",
    }
    script = ROOT / "tests" / "robustness" / "killed_steps.py"
    command = [sys.executable, str(script), str(folder), str(SEED), str(kills), *names]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"step"')]


def test_every_operator_has_a_step_or_a_reason():
    listed = yaml.safe_load((ROOT / "fiftyone.yml").read_text())["operators"]
    tried = {step.operator for step in killed_catalogue.STEPS.values()}
    assert tried | set(killed_catalogue.WITHOUT) == set(listed)
    assert not tried & set(killed_catalogue.WITHOUT)
    assert {step.stage for step in killed_catalogue.STEPS.values()} == set(
        killed_catalogue.PREPARED
    )


@pytest.mark.long("a minute")
def test_two_operators_at_once_lose_nothing(tmp_path, fiftyone_db):
    wrong = {row["step"]: row["wrong"] for row in run_steps(tmp_path, ["pairs"]) if row["wrong"]}
    assert not wrong, json.dumps(wrong, indent=1)[:6000]


def test_a_dataset_deleted_during_scoring_is_an_error(tmp_path, fiftyone_db):
    """As another process deletes it: this one is not told."""
    import faces_to_score
    import hostile_checkpoints
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.operators.dataset import dataset_changes
    from media_forensics.operators.scoring import score_faces

    detector = hostile_checkpoints.tiny_detector(tmp_path)
    dataset = faces_to_score.dataset_of(faces_to_score.pictures(tmp_path, 40), "deleted meanwhile")
    identity, samples = dataset._doc.id, dataset._sample_collection_name

    def deleted(done: int, total: int, text: str) -> None:
        if done > 8:
            dataset_changes.documents("datasets").delete_one({"_id": identity})
            dataset_changes.documents(samples).drop()

    with pytest.raises(ForensicsError, match="was deleted while this run was writing"):
        score_faces.run(
            dataset, detector=str(detector), key="k", batch_size=4, device="cpu", progress=deleted
        )
    assert samples not in fiftyone_db.core.odm.get_db_conn().list_collection_names()


@pytest.mark.weights
@pytest.mark.parametrize("stage", sorted(killed_catalogue.PREPARED))
def test_a_step_killed_at_any_write_ends_alike(stage, tmp_path, fiftyone_db):
    steps = killed_catalogue.STEPS.items()
    names = [n for n, step in steps if step.stage == stage and (killed_steps.FULL or not step.long)]
    names = names if killed_steps.FULL else names[::4]
    found = run_steps(tmp_path, names)
    assert [row["step"] for row in found] == names
    for row in found:
        print(f"{row['step']}: {row['killed']} kills, {row['writes']} writes")
    wrong = {row["step"]: row["wrong"] for row in found if row["wrong"]}
    assert not wrong, json.dumps(wrong, indent=1)[:6000]
    assert all(row["killed"] for row in found)
