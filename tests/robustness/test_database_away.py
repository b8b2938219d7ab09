"""MongoDB stopped and started again in the middle of scoring: the same call ends as if it had not.

The database is one of this test's own; the run is a process that waits in the middle until the
database was stopped and started.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FULL = bool(os.environ.get("MEDIA_FORENSICS_FULL"))  # `make robustness` also stops it gently

SCRIPT = """
import json, sys
from pathlib import Path
from fiftyone.core.odm import get_db_conn
from media_forensics.operators.scoring import score_faces, score_writer
from pymongo import WriteConcern
sys.path.append(sys.argv[1])
import faces_to_score

score_writer.CHUNK = 16  # so that there is something to lose in the middle
folder, detector = Path(sys.argv[2]), sys.argv[3]
given = {"detector": detector, "key": "k", "batch_size": 4, "device": "cpu"}
names = ["filepath", "k_p_fake", "k_margin", "k_angle", "k_reason", "k_video_p_fake"]

def rows(dataset):
    return sorted(zip(*dataset.values(names)), key=str)

def middle(done, total, text):
    if done == 32:
        # MongoDB may forget the last 0.1 s when it is killed; a journaled write is after all others
        journaled = get_db_conn()["journaled"].with_options(write_concern=WriteConcern(j=True))
        journaled.insert_one({})
        print("middle", flush=True)
        sys.stdin.readline()

paths = faces_to_score.pictures(folder, 80)
whole = faces_to_score.dataset_of(paths, "whole")
score_faces.run(whole, **given)
cut = faces_to_score.dataset_of(paths, "cut")
try:
    score_faces.run(cut, progress=middle, **given)
    said = "nothing"
except Exception as error:  # whatever the database's going raises: its name is reported below
    said = type(error).__name__
cut.reload()
there = len(cut.exists("k_p_fake"))
assert len(cut.limit(1000).values("id")) == 80
again = score_faces.run(cut, **given)
print(json.dumps({"said": said, "there": there, "already": again["already"],
                  "equal": rows(cut) == rows(whole), "rows": len(rows(cut)),
                  "lost": sum(row[1] is None for row in rows(cut))}), flush=True)
"""


@pytest.fixture
def database(tmp_path):
    """``stop()`` and ``start()`` of a mongod, and its address."""
    import own_database

    folder, port = tmp_path / "db", own_database._free_port()
    folder.mkdir()

    class Database:
        address = f"mongodb://127.0.0.1:{port}"
        process: subprocess.Popen | None = None

        def start(self) -> None:
            command = [own_database._mongod(), "--dbpath", folder, "--port", port]
            command += ["--bind_ip", "127.0.0.1", "--nounixsocket", "--logpath", folder / "log"]
            self.process = subprocess.Popen(
                [str(word) for word in command], stdout=subprocess.DEVNULL
            )
            own_database._wait(self.process, port, folder / "log")

        def stop(self, how: int) -> None:
            self.process.send_signal(how)
            self.process.wait()

    made = Database()
    made.start()
    yield made
    made.stop(signal.SIGKILL)


@pytest.mark.fiftyone
@pytest.mark.parametrize(
    "how", [signal.SIGKILL] + [signal.SIGTERM] * FULL, ids=lambda how: how.name
)
def test_scoring_is_finished_after_the_database_was_away(database, how, tmp_path):
    import hostile_checkpoints

    detector = hostile_checkpoints.tiny_detector(tmp_path)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "_mount"),
        "OMP_NUM_THREADS": "1",
        "FIFTYONE_DATABASE_URI": database.address,
    }
    arguments = [str(Path(__file__).parent), str(tmp_path), str(detector)]
    run = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    lines = iter(run.stdout.readline, "")
    assert any(line.strip() == "middle" for line in lines)
    database.stop(how)
    database.start()
    run.stdin.write("go\n")
    run.stdin.close()
    found = json.loads(list(lines)[-1])
    assert run.wait() == 0
    assert found["equal"] and found["rows"] == 80 and found["lost"] == 4
    assert found["already"] == found["there"] > 0  # what was written before is not done again
