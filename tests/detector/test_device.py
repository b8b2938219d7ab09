"""One place knows the devices; a name that cannot be used is one sentence at the field device."""

from __future__ import annotations

import ast
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from media_forensics.detector import device
from media_forensics.detector.errors import ForensicsError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def machine(monkeypatch):
    """``machine(gpus, mps)`` is what torch finds."""
    return lambda gpus=0, mps=False: monkeypatch.setattr(
        device, "found", lambda: device.Found(gpus, mps)
    )


@pytest.mark.parametrize(
    ("gpus", "mps", "name", "expected"),
    [
        (0, False, None, "cpu"),
        (0, False, "", "cpu"),
        (0, True, "auto", "cpu"),
        (0, True, "mps", "mps"),
        (2, False, "auto", "cuda"),
        (2, False, "CUDA:1", "cuda:1"),
        (2, False, "cpu", "cpu"),
        (2, False, "cuda:all", "cuda"),
    ],
)
def test_what_a_name_stands_for(machine, gpus, mps, name, expected):
    machine(gpus, mps)
    assert device.resolved(name) == expected


@pytest.mark.parametrize(
    ("gpus", "mps", "name", "words"),
    [
        (0, False, "cuda", "torch finds no GPU here"),
        (0, True, "cuda", "only Apple's GPU"),
        (2, False, "cuda:2", "2 CUDA GPU"),
        (2, False, "mps", "'mps' is not available"),
        (2, False, "gpu", "no device 'gpu'"),
        (2, False, "cuda:x", "Known: auto, cpu, cuda, mps, cuda:N, cuda:all"),
        (2, False, -1, "no device '-1'"),
    ],
)
def test_a_device_that_cannot_be_used(machine, gpus, mps, name, words):
    machine(gpus, mps)
    with pytest.raises(ForensicsError, match=words) as told:
        device.resolved(name)
    assert told.value.field == "device"


def test_all_gpus_are_several_and_every_other_name_is_one(machine):
    machine(3)
    assert device.several("cuda:all") == ("cuda:0", "cuda:1", "cuda:2")
    assert device.several("cuda:1") == ("cuda:1",)
    assert device.several(None) == ("cuda",)
    machine()
    assert device.several(None) == ("cpu",)
    with pytest.raises(ForensicsError, match="no GPU here"):
        device.several("cuda:all")


def test_the_form_says_which_one_auto_is(machine, monkeypatch):
    machine()
    monkeypatch.setattr(device, "is_known", lambda: True)
    assert device.described(None) == "auto: cpu"
    assert device.described("cpu") == "cpu"


def test_a_form_does_not_wait_for_torch(monkeypatch):
    answer = threading.Event()

    def slow() -> device.Found:
        answer.wait()
        return device.Found(1, False)

    device._question.cache_clear()
    monkeypatch.setattr(device, "_loaded", lambda: False)
    monkeypatch.setattr(device, "_asked_apart", slow)
    assert not device.is_known() and device.described("auto") == ""
    answer.set()
    assert device.resolved("auto") == "cuda"  # this one waits
    assert device.is_known() and device.described(None) == "auto: cuda"
    device._question.cache_clear()


def test_a_failed_question_is_asked_again(monkeypatch):
    def broken() -> device.Found:
        raise ForensicsError("torch cannot be loaded: no", "Install it.")

    device._question.cache_clear()
    monkeypatch.setattr(device, "_loaded", lambda: False)
    monkeypatch.setattr(device, "_asked_apart", broken)
    with pytest.raises(ForensicsError):
        device.found()
    monkeypatch.setattr(device, "_asked_apart", lambda: device.Found(0, False))
    assert device.found() == device.Found(0, False)
    device._question.cache_clear()


def test_both_ways_of_asking_agree_and_loading_torch_is_left_to_another_process():
    import torch

    assert device.found() == device._asked_apart()
    assert device.found().gpus == torch.cuda.device_count()
    code = (
        "import sys; from media_forensics.detector import device; device.found();"
        " assert 'torch' not in sys.modules"
    )
    environment = {"PYTHONPATH": str(ROOT / "_mount"), "PATH": ""}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


@pytest.mark.parametrize("load", ["face detector", "tower", "yunet"])
def test_every_loader_refuses_in_the_same_words(load, machine, weights_dir):
    from media_forensics.detector.faces.detectors import load_face_detector
    from media_forensics.detector.model.backbone import load_backbone

    machine()
    calls = {
        "face detector": lambda: load_face_detector("retinaface_mobile0.25", device="gpu"),
        "tower": lambda: load_backbone("vit-s14-dinov2-saliency", device="gpu"),
        "yunet": lambda: load_face_detector("yunet", device="gpu"),
    }
    with pytest.raises(ForensicsError, match="There is no device 'gpu'") as told:
        calls[load]()
    assert told.value.field == "device"


def test_nobody_else_asks_torch_what_there_is():
    asked = {"is_available", "device_count"}
    for folder in ("detector", "training", "operators"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.name == "device.py":
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and node.attr in asked:
                    owner = ast.unparse(node.value)
                    assert owner == "dist", f"{path.relative_to(ROOT)} asks {owner}.{node.attr}"


def _switches() -> list[object]:
    import torch

    legacy = [torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()]
    return [*legacy, *(part.fp32_precision for part in device._fine_switches())]


@pytest.mark.parametrize("products", ["highest", "high", "medium"])
@pytest.mark.parametrize("convolutions", [True, False])
def test_exact_float32_puts_back_what_it_found(products, convolutions):
    import torch

    torch.backends.cudnn.allow_tf32 = convolutions
    torch.set_float32_matmul_precision(products)
    before = _switches()
    with device.exact_float32():
        assert _switches() == [False, "highest", *["ieee"] * len(device._fine_switches())]
        with pytest.raises(KeyError), device.exact_float32():
            raise KeyError
        assert _switches()[:2] == [False, "highest"]
    assert _switches() == before
    torch.backends.cudnn.allow_tf32 = True
    torch.set_float32_matmul_precision("highest")


def test_the_last_thread_out_puts_it_back():
    import torch

    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with device.exact_float32():
            inside.set()
            leave.wait()

    thread = threading.Thread(target=other)
    with device.exact_float32():
        thread.start()
        inside.wait()
    assert torch.backends.cudnn.allow_tf32 is False
    leave.set()
    thread.join()
    assert torch.backends.cudnn.allow_tf32 is True


def test_exact_float32_where_the_finer_switches_contradict_the_older():
    script = """
import torch
from media_forensics.detector import device
finer = device._fine_switches()
for part, value in zip(finer, ["ieee", "tf32", "tf32", "tf32", "bf16"]):
    part.fp32_precision = value
before = [part.fp32_precision for part in finer]
with device.exact_float32():
    assert [part.fp32_precision for part in finer] == ["ieee"] * len(finer)
assert [part.fp32_precision for part in finer] == before
"""
    subprocess.run([sys.executable, "-c", script], check=True)
