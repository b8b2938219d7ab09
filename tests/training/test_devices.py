"""Where a run may train; the number of GPUs is what torch says."""

from __future__ import annotations

import pytest
import torch
from media_forensics.detector import device
from media_forensics.detector.errors import ForensicsError
from media_forensics.training import devices
from media_forensics.training.devices import Placement, placement


def test_the_gpus_are_those_that_torch_finds():
    assert devices.gpus() == torch.cuda.device_count()


def test_good_choices(monkeypatch):
    assert placement(None) == placement("") == placement("auto") == Placement(None, 1)
    assert placement("cpu") == Placement("cpu", 1)
    monkeypatch.setattr(device, "found", lambda: device.Found(2, False))
    assert placement("cuda:1") == Placement("cuda:1", 1)
    assert placement("cuda", 2, 2) == Placement("cuda", 2)
    assert placement("auto", 2) == Placement(None, 2)


@pytest.mark.parametrize(
    ("name", "processes", "batch", "field", "words"),
    [
        ("gpu", 1, None, "device", "no device 'gpu'"),
        ("cuda:x", 1, None, "device", "no device"),
        ("cuda:2", 1, None, "device", "torch finds 2 CUDA GPU"),
        ("cpu", 0, None, "processes", "0 processes"),
        ("cpu", 1.5, None, "processes", "whole number"),
        ("cpu", "2", None, "processes", "whole number"),
        ("cpu", 10_000, None, "processes", "cores"),
        ("cuda", 3, None, "processes", "too many for 2 GPU"),
        ("auto", 3, None, "processes", "too many for 2 GPU"),
        ("cuda:0", 2, None, "processes", "cannot share cuda:0"),
        ("cuda", 2, 1, "processes", "batch of 1"),
    ],
)
def test_bad_choices_name_their_field(monkeypatch, name, processes, batch, field, words):
    monkeypatch.setattr(device, "found", lambda: device.Found(2, False))
    with pytest.raises(ForensicsError, match=words) as error:
        placement(name, processes, batch)
    assert error.value.field == field


def test_without_a_gpu_cuda_is_refused(monkeypatch):
    monkeypatch.setattr(device, "found", lambda: device.Found(0, False))
    with pytest.raises(ForensicsError, match="torch finds no GPU here"):
        placement("cuda")
