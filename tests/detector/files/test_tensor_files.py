import os
import pickle

import pytest
import torch
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files.tensor_files import load_exact, read_checkpoint, read_tensors
from safetensors.torch import save_file
from torch import nn


class Evil:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_reads_safetensors_and_torch_files(tmp_path):
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2)}
    save_file(tensors, tmp_path / "a.safetensors")
    torch.save(tensors, tmp_path / "b.pt")
    torch.save({"state_dict": tensors, "hyper_parameters": {"head": "Linear"}}, tmp_path / "c.ckpt")
    torch.save(tensors, tmp_path / "d.pth", _use_new_zipfile_serialization=False)
    for name in ("a.safetensors", "b.pt", "c.ckpt", "d.pth"):
        found = read_tensors(tmp_path / name)
        assert set(found) == {"a", "b"} and torch.equal(found["a"], tensors["a"])
    assert read_checkpoint(tmp_path / "c.ckpt")[1] == {"head": "Linear"}


@pytest.mark.parametrize("how", ["torch", "legacy", "pickle"])
def test_code_in_a_pickle_is_refused_and_not_run(tmp_path, how):
    witness, path = tmp_path / "witness", tmp_path / "evil.ckpt"
    content = {"state_dict": {"w": torch.ones(1)}, "hyper_parameters": Evil(witness)}
    if how == "pickle":
        path.write_bytes(pickle.dumps({"hyper_parameters": Evil(witness)}, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how == "torch")
    with pytest.raises(ForensicsError, match=r"pickled objects.*system"):
        read_tensors(path)
    assert not witness.exists()


def test_whole_modules_and_scripts_are_refused(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "module.pt")
    with pytest.raises(ForensicsError, match=r"pickled objects \(torch\.nn"):
        read_tensors(tmp_path / "module.pt")
    (tmp_path / "new.pt").write_bytes(pickle.dumps({"a": Evil(tmp_path / "witness")}, protocol=5))
    with pytest.raises(ForensicsError, match="not a readable checkpoint"):
        read_tensors(tmp_path / "new.pt")
    assert not (tmp_path / "witness").exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_truncated_empty_and_missing_files(tmp_path, suffix):
    tensors = {"a": torch.randn(100, 100)}
    path = tmp_path / f"whole{suffix}"
    save_file(tensors, path) if suffix == ".safetensors" else torch.save(tensors, path)
    data = path.read_bytes()
    half = "cut off" if suffix == ".safetensors" else "readable"
    for size, words in ((len(data) // 2, half), (3, "readable"), (0, "is empty")):
        path.write_bytes(data[:size])
        with pytest.raises(ForensicsError, match=words):
            read_tensors(path)
    with pytest.raises(ForensicsError, match="no checkpoint file"):
        read_tensors(tmp_path / f"none{suffix}")


def test_other_content_is_refused(tmp_path):
    torch.save([torch.ones(1)], tmp_path / "list.pt")
    with pytest.raises(ForensicsError, match="not a table"):
        read_tensors(tmp_path / "list.pt")
    torch.save({"a": 1}, tmp_path / "none.pt")
    with pytest.raises(ForensicsError, match="no tensors"):
        read_tensors(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(ForensicsError):
        read_tensors(tmp_path / "text.pt")


def test_load_exact_names_what_does_not_fit():
    with torch.device("meta"):
        module = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    good = {
        "0.weight": torch.randn(4, 3, dtype=torch.float16),
        "0.bias": torch.randn(4),
        "1.weight": torch.ones(4),
        "1.bias": torch.zeros(4),
    }
    load_exact(module, good, "it")
    assert module[0].weight.dtype == torch.float32 and module[0].weight.device.type == "cpu"
    missing = {k: v for k, v in good.items() if k != "1.bias"}
    with pytest.raises(ForensicsError, match=r"missing: 1\.bias"):
        load_exact(module, missing, "it")
    with pytest.raises(ForensicsError, match=r"unexpected: extra"):
        load_exact(module, {**good, "extra": torch.ones(1)}, "it")
    with pytest.raises(ForensicsError, match=r"0\.weight \(3, 4\) instead of \(4, 3\)"):
        load_exact(module, {**good, "0.weight": torch.ones(3, 4)}, "it")
    with pytest.raises(ForensicsError, match=r"NaN.*0\.bias"):
        load_exact(module, {**good, "0.bias": torch.tensor([0.0, float("nan"), 0, 0])}, "it")


def test_settings_beside_the_tensors_are_read_without_their_classes(tmp_path):
    """What training programs leave in a checkpoint; the classes need not even be there."""
    import argparse
    import pathlib
    import sys
    import types

    import numpy as np

    module = types.ModuleType("lightning.fabric.utilities.data")
    made = []

    class AttributeDict(dict):
        def __init__(self, *args, **named):
            made.append(args)
            super().__init__(*args, **named)

    AttributeDict.__module__, AttributeDict.__qualname__ = module.__name__, "AttributeDict"
    module.AttributeDict = AttributeDict
    parents = ["lightning", "lightning.fabric", "lightning.fabric.utilities", module.__name__]
    sys.modules |= {n: module if n == module.__name__ else types.ModuleType(n) for n in parents}
    try:
        settings = {
            "head": "LinearNorm",
            "args": argparse.Namespace(lr=1e-4, out=pathlib.PurePosixPath("a/b")),
            "config": AttributeDict(depth=3),
            "best": np.float64(0.97),
            "seed": np.int64(7),
        }
        content = {"state_dict": {"w": torch.ones(2)}, "hyper_parameters": settings}
        torch.save(content, tmp_path / "m.ckpt")
    finally:
        for name in parents:
            del sys.modules[name]
    made.clear()
    tensors, found = read_checkpoint(tmp_path / "m.ckpt")
    assert torch.equal(tensors["w"], torch.ones(2)) and found["head"] == "LinearNorm"
    assert found["best"] == 0.97 and found["seed"] == 7 and found["config"] == {"depth": 3}
    assert found["args"]["lr"] == 1e-4 and found["args"]["out"] == "a/b" and not made


def test_settings_of_omegaconf_are_read_without_it(tmp_path):
    """As OmegaConf 2.3 pickles a DictConfig: containers and nodes of states; it is not there."""
    import sys
    import types
    from collections import defaultdict

    names = ("omegaconf", "omegaconf.dictconfig", "omegaconf.listconfig", "omegaconf.nodes")
    made = {name: types.ModuleType(name) for name in names}

    def kind(module: str, name: str):
        made[module].__dict__[name] = type(name, (), {"__module__": module})
        return lambda **state: _with(made[module].__dict__[name](), state)

    def _with(thing, state):
        thing.__dict__.update(state)
        return thing

    table, rows = kind(names[1], "DictConfig"), kind(names[2], "ListConfig")
    node = kind(names[3], "AnyNode")
    sys.modules |= made
    try:
        deep = rows(_content=[node(_val=0.9), node(_val=0.99)], _parent=None)
        settings = table(_content={"head": node(_val="LinearNorm"), "betas": deep}, _parent=None)
        beside = defaultdict(list, {"best": [0.5]})
        content = {"state_dict": {"w": torch.ones(2)}, "hyper_parameters": settings, "x": beside}
        torch.save(content, tmp_path / "m.ckpt")
    finally:
        for name in names:
            del sys.modules[name]
    tensors, found = read_checkpoint(tmp_path / "m.ckpt")
    assert torch.equal(tensors["w"], torch.ones(2))
    assert found == {"head": "LinearNorm", "betas": [0.9, 0.99]}


@pytest.mark.parametrize("name", ["state_dict", "model_state_dict", "model", "net", "module"])
def test_tensors_lie_under_the_name_that_a_trainer_gave_them(name, tmp_path):
    torch.save({"epoch": 3, name: {"w": torch.ones(2)}, "optimizer": {}}, tmp_path / "m.pth")
    assert list(read_checkpoint(tmp_path / "m.pth")[0]) == ["w"]


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 1215928160\n",
            "model.safetensors",
            "Git LFS pointer for 1,215,928,160 bytes",
        ),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", "m.ckpt", "LFS pointer"),
        (b"<!DOCTYPE html><html><title>Sign in</title>", "m.ckpt", "is a web page"),
        (b"\n <html lang=en>", "model.safetensors", "is a web page"),
        (b'{"error": "quota exceeded"}', "m.ckpt", "text file"),
    ],
)
def test_what_lies_in_a_weights_files_place_is_named(content, name, said, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ForensicsError, match=said):
        read_tensors(tmp_path / name)


@pytest.mark.parametrize("keep", [0.02, 0.5, 0.99])
def test_half_a_download_says_how_much_is_there(keep, tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"w": torch.randn(4000), "v": torch.randn(9)}, path)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[: int(size * keep)])
    with pytest.raises(ForensicsError, match=f"cut off: {int(size * keep):,} of {size:,} bytes"):
        read_tensors(path)
