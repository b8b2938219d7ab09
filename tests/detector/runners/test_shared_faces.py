"""Processes that share one face network: the same crops, and what happens when it fails."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from media_forensics.detector.errors import Cancelled, ForensicsError
from media_forensics.detector.faces.detectors import detector_of
from media_forensics.detector.faces.interface import NonFiniteError
from media_forensics.detector.faces.landmarks import RefinedDetector
from media_forensics.detector.faces.retinaface import RetinaFaceDetector, prior_boxes
from media_forensics.detector.records import CropRecipe, VideoRecord
from media_forensics.detector.runners import extract
from media_forensics.detector.runners.shared_faces import (
    FaceServer,
    is_shared_by_default,
    shared_of,
)

sys.path.append(str(Path(__file__).parents[1]))  # workers get this path, too
import shares_jobs

RECIPE = CropRecipe(count=6, max_side=320)
KEYS = ("single_face.mp4", "carphone_pristine.mp4", "hopper", "obama2", "multi_face.jpg", "brick")


def records(footage, keys=KEYS) -> list[VideoRecord]:
    known = [key for key in keys if key in footage]
    return [VideoRecord(f"v/{n}", str(footage[key]), 0, "v") for n, key in enumerate(known)]


def extracted(given, root: Path, recipe: CropRecipe, share: bool, stop=lambda: False, **options):
    setup, detector = extract.prepare(recipe, root, "cpu", **options)
    given = extract.in_order(given, recipe)
    return extract.extract_prepared(given, given, setup, detector, 2, stop, share)


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


class Here:
    """A pool's question and its answer without a pool."""

    def __init__(self, server: FaceServer) -> None:
        self.server = server

    def __call__(self, question, arrays):
        data = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
        return self.server.answer(question, _Bytes(data))


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def read_into(self, room) -> None:
        view = memoryview(room).cast("B")
        view[:], self.data = self.data[: len(view)], self.data[len(view) :]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as each process of a pool of two has
    yield
    torch.set_num_threads(before)


@pytest.mark.weights
@pytest.mark.parametrize("refine", [False, True])
def test_crops_are_the_same_with_a_shared_network(refine, footage, weights_dir, tmp_path):
    recipe = replace(RECIPE, refine_landmarks=refine)
    found = {}
    for share in (False, True):
        given = records(footage)
        for result in extracted(given, tmp_path / str(share), recipe, share):
            found.setdefault(result.video_id, []).append(result)
    assert len(found) == len(records(footage))
    for own, shared in found.values():
        assert [f.index for f in own.frames] == [f.index for f in shared.frames]
        for (_, one), (_, other) in zip(own.crops, shared.crops, strict=True):
            assert np.abs(np.subtract(one.landmarks, other.landmarks)).max() < 1e-3
    own, shared = (contents(tmp_path / str(share)) for share in (False, True))
    pictures = [name for name in own if name.endswith(".png")]
    assert len(pictures) > 10 and list(own) == list(shared)
    assert not [name for name in pictures if own[name] != shared[name]]


@pytest.mark.weights
def test_several_devices_serve_one_pool(footage, weights_dir, tmp_path, monkeypatch):
    served: list[int] = []
    run = FaceServer._run

    def noted(network, detector, jobs):
        served.append(id(network))
        time.sleep(0.5)  # so that the other one gets the next
        run(network, detector, jobs)

    monkeypatch.setattr(FaceServer, "_run", staticmethod(noted))
    monkeypatch.setattr(extract, "several", lambda device: (device, device))
    given = records(footage)
    results = list(extracted(given, tmp_path, RECIPE, True))
    assert len(results) == len(given) and sum(r.reason is None for r in results) >= 5
    assert len(set(served)) == 2


@pytest.mark.weights
def test_a_process_that_shares_does_not_load_torch(footage, weights_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(extract, "_do", shares_jobs.with_modules)
    given = records(footage, ("hopper", "obama2"))
    found = list(extracted(given, tmp_path, RECIPE, True))
    assert [result.reason for result in found] == [None, None]
    assert [result.info["torch"] for result in found] == [False, False]


class Network(torch.nn.Module):
    """Notes its batches; every anchor of a picture scores as its first pixel says."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.may_go = threading.Event()
        self.may_go.set()

    def forward(self, batch):
        self.batches.append(len(batch))
        self.may_go.wait()
        anchors = len(prior_boxes(batch.shape[2], batch.shape[3]))
        first = batch[:, 0, 0, 0] + 123.0
        if (first == 255).any():
            raise RuntimeError("device-side assert triggered")
        scores = torch.zeros(len(batch), anchors, 2)
        scores[:, 3, 1] = torch.where(first == 254, torch.nan, first / 255)
        values = (torch.zeros(len(batch), anchors, n) for n in (4, 10))
        boxes, points = values
        return boxes, scores, points


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def server(network):
    server = FaceServer([RetinaFaceDetector("n", network, "0", "cpu")])
    yield server
    network.may_go.set()
    server.close()


@pytest.fixture
def remote(server):
    shared = shared_of(RetinaFaceDetector("n", Network(), "0", "cpu"))
    return lambda: shared.detector(Here(server))


def picture(value: int, side: int = 64) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


def test_what_gathers_while_the_network_computes_is_one_batch(network, server, remote):
    network.may_go.clear()
    answers: dict[int, list] = {}

    def ask(n: int) -> None:
        answers[n] = remote().detect([picture(130 + n, 64 if n != 4 else 96)] * 2)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    threads[0].start()
    while not network.batches:
        time.sleep(0.01)
    for thread in threads[1:]:
        thread.start()
    while len(server._line) < 7:
        time.sleep(0.01)
    network.may_go.set()
    for thread in threads:
        thread.join()
    assert sorted(network.batches) == [2, 2, 12]  # the first, the other size, all that waited
    for n, found in answers.items():
        assert [[round(face.score * 255) for face in faces] for faces in found] == [[130 + n]] * 2


def test_a_picture_that_is_not_finite_is_told_to_whom_it_belongs(remote):
    assert len(remote().detect([picture(200)])[0]) == 1
    with pytest.raises(NonFiniteError):
        remote().detect([picture(200), picture(254)])
    assert len(remote().detect([picture(200)])[0]) == 1


def test_a_network_that_fails_is_one_sentence(remote):
    with pytest.raises(ForensicsError, match="failed on cpu: RuntimeError: device-side") as told:
        remote().detect([picture(255)])
    assert told.value.field == "device"
    assert len(remote().detect([picture(200)])[0]) == 1


def test_a_server_that_has_ended_keeps_nobody_waiting(server, remote):
    server.close()
    with pytest.raises(Cancelled):
        remote().detect([picture(200)])


@pytest.mark.weights
def test_a_failing_network_ends_the_extraction_and_its_processes(footage, weights_dir, tmp_path):
    before = psutil.Process().children(recursive=True)
    setup, detector = extract.prepare(RECIPE, tmp_path, "cpu")

    class Fails(torch.nn.Module):
        def forward(self, batch):
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    detector._network = Fails()
    given = records(footage)
    results = extract.extract_prepared(given, given, setup, detector, 2, lambda: False, True)
    with pytest.raises(ForensicsError, match="illegal memory access"):
        list(results)
    assert psutil.Process().children(recursive=True) == before


@pytest.mark.weights
def test_a_wish_to_stop_ends_it(footage, weights_dir, tmp_path):
    before = psutil.Process().children(recursive=True)
    seen = []
    for result in extracted(records(footage), tmp_path, RECIPE, True, lambda: bool(seen)):
        seen.append(result)
    assert len(seen) == 1
    assert psutil.Process().children(recursive=True) == before
    assert not [t for t in threading.enumerate() if t.name == "face-network"]


@pytest.mark.weights
def test_who_shares(weights_dir):
    plain = detector_of(RECIPE, "cpu")
    refined = detector_of(replace(RECIPE, refine_landmarks=True), "cpu")
    assert not is_shared_by_default(plain)
    plain.device = "cuda"
    assert is_shared_by_default(plain)
    shared = shared_of(refined)
    assert shared is not None and isinstance(shared.detector(print), RefinedDetector)
    assert shared.detector(print).sha256 == refined.sha256 != plain.sha256
