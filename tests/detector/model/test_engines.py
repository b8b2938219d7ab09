"""Another engine gives the same scores, is made once a size of batch, and says what it lacks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model import engines
from media_forensics.detector.model.engines import Engine, require_engine
from media_forensics.detector.scoring.crop_scores import score_crops
from PIL import Image


@pytest.fixture
def crops(tmp_path):
    rng = np.random.default_rng(3)
    for number in range(7):
        coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), np.uint8))
        coarse.resize((32, 32), Image.Resampling.BICUBIC).save(tmp_path / f"{number}.png")
    return sorted(str(path) for path in tmp_path.glob("*.png"))


def margins(detector, crops, precision):
    found = list(score_crops(detector, crops, 4, precision=precision))
    return np.concatenate([batch.margin for batch in found])


WHOLE = pytest.param("inductor", marks=pytest.mark.long("compiling takes half a minute"))


@pytest.fixture(params=["eager", WHOLE])
def compiler(request, monkeypatch):
    """Counts compilations: torch's tracer alone, and with its compiler."""
    real, made = torch.compile, []

    def compile_(function, **options):
        made.append(function)
        return real(function, **options, backend=request.param)

    monkeypatch.setattr(torch, "compile", compile_)
    if request.param == "eager":  # needs no compiler
        monkeypatch.setattr(engines.shutil, "which", lambda name: name)
    return made


@pytest.mark.parametrize(
    ("precision", "bound"),
    [
        ("fp32", 1e-4),
        pytest.param("bf16", 0.2, marks=pytest.mark.long("the same path as fp32")),
    ],
)
def test_compiled_scores_are_the_scores(tiny_detector, crops, compiler, precision, bound):
    """Seven crops in batches of four: the last is filled up, and nothing is compiled again."""
    plain = margins(tiny_detector, crops, precision)
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    tiny_detector.use_engine("compile", 4, precision)
    assert len(compiler) == 1
    np.testing.assert_allclose(margins(tiny_detector, crops, precision), plain, atol=bound)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs + 1
    with torch.no_grad():  # other weights: other scores, and in fp32 no compilation
        next(iter(tiny_detector.backbone.layer_norm_parameters().values())).mul_(4)
    other = margins(tiny_detector, crops, precision)
    assert abs(other - plain).max() > 2 * bound
    tiny_detector.use_engine("eager")
    np.testing.assert_allclose(margins(tiny_detector, crops, precision), other, atol=bound)


def test_what_an_engine_lacks_is_one_sentence(tiny_detector, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(engines.shutil, "which", lambda name: None)
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    for name, device, words in (
        ("graphs", "cpu", "only on CUDA GPUs"),
        ("compile", "cpu", "no C\\+\\+ compiler"),
        ("compile", "cuda", "triton is not installed"),
        ("jit", "cpu", "There is no engine 'jit'"),
    ):
        with pytest.raises(ForensicsError, match=words) as told:
            require_engine(name, device)
        assert told.value.field == "engine"
    with pytest.raises(ForensicsError, match="C\\+\\+ compiler"):
        tiny_detector.use_engine("compile")
    require_engine("eager", "cpu")


def test_a_compiler_that_fails_is_one_sentence(monkeypatch):
    def broken(function, **options):
        raise RuntimeError("cc1plus: out of memory\nand more")

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.raises(ForensicsError, match="fails with this tower on cpu: RuntimeError: cc1"):
        Engine("compile", 2, "fp32").run(torch.nn.Flatten(), None, torch.zeros(2, 3, 4, 4), "fp32")
