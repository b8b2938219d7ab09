"""What is done around the network, in batches, against one picture at a time with torchvision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.faces.batches import faces_of, suppressed
from media_forensics.detector.faces.interface import NonFiniteError
from media_forensics.detector.faces.retinaface import RetinaFaceDetector, prior_boxes
from media_forensics.detector.records import Face

SIZES = [(64, 64), (97, 161), (360, 640)]


def one_at_a_time(outputs, size, frame_size, threshold: float) -> list[Face]:
    """Faces of the (N, 4), (N,), (N, 10) of one picture, as version 0.3 decoded them."""
    loc, scores, points = outputs
    keep = torch.nonzero(scores > threshold).squeeze(1)
    priors = torch.from_numpy(prior_boxes(*size))[keep]
    centre = priors[:, :2] + loc[keep, :2] * 0.1 * priors[:, 2:]
    extent = priors[:, 2:] * torch.exp(loc[keep, 2:] * 0.2)
    corner = centre - extent / 2
    boxes = torch.cat([corner, corner + extent], dim=1)
    marks = priors[:, None, :2] + points[keep].view(-1, 5, 2) * 0.1 * priors[:, None, 2:]
    scale = torch.tensor([frame_size[1], frame_size[0]], dtype=torch.float32)
    boxes, marks = boxes * scale.repeat(2), marks * scale
    order = torch.sort(scores[keep], descending=True, stable=True).indices
    boxes, marks, values = boxes[order], marks[order], scores[keep][order]
    return [
        Face(tuple(boxes[i].tolist()), float(values[i]), tuple(map(tuple, marks[i].tolist())))
        for i in torchvision.ops.nms(boxes, values, 0.4).tolist()
    ]


class Random(torch.nn.Module):
    """Outputs like those of a network in a crowd: many candidates, some of equal score."""

    def forward(self, batch):
        n = len(prior_boxes(batch.shape[2], batch.shape[3]))
        draw = torch.Generator().manual_seed(int(batch.shape[0] * n))
        scores = torch.rand(batch.shape[0], n, 2, generator=draw) ** 8
        self.outputs = [
            torch.randn(batch.shape[0], n, 4, generator=draw),
            (scores * 64).round() / 64,
            torch.randn(batch.shape[0], n, 10, generator=draw),
        ]
        return self.outputs


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("threshold", [0.02, 0.5, 0.99, 1.0])
def test_a_batch_is_decoded_as_one_picture_is(size, threshold):
    network = Random()
    detector = RetinaFaceDetector("random", network, "0", "cpu")
    found = detector.detect([np.zeros((*size, 3), np.uint8)] * 4, score_threshold=threshold)
    assert any(found) == (threshold < 1.0)
    loc, scores, points = network.outputs
    for n, faces in enumerate(found):
        outputs = loc[n], scores[n, :, 1], points[n]
        wanted = one_at_a_time(outputs, size, size, threshold)
        assert len(faces) == len(wanted)
        assert all(one == other for one, other in zip(faces, wanted, strict=True))


@pytest.mark.parametrize("seed", range(20))
def test_suppression_is_that_of_torchvision(seed):
    draw = np.random.default_rng(seed)
    corners = draw.integers(0, 40, (300, 2)).astype(np.float32)  # equal, touching, empty boxes
    boxes = np.concatenate([corners, corners + draw.integers(0, 30, (300, 2))], 1)
    boxes = boxes.astype(np.float32)
    scores = torch.arange(300, 0, -1).float()
    wanted = torchvision.ops.nms(torch.from_numpy(boxes), scores, 0.4).tolist()
    assert suppressed(boxes) == wanted
    assert suppressed(boxes[:0]) == []


class OneBroken(Random):
    """Is not finite for the second picture of each batch."""

    def __init__(self, part: int, value: float) -> None:
        super().__init__()
        self.part, self.value = part, value

    def forward(self, batch):
        outputs = super().forward(batch)
        outputs[self.part][1:2, 3, -1] = self.value
        return outputs


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_picture_that_is_not_finite_is_told_from_its_neighbours(part, value):
    detector = RetinaFaceDetector("broken", OneBroken(part, value), "0", "cpu")
    images = [np.zeros((64, 64, 3), np.uint8)] * 3
    found = detector.candidates(images, 0.5)
    assert [rows is None for rows in found] == [False, True, False]
    with pytest.raises(NonFiniteError) as told:
        faces_of(found[1], (64, 64, 3))
    assert isinstance(told.value, ForensicsError)


class Counted(torch.utils._python_dispatch.TorchDispatchMode):
    """Counts the calls for which a GPU would be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []

    def __torch_dispatch__(self, call, types, args=(), kwargs=None):
        name = call.__name__.partition(".")[0]
        if name in ("nonzero", "_local_scalar_dense", "item", "masked_select", "unique"):
            self.waits.append(name)
        return call(*args, **(kwargs or {}))


@pytest.mark.parametrize("pictures", [1, 9])
def test_a_batch_waits_for_the_device_as_often_as_one_picture(pictures, monkeypatch):
    detector = RetinaFaceDetector("random", Random(), "0", "cpu")
    copies: list[int] = []
    to_host = torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, "cpu", lambda t: (copies.append(1), to_host(t))[1])
    detector.candidates([np.zeros((64, 64, 3), np.uint8)], 0.5)  # priors are made once
    copies.clear()
    with Counted() as counted:
        detector.candidates([np.zeros((64, 64, 3), np.uint8)] * pictures, 0.5)
    assert counted.waits == ["nonzero"] and len(copies) == 1


class Small(Random):
    """Has memory for ``room`` pictures."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room, self.batches = room, []

    def forward(self, batch):
        if len(batch) > self.room:
            raise torch.OutOfMemoryError("no room")
        self.batches.append(len(batch))
        return super().forward(batch)


def test_a_device_with_too_little_memory_gets_smaller_batches():
    network = Small(3)
    detector = RetinaFaceDetector("small", network, "0", "cpu")
    found = detector.detect([np.zeros((64, 64, 3), np.uint8)] * 11)
    assert len(found) == 11 and all(found)
    assert sum(network.batches) == 11 and max(network.batches) == 3
    network.room = 0
    with pytest.raises(ForensicsError, match="64 x 64 pixels is too large for cpu") as told:
        detector.detect([np.zeros((64, 64, 3), np.uint8)] * 11)
    assert told.value.field == "max_side"
