"""The operators on a Ray cluster that somebody else started: rows as of one process."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.records import VideoRecord
from media_forensics.operators.dataset import fields
from media_forensics.operators.faces import extract_faces
from media_forensics.operators.scoring import score_faces
from PIL import Image

pytestmark = [
    pytest.mark.fiftyone,
    pytest.mark.weights,
    # not imported here: Ray reads its settings when it is imported, and we are to set them
    pytest.mark.skipif(not find_spec("ray"), reason="Ray is not installed"),
]
LIMIT = 120  # seconds until the cluster has to answer


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


@pytest.fixture(scope="module")
def address():
    """A head node of two processors in processes of its own; what it left behind is removed."""
    folder = tempfile.mkdtemp(prefix="ray")  # short: sockets have names of 107 characters at most
    at = f"127.0.0.1:{free_port()}"
    ray = Path(sys.executable).with_name("ray")
    subprocess.run([ray, "get-auth-token", "--generate"], check=True, capture_output=True)
    command = [ray, "start", "--head", "--block", "--node-ip-address=127.0.0.1"]
    command += [f"--port={at.split(':')[1]}", "--num-cpus=2", "--include-dashboard=false"]
    command += ["--object-store-memory=100000000", f"--temp-dir={folder}", "--disable-usage-stats"]
    # SIGKILL of the whole group at the end: `ray stop` would stop every other Ray of this machine
    head = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        wait_for(at, head)
        yield at
    finally:
        os.killpg(head.pid, signal.SIGKILL)
        head.wait()
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(address: str, head: subprocess.Popen) -> None:
    asks = [str(Path(sys.executable).with_name("ray")), "health-check", "--address", address]
    end = time.monotonic() + LIMIT
    env = dict(os.environ, RAY_AUTH_MODE="token")
    while time.monotonic() < end:
        if head.poll() is not None:
            pytest.fail(f"ray start ended: {head.stdout.read().decode()[-2000:]}")
        if subprocess.run(asks, env=env, capture_output=True).returncode == 0:
            return
        time.sleep(1)
    pytest.fail(f"no Ray at {address} after {LIMIT} s")


@pytest.fixture(scope="module")
def videos(fiftyone_db, footage, tmp_path_factory):
    """A clip, one that loses its face, and a file that is no video."""
    poison = tmp_path_factory.mktemp("poison") / "poison.mp4"
    poison.write_bytes(b"\0" * 999)
    clips = {
        "clip": footage["carphone_pristine.mp4"],
        "face_then_none": footage["face_noface.mov"],
        "poison": poison,
    }
    records = [VideoRecord(f"s/{name}", str(path), 0, "s") for name, path in clips.items()]
    dataset = fiftyone_db.Dataset()
    fields.declare_common_fields(dataset)
    dataset.add_samples(
        [fiftyone_db.Sample(filepath=r.path, **fields.record_fields(r)) for r in records]
    )
    fields.set_description(dataset, kind="videos")
    yield dataset
    dataset.delete()


def rows(faces) -> tuple[dict[tuple, tuple], dict[tuple, np.ndarray]]:
    """By (video, frame, face): reason and sha256 of the video; and the crop's pixels."""
    columns = faces.values(["video_id", "frame_number", "face_index", "reason", "source_sha256"])
    found = {row[:3]: row[3:] for row in zip(*columns, strict=True)}
    assert len(found) == len(faces)
    crops = [np.asarray(Image.open(p)).astype(int) for p in faces.values("filepath")]
    return found, dict(zip(zip(*columns[:3], strict=True), crops, strict=True))


@pytest.mark.long("a minute and more")
def test_extraction_and_scoring_on_a_cluster_are_those_of_one_process(
    address, videos, fiftyone_db, tiny_checkpoint, tmp_path
):
    ray = {"runner": "ray", "ray_address": address}
    made = {}
    for name, where in (("alone", {}), ("on_ray", ray)):
        crops = str(tmp_path / name)
        options = {"count": 2, "device": "cpu", "crops_dir": crops, "faces_name": name}
        found = extract_faces.run(videos, **options, **where)
        faces = fiftyone_db.load_dataset(name)
        score = {"detector": tiny_checkpoint, "key": "tiny", "device": "cpu"}
        parts = {"parts_dir": str(tmp_path / "scores")} if where else {}
        scored = score_faces.run(faces, **score, **where, **parts)
        counts = {key: found[key] for key in ("faces", "video_reasons", "frame_reasons")}
        made[name] = (counts, scored["scored"], faces)
    (counts, scored, alone), (counts_on_ray, scored_on_ray, on_ray) = made.values()
    assert counts == counts_on_ray and counts["video_reasons"] == {"decode_error": 1}
    assert scored == scored_on_ray > 0
    (facts, crops), (facts_on_ray, crops_on_ray) = rows(alone), rows(on_ray)
    assert facts == facts_on_ray
    # Another process may add up in another order. OpenCV's warp places a pixel on steps of 1/32, so
    # landmarks that differ in the last bits move a few pixels by one step: 1/32 of the contrast
    # between neighbours (8 of 255) along each axis. All others are the same.
    apart = {k: np.abs(crops[k] - crops_on_ray[k]) for k in crops}
    values = np.concatenate([a.ravel() for a in apart.values()])
    assert values.max() <= 16 and (values > 1).mean() < 1e-3
    where = ["video_id", "frame_number", "face_index"]
    for column in ("tiny_p_fake", "tiny_embedding"):
        ours, theirs = (d.sort_by("filepath").values([*where, column]) for d in (alone, on_ray))
        assert ours[:3] == theirs[:3]
        for key, mine, other in zip(zip(*ours[:3], strict=True), ours[3], theirs[3], strict=True):
            moved = apart[key].any()  # other pixels, other scores
            np.testing.assert_allclose(mine, other, rtol=0, atol=1e-3 if moved else 2e-6)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "host:six", "a:99999999"])
def test_an_address_without_a_cluster_is_an_error_at_its_field(videos, tmp_path, address):
    with pytest.raises(ForensicsError, match="No Ray cluster answers") as caught:
        extract_faces.run(videos, crops_dir=str(tmp_path), runner="ray", ray_address=address)
    assert caught.value.field == "ray_address"


def test_a_process_of_its_own_asks_for_tokens_before_it_imports_ray():
    """The tests set the variable for all; a user's process has to get it from the plugin."""
    code = (
        "import os; from media_forensics.detector.runners.ray_cluster import require_ray;"
        " require_ray(); print(os.environ['RAY_AUTH_MODE'])"
    )
    env = {name: value for name, value in os.environ.items() if name != "RAY_AUTH_MODE"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == "token"
