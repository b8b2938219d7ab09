"""In which precision many crops are scored: both kinds of processor, and the numbers of bf16."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from media_forensics.detector import device
from media_forensics.detector.frames.images import read_image
from media_forensics.detector.model import scoring_precision
from media_forensics.detector.model.backbone import load_backbone
from media_forensics.detector.model.detector import Detector
from media_forensics.detector.model.scoring_precision import bf16_gap, settled


@pytest.fixture
def processor(monkeypatch):
    """``processor(*flags)``: a Linux machine whose processor has these flags."""
    monkeypatch.delenv("MEDIA_FORENSICS_BF16", raising=False)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    return lambda *flags: monkeypatch.setattr(device, "_processor_flags", lambda: frozenset(flags))


@pytest.fixture(scope="module")
def offline(weights_dir):
    """The tower of the plugin with a head whose margins spread by 2, as a trained one's."""
    detector = Detector(load_backbone("vit-s14-dinov2-saliency", "cpu"), key_name="offline")
    torch.nn.init.normal_(detector.head.weight, 0, 0.3, generator=torch.Generator().manual_seed(1))
    return detector.eval()


def test_which_processors_have_units(processor, monkeypatch):
    processor("avx512f", "avx512_vnni")
    assert not device.has_bf16_units()
    for flag in ("avx512_bf16", "amx_bf16"):
        processor("avx512f", flag)
        assert device.has_bf16_units()
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert not device.has_bf16_units()
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")
    assert device.has_bf16_units()
    monkeypatch.setenv("MEDIA_FORENSICS_BF16", "0")
    assert not device.has_bf16_units()


def test_the_form_says_what_auto_means(processor, monkeypatch):
    monkeypatch.setattr(device, "found", lambda: device.Found(1, False))
    processor()
    assert device.precision_words("cpu") == "fp32" and device.precision_words("cuda") == "fp16"
    processor("avx512_bf16")
    assert "within 0.005 of fp32's" in device.precision_words("cpu")
    monkeypatch.setattr(device, "is_known", lambda: False)
    assert device.precision_words() == "fp16 on a GPU, fp32 or bf16 on a CPU"


@pytest.mark.weights
def test_the_processor_and_the_error_decide(offline, tiny_detector, processor, monkeypatch):
    processor("avx512f")
    assert settled(offline) == scoring_precision.Settled("fp32")
    processor("avx512f", "avx512_bf16")
    found = settled(offline)
    assert found.precision == "bf16" and 0 < found.gap < device.BF16_BOUND
    assert "allowed" in found.words()
    with monkeypatch.context() as patch:
        patch.setattr(scoring_precision, "bf16_gap", lambda _: pytest.fail("measured again"))
        assert settled(offline) is found
    steep = tiny_detector
    with torch.no_grad():
        steep.head.weight.mul_(100)
    assert settled(steep).precision == "fp32" and settled(steep).gap > device.BF16_BOUND
    assert settled(steep).words().startswith("fp32 (bf16: p_fake within")
    name = scoring_precision.scoring_precision
    assert [name(steep, "bf16"), name(steep), name(steep, None, "cuda")] == ["bf16", "fp32", "fp16"]
    with torch.no_grad():
        steep.head.weight.div_(1e5)  # another head: measured again
    assert settled(steep).precision == "bf16"


@pytest.mark.weights
def test_the_error_on_photographs_is_within_what_was_measured(offline, footage):
    crops = []
    for name in ("astronaut", "hopper"):
        image = read_image(footage[name])
        for side in (96, 224):
            for flip in (1, -1):
                crops.append(np.ascontiguousarray(image[40 : 40 + side, 40 : 40 + side][:, ::flip]))
    exact, rough = (offline.score(crops, precision=name) for name in ("fp32", "bf16"))
    gap = float(np.abs(exact.p_fake - rough.p_fake).max())
    assert 0 < gap < bf16_gap(offline) < device.BF16_BOUND
